//! Questions about a build instead of a build.

use std::collections::BTreeMap;

use crate::{gateway::SolveResult, golang::json, lint, llb};

/// A question that is answered here.
pub(super) enum Request {
    /// Which questions there are.
    Describe,
    /// The definition.
    ConvertLlb,
    /// What could be better.
    Lint,
}

/// A question as `describe` lists it.
#[derive(serde::Serialize)]
struct Description {
    name: &'static str,
    version: &'static str,
    r#type: &'static str,
    description: &'static str,
    opts: Option<Vec<Named>>,
    inputs: Option<Vec<Named>>,
    metadata: Option<Vec<Named>>,
    refs: Option<Vec<Named>>,
}

#[derive(serde::Serialize)]
struct Named {
    name: &'static str,
    description: &'static str,
}

const DESCRIBE: &str = "frontend.subrequests.describe";
const CONVERT_LLB: &str = "frontend.convertllb";

/// The question of this name.
pub(super) fn find(name: &str) -> Option<Request> {
    match name {
        DESCRIBE => Some(Request::Describe),
        CONVERT_LLB => Some(Request::ConvertLlb),
        lint::NAME => Some(Request::Lint),
        _ => None,
    }
}

/// Every question, as JSON and as a table.
pub(super) fn describe() -> SolveResult {
    let named = |names: &[&'static str]| {
        names
            .iter()
            .map(|name| Named {
                name,
                description: "",
            })
            .collect()
    };
    let all = [
        Description {
            name: CONVERT_LLB,
            version: "0.1.0",
            r#type: "rpc",
            description: "Convert Dockerfile to LLB",
            opts: Some(Vec::new()),
            inputs: None,
            metadata: Some(named(&["result.json"])),
            refs: None,
        },
        Description {
            name: lint::NAME,
            version: lint::VERSION,
            r#type: "rpc",
            description: "Lint a Dockerfile",
            opts: Some(Vec::new()),
            inputs: None,
            metadata: Some(named(&["result.json", "result.txt", "result.statuscode"])),
            refs: None,
        },
        Description {
            name: DESCRIBE,
            version: "1.0.0",
            r#type: "rpc",
            description: "List available subrequest types",
            opts: None,
            inputs: None,
            metadata: Some(named(&["result.json", "result.txt"])),
            refs: None,
        },
    ];
    let width = all
        .iter()
        .map(|request| request.name.len())
        .max()
        .unwrap_or(0)
        + 3;
    let mut table = format!("{:width$}{:10}DESCRIPTION\n", "NAME", "VERSION");
    for request in &all {
        table += &format!(
            "{:width$}{:10}{}\n",
            request.name, request.version, request.description
        );
    }
    answer(json::to_string_pretty(&all), Some(table), "1.0.0")
}

/// A definition as JSON.
pub(super) fn converted(definition: &llb::Definition) -> SolveResult {
    answer(llb::convert_llb_json(definition), None, "0.1.0")
}

/// What could be better.
pub(super) fn linted(answer: lint::Answer) -> SolveResult {
    let metadata = [
        ("result.json", answer.json.into_bytes()),
        ("result.txt", answer.text),
        ("result.statuscode", answer.status.into()),
        ("version", lint::VERSION.into()),
    ];
    SolveResult {
        metadata: metadata
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect(),
        ..SolveResult::default()
    }
}

fn answer(json: String, text: Option<String>, version: &str) -> SolveResult {
    let mut metadata: BTreeMap<String, Vec<u8>> = BTreeMap::from([
        ("result.json".to_owned(), json.into_bytes()),
        ("version".to_owned(), version.as_bytes().to_vec()),
    ]);
    if let Some(text) = text {
        metadata.insert("result.txt".to_owned(), text.into_bytes());
    }
    let metadata = metadata
        .into_iter()
        .map(|(key, value)| (key, value.into()))
        .collect();
    SolveResult {
        metadata,
        ..SolveResult::default()
    }
}
