//! The user's mistakes and the daemon's refusals, until they meet in one gRPC status.

use crate::{diagnostic::Diagnostic, gateway, proto::pb, source::Lines};

/// What a part of a request gives.
pub(super) type Result<T> = std::result::Result<T, Error>;

/// Why a request has no result.
#[derive(Debug, Clone)]
pub(super) enum Error {
    /// A mistake in what the user wrote.
    Mistake(Box<Diagnostic>),
    /// The daemon's refusal, with the lines that it is about.
    Refusal(Box<gateway::Error>, Vec<Lines>),
}

impl Error {
    /// What is wrong.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Mistake(diagnostic) => &diagnostic.message,
            Self::Refusal(error, _) => &error.message,
        }
    }

    /// Says first what was being done.
    pub(super) fn context(self, prefix: &str) -> Self {
        match self {
            Self::Mistake(diagnostic) => Self::Mistake(Box::new(diagnostic.context(prefix))),
            Self::Refusal(error, lines) => Self::Refusal(Box::new(error.context(prefix)), lines),
        }
    }

    /// Says what was probably meant.
    pub(super) fn suggest(self, suggestion: Option<String>) -> Self {
        match (self, suggestion) {
            (error, None) => error,
            (Self::Mistake(diagnostic), name) => Self::Mistake(Box::new(diagnostic.suggest(name))),
            (Self::Refusal(mut error, lines), Some(name)) => {
                error.message += &format!(" (did you mean {name}?)");
                Self::Refusal(error, lines)
            }
        }
    }

    /// Says what to do about it, on a line of its own: what was said stays as it is.
    pub(super) fn help(self, sentence: &str) -> Self {
        match self {
            Self::Mistake(diagnostic) => Self::Mistake(Box::new(diagnostic.help(sentence))),
            Self::Refusal(mut error, lines) => {
                error.message += &format!("\nhelp: {sentence}");
                Self::Refusal(error, lines)
            }
        }
    }

    /// Says which lines it is about, if nobody has.
    pub(super) fn at(self, place: Option<Lines>) -> Self {
        match (self, place) {
            (error, None) => error,
            (Self::Mistake(diagnostic), Some(lines)) => {
                Self::Mistake(Box::new(diagnostic.at(lines)))
            }
            (Self::Refusal(error, lines), Some(place)) if lines.is_empty() => {
                Self::Refusal(error, vec![place])
            }
            (error, Some(_)) => error,
        }
    }

    /// The status that the client is given: with an excerpt of the file for every place.
    pub(super) fn into_status(self, file: Option<&pb::SourceInfo>) -> gateway::Error {
        match (self, file) {
            (Self::Mistake(diagnostic), file) => gateway::Error::from_diagnostic(&diagnostic, file),
            (Self::Refusal(error, lines), Some(file)) if !error.is_located() => lines
                .iter()
                .fold(*error, |error, lines| error.locate(file, &[*lines])),
            (Self::Refusal(error, _), _) => *error,
        }
    }
}

impl From<gateway::Error> for Error {
    fn from(error: gateway::Error) -> Self {
        Self::Refusal(Box::new(error), Vec::new())
    }
}

impl From<Box<Diagnostic>> for Error {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self::Mistake(diagnostic)
    }
}

impl From<Diagnostic> for Error {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Mistake(Box::new(diagnostic))
    }
}
