//! The sentences with which an installation stops a build.

use std::fmt::Display;
use std::path::Path;

use super::installer::Wanted;
use super::process::Outcome;
use crate::failure::{Failure, Kind};
use crate::report;

pub(super) fn io(what: &str, path: &Path, error: &dyn Display) -> Failure {
    Failure::new(
        Kind::File,
        format!("cannot {what} {}: {error}", path.display()),
    )
}

pub(super) fn unknown_manager(name: &str) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "no package manager `{name}` is in the image, though it was when the image was looked at"
        ),
    )
}

pub(super) fn manager_failed(manager: &str, outcome: &str) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "{manager} could not install curl ({outcome}; what it printed is above): the archive of the image's distribution may be out \
             of reach or, for a release that is no longer maintained, moved; install curl in the Dockerfile, or write \
             `# fal: curl=image:REF` with an image that has a static curl"
        ),
    )
}

pub(super) fn curl_still_missing(manager: &str) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "{manager} installed curl, but it is not on the image's PATH: add /usr/bin to PATH in the Dockerfile"
        ),
    )
}

pub(super) fn curl_does_not_start(path: &Path, outcome: &Outcome) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "{} is there but does not start ({outcome}): {}",
            path.display(),
            outcome.cause()
        ),
    )
}

pub(super) fn nothing_to_copy_from() -> Failure {
    Failure::new(
        Kind::Usage,
        "the image that curl is copied from is not mounted",
    )
}

pub(super) fn no_curl_in_image() -> Failure {
    Failure::new(
        Kind::CurlInstall,
        "the image that `curl=image:` names has no curl in /usr/local/bin, /usr/bin, /bin or /: name one with a static curl",
    )
}

pub(super) fn curl_not_static(path: &Path) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "{} of the image that `curl=image:` names needs shared libraries, so it would not start elsewhere: name an image with a \
             static curl",
            path.display()
        ),
    )
}

pub(super) fn no_place_for_curl() -> Failure {
    Failure::new(
        Kind::CurlInstall,
        "the image's PATH names no directory into which curl could be copied",
    )
}

pub(super) fn python_does_not_start(python: &Path, why: &str) -> Failure {
    Failure::new(
        Kind::BrokenPython,
        format!(
            "the image's Python, {}, does not start: {why}",
            python.display()
        ),
    )
}

pub(super) fn no_installer(python: &report::Python) -> Failure {
    Failure::new(
        Kind::NoInstaller,
        format!(
            "Python {} of the image ({}) has no pip that works, nor has the image uv: install one in the Dockerfile (such as \
             `RUN python -m ensurepip` or the package python3-pip), or install the packages there and write `# fal: runtime=verify`",
            python.minor,
            python.prefix.display()
        ),
    )
}

pub(super) fn installer_failed(installer: &str, wanted: &[Wanted], outcome: &Outcome) -> Failure {
    let requirements: Vec<&str> = wanted.iter().map(|it| it.requirement.as_str()).collect();
    Failure::new(
        Kind::PackageInstall,
        format!(
            "{installer} could not install {} ({outcome}; what it printed is above): {}",
            requirements.join(" "),
            outcome.cause()
        ),
    )
}

pub(super) fn still_wrong(installer: Option<&str>, report: &report::Report) -> Option<Failure> {
    let python = report.python.as_ref()?;
    let wrong = report.packages.iter().filter(|package| !package.fits);
    let each: Vec<String> = wrong
        .map(|package| {
            let place = package
                .location
                .as_ref()
                .map(|path| format!(" in {}", path.display()))
                .unwrap_or_default();
            let installed = package.installed.as_deref().unwrap_or("none");
            format!(
                "{} {installed}{place} where {} is needed",
                package.name, package.accept
            )
        })
        .collect();
    if each.is_empty() {
        return None;
    }
    let installer = installer.unwrap_or("the installer");
    Some(Failure::new(
        Kind::PackageInstall,
        format!(
            "{installer} said that it installed the packages, but Python {} ({}) still sees {}",
            python.minor,
            python.prefix.display(),
            each.join("; ")
        ),
    ))
}

pub(super) fn import_failed(module: &str, python: &Path, why: &str) -> Failure {
    Failure::new(
        Kind::Import,
        format!(
            "{module} is installed, but {} cannot import it: {why}",
            python.display()
        ),
    )
}

pub(super) fn other_prefix(python: &report::Python, said: &str) -> String {
    format!(
        "{} says that its prefix is {said}, while its files say {}",
        python.executable.display(),
        python.prefix.display()
    )
}

pub(super) fn other_version(name: &str, installed: &str, said: &str) -> String {
    format!(
        "{name} {installed} is what its metadata says, but what is imported calls itself {said}"
    )
}
