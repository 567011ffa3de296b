//! `WORKDIR path`

use crate::{diagnostic::Result, instruction::flags::Flags, syntax::ast};

/// Says where what follows runs, and the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workdir {
    /// The path; may hold variables.
    pub path: String,
}

impl Workdir {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        let path = super::only_argument(written, "WORKDIR")?;
        Flags::none(&written.flags)?;
        Ok(Self { path })
    }
}
