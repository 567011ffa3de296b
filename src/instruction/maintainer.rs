//! `MAINTAINER name`

use crate::{diagnostic::Result, instruction::flags::Flags, syntax::ast};

/// Says who made the image. Deprecated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintainer {
    /// The rest of the line; nothing in it is replaced.
    pub maintainer: String,
}

impl Maintainer {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        let maintainer = super::only_argument(written, "MAINTAINER")?;
        Flags::none(&written.flags)?;
        Ok(Self { maintainer })
    }
}
