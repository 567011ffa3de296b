//! No platform where it is the default one.

use crate::lint::{Moment, Rule};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "RedundantTargetPlatform",
    description: "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
    url: Some("https://docs.docker.com/go/dockerfile/rule/redundant-target-platform/"),
    is_experimental: false,
    documentation: include_str!("redundant_target_platform.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::StagePlatform {
        written,
        platform,
        target,
        ..
    } = moment
    else {
        return None;
    };
    // Of one variable and nothing around it, the text is its value.
    let is_target = platform.unmatched.is_empty()
        && platform.matched.iter().eq(["TARGETPLATFORM"])
        && platform.text == target.unwrap_or_default();
    is_target.then(|| {
        format!(
            "Setting platform to predefined {written} in FROM is redundant as this is the default behavior"
        )
    })
}
