//! What a step found and did.
//!
//! `look` writes one, which is the plan of the steps that follow and holds the request; the last step that installs writes
//! one that says what there is now. Both are the same JSON. Nothing in it depends on the clock or on the machine, so that
//! equal images give equal reports, and nothing in it is secret.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::package_manager;
use crate::python::Minor;
use crate::python::interpreter::Kind;
use crate::python::platform::Platform;
use crate::request::{Mode, Request};

/// The version of the JSON: raised when a reader of the one before would be misled.
pub const VERSION: u32 = 1;

/// The file that `look` writes.
pub const LOOK_FILE: &str = "look.json";
/// The file that an installing step writes.
pub const REPORT_FILE: &str = "report.json";

/// A report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`]
    pub version: u32,
    /// Who wrote it.
    pub step: Step,
    /// What runs in the image.
    pub mode: Mode,
    /// What was asked; in the report of `look` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// curl, and the certificates it trusts.
    pub curl: Curl,
    /// The Python that fal will run; absent in `mode=server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<Python>,
    /// The packages that were asked for, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// What is installed, where that was asked for: what wheels could be in the way of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Site>,
    /// What comes on top of the image that was looked at, if that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wheels: Option<Wheels>,
    /// What was tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What may surprise, but stops nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why the build must stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Who wrote a report, in the order in which they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Read files, changed nothing.
    Look,
    /// Installed curl.
    Curl,
    /// Installed packages.
    Runtime,
}

/// curl, and the certificates it trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Curl {
    /// Where PATH has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// What it says of itself, once it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The bundle of certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<PathBuf>,
    /// What is to be done, in the report of `look`; what was done, in the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<CurlAction>,
}

/// How curl comes into an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CurlAction {
    /// With the image's package manager.
    Install {
        /// Its name in the table.
        manager: String,
        /// Whether certificates come too, as the image has none.
        certificates: bool,
    },
    /// From an image that carries a static one.
    Copy,
}

/// Where a Python has its packages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The folders, without links on the way, as they are searched.
    pub folders: Vec<PathBuf>,
    /// By the name of each distribution in them, in the form in which names are compared, what speaks of it, in the same order.
    pub records: BTreeMap<String, Vec<Record>>,
    /// What the Python is for, where its file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// What speaks of a distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// A `.dist-info` or an `.egg-info`, without links on the way.
    pub path: PathBuf,
    /// Whether it lists the distribution's files, so that these can be removed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lists_files: bool,
}

/// Wheels of locks that are to be unpacked on an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wheels {
    /// How many they are.
    pub count: usize,
    /// What they come in the place of, as `name version`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
    /// Why requirements are not among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// Why the packages of the runtime that were missing are not among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_why_not: Option<String>,
}

/// The Python that fal will run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Python {
    /// `3.11`
    pub minor: Minor,
    /// Where PATH has it.
    pub command: PathBuf,
    /// What fal starts: `<prefix>/bin/python3.11`, else `<prefix>/bin/python`.
    pub executable: PathBuf,
    /// `sys.prefix`
    pub prefix: PathBuf,
    /// Who made it.
    pub kind: Kind,
    /// Where packages are, in the order of `sys.path`.
    pub site: Vec<PathBuf>,
    /// What comes before those: PYTHONPATH and the user's own directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before_site: Vec<PathBuf>,
    /// Whether it is marked as the distribution's (PEP 668).
    #[serde(default, skip_serializing_if = "is_false")]
    pub externally_managed: bool,
    /// The version of pip that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pip: Option<String>,
    /// Names that are absent: to be linked in the report of `look`, linked in the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// What installed the packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installer: Option<String>,
}

/// A symbolic link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its path.
    pub path: PathBuf,
    /// What it holds.
    pub target: PathBuf,
}

