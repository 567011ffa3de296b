//! `VOLUME path…`

use crate::{
    diagnostic::Result,
    instruction::{flags::Flags, messages},
    syntax::ast,
};

/// Says which folders outlive a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Each of them without the blanks around it; may hold variables.
    pub paths: Vec<String>,
}

impl Volume {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        let words = super::words(&written.arguments);
        if words.is_empty() {
            return Err(messages::at_least_one_argument("VOLUME").into());
        }
        Flags::none(&written.flags)?;
        let path = |word: &String| match word.trim() {
            "" => Err(messages::empty_volume().into()),
            path => Ok(path.to_owned()),
        };
        let paths: Result<_> = words.iter().map(path).collect();
        Ok(Self { paths: paths? })
    }
}
