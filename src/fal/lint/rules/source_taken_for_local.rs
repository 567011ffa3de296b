//! What fal's SDK takes for a file of the context, and is none.

use std::collections::HashMap;

use crate::{
    fal::lint::{
        RuleReport, View, fix,
        sdk::{self, Reading},
    },
    instruction::{Instruction, Kind},
    lint::{Edit, Rule},
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "SourceTakenForLocal",
    "fal's SDK knows a stage or a repository only where it is written in one way, and else looks for a file of that name"
);

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    let found = sdk::find(view.source.text());
    let lines: HashMap<u32, Reading> = found.into_iter().map(|it| (it.line, it.reading)).collect();
    let commands = view
        .dockerfile
        .stages
        .iter()
        .flat_map(|stage| &stage.commands);
    for instruction in commands {
        let numbers = instruction.lines.start..=instruction.lines.end;
        let mut read = numbers.filter_map(|number| match lines.get(&number) {
            Some(Reading::Sources(sources)) => Some((number, sources)),
            _ => None,
        });
        let Some((number, sources)) = read.next() else {
            continue;
        };
        let first = match sources.first().map(String::as_str) {
            None => continue,
            Some("") => "the whole context",
            Some(first) => first,
        };
        let (message, fix) = match &instruction.kind {
            Kind::Copy(copy) if copy.from.is_some() => (
                format!(
                    "fal's SDK takes {first} for what this copies: write --from before the other flags"
                ),
                from_first(view, instruction),
            ),
            Kind::Add(add) => {
                let is_repository = |source: &&String| source.starts_with("git@");
                let Some(repository) = add.transfer.sources.iter().find(is_repository) else {
                    continue;
                };
                (
                    format!(
                        "fal's SDK takes {repository} for a file: write it as an address that begins with https://"
                    ),
                    Vec::new(),
                )
            }
            Kind::Copy(_) => continue,
            _ => (
                format!(
                    "fal's SDK takes line {number} of this here-document for an instruction, and {first} for what it copies: indent it"
                ),
                Vec::new(),
            ),
        };
        report.say(instruction.lines, &instruction.comments, message, fix);
    }
}

/// Moves the flag to the front, where it stands on the same line as the keyword.
fn from_first(view: &View<'_>, instruction: &Instruction) -> Vec<Edit> {
    let number = instruction.lines.start;
    let line = view.source.line(number).unwrap_or_default();
    let is_indented = line.starts_with(char::is_whitespace);
    let Some(at) = line.find(" --from=").filter(|_| !is_indented) else {
        return Vec::new();
    };
    let flag = line[at + 1..].split_whitespace().next().unwrap_or_default();
    let keyword = instruction.name.len();
    let moved = Edit {
        line: number,
        start: keyword,
        end: keyword,
        text: format!(" {flag}"),
    };
    let mut edits = fix::replace(
        view,
        crate::source::Lines::one(number),
        &format!(" {flag}"),
        "",
    );
    match edits.is_empty() || flag.contains(['"', '\'']) {
        true => Vec::new(),
        false => {
            edits.insert(0, moved);
            edits
        }
    }
}
