//! `ARG name[=value]…`

use crate::{diagnostic::Result, instruction::messages, syntax::ast};

/// Declares variables that a build may set. Knows no flags, and the original does not complain about any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// Each of them, in order.
    pub declarations: Vec<Declaration>,
}

/// `name[=value]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// The name; may hold variables.
    pub key: String,
    /// The default, quotes kept; may hold variables.
    pub value: Option<String>,
    /// What a comment above says after the name.
    pub doc_comment: Option<String>,
}

impl Arg {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        let words = super::words(&written.arguments);
        if words.is_empty() {
            return Err(messages::at_least_one_argument("ARG").into());
        }
        let descriptions = super::descriptions(&written.comments);
        let declaration = |word: &String| {
            let (key, value) = match word.split_once('=') {
                Some(("", _)) => return Err(messages::blank_name("ARG").into()),
                Some((key, value)) => (key, Some(value)),
                None => (word.as_str(), None),
            };
            Ok(Declaration {
                key: key.to_owned(),
                value: value.map(str::to_owned),
                doc_comment: descriptions.get(key).map(|&text| text.to_owned()),
            })
        };
        let declarations: Result<_> = words.iter().map(declaration).collect();
        Ok(Self {
            declarations: declarations?,
        })
    }
}
