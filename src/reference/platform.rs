//! Platforms: `os[(version+feature…)][/architecture[/variant]]`.
//!
//! The rules and texts of `github.com/containerd/platforms`. A platform that was parsed is normalised; one that comes
//! out of an image config is as its author wrote it, until [`Platform::normalize`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{golang, reference::url};

/// What an image runs on, and its form in JSON (OCI image specification, `platform`).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// As Go names it: `amd64`, `arm64`.
    pub architecture: String,
    /// As Go names it: `linux`, `windows`.
    pub os: String,
    /// Of Windows, `10.0.17763.1234`.
    #[serde(rename = "os.version", skip_serializing_if = "String::is_empty")]
    pub os_version: String,
    /// What the image needs of the system, `win32k`.
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
    /// Of the architecture, `v7`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

/// Why a text is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It holds `*`.
    #[error("{}: wildcards not yet supported: invalid argument", golang::quote(.0))]
    Wildcard(String),
    /// The first component is no system.
    #[error(
        "{} is an invalid OS component of {}: OSAndVersion specifier component must match {}: invalid argument",
        golang::quote(.component), golang::quote(.specifier), golang::quote(OS_GRAMMAR)
    )]
    Os {
        /// The first component.
        component: String,
        /// The whole text.
        specifier: String,
    },
    /// Another component is badly written.
    #[error(
        "{} is an invalid component of {}: platform specifier component must match {}: invalid argument",
        golang::quote(.component), golang::quote(.specifier), golang::quote(COMPONENT_GRAMMAR)
    )]
    Component {
        /// The component.
        component: String,
        /// The whole text.
        specifier: String,
    },
    /// The version is badly escaped.
    #[error(
        "{} has an invalid OS version {}: {cause}",
        golang::quote(.specifier), golang::quote(.version)
    )]
    OsVersion {
        /// The whole text.
        specifier: String,
        /// The version as written.
        version: String,
        /// What is wrong with it.
        cause: url::ErrorKind,
    },
    /// A feature is badly escaped.
    #[error(
        "{} has invalid OS features: invalid os feature {}: {cause}",
        golang::quote(.specifier), golang::quote(.feature)
    )]
    OsFeature {
        /// The whole text.
        specifier: String,
        /// The feature as written.
        feature: String,
        /// What is wrong with it.
        cause: url::ErrorKind,
    },
    /// One word, which is neither a system nor an architecture.
    #[error("{}: unknown operating system or architecture: invalid argument", golang::quote(.0))]
    Unknown(String),
    /// More than three components.
    #[error("{}: cannot parse platform specifier: invalid argument", golang::quote(.0))]
    TooMany(String),
}

/// The grammar of the first component, as the original shows it in its errors.
const OS_GRAMMAR: &str = r"^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$";
/// The grammar of the others.
const COMPONENT_GRAMMAR: &str = r"^[A-Za-z0-9_.-]+$";

const KNOWN_OS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

const KNOWN_ARCHITECTURES: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "ppc64",
    "ppc64le",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// Reads a platform. What is left out is that of this machine.
pub fn parse(specifier: &str) -> Result<Platform, Error> {
    if specifier.contains('*') {
        return Err(Error::Wildcard(specifier.to_owned()));
    }
    let mut components = specifier.splitn(4, '/');
    let os = components.next().unwrap_or_default();
    let rest: Vec<&str> = components.collect();
    let platform = read_os(os, specifier)?;
    if let Some(component) = rest.iter().find(|component| !is_component(component)) {
        return Err(Error::Component {
            component: (*component).to_owned(),
            specifier: specifier.to_owned(),
        });
    }
    match rest.as_slice() {
        [] => of_one_word(platform, specifier),
        [architecture] => Ok(platform.with_architecture(architecture)),
        [architecture, variant] => {
            let (architecture, variant) = normal_architecture(architecture, variant);
            let is_arm64 = architecture == "arm64" && variant.is_empty();
            Ok(Platform {
                architecture,
                variant: if is_arm64 {
                    String::from("v8")
                } else {
                    variant
                },
                ..platform
            })
        }
        _ => Err(Error::TooMany(specifier.to_owned())),
    }
}

/// The platform that this program was built for (`platforms.DefaultSpec`).
pub fn default_spec() -> Platform {
    Platform {
        os: own_os().to_owned(),
        architecture: own_architecture().to_owned(),
        variant: own_variant().to_owned(),
        ..Platform::default()
    }
}

impl Platform {
    /// With the one name of what has several (`platforms.Normalize`).
    #[must_use]
    pub fn normalize(mut self) -> Self {
        self.os = normal_os(&self.os);
        (self.architecture, self.variant) = normal_architecture(&self.architecture, &self.variant);
        self.os_features.sort();
        self.os_features.dedup();
        self
    }

