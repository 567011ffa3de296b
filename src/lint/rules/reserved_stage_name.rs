//! No stage has a name that means something else.

use crate::{
    golang,
    lint::{Moment, Rule},
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "ReservedStageName",
    description: "Reserved words should not be used as stage names",
    url: Some("https://docs.docker.com/go/dockerfile/rule/reserved-stage-name/"),
    is_experimental: false,
    documentation: include_str!("reserved_stage_name.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::StageName { name, .. } = moment else {
        return None;
    };
    matches!(*name, "context" | "scratch").then(|| {
        format!(
            "Stage name should not use the same name as reserved stage {}",
            golang::quote(name)
        )
    })
}
