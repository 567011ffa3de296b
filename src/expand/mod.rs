//! Replaces `$NAME` and `${NAME:-word}` in the words of an instruction.
//!
//! Takes a word and a [`Scope`]; gives the text and the names that it asked for, found and not found. How much text there may be
//! is a [`Budget`]'s to say. Knows nothing of instructions or stages: the caller decides what is in scope, and which mode suits
//! the place. The rules are those of BuildKit's `frontend/dockerfile/shell`, which are nearly those of a
//! shell; where they surprise, the surprise is kept, because Dockerfiles are built with it today.

mod budget;
mod environment;
mod error;
mod lexer;
mod pattern;
mod trie;

use std::collections::{BTreeMap, BTreeSet};

pub use budget::{Budget, Overgrown};
pub use environment::{Environment, Listing};
pub use error::{Error, Reason};

use crate::golang::stray;

/// How words are read. The plain mode is [`Expander::new`]; the others differ in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expander {
    /// The escape character, `\` unless `# escape` says otherwise.
    pub escape: char,
    /// Quotes stay in the text.
    pub raw_quotes: bool,
    /// Escape characters stay in the text.
    pub raw_escapes: bool,
    /// Quotes are characters like others, as in the body of a heredoc.
    pub skip_quotes: bool,
    /// What is not set stays as it was written.
    pub skip_unset: bool,
}

/// Where values come from.
pub trait Scope {
    /// The value of the variable, if it is set.
    fn get(&self, name: &str) -> Option<&str>;
    /// The names of all variables, for suggestions.
    fn names(&self) -> Vec<String>;
}

/// A word after expansion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    /// What became of the word.
    pub text: String,
    /// Names that were asked for and are set.
    pub matched: BTreeSet<String>,
    /// Names that were asked for and are not set, each once, in the order in which they were asked for.
    pub unmatched: Vec<String>,
}

impl Expander {
    /// The mode of instructions: quotes and escapes are taken away, unset variables are empty.
    pub fn new(escape: char) -> Self {
        Self {
            escape,
            raw_quotes: false,
            raw_escapes: false,
            skip_quotes: false,
            skip_unset: false,
        }
    }

    /// Expands a word, which keeps its spaces (`Lex.ProcessWordWithMatches`).
    pub fn word(
        &self,
        word: &str,
        scope: &dyn Scope,
        budget: &mut Budget,
    ) -> Result<Expanded, Error> {
        lexer::word(self, &stray::replaced(word), scope, budget)
            .map_err(|error| as_written(word, error))
    }

    /// Expands a word and splits the text at spaces that are not quoted (`Lex.ProcessWords`).
    ///
    /// As in the original, `a${b:-c}` gives only `c`: the words of a substitution replace what was begun
    /// before it.
    pub fn words(
        &self,
        word: &str,
        scope: &dyn Scope,
        budget: &mut Budget,
    ) -> Result<Vec<String>, Error> {
        lexer::words(self, &stray::replaced(word), scope, budget)
            .map_err(|error| as_written(word, error))
    }
}

/// The mistake in a word, with the bytes that it was written with.
fn as_written(word: &str, error: Error) -> Error {
    Error {
        word: word.to_owned(),
        ..error
    }
}

/// Nothing is set.
impl Scope for () {
    fn get(&self, _: &str) -> Option<&str> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Scope for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
