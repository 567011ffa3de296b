//! What one stage installs, another has only if it takes it along.

use crate::{
    fal::{
        lint::{
            RuleReport, View, base,
            install::{Install, Tool},
            shell,
            view::Step,
        },
        options::Mode,
    },
    instruction::{Copy, Kind},
    lint::Rule,
    stage::Stage,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "PackagesLost",
    "Packages that another stage installs are in the image only where it takes all of them along, to where Python looks"
);

/// More copies from stages are not looked at: each takes a look at the whole stage.
const MOST_COPIES: usize = 64;

/// Where `pip install --user` of root puts packages.
const USER_FOLDER: &str = "/root/.local";

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    if view.options.mode != Mode::App {
        return;
    }
    let copies = view
        .of_target()
        .filter_map(|step| match &step.instruction.kind {
            Kind::Copy(copy) => Some((step, copy, copy.from.as_deref()?)),
            _ => None,
        });
    for (step, copy, from) in copies.take(MOST_COPIES) {
        let Some((id, stage)) = view.stage_of(from) else {
            continue;
        };
        let made: Vec<_> = view.made_by(id).collect();
        let said = environments(&made)
            .iter()
            .find_map(|folder| of_environment(view, copy, folder))
            .or_else(|| of_user(view, copy, &made))
            .or_else(|| of_other_minor(view, copy))
            .or_else(|| of_system(view, copy, &made, stage));
        if let Some(message) = said {
            report.say(step.lines(), step.comments(), message, Vec::new());
        }
    }
}

/// The virtual environments that a stage makes.
fn environments(made: &[&Step<'_>]) -> Vec<String> {
    let commands = made.iter().flat_map(|step| &step.commands);
    let found = commands.filter_map(|command| {
        let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
        let (program, rest) = words.split_first()?;
        let rest = match (shell::name(program), rest) {
            (name, ["-m", "venv" | "virtualenv", rest @ ..]) if name.starts_with("python") => rest,
            ("virtualenv", rest) | ("uv", ["venv", rest @ ..]) => rest,
            _ => return None,
        };
        let folder = rest.iter().find(|word| word.starts_with('/'))?;
        Some(folder.trim_end_matches('/').to_owned())
    });
    found.collect()
}

/// A virtual environment knows its own path, and is found by PATH alone.
fn of_environment(view: &View<'_>, copy: &Copy, folder: &str) -> Option<String> {
    let sources = || {
        copy.transfer
            .sources
            .iter()
            .map(|source| source.trim_end_matches('/'))
    };
    let part = sources().find(|source| {
        source
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    });
    if let Some(part) = part {
        return Some(format!(
            "only {part} of the virtual environment {folder} is copied: copy {folder} as a whole"
        ));
    }
    if !sources().any(|source| source == folder) {
        return None;
    }
    let destination = copy.transfer.destination.trim_end_matches('/');
    if destination != folder && !destination.contains('$') && !destination.is_empty() {
        return Some(format!(
            "a virtual environment works only at its own path: copy {folder} to {folder}, not to {destination}"
        ));
    }
    (!is_on_path(view, &format!("{folder}/bin"))).then(|| {
        format!("{folder}/bin is not on PATH, so fal runs another Python: add `ENV PATH={folder}/bin:$PATH`")
    })
}

/// What `--user` installs is found below the home of whoever runs.
fn of_user(view: &View<'_>, copy: &Copy, made: &[&Step<'_>]) -> Option<String> {
    let mut installs = made.iter().flat_map(|step| &step.installs);
    if !installs.any(|install| install.is_user && install.tool == Tool::Pip) {
        return None;
    }
    let mut sources = copy
        .transfer
        .sources
        .iter()
        .map(|source| source.trim_end_matches('/'));
    let source = sources.find(|source| source.starts_with(USER_FOLDER))?;
    if source != USER_FOLDER {
        return Some(format!(
            "only {source} is copied of what `pip install --user` installs: copy {USER_FOLDER} as a whole"
        ));
    }
    let destination = copy.transfer.destination.trim_end_matches('/');
    let programs = format!("{destination}/bin");
    (destination.starts_with('/') && !is_on_path(view, &programs)).then(|| {
        format!("{programs} is not on PATH, so programs of the packages are not found: add `ENV PATH={programs}:$PATH`")
    })
}

/// `/usr/local/lib/python3.11/site-packages` is of no use to Python 3.12.
fn of_other_minor(view: &View<'_>, copy: &Copy) -> Option<String> {
    let own = base::python(view.base.name)?;
    let paths = copy.transfer.sources.iter();
    let found = paths.filter_map(|path| {
        let (_, rest) = path.split_once("/lib/python")?;
        base::minor(rest.split('/').next()?)
    });
    let other = found.into_iter().find(|minor| *minor != own)?;
    Some(format!(
        "packages of Python {other} are copied, and {} has Python {own}, which does not look there",
        view.base.name
    ))
}

/// What `pip install -r` installs beside the Python of a stage stays with it, where only the app is copied, and nothing else brings
/// packages.
fn of_system(view: &View<'_>, copy: &Copy, made: &[&Step<'_>], stage: &Stage) -> Option<String> {
    let is_below = made.iter().any(|step| step.is_of_target);
    let installs_itself = view.installs().next().is_some() || !view.options.requirements.is_empty();
    let has_environment = || {
        let mut variables = made.iter().flat_map(|step| step.variables());
        variables.any(|(name, _)| {
            matches!(
                name.as_str(),
                "VIRTUAL_ENV" | "PYTHONUSERBASE" | "PIP_TARGET"
            )
        }) || !environments(made).is_empty()
    };
    if is_below || installs_itself || has_environment() {
        return None;
    }
    let is_system = |install: &&Install| {
        let is_beside = install.folder.is_none() && install.environment().is_none();
        install.tool == Tool::Pip && is_beside && !install.is_user && !install.files.is_empty()
    };
    let installs = made.iter().map(|step| (step, &step.installs));
    let (step, _) = installs
        .into_iter()
        .find(|(_, all)| all.iter().any(|it| is_system(&it)))?;
    let name = stage.name.as_deref();
    let mut copies = view
        .of_target()
        .filter_map(|step| match &step.instruction.kind {
            Kind::Copy(other) if other.from == copy.from => Some(other),
            _ => None,
        });
    let brings_packages = copies.any(|copy| {
        copy.transfer.sources.iter().any(|source| {
            let source = source.trim_end_matches('/');
            matches!(source, "" | "." | "/usr" | "/opt")
                || ["/usr/local", "/usr/lib", "-packages", "conda", "venv", "$"]
                    .iter()
                    .any(|part| source.contains(part))
        })
    });
    (!brings_packages).then(|| {
        format!(
            "what line {} installs stays in stage {}: install it here too, or copy /usr/local of that stage",
            step.lines().start,
            name.unwrap_or(copy.from.as_deref().unwrap_or_default())
        )
    })
}

/// Whether the finished image finds programs in a folder. A PATH that is made of what the base sets, which was not asked, has what is
/// written.
fn is_on_path(view: &View<'_>, folder: &str) -> bool {
    let variables = view.variables();
    let path = variables.get("PATH").copied().unwrap_or_default();
    path.split(':').any(|entry| entry == folder)
}
