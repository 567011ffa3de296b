//! Protocols are written in lower case.

use crate::{
    golang,
    lint::{Moment, Rule},
    plan::Seen,
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "ExposeProtoCasing",
    description: "Protocol in EXPOSE instruction should be lowercase",
    url: Some("https://docs.docker.com/go/dockerfile/rule/expose-proto-casing/"),
    is_experimental: false,
    documentation: include_str!("expose_proto_casing.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Seen(_, Seen::Port { word, protocol, .. }) = moment else {
        return None;
    };
    (*protocol != golang::to_lower(protocol))
        .then(|| format!("Defined protocol '{word}' in EXPOSE instruction should be lowercase"))
}
