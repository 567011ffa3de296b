//! `CMD command`

use crate::{
    diagnostic::Result,
    instruction::{CommandLine, flags::Flags},
    syntax::ast,
};

/// What a container runs unless told otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cmd {
    /// The command; nothing in it is replaced.
    pub command: CommandLine,
}

impl Cmd {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        Flags::none(&written.flags)?;
        Ok(Self {
            command: CommandLine::read(&written.arguments),
        })
    }
}
