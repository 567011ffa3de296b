//! The first WORKDIR does not depend on the base image.

use crate::{
    golang,
    lint::{Moment, Rule},
    plan::Seen,
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "WorkdirRelativePath",
    description: "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes",
    url: Some("https://docs.docker.com/go/dockerfile/rule/workdir-relative-path/"),
    is_experimental: false,
    documentation: include_str!("workdir_relative_path.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    match moment {
        Moment::Seen(
            _,
            Seen::Directory {
                path,
                is_absolute: false,
                is_first: true,
            },
        ) => Some(format!(
            "Relative workdir {} can have unexpected results if the base image changes",
            golang::quote(path)
        )),
        _ => None,
    }
}
