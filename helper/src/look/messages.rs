//! The sentences with which a look stops a build, and its warnings.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind};
use crate::python::Minor;
use crate::python::find::{Facts, NotFound};
use crate::python::interpreter::Unknown;
use crate::report;
use crate::user;

/// What ends a sentence about a Python that is not there.
const OTHER_WAYS: &str = "or write `# fal: mode=server` if the image runs a server \
                          of its own, or `# fal: mode=off` for a plain Dockerfile build";

pub(super) fn python_not_found(
    why: &NotFound,
    wanted: Option<Minor>,
    facts: &Facts<'_>,
) -> Failure {
    match why {
        NotFound::Absent => no_python(wanted, facts),
        NotFound::Unknown(path, Unknown::Script) => Failure::new(
            Kind::NoPython,
            format!(
                "{} is a script, so it cannot be told which Python fal would run: put the directory of the interpreter \
                 itself first on PATH, {OTHER_WAYS}",
                path.display()
            ),
        ),
        NotFound::Unknown(path, _) => Failure::new(
            Kind::NoPython,
            format!(
                "{} is no CPython with a standard library that could be found (lib/pythonX.Y/os.py below its prefix): \
                 install a complete Python, {OTHER_WAYS}",
                path.display()
            ),
        ),
        NotFound::Other(path, minor) => {
            let wanted =
                wanted.map_or_else(|| "another version".to_owned(), |wanted| wanted.to_string());
            Failure::new(
                Kind::OtherPython,
                format!(
                    "the app is made for Python {wanted}, but the image has Python {minor} ({}): fal unpickles the app with the \
                     version that pickled it, so start FROM an image with Python {wanted} or write `# fal: python={minor}`",
                    path.display()
                ),
            )
        }
    }
}

fn no_python(wanted: Option<Minor>, facts: &Facts<'_>) -> Failure {
    let versioned = wanted.map_or_else(|| "python3.N".to_owned(), |minor| format!("python{minor}"));
    let image = wanted.map_or_else(
        || "python:3.11-slim".to_owned(),
        |minor| format!("python:{minor}-slim"),
    );
    let searched = match facts.exec_prefix {
        Some(prefix) => format!(
            "{}/bin (ISOLATE_CONTAINER_PYTHON_EXEC_PREFIX)",
            prefix.display()
        ),
        None => list(facts.path),
    };
    Failure::new(
        Kind::NoPython,
        format!(
            "the image has no Python, and a fal.App runs inside one: {versioned}, python and python3 are not in {searched}; \
             start FROM an image with Python such as {image}, {OTHER_WAYS}"
        ),
    )
}

pub(super) fn unfit_python(python: &report::Python, range: &str) -> Failure {
    Failure::new(
        Kind::OtherPython,
        format!(
            "the image has Python {} ({}), and fal runs on Python {range}: pip would silently install an old release of fal; \
             start FROM an image with such a Python, or name the release with `# fal: runtime=sdk==X`",
            python.minor,
            python.executable.display()
        ),
    )
}

pub(super) fn old_python(python: &report::Python, range: &str) -> String {
    format!(
        "fal's own packages run on Python {range}, and the image has {}: an app may not start",
        python.minor
    )
}

pub(super) fn lost_library(home: &str, python: &report::Python) -> Failure {
    Failure::new(
        Kind::BrokenPython,
        format!(
            "ENV PYTHONHOME={home} keeps {} from starting, as no library of Python {} is there: take it out of ENV",
            python.executable.display(),
            python.minor
        ),
    )
}

pub(super) fn unknown_user(user: &str, unknown: &user::Unknown) -> Failure {
    let (what, file, program) = match unknown {
        user::Unknown::User => ("user", "/etc/passwd", "useradd"),
        user::Unknown::Group => ("group", "/etc/group", "groupadd"),
    };
    Failure::new(
        Kind::User,
        format!(
            "no process can be started as USER {user}, because {file} of the image has no such {what}: make it in the Dockerfile \
             (`RUN {program} …`), or write its number"
        ),
    )
}

pub(super) fn closed(user: &str, path: &Path, closed: &Path) -> Failure {
    let closed = closed.display();
    Failure::new(
        Kind::User,
        format!(
            "USER {user} cannot use {}, because {closed} is closed to that user: write `RUN chmod a+rx {closed}` in the \
             Dockerfile, or install it elsewhere",
            path.display()
        ),
    )
}

pub(super) fn no_curl(path: &[PathBuf]) -> Failure {
    Failure::new(
        Kind::NoCurl,
        format!(
            "the image has no curl, which fal uses when a runner starts: it is not in {}; install it in the Dockerfile, or \
             write `# fal: curl=auto` to have it installed",
            list(path)
        ),
    )
}

pub(super) fn no_package_manager() -> Failure {
    let known: Vec<&str> = crate::package_manager::MANAGERS
        .iter()
        .map(|manager| manager.name)
        .collect();
    Failure::new(
        Kind::NoPackageManager,
        format!(
            "the image has no curl, which fal uses when a runner starts, and no package manager that could install it \
             (looked for {}); write `# fal: curl=image:REF`, where REF is an image with a static curl, to have it copied, or \
             `# fal: curl=none` to do without",
            known.join(", ")
        ),
    )
}

pub(super) fn no_certificates() -> String {
    "curl is there, but no bundle of CA certificates: https will fail until the image has one (package ca-certificates)".to_owned()
}

pub(super) fn wrong_packages(wrong: &[&report::Package], python: &report::Python) -> Failure {
    let each: Vec<String> = wrong
        .iter()
        .map(|package| {
            let accept = if package.accept.is_empty() {
                "any version"
            } else {
                &package.accept
            };
            match &package.installed {
                Some(installed) => format!(
                    "{} {installed} is installed and fal needs {accept}",
                    package.name
                ),
                None => format!("{} is not installed and fal needs {accept}", package.name),
            }
        })
        .collect();
    Failure::new(
        Kind::Packages,
        format!(
            "the Python packages are not what fal needs: {} (Python {}, {}); install them last in the Dockerfile, or write \
             `# fal: runtime=auto` to have them installed",
            each.join("; "),
            python.minor,
            python.prefix.display()
        ),
    )
}

pub(super) fn hidden(package: &report::Package) -> Failure {
    let location = package
        .location
        .as_ref()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    Failure::new(
        Kind::Hidden,
        format!(
            "{} {} in {location} comes before the packages of the image's Python and is not one fal takes ({}): remove it there, \
             or take that directory out of PYTHONPATH",
            package.name,
            package.installed.as_deref().unwrap_or_default(),
            package.accept
        ),
    )
}

/// `/usr/bin, /bin`; a PATH of many entries is cut.
fn list(directories: &[PathBuf]) -> String {
    const SHOWN: usize = 12;
    let mut names: Vec<String> = directories
        .iter()
        .take(SHOWN)
        .map(|path| path.display().to_string())
        .collect();
    if directories.len() > SHOWN {
        names.push(format!("… ({} more)", directories.len() - SHOWN));
    }
    names.join(", ")
}
