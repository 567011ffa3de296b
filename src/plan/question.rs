//! What must be found out before planning can go on, and what the daemon said.

use std::collections::HashMap;

use crate::{proto::pb, reference::platform::Platform, source::Lines, stage::NamedContext};

/// What is known of the world so far.
pub type Known = HashMap<Wanted, Answer>;

/// What must be found out before planning can go on.
#[derive(Debug, Clone)]
pub struct Query {
    /// What is asked.
    pub wanted: Wanted,
    /// How progress names the question.
    pub log_name: String,
    /// The base as the file names it.
    pub written: String,
    /// Where the file names it.
    pub lines: Option<Lines>,
    /// The named context behind the question, if one is.
    pub context: Option<NamedContext>,
    /// What a source policy put in the place of the context.
    pub moved: Option<pb::SourceOp>,
}

/// A question to the daemon. Equal questions have equal answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// The config of an image in a registry.
    Image {
        /// Its name, with a tag or a digest.
        reference: String,
        /// Its platform; `None` is the daemon's own.
        platform: Option<Platform>,
    },
    /// The config of an image in an OCI layout of the client.
    OciLayout {
        /// The name that progress shows, with the digest.
        reference: String,
        /// The layout's name.
        store: String,
        /// The image's platform.
        platform: Option<Platform>,
    },
    /// The ignore patterns of a named local context.
    Ignore {
        /// The local's name.
        local: String,
        /// The context's name, with the platform where it has one.
        key: String,
    },
    /// Nothing: a context that needs no question, by its value.
    Plain(String),
}

impl Wanted {
    /// The platform that is asked for.
    pub fn platform(&self) -> Option<&Platform> {
        match self {
            Self::Image { platform, .. } | Self::OciLayout { platform, .. } => platform.as_ref(),
            _ => None,
        }
    }
}

impl Query {
    /// Whether there is something to ask that is not known yet.
    pub(super) fn is_open(&self, known: &Known) -> bool {
        !matches!(self.wanted, Wanted::Plain(_)) && !known.contains_key(&self.wanted)
    }
}

/// What the daemon said.
#[derive(Debug, Clone)]
pub enum Answer {
    /// An image.
    Image {
        /// Its name; a source policy may have changed it.
        reference: String,
        /// The digest of its manifest, `sha256:…`; may be empty.
        digest: String,
        /// Its config, JSON.
        config: Vec<u8>,
    },
    /// A source policy put a source of another kind in the place of an image.
    Moved(pb::SourceOp),
    /// Ignore patterns of a local context.
    Ignore(Vec<String>),
}
