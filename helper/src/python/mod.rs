//! The Python that fal will run, found without starting it.
//!
//! Takes a root and what the image's config says; gives the interpreter, its prefix, the directories of its `sys.path`, and
//! what is installed there. Rests on how CPython itself finds these (`Modules/getpath.py`, `Lib/site.py`), with the
//! changes that Debian and Fedora make to them.

pub mod dist_info; // directories → what is installed
pub mod find; // PATH → the interpreter that fal will run
pub mod interpreter; // one executable → prefix, version, kind
pub mod platform; // one executable → machine, C library
pub mod site; // prefix → the directories that `import` looks in
pub mod version; // PEP 440

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version of the language, such as `3.11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Minor {
    /// `3`
    pub major: u16,
    /// `11`
    pub minor: u16,
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Minor {
    type Err = NotAMinor;

    fn from_str(text: &str) -> Result<Self, NotAMinor> {
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let canonical = plain && (text == "0" || !text.starts_with('0'));
            canonical.then(|| text.parse().ok()).flatten()
        };
        text.split_once('.')
            .and_then(|(major, minor)| {
                Some(Self {
                    major: number(major)?,
                    minor: number(minor)?,
                })
            })
            .ok_or_else(|| NotAMinor(text.to_owned()))
    }
}

impl TryFrom<String> for Minor {
    type Error = NotAMinor;

    fn try_from(text: String) -> Result<Self, NotAMinor> {
        text.parse()
    }
}

impl From<Minor> for String {
    fn from(minor: Minor) -> Self {
        minor.to_string()
    }
}

/// What is not a minor version of Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAMinor(String);

impl fmt::Display for NotAMinor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a minor version of Python such as 3.11",
            self.0
        )
    }
}

impl std::error::Error for NotAMinor {}
