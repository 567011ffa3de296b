//! A named text, and the lines of it that something stands on.
//!
//! Takes a name and bytes; gives them back as text and by line.
//! Knows nothing of Dockerfiles.

use std::fmt;

use crate::golang::stray;

/// A file as it was read: its name, its bytes, and the text that they hold.
#[derive(Debug, Clone)]
pub struct Source {
    /// What people call it: `Dockerfile`, or the path that they gave.
    pub name: String,
    /// What was read, untouched: the daemon shows and stores these.
    pub bytes: Vec<u8>,
    text: String,
    line_starts: Vec<usize>,
}

impl Source {
    /// Keeps `bytes` under `name`.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let text = stray::decode(&bytes);
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(starts).collect();
        Self {
            name: name.into(),
            bytes,
            text,
            line_starts,
        }
    }

    /// The bytes as text, with a character for each that is no UTF-8.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line with this number, from 1, without the newline that ends it.
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let start = *self.line_starts.get(index)?;
        let line = match self.line_starts.get(index + 1) {
            Some(next) => self.text.get(start..next - 1),
            None => self.text.get(start..),
        }?;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }

    /// How many lines there are; a newline at the end begins one more, which is empty.
    pub fn line_count(&self) -> u32 {
        u32::try_from(self.line_starts.len()).unwrap_or(u32::MAX)
    }
}

/// A run of lines, from 1, both ends included. BuildKit locates by line; so do we.
///
/// Line 0 exists: the original reports it for a wrong parser directive on line 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lines {
    /// The first line.
    pub start: u32,
    /// The last line; never before the first.
    pub end: u32,
}

impl Lines {
    /// From `start` to `end`; when `end` comes first, only `start`.
    pub fn new(start: u32, end: u32) -> Self {
        Self {
            start,
            end: end.max(start),
        }
    }

    /// One line.
    pub fn one(line: u32) -> Self {
        Self::new(line, line)
    }

    /// Whether `line` is one of these.
    pub fn contains(self, line: u32) -> bool {
        self.start <= line && line <= self.end
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end > self.start {
            true => write!(f, "{}-{}", self.start, self.end),
            false => write!(f, "{}", self.start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_number_without_their_newline() {
        let source = Source::new("Dockerfile", "FROM a\r\n\nRUN b");
        let lines: Vec<_> = (0..5).map(|number| source.line(number)).collect();
        assert_eq!(lines, [None, Some("FROM a"), Some(""), Some("RUN b"), None]);
        assert_eq!(source.line_count(), 3);
        assert_eq!(Source::new("", "a\n").line(2), Some(""));
        assert_eq!(Source::new("", "").line(1), Some(""));
    }

    #[test]
    fn bytes_stay_as_they_are_and_text_is_always_text() {
        let source = Source::new("Dockerfile", b"RUN \xff".to_vec());
        assert_eq!(source.bytes, b"RUN \xff");
        assert_eq!(stray::replaced(source.text()), "RUN \u{fffd}");
    }
}
