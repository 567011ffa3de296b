//! `LABEL key=value…`, `LABEL key value`

use crate::{
    diagnostic::Result,
    instruction::env::{self, KeyValue},
    syntax::ast,
};

/// Names facts about the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Each of them, in order.
    pub labels: Vec<KeyValue>,
}

impl Label {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        Ok(Self {
            labels: env::pairs(written, "LABEL")?,
        })
    }
}
