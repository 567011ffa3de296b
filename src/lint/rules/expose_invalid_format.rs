//! EXPOSE names ports of the container, and nothing of the host.

use crate::{
    lint::{Moment, Rule},
    plan::Seen,
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "ExposeInvalidFormat",
    description: "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release",
    url: Some("https://docs.docker.com/go/dockerfile/rule/expose-invalid-format/"),
    is_experimental: false,
    documentation: include_str!("expose_invalid_format.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    match moment {
        Moment::Seen(
            _,
            Seen::Port {
                word,
                is_mapped: true,
                ..
            },
        ) => Some(format!(
            "EXPOSE instruction should not define an IP address or host-port mapping, found '{word}'"
        )),
        _ => None,
    }
}
