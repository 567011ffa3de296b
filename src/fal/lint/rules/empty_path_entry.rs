//! An empty entry in a list of folders is the current one.

use crate::{
    fal::lint::{RuleReport, View, fix, view::Step},
    instruction::Kind,
    lint::{Edit, Rule},
    plan::Seen,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "EmptyPathEntry",
    "An empty entry in PATH, PYTHONPATH or LD_LIBRARY_PATH is the current folder, from which files are then taken"
);

/// Variables that are lists of folders.
const LISTS: [&str; 4] = ["PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LIBRARY_PATH"];

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    for step in &view.steps {
        let Kind::Env(env) = &step.instruction.kind else {
            continue;
        };
        for ((name, value), written) in step.variables().zip(&env.pairs) {
            let is_list = LISTS.contains(&name.as_str());
            if !is_list || value.is_empty() || value.split(':').all(|entry| !entry.is_empty()) {
                continue;
            }
            let written = written.value.trim_matches(['"', '\'']);
            let (message, fix) = if let Some(empty) = unset(view, step, name, written) {
                // The base may set it, and was not asked.
                if view.base.config.is_none() && !view.base.is_scratch {
                    continue;
                }
                let instead = conditional(&empty, name);
                let message = format!(
                    "{name} is not set before, so an empty entry remains: write `{instead}` for `{empty}`"
                );
                let fix = fix::replace(view, step.lines(), &empty, &instead);
                (message, fix)
            } else if has_empty_entry(written) {
                let message = format!(
                    "{name} has an empty entry, which is the current folder: take the colon away"
                );
                (message, without_colon(view, step, written))
            } else {
                continue;
            };
            report.say(step.lines(), step.comments(), message, fix);
        }
    }
}

/// `:${NAME}` or `${NAME}:` as written, where the variable itself is not set.
fn unset(view: &View<'_>, step: &Step<'_>, name: &str, written: &str) -> Option<String> {
    let is_unset = step.seen.iter().any(
        |seen| matches!(seen, Seen::Unset { names, .. } if names.iter().any(|unset| unset == name)),
    );
    let _ = view;
    let spellings = [format!("${{{name}}}"), format!("${name}")];
    let found = spellings.iter().find_map(|spelling| {
        [format!(":{spelling}"), format!("{spelling}:")]
            .into_iter()
            .find(|piece| written.ends_with(piece.as_str()) || written.starts_with(piece.as_str()))
    });
    found.filter(|_| is_unset)
}

/// The same piece, which is nothing where the variable is not set.
fn conditional(piece: &str, name: &str) -> String {
    match piece.starts_with(':') {
        true => format!("${{{name}:+:${name}}}"),
        false => format!("${{{name}:+${name}:}}"),
    }
}

fn has_empty_entry(written: &str) -> bool {
    written.starts_with(':') || written.ends_with(':') || written.contains("::")
}

fn without_colon(view: &View<'_>, step: &Step<'_>, written: &str) -> Vec<Edit> {
    let mut better = written.trim_matches(':').to_owned();
    while better.contains("::") {
        better = better.replace("::", ":");
    }
    fix::replace(view, step.lines(), written, &better)
}
