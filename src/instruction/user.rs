//! `USER user[:group]`

use crate::{diagnostic::Result, instruction::flags::Flags, syntax::ast};

/// Says who runs what follows, and the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user; may hold variables.
    pub user: String,
}

impl User {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        let user = super::only_argument(written, "USER")?;
        Flags::none(&written.flags)?;
        Ok(Self { user })
    }
}
