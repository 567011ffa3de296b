//! `FROM [--platform=platform] base [AS name]`, and all that follows it.

use std::sync::Arc;

use crate::{
    diagnostic::Result,
    golang,
    instruction::{
        Instruction,
        flags::{Flag, Flags},
        messages,
    },
    source::Lines,
    syntax::ast,
};

const FLAGS: [Flag; 1] = [Flag::text("platform")];

/// A `FROM` and the instructions up to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The name, in lower case.
    pub name: Option<String>,
    /// What it begins with: a stage, a named context, an image or `scratch`. May hold variables.
    pub base_name: String,
    /// `--platform`; may hold variables.
    pub platform: Option<String>,
    /// What follows the `FROM`. The graph of stages shares it.
    pub commands: Vec<Arc<Instruction>>,
    /// The line of the `FROM`, without the blanks around it.
    pub original: String,
    /// Where the `FROM` stands.
    pub lines: Lines,
    /// The comment lines above it.
    pub comments: Vec<String>,
    /// What a comment above says after the name.
    pub doc_comment: Option<String>,
    /// How `FROM`, `AS` and the name are written.
    pub spelling: Spelling,
}

/// Words as someone typed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelling {
    /// `FROM`
    pub keyword: String,
    /// `AS` and the name.
    pub alias: Option<(String, String)>,
}

impl Stage {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        let (base_name, alias) = match super::words(&written.arguments) {
            [base] => (base, None),
            [base, keyword, name] if golang::equal_fold(keyword, "as") => {
                (base, Some((keyword.clone(), name.clone())))
            }
            _ => return Err(messages::one_or_three_arguments().into()),
        };
        let name = alias
            .as_ref()
            .map(|(_, name)| stage_name(name))
            .transpose()?;
        let flags = Flags::read(&written.flags, &FLAGS)?;
        let descriptions = super::descriptions(&written.comments);
        let description = name.as_deref().and_then(|name| descriptions.get(name));
        Ok(Self {
            doc_comment: description.map(|&text| text.to_owned()),
            name,
            base_name: base_name.clone(),
            platform: flags.text("platform"),
            commands: Vec::new(),
            original: written.original.trim().to_owned(),
            lines: written.lines,
            comments: written.comments.clone(),
            spelling: Spelling {
                keyword: written.keyword.clone(),
                alias,
            },
        })
    }
}

/// `[a-z][a-z0-9-_.]*`, in lower case already or not.
fn stage_name(written: &str) -> Result<String> {
    let name = golang::to_lower(written);
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let goes_on_well = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '.');
    match begins_well && name.chars().all(goes_on_well) {
        true => Ok(name),
        false => Err(messages::wrong_stage_name(written).into()),
    }
}
