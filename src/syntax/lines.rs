//! Physical lines.
//!
//! Takes text; gives its lines, each with its newline, until one is longer than the original reads. Who asks for more than that gets
//! what fits of it, as Go's scanner has it, and then nothing more.

/// The original reads with a `bufio.Scanner`, whose buffer holds this many bytes.
/// A line fits when its newline, or the end of the file, is seen within them.
const BUFFER: usize = 64 * 1024;

/// The largest line that may be written, as the error message has it.
pub(super) const LONGEST: usize = BUFFER - 1;

pub(super) struct PhysicalLines<'s> {
    rest: &'s str,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// None but that of the text.
    OfText,
    /// The next line is too long.
    Told,
    /// It was asked for all the same.
    Cut,
}

impl<'s> PhysicalLines<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self {
            rest: text,
            end: End::OfText,
        }
    }

    /// Whether reading stopped at a line that is too long.
    pub(super) fn stopped(&self) -> bool {
        self.end != End::OfText
    }

    /// Whether the last line is only what fits of it.
    pub(super) fn is_cut(&self) -> bool {
        self.end == End::Cut
    }
}

impl<'s> Iterator for PhysicalLines<'s> {
    type Item = &'s str;

    fn next(&mut self) -> Option<&'s str> {
        match self.end {
            End::OfText if self.rest.is_empty() => return None,
            End::OfText => {}
            End::Told => {
                self.end = End::Cut;
                let is_boundary = |end: &usize| self.rest.is_char_boundary(*end);
                let end = (0..=BUFFER).rev().find(is_boundary)?;
                return self.rest.get(..end);
            }
            End::Cut => return None,
        }
        let length = match self.rest.find('\n') {
            Some(newline) => newline + 1,
            None => self.rest.len(),
        };
        let ended = self.rest.as_bytes().get(length - 1) == Some(&b'\n');
        if length > BUFFER || (length == BUFFER && !ended) {
            self.end = End::Told;
            return None;
        }
        let (line, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(line)
    }
}

/// The line without the carriage returns and newlines at its end.
pub(super) fn trim_newline(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

/// Whether the first thing on the line is a `#`.
pub(super) fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// The line without the escape character that continues it, and whether there is one.
///
/// Blanks may follow it. One that is itself escaped (`\\`) continues nothing.
pub(super) fn continued(line: &str, escape: char) -> (&str, bool) {
    match line.trim_end_matches([' ', '\t']).strip_suffix(escape) {
        Some(head) if !head.ends_with(escape) => (head, true),
        _ => (line, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_newline_and_the_last_may_have_none() {
        let lines: Vec<_> = PhysicalLines::new("a\r\n\nb").collect();
        assert_eq!(lines, ["a\r\n", "\n", "b"]);
        assert_eq!(PhysicalLines::new("").count(), 0);
    }

    #[test]
    fn reading_stops_at_a_line_that_does_not_fit_the_buffer() {
        let cases = [
            (LONGEST, "\n", true),
            (LONGEST + 1, "\n", false),
            (LONGEST, "", true),
            (LONGEST + 1, "", false),
        ];
        for (length, end, fits) in cases {
            let text = format!("a\n{}{end}", "b".repeat(length));
            let mut lines = PhysicalLines::new(&text);
            assert_eq!(lines.by_ref().count(), if fits { 2 } else { 1 });
            assert_eq!(lines.stopped(), !fits, "{length} and {end:?}");
            let cut = (!fits).then_some(BUFFER);
            assert_eq!(lines.next().map(str::len), cut);
            assert_eq!(lines.next(), None);
        }
    }

    #[test]
    fn an_unescaped_escape_character_at_the_end_continues_the_line() {
        let cases = [
            ("a \\", ("a ", true)),
            ("a\\ \t", ("a", true)),
            ("\\", ("", true)),
            ("a \\\\", ("a \\\\", false)),
            ("a \\ b", ("a \\ b", false)),
            ("a \\\u{b}", ("a \\\u{b}", false)),
            ("", ("", false)),
        ];
        for (line, expected) in cases {
            assert_eq!(continued(line, '\\'), expected, "{line:?}");
        }
        assert_eq!(continued("a`", '`'), ("a", true));
    }
}
