//! What the frontend asks of the step that builds a wheel.
//!
//! One JSON text, given as an argument: it is part of the step's cache key. Knows one distribution, and nothing of the others that it is
//! installed with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lock::Git;
use crate::python::Minor;
use crate::request::Image;
use crate::requirements::{self, Requirements, Resolver, is_file_name};

/// The only version there is.
pub const VERSION: u32 = 1;

/// A distribution of which a wheel is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// [`VERSION`]
    pub version: u32,
    /// What has to come of it: `NAME==VERSION`, or `NAME` alone.
    pub wheel: String,
    /// What it is built from.
    pub from: From,
    /// Where what that needs comes from, as flags of uv.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// The minor version of the Python that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<Minor>,
    /// Facts of the image's config.
    pub image: Image,
}

/// What a wheel is built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// This file of the folder that the step has.
    File(String),
    /// That folder itself.
    Folder,
    /// A repository, which the step asks itself.
    Git(Git),
}

impl Build {
    /// The argument of the step.
    pub fn to_argument(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the argument of the step.
    pub fn from_argument(argument: &str) -> Result<Self, String> {
        let wanted: Self = serde_json::from_str(argument).map_err(|error| error.to_string())?;
        if wanted.version != VERSION {
            return Err(format!(
                "this helper builds wheels by requests of version {VERSION}, not {}",
                wanted.version
            ));
        }
        match &wanted.from {
            From::File(name) if !is_file_name(name) => {
                Err(format!("`{name}` is not the name of a file"))
            }
            _ => Ok(wanted),
        }
    }

    /// The name of the file in which the step leaves why it failed, for whoever asks next.
    pub fn said(&self) -> String {
        requirements::said(&self.to_argument())
    }

    /// The same as requirements: whose Python it is for, and who brings what it takes.
    pub(crate) fn requirements(&self) -> Requirements {
        Requirements {
            version: requirements::VERSION,
            resolver: Resolver::Uv,
            python: self.python,
            arguments: self.flags.clone(),
            folder: String::new(),
            builds: false,
            secrets: Vec::new(),
            constraints: Vec::new(),
            commits: BTreeMap::new(),
            image: self.image.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_is_canonical() {
        let mut wanted = Build {
            version: VERSION,
            wheel: "demo==1.0".to_owned(),
            from: From::Folder,
            flags: Vec::new(),
            python: None,
            image: Image::from_env([("PATH", "/bin")], "", "/"),
        };
        let argument = wanted.to_argument();
        assert_eq!(
            argument,
            r#"{"version":1,"wheel":"demo==1.0","from":"folder","image":{"path":"/bin"}}"#
        );
        assert_eq!(Build::from_argument(&argument), Ok(wanted.clone()));
        for name in ["../x", "", ".."] {
            wanted.from = From::File(name.to_owned());
            let error = Build::from_argument(&wanted.to_argument()).expect_err("no name");
            assert!(error.contains(name), "{error}");
        }
    }
}
