//! `ENV key=value…`, `ENV key value`

use std::fmt;

use crate::{
    diagnostic::Result,
    instruction::{flags::Flags, messages},
    syntax::ast::{self, Arguments, Pair},
};

/// Sets variables for what follows, and in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Env {
    /// Each of them, in order.
    pub pairs: Vec<KeyValue>,
}

/// A name and a value, both as written: quotes kept, variables not replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The name, which is not empty.
    pub key: String,
    /// The value.
    pub value: String,
    /// Whether it is written `key value`, without `=`.
    pub legacy: bool,
}

impl Env {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        Ok(Self {
            pairs: pairs(written, "ENV")?,
        })
    }
}

/// What `ENV` and `LABEL` hold.
pub(super) fn pairs(written: &ast::Instruction, name: &str) -> Result<Vec<KeyValue>> {
    Flags::none(&written.flags)?;
    let pairs = match &written.arguments {
        Arguments::Pairs(pairs) if !pairs.is_empty() => pairs,
        _ => return Err(messages::at_least_one_argument(name).into()),
    };
    let read = |pair: &Pair| match pair.key.as_str() {
        "" => Err(messages::blank_name(name).into()),
        key => Ok(KeyValue {
            key: key.to_owned(),
            value: pair.value.clone(),
            legacy: pair.separator.is_empty(),
        }),
    };
    pairs.iter().map(read).collect()
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}
