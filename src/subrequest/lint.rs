//! `frontend.lint`: what could be better, and why a file cannot be built.

use std::{borrow::Cow, cmp::Ordering};

use serde::Serialize;
use serde_json::Value;

use crate::{
    diagnostic::render,
    golang::{json, stray},
    lint::{self, Hidden, Warning},
    llb::json::{Form, source_info},
    proto::pb,
    source::Lines,
};

use super::{Answer, JSON, Named, Question, STATUS, Subrequest, TEXT, places::Places};

pub(super) const LINT: Subrequest = Subrequest {
    question: Question::Lint,
    name: "frontend.lint",
    version: "1.0.0",
    description: "Lint a Dockerfile",
    options: Some(&[]),
    metadata: &[Named::plain(JSON), Named::plain(TEXT), Named::plain(STATUS)],
};

/// The text says no more than this.
const LONGEST_TEXT: usize = 4 << 20;

/// Why the file cannot be built.
#[derive(Debug, Clone, Copy)]
pub struct Mistake<'a> {
    /// One sentence.
    pub message: &'a str,
    /// What it is about.
    pub locations: &'a [Lines],
}

/// What was found in a file. The status is 0 if there is nothing to complain about.
pub fn linted(warnings: &[Warning], file: &pb::SourceInfo, mistake: Option<Mistake<'_>>) -> Answer {
    let status = match warnings.is_empty() && mistake.is_none() {
        true => "0",
        false => "1",
    };
    let hidden = Hidden::new(warnings, &file.data);
    Answer::new(&LINT, as_json(warnings, &hidden, file, mistake))
        .with(TEXT, as_text(warnings, &hidden, file))
        .with(STATUS, status)
}

#[derive(Serialize)]
struct Results<'a> {
    /// `null` if there are none, as Go has it.
    warnings: Option<Vec<Entry<'a>>>,
    sources: [Value; 1],
    #[serde(rename = "buildError", skip_serializing_if = "Option::is_none")]
    mistake: Option<BuildError<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "ruleName")]
    rule: &'static str,
    description: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'static str>,
    detail: Cow<'a, str>,
    location: Value,
}

#[derive(Serialize)]
struct BuildError<'a> {
    message: Cow<'a, str>,
    location: Value,
}

fn as_json(
    warnings: &[Warning],
    hidden: &Hidden,
    file: &pb::SourceInfo,
    mistake: Option<Mistake<'_>>,
) -> String {
    let places = Places::new(warnings.iter().filter_map(|warning| warning.lines));
    let place = |warning: &Warning| match shown(warning, hidden) {
        Some(lines) => places.of(lines),
        None => Places::nowhere(),
    };
    let entries: Vec<_> = warnings
        .iter()
        .map(|warning| Entry {
            rule: warning.rule.name,
            description: warning.rule.description,
            url: warning.rule.url,
            detail: message(warning, hidden),
            location: place(warning),
        })
        .collect();
    json::to_string_pretty(&Results {
        warnings: Some(entries).filter(|entries| !entries.is_empty()),
        sources: [source_info(file, Form::Struct)],
        mistake: mistake.map(|mistake| of_mistake(mistake, hidden)),
    })
}

fn of_mistake<'a>(mistake: Mistake<'a>, hidden: &Hidden) -> BuildError<'a> {
    let Mistake { message, locations } = mistake;
    match (hidden.shows(locations), locations.first()) {
        (false, Some(lines)) => BuildError {
            message: lint::with_line(message, *lines).into(),
            location: Places::nowhere(),
        },
        _ => BuildError {
            message: message.into(),
            location: Places::merged(locations),
        },
    }
}

/// The lines that are shown for a warning.
fn shown(warning: &Warning, hidden: &Hidden) -> Option<Lines> {
    warning.lines.filter(|lines| hidden.shows(&[*lines]))
}

/// What is said, with the number of the line where the line itself cannot be shown.
fn message<'a>(warning: &'a Warning, hidden: &Hidden) -> Cow<'a, str> {
    match hidden.shows(warning.lines.as_slice()) {
        true => warning.message.as_str().into(),
        false => warning.with_line().into(),
    }
}

fn as_text(warnings: &[Warning], hidden: &Hidden, file: &pb::SourceInfo) -> Vec<u8> {
    let mut sorted: Vec<&Warning> = warnings.iter().collect();
    sorted.sort_by(|a, b| in_file(a, b));
    let lines: Vec<&[u8]> = file.data.split(|&byte| byte == b'\n').collect();
    let mut text = Vec::new();
    for (shown, warning) in sorted.iter().enumerate() {
        if text.len() > LONGEST_TEXT {
            let rest = format!("\n{} more warnings are not shown\n", sorted.len() - shown);
            text.extend(rest.bytes());
            break;
        }
        print(&mut text, warning, hidden, &file.filename, &lines);
    }
    text
}

/// By line; what has no place comes first, by name.
fn in_file(a: &Warning, b: &Warning) -> Ordering {
    match (a.lines, b.lines) {
        (None, None) => a.rule.name.cmp(b.rule.name),
        (a, b) => a.map(|lines| lines.start).cmp(&b.map(|lines| lines.start)),
    }
}

fn print(text: &mut Vec<u8>, warning: &Warning, hidden: &Hidden, file: &str, lines: &[&[u8]]) {
    let mut head = format!("\nWARNING: {}", warning.rule.name);
    if let Some(url) = warning.rule.url {
        head += &format!(" - {url}");
    }
    head += &format!("\n{}\n", message(warning, hidden));
    text.extend_from_slice(&stray::encode(&head));
    let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let place = shown(warning, hidden);
    let Some(place) = place.filter(|place| place.start >= 1 && place.start <= count) else {
        return;
    };
    let rule = "-".repeat(20);
    text.extend(format!("{file}:{}\n{rule}\n", place.start).bytes());
    let shown = render::with_neighbours(Lines::new(place.start, place.end.min(count)), count);
    for number in shown.start..=shown.end {
        let mark = if place.contains(number) { ">>>" } else { "   " };
        text.extend(format!(" {number:3} | {mark} ").bytes());
        text.extend(lines.get(number as usize - 1).copied().unwrap_or_default());
        text.push(b'\n');
    }
    text.extend(format!("{rule}\n").bytes());
}
