//! What `ADD` and `COPY` share: sources, and where they go.

use std::collections::HashMap;

use crate::{
    diagnostic::Result,
    instruction::messages,
    syntax::{ast, heredoc},
};

/// `source… destination`, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transfer {
    /// Every source that is a path, a URL or a repository. May hold variables.
    pub sources: Vec<String>,
    /// Every source that is a here-document.
    pub contents: Vec<Content>,
    /// Where they go. May hold variables.
    pub destination: String,
}

/// A file that stands in the Dockerfile itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its name: the word of the here-document.
    pub path: String,
    /// What it holds, leading tabs already gone if they should be.
    pub data: String,
    /// Whether variables in it are replaced.
    pub expand: bool,
}

impl Transfer {
    /// The last of the words is the destination. `name` is that of the instruction.
    pub(super) fn read(written: &ast::Instruction, name: &str) -> Result<Self> {
        let (destination, sources) = Self::arguments(written, name)?;
        if heredoc::parse_word(destination).is_some() {
            return Err(messages::heredoc_as_destination(name).into());
        }
        // Of two here-documents with one name, the last fills both.
        let bodies = written.heredocs.iter();
        let bodies: HashMap<_, _> = bodies
            .map(|heredoc| (heredoc.name.as_str(), heredoc.content.as_str()))
            .collect();
        let mut transfer = Self {
            destination: destination.clone(),
            ..Self::default()
        };
        for source in sources {
            let Some(opening) = heredoc::parse_word(source) else {
                transfer.sources.push(source.clone());
                continue;
            };
            // In the JSON form a word that looks like one has no body.
            let body = bodies
                .get(opening.name.as_str())
                .copied()
                .unwrap_or_default();
            transfer.contents.push(Content {
                path: opening.name,
                data: if opening.chomp {
                    heredoc::chomp(body)
                } else {
                    body.to_owned()
                },
                expand: opening.expand,
            });
        }
        Ok(transfer)
    }

    /// The destination and the sources, of which there is one at least.
    pub(super) fn arguments<'a>(
        written: &'a ast::Instruction,
        name: &str,
    ) -> Result<(&'a String, &'a [String])> {
        match super::words(&written.arguments).split_last() {
            Some((destination, sources)) if !sources.is_empty() => Ok((destination, sources)),
            _ => Err(messages::no_destination(name).into()),
        }
    }
}
