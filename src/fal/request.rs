//! Options to what the helper is asked.

use fal_helper::{
    failure,
    python::Minor,
    request::{self, Package, Request},
};

use crate::{diagnostic::Diagnostic, image, source::Lines};

use super::{
    options::{Curl, Mode, Options, Pin, Runtime},
    pins,
};

impl Options {
    /// Whether anything is done beyond the Dockerfile.
    pub fn adds_layers(&self) -> bool {
        self.mode != Mode::Off
    }

    /// The layers that may be added, each with what it does: all that can be said before anything was looked at.
    pub fn layers(&self) -> Vec<(&'static str, String)> {
        if !self.adds_layers() {
            return Vec::new();
        }
        let packages = self.packages();
        let listed = |shown: fn(&Package) -> String| {
            let shown: Vec<String> = packages.iter().map(shown).collect();
            shown.join(", ")
        };
        let curl = match &self.curl {
            Curl::Auto => "installs curl where there is none".to_owned(),
            Curl::Verify => "fails where there is no curl".to_owned(),
            Curl::Image(reference) => format!("copies curl from {reference} where there is none"),
            Curl::None => String::new(),
        };
        let runtime = match &self.runtime {
            _ if packages.is_empty() => String::new(),
            Runtime::Verify => format!("fails where {} do not fit", listed(|it| it.name.clone())),
            _ => format!("installs {} where they do not fit", listed(shown)),
        };
        [("curl", curl), ("runtime", runtime)]
            .into_iter()
            .filter(|(_, what)| !what.is_empty())
            .collect()
    }

    /// Where the user asked for the layers: the first `# fal:` line that says something about them.
    pub fn asked_at(&self) -> Option<Lines> {
        ["mode", "runtime", "curl", "python", "pins"]
            .iter()
            .find_map(|key| self.lines(key))
    }

    /// Where the user asked for what failed, if that was said in a line of its own.
    pub fn asked_for(&self, failure: failure::Kind) -> Option<Lines> {
        use failure::Kind;
        let key = match failure {
            Kind::OtherPython if self.python.is_some() => "python",
            Kind::NoCurl | Kind::NoPackageManager | Kind::CurlInstall => "curl",
            Kind::OtherPython | Kind::Packages | Kind::Hidden => "runtime",
            _ => return None,
        };
        self.lines(key)
    }

    /// The first thing that was asked for and that this version cannot do.
    pub fn unsupported(&self) -> Option<Diagnostic> {
        let asked = [
            (
                "python-runtime",
                self.python_runtime.is_some(),
                "python-runtime",
            ),
            ("default-ignore", self.default_ignore, "default-ignore=on"),
        ];
        let (key, _, shown) = asked.into_iter().find(|(_, asked, _)| *asked)?;
        let error = Diagnostic::error(format!("the fal option {shown} is not supported yet"));
        Some(match self.lines(key) {
            Some(lines) => error.at(lines),
            None => error,
        })
    }

    /// What the helper is asked of an image with this config.
    pub fn request(&self, image: &image::Config) -> Request {
        let pairs = image
            .config
            .env
            .iter()
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Request {
            version: request::VERSION,
            mode: match self.mode {
                Mode::Server => request::Mode::Server,
                Mode::App | Mode::Off => request::Mode::App,
            },
            curl: match self.curl {
                Curl::Auto => request::Curl::Auto,
                Curl::Verify => request::Curl::Verify,
                Curl::None => request::Curl::None,
                Curl::Image(_) => request::Curl::Image,
            },
            runtime: match self.runtime {
                Runtime::Auto => request::Runtime::Auto,
                Runtime::Sdk(_) => request::Runtime::Sdk,
                Runtime::Pins => request::Runtime::Pins,
                Runtime::Verify => request::Runtime::Verify,
                Runtime::None => request::Runtime::None,
            },
            python: self.python.and_then(|minor| {
                format!("{}.{}", minor.major, minor.minor)
                    .parse::<Minor>()
                    .ok()
            }),
            python_range: match self.runtime {
                _ if self.mode != Mode::App => String::new(),
                Runtime::None => String::new(),
                _ => pins::PYTHON.to_owned(),
            },
            packages: self.packages(),
            image: request::Image::from_env(pairs, &image.config.user, &image.config.working_dir),
        }
    }

    /// The packages that must be there, in the order in which they are reported.
    pub(super) fn packages(&self) -> Vec<Package> {
        let package = |name: &str, accept: &str| Package {
            name: name.to_owned(),
            accept: accept.to_owned(),
            install: String::new(),
        };
        let accepted = || {
            pins::ACCEPTED
                .iter()
                .map(|range| package(range.package, range.versions))
        };
        match &self.runtime {
            _ if self.mode != Mode::App => Vec::new(),
            Runtime::None => Vec::new(),
            Runtime::Auto | Runtime::Verify => accepted().collect(),
            Runtime::Sdk(version) => {
                let exact = version
                    .as_ref()
                    .map(|version| format!("=={version}"))
                    .unwrap_or_default();
                accepted().chain([package("fal", &exact)]).collect()
            }
            Runtime::Pins => {
                let exact = |pin: &Pin| package(&pin.package, &format!("=={}", pin.version));
                self.pins.iter().map(exact).collect()
            }
        }
    }
}

/// `boto3`, or `boto3==1.35.74` where no other version is taken.
fn shown(package: &Package) -> String {
    match package.is_exact() {
        true => package.requirement(),
        false => package.name.clone(),
    }
}
