//! `ONBUILD instruction`

use crate::{
    diagnostic::Result,
    instruction::{flags::Flags, messages},
    syntax::{
        Keyword,
        ast::{self, Arguments},
    },
};

/// Keeps an instruction for whoever builds on the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onbuild {
    /// The instruction as text, here-documents included: what the image config holds. It is not checked.
    pub expression: String,
}

impl Onbuild {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        let Arguments::Trigger(trigger) = &written.arguments else {
            return Err(messages::at_least_one_argument("ONBUILD").into());
        };
        Flags::none(&written.flags)?;
        match Keyword::read(trigger.keyword.trim()) {
            Some(Keyword::Onbuild) => Err(messages::chained_onbuild().into()),
            Some(keyword @ (Keyword::Maintainer | Keyword::From)) => {
                Err(messages::not_a_trigger(keyword.name()).into())
            }
            _ => Ok(Self {
                expression: expression(written),
            }),
        }
    }
}

/// The line without `ONBUILD`, then each here-document with the word that ends it.
fn expression(written: &ast::Instruction) -> String {
    let line = written.original.trim_start();
    let line = line.strip_prefix(&written.keyword).unwrap_or(line);
    let line = line.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    let mut expression = line.to_owned();
    for heredoc in &written.heredocs {
        expression.push('\n');
        expression.push_str(&heredoc.content);
        expression.push_str(&heredoc.name);
    }
    expression
}
