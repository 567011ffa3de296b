//! fal runs the Python that is first on PATH.

use crate::{
    fal::{
        lint::{RuleReport, View, base, install::Tool},
        options::Mode,
    },
    lint::Rule,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "PythonNotOnPath",
    "fal runs the Python that is first on PATH: one that is not there is not found, and what it has installed neither"
);

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    if view.options.mode == Mode::App {
        loses_folders(view, report);
        leaves_environment(view, report);
    }
}

/// `ENV PATH=` that drops where the Python of the base is.
fn loses_folders(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    let folder = match view.base.config {
        Some(config) => folder_of(&config.env),
        None => base::python(view.base.name).map(|_| "/usr/local/bin"),
    };
    let Some(folder) = folder else { return };
    let last = view.of_target().rev().find_map(|step| {
        let (_, path) = step
            .variables()
            .filter(|(name, _)| *name == "PATH")
            .last()?;
        Some((step, path))
    });
    let Some((step, path)) = last else { return };
    let has_python = path.split(':').any(|entry| {
        entry == folder
            || entry.contains("venv")
            || entry.contains("conda")
            || entry.contains("python")
    });
    // What is expanded from nothing is nothing, and means that the base was not asked.
    if !has_python
        && !step.instruction.original.contains("PATH}")
        && !step.instruction.original.contains("$PATH")
    {
        let message = format!(
            "PATH is set without {folder}, where the Python of {} is: add `:$PATH`",
            view.base.name
        );
        report.say(step.lines(), step.comments(), message, Vec::new());
    }
}

/// Where the base says that its Python is.
fn folder_of(env: &[String]) -> Option<&'static str> {
    let value = |wanted: &str| {
        let mut pairs = env.iter().filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(name, value)| (name == wanted).then_some(value))
    };
    let path = value("PATH").unwrap_or_default();
    let is_on_path = |folder: &str| path.split(':').any(|entry| entry == folder);
    if is_on_path("/opt/conda/bin") {
        return Some("/opt/conda/bin");
    }
    (value("PYTHON_VERSION").is_some() && is_on_path("/usr/local/bin")).then_some("/usr/local/bin")
}

/// `python -m venv DIR` and its pip, and a PATH without its programs.
fn leaves_environment(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    let variables = view.variables();
    let path = variables.get("PATH").copied().unwrap_or_default();
    for (step, install) in view.installs() {
        let Some(environment) = install.environment() else {
            continue;
        };
        let programs = format!("{environment}/bin");
        let is_used = path.split(':').any(|entry| entry == programs);
        let is_absolute = environment.starts_with('/') && !environment.contains('$');
        if install.tool == Tool::Pip && is_absolute && !is_used {
            let message = format!(
                "packages are installed into {environment}, and {programs} is not on PATH: fal runs another Python, which has none of them"
            );
            report.say(step.lines(), step.comments(), message, Vec::new());
            return;
        }
    }
}
