//! Makes the packages right.
//!
//! Links the names that are missing, installs what is missing or outside its range, and then shows that it is right:
//! versions from the metadata, and one start of Python that imports them. Where nothing is to be installed it only shows.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::imports::{self, Itself, Module};
use super::installer::{self, Place, Target, Wanted};
use super::requirements::startable;
use super::traces::Traces;
use super::{Scratch, messages};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::look::{ImageFacts, look, look_with};
use crate::package_manager::{COMMON_TRACES, with_default};
use crate::report::{Check, Link, Package, Python, Report, Step};
use crate::request::{Request, Runtime};
use crate::root::Root;

/// Where installers leave what they keep for themselves, besides the usual places.
pub(super) const TRACES: &[&str] = &[
    "/root/.cache",
    "/root/.local/share/uv",
    "/root/.config/pip",
    "/root/.config/uv",
];

/// Distributions whose module is not called like them, or imports so lazily that another one must be tried: the
/// distribution, the module that knows the version, the module that fails when something is missing.
const MODULES: &[(&str, &str, &str)] = &[
    (
        "protobuf",
        "google.protobuf",
        "google.protobuf.descriptor_pb2",
    ),
    ("pydantic", "pydantic", "pydantic.main"),
    ("boto3", "boto3", "boto3.session"),
    ("grpcio", "grpc", "grpc"),
];

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
    // uv locks an environment with a file that it leaves there.
    let lock = python.prefix.join(".lock");
    let usual = COMMON_TRACES.iter().chain(TRACES).map(Path::new);
    let traces = Traces::around(root, python, usual.chain([lock.as_path()]));
    let scratch = Scratch::new(root)
        .map_err(|error| messages::io("make a folder in", Path::new("/tmp"), &error))?;
    let environment = Environment::new(given, &with_default(&path))
        .with("TMPDIR", &scratch.path)
        .with("PYTHONDONTWRITEBYTECODE", "1");

    python
        .links
        .iter()
        .try_for_each(|link| make_link(root, link))?;
    let (itself, environment) = imports::start(&python.executable, environment)?;
    let change = Change {
        root,
        request,
        python,
        itself,
        path: &path,
        wheels,
        scratch: &scratch.path,
        environment,
    };
    let mut report = change.run()?;
    show_curl(&mut report, looked, root, &change.environment);
    drop(scratch);
    traces.restore();
    Ok(report)
}

/// Starts the Python of an image and imports the packages that a report says are in it. What was tried is in the report then, and what is
/// wrong is its failure. `given` are the variables of this process.
pub fn import(
    root: &Root,
    report: Report,
    given: impl IntoIterator<Item = (OsString, OsString)>,
) -> Report {
    let mut report = report;
    let (Some(request), Some(python)) = (&report.request, report.python.clone()) else {
        return report;
    };
    let path = ImageFacts::new(root, &request.image).path;
    let environment = Environment::new(given, &with_default(&path));
    let python = startable(root, python);
    let imported = imports::start(&python.executable, environment)
        .and_then(|(_, environment)| check_imports(&mut report, &python, &environment));
    report.failure = imported.err();
    report
}

/// A Python that was started, and what is needed to change what is installed for it.
struct Change<'a> {
    root: &'a Root,
    request: &'a Request,
    /// As its files told.
    python: &'a Python,
    /// As it says.
    itself: Itself,
    /// The directories of the image's PATH.
    path: &'a [PathBuf],
    wheels: Option<&'a Path>,
    scratch: &'a Path,
    environment: Environment,
}

