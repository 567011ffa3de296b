//! The image config: read, change, write.
//!
//! Takes the JSON that a registry holds for an image; gives the same as a value to change, and writes it byte for byte
//! as the original does, for its digest is the identity of an image. The fields are those of
//! `github.com/moby/docker-image-spec`; Go drops what it does not know, and so do we.
//! Knows nothing of Dockerfiles or layers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    golang::{
        self,
        time::{Timestamp, WriteError},
    },
    reference::platform::Platform,
};

mod json; // the text of JSON, as Go scans it
mod read; // JSON to values, as Go fills a struct

pub use json::{SyntaxError, check as check_json};
pub use read::Error as ReadError;

/// The whole config of an image. The fields stand in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Config {
    /// When the image was made. The original clears it in what it builds, and the exporter fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Who maintains the image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// What the image runs on.
    #[serde(flatten)]
    pub platform: Platform,
    /// What the image is made of.
    pub rootfs: RootFs,
    /// How it was made, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
    /// How a container of it starts.
    pub config: Execution,
}

/// The layers of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Digests of the unpacked layers, lowest first. `None` is written as `null`.
    pub diff_ids: Option<Vec<String>>,
}

/// What one instruction did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct History {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// The instruction.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created_by: String,
    /// Who.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// What built it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Whether it made no layer.
    #[serde(skip_serializing_if = "is_false")]
    pub empty_layer: bool,
}

/// How a container of the image starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Execution {
    /// `USER`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// `EXPOSE`, each `port/protocol`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "as_keys")]
    pub exposed_ports: BTreeSet<String>,
    /// `ENV`, each `NAME=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// `ENTRYPOINT`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// `CMD`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// `VOLUME`
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "as_keys")]
    pub volumes: BTreeSet<String>,
    /// `WORKDIR`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// `LABEL`
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `STOPSIGNAL`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// Whether the command is one line, escaped already (Windows).
    #[serde(skip_serializing_if = "is_false")]
    pub args_escaped: bool,
    /// `HEALTHCHECK`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// `ONBUILD`, each an instruction.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on_build: Vec<String>,
    /// `SHELL`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shell: Vec<String>,
}

/// How a container is found healthy. Times are nanoseconds; zero inherits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", argument…]` or `["CMD-SHELL", line]`; empty inherits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Between two checks.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// Until a check counts as failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// In which failures do not count.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// Between two checks of the start period.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: i64,
    /// How many failures in a row make a container unhealthy.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
}

/// The image that `FROM scratch` begins with.
pub fn empty_image(platform: &Platform) -> Config {
    // Windows knows its own path (moby/buildkit#5445).
    let env = match platform.os.as_str() {
        "windows" => Vec::new(),
        os => vec![format!("PATH={}", default_path(os))],
    };
    Config {
        platform: platform.clone(),
        rootfs: RootFs {
            kind: String::from("layers"),
            diff_ids: None,
        },
        config: Execution {
            working_dir: String::from("/"),
            env,
            ..Execution::default()
        },
        ..Config::default()
    }
}

/// Where programs are looked for when an image does not say (`system.DefaultPathEnv`).
pub fn default_path(os: &str) -> &'static str {
    match os {
        "windows" => r"c:\Windows\System32;c:\Windows;C:\Windows\System32\WindowsPowerShell\v1.0",
        _ => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
}

impl Config {
    /// Reads what Go would read from the same bytes, or says what Go would say.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReadError> {
        read::config(bytes)
    }

    /// Writes what Go's `json.Marshal` would write. Only a time can be impossible to write.
    pub fn to_json(&self) -> Result<String, WriteError> {
        let times = self.history.iter().map(|entry| &entry.created);
        for time in times.chain([&self.created]).flatten() {
            time.check_writable()?;
        }
        Ok(golang::json::to_string(self))
    }
}

impl Execution {
    /// The value of a variable.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.env
            .iter()
            .map(|variable| variable.split_once('=').unwrap_or((variable, "")))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Sets variables, one after the other, each where it stands, or behind the others.
    pub fn set_env<'a>(&mut self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let name_of = |variable: &str| variable.split('=').next().unwrap_or_default().to_owned();
        let mut places = HashMap::new();
        for (place, variable) in self.env.iter().enumerate() {
            places.entry(name_of(variable)).or_insert(place);
        }
        for (name, value) in variables {
            let variable = [name, "=", value].concat();
            match places.get(name).and_then(|place| self.env.get_mut(*place)) {
                Some(old) => *old = variable,
                None => {
                    places.entry(name_of(&variable)).or_insert(self.env.len());
                    self.env.push(variable);
                }
            }
        }
    }
}

/// A set is an object of empty objects in an image config.
fn as_keys<S: Serializer>(keys: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(keys.len()))?;
    for key in keys {
        map.serialize_entry(key, &BTreeMap::<String, String>::new())?;
    }
    map.end()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_written_as_go_writes_it() {
        let text = r#"{"created":"2020-01-02T03:04:05.12Z","author":"\u003ca\u003e","architecture":"arm","os":"linux","os.version":"1","os.features":["x"],"variant":"v7","rootfs":{"type":"layers","diff_ids":["sha256:x"]},"history":[{"created":"2020-01-01T00:00:00+02:00","created_by":"RUN \u0026","author":"b","comment":"c","empty_layer":true}],"config":{"User":"u","ExposedPorts":{"80/tcp":{}},"Env":["a=b"],"Entrypoint":["e"],"Cmd":["c"],"Volumes":{"/v":{}},"WorkingDir":"/","Labels":{"a":"2","b":"1"},"StopSignal":"9","ArgsEscaped":true,"Healthcheck":{"Test":["NONE"],"Interval":1,"Timeout":2,"StartPeriod":3,"StartInterval":4,"Retries":5},"OnBuild":["RUN x"],"Shell":["sh"]}}"#;
        let config = Config::from_json(text.as_bytes()).expect("a config");
        assert_eq!(config.to_json().as_deref(), Ok(text));
    }

    #[test]
    fn scratch_has_a_path_where_the_system_has_none() {
        let platform = |os: &str| Platform {
            os: os.into(),
            architecture: "amd64".into(),
            ..Platform::default()
        };
        let linux = empty_image(&platform("linux"));
        assert_eq!(
            linux.to_json().as_deref(),
            Ok(
                r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":null},"config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/"}}"#
            )
        );
        assert!(empty_image(&platform("windows")).config.env.is_empty());
    }

    #[test]
    fn a_variable_is_replaced_where_it_stands() {
        let mut execution = Execution {
            env: vec!["A=1".into(), "B".into(), "A=2".into()],
            ..Execution::default()
        };
        execution.set_env([("A", "3=3"), ("B", "4"), ("C", "5"), ("C", "")]);
        assert_eq!(execution.env, ["A=3=3", "B=4", "A=2", "C="]);
        assert_eq!(
            (execution.env("A"), execution.env("C"), execution.env("D")),
            (Some("3=3"), Some(""), None)
        );
    }
}
