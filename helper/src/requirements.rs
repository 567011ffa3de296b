//! What the frontend asks of the step that installs one layer of requirements.
//!
//! One JSON text, given as an argument: it is part of the step's cache key, and of nothing secret. Where an argument needs a
//! secret it says `${NAME}`; the value is a file of the step's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::python::Minor;
use crate::request::{self, Image, Request};

/// The only version there is.
pub const VERSION: u32 = 1;

/// Where a step has what it needs of the context. Arguments that are paths there begin with it.
pub const CONTEXT: &str = "/.fal-context";

/// The file with what a step has left, where there is something.
pub const SAID_FILE: &str = "said";

/// How the names begin of the files in which steps leave why they failed.
pub(crate) const SAID_START: &str = "said-";

/// A layer of requirements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// [`VERSION`]
    pub version: u32,
    /// Who installs.
    pub resolver: Resolver,
    /// The minor version that the app is pickled with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<Minor>,
    /// As the installer takes them.
    pub arguments: Vec<String>,
    /// The folder below [`CONTEXT`] in which relative paths begin; empty is the context itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub folder: String,
    /// Whether what comes from the context is built, and so has to be where it can be written to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub builds: bool,
    /// The names of `${NAME}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// What is there already and stays, as `name==version`: for a step that only finds out what would be installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// The commits of repositories that files name by a branch, so that the step runs again when it moves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub commits: BTreeMap<String, String>,
    /// Facts of the image's config.
    pub image: Image,
}

/// Who installs requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolver {
    /// uv, the image's or one that is fetched.
    Uv,
    /// pip, the image's or Python's own.
    Pip,
}

impl Requirements {
    /// The argument of the step.
    pub fn to_argument(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the argument of the step.
    pub fn from_argument(argument: &str) -> Result<Self, String> {
        let wanted: Self = serde_json::from_str(argument).map_err(|error| error.to_string())?;
        if wanted.version != VERSION {
            return Err(format!(
                "this helper reads requirements of version {VERSION}, not {}",
                wanted.version
            ));
        }
        match wanted.secrets.iter().find(|name| !is_name(name)) {
            Some(name) => Err(format!("`{name}` is not the name of a secret")),
            None => Ok(wanted),
        }
    }

    /// The name of the file in which the step leaves why it failed, for whoever asks next.
    pub fn said(&self) -> String {
        said(&self.to_argument())
    }

    /// What is asked of a look before the step and, if nothing is to be looked at but the Python, behind it.
    pub fn look(&self) -> Request {
        Request {
            version: request::VERSION,
            mode: request::Mode::App,
            curl: request::Curl::None,
            runtime: request::Runtime::None,
            python: self.python,
            python_range: String::new(),
            packages: Vec::new(),
            image: self.image.clone(),
        }
    }
}

/// The name of the file in which a step with this argument leaves why it failed.
pub(crate) fn said(argument: &str) -> String {
    format!("{SAID_START}{}", digits(argument))
}

/// What tells one text from others in the name of a file.
pub(crate) fn digits(text: &str) -> String {
    let digest = Sha256::digest(text);
    let start = digest.iter().take(16);
    start.map(|byte| format!("{byte:02x}")).collect()
}

/// Whether it is the name of a file in a folder.
pub(crate) fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains('/') && !name.contains(char::is_control)
}

/// Whether `${…}` can hold it.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_is_canonical() {
        let mut wanted = Requirements {
            version: VERSION,
            resolver: Resolver::Uv,
            python: None,
            arguments: vec!["numpy".to_owned()],
            folder: String::new(),
            builds: false,
            secrets: Vec::new(),
            constraints: Vec::new(),
            commits: BTreeMap::new(),
            image: Image::from_env([("PATH", "/bin")], "", "/"),
        };
        let argument = wanted.to_argument();
        assert_eq!(
            argument,
            r#"{"version":1,"resolver":"uv","arguments":["numpy"],"image":{"path":"/bin"}}"#
        );
        assert_eq!(Requirements::from_argument(&argument), Ok(wanted.clone()));
        wanted.secrets = vec!["../x".to_owned()];
        let error = Requirements::from_argument(&wanted.to_argument()).expect_err("no name");
        assert!(error.contains("../x"), "{error}");
    }
}
