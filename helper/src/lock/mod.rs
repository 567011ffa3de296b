//! What is installed, wheel by wheel, and for which Python.
//!
//! A [`Lock`] is written as `pylock.toml` (PEP 751) with what only we need below `[tool.fal]`: the Python that the wheels were chosen for
//! and where it has its packages. It is all that has to be known to install them without asking anybody. Nothing of it is trusted:
//! what is read here may be a file of the user's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::requirements::CONTEXT;

pub mod file_name; // the file name of a wheel → its parts
pub mod pylock; // pylock.toml, as far as it says which wheels there are
pub mod tags; // a Python → which wheels it takes

mod text; // a lock ↔ TOML

/// The file of a lock in the folder that a step writes to.
pub const LOCK_FILE: &str = "pylock.toml";
/// The file that is there instead, with a sentence that says why there is no lock.
pub const WHY_FILE: &str = "why";
/// The same where the image that was asked lacks something, such as the Python: one that has more in it may have it.
pub const LACKING_FILE: &str = "lacking";

/// The kinds of files that say what is installed, each by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `pylock.toml` or `pylock.NAME.toml` (PEP 751).
    Pylock,
    /// `uv.lock`, beside the `pyproject.toml` that it belongs to.
    Uv,
}

impl Kind {
    /// The kind of a file.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_word = |name: &str| !name.is_empty() && !name.contains('.');
        let between = |name: &str| {
            let name = name.strip_prefix("pylock.")?.strip_suffix(".toml")?;
            is_word(name).then_some(())
        };
        match name {
            "uv.lock" => Some(Self::Uv),
            "pylock.toml" => Some(Self::Pylock),
            name => between(name).map(|()| Self::Pylock),
        }
    }
}

/// What is installed, and for which Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The Python that it is for.
    pub target: Target,
    /// One for each distribution, by name.
    pub packages: Vec<Package>,
    /// The versions that an image had of some of them, where the wheels were chosen for that image: these are to go, and no others. With
    /// `None`, whatever is there goes.
    pub replaces: Option<BTreeMap<String, String>>,
    /// Flags for whoever builds those that are no wheels: where what they need for that comes from.
    pub build_flags: Vec<String>,
    /// Whether the modules get byte code, and on what it is made.
    pub byte_code: Option<ByteCode>,
}

/// What the Python is in that makes byte code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByteCode {
    /// In the image that FROM names: the byte code is made while the other steps run, and stays when they change.
    Base,
    /// Only in what becomes of it.
    Image,
}

/// A distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name, in the form in which names are compared.
    pub name: String,
    /// Its version; empty where it is built from what may change, and nobody knows it before.
    pub version: String,
    /// Whether it was asked for, and not only needed by another.
    pub requested: bool,
    /// What it is installed from.
    pub source: Source,
}

/// What a distribution is installed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A wheel of an index.
    Wheel(File),
    /// A source distribution of an index.
    Sdist(File),
    /// A wheel or a source distribution at a URL that was asked for.
    Archive(File),
    /// A repository.
    Git(Git),
    /// A project of the context: its folder, which is empty for the context itself.
    Directory(String),
}

/// A file that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name: that of a wheel says what it is and whom it fits.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// How many bytes they are, where that is known.
    pub size: Option<u64>,
}

/// A repository at a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Git {
    /// Where it is, without `git+`.
    pub url: String,
    /// The commit.
    pub commit: String,
    /// The branch, tag or commit that was asked for, if any was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// The folder in it that the project is in; empty is its top.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subdirectory: String,
}

impl Package {
    /// The wheel that it is installed from, if that is fetched rather than built.
    pub fn wheel(&self) -> Option<&File> {
        self.source.file().filter(|_| !self.source.is_built())
    }

    /// What the steps call its wheel: the name of the file or, where that is built and so has none yet, `NAME==VERSION`, or `NAME` alone.
    pub fn wheel_name(&self) -> String {
        match (self.wheel(), self.version.as_str()) {
            (Some(file), _) => file.name.clone(),
            (None, "") => self.name.clone(),
            (None, version) => format!("{}=={version}", self.name),
        }
    }

    /// The package as a person names it.
    pub fn shown(&self) -> String {
        format!("{} {}", self.name, self.version)
            .trim_end()
            .to_owned()
    }
}

impl Source {
    /// The file that is fetched for it.
    pub fn file(&self) -> Option<&File> {
        match self {
            Self::Wheel(file) | Self::Sdist(file) | Self::Archive(file) => Some(file),
            Self::Git(_) | Self::Directory(_) => None,
        }
    }

    /// The same, to be completed.
    pub fn file_mut(&mut self) -> Option<&mut File> {
        match self {
            Self::Wheel(file) | Self::Sdist(file) | Self::Archive(file) => Some(file),
            Self::Git(_) | Self::Directory(_) => None,
        }
    }

    /// Whether a wheel has to be built from it.
    pub fn is_built(&self) -> bool {
        match self {
            Self::Wheel(_) => false,
            Self::Archive(file) => !file.name.ends_with(".whl"),
            Self::Sdist(_) | Self::Git(_) | Self::Directory(_) => true,
        }
    }

    /// What `direct_url.json` holds (PEP 610), in the order in which uv writes it; nothing for what an index has.
    pub fn direct_url(&self) -> Option<Value> {
        let (url, kind, info, subdirectory) = match self {
            Self::Wheel(_) | Self::Sdist(_) => return None,
            Self::Archive(file) => (file.url.clone(), "archive_info", json!({}), ""),
            Self::Git(git) => {
                let mut info = json!({ "vcs": "git", "commit_id": git.commit });
                if let Some(requested) = &git.requested {
                    info["requested_revision"] = json!(requested);
                }
                (git.url.clone(), "vcs_info", info, git.subdirectory.as_str())
            }
            Self::Directory(path) => {
                let url = format!("file://{}", in_context(path));
                (url, "dir_info", json!({}), "")
            }
        };
        let mut record = json!({ "url": url });
        record[kind] = info;
        if !subdirectory.is_empty() {
            record["subdirectory"] = json!(subdirectory);
        }
        Some(record)
    }
}

/// Where steps have a path of the context.
pub fn in_context(path: &str) -> String {
    match path {
        "" => CONTEXT.to_owned(),
        path => format!("{CONTEXT}/{path}"),
    }
}

/// A Python that wheels are installed for, and where it has what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Target {
    /// What starts it: the first line of its scripts.
    pub executable: String,
    /// Its full version, `3.11.2`.
    pub version: String,
    /// Which wheels it takes.
    pub interpreter: tags::Interpreter,
    /// The folder of packages without machine code, without links on the way.
    pub purelib: String,
    /// The folder of packages with machine code, without links on the way.
    pub platlib: String,
    /// The folder of programs.
    pub scripts: String,
    /// What data files are relative to.
    pub data: String,
    /// The folder of header files.
    pub headers: String,
    /// The folders above those of packages, from the top.
    pub parents: Vec<Folder>,
}

/// A folder of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// Where it is.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_is_known_by_its_name() {
        for (path, want) in [
            ("pylock.toml", Some(Kind::Pylock)),
            ("./a/pylock.gpu.toml", Some(Kind::Pylock)),
            ("/opt/uv.lock", Some(Kind::Uv)),
            ("pylock..toml", None),
            ("pylock.a.b.toml", None),
            ("my-pylock.toml", None),
            ("uv.lock.txt", None),
            ("", None),
        ] {
            assert_eq!(Kind::of(path), want, "{path}");
        }
    }
}