    /// `os/architecture/variant` (`platforms.Format`).
    pub fn format(&self) -> String {
        self.format_with(self.os.clone())
    }

    /// `os(version+feature)/architecture/variant` (`platforms.FormatAll`).
    pub fn format_all(&self) -> String {
        let mut features: Vec<&str> = self.os_features.iter().map(String::as_str).collect();
        features.retain(|feature| !feature.is_empty());
        features.sort_unstable();
        features.dedup();
        let mut options = escape_option(&self.os_version);
        for feature in features {
            options.push('+');
            options.push_str(&escape_option(feature));
        }
        self.format_with(match options.is_empty() {
            true => self.os.clone(),
            false => format!("{}({options})", self.os),
        })
    }

    fn format_with(&self, os: String) -> String {
        if self.os.is_empty() {
            return String::from("unknown");
        }
        golang::path::join(&[&os, &self.architecture, &self.variant])
    }

    /// With an architecture that says its variant itself. The common variant of arm is left out.
    fn with_architecture(self, architecture: &str) -> Self {
        let (architecture, mut variant) = normal_architecture(architecture, "");
        if architecture == "arm" && variant == "v7" {
            variant.clear();
        }
        Self {
            architecture,
            variant,
            ..self
        }
    }
}

/// As [`Platform::format_all`].
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format_all())
    }
}

/// A system, on this machine's architecture, or an architecture, under this machine's system.
fn of_one_word(platform: Platform, specifier: &str) -> Result<Platform, Error> {
    if KNOWN_OS.contains(&platform.os.as_str()) {
        let variant = match own_architecture() {
            "arm" if own_variant() != "v7" => own_variant(),
            _ => "",
        };
        return Ok(Platform {
            architecture: own_architecture().to_owned(),
            variant: variant.to_owned(),
            ..platform
        });
    }
    let platform = platform.with_architecture(specifier);
    if KNOWN_ARCHITECTURES.contains(&platform.architecture.as_str()) {
        return Ok(Platform {
            os: own_os().to_owned(),
            ..platform
        });
    }
    Err(Error::Unknown(specifier.to_owned()))
}

/// `name ["(" [version] ("+" feature)* ")"]`
fn read_os(component: &str, specifier: &str) -> Result<Platform, Error> {
    let error = || Error::Os {
        component: component.to_owned(),
        specifier: specifier.to_owned(),
    };
    let (name, options) = match component.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')').ok_or_else(error)?),
        None => (component, ""),
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let is_option = |b: u8| is_name(b) || matches!(b, b'.' | b'%');
    let mut features = options.split('+');
    let version = features.next().unwrap_or_default();
    let features: Vec<&str> = features.collect();
    let is_valid = !name.is_empty()
        && name.bytes().all(is_name)
        && options.bytes().all(|b| is_option(b) || b == b'+')
        && features.iter().all(|feature| !feature.is_empty());
    if !is_valid {
        return Err(error());
    }
    let os_version = url::path_unescape(version).map_err(|cause| Error::OsVersion {
        specifier: specifier.to_owned(),
        version: version.to_owned(),
        cause,
    })?;
    let read_feature = |feature: &str| {
        url::path_unescape(feature).map_err(|cause| Error::OsFeature {
            specifier: specifier.to_owned(),
            feature: feature.to_owned(),
            cause,
        })
    };
    Ok(Platform {
        os: normal_os(name),
        os_version,
        os_features: features
            .into_iter()
            .map(read_feature)
            .collect::<Result<_, _>>()?,
        ..Platform::default()
    })
}

fn is_component(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Escapes what would end an option of the system.
fn escape_option(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => escaped.push_str("%25"),
            '+' => escaped.push_str("%2B"),
            '(' => escaped.push_str("%28"),
            ')' => escaped.push_str("%29"),
            '/' => escaped.push_str("%2F"),
            _ => escaped.push(c),
        }
    }
    escaped
}

fn normal_os(os: &str) -> String {
    match golang::to_lower(os).as_str() {
        "" => own_os().to_owned(),
        "macos" => String::from("darwin"),
        os => os.to_owned(),
    }
}

fn normal_architecture(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = (golang::to_lower(architecture), golang::to_lower(variant));
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64" | "arm64", variant) => ("arm64", variant),
        ("armhf", _) => ("arm", "v7"),
        ("armel", _) => ("arm", "v6"),
        ("arm", "" | "7") => ("arm", "v7"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "6") => ("arm", "v6"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    (architecture.to_owned(), variant.to_owned())
}

/// The system that this program was built for, as Go names it.
fn own_os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    }
}

