//! Why a build must stop.
//!
//! Each kind has an exit code, so that who sees only the code still knows the kind, and one sentence that says what is
//! wrong and what to do. The sentence is the whole of what the step writes on its standard error of its own.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a build must stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub kind: Kind,
    /// What is wrong, and what to do.
    pub sentence: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, sentence: impl Into<String>) -> Self {
        Self {
            kind,
            sentence: sentence.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}

/// The kinds of failures, each with its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The arguments are not those of a step: a mistake of the frontend.
    Usage,
    /// A file of the step's own could not be read or written.
    File,
    /// `mode=app`, and the image has no Python.
    NoPython,
    /// The image's Python is not the one that was asked for.
    OtherPython,
    /// `curl=verify`, and the image has none.
    NoCurl,
    /// curl must be installed, and the image has no package manager.
    NoPackageManager,
    /// `runtime=verify`, and a package is missing or outside its range.
    Packages,
    /// A wrong package stands in front of where packages are installed.
    Hidden,
    /// The package manager, or the copy, failed.
    CurlInstall,
    /// Nothing is there that could install packages.
    NoInstaller,
    /// The installer failed.
    PackageInstall,
    /// A package is installed but cannot be imported.
    Import,
    /// The image's Python does not start.
    BrokenPython,
    /// The secret that fingerprints are made with is empty.
    EmptyKey,
    /// No distribution fits a requirement.
    RequirementNotFound,
    /// Requirements contradict each other.
    RequirementConflict,
    /// The installer failed with the requirements for another reason.
    RequirementInstall,
    /// A secret that requirements name was not given, is empty, or is not text.
    RequirementSecret,
    /// The image's USER is nobody, or may not run what fal starts.
    User,
    /// A wheel is not one that can be installed.
    Wheel,
}

/// Every kind and its code.
const CODES: &[(Kind, u8)] = &[
    (Kind::Usage, 64),
    (Kind::File, 74),
    (Kind::NoPython, 80),
    (Kind::OtherPython, 81),
    (Kind::NoCurl, 82),
    (Kind::NoPackageManager, 83),
    (Kind::Packages, 84),
    (Kind::Hidden, 85),
    (Kind::CurlInstall, 86),
    (Kind::NoInstaller, 87),
    (Kind::PackageInstall, 88),
    (Kind::Import, 89),
    (Kind::BrokenPython, 90),
    (Kind::EmptyKey, 91),
    (Kind::RequirementNotFound, 92),
    (Kind::RequirementConflict, 93),
    (Kind::RequirementInstall, 94),
    (Kind::RequirementSecret, 95),
    (Kind::User, 96),
    (Kind::Wheel, 97),
];

impl Kind {
    /// The code with which the step exits.
    pub fn exit_code(self) -> u8 {
        CODES
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or(1, |(_, code)| *code)
    }

    /// The kind of a code.
    pub fn from_exit_code(code: u8) -> Option<Self> {
        CODES
            .iter()
            .find(|(_, other)| *other == code)
            .map(|(kind, _)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_name_kinds() {
        for (kind, code) in CODES {
            assert_eq!(kind.exit_code(), *code);
            assert_eq!(Kind::from_exit_code(*code), Some(*kind));
        }
        assert_eq!(Kind::from_exit_code(1), None);
    }
}
