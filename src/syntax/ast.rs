//! A Dockerfile as it is written. Plain data: nothing is expanded, no flag is understood.

use crate::{source::Lines, syntax::Keyword};

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What escapes a character and continues a line: `\`, or `` ` `` after `` # escape=` ``.
    pub escape: char,
    /// Every instruction, in order.
    pub instructions: Vec<Instruction>,
    /// Every comment line between the parser directives and the first instruction, without its `#`.
    pub comments: Vec<(Lines, String)>,
}

/// One instruction, from its keyword to the end of its last here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// `COPY --link a /b`
    /// `^^^^            `, as written.
    pub keyword: String,
    /// `COPY --link a /b`
    /// `     ^^^^^^     `, with its quotes and escapes resolved.
    pub flags: Vec<String>,
    /// The logical line: continuations joined, comment lines dropped, no here-document.
    pub original: String,
    /// What follows the flags, in the form that the keyword gives it.
    pub arguments: Arguments,
    /// The here-documents that the line opens, in order. Those of `ONBUILD RUN <<EOF` stand here, not in the trigger.
    pub heredocs: Vec<Heredoc>,
    /// From the line of the keyword to the last line that belongs to it.
    pub lines: Lines,
    /// The comment lines above it, since the instruction before or the last empty `#`.
    pub comments: Vec<String>,
}

impl Instruction {
    /// Which instruction it is, if it is one.
    pub fn kind(&self) -> Option<Keyword> {
        Keyword::read(&self.keyword)
    }
}

/// What follows the flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// `COPY a b /c`, `FROM image AS name`, `ARG a b="c d"`: words. Those of `ARG` keep their quotes.
    Words(Vec<String>),
    /// `CMD ["a", "b"]`
    Json(Vec<String>),
    /// `RUN make all`: the rest of the line. Empty when there is nothing.
    Line(String),
    /// `ENV a=b c=d` or `ENV a b`, quotes kept.
    Pairs(Vec<Pair>),
    /// `ONBUILD RUN make`. A trigger that is itself `ONBUILD`, which nobody may write,
    /// holds its own rest of the line as [`Arguments::Line`].
    Trigger(Box<Instruction>),
    /// `HEALTHCHECK CMD curl localhost`: a word, then a `Line` or a `Json`.
    Check {
        /// `NONE`, `CMD`, or a mistake; empty when there is nothing.
        kind: String,
        /// What follows the word.
        command: Box<Arguments>,
    },
}

/// One `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What stands before the separator.
    pub key: String,
    /// What stands after it.
    pub value: String,
    /// `=`, or nothing in the old form `ENV key value`.
    pub separator: &'static str,
}

/// `<<EOF` and the lines up to `EOF`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it, without quotes.
    pub name: String,
    /// The number before `<<`; 0 when there is none.
    pub file_descriptor: u32,
    /// Whether variables in it are replaced: no part of the word is quoted.
    pub expand: bool,
    /// Whether it was written `<<-`: leading tabs do not count.
    pub chomp: bool,
    /// The lines between, with their newlines, tabs and all.
    pub content: String,
}
