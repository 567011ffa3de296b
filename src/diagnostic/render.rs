//! Readers of a diagnostic.
//!
//! Takes a [`Diagnostic`] and the [`Source`] it is about; gives what a terminal shows, or JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    diagnostic::Diagnostic,
    golang::stray,
    source::{Lines, Source},
};

/// The lines it is about as BuildKit's clients show them, then the sentence.
///
/// ```text
/// Dockerfile:2
/// --------------------
///    1 |     FROM alpine
///    2 | >>> COYP . .
/// --------------------
/// error: unknown instruction: COYP (did you mean COPY?)
/// ```
pub fn terminal(diagnostic: &Diagnostic, source: &Source) -> String {
    let mut out = String::new();
    for lines in &diagnostic.locations {
        excerpt(&mut out, *lines, source);
    }
    let _ = writeln!(out, "{}: {diagnostic}", diagnostic.severity);
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, "help: {help}");
    }
    out
}

/// One object: `file`, `severity`, `message`, `locations`, and `suggestion` and `help` where there are any.
pub fn json(diagnostic: &Diagnostic, source: &Source) -> Value {
    let places = diagnostic.locations.iter();
    let locations: Vec<_> = places
        .map(|lines| json!({ "start": lines.start, "end": lines.end }))
        .collect();
    let mut object = json!({
        "file": source.name,
        "severity": diagnostic.severity.to_string(),
        "message": diagnostic.to_string(),
        "locations": locations,
    });
    if let Some(word) = &diagnostic.suggestion {
        object["suggestion"] = json!(word);
    }
    if let Some(sentence) = &diagnostic.help {
        object["help"] = json!(sentence);
    }
    object
}

/// `Dockerfile:7`, a rule, numbered lines, a rule; nothing when the lines are not of this source.
fn excerpt(out: &mut String, lines: Lines, source: &Source) {
    let count = source.line_count();
    if lines.start < 1 || lines.start > count {
        return;
    }
    let shown = with_neighbours(Lines::new(lines.start, lines.end.min(count)), count);
    let rule = "-".repeat(20);
    let _ = writeln!(out, "{}:{}\n{rule}", source.name, lines.start);
    for number in shown.start..=shown.end {
        let mark = if lines.contains(number) { ">>>" } else { "   " };
        let text = stray::replaced(source.line(number).unwrap_or_default());
        let _ = writeln!(out, " {number:3} | {mark} {text}");
    }
    let _ = writeln!(out, "{rule}");
}

/// Widens lines, in a text of `count`, by turns until there is enough around to recognise the place, as `errdefs.Source.Print` does.
pub fn with_neighbours(mut lines: Lines, count: u32) -> Lines {
    let enough = if lines.start == lines.end { 4 } else { 2 };
    let mut added = 0;
    while added < enough {
        if lines.start > 1 {
            lines.start -= 1;
            added += 1;
        }
        if lines.end != count {
            lines.end += 1;
            added += 1;
        }
        added += 1;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "FROM a\nRUN 2\nRUN 3\nRUN 4\nRUN 5\nRUN 6";

    #[test]
    fn a_terminal_sees_the_place_with_its_neighbours() {
        let cases = [
            (Lines::one(1), "1:1> 2 3"),
            (Lines::one(3), "3:1 2 3> 4 5"),
            (Lines::one(6), "6:4 5 6>"),
            (Lines::new(2, 3), "2:1 2> 3> 4"),
            (Lines::new(5, 99), "5:4 5> 6>"),
            (Lines::one(0), ""),
            (Lines::one(7), ""),
        ];
        for (lines, expected) in cases {
            let mut out = String::new();
            excerpt(&mut out, lines, &Source::new("D", TEXT));
            assert_eq!(summary(&out), expected, "{lines}\n{out}");
        }
    }

    /// `first:` and the numbers shown, each with `>` when it is marked.
    fn summary(excerpt: &str) -> String {
        let number = |line: &str| {
            let (number, rest) = line.split_once(" | ")?;
            let mark = if rest.starts_with(">>>") { ">" } else { "" };
            Some(format!("{}{mark}", number.trim()))
        };
        let shown: Vec<_> = excerpt.lines().filter_map(number).collect();
        match excerpt.strip_prefix("D:") {
            Some(rest) => format!("{}:{}", rest.lines().next().unwrap_or(""), shown.join(" ")),
            None => shown.join(" "),
        }
    }

    #[test]
    fn the_sentence_stands_under_the_place_and_the_help_under_the_sentence() {
        let found = Diagnostic::error("unknown instruction: RNU")
            .suggest(Some("RUN"))
            .help("write it as the reference does")
            .at(Lines::one(2));
        let source = Source::new("Dockerfile", "FROM a\r\nRNU x\r\n");
        assert_eq!(
            terminal(&found, &source),
            "Dockerfile:2\n\
             --------------------\n\
             \x20  1 |     FROM a\n\
             \x20  2 | >>> RNU x\n\
             \x20  3 |     \n\
             --------------------\n\
             error: unknown instruction: RNU (did you mean RUN?)\n\
             help: write it as the reference does\n"
        );
        assert_eq!(
            json(&found, &source).to_string(),
            r#"{"file":"Dockerfile","severity":"error","message":"unknown instruction: RNU (did you mean RUN?)","locations":[{"start":2,"end":2}],"suggestion":"RUN","help":"write it as the reference does"}"#
        );
    }
}
