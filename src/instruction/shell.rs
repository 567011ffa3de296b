//! `SHELL ["word"…]`

use crate::{
    diagnostic::Result,
    instruction::{CommandLine, flags::Flags, messages},
    syntax::ast,
};

/// Says which shell runs a line from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// The words before the line; nothing in them is replaced.
    pub shell: Vec<String>,
}

impl Shell {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        Flags::none(&written.flags)?;
        let command = CommandLine::read(&written.arguments);
        match command.shell_form {
            _ if command.args.is_empty() => Err(messages::at_least_one_argument("SHELL").into()),
            true => Err(messages::shell_not_json().into()),
            false => Ok(Self {
                shell: command.args,
            }),
        }
    }
}
