//! Makes the packages right.
//!
//! Links the names that are missing, installs what is missing or outside its range, and then shows that it is right:
//! versions from the metadata, and one start of Python that imports them. Where nothing is to be installed it only shows.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::imports;
use super::installer::{self, Target};
use super::traces::Traces;
use super::{Scratch, messages};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::look::{ImageFacts, look};
use crate::package_manager::{COMMON_TRACES, with_default};
use crate::report::{Check, Link, Package, Python, Report, Step};
use crate::request::{Request, Runtime};
use crate::root::Root;

/// Where installers leave what they keep for themselves, besides the usual places.
const TRACES: &[&str] = &[
    "/root/.cache",
    "/root/.local/share/uv",
    "/root/.config/pip",
    "/root/.config/uv",
];

/// Modules of distributions whose module is not called like them.
const MODULES: &[(&str, &str)] = &[("protobuf", "google.protobuf"), ("grpcio", "grpc")];

/// Installs what the report of `look` asks for. `given` are the variables of this process; `wheels` is a folder with a
/// wheel of pip or uv for a Python that has none.
pub fn install(
    root: &Root,
    looked: &Report,
    wheels: Option<&Path>,
    given: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Report, Failure> {
    let Some(request) = &looked.request else {
        return Ok(looked.clone());
    };
    // curl may have been installed meanwhile, and a package manager may bring more than it is asked for.
    let before = look(root, request);
    if let Some(failure) = before.failure {
        return Err(failure);
    }
    let Some(python) = &before.python else {
        return Ok(Report {
            step: Step::Runtime,
            request: None,
            ..before
        });
    };
    let path = ImageFacts::new(root, &request.image).path;
    let traces = Traces::of(root, COMMON_TRACES.iter().chain(TRACES));
    let scratch = Scratch::new(root)
        .map_err(|error| messages::io("make a folder in", Path::new("/tmp"), &error))?;
    let environment = Environment::new(given, &with_default(&path))
        .with("TMPDIR", &scratch.path)
        .with("PYTHONDONTWRITEBYTECODE", "1");

    let means = Means {
        path: &path,
        wheels,
        scratch: &scratch.path,
        environment,
    };
    let mut report = change(root, request, &before, python, &means)?;
    show_curl(&mut report, looked, &means.environment);
    drop(scratch);
    traces.restore();
    Ok(report)
}

/// What the step before did, and that curl starts: a curl that was there all along and does not is the user's own.
fn show_curl(report: &mut Report, looked: &Report, environment: &Environment) {
    let Some(path) = &report.curl.path else {
        return;
    };
    report.curl.action = looked.curl.action.clone();
    match super::curl::version_of(path, environment) {
        Ok(version) => report.curl.version = Some(version),
        Err(failure) => report.warnings.push(failure.sentence),
    }
}

/// What a change works with.
struct Means<'a> {
    path: &'a [PathBuf],
    wheels: Option<&'a Path>,
    scratch: &'a Path,
    environment: Environment,
}

fn change(
    root: &Root,
    request: &Request,
    before: &Report,
    python: &Python,
    means: &Means<'_>,
) -> Result<Report, Failure> {
    for link in &python.links {
        make_link(root, link)?;
    }
    let (itself, environment) = imports::start(&python.executable, means.environment.clone())?;
    let mut warnings = Vec::new();
    if Path::new(&itself.prefix) != python.prefix || itself.minor != python.minor {
        warnings.push(messages::other_prefix(python, &itself.prefix));
    }

    let requirements: Vec<String> = before
        .packages
        .iter()
        .filter_map(|it| it.requirement.clone())
        .collect();
    let mut installer_name = None;
    if !requirements.is_empty() {
        let target = Target {
            root,
            python,
            stdlib: Some(itself.stdlib),
            path: means.path,
            wheels: means.wheels,
            scratch: means.scratch,
            environment: &environment,
        };
        let installer = installer::choose(&target).ok_or_else(|| messages::no_installer(python))?;
        let outcome = installer
            .install(&python.executable, &requirements)
            .map_err(|error| messages::io("start the installer of", &python.executable, &error))?;
        if !outcome.success() {
            return Err(messages::installer_failed(
                &installer.name,
                &requirements,
                &outcome,
            ));
        }
        installer_name = Some(installer.name);
    }

    let mut after = look(root, request);
    if request.runtime.installs()
        && let Some(failure) = messages::still_wrong(installer_name.as_deref(), &after)
    {
        return Err(failure);
    }
    if request.runtime != Runtime::None {
        after.checks = check_imports(&after, python, &environment, &mut warnings)?;
    }
    let mut report = merge(before, after, python, installer_name);
    report.warnings.extend(warnings);
    Ok(report)
}

fn make_link(root: &Root, link: &Link) -> Result<(), Failure> {
    let failed = |error: std::io::Error| messages::io("link", &link.path, &error);
    let directory = link.path.parent().unwrap_or(Path::new("/"));
    let directory = match root.resolve(directory) {
        Ok(found) => root.host(&found.path),
        Err(_) => {
            let made = root.host(directory);
            fs::create_dir_all(&made).map_err(failed)?;
            made
        }
    };
    symlink(
        &link.target,
        directory.join(link.path.file_name().unwrap_or_default()),
    )
    .map_err(failed)
}

fn check_imports(
    report: &Report,
    python: &Python,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Result<Vec<Check>, Failure> {
    let present: Vec<&Package> = report
        .packages
        .iter()
        .filter(|package| package.installed.is_some())
        .collect();
    if present.is_empty() {
        return Ok(Vec::new());
    }
    // A package that PYTHONPATH or the user's own directory holds is one that fal sees, and isolation hides.
    let front: Vec<PathBuf> = python
        .before_site
        .iter()
        .filter(|directory| {
            present
                .iter()
                .any(|package| package.location.as_ref() == Some(directory))
        })
        .cloned()
        .collect();
    let modules: Vec<String> = present
        .iter()
        .map(|package| module(&package.name))
        .collect();
    let imported = imports::import(&python.executable, &front, &modules, environment)?;

    let mut checks = Vec::new();
    for (package, module) in present.iter().zip(&modules) {
        let answer = imported.get(module);
        if let Some(why) = answer.map_or(Some("no answer"), |answer| answer.error.as_deref()) {
            return Err(messages::import_failed(module, &python.executable, why));
        }
        let version = answer
            .map(|answer| answer.version.clone())
            .unwrap_or_default();
        let installed = package.installed.as_deref().unwrap_or_default();
        if !version.is_empty() && version != installed {
            warnings.push(messages::other_version(&package.name, installed, &version));
        }
        checks.push(Check {
            name: format!("import {module}"),
            passed: true,
            detail: version,
        });
    }
    Ok(checks)
}

/// The module that a distribution is imported by.
fn module(name: &str) -> String {
    MODULES
        .iter()
        .find(|(distribution, _)| *distribution == name)
        .map_or_else(
            || name.replace(['-', '.'], "_"),
            |(_, module)| (*module).to_owned(),
        )
}

/// What there is now, with what was asked and what there was before.
fn merge(before: &Report, after: Report, python: &Python, installer: Option<String>) -> Report {
    let mut report = Report {
        step: Step::Runtime,
        request: None,
        ..after
    };
    if let Some(now) = &mut report.python {
        now.links = python.links.clone();
        now.installer = installer;
    }
    for (package, was) in report.packages.iter_mut().zip(&before.packages) {
        package.requirement = was.requirement.clone();
        package.before = was
            .installed
            .clone()
            .filter(|_| was.installed != package.installed);
    }
    report
}