/// The architecture that this program was built for, as Go names it.
fn own_architecture() -> &'static str {
    let is_little = cfg!(target_endian = "little");
    match std::env::consts::ARCH {
        "x86" => "386",
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" if is_little => "ppc64le",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        "mips64" if is_little => "mips64le",
        architecture => architecture,
    }
}

/// The variant that this program was built for. The original asks the processor: only arm before v8 can differ.
fn own_variant() -> &'static str {
    match own_architecture() {
        "arm64" => "v8",
        "arm" if cfg!(target_feature = "v7") => "v7",
        "arm" => "v6",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_brought_to_one() {
        let own = default_spec();
        for (text, want) in [
            ("linux/amd64", "linux/amd64"),
            ("Linux/x86_64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64/v8"),
            ("linux/arm64/9", "linux/arm64/v9"),
            ("linux/arm", "linux/arm"),
            ("linux/arm/7", "linux/arm/v7"),
            ("linux/armel", "linux/arm/v6"),
            ("linux/armhf", "linux/arm"),
            ("linux/what", "linux/what"),
            ("macOS/i386", "darwin/386"),
            ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"),
            (
                "windows(10+win32k+a%2Fb)/amd64",
                "windows(10+a%2Fb+win32k)/amd64",
            ),
            ("windows(+b+a+b)/amd64", "windows(+a+b)/amd64"),
            ("linux()/amd64", "linux/amd64"),
            ("s390x", &format!("{}/s390x", own.os)),
            ("freebsd", &format!("freebsd/{}", own.architecture)),
        ] {
            assert_eq!(
                parse(text).map(|p| p.format_all()).as_deref(),
                Ok(want),
                "{text}"
            );
        }
    }

    #[test]
    fn a_fault_is_named_as_the_original_names_it() {
        let os = r#"OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.%-]*)((?:\\+[A-Za-z0-9_.%-]+)*)\\))?$": invalid argument"#;
        let component =
            r#"platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument"#;
        for (text, want) in [
            ("", format!(r#""" is an invalid OS component of "": {os}"#)),
            ("linux(/a", format!(r#""linux(" is an invalid OS component of "linux(/a": {os}"#)),
            ("linux(++)", format!(r#""linux(++)" is an invalid OS component of "linux(++)": {os}"#)),
            ("linux//x", format!(r#""" is an invalid component of "linux//x": {component}"#)),
            ("linux/é", format!(r#""é" is an invalid component of "linux/é": {component}"#)),
            ("a/b/c/d", r#""a/b/c/d": cannot parse platform specifier: invalid argument"#.into()),
            ("a", r#""a": unknown operating system or architecture: invalid argument"#.into()),
            ("linux/*", r#""linux/*": wildcards not yet supported: invalid argument"#.into()),
            ("w(%1)/a", r#""w(%1)/a" has an invalid OS version "%1": invalid URL escape "%1""#.into()),
            ("w(+%)/a", r#""w(+%)/a" has invalid OS features: invalid os feature "%": invalid URL escape "%""#.into()),
        ] {
            assert_eq!(parse(text).map_err(|e| e.to_string()), Err(want), "{text}");
        }
    }

    #[test]
    fn an_unknown_platform_is_still_shown() {
        assert_eq!(Platform::default().format_all(), "unknown");
        assert_eq!(
            Platform {
                os: "linux".into(),
                ..Platform::default()
            }
            .format(),
            "linux"
        );
    }

    #[test]
    fn json_has_the_names_and_the_order_of_the_specification() {
        let platform = parse("windows(10+b)/arm/v5").expect("a platform");
        let json = serde_json::to_string(&platform).expect("JSON");
        assert_eq!(
            json,
            r#"{"architecture":"arm","os":"windows","os.version":"10","os.features":["b"],"variant":"v5"}"#
        );
        assert_eq!(serde_json::from_str::<Platform>(&json).ok(), Some(platform));
    }

    proptest! {
        #[test]
        fn a_normal_platform_is_read_as_it_is_shown(text in "[a-z0-9_]{1,5}([(][0-9.]{0,4}([+]([a-z]|%2F|%2B|%25){1,4}){0,2}[)])?/[a-z0-9.]{1,6}(/[a-z0-9.]{1,3})?") {
            if let Ok(platform) = parse(&text) {
                let platform = platform.normalize();
                let shown = platform.format_all();
                let again = parse(&shown).map(Platform::normalize);
                // A component of dots is a step in a path.
                if !text.contains("/.") {
                    prop_assert_eq!(again, Ok(platform), "{}", shown);
                }
            }
        }
    }
}
