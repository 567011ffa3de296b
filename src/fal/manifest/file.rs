//! The file as text, and what may be shown of it.

use std::ops::Range;

use crate::{
    diagnostic::Diagnostic,
    source::{Lines, Source},
};

use super::{messages, value::Entry};

/// What is wrong with a file, with as much of it as may be shown.
#[derive(Debug, Clone)]
pub struct Mistake {
    /// What is wrong, and on which lines of `shown`.
    pub diagnostic: Diagnostic,
    /// The file's name, and its lines: empty, but for what is shown.
    pub shown: Source,
}

/// A place in a file that can be shown.
#[derive(Debug, Clone)]
pub struct Place {
    lines: Lines,
    shown: Source,
}

/// The file that was named.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    line_starts: Vec<usize>,
}

impl Place {
    /// Something wrong here.
    pub fn mistake(&self, diagnostic: Diagnostic) -> Mistake {
        Mistake {
            diagnostic: diagnostic.only_at(self.lines),
            shown: self.shown.clone(),
        }
    }

    /// The lines of the place.
    pub fn lines(&self) -> Lines {
        self.lines
    }

    /// What is shown of the file.
    pub fn shown(&self) -> &Source {
        &self.shown
    }

    /// `text` on the line of this place, with nothing before it.
    pub(super) fn aligned(&self, text: &str) -> String {
        on_line(self.lines.start, text)
    }
}

impl<'a> File<'a> {
    pub(super) fn new(name: &'a str, bytes: &'a [u8]) -> Result<Self, Box<Mistake>> {
        let text = std::str::from_utf8(bytes).map_err(|_| Mistake {
            diagnostic: messages::not_text(name),
            shown: Source::new(name, ""),
        })?;
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Ok(Self {
            name,
            text,
            line_starts: std::iter::once(0).chain(starts).collect(),
        })
    }

    /// Something wrong with the file as a whole.
    pub(super) fn mistake(&self, diagnostic: Diagnostic) -> Box<Mistake> {
        Box::new(Mistake {
            diagnostic,
            shown: Source::new(self.name, ""),
        })
    }

    /// Something wrong here, where anything may stand.
    pub(super) fn hidden(&self, at: usize, diagnostic: Diagnostic) -> Box<Mistake> {
        Box::new(self.place(at, messages::NOT_SHOWN).mistake(diagnostic))
    }

    /// Where a key stands. Its value may be anything, and is not shown.
    pub(super) fn key(&self, entry: &Entry) -> Place {
        let start = entry.key_span.start;
        let line = self.line_around(start).trim();
        // A table begins with its name alone.
        let shown = match is_header(line) {
            true => line,
            false => self.slice(entry.key_span.clone()),
        };
        self.place(start, shown)
    }

    /// Where a key stands with its value, which is known to be no secret.
    pub(super) fn entry(&self, entry: &Entry) -> Place {
        let whole = entry.key_span.start..entry.item.span.end;
        match self.slice(whole).lines().next() {
            Some(first) if entry.item.table().is_none() => {
                self.place(entry.key_span.start, first.trim_end())
            }
            _ => self.key(entry),
        }
    }

    /// The line at this byte, and what follows it in columns, both from 1.
    pub(super) fn line(&self, at: usize) -> u32 {
        let line = self.line_starts.partition_point(|start| *start <= at);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    fn place(&self, at: usize, shown: &str) -> Place {
        let line = self.line(at);
        Place {
            lines: Lines::one(line),
            shown: Source::new(self.name, on_line(line, shown)),
        }
    }

    fn slice(&self, span: Range<usize>) -> &'a str {
        self.text.get(span).unwrap_or_default()
    }

    fn line_around(&self, at: usize) -> &'a str {
        let index = self.line_starts.partition_point(|start| *start <= at);
        let start = self.line_starts.get(index.saturating_sub(1)).copied();
        let rest = start.and_then(|start| self.text.get(start..));
        rest.and_then(|rest| rest.lines().next())
            .unwrap_or_default()
    }
}

fn on_line(line: u32, text: &str) -> String {
    let above = usize::try_from(line.saturating_sub(1)).unwrap_or_default();
    "\n".repeat(above) + text
}

/// `[name.name]`, of words that need no quotes.
fn is_header(line: &str) -> bool {
    let name = line
        .strip_prefix('[')
        .and_then(|line| line.strip_suffix(']'));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.is_some_and(|name| name.chars().all(is_plain))
}
