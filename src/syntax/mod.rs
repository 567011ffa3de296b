//! Text to [`ast::File`].
//!
//! Takes a [`Source`]; gives every instruction with its flags, its arguments, its here-documents and its lines,
//! and what could not be read. Knows nothing of what a flag or a variable means.
//!
//! The language is that of `frontend/dockerfile/parser` in BuildKit:
//!
//! ```text
//! physical lines → directives, comments → logical lines → keyword, flags, arguments → here-documents
//! ```

mod arguments; // one function for each form that arguments have
pub mod ast; // what comes out
pub mod directive; // `# syntax=`, `# escape=`, `# check=`
mod flags; // `--name=value` before the arguments
pub mod heredoc; // `<<EOF` as a word, and its body
mod json; // the array form
mod keyword;
mod lines; // physical lines
mod messages;
mod parser; // the loop
mod words;

pub use keyword::Keyword;

use crate::{diagnostic::Diagnostic, source::Source};

/// What was read, and what could not be.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// Every instruction that could be read.
    pub file: ast::File,
    /// Errors and warnings in the order of the file. The original stops at the first error
    /// and then gives no warning. Every warning is about an empty line in a continuation.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a Dockerfile. Never fails: what cannot be read becomes a diagnostic.
pub fn parse(source: &Source) -> Parsed {
    parser::file(source.text())
}

impl Parsed {
    /// The file, or the error at which the original would have stopped.
    pub fn into_result(self) -> crate::diagnostic::Result<ast::File> {
        match self.diagnostics.into_iter().find(Diagnostic::is_error) {
            Some(error) => Err(Box::new(error)),
            None => Ok(self.file),
        }
    }
}
