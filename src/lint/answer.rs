//! The answer to `frontend.lint`: what the original's subrequest says, in JSON and as text.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::Value;

use crate::{
    diagnostic::render,
    golang::json,
    llb::{
        self,
        json::{Form, location, source_info},
    },
    proto::pb,
    source::Lines,
};

use super::Warning;

/// The subrequest.
pub const NAME: &str = "frontend.lint";
/// Its version.
pub const VERSION: &str = "1.0.0";

/// More ranges than this are not written: the place of a warning then has one for all its lines, which means the same.
const MOST_RANGES: usize = 100_000;
/// The text says no more than this.
const LONGEST_TEXT: usize = 4 << 20;

/// What the subrequest gives, by the names of its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `result.json`
    pub json: String,
    /// `result.txt`; shows the file, which may be no UTF-8.
    pub text: Vec<u8>,
    /// `result.statuscode`: 0 if there is nothing to complain about.
    pub status: &'static str,
}

/// Why the file cannot be built.
#[derive(Debug, Clone, Copy)]
pub struct Mistake<'a> {
    /// One sentence.
    pub message: &'a str,
    /// What it is about.
    pub locations: &'a [Lines],
}

/// Puts what was found into the words of the subrequest.
pub fn answer(warnings: &[Warning], file: &pb::SourceInfo, mistake: Option<Mistake<'_>>) -> Answer {
    let status = match warnings.is_empty() && mistake.is_none() {
        true => "0",
        false => "1",
    };
    Answer {
        json: as_json(warnings, file, mistake),
        text: as_text(warnings, file),
        status,
    }
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
    detail: &'a str,
    location: Value,
}

#[derive(Serialize)]
struct BuildError<'a> {
    message: &'a str,
    location: Value,
}

fn as_json(warnings: &[Warning], file: &pb::SourceInfo, mistake: Option<Mistake<'_>>) -> String {
    let lines = |warning: &Warning| warning.lines.map_or(0, |lines| lines.end - lines.start + 1);
    let ranges: usize = warnings.iter().map(|warning| lines(warning) as usize).sum();
    let place = |warning: &Warning| match (ranges > MOST_RANGES, warning.lines) {
        (true, Some(lines)) => located(vec![llb::lines(lines.start, lines.end)]),
        _ => located(warning.ranges()),
    };
    let entries: Vec<_> = warnings
        .iter()
        .map(|warning| Entry {
            rule: warning.rule.name,
            description: warning.rule.description,
            url: warning.rule.url,
            detail: &warning.message,
            location: place(warning),
        })
        .collect();
    json::to_string_pretty(&Results {
        warnings: Some(entries).filter(|entries| !entries.is_empty()),
        sources: [source_info(file, Form::Struct)],
        mistake: mistake.map(|mistake| BuildError {
            message: mistake.message,
            location: located(merged(mistake.locations)),
        }),
    })
}

fn located(ranges: Vec<pb::Range>) -> Value {
    location(&pb::Location {
        source_index: 0,
        ranges,
    })
}

/// A range for each line, each line once.
fn merged(locations: &[Lines]) -> Vec<pb::Range> {
    let mut sorted = locations.to_vec();
    sorted.sort();
    let mut ranges = Vec::new();
    let mut next = 0;
    for lines in sorted {
        for line in lines.start.max(next)..=lines.end {
            ranges.push(llb::lines(line, line));
            next = line + 1;
        }
    }
    ranges
}

fn as_text(warnings: &[Warning], file: &pb::SourceInfo) -> Vec<u8> {
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
        print(&mut text, warning, &file.filename, &lines);
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

fn print(text: &mut Vec<u8>, warning: &Warning, file: &str, lines: &[&[u8]]) {
    let mut head = format!("\nWARNING: {}", warning.rule.name);
    if let Some(url) = warning.rule.url {
        head += &format!(" - {url}");
    }
    head += &format!("\n{}\n", warning.message);
    text.extend(head.bytes());
    let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let Some(place) = warning
        .lines
        .filter(|place| place.start >= 1 && place.start <= count)
    else {
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
