//! Stage names are written as they are understood: in lower case.

use crate::{
    golang,
    lint::{Moment, Rule, rules::from_words},
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "StageNameCasing",
    description: "Stage names should be lowercase",
    url: Some("https://docs.docker.com/go/dockerfile/rule/stage-name-casing/"),
    is_experimental: false,
    documentation: include_str!("stage_name_casing.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Written(written) = moment else {
        return None;
    };
    match from_words(written)? {
        [_, _, name] if golang::to_lower(name) != *name => {
            Some(format!("Stage name '{name}' should be lowercase"))
        }
        _ => None,
    }
}
