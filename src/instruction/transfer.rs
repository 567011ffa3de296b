//! What `ADD` and `COPY` share: sources, and where they go.

use std::{cell::OnceCell, collections::HashMap, sync::Arc};

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
    /// What it holds, leading tabs already gone if they should be. Files with one name share it.
    pub data: Arc<str>,
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
            .map(|heredoc| (heredoc.name.as_str(), Body::new(&heredoc.content)))
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
            let body = bodies.get(opening.name.as_str());
            transfer.contents.push(Content {
                path: opening.name,
                data: body.map_or_else(Arc::default, |body| body.data(opening.chomp)),
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

/// What stands in a here-document, as the files that it fills have it.
struct Body<'a> {
    written: &'a str,
    whole: OnceCell<Arc<str>>,
    chomped: OnceCell<Arc<str>>,
}

impl<'a> Body<'a> {
    fn new(written: &'a str) -> Self {
        Self {
            written,
            whole: OnceCell::new(),
            chomped: OnceCell::new(),
        }
    }

    fn data(&self, chomp: bool) -> Arc<str> {
        let data = match chomp {
            true => self
                .chomped
                .get_or_init(|| heredoc::chomp(self.written).into()),
            false => self.whole.get_or_init(|| self.written.into()),
        };
        Arc::clone(data)
    }
}
