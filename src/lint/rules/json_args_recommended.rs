//! What a container runs is run without a shell in between.

use crate::{
    lint::{Moment, Rule},
    plan::Seen,
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "JSONArgsRecommended",
    description: "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
    url: Some("https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"),
    is_experimental: false,
    documentation: include_str!("json_args_recommended.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Seen(
        instruction,
        Seen::ShellForm {
            is_shell_set: false,
        },
    ) = moment
    else {
        return None;
    };
    Some(format!(
        "JSON arguments recommended for {} to prevent unintended behavior related to OS signals",
        instruction.name
    ))
}
