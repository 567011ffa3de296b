//! The file name of a wheel: the binary distribution format, section "File name convention".

/// A file name of more bytes is none: file systems take no longer ones.
const LONGEST: usize = 255;

/// The parts of a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The distribution, as the file has it.
    pub name: String,
    /// Its version.
    pub version: String,
    build: Option<(u64, String)>,
    pythons: String,
    abis: String,
    platforms: String,
}

impl FileName {
    /// Reads `NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl`.
    pub fn parse(file: &str) -> Option<Self> {
        let parts: Vec<&str> = file.strip_suffix(".whl")?.split('-').collect();
        if file.len() > LONGEST {
            return None;
        }
        let (name, version, build, tags) = match *parts.as_slice() {
            [name, version, python, abi, platform] => {
                (name, version, None, [python, abi, platform])
            }
            [name, version, build, python, abi, platform] => {
                let digits = build.bytes().take_while(u8::is_ascii_digit).count();
                let (number, rest) = build.split_at(digits);
                let build = (number.parse().ok()?, rest.to_owned());
                (name, version, Some(build), [python, abi, platform])
            }
            _ => return None,
        };
        let is_word = |text: &&str| {
            let allowed = |letter: char| letter.is_alphanumeric() || "._+!".contains(letter);
            !text.is_empty() && text.chars().all(allowed)
        };
        let is_right = [name, version].iter().chain(&tags).all(is_word);
        let [pythons, abis, platforms] = tags.map(str::to_owned);
        is_right.then(|| Self {
            name: name.to_owned(),
            version: version.to_owned(),
            build,
            pythons,
            abis,
            platforms,
        })
    }

    /// Every tag that the name stands for: parts with dots are several.
    pub fn tags(&self) -> impl Iterator<Item = [String; 3]> {
        let all = self.pythons.split('.').flat_map(move |python| {
            let abis = self.abis.split('.');
            abis.flat_map(move |abi| {
                let platforms = self.platforms.split('.');
                platforms.map(move |platform| [python, abi, platform])
            })
        });
        all.map(|tag| tag.map(str::to_owned))
    }

    /// The build number; a wheel without one comes before all that have one.
    pub(super) fn build(&self) -> (u64, String) {
        self.build.clone().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_five_or_six_parts() {
        let wheel = FileName::parse("Foo_bar-1.0.post1-2b-py2.py3-none-any.whl").expect("a wheel");
        assert_eq!(
            (wheel.name.as_str(), wheel.version.as_str()),
            ("Foo_bar", "1.0.post1")
        );
        assert_eq!(wheel.build(), (2, "b".to_owned()));
        let tags: Vec<String> = wheel.tags().map(|tag| tag.join("-")).collect();
        assert_eq!(tags, ["py2-none-any", "py3-none-any"]);
        for none in [
            "",
            "a.whl",
            "a-1.whl",
            "a-1-py3-none-any.tar.gz",
            "a-1-b-py3-none-any.whl",
            "a-1-1-2-py3-none-any.whl",
            "a/b-1-py3-none-any.whl",
            "-1-py3-none-any.whl",
        ] {
            assert_eq!(FileName::parse(none), None, "{none}");
        }
    }
}