/// A package that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// `protobuf`
    pub name: String,
    /// The versions that are right; empty is any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub accept: String,
    /// The version that is installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// The directory that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<PathBuf>,
    /// Whether that version is right.
    pub fits: bool,
    /// What is asked of the installer, in the report of `look`; what was asked, in the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// The version that was installed before; absent if it is the same or if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// Something that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `import google.protobuf`
    pub name: String,
    /// Whether it went well.
    pub passed: bool,
    /// What was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Report {
    /// Whether the `curl` step has something to do.
    pub fn wants_curl(&self) -> bool {
        self.step == Step::Look && self.curl.action.is_some()
    }

    /// Whether what the `curl` step needs can be fetched by a step before it.
    pub fn can_fetch_ahead(&self) -> bool {
        matches!(&self.curl.action, Some(CurlAction::Install { manager, .. }) if package_manager::can_fetch(manager))
    }

    /// Whether the `runtime` step has something to change.
    pub fn wants_runtime(&self) -> bool {
        let links = self
            .python
            .as_ref()
            .is_some_and(|python| !python.links.is_empty());
        self.step == Step::Look
            && (links
                || self
                    .packages
                    .iter()
                    .any(|package| package.requirement.is_some()))
    }

    /// Reads a report.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReadError> {
        // The version comes first: what it says decides whether the rest can be read.
        let head: Head = serde_json::from_slice(bytes).map_err(ReadError::Json)?;
        if head.version != VERSION {
            return Err(ReadError::Version(head.version));
        }
        serde_json::from_slice(bytes).map_err(ReadError::Json)
    }

    /// Its JSON, for programs and for people.
    ///
    /// An error if a path in it is not UTF-8, which JSON cannot hold.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The few lines that a build prints.
    pub fn summary(&self) -> String {
        let mut lines = vec![self.curl_line()];
        lines.extend(self.python.as_ref().map(Python::line));
        let width = self
            .packages
            .iter()
            .map(|package| package.name.len())
            .max()
            .unwrap_or(0);
        lines.extend(
            self.packages
                .iter()
                .map(|package| package.line(self.step, width)),
        );
        lines.extend(self.wheels.iter().flat_map(Wheels::lines));
        let links = self.python.iter().flat_map(|python| &python.links);
        lines.extend(links.map(|link| {
            format!(
                "link      {} → {}",
                link.path.display(),
                link.target.display()
            )
        }));
        lines.extend(
            self.checks
                .iter()
                .filter(|check| !check.passed)
                .map(|check| format!("failed    {}", check.name)),
        );
        lines.extend(
            self.warnings
                .iter()
                .map(|warning| format!("warning   {warning}")),
        );
        lines.extend(
            self.failure
                .as_ref()
                .map(|failure| format!("error     {failure}")),
        );
        lines
            .iter()
            .map(|line| format!("fal: {}\n", crate::cli::printable(line)))
            .collect()
    }

    fn curl_line(&self) -> String {
        let plan = match (&self.curl.action, self.step) {
            (None, _) => String::new(),
            (Some(CurlAction::Install { manager, .. }), Step::Look) => {
                format!("to be installed with {manager}")
            }
            (Some(CurlAction::Install { manager, .. }), _) => format!("installed with {manager}"),
            (Some(CurlAction::Copy), Step::Look) => "to be copied".to_owned(),
            (Some(CurlAction::Copy), _) => "copied".to_owned(),
        };
        let found = match (&self.curl.path, &self.curl.version) {
            (Some(path), Some(version)) => format!("{version} {}", path.display()),
            (Some(path), None) => path.display().to_string(),
            (None, _) if plan.is_empty() => "none".to_owned(),
            (None, _) => String::new(),
        };
        format!("curl      {}", join(&found, &plan))
    }
}

impl Wheels {
    fn lines(&self) -> impl Iterator<Item = String> {
        let replaced = match self.replaced.as_slice() {
            [] => String::new(),
            replaced => format!(", in the place of {}", replaced.join(", ")),
        };
        let shared = format!(
            "wheels    {}, in layers that images share{replaced}",
            self.count
        );
        let why_not = self.why_not.as_ref();
        let alone = why_not.map(|why_not| format!("wheels    none of the requirements: {why_not}"));
        let shared = (self.count > 0).then_some(shared);
        shared.into_iter().chain(alone)
    }
}

impl Python {
    fn line(&self) -> String {
        let installer = self
            .installer
            .as_ref()
            .map(|name| format!("packages by {name}"))
            .unwrap_or_default();
        format!(
            "Python    {}",
            join(
                &format!("{} {}", self.minor, self.executable.display()),
                &installer
            )
        )
    }
}

impl Package {
    fn line(&self, step: Step, width: usize) -> String {
        let found = self.installed.as_deref().unwrap_or("none");
        let note = match (&self.requirement, &self.before) {
            (Some(requirement), _) if step != Step::Runtime => {
                format!("to be installed: {requirement}")
            }
            (Some(_), Some(before)) => format!("installed, was {before}"),
            (Some(_), None) => "installed".to_owned(),
            (None, Some(before)) => format!("was {before}"),
            (None, None) if !self.fits && !self.accept.is_empty() => {
                format!("fal takes {}", self.accept)
            }
            (None, None) => String::new(),
        };
        format!(
            "{:<width$}  {}",
            self.name,
            join(found, &note),
            width = width.max(8)
        )
    }
}

