//! Lines that nobody is shown.
//!
//! Takes what was found in a file; says of lines whether they can be shown with those around them. Knows nothing of what a secret is.

use crate::{
    diagnostic::{Diagnostic, render},
    source::Lines,
};

use super::Warning;

/// The lines of a file that hold a secret, as warnings say.
#[derive(Debug, Default)]
pub struct Hidden {
    /// In order, and apart from each other.
    lines: Vec<Lines>,
    /// How many lines the file has.
    count: u32,
}

impl Hidden {
    /// What these warnings say of a file.
    pub fn new(warnings: &[Warning], file: &[u8]) -> Self {
        let secret = warnings.iter().filter(|warning| warning.is_secret);
        let mut found: Vec<Lines> = secret.filter_map(|warning| warning.lines).collect();
        if found.is_empty() {
            return Self::default();
        }
        found.sort();
        let mut lines: Vec<Lines> = Vec::new();
        for next in found {
            match lines.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                _ => lines.push(next),
            }
        }
        let newlines = file.iter().filter(|byte| **byte == b'\n').count();
        Self {
            lines,
            count: u32::try_from(newlines + 1).unwrap_or(u32::MAX),
        }
    }

    /// Whether some of these lines hold a secret.
    pub fn touches(&self, lines: Lines) -> bool {
        let next = self.lines.partition_point(|it| it.end < lines.start);
        self.lines.get(next).is_some_and(|it| it.start <= lines.end)
    }

    /// Whether these places can be shown: each is shown with the lines around it.
    pub fn shows(&self, places: &[Lines]) -> bool {
        let is_of_file = |lines: &&Lines| (1..=self.count).contains(&lines.start);
        places.iter().filter(is_of_file).all(|lines| {
            let lines = Lines::new(lines.start, lines.end.min(self.count));
            !self.touches(render::with_neighbours(lines, self.count))
        })
    }

    /// What is shown for a diagnostic: the number of the line, where the line itself cannot be shown.
    pub fn without_secrets(&self, found: Diagnostic) -> Diagnostic {
        match (self.shows(&found.locations), found.locations.first()) {
            (false, Some(lines)) => Diagnostic {
                message: with_line(&found.message, *lines),
                ..found
            }
            .nowhere(),
            _ => found,
        }
    }
}

/// `message (line 7)`: how the original has it in progress.
pub fn with_line(message: &str, lines: Lines) -> String {
    match lines.start {
        0 => message.to_owned(),
        line => format!("{message} (line {line})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_where_none_around_them_holds_a_secret() {
        let hidden = Hidden {
            lines: vec![Lines::one(5), Lines::new(20, 22)],
            count: 30,
        };
        for (lines, is_shown) in [
            (Lines::one(1), true),
            (Lines::one(2), true),
            (Lines::one(3), false),
            (Lines::one(7), false),
            (Lines::one(8), true),
            (Lines::new(6, 9), false),
            (Lines::new(7, 9), true),
            (Lines::new(2, 25), false),
            (Lines::one(21), false),
            (Lines::new(29, 99), true),
            // Nothing is shown of these.
            (Lines::one(0), true),
            (Lines::one(31), true),
        ] {
            assert_eq!(hidden.shows(&[lines]), is_shown, "{lines}");
        }
        let at = |line| Diagnostic::error("wrong").at(Lines::one(line));
        assert_eq!(hidden.without_secrets(at(1)), at(1));
        let told = Diagnostic::error("wrong (line 6)");
        assert_eq!(hidden.without_secrets(at(6)), told);
        assert!(Hidden::default().shows(&[Lines::one(1)]));
    }
}
