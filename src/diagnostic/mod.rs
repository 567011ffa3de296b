//! What is wrong with a Dockerfile, as data.
//!
//! Takes sentences and the lines they are about; gives a [`Diagnostic`], and text or JSON through [`render`].
//! Knows nothing of who found it.

pub mod render; // the readers of a diagnostic: a terminal, a program

use std::{borrow::Cow, fmt};

use crate::{golang::stray, source::Lines};

/// What fails, fails with one diagnostic.
pub type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// What is wrong, where, and what would put it right.
///
/// Displays as the original's errors do: `message (did you mean X?)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it ends the build.
    pub severity: Severity,
    /// One sentence. Where the original has one, it is the original's.
    pub message: String,
    /// What it is about, the innermost place first. Nobody may know a place.
    pub locations: Vec<Lines>,
    /// The word that was probably meant.
    pub suggestion: Option<String>,
    /// What to do about it, in a sentence of our own.
    pub help: Option<String>,
}

/// Whether a build can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The build ends.
    Error,
    /// The build goes on.
    Warning,
}

impl Diagnostic {
    /// An error that says `message`.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    /// A warning that says `message`.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        Self {
            severity,
            message,
            locations: Vec::new(),
            suggestion: None,
            help: None,
        }
    }

    /// Places it, unless someone who knew better already did.
    pub fn at(self, lines: Lines) -> Self {
        match self.locations.is_empty() {
            true => self.also_at(lines),
            false => self,
        }
    }

    /// Adds one more place (the original's `WithLocation`).
    pub fn also_at(mut self, lines: Lines) -> Self {
        self.locations.push(lines);
        self
    }

    /// Places it here and nowhere else (the original's `SetLocation`).
    pub fn only_at(self, lines: Lines) -> Self {
        self.nowhere().also_at(lines)
    }

    /// Takes every place away.
    pub fn nowhere(mut self) -> Self {
        self.locations.clear();
        self
    }

    /// Adds the word that was probably meant, if there is one.
    pub fn suggest(mut self, word: Option<impl Into<String>>) -> Self {
        self.suggestion = word.map(Into::into);
        self
    }

    /// Adds what to do about it.
    pub fn help(mut self, sentence: impl Into<String>) -> Self {
        self.help = Some(sentence.into());
        self
    }

    /// Says first what was being done: `prefix: message` (Go's `errors.Wrap`).
    ///
    /// A suggestion stays at the end of the line, where the original has it too.
    pub fn context(mut self, prefix: &str) -> Self {
        self.message = format!("{prefix}: {}", self.message);
        self
    }

    /// The message and the suggestion. Shown, a byte that is no UTF-8 is U+FFFD; here it is what it is.
    pub fn sentence(&self) -> Cow<'_, str> {
        match &self.suggestion {
            Some(word) => format!("{} (did you mean {word}?)", self.message).into(),
            None => self.message.as_str().into(),
        }
    }

    /// Whether it ends the build.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&stray::replaced(&self.sentence()))
    }
}

impl std::error::Error for Diagnostic {}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_the_originals_wrapped_errors_do() {
        let found = Diagnostic::error("unknown instruction: COYP")
            .suggest(Some("COPY"))
            .context("dockerfile parse error on line 2");
        assert_eq!(
            found.to_string(),
            "dockerfile parse error on line 2: unknown instruction: COYP (did you mean COPY?)"
        );
    }

    #[test]
    fn who_places_it_first_knows_best() {
        let found = Diagnostic::error("x").at(Lines::one(3)).at(Lines::one(1));
        assert_eq!(found.locations, [Lines::one(3)]);
        let found = found.also_at(Lines::one(1));
        assert_eq!(found.locations, [Lines::one(3), Lines::one(1)]);
        assert_eq!(found.only_at(Lines::one(7)).locations, [Lines::one(7)]);
    }
}
