//! The name of a wheel's file to what it says.
//!
//! Takes `numpy-2.1.3-cp311-cp311-linux_x86_64.whl`; gives the name and the version of the distribution, and compares them with
//! those that stand elsewhere. Knows nothing of tags: who chose the wheel has judged them.

use crate::python::dist_info::normalise;
use crate::python::version::Version;
use crate::wheel::messages::{self, Flaw};

/// The distribution that a wheel is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// As an index compares it: `google-cloud-storage`.
    pub(super) normal: String,
    version: String,
}

impl Name {
    /// `{name}-{version}(-{build})?-{python}-{abi}-{platform}.whl`
    pub(super) fn read(file: &str) -> Result<Self, Flaw> {
        let stem = file
            .strip_suffix(".whl")
            .ok_or_else(messages::not_a_wheel_name)?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version) = match parts.as_slice() {
            [name, version, tags @ ..] if is_build(tags) => (*name, *version),
            _ => return Err(messages::not_a_wheel_name()),
        };
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._".contains(letter);
        let normal = normalise(name);
        if normal.is_empty() || !name.chars().all(is_plain) || parts.contains(&"") {
            return Err(messages::not_a_wheel_name());
        }
        Ok(Self {
            normal,
            version: version.to_owned(),
        })
    }

    /// Whether `{name}-{version}` is this distribution.
    pub(super) fn fits(&self, stem: &str) -> bool {
        stem.rsplit_once('-')
            .is_some_and(|(name, version)| self.is_called(name) && self.has_version(version))
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        normalise(name) == self.normal
    }

    /// Whether it is the same version, perhaps written in another way.
    pub(super) fn has_version(&self, version: &str) -> bool {
        match (self.version.parse::<Version>(), version.parse::<Version>()) {
            (Ok(one), Ok(other)) => one == other,
            _ => self.version.replace('_', "-") == version.trim().replace('_', "-"),
        }
    }
}

/// Three tags, perhaps with a build number before them.
fn is_build(tags: &[&str]) -> bool {
    match tags {
        [_, _, _] => true,
        [build, _, _, _] => build.starts_with(|first: char| first.is_ascii_digit()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_distribution_and_version() {
        let rows = [
            (
                "numpy-2.1.3-cp311-cp311-linux_x86_64.whl",
                "numpy-2.1.3",
                true,
            ),
            ("numpy-2.1.3-1b-cp311-cp311-any.whl", "NumPy-2.1.3.0", true),
            (
                "google_cloud.x-1.0rc1-py3-none-any.whl",
                "google-cloud_x-1.0.rc1",
                true,
            ),
            (
                "torch-2.5.1+cu124-cp311-cp311-any.whl",
                "torch-2.5.1+cu124",
                true,
            ),
            (
                "torch-2.5.1+cu124-cp311-cp311-any.whl",
                "torch-2.5.1",
                false,
            ),
            ("a-1.0_x-py3-none-any.whl", "a-1.0_x", true),
            ("a-1-py3-none-any.whl", "b-1", false),
            ("a-1-py3-none-any.whl", "a", false),
        ];
        for (file, stem, fits) in rows {
            assert_eq!(
                Name::read(file).expect(file).fits(stem),
                fits,
                "{file} {stem}"
            );
        }
        for file in [
            "a-1-py3-none-any.zip",
            "a-1-py3-none.whl",
            "a-1-x-py3-none-any.whl",
            "a-1-1-2-py3-none-any.whl",
            "-1-py3-none-any.whl",
            "a--py3-none-any.whl",
            "a/b-1-py3-none-any.whl",
            "_-1-py3-none-any.whl",
        ] {
            assert_eq!(
                Name::read(file),
                Err(messages::not_a_wheel_name()),
                "{file}"
            );
        }
    }
}