fn join(found: &str, note: &str) -> String {
    match (found, note) {
        (found, "") => found.to_owned(),
        ("", note) => note.to_owned(),
        (found, note) => format!("{found} ({note})"),
    }
}

#[derive(Deserialize)]
struct Head {
    version: u32,
}

/// Why a report cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// It is of another version.
    Version(u32),
    /// It is no report.
    Json(serde_json::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(other) => write!(
                f,
                "the report is of version {other}, this reads version {VERSION}"
            ),
            Self::Json(error) => write!(f, "the report cannot be read: {error}"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Version(_) => None,
            Self::Json(error) => Some(error),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(step: Step) -> Report {
        let package = |name: &str,
                       installed: &str,
                       requirement: Option<&str>,
                       before: Option<&str>| Package {
            name: name.to_owned(),
            accept: ">=2".to_owned(),
            installed: Some(installed.to_owned()).filter(|installed| !installed.is_empty()),
            location: None,
            fits: true,
            requirement: requirement.map(str::to_owned),
            before: before.map(str::to_owned),
        };
        let looked = step == Step::Look;
        Report {
            version: VERSION,
            step,
            mode: Mode::App,
            request: None,
            curl: Curl {
                path: (!looked).then(|| "/usr/bin/curl".into()),
                version: (!looked).then(|| "7.88.1".to_owned()),
                certificates: None,
                action: Some(CurlAction::Install {
                    manager: "apt".to_owned(),
                    certificates: true,
                }),
            },
            python: Some(Python {
                minor: "3.11".parse().expect("a minor"),
                command: "/usr/bin/python3".into(),
                executable: "/usr/bin/python3.11".into(),
                prefix: "/usr".into(),
                kind: Kind::System,
                site: Vec::new(),
                before_site: Vec::new(),
                externally_managed: true,
                pip: Some("23.0.1".to_owned()),
                links: vec![Link {
                    path: "/usr/bin/python".into(),
                    target: "python3.11".into(),
                }],
                installer: (!looked).then(|| "pip 23.0.1".to_owned()),
            }),
            packages: vec![
                package(
                    "pydantic",
                    if looked { "1.10.4" } else { "2.10.6" },
                    Some("pydantic==2.10.6"),
                    (!looked).then_some("1.10.4"),
                ),
                package(
                    "boto3",
                    if looked { "" } else { "1.35.74" },
                    Some("boto3"),
                    None,
                ),
                package("protobuf", "4.25.1", None, None),
            ],
            site: None,
            wheels: None,
            checks: Vec::new(),
            warnings: vec!["odd\x1b[2Jname".to_owned()],
            failure: None,
        }
    }

    #[test]
    fn what_a_build_prints() {
        assert_eq!(
            report(Step::Look).summary(),
            "fal: curl      to be installed with apt\n\
             fal: Python    3.11 /usr/bin/python3.11\n\
             fal: pydantic  1.10.4 (to be installed: pydantic==2.10.6)\n\
             fal: boto3     none (to be installed: boto3)\n\
             fal: protobuf  4.25.1\n\
             fal: link      /usr/bin/python → python3.11\n\
             fal: warning   odd\u{fffd}[2Jname\n"
        );
        assert_eq!(
            report(Step::Runtime).summary(),
            "fal: curl      7.88.1 /usr/bin/curl (installed with apt)\n\
             fal: Python    3.11 /usr/bin/python3.11 (packages by pip 23.0.1)\n\
             fal: pydantic  2.10.6 (installed, was 1.10.4)\n\
             fal: boto3     1.35.74 (installed)\n\
             fal: protobuf  4.25.1\n\
             fal: link      /usr/bin/python → python3.11\n\
             fal: warning   odd\u{fffd}[2Jname\n"
        );
    }

    #[test]
    fn only_this_version_is_read() {
        let report = report(Step::Look);
        let json = report.to_json().expect("is JSON");
        assert_eq!(Report::from_json(json.as_bytes()).expect("reads"), report);
        assert!(report.wants_curl() && report.wants_runtime());
        let newer = br#"{"version": 2, "step": "unheard of"}"#;
        assert!(matches!(
            Report::from_json(newer),
            Err(ReadError::Version(2))
        ));
        assert!(matches!(Report::from_json(b"{"), Err(ReadError::Json(_))));
    }
}
