//! The package versions that fal documents and accepts: data with a date.
//!
//! As of 2026-10-23, fal 1.83.0.
//!
//! To bring this up to date:
//!
//! 1. Open <https://docs.fal.ai>, "Use a custom container image". If the page names other versions to install last,
//!    change [`DOCUMENTED`].
//! 2. `pip download --no-deps fal isolate isolate_proto` and read `Requires-Python` and `Requires-Dist` in each
//!    `METADATA`. Where a range moved, change [`ACCEPTED`] and [`PYTHON`].
//! 3. Change the date above and [`FAL_VERSION`], and add a line to CHANGELOG.md: users see it in reports, and keys change.

/// The version of fal whose metadata stand here.
pub const FAL_VERSION: &str = "1.83.0";

/// The Pythons that fal runs on (`Requires-Python`). With another one `runtime=sdk` is an error, because pip would silently
/// take an old release of fal; the rest warns.
pub const PYTHON: &str = ">=3.10";

/// A package that fal's documentation names with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documented {
    /// The name on the package index.
    pub package: &'static str,
    /// The version to install.
    pub version: &'static str,
}

/// What `runtime=pins` installs, after everything else. fal's page of 2025; that of 2026 says `pip install fal`
/// instead, which brings no boto3.
pub const DOCUMENTED: &[Documented] = &[
    Documented {
        package: "pydantic",
        version: "2.10.6",
    },
    Documented {
        package: "protobuf",
        version: "4.25.1",
    },
    Documented {
        package: "boto3",
        version: "1.35.74",
    },
];

/// A package that must be there, and the versions of it that work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The name on the package index.
    pub package: &'static str,
    /// What Python imports it as: where the range is loose, the import is the check.
    pub import: &'static str,
    /// A version specifier (PEP 440); empty means any.
    pub versions: &'static str,
}

/// What `runtime=auto` and `runtime=verify` hold the image to.
pub const ACCEPTED: &[Accepted] = &[
    // `Requires-Dist` of fal.
    Accepted {
        package: "pydantic",
        import: "pydantic",
        versions: "!=2.0.*,!=2.1.*,!=2.2.*,!=2.3.*,!=2.4.*",
    },
    // `Requires-Dist` of isolate. Generated code of isolate_proto says 5.26.1 and imports with 3.20.3 to 7.36.2.
    Accepted {
        package: "protobuf",
        import: "google.protobuf",
        versions: ">=3.20.0",
    },
    // Imported when a file goes to S3 or R2; required by nothing.
    Accepted {
        package: "boto3",
        import: "boto3",
        versions: "",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_documented_is_what_is_looked_at() {
        let documented: Vec<_> = DOCUMENTED.iter().map(|pin| pin.package).collect();
        let accepted: Vec<_> = ACCEPTED.iter().map(|range| range.package).collect();
        assert_eq!(documented, accepted);
    }
}
