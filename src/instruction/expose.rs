//! `EXPOSE port[/protocol]…`

use crate::{
    diagnostic::Result,
    instruction::{flags::Flags, messages},
    syntax::ast,
};

/// Says which ports a container listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expose {
    /// Each of them as written, sorted. May hold variables, which may hold several ports.
    pub ports: Vec<String>,
}

impl Expose {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        let mut ports = super::words(&written.arguments).to_vec();
        if ports.is_empty() {
            return Err(messages::at_least_one_argument("EXPOSE").into());
        }
        Flags::none(&written.flags)?;
        ports.sort();
        Ok(Self { ports })
    }
}
