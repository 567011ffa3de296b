//! The platform of a stage depends on the build.

use crate::{
    golang,
    lint::{Moment, Rule},
    reference::platform,
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "FromPlatformFlagConstDisallowed",
    description: "FROM --platform flag should not use a constant value",
    url: Some("https://docs.docker.com/go/dockerfile/rule/from-platform-flag-const-disallowed/"),
    is_experimental: false,
    documentation: include_str!("from_platform_flag_const_disallowed.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::StagePlatform {
        stage, platform, ..
    } = moment
    else {
        return None;
    };
    if !platform.matched.is_empty() || !platform.unmatched.is_empty() {
        return None;
    }
    let constant = platform::parse(&platform.text).ok()?;
    // A stage that is named after its platform is meant to have it.
    let name = stage.name.as_deref().unwrap_or_default();
    if name.contains(&constant.os) || name.contains(&constant.architecture) {
        return None;
    }
    Some(format!(
        "FROM --platform flag should not use constant value {}",
        golang::quote(&platform.text)
    ))
}
