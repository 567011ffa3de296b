//! FROM uses the ARGs before it, and no others.

use crate::lint::{Moment, Rule};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "UndefinedArgInFrom",
    description: "FROM command must use declared ARGs",
    url: Some("https://docs.docker.com/go/dockerfile/rule/undefined-arg-in-from/"),
    is_experimental: false,
    documentation: include_str!("undefined_arg_in_from.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::UndeclaredArgument { name, suggestion } = moment else {
        return None;
    };
    let guess = match suggestion {
        Some(meant) => format!(" (did you mean {meant}?)"),
        None => String::new(),
    };
    Some(format!("FROM argument '{name}' is not declared{guess}"))
}
