//! pydantic, protobuf and boto3 are what fal's agent imports.

use crate::{
    fal::{
        lint::{
            RuleReport, View, fix,
            install::{Install, Tool},
        },
        options::{Mode, Runtime},
        pins,
    },
    lint::Rule,
};

use super::rule;

pub(super) const NOT_LAST: Rule = rule!(
    "RuntimePackagesNotLast",
    "fal's agent imports pydantic, protobuf and boto3: what is installed after them may bring other versions"
);

pub(super) const OTHER_PINS: Rule = rule!(
    "RuntimePinsReplaced",
    "runtime=pins installs pydantic, protobuf and boto3 last, in versions of its own"
);

/// Only where nothing of ours is installed after the last instruction in any case.
pub(super) fn not_last(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    let is_ours = matches!(view.options.runtime, Runtime::Pins | Runtime::Sdk(_));
    if view.options.mode != Mode::App || is_ours {
        return;
    }
    let installs: Vec<_> = view
        .installs()
        .filter(|(_, install)| install.tool != Tool::Conda && install.folder.is_none())
        .collect();
    let last = installs
        .iter()
        .rposition(|(_, install)| pinned(install).next().is_some());
    let Some(place) = last else { return };
    let (step, install) = installs[place];
    let later = installs[place + 1..]
        .iter()
        .find(|(_, later)| !later.is_local());
    let Some((later, _)) = later else { return };
    let named: Vec<_> = pinned(install).collect();
    let message = format!(
        "{} installed here, and line {} installs more, which may bring other versions: install them last",
        match named.as_slice() {
            [only] => format!("{only} is"),
            all => format!("{} are", all.join(", ")),
        },
        later.lines().start
    );
    report.say(step.lines(), step.comments(), message, Vec::new());
}

/// The packages of fal's agent that are installed in a version of their own.
fn pinned(install: &Install) -> impl Iterator<Item = &'static str> {
    let packages = pins::DOCUMENTED.iter().map(|pin| pin.package);
    packages.filter(|package| install.version_of(package).is_some_and(|it| !it.is_empty()))
}

pub(super) fn other_pins(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    if view.options.mode != Mode::App || view.options.runtime != Runtime::Pins {
        return;
    }
    for (step, install) in view.installs() {
        for pin in &view.options.pins {
            let Some(version) = install.version_of(&pin.package) else {
                continue;
            };
            if version.is_empty() || version == pin.version {
                continue;
            }
            let message = format!(
                "{}=={version} is installed here, and runtime=pins replaces it by {pin}",
                pin.package
            );
            let written = format!("{}=={version}", pin.package);
            let fix = fix::replace(view, step.lines(), &written, &pin.to_string());
            report.say(step.lines(), step.comments(), message, fix);
        }
    }
}
