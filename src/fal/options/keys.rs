//! The table of what can be asked for, and how each value is read.
//!
//! To add an option: a field in [`Options`], its default there, and a row here. Help, documentation and the checks of
//! the table follow.

use crate::{
    fal::{
        options::{
            Curl, Minor, Mode, Options, Origin, Pin, PythonRuntime, Refresh, Requirements,
            Resolver, Runtime,
        },
        pins,
    },
    golang,
    reference::image::{self, Reference},
};

/// One thing that can be asked for. Help, documentation, checks and reading all walk [`KEYS`].
pub struct Key {
    /// As it is written in a comment.
    pub name: &'static str,
    /// What can be said, the default first. A word in upper case stands for any.
    pub values: &'static [&'static str],
    /// What is so when nothing is said, as a value, or nothing.
    pub default: Option<&'static str>,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// Whether a Dockerfile may say it more than once.
    pub repeats: bool,
    pub(super) read: fn(&mut Options, &str, Origin) -> Result<(), Refusal>,
}

/// Every key, in the order of the documentation.
pub const KEYS: &[Key] = &[
    Key {
        name: "mode",
        values: &["app", "server", "off"],
        default: Some("app"),
        doc: "`app`: a Python `fal.App` runs in the image; `server`: the image's own server runs, and only curl and \
              the port are looked at; `off`: a plain Dockerfile build.",
        repeats: false,
        read: |options, value, _| {
            options.mode = match value {
                "app" => Mode::App,
                "server" => Mode::Server,
                "off" => Mode::Off,
                _ => return Err(Refusal::Unknown),
            };
            Ok(())
        },
    },
    Key {
        name: "curl",
        values: &["auto", "verify", "none", "image:REF"],
        default: Some("auto"),
        doc: "Installs curl where the image has none, fails where it has none, leaves it alone, or copies a static \
              one from an image where there is none.",
        repeats: false,
        read: |options, value, _| {
            options.curl = match value {
                "auto" => Curl::Auto,
                "verify" => Curl::Verify,
                "none" => Curl::None,
                _ => Curl::Image(reference(value)?),
            };
            Ok(())
        },
    },
    Key {
        name: "runtime",
        values: &["auto", "sdk", "sdk==VERSION", "pins", "verify", "none"],
        default: Some("auto"),
        doc: "Makes pydantic, protobuf and boto3 right: installs what is missing or outside of fal's ranges, installs \
              `fal` last, installs the documented versions last, only checks, or leaves them alone.",
        repeats: false,
        read: |options, value, _| {
            options.runtime = match value {
                "auto" => Runtime::Auto,
                "sdk" => Runtime::Sdk(None),
                "pins" => Runtime::Pins,
                "verify" => Runtime::Verify,
                "none" => Runtime::None,
                _ => Runtime::Sdk(Some(sdk_version(value)?)),
            };
            Ok(())
        },
    },
    Key {
        name: "pins",
        values: &["PACKAGE==VERSION"],
        default: None,
        doc: "Other versions for `runtime=pins`, separated by blanks; packages that are not named keep theirs.",
        repeats: false,
        read: |options, value, _| {
            options.pins = pinned(value)?;
            Ok(())
        },
    },
    Key {
        name: "python",
        values: &["MAJOR.MINOR"],
        default: None,
        doc: "The minor version of Python that the app is pickled with, `3.11`; the build fails if the image's differs.",
        repeats: false,
        read: |options, value, _| {
            options.python = Some(minor(value)?);
            Ok(())
        },
    },
    Key {
        name: "requirements",
        values: &["FILE", "REQUIREMENTS"],
        default: None,
        doc: "Requirements to install: a file in the context, or the requirements themselves; each time it is said is \
              one more layer, in order.",
        repeats: true,
        read: |options, value, origin| {
            // What a weaker place said is replaced, not added to.
            let last = options.requirements.last();
            if last.is_some_and(|layer| !layer.origin.is_same_place(origin)) {
                options.requirements.clear();
            }
            let text = value.to_owned();
            options.requirements.push(Requirements { text, origin });
            Ok(())
        },
    },
    Key {
        name: "resolver",
        values: &["uv", "pip"],
        default: Some("uv"),
        doc: "Who installs requirements.",
        repeats: false,
        read: |options, value, _| {
            options.resolver = match value {
                "uv" => Resolver::Uv,
                "pip" => Resolver::Pip,
                _ => return Err(Refusal::Unknown),
            };
            Ok(())
        },
    },
    Key {
        name: "wheels",
        values: &["auto", "off"],
        default: Some("auto"),
        doc: "Installs requirements wheel by wheel, each in a layer that other images share, where that can be; or in one step, always.",
        repeats: false,
        read: |options, value, _| {
            options.wheels = match value {
                "auto" => true,
                "off" => false,
                _ => return Err(Refusal::Unknown),
            };
            Ok(())
        },
    },
    Key {
        name: "port",
        values: &["PORT"],
        default: None,
        doc: "The port that fal will talk to, `8080`; checked against EXPOSE.",
        repeats: false,
        read: |options, value, _| {
            options.port = Some(port(value)?);
            Ok(())
        },
    },
    Key {
        name: "secret-cache",
        values: &["on", "off"],
        default: Some("on"),
        doc: "Whether a changed secret runs the steps again that mount it, as on fal; `mode=off` turns it off.",
        repeats: false,
        read: |options, value, _| {
            options.secret_cache = switch(value)?;
            Ok(())
        },
    },
    Key {
        name: "python-runtime",
        values: &["standalone"],
        default: None,
        doc: "Brings a pinned standalone Python to an image that has none.",
        repeats: false,
        read: |options, value, _| {
            options.python_runtime = match value {
                "standalone" => Some(PythonRuntime::Standalone),
                _ => return Err(Refusal::Unknown),
            };
            Ok(())
        },
    },
    Key {
        name: "default-ignore",
        values: &["off", "on"],
        default: Some("off"),
        doc: "Applies fal's default ignore patterns where there is no ignore file.",
        repeats: false,
        read: |options, value, _| {
            options.default_ignore = switch(value)?;
            Ok(())
        },
    },
    Key {
        name: "no-cache",
        values: &["off", "on"],
        default: Some("off"),
        doc: "Runs the steps of the fal layers again, and only those; `--no-cache` runs every step again.",
        repeats: false,
        read: |options, value, _| {
            options.no_cache = switch(value)?;
            Ok(())
        },
    },
    Key {
        name: "refresh",
        values: &["off", "on", "WORD"],
        default: Some("off"),
        doc: "Installs again what the fal layers install without an exact version: in this build, or whenever the word, such \
              as `2026-11`, is another than before.",
        repeats: false,
        read: |options, value, _| {
            options.refresh = match value {
                "off" => Refresh::Off,
                "on" => Refresh::Now,
                _ => Refresh::When(value.to_owned()),
            };
            Ok(())
        },
    },
];

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

