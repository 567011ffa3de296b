//! Flags among requirements: what each says, and to whom.

/// Flags that say where distributions come from, or which of them are right: those that `uv pip compile` takes, too.
const WITH_VALUE: [&str; 21] = [
    "-c",
    "--constraint",
    "--constraints",
    "--override",
    "--overrides",
    "-i",
    "--index-url",
    "--extra-index-url",
    "--index",
    "--default-index",
    "--index-strategy",
    "--trusted-host",
    "--prerelease",
    "--resolution",
    "--exclude-newer",
    "--torch-backend",
    "--only-binary",
    "-r",
    "--requirement",
    "--extra",
    "--group",
];

const ALONE: [&str; 4] = ["--pre", "--no-index", "--no-deps", "--all-extras"];

/// Those of them that say where what a build needs comes from.
const OF_BUILDS: [&str; 9] = [
    "-i",
    "--index-url",
    "--extra-index-url",
    "--index",
    "--default-index",
    "--index-strategy",
    "--trusted-host",
    "--exclude-newer",
    "--no-index",
];

/// Flags that say whether modules get byte code; the last of them counts.
const BYTE_CODE: [(&str, bool); 4] = [
    ("--compile-bytecode", true),
    ("--compile", true),
    ("--no-compile-bytecode", false),
    ("--no-compile", false),
];

/// Flags that name a file whose lines are requirements.
pub(super) const FILES: [&str; 3] = ["-r", "--requirement", "--requirements"];

/// The same, but they only say which versions are right.
pub(super) const CONSTRAINTS: [&str; 5] = [
    "-c",
    "--constraint",
    "--constraints",
    "--override",
    "--overrides",
];

/// Flags as `uv pip compile` takes them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) passed: Vec<String>,
    /// Requirements files.
    pub(super) files: Vec<String>,
    /// What is no flag: requirements.
    pub(super) items: Vec<String>,
    /// Whether modules get byte code: of that `uv pip compile` knows nothing.
    pub(super) byte_code: bool,
}

impl Flags {
    pub(super) fn of(arguments: &[String]) -> Result<Self, String> {
        let mut flags = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if !argument.starts_with('-') {
                flags.items.push(argument.clone());
                continue;
            }
            if let Some((_, wanted)) = BYTE_CODE.iter().find(|(flag, _)| flag == argument) {
                flags.byte_code = *wanted;
                continue;
            }
            let value = WITH_VALUE
                .contains(&argument.as_str())
                .then(|| arguments.next());
            match value.flatten() {
                Some(file) if FILES.contains(&argument.as_str()) => flags.files.push(file.clone()),
                Some(value) => flags.passed.extend([argument.clone(), value.clone()]),
                None if ALONE.contains(&argument.as_str()) => flags.passed.push(argument.clone()),
                None => return Err(format!("{argument} is only known to the installer")),
            }
        }
        Ok(flags)
    }

    /// All requirements files, and those of constraints.
    pub(super) fn lists(&self) -> impl Iterator<Item = &String> {
        let pairs = self.passed.windows(2);
        let constraints = pairs.filter(|pair| CONSTRAINTS.contains(&pair[0].as_str()));
        self.files.iter().chain(constraints.map(|pair| &pair[1]))
    }

    /// Those that a build needs, those in requirements files too.
    pub(super) fn of_builds(&self, lists: &[String]) -> Result<Vec<String>, String> {
        let in_lists = lists.iter().flat_map(|text| text.lines()).map(str::trim);
        let words: Vec<&str> = in_lists
            .filter(|line| line.starts_with('-'))
            .filter_map(|line| line.split(" #").next())
            .flat_map(|line| line.splitn(2, [' ', '\t', '=']))
            .map(str::trim)
            .collect();
        let is_folder = |word: &&str| matches!(*word, "-f" | "--find-links");
        if words.iter().any(is_folder) {
            return Err("a requirements file says --find-links, and something is built".to_owned());
        }
        let all = self.passed.iter().map(String::as_str).chain(words);
        let mut all = all.skip_while(|word| !word.starts_with('-')).peekable();
        let mut found: Vec<String> = Vec::new();
        while let Some(flag) = all.next() {
            let value = all.next_if(|word| !word.starts_with('-'));
            if OF_BUILDS.contains(&flag) {
                found.extend([flag].into_iter().chain(value).map(str::to_owned));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_that_both_commands_take() {
        let read = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
            Flags::of(&arguments)
        };
        let flags = read(&[
            "numpy",
            "-r",
            "/c/r.txt",
            "--index-url",
            "https://h",
            "--pre",
        ]);
        let flags = flags.expect("flags");
        assert_eq!(flags.passed, ["--index-url", "https://h", "--pre"]);
        assert_eq!(flags.files, ["/c/r.txt"]);
        assert_eq!(flags.items, ["numpy"]);
        for (arguments, byte_code) in [
            (&["--pre"][..], false),
            (&["--compile-bytecode"], true),
            (&["--compile", "--no-compile-bytecode"], false),
            (&["--no-compile", "--compile"], true),
        ] {
            let flags = read(arguments).expect("flags");
            assert_eq!(flags.byte_code, byte_code, "{arguments:?}");
            assert!(!flags.passed.iter().any(|flag| flag.contains("compile")));
        }
        for (arguments, named) in [
            (&["--no-binary", "numpy"][..], "--no-binary"),
            (&["--reinstall"], "--reinstall"),
        ] {
            let why = read(arguments).expect_err(named);
            assert!(why.contains(named), "{why}");
        }
    }

    #[test]
    fn a_build_gets_what_says_where_things_are() {
        let flags = Flags {
            passed: ["--pre", "-c", "/c/c.txt", "--no-index", "-i", "https://h"]
                .map(str::to_owned)
                .to_vec(),
            files: vec!["/c/r.txt".to_owned()],
            items: Vec::new(),
            byte_code: false,
        };
        let lists = flags.lists().cloned().collect::<Vec<_>>();
        assert_eq!(lists, ["/c/r.txt", "/c/c.txt"]);
        let text = "-r b.txt\n--extra-index-url=https://o/?a=b # c\nnumpy --hash=sha256:00\n";
        let found = flags.of_builds(&[text.to_owned()]).expect("flags");
        let want = [
            "--no-index",
            "-i",
            "https://h",
            "--extra-index-url",
            "https://o/?a=b",
        ];
        assert_eq!(found, want);
        let why = flags.of_builds(&["--find-links w\n".to_owned()]);
        assert!(why.is_err_and(|why| why.contains("--find-links")));
    }
}
