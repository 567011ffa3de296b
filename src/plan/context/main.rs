//! The main context: a directory of the client, or what stands in its place.

use crate::{
    diagnostic::Result,
    golang::{ignore::Matcher, path},
    llb::{
        self, Meta,
        file::{Copy, File},
        source::{Local, Source},
    },
    plan::messages,
    proto::pb,
};

/// The main build context.
#[derive(Debug, Clone)]
pub enum MainContext {
    /// A directory of the client.
    Local {
        /// The local's name.
        name: String,
        /// The session that serves it.
        session: String,
        /// Ignore patterns.
        excludes: Vec<String>,
    },
    /// Something else.
    Remote(Remote),
}

/// A context that is no directory of the client: a repository, a download, or the result of another build.
#[derive(Debug, Clone)]
pub struct Remote {
    root: Root,
    /// The directory of it that is the context; all of it, if there is none.
    directory: Option<String>,
}

#[derive(Debug, Clone)]
enum Root {
    /// What a source gives, and how progress shows it.
    Source(Box<Source>, String),
    /// What is in the archive that a source gives as a file of this name.
    Archive(Box<Source>, String, String),
    /// What somebody else described.
    Definition(Box<pb::Definition>),
}

impl MainContext {
    /// The patterns of files that are not sent. Only a directory of the client has any.
    pub fn excludes(&self) -> &[String] {
        match self {
            Self::Local { excludes, .. } => excludes,
            Self::Remote(_) => &[],
        }
    }

    /// Fails for an ignore pattern that cannot be read.
    pub(in crate::plan) fn check(&self) -> Result<()> {
        Matcher::new(self.excludes())
            .map(drop)
            .map_err(messages::text)
    }

    /// Says what the slot of the main context is, now that the paths read from it are known.
    pub(in crate::plan) fn describe(
        &self,
        llb: &mut llb::Graph,
        slot: llb::Output,
        followed: &[String],
    ) -> Result<()> {
        let output = match self {
            Self::Local {
                name,
                session,
                excludes,
            } => {
                let local = Local {
                    follow_paths: followed.to_vec(),
                    exclude_patterns: excludes.clone(),
                    shared_key_hint: name.clone(),
                    ..Local::new(name, session)
                };
                Some(llb.add_source(local, Meta::named("[internal] load build context")))
            }
            Self::Remote(remote) => remote.add(llb)?,
        };
        llb.bind(slot, output);
        Ok(())
    }
}

impl Remote {
    /// What a source gives; `name` is what progress shows.
    pub fn source(source: impl Into<Source>, name: impl Into<String>) -> Self {
        Self::of(Root::Source(Box::new(source.into()), name.into()))
    }

    /// What is in the archive that a source gives as the file `file`.
    pub fn archive(
        source: impl Into<Source>,
        name: impl Into<String>,
        file: impl Into<String>,
    ) -> Self {
        let source = Box::new(source.into());
        Self::of(Root::Archive(source, name.into(), file.into()))
    }

    /// What another build gives.
    pub fn definition(definition: pb::Definition) -> Self {
        Self::of(Root::Definition(Box::new(definition)))
    }

    /// Only what is in a directory of it.
    pub fn directory(self, directory: impl Into<String>) -> Self {
        Self {
            directory: Some(directory.into()),
            ..self
        }
    }

    fn of(root: Root) -> Self {
        Self {
            root,
            directory: None,
        }
    }

    /// Adds it to a graph. Only what somebody else described can be wrong.
    pub fn add(&self, llb: &mut llb::Graph) -> Result<llb::Input> {
        let root = match &self.root {
            Root::Source(source, name) => {
                Some(llb.add_source(Source::clone(source), Meta::named(name)))
            }
            Root::Archive(source, name, file) => {
                let archive = llb.add_source(Source::clone(source), Meta::named(name));
                let unpack = Copy {
                    source: Some(archive),
                    src: path::join(&["/", file]),
                    dest: "/".to_owned(),
                    unpack: true,
                    ..Copy::default()
                };
                Some(llb.add_file(File::new(None, unpack), Meta::default()))
            }
            Root::Definition(definition) => llb.add_foreign(definition).map_err(messages::text)?,
        };
        let Some(directory) = &self.directory else {
            return Ok(root);
        };
        let scope = Copy {
            source: root,
            src: directory.clone(),
            dest: "/".to_owned(),
            contents_only: true,
            ..Copy::default()
        };
        Ok(Some(llb.add_file(File::new(None, scope), Meta::default())))
    }
}
