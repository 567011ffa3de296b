//! `STOPSIGNAL signal`

use crate::{diagnostic::Result, syntax::ast};

/// Says how to stop a container. Knows no flags, and the original does not complain about any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopsignal {
    /// A name or a number, not checked; may hold variables.
    pub signal: String,
}

impl Stopsignal {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        Ok(Self {
            signal: super::only_argument(written, "STOPSIGNAL")?,
        })
    }
}
