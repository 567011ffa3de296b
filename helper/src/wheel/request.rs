//! What the frontend asks of the steps that install wheels.
//!
//! Each is one JSON text, given as an argument: it is part of the step's cache key. Knows what is a path and what is a name, and
//! nothing of what stands there.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::Link;
use crate::requirements::is_file_name;

/// The only version there is.
pub const VERSION: u32 = 1;

/// Wheels that are unpacked into one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpack {
    /// [`VERSION`]
    pub version: u32,
    /// The names of the files, each in the folder that is called by its number. `NAME==VERSION`, or `NAME` alone, is the only wheel there is: it was built
    /// before, and has to be of this distribution.
    pub wheels: Vec<String>,
    /// `site-packages` for what is Python alone.
    pub purelib: String,
    /// `site-packages` for what is compiled.
    pub platlib: String,
    /// Folders above the two that are not root's with mode 0755.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<Parent>,
}

/// A folder above `site-packages`, as the image has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Absolute.
    pub path: String,
    /// Without the bits for its kind.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// Wheels that are unpacked already, for which the rest is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// [`VERSION`]
    pub version: u32,
    /// The wheels, each in the folder that is called by its number. A later one wins over an earlier.
    pub wheels: Vec<Installed>,
    /// As in [`Unpack`].
    pub purelib: String,
    /// As in [`Unpack`].
    pub platlib: String,
    /// The folder of scripts, such as `/usr/local/bin`.
    pub scripts: String,
    /// What `.data/data` is below, such as `/usr/local`.
    pub data: String,
    /// What has a folder of headers for each distribution, such as `/usr/local/include/python3.11`.
    pub headers: String,
    /// The interpreter that scripts are run by.
    pub interpreter: String,
    /// Names of the interpreter that are absent, and linked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

/// A wheel that is unpacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    /// The name of the file, as in [`Unpack`].
    pub file: String,
    /// Whether somebody asked for it, rather than another distribution that needs it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requested: bool,
    /// What `direct_url.json` holds, if it did not come from an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_url: Option<Value>,
}

/// Wheels that are unpacked already, of whose modules byte code is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compile {
    /// [`VERSION`]
    pub version: u32,
    /// The interpreter whose byte code it is.
    pub interpreter: String,
    /// As in [`Unpack`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<Parent>,
}

/// Distributions that wheels come in the place of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    /// [`VERSION`]
    pub version: u32,
    /// What speaks of each: a folder whose name ends with `.dist-info`.
    pub records: Vec<String>,
    /// As in [`Finish`].
    pub scripts: String,
    /// As in [`Finish`].
    pub data: String,
    /// As in [`Finish`].
    pub headers: String,
}

