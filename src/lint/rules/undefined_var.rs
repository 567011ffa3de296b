//! A command uses the variables that are there.

use crate::lint::{Moment, Rule};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "UndefinedVar",
    description: "Variables should be defined before their use",
    url: Some("https://docs.docker.com/go/dockerfile/rule/undefined-var/"),
    is_experimental: false,
    documentation: include_str!("undefined_var.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Unset { name, suggestion } = moment else {
        return None;
    };
    let guess = match suggestion {
        Some(meant) => format!(" (did you mean ${meant}?)"),
        None => String::new(),
    };
    Some(format!("Usage of undefined variable '${name}'{guess}"))
}
