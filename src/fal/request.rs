//! Options to what the helper is asked.

use fal_helper::{
    python::Minor,
    request::{self, Package, Request},
};

use crate::{diagnostic::Diagnostic, image, source::Lines};

use super::{
    options::{Curl, Mode, Options, Origin, Runtime},
    pins,
};

impl Options {
    /// Whether anything is done beyond the Dockerfile.
    pub fn adds_layers(&self) -> bool {
        self.mode != Mode::Off
    }

    /// Where the user asked for the layers: the first `# fal:` line that says something about them.
    pub fn asked_at(&self) -> Option<Lines> {
        ["mode", "runtime", "curl", "python", "pins"]
            .iter()
            .find_map(|key| self.lines(key))
    }

    /// The first thing that was asked for and that this version cannot do.
    pub fn unsupported(&self) -> Option<Diagnostic> {
        let asked = [
            (
                "curl",
                matches!(self.curl, Curl::Image(_)),
                "curl=image:REF",
            ),
            (
                "python-runtime",
                self.python_runtime.is_some(),
                "python-runtime",
            ),
            ("default-ignore", self.default_ignore, "default-ignore=on"),
            (
                "port",
                // A manifest says where fal talks to, and asks for no check.
                self.port.is_some() && self.origin("port") > Origin::Manifest,
                "port",
            ),
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
            packages: self.packages(),
            image: request::Image::from_env(pairs, &image.config.user, &image.config.working_dir),
        }
    }

    /// The packages that must be there, in the order in which they are reported.
    fn packages(&self) -> Vec<Package> {
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
            Runtime::Pins => self.pinned(),
        }
    }

    /// The documented versions, where the user gave no other; then what else the user pinned.
    fn pinned(&self) -> Vec<Package> {
        let own = |name: &str| {
            self.pins
                .iter()
                .find(|pin| pin.package.eq_ignore_ascii_case(name))
        };
        let is_documented = |name: &str| {
            pins::DOCUMENTED
                .iter()
                .any(|pin| pin.package.eq_ignore_ascii_case(name))
        };
        let documented = pins::DOCUMENTED.iter().map(|pin| {
            let version = own(pin.package).map_or(pin.version, |own| own.version.as_str());
            (pin.package, version)
        });
        let others = self.pins.iter().filter(|pin| !is_documented(&pin.package));
        let others = others.map(|pin| (pin.package.as_str(), pin.version.as_str()));
        let exact = |(name, version): (&str, &str)| Package {
            name: name.to_owned(),
            accept: format!("=={version}"),
            install: String::new(),
        };
        documented.chain(others).map(exact).collect()
    }
}
