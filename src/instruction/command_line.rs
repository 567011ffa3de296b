//! What `RUN`, `CMD` and `ENTRYPOINT` run.

use crate::syntax::ast::{Arguments, Heredoc};

/// Words to execute, or a line for a shell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandLine {
    /// The words of the JSON form; otherwise the line, or nothing when it is empty.
    pub args: Vec<String>,
    /// Whether the stage's shell runs it: it is not written as JSON.
    pub shell_form: bool,
}

/// A here-document of `RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineFile {
    /// The word that ends it.
    pub name: String,
    /// The lines, tabs and all.
    pub data: String,
    /// Whether leading tabs do not count.
    pub chomp: bool,
}

impl CommandLine {
    pub(super) fn read(arguments: &Arguments) -> Self {
        Self {
            args: super::words(arguments).to_vec(),
            shell_form: !matches!(arguments, Arguments::Json(_)),
        }
    }
}

impl From<&Heredoc> for InlineFile {
    fn from(heredoc: &Heredoc) -> Self {
        Self {
            name: heredoc.name.clone(),
            data: heredoc.content.clone(),
            chomp: heredoc.chomp,
        }
    }
}
