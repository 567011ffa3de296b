//! A packaged script to one that runs.
//!
//! Takes the bytes of a script, chunk by chunk; gives them on, with a line for the interpreter instead of the one that stands for
//! any. Knows nothing of files.

use crate::failure::Failure;
use crate::wheel::launcher;
use crate::wheel::record::{Hasher, Row};
use crate::wheel::tree::Take;

/// What the first line begins with if it stands for an interpreter: `#!python` or `#!pythonw`, and whatever follows.
const PLACEHOLDER: &[u8] = b"#!python";

/// A script of a wheel, whose first line may stand for the interpreter.
pub(super) struct Script<'a> {
    interpreter: &'a str,
    take: Take<'a>,
    at: At,
    /// What is written, once it is another than in the wheel.
    hasher: Option<Hasher>,
    size: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Placeholder,
    Rest,
}

impl<'a> Script<'a> {
    pub(super) fn new(interpreter: &'a str, take: Take<'a>) -> Self {
        Self {
            interpreter,
            take,
            at: At::Start,
            hasher: None,
            size: 0,
        }
    }

    /// Takes a chunk. The first has the whole of what a placeholder begins with.
    pub(super) fn put(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let mut rest = chunk;
        if self.at == At::Start {
            self.at = At::Rest;
            if chunk.starts_with(PLACEHOLDER) {
                self.at = At::Placeholder;
                self.hasher = Some(Hasher::own());
                self.pass(launcher::shebang(self.interpreter).as_bytes())?;
            }
        }
        if self.at == At::Placeholder {
            let end = chunk.iter().position(|byte| *byte == b'\n');
            rest = end.map_or(&[], |end| &chunk[end + 1..]);
            if end.is_some() {
                self.at = At::Rest;
            }
        }
        self.pass(rest)
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        self.size += bytes.len() as u64;
        (self.take)(bytes)
    }

    /// Its row, if it is another than in the wheel.
    pub(super) fn row(self) -> Option<Row> {
        let size = self.size;
        self.hasher.map(|hasher| Row::hashed(hasher, size))
    }
}
