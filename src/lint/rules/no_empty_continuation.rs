//! No empty line in an instruction that goes on.

use crate::lint::{Moment, Rule};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "NoEmptyContinuation",
    description: "Empty continuation lines will become errors in a future release",
    url: Some("https://docs.docker.com/go/dockerfile/rule/no-empty-continuation/"),
    is_experimental: false,
    documentation: include_str!("no_empty_continuation.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    matches!(moment, Moment::EmptyContinuation).then(|| "Empty continuation line".to_owned())
}
