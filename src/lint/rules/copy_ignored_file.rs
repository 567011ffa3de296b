//! COPY and ADD name files that are sent.

use crate::{
    golang::{self, path},
    instruction::Kind,
    lint::{Moment, Rule},
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "CopyIgnoredFile",
    description: "Attempting to Copy file that is excluded by .dockerignore",
    url: Some("https://docs.docker.com/go/dockerfile/rule/copy-ignored-file/"),
    is_experimental: false,
    documentation: include_str!("copy_ignored_file.md"),
    check,
};

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::ContextPath {
        instruction,
        path,
        ignore,
    } = moment
    else {
        return None;
    };
    let path = path::clean(path);
    // The context itself is ignored only by a pattern that says so.
    let is_root = matches!(path.as_str(), "." | "/");
    let ignores_all = || {
        ignore
            .inclusions()
            .any(|pattern| matches!(pattern, "*" | "**" | "**/*"))
    };
    if is_root && !ignores_all() || !ignore.matches_or_parent_matches(&path) {
        return None;
    }
    let command = match instruction.kind {
        Kind::Add(_) => "Add",
        _ => "Copy",
    };
    Some(format!(
        "Attempting to {command} file {} that is excluded by .dockerignore",
        golang::quote(&path)
    ))
}
