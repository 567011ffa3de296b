//! `frontend.targets`: which targets there are.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use crate::{
    golang::{json, stray, tabwriter},
    instruction::Dockerfile,
    llb::json::base64,
};

use super::{Answer, JSON, Named, Question, Subrequest, TEXT, places::Places};

pub(super) const TARGETS: Subrequest = Subrequest {
    question: Question::Targets,
    name: "frontend.targets",
    version: "1.0.0",
    description: "List all targets current build supports",
    options: Some(&[]),
    metadata: &[Named::plain(JSON), Named::plain(TEXT)],
};

/// Every stage of a file; `data` is the file.
pub fn targets(dockerfile: &Dockerfile, data: &[u8]) -> Answer {
    let stages = &dockerfile.stages;
    let places = Places::new(stages.iter().map(|stage| stage.lines));
    let mut targets: Vec<_> = stages
        .iter()
        .map(|stage| Target {
            name: stage.name.as_deref().unwrap_or_default(),
            is_default: false,
            description: stage.doc_comment.as_deref().unwrap_or_default(),
            base: &stage.base_name,
            platform: stage.platform.as_deref().unwrap_or_default(),
            location: places.of(stage.lines),
        })
        .collect();
    if let Some(last) = targets.last_mut() {
        last.is_default = true;
    }
    let text = table(&targets);
    let list = List {
        targets: Some(targets).filter(|targets| !targets.is_empty()),
        sources: [base64(data)],
    };
    Answer::new(&TARGETS, json::to_string_pretty(&list)).with(TEXT, stray::encode(&text))
}

#[derive(Serialize)]
struct List<'a> {
    /// `null` if there are none, as Go has it.
    targets: Option<Vec<Target<'a>>>,
    sources: [String; 1],
}

#[derive(Serialize)]
struct Target<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(rename = "default", skip_serializing_if = "std::ops::Not::not")]
    is_default: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    base: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    platform: &'a str,
    location: Value,
}

fn table(targets: &[Target<'_>]) -> String {
    let mut table = String::from("TARGET\tDESCRIPTION\n");
    for target in targets {
        let name = match (target.name, target.is_default) {
            ("", true) => "(default)".to_owned(),
            (name, true) => format!("{name} (default)"),
            (name, false) => name.to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{name}\t{}", target.description);
    }
    tabwriter::align(&table, 1)
}
