//! All instructions of a file are written in one case.

use crate::{
    golang,
    lint::{Moment, Rule, moment::Casing},
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "ConsistentInstructionCasing",
    description: "All commands within the Dockerfile should use the same casing (either upper or lower)",
    url: Some("https://docs.docker.com/go/dockerfile/rule/consistent-instruction-casing/"),
    is_experimental: false,
    documentation: include_str!("consistent_instruction_casing.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Keyword { written, majority } = moment else {
        return None;
    };
    let (wanted, casing) = match majority {
        Casing::Lower => (golang::to_lower(written), "lowercase"),
        Casing::Upper => (golang::to_upper(written), "uppercase"),
    };
    (*written != wanted).then(|| {
        format!("Command '{written}' should match the case of the command majority ({casing})")
    })
}

/// How most keywords are written; those of mixed case have no say, and a draw goes to the capitals.
pub(in crate::lint) fn majority<'a>(keywords: impl Iterator<Item = &'a str>) -> Casing {
    let (mut lower, mut upper) = (0, 0);
    for keyword in keywords {
        if keyword == golang::to_lower(keyword) {
            lower += 1;
        } else if keyword == golang::to_upper(keyword) {
            upper += 1;
        }
    }
    match lower > upper {
        true => Casing::Lower,
        false => Casing::Upper,
    }
}
