//! What one stage installs, another has only if it takes it along.

use std::collections::{HashMap, HashSet};

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

/// More copies from stages are not looked at: each takes a look at the whole file.
const MOST_COPIES: usize = 64;

/// No virtual environment lies deeper than this.
const DEEPEST: usize = 32;

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
    let variables = view.variables();
    let path = variables.get("PATH").copied().unwrap_or_default();
    // A PATH that is made of what the base sets, which was not asked, has what is written.
    let path: HashSet<&str> = path.split(':').collect();
    let mut stages: HashMap<&str, Option<Made<'_>>> = HashMap::new();
    for (step, copy, from) in copies.take(MOST_COPIES) {
        let made = stages.entry(from).or_insert_with(|| Made::new(view, from));
        let Some(made) = made else {
            continue;
        };
        let said = of_environment(&path, copy, &made.environments)
            .or_else(|| of_user(&path, copy, &made.steps))
            .or_else(|| of_other_minor(view, copy))
            .or_else(|| of_system(view, copy, made));
        if let Some(message) = said {
            report.say(step.lines(), step.comments(), message, Vec::new());
        }
    }
}

/// What a stage has.
struct Made<'a> {
    stage: &'a Stage,
    /// The commands that made it.
    steps: Vec<&'a Step<'a>>,
    /// The folders of its virtual environments.
    environments: HashSet<&'a str>,
}

impl<'a> Made<'a> {
    fn new(view: &'a View<'_>, from: &str) -> Option<Self> {
        let (id, stage) = view.stage_of(from)?;
        let steps: Vec<_> = view.made_by(id).collect();
        Some(Self {
            stage,
            environments: environments(&steps),
            steps,
        })
    }
}

/// The virtual environments that a stage makes.
fn environments<'a>(made: &[&'a Step<'a>]) -> HashSet<&'a str> {
    let commands = made.iter().flat_map(|step| &step.commands);
    let found = commands.filter_map(|command| {
        let words: Vec<&'a str> = command.words.iter().map(String::as_str).collect();
        let (program, rest) = words.split_first()?;
        let rest = match (shell::name(program), rest) {
            (name, ["-m", "venv" | "virtualenv", rest @ ..]) if name.starts_with("python") => rest,
            ("virtualenv", rest) | ("uv", ["venv", rest @ ..]) => rest,
            _ => return None,
        };
        let folder = rest.iter().find(|word| word.starts_with('/'))?;
        Some(folder.trim_end_matches('/'))
    });
    found.collect()
}

/// A virtual environment knows its own path, and is found by PATH alone.
fn of_environment(
    path: &HashSet<&str>,
    copy: &Copy,
    environments: &HashSet<&str>,
) -> Option<String> {
    let destination = copy.transfer.destination.trim_end_matches('/');
    let mut sources = copy.transfer.sources.iter();
    sources.find_map(|source| {
        let source = source.trim_end_matches('/');
        if let Some(folder) = above(source).find(|folder| environments.contains(folder)) {
            return Some(format!(
                "only {source} of the virtual environment {folder} is copied: copy {folder} as a whole"
            ));
        }
        let folder = environments.get(source)?;
        if destination != *folder && !destination.contains('$') && !destination.is_empty() {
            return Some(format!(
                "a virtual environment works only at its own path: copy {folder} to {folder}, not to {destination}"
            ));
        }
        (!path.contains(format!("{folder}/bin").as_str())).then(|| {
            format!("{folder}/bin is not on PATH, so fal runs another Python: add `ENV PATH={folder}/bin:$PATH`")
        })
    })
}

/// The folders that a path lies in, the outermost first.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    ends.take(DEEPEST).filter_map(|end| path.get(..end))
}

/// What `--user` installs is found below the home of whoever runs.
fn of_user(path: &HashSet<&str>, copy: &Copy, made: &[&Step<'_>]) -> Option<String> {
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
    (destination.starts_with('/') && !path.contains(programs.as_str())).then(|| {
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
fn of_system(view: &View<'_>, copy: &Copy, from: &Made<'_>) -> Option<String> {
    let made = &from.steps;
    let is_below = made.iter().any(|step| step.is_of_target);
    let installs_itself = view.installs().next().is_some() || !view.options.requirements.is_empty();
    let has_environment = || {
        let mut variables = made.iter().flat_map(|step| step.variables());
        variables.any(|(name, _)| {
            matches!(
                name.as_str(),
                "VIRTUAL_ENV" | "PYTHONUSERBASE" | "PIP_TARGET"
            )
        }) || !from.environments.is_empty()
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
    let name = from.stage.name.as_deref();
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
