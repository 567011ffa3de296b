//! What is installed, wheel by wheel, and for which Python.
//!
//! A [`Lock`] is written as `pylock.toml` (PEP 751) with what only we need below `[tool.fal]`: the Python that the wheels were chosen for
//! and where it has its packages. It is all that has to be known to install them without asking anybody. Nothing of it is trusted:
//! what is read here may be a file of the user's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub mod file_name; // the file name of a wheel → its parts
pub mod pylock; // pylock.toml, as far as it says which wheels there are
pub mod tags; // a Python → which wheels it takes

mod text; // a lock ↔ TOML

/// The file of a lock in the folder that a step writes to.
pub const LOCK_FILE: &str = "pylock.toml";
/// The file that is there instead, with a sentence that says why there is no lock.
pub const WHY_FILE: &str = "why";

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
    /// One wheel for each distribution, by name.
    pub packages: Vec<Package>,
    /// The versions that an image had of some of them, where the wheels were chosen for that image: these are to go, and no others. With
    /// `None`, whatever is there goes.
    pub replaces: Option<BTreeMap<String, String>>,
}

/// A distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name, in the form in which names are compared.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it was asked for, and not only needed by another.
    pub requested: bool,
    /// The file that it is installed from.
    pub wheel: Wheel,
}

/// A wheel that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// The name of the file, which says what it is and whom it fits.
    pub file: String,
    /// Where it is.
    pub url: String,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// How many bytes they are, where that is known.
    pub size: Option<u64>,
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
