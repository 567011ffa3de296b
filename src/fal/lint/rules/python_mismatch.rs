//! The app is pickled by one minor version of Python and unpickled by the same.

use crate::{
    fal::{
        lint::{RuleReport, View, base},
        options::Mode,
    },
    lint::Rule,
    source::Lines,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "PythonMismatch",
    "The Python of the image is another minor version than the one that the app is pickled with"
);

/// What the base says of itself, in its variables or in its name. Where something else brings a Python, the build itself has to look.
pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    let Some(wanted) = view.options.python else {
        return;
    };
    let of_config = view.base.config.and_then(|config| {
        let pairs = config.env.iter().filter_map(|pair| pair.split_once('='));
        let (_, version) = pairs
            .into_iter()
            .find(|(name, _)| *name == "PYTHON_VERSION")?;
        base::minor(version)
    });
    let Some(found) = of_config.or_else(|| base::python(view.base.name)) else {
        return;
    };
    let brings_another = view.of_target().any(|step| {
        let changes_path = step.variables().any(|(name, _)| name == "PATH");
        let mut words = step.commands.iter().flat_map(|command| &command.words);
        changes_path
            || words.any(|word| word.contains("python") && word.contains(&wanted.to_string()))
    });
    if view.options.mode == Mode::App && found != wanted && !brings_another {
        let message = format!(
            "{} has Python {found}, and the app is pickled with {wanted}",
            view.base.name
        );
        let lines = view.base.lines.unwrap_or(Lines::one(1));
        report.say(lines, &[], message, Vec::new());
    }
}