impl Key {
    /// Its name as a build argument and in the environment: `FAL_SECRET_CACHE`.
    pub fn variable(&self) -> String {
        format!("FAL_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// Its name as a frontend option: `fal.secret-cache`.
    pub fn option(&self) -> String {
        format!("fal.{}", self.name)
    }

    /// The value that was probably meant. Case is a mistake too.
    pub(super) fn nearest(&self, value: &str) -> Option<String> {
        let words = || {
            self.values
                .iter()
                .copied()
                .filter(|word| !is_placeholder(word))
        };
        let same = words().find(|word| word.eq_ignore_ascii_case(value));
        same.map(str::to_owned)
            .or_else(|| golang::nearest(value, words(), false))
    }
}

/// Whether the word stands for others, `image:REF`.
pub(super) fn is_placeholder(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_uppercase())
}

/// Why a key does not take a value.
pub(super) enum Refusal {
    /// It is none of the values.
    Unknown,
    /// It is written like one, and there is more to say.
    Because(String),
}

fn switch(value: &str) -> Result<bool, Refusal> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Refusal::Unknown),
    }
}

/// `image:REF`
fn reference(value: &str) -> Result<Reference, Refusal> {
    let reference = value.strip_prefix("image:").ok_or(Refusal::Unknown)?;
    image::parse_normalized(reference).map_err(|error| Refusal::Because(error.to_string()))
}

/// `sdk==VERSION`
fn sdk_version(value: &str) -> Result<String, Refusal> {
    let version = value.strip_prefix("sdk==").ok_or(Refusal::Unknown)?;
    checked_version(version)
}

/// `digits "." digits`
fn minor(value: &str) -> Result<Minor, Refusal> {
    let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse().map_err(|_| Refusal::Unknown),
        false => Err(Refusal::Unknown),
    };
    let (major, minor) = value.split_once('.').ok_or(Refusal::Unknown)?;
    let read = Minor {
        major: number(major)?,
        minor: number(minor)?,
    };
    // As Pythons are called: `3.70000` and `3.011` are none.
    match major == "3" && read.minor < 100 && read.minor.to_string() == minor {
        true => Ok(read),
        false => Err(Refusal::Because(format!("there is no Python {value}"))),
    }
}

fn port(value: &str) -> Result<u16, Refusal> {
    let is_number = value.bytes().all(|b| b.is_ascii_digit());
    let port = value.parse().ok().filter(|port| is_number && *port != 0);
    port.ok_or_else(|| Refusal::Because(String::from("a port is a number from 1 to 65535")))
}

/// The documented pins, with the versions that `value` names instead: `PACKAGE==VERSION (blank PACKAGE==VERSION)*`.
fn pinned(value: &str) -> Result<Vec<Pin>, Refusal> {
    let mut pins = Pin::documented();
    let mut named = Vec::new();
    for word in value.split_ascii_whitespace() {
        let (package, version) = word
            .split_once("==")
            .ok_or_else(|| Refusal::Because(format!("`{word}` is not written PACKAGE==VERSION")))?;
        let package = package.to_ascii_lowercase();
        let version = checked_version(version)?;
        let Some(pin) = pins.iter_mut().find(|pin| pin.package == package) else {
            let known: Vec<_> = pins::DOCUMENTED.iter().map(|pin| pin.package).collect();
            return Err(Refusal::Because(format!(
                "`{package}` is not one of {}",
                known.join(", ")
            )));
        };
        if named.contains(&package) {
            return Err(Refusal::Because(format!("`{package}` is pinned twice")));
        }
        pin.version = version;
        named.push(package);
    }
    match named.is_empty() {
        true => Err(Refusal::Unknown),
        false => Ok(pins),
    }
}

/// A version goes into command lines, so nothing but a version may stand there.
fn checked_version(text: &str) -> Result<String, Refusal> {
    let is_version = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".!+-_".contains(&b));
    match is_version {
        true => Ok(text.to_owned()),
        false => Err(Refusal::Because(format!("`{text}` is no version"))),
    }
}
