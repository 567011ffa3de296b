//! No two stages have one name.

use crate::{
    golang,
    lint::{Moment, Rule},
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "DuplicateStageName",
    description: "Stage names should be unique",
    url: Some("https://docs.docker.com/go/dockerfile/rule/duplicate-stage-name/"),
    is_experimental: false,
    documentation: include_str!("duplicate_stage_name.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    match moment {
        Moment::StageName {
            name,
            is_taken: true,
        } => Some(format!(
            "Duplicate stage name {}, stage names should be unique",
            golang::quote(name)
        )),
        _ => None,
    }
}
