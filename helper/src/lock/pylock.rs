//! `pylock.toml`, as far as it says which wheels there are: a table for serde, each field as PEP 751 names it.
//!
//! Whoever wrote the file decided what is in it for whom; here only the wheel is chosen, or what it is built from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::file_name::FileName;
use super::tags::Tags;
use super::{Git, Package, Source};
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

/// One distribution of a file. It has wheels, a source distribution or both, or one of the others.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its version, unless it is built from what may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The repository that it is built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcs: Option<Vcs>,
    /// The folder that it is built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,
    /// The file that it is installed or built from, whatever that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<File>,
    /// The source distribution of an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdist: Option<File>,
    /// The wheels of an index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wheels: Vec<File>,
}

/// A repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Vcs {
    /// Which program asks it.
    pub r#type: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_revision: Option<String>,
    /// What it is.
    pub commit_id: String,
    /// The folder of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<String>,
}

/// A folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Directory {
    /// Where it is, from the folder that the file is in.
    pub path: String,
    /// Whether it is not to be built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub editable: Option<bool>,
    /// The folder of the project below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<String>,
}

/// One file of a distribution.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
    /// The folder of the project, of an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<String>,
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

/// What a Python takes of one version, out of what a file has of its name: a wheel if there is one that fits.
pub fn choose(
    entries: &[&Entry],
    name: &str,
    version: &str,
    tags: &Tags,
) -> Result<Package, NoWheel> {
    // What has no version is there once.
    let same = |entry: &&&Entry| entry.version.as_deref().is_none_or(|it| it == version);
    let entry = entries.iter().find(same).ok_or(NoWheel::Absent)?;
    Ok(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        requested: false,
        source: source(entry, tags)?,
    })
}

fn source(entry: &Entry, tags: &Tags) -> Result<Source, NoWheel> {
    if let Some(vcs) = &entry.vcs {
        return git(vcs);
    }
    if let Some(directory) = &entry.directory {
        let path = Some(directory.path.trim_end_matches('/'));
        let path = path.map(|path| path.strip_prefix("./").unwrap_or(path));
        let path = path.map(|path| if path == "." { "" } else { path });
        let path = path.filter(|path| is_below(path) && directory.subdirectory.is_none());
        let path = path.ok_or_else(|| NoWheel::NoUrl(directory.path.clone()))?;
        return Ok(Source::Directory(path.to_owned()));
    }
    if let Some(archive) = &entry.archive {
        let name = archive.file_name().ok_or(NoWheel::NoneFits)?;
        let fits = FileName::parse(&name).is_some_and(|name| tags.fit(&name).is_some());
        if name.ends_with(".whl") && !fits || archive.subdirectory.is_some() {
            return Err(NoWheel::NoneFits);
        }
        return Ok(Source::Archive(file(archive, name)?));
    }
    let fitting = entry.wheels.iter().filter_map(|file| {
        let name = file.file_name()?;
        let fit = tags.fit(&FileName::parse(&name)?)?;
        Some((fit, name, file))
    });
    let best = fitting.min_by(|(one, ..), (other, ..)| one.cmp(other));
    if let Some((_, name, found)) = best {
        return Ok(Source::Wheel(file(found, name)?));
    }
    let sdist = entry.sdist.as_ref().ok_or(NoWheel::NoneFits)?;
    let name = sdist.file_name().ok_or(NoWheel::NoneFits)?;
    Ok(Source::Sdist(file(sdist, name)?))
}

fn git(vcs: &Vcs) -> Result<Source, NoWheel> {
    let url = vcs.url.as_deref().unwrap_or_default();
    let subdirectory = vcs.subdirectory.clone().unwrap_or_default();
    let commit = &vcs.commit_id;
    let is_commit =
        matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_fetched = vcs.r#type == "git" && is_open(url) && is_commit && is_below(&subdirectory);
    match is_fetched {
        true => Ok(Source::Git(Git {
            url: url.to_owned(),
            commit: commit.clone(),
            requested: vcs.requested_revision.clone(),
            subdirectory,
        })),
        false => Err(NoWheel::NoUrl(url.to_owned())),
    }
}

fn file(found: &File, name: String) -> Result<super::File, NoWheel> {
    // It is the name of a file in a step.
    if name.contains('/') || name.starts_with(['.', '-']) || name.contains(char::is_control) {
        return Err(NoWheel::NoneFits);
    }
    let url = found.url.clone().filter(|url| is_open(url));
    let url = url.ok_or_else(|| NoWheel::NoUrl(name.clone()))?;
    let sha256 = found.hashes.get("sha256").filter(|it| is_sha256(it));
    let sha256 = sha256.ok_or_else(|| NoWheel::NoHash(name.clone()))?;
    Ok(super::File {
        name,
        url,
        sha256: sha256.clone(),
        size: found.size,
    })
}

/// A package as a file has it.
pub fn entry(package: &Package) -> Entry {
    let is_said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let file = |file: &super::File| File {
        // An archive has no name of its own.
        name: Some(file.name.clone()).filter(|_| !matches!(package.source, Source::Archive(_))),
        url: Some(file.url.clone()),
        size: file.size,
        subdirectory: None,
        hashes: BTreeMap::from([("sha256".to_owned(), file.sha256.clone())]),
    };
    let mut entry = Entry {
        name: package.name.clone(),
        version: Some(package.version.clone()),
        ..Entry::default()
    };
    match &package.source {
        Source::Wheel(it) => entry.wheels = vec![file(it)],
        Source::Sdist(it) => entry.sdist = Some(file(it)),
        Source::Archive(it) => entry.archive = Some(file(it)),
        Source::Git(git) => {
            entry.vcs = Some(Vcs {
                r#type: "git".to_owned(),
                url: Some(git.url.clone()),
                requested_revision: git.requested.clone(),
                commit_id: git.commit.clone(),
                subdirectory: is_said(&git.subdirectory),
            });
        }
        Source::Directory(path) => {
            // What may change has no version in such a file.
            entry.version = None;
            entry.directory = Some(Directory {
                path: is_said(path).unwrap_or_else(|| ".".to_owned()),
                editable: None,
                subdirectory: None,
            });
        }
    }
    entry
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

/// Whether it is a path that begins and stays where it is looked for.
fn is_below(path: &str) -> bool {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    path.is_empty() || (path.split('/').all(is_plain) && !path.contains(char::is_control))
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The text of a part of a URL: `%2B` is `+`. What is no such sequence stays.
pub(crate) fn decoded(part: &str) -> String {
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
        let file = torch.wheel().expect("a wheel");
        assert_eq!(file.name, "torch-2.6.0+cu124-cp311-cp311-linux_x86_64.whl");
        assert_eq!(file.size, Some(7));
        for (name, version, why) in [
            ("torch", "2.7", NoWheel::Absent),
            ("none", "1", NoWheel::Absent),
            ("source", "1", NoWheel::NoHash("source-1.tar.gz".to_owned())),
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
