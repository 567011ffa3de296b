//! What the frontend asks of the steps.
//!
//! One JSON text, given to `look` as an argument and handed on in its report. It is part of the step's cache key: equal
//! options give equal bytes, and nothing in it is secret (of the image's ENV only the search paths).

use serde::{Deserialize, Serialize};

use crate::python::Minor;
use crate::python::version::{Range, Unreadable};

/// The only version there is.
pub const VERSION: u32 = 1;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// [`VERSION`]
    pub version: u32,
    /// What runs in the image.
    pub mode: Mode,
    /// What to do about curl.
    pub curl: Curl,
    /// What to do about the packages.
    pub runtime: Runtime,
    /// The minor version that the app is pickled with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<Minor>,
    /// The versions of Python that fal's own packages run on, such as `>=3.10` (PEP 440); empty takes any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub python_range: String,
    /// What must be installed, in the order in which it is reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// Facts of the image's config.
    pub image: Image,
}

/// What runs in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A `fal.App`: Python is needed.
    App,
    /// A server of its own: nothing Python is looked at.
    Server,
}

/// What to do when there is no curl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Curl {
    /// Install it with the image's package manager.
    Auto,
    /// Stop.
    Verify,
    /// Nothing.
    None,
    /// Copy a static one from another image.
    Image,
}

/// What to do when a package is missing or outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Install those. The ranges are fal's.
    Auto,
    /// Install those. `fal` is one of the packages.
    Sdk,
    /// Install those. The ranges are exact versions.
    Pins,
    /// Stop.
    Verify,
    /// Nothing.
    None,
}

impl Runtime {
    /// Whether it may install.
    pub fn installs(self) -> bool {
        matches!(self, Self::Auto | Self::Sdk | Self::Pins)
    }
}

/// A distribution that must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// `protobuf`
    pub name: String,
    /// The versions that are right, such as `>=3.20.3,<7` (PEP 440); empty takes any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub accept: String,
    /// What to ask of the installer when it is not right, such as `==4.25.1`; empty asks for `accept`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub install: String,
}

impl Package {
    /// The versions that are right.
    pub fn range(&self) -> Result<Range, Unreadable> {
        self.accept.parse()
    }

    /// What to ask of the installer: `protobuf==4.25.1`.
    pub fn requirement(&self) -> String {
        format!("{}{}", self.name, self.asked())
    }

    /// Whether that is one version and no other.
    pub fn is_exact(&self) -> bool {
        let version = self.asked().trim_start_matches('=');
        self.asked().starts_with("==") && !version.contains([',', '*'])
    }

    fn asked(&self) -> &str {
        match self.install.is_empty() {
            true => &self.accept,
            false => &self.install,
        }
    }
}

/// Facts of the config that the image will have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// PATH, with the default already in place where the config has none.
    pub path: String,
    /// USER as the config has it; empty is root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// WORKDIR; empty is `/`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// HOME, if ENV sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// PYTHONPATH, if ENV sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_path: Option<String>,
    /// PYTHONHOME, if ENV sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_home: Option<String>,
    /// ISOLATE_CONTAINER_PYTHON_EXEC_PREFIX, if ENV sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec_prefix: Option<String>,
}

impl Image {
    /// The facts of a config whose ENV is `env`, as name and value.
    pub fn from_env<'a>(
        env: impl IntoIterator<Item = (&'a str, &'a str)>,
        user: &str,
        working_dir: &str,
    ) -> Self {
        let mut image = Self {
            path: crate::search::DEFAULT_PATH.to_owned(),
            user: user.to_owned(),
            working_dir: if working_dir == "/" {
                String::new()
            } else {
                working_dir.to_owned()
            },
            home: None,
            python_path: None,
            python_home: None,
            exec_prefix: None,
        };
        for (name, value) in env {
            let value = value.to_owned();
            match name {
                "PATH" => image.path = value,
                "HOME" => image.home = Some(value),
                "PYTHONPATH" => image.python_path = Some(value),
                // Python, too, takes an empty one for none.
                "PYTHONHOME" => image.python_home = Some(value).filter(|it| !it.is_empty()),
                "ISOLATE_CONTAINER_PYTHON_EXEC_PREFIX" => image.exec_prefix = Some(value),
                _ => {}
            }
        }
        image
    }
}

impl Request {
    /// The argument of `look`.
    pub fn to_argument(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the argument of `look`, and everything in it that has a grammar.
    pub fn from_argument(argument: &str) -> Result<Self, String> {
        let request: Self = serde_json::from_str(argument).map_err(|error| error.to_string())?;
        request.check()?;
        Ok(request)
    }

    /// What a request must be beyond its shape.
    pub fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!(
                "this helper reads requests of version {VERSION}, not {}",
                self.version
            ));
        }
        self.python_range
            .parse::<Range>()
            .map_err(|error| format!("Python: {error}"))?;
        for package in &self.packages {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let starts = package
                .name
                .starts_with(|first: char| first.is_ascii_alphanumeric());
            if !starts || !package.name.bytes().all(plain) {
                return Err(format!("`{}` is not the name of a package", package.name));
            }
            for range in [&package.accept, &package.install] {
                range
                    .parse::<Range>()
                    .map_err(|error| format!("{}: {error}", package.name))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_is_canonical() {
        let request = Request {
            version: VERSION,
            mode: Mode::App,
            curl: Curl::Auto,
            runtime: Runtime::Pins,
            python: Some("3.11".parse().expect("a minor")),
            python_range: String::new(),
            packages: vec![Package {
                name: "boto3".into(),
                accept: "==1.35.74".into(),
                install: String::new(),
            }],
            image: Image::from_env(
                [("PATH", "/opt/venv/bin:/bin"), ("TOKEN", "hunter2")],
                "app",
                "/",
            ),
        };
        let argument = request.to_argument();
        assert_eq!(
            argument,
            r#"{"version":1,"mode":"app","curl":"auto","runtime":"pins","python":"3.11","packages":[{"name":"boto3","accept":"==1.35.74"}],"image":{"path":"/opt/venv/bin:/bin","user":"app"}}"#
        );
        assert_eq!(Request::from_argument(&argument).expect("reads"), request);
    }

    #[test]
    fn what_is_refused() {
        let image = r#""image":{"path":"/bin"}"#;
        for (fields, complaint) in [
            (
                r#""version":2,"mode":"app","curl":"auto","runtime":"auto""#,
                "version 1, not 2",
            ),
            (
                r#""version":1,"mode":"app","curl":"maybe","runtime":"auto""#,
                "unknown variant",
            ),
            (
                r#""version":1,"mode":"app","curl":"auto","runtime":"auto","python":"three""#,
                "`three`",
            ),
            (
                r#""version":1,"mode":"app","curl":"auto","runtime":"auto","extra":1"#,
                "unknown field",
            ),
            (
                r#""version":1,"mode":"app","curl":"auto","runtime":"auto","packages":[{"name":"--target=/x"}]"#,
                "--target",
            ),
            (
                r#""version":1,"mode":"app","curl":"auto","runtime":"auto","packages":[{"name":"a","install":"; x"}]"#,
                "; x",
            ),
        ] {
            let error = Request::from_argument(&format!("{{{fields},{image}}}")).expect_err(fields);
            assert!(error.contains(complaint), "{error}");
        }
    }
}
