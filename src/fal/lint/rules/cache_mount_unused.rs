//! Who mounts a cache wants it filled.

use crate::{
    fal::lint::{RuleReport, View, fix},
    instruction::{Kind, run::WrittenMount},
    lint::Rule,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "CacheMountUnused",
    "An installer that is told to keep nothing does not use the cache that is mounted for it"
);

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    for step in &view.steps {
        let Kind::Run(run) = &step.instruction.kind else {
            continue;
        };
        let Some(cache) = run.mounts.iter().find_map(installers_cache) else {
            continue;
        };
        if !step.installs.iter().any(|install| install.is_uncached) {
            continue;
        }
        let flag = match cache {
            "uv" => "--no-cache",
            _ => "--no-cache-dir",
        };
        let message = format!("{flag} leaves the cache unused that is mounted for {cache}");
        let fix = fix::without_flag(view, step.lines(), flag);
        report.say(step.lines(), step.comments(), message, fix);
    }
}

/// Whose cache is mounted, if it is an installer's.
fn installers_cache(mount: &WrittenMount) -> Option<&'static str> {
    let fields = || mount.text.split(',');
    if !fields().any(|field| field == "type=cache") {
        return None;
    }
    let target = fields().find_map(|field| {
        let (key, value) = field.split_once('=')?;
        matches!(key, "target" | "dst" | "destination").then_some(value)
    })?;
    match target {
        _ if target.contains("/pip") => Some("pip"),
        _ if target.ends_with("/uv") => Some("uv"),
        _ if target.ends_with("/.cache") || target.ends_with("/.cache/") => Some("pip"),
        _ => None,
    }
}
