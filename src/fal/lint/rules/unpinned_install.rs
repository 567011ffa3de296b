//! A version that is left to the day of the build is another one on another day, and the cache keeps the first for ever.

use crate::{
    fal::lint::{RuleReport, View},
    lint::Rule,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "UnpinnedInstall",
    "Packages without a version are those of the day on which the layer was built, and stay so while it is cached"
);

/// How many packages one warning names.
const MOST_NAMED: usize = 5;

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    for step in &view.steps {
        let unpinned = step.installs.iter().flat_map(|install| install.unpinned());
        let all: Vec<String> = unpinned.map(without_credentials).collect();
        if all.is_empty() {
            continue;
        }
        let named = all[..all.len().min(MOST_NAMED)].join(", ");
        let more = match all.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!("no version is pinned for {named}{more}");
        report.say(step.lines(), step.comments(), message, Vec::new());
    }
}

/// What stands between `//` and `@` in an address may be a token.
fn without_credentials(requirement: &str) -> String {
    let Some((scheme, rest)) = requirement.split_once("://") else {
        return requirement.to_owned();
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}/{path}")
}
