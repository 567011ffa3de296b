//! A stage has one CMD, one ENTRYPOINT and one HEALTHCHECK.

use crate::lint::{Moment, Rule};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "MultipleInstructionsDisallowed",
    description: "Multiple instructions of the same type should not be used in the same stage",
    url: Some("https://docs.docker.com/go/dockerfile/rule/multiple-instructions-disallowed/"),
    is_experimental: false,
    documentation: include_str!("multiple_instructions_disallowed.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Repeated(instruction) = moment else {
        return None;
    };
    Some(format!(
        "Multiple {} instructions should not be used in the same stage because only the last one will be used",
        instruction.name
    ))
}