impl Change<'_> {
    fn run(&self) -> Result<Report, Failure> {
        let before = self.look();
        if let Some(failure) = before.failure {
            return Err(failure);
        }
        let python = before.python.as_ref().unwrap_or(self.python);
        let wanted: Vec<Wanted> = before.packages.iter().filter_map(wanted).collect();
        let installer = if wanted.is_empty() {
            None
        } else {
            Some(self.install(python, &wanted)?)
        };
        let mut after = self.look();
        if self.request.runtime.installs()
            && let Some(failure) = messages::still_wrong(installer.as_deref(), &after)
        {
            return Err(failure);
        }
        if self.request.runtime != Runtime::None {
            check_imports(&mut after, self.python, &self.environment)?;
        }
        if Path::new(&self.itself.prefix) != self.python.prefix
            || self.itself.minor != self.python.minor
        {
            after
                .warnings
                .push(messages::other_prefix(self.python, &self.itself.prefix));
        }
        Ok(self.merge(&before, after, installer))
    }

    fn look(&self) -> Report {
        look_with(self.root, self.request, &self.itself.site())
    }

    /// Installs; gives the name of who did.
    fn install(&self, python: &Python, wanted: &[Wanted]) -> Result<String, Failure> {
        let target = Target {
            root: self.root,
            python,
            stdlib: &self.itself.stdlib,
            path: self.path,
            wheels: self.wheels,
            scratch: self.scratch,
            environment: &self.environment,
        };
        let installer = installer::choose(&target).ok_or_else(|| messages::no_installer(python))?;
        let python = &python.executable;
        let place = Place {
            root: self.root,
            python,
            site: &self.itself.site(),
        };
        let outcome = installer
            .install(&place, wanted)
            .map_err(|error| messages::io("start the installer of", python, &error))?;
        if !outcome.success() {
            return Err(messages::installer_failed(
                &installer.name,
                wanted,
                &outcome,
            ));
        }
        Ok(installer.name)
    }

    /// What there is now, with what was asked and what there was before.
    fn merge(&self, before: &Report, after: Report, installer: Option<String>) -> Report {
        let mut report = Report {
            step: Step::Runtime,
            request: None,
            ..after
        };
        if let Some(now) = &mut report.python {
            now.links = self.python.links.clone();
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
}

/// Imports the packages of a report that are there, and says in it what came of it.
fn check_imports(
    report: &mut Report,
    python: &Python,
    environment: &Environment,
) -> Result<(), Failure> {
    let present: Vec<&Package> = report
        .packages
        .iter()
        .filter(|package| package.installed.is_some())
        .collect();
    if present.is_empty() {
        return Ok(());
    }
    // A package that PYTHONPATH or the user's own directory holds is one that fal sees, and isolation hides.
    let holds_one = |directory: &&PathBuf| {
        present
            .iter()
            .any(|it| it.location.as_ref() == Some(directory))
    };
    let front: Vec<PathBuf> = python
        .before_site
        .iter()
        .filter(holds_one)
        .cloned()
        .collect();
    let modules: Vec<Module> = present
        .iter()
        .map(|package| module(&package.name))
        .collect();
    let python = &python.executable;
    let imported = imports::import(python, &front, &modules, environment)?;

    let (mut checks, mut warnings) = (Vec::new(), Vec::new());
    for (package, module) in present.iter().zip(&modules) {
        let answer = imported.get(&module.name);
        if let Some(why) = answer.map_or(Some("no answer"), |answer| answer.error.as_deref()) {
            return Err(messages::import_failed(&module.probe, python, why));
        }
        let version = answer
            .map(|answer| answer.version.clone())
            .unwrap_or_default();
        let installed = package.installed.as_deref().unwrap_or_default();
        if !version.is_empty() && version != installed {
            warnings.push(messages::other_version(&package.name, installed, &version));
        }
        checks.push(Check {
            name: format!("import {}", module.probe),
            passed: true,
            detail: version,
        });
    }
    report.checks = checks;
    report.warnings.extend(warnings);
    Ok(())
}

/// What the step before did, and that curl starts: a curl that was there all along and does not is the user's own.
fn show_curl(report: &mut Report, looked: &Report, root: &Root, environment: &Environment) {
    let Some(path) = &report.curl.path else {
        return;
    };
    report.curl.action = looked.curl.action.clone();
    match super::curl::version_of(root, path, environment) {
        Ok(version) => report.curl.version = Some(version),
        Err(failure) => report.warnings.push(failure.sentence),
    }
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

fn wanted(package: &Package) -> Option<Wanted> {
    Some(Wanted {
        requirement: package.requirement.clone()?,
        replaces: package.location.is_some(),
    })
}

/// How a distribution is imported.
fn module(distribution: &str) -> Module {
    let (name, probe) = MODULES
        .iter()
        .find(|(other, ..)| *other == distribution)
        .map_or_else(
            || (distribution.replace(['-', '.'], "_"), None),
            |(_, name, probe)| ((*name).to_owned(), Some(*probe)),
        );
    Module {
        probe: probe.map_or_else(|| name.clone(), str::to_owned),
        name,
    }
}
