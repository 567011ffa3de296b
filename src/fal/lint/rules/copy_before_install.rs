//! What changes often comes last.

use crate::{
    fal::lint::{RuleReport, View, install::Install},
    instruction::{Instruction, Kind},
    lint::Rule,
    stage::StageId,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "CopyBeforeInstall",
    "Every change of any file of the context installs all packages again that are installed after it was copied"
);

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    // Of each stage: where everything was copied, until the first install.
    let mut copied: Option<&Instruction> = None;
    let mut current: Option<StageId> = None;
    let mut has_installed = false;
    for step in &view.steps {
        if current.replace(step.stage) != Some(step.stage) {
            copied = None;
            has_installed = false;
        }
        // What was installed before had its files, and what is installed now needs the rest.
        if copies_all(step.instruction) && !has_installed {
            copied = copied.or(Some(step.instruction));
        }
        let is_remote = |install: &Install| !install.is_local();
        if !step.installs.iter().any(is_remote) {
            continue;
        }
        has_installed = true;
        let Some(copy) = copied.take() else {
            continue;
        };
        let message = format!(
            "everything is copied before line {} installs packages: copy what names them first, the rest after",
            step.lines().start
        );
        report.say(copy.lines, &copy.comments, message, Vec::new());
    }
}

/// `COPY . /app`
fn copies_all(instruction: &Instruction) -> bool {
    let sources = match &instruction.kind {
        Kind::Copy(copy) if copy.from.is_none() => &copy.transfer.sources,
        Kind::Add(add) => &add.transfer.sources,
        _ => return false,
    };
    let is_all = |source: &String| matches!(source.as_str(), "." | "./" | "/" | "*" | "./*");
    sources.iter().any(is_all)
}
