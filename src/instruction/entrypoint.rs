//! `ENTRYPOINT command`

use crate::{
    diagnostic::Result,
    instruction::{CommandLine, flags::Flags},
    syntax::ast,
};

/// What a container always runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrypoint {
    /// The command; nothing in it is replaced.
    pub command: CommandLine,
}

impl Entrypoint {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        Flags::none(&written.flags)?;
        Ok(Self {
            command: CommandLine::read(&written.arguments),
        })
    }
}
