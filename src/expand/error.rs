//! Why a word cannot be expanded, in the sentences of the original.

use std::collections::BTreeSet;

use crate::{expand::Overgrown, golang::quote};

/// A word that cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to process {}: {reason}", quote(word))]
pub struct Error {
    /// The word as it was written.
    pub word: String,
    /// What is wrong with it.
    pub reason: Box<Reason>,
    /// The names found before the word turned out wrong, for the same warnings as without the mistake.
    pub matched: BTreeSet<String>,
    /// The names asked for until then that are not set.
    pub unmatched: Vec<String>,
}

/// What is wrong with a word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The word ends inside of single quotes.
    #[error("unexpected end of statement while looking for matching single-quote")]
    SingleQuote,
    /// The word ends inside of double quotes.
    #[error("unexpected end of statement while looking for matching double-quote")]
    DoubleQuote,
    /// The word ends inside of `${…}`.
    #[error("syntax error: missing '}}'")]
    MissingBrace,
    /// The word ends inside of the pattern of `${name/pattern/text}`.
    #[error("syntax error: missing '/' in ${{}}")]
    MissingSlash,
    /// `${}`, `${:…` or `${{…`.
    #[error("syntax error: bad substitution")]
    BadSubstitution,
    /// The name is followed by nothing that could be.
    #[error("unsupported modifier ({0}) in substitution")]
    UnsupportedModifier(String),
    /// `${name?message}` of a variable that is not set, or `${name:?message}` of one that is empty.
    #[error("{name}: {message}")]
    Required {
        /// The variable.
        name: String,
        /// The message written, or what is wrong when there is none.
        message: String,
    },
    /// In a pattern, a backslash stands before a character that needs none.
    #[error("invalid pattern ({pattern}) in substitution: invalid escape '\\{escaped}'")]
    InvalidPattern {
        /// The pattern, backwards if it is that of an ending.
        pattern: String,
        /// The character behind the backslash; U+FFFD if there is none.
        escaped: char,
    },
    /// `${a:-${a:-${a:-…}}}`, on and on: ours, the original only stops when its memory does.
    #[error("syntax error: substitutions are nested more than {0} deep")]
    TooDeep(usize),
    /// The text would be larger than anything that can be built: ours too.
    #[error(transparent)]
    Overgrown(#[from] Overgrown),
}
