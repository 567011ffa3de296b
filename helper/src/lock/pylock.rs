//! `pylock.toml`, as far as it says which wheels there are: a table for serde, each field as PEP 751 names it.
//!
//! Whoever wrote the file decided what is in it for whom; here only the wheel is chosen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::file_name::FileName;
use super::tags::Tags;
use super::{Package, Wheel};
use crate::python::dist_info::normalise;

/// The file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pylock {
    /// The version of the format.
    pub lock_version: String,
    /// Who wrote it.
    pub created_by: String,
    /// What is locked.
    #[serde(default)]
    pub packages: Vec<Entry>,
}

/// One distribution of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its version, unless it is built from what may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it can be installed from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wheels: Vec<File>,
}

/// One wheel of a distribution.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct File {
    /// Its name, if that is not the end of its URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How many bytes it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its hashes, by their algorithms.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hashes: BTreeMap<String, String>,
}

/// Why a distribution cannot be installed from a wheel that is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoWheel {
    /// The file does not have it.
    Absent,
    /// There is none for this Python.
    NoneFits,
    /// The one that fits has no URL that can be fetched without asking anybody.
    NoUrl(String),
    /// The one that fits has no SHA-256.
    NoHash(String),
}

impl Pylock {
    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pylock: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        match pylock.lock_version.split('.').next() {
            Some("1") => Ok(pylock),
            _ => Err(format!(
                "its lock-version is {}; 1.0 is known",
                pylock.lock_version
            )),
        }
    }

    /// The wheels of distributions, by what they are called in the form in which names are compared.
    pub fn by_name(&self) -> BTreeMap<String, Vec<&Entry>> {
        let mut entries: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
        for entry in &self.packages {
            entries
                .entry(normalise(&entry.name))
                .or_default()
                .push(entry);
        }
        entries
    }
}

/// The wheel that a Python takes of one version, out of what a file has of its name.
pub fn choose(
    entries: &[&Entry],
    name: &str,
    version: &str,
    tags: &Tags,
) -> Result<Package, NoWheel> {
    let same = |entry: &&&Entry| entry.version.as_deref() == Some(version);
    let entry = entries.iter().find(same).ok_or(NoWheel::Absent)?;
    let fitting = entry.wheels.iter().filter_map(|file| {
        let name = file.file_name()?;
        let fit = tags.fit(&FileName::parse(&name)?)?;
        Some((fit, name, file))
    });
    let best = fitting.min_by(|(one, ..), (other, ..)| one.cmp(other));
    let (_, file_name, file) = best.ok_or(NoWheel::NoneFits)?;
    let url = file.url.clone().filter(|url| is_open(url));
    let url = url.ok_or_else(|| NoWheel::NoUrl(file_name.clone()))?;
    let sha256 = file.hashes.get("sha256").filter(|it| is_sha256(it));
    let sha256 = sha256.ok_or_else(|| NoWheel::NoHash(file_name.clone()))?;
    Ok(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        requested: false,
        wheel: Wheel {
            file: file_name,
            url,
            sha256: sha256.clone(),
            size: file.size,
        },
    })
}

impl File {
    /// What the file is called.
    fn file_name(&self) -> Option<String> {
        let of_url = || {
            let url = self.url.as_deref()?;
            let path = url.split(['?', '#']).next()?;
            Some(decoded(path.rsplit('/').next()?))
        };
        self.name.clone().or_else(of_url)
    }
}

/// Whether a URL can be fetched as it stands: it has no credential in it.
fn is_open(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The text of a part of a URL: `%2B` is `+`. What is no such sequence stays.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        let escaped = more.get(..2).filter(|_| first == b'%');
        let value = escaped
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.unwrap_or(first));
        rest = match value {
            Some(_) => more.get(2..).unwrap_or_default(),
            None => more,
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tags::{Interpreter, Libc};
    use super::*;

    fn tags() -> Tags {
        Tags::of(&Interpreter {
            minor: 11,
            abi: "cp311".to_owned(),
            machine: "x86_64".to_owned(),
            libc: Libc::Glibc(2, 36),
        })
    }

    #[test]
    fn the_wheel_of_a_distribution_is_chosen_or_it_is_said_why_not() {
        let text = format!(
            r#"
lock-version = "1.0"
created-by = "somebody"
[[packages]]
name = "Torch"
version = "2.6.0+cu124"
wheels = [
  {{ url = "https://h/a/torch-2.6.0%2Bcu124-cp310-cp310-linux_x86_64.whl", hashes = {{ sha256 = "{hash}" }} }},
  {{ url = "https://h/a/torch-2.6.0%2Bcu124-cp311-cp311-linux_x86_64.whl", size = 7, hashes = {{ sha256 = "{hash}" }} }},
]
[[packages]]
name = "private"
version = "1"
wheels = [{{ name = "private-1-py3-none-any.whl", url = "https://u:p@h/x", hashes = {{ sha256 = "{hash}" }} }}]
[[packages]]
name = "weak"
version = "1"
wheels = [{{ url = "https://h/weak-1-py3-none-any.whl", hashes = {{ md5 = "00" }} }}]
[[packages]]
name = "source"
version = "1"
sdist = {{ url = "https://h/source-1.tar.gz" }}
"#,
            hash = "0".repeat(64)
        );
        let pylock = Pylock::parse(&text).expect("a lock");
        let by_name = pylock.by_name();
        let choose = |name: &str, version: &str| {
            let entries = by_name.get(name).map(Vec::as_slice).unwrap_or_default();
            choose(entries, name, version, &tags())
        };
        let torch = choose("torch", "2.6.0+cu124").expect("a wheel");
        assert_eq!(
            torch.wheel.file,
            "torch-2.6.0+cu124-cp311-cp311-linux_x86_64.whl"
        );
        assert_eq!(torch.wheel.size, Some(7));
        for (name, version, why) in [
            ("torch", "2.7", NoWheel::Absent),
            ("none", "1", NoWheel::Absent),
            ("source", "1", NoWheel::NoneFits),
            (
                "private",
                "1",
                NoWheel::NoUrl("private-1-py3-none-any.whl".to_owned()),
            ),
            (
                "weak",
                "1",
                NoWheel::NoHash("weak-1-py3-none-any.whl".to_owned()),
            ),
        ] {
            assert_eq!(choose(name, version), Err(why), "{name}");
        }
    }

    #[test]
    fn another_format_is_told() {
        let error = Pylock::parse("lock-version = \"2.0\"\ncreated-by = \"x\"\n").expect_err("2.0");
        assert!(error.contains("2.0"), "{error}");
        assert!(Pylock::parse("packages = 1").is_err());
    }
}