impl Unpack {
    /// The argument of the step.
    pub fn to_argument(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the argument of the step.
    pub fn from_argument(argument: &str) -> Result<Self, String> {
        let wanted: Self = serde_json::from_str(argument).map_err(|error| error.to_string())?;
        is_known(wanted.version)?;
        wanted.wheels.iter().try_for_each(|file| is_file(file))?;
        is_path(&wanted.purelib)?;
        is_path(&wanted.platlib)?;
        wanted.parents.iter().try_for_each(Parent::check)?;
        Ok(wanted)
    }
}

impl Parent {
    fn check(&self) -> Result<(), String> {
        is_path(&self.path)?;
        match self.mode {
            0..=0o7777 => Ok(()),
            mode => Err(format!("{mode:o} is no mode")),
        }
    }
}

impl Compile {
    /// The argument of the step.
    pub fn to_argument(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the argument of the step.
    pub fn from_argument(argument: &str) -> Result<Self, String> {
        let wanted: Self = serde_json::from_str(argument).map_err(|error| error.to_string())?;
        is_known(wanted.version)?;
        is_path(&wanted.interpreter)?;
        wanted.parents.iter().try_for_each(Parent::check)?;
        Ok(wanted)
    }
}

impl Finish {
    /// The argument of the step.
    pub fn to_argument(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the argument of the step.
    pub fn from_argument(argument: &str) -> Result<Self, String> {
        let wanted: Self = serde_json::from_str(argument).map_err(|error| error.to_string())?;
        is_known(wanted.version)?;
        let mut files = wanted.wheels.iter().map(|wheel| &wheel.file);
        files.try_for_each(|file| is_file(file))?;
        for path in [
            &wanted.purelib,
            &wanted.platlib,
            &wanted.scripts,
            &wanted.data,
            &wanted.headers,
            &wanted.interpreter,
        ] {
            is_path(path)?;
        }
        for link in &wanted.links {
            is_path(link.path.to_str().unwrap_or_default())?;
        }
        // It stands in a line that a shell and Python read alike.
        if wanted.interpreter.contains(['\'', '\\']) {
            return Err(format!(
                "`{}` cannot stand in the first line of a script",
                wanted.interpreter
            ));
        }
        Ok(wanted)
    }
}

impl Remove {
    /// The argument of the step.
    pub fn to_argument(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the argument of the step.
    pub fn from_argument(argument: &str) -> Result<Self, String> {
        let wanted: Self = serde_json::from_str(argument).map_err(|error| error.to_string())?;
        is_known(wanted.version)?;
        for path in [&wanted.scripts, &wanted.data, &wanted.headers] {
            is_path(path)?;
        }
        for record in &wanted.records {
            is_path(record)?;
            if !record.ends_with(".dist-info") {
                return Err(format!("`{record}` is not the record of a distribution"));
            }
        }
        Ok(wanted)
    }
}

fn is_known(version: u32) -> Result<(), String> {
    if version == VERSION {
        return Ok(());
    }
    Err(format!(
        "this helper installs wheels by requests of version {VERSION}, not {version}"
    ))
}

/// Whether it is the name of a file, and no path.
fn is_file(name: &str) -> Result<(), String> {
    match is_file_name(name) {
        true => Ok(()),
        false => Err(format!("`{name}` is not the name of a wheel")),
    }
}

/// Whether it is absolute, and written as short as it can be.
fn is_path(path: &str) -> Result<(), String> {
    let parts = path.strip_prefix('/').map(|rest| rest.split('/'));
    let plain = path == "/"
        || parts.is_some_and(|mut parts| !parts.any(|part| matches!(part, "" | "." | "..")))
            && !path.contains(char::is_control);
    match plain {
        true => Ok(()),
        false => Err(format!("`{path}` is not an absolute path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_canonical() {
        let unpack = Unpack {
            version: VERSION,
            wheels: vec!["a-1-py3-none-any.whl".to_owned()],
            purelib: "/lib/site-packages".to_owned(),
            platlib: "/lib64/site-packages".to_owned(),
            parents: vec![Parent {
                path: "/lib".to_owned(),
                mode: 0o755,
                uid: 0,
                gid: 0,
            }],
        };
        assert_eq!(
            unpack.to_argument(),
            concat!(
                r#"{"version":1,"wheels":["a-1-py3-none-any.whl"],"purelib":"/lib/site-packages","platlib":"/lib64/site-packages","#,
                r#""parents":[{"path":"/lib","mode":493,"uid":0,"gid":0}]}"#
            )
        );
        assert_eq!(Unpack::from_argument(&unpack.to_argument()), Ok(unpack));

        let argument = concat!(
            r#"{"version":1,"wheels":[{"file":"a-1-py3-none-any.whl","requested":true,"direct_url":{"url":"file:///a"}},"#,
            r#"{"file":"b-1-py3-none-any.whl"}],"purelib":"/p","platlib":"/p","scripts":"/bin","data":"/","headers":"/include","#,
            r#""interpreter":"/bin/python3"}"#
        );
        let finish = Finish::from_argument(argument).expect("a request");
        assert_eq!(finish.to_argument(), argument);
        let linked = |path: &str| {
            let links = format!(r#"3","links":[{{"path":"{path}","target":"python3"}}]}}"#);
            argument.replace(r#"3"}"#, &links)
        };
        let finish = Finish::from_argument(&linked("/bin/python")).expect("a request");
        assert_eq!(finish.to_argument(), linked("/bin/python"));
        assert!(Finish::from_argument(&linked("/bin/../python")).is_err());

        let argument = r#"{"version":1,"interpreter":"/bin/python3"}"#;
        let compile = Compile::from_argument(argument).expect("a request");
        assert_eq!(compile.to_argument(), argument);
        Compile::from_argument(&argument.replace("/bin/", "bin/")).expect_err("no path");

        let argument = r#"{"version":1,"records":["/p/a-1.dist-info"],"scripts":"/bin","data":"/","headers":"/include"}"#;
        let remove = Remove::from_argument(argument).expect("a request");
        assert_eq!(remove.to_argument(), argument);
        for other in ["/p/../a-1.dist-info", "/p/a-1.egg-info", "a-1.dist-info"] {
            let argument = argument.replace("/p/a-1.dist-info", other);
            assert!(Remove::from_argument(&argument).is_err(), "{other}");
        }
    }

    #[test]
    fn what_is_no_path_or_name_is_refused() {
        let good =
            r#"{"version":1,"wheels":["a-1-py3-none-any.whl"],"purelib":"/p/q","platlib":"/p/q"}"#;
        Unpack::from_argument(good).expect("a request");
        for (old, new, told) in [
            ("a-1-py3-none-any.whl", "../a.whl", "../a.whl"),
            ("a-1-py3-none-any.whl", "", "``"),
            (r#""/p/q""#, r#""p/q""#, "`p/q`"),
            (r#""/p/q""#, r#""/p/../q""#, "/p/../q"),
            (r#""/p/q""#, r#""/p//q""#, "/p//q"),
            (r#""/p/q""#, r#""/p/q/""#, "/p/q/"),
            (r#""/p/q""#, r#""/p\n""#, "/p"),
            (r#""version":1"#, r#""version":2"#, "not 2"),
            (r#""version":1"#, r#""version":1,"x":1"#, "`x`"),
        ] {
            let error = Unpack::from_argument(&good.replace(old, new)).expect_err(new);
            assert!(error.contains(told), "{error}");
        }
    }
}
