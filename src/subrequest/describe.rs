//! `frontend.subrequests.describe`: which subrequests there are.

use std::fmt::Write;

use serde::Serialize;

use crate::golang::{json, tabwriter};

use super::{ALL, Answer, FAL, JSON, Named, Question, Subrequest, TEXT};

pub(super) const DESCRIBE: Subrequest = Subrequest {
    question: Question::Describe,
    name: "frontend.subrequests.describe",
    version: "1.0.0",
    description: "List available subrequest types",
    options: None,
    metadata: &[Named::plain(JSON), Named::plain(TEXT)],
};

/// Every subrequest, as JSON and as a table; those about fal where something is done for it.
pub fn describe(is_for_fal: bool) -> Answer {
    let fal = FAL.into_iter().filter(|_| is_for_fal);
    let entries = ALL.into_iter().chain(fal).map(|subrequest| Entry {
        name: subrequest.name,
        version: subrequest.version,
        kind: "rpc",
        description: subrequest.description,
        opts: subrequest.options,
        inputs: None,
        metadata: subrequest.metadata,
        refs: None,
    });
    let entries: Vec<Entry> = entries.collect();
    let mut table = String::from("NAME\tVERSION\tDESCRIPTION\n");
    for Entry {
        name,
        version,
        description,
        ..
    } in &entries
    {
        let name = name.strip_prefix("frontend.").unwrap_or(name);
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{name}\t{version}\t{description}");
    }
    Answer::new(&DESCRIBE, json::to_string_pretty(&entries)).with(TEXT, tabwriter::align(&table, 1))
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    version: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    description: &'static str,
    opts: Option<&'static [Named]>,
    inputs: Option<&'static [Named]>,
    metadata: &'static [Named],
    refs: Option<&'static [Named]>,
}
