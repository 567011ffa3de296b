//! A build without any build argument has a base too.

use crate::{
    lint::{Moment, Rule},
    reference::image,
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "InvalidDefaultArgInFrom",
    description: "Default value for global ARG results in an empty or invalid base image name",
    url: Some("https://docs.docker.com/go/dockerfile/rule/invalid-default-arg-in-from/"),
    is_experimental: false,
    documentation: include_str!("invalid_default_arg_in_from.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::DefaultBase { written, text } = moment else {
        return None;
    };
    image::parse_normalized(text).is_err().then(|| {
        format!("Default value for ARG {written} results in empty or invalid base image name")
    })
}
