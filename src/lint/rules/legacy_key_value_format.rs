//! A name and its value are joined by an equals sign.

use crate::{
    lint::{Moment, Rule},
    plan::Seen,
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "LegacyKeyValueFormat",
    description: "Legacy key/value format with whitespace separator should not be used",
    url: Some("https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/"),
    is_experimental: false,
    documentation: include_str!("legacy_key_value_format.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Seen(
        instruction,
        Seen::Pair {
            is_legacy: true, ..
        },
    ) = moment
    else {
        return None;
    };
    let name = &instruction.name;
    Some(format!(
        "\"{name} key=value\" should be used instead of legacy \"{name} key value\" format"
    ))
}
