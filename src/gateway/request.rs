//! What is asked and what is answered, freed from what only old daemons need.

use std::collections::BTreeMap;

use prost::bytes::Bytes;

use crate::{
    llb::source::Source,
    proto::{
        frontend::{self, Attestation, Ref, ResolveSourceGitResponse, ResolveSourceHttpResponse},
        pb,
    },
};

/// Something to solve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SolveRequest {
    /// The graph. None, where another frontend makes one.
    pub definition: Option<pb::Definition>,
    /// The other frontend; empty is none.
    pub frontend: String,
    /// Its options.
    pub options: BTreeMap<String, String>,
    /// Its inputs.
    pub inputs: BTreeMap<String, pb::Definition>,
    /// Caches to look into.
    pub cache_imports: Vec<CacheImport>,
    /// Run what the result needs, now.
    pub evaluate: bool,
}

impl SolveRequest {
    /// A graph.
    pub fn definition(definition: impl Into<pb::Definition>) -> Self {
        Self {
            definition: Some(definition.into()),
            ..Self::default()
        }
    }
}

/// A cache to look into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheImport {
    /// `registry`, `local`, `gha`, …
    pub kind: String,
    /// Where it is.
    pub attrs: BTreeMap<String, String>,
}

/// What a frontend makes: file systems, and what is said about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SolveResult {
    /// The file systems.
    pub refs: Refs,
    /// What is said, by key.
    pub metadata: BTreeMap<String, Bytes>,
    /// What is attested, by platform.
    pub attestations: BTreeMap<String, Vec<Attestation>>,
}

/// One file system, or one a platform. `None` is scratch.
#[derive(Clone, Debug, PartialEq)]
pub enum Refs {
    /// For whatever platform.
    One(Option<Ref>),
    /// By platform.
    ByPlatform(BTreeMap<String, Option<Ref>>),
}

impl Default for Refs {
    fn default() -> Self {
        Self::One(None)
    }
}

impl SolveResult {
    /// A file system with nothing said about it.
    pub fn of(reference: Option<Ref>) -> Self {
        Self {
            refs: Refs::One(reference),
            ..Self::default()
        }
    }

    /// The only file system, if there is one and it is not scratch.
    pub fn reference(&self) -> Option<&Ref> {
        match &self.refs {
            Refs::One(reference) => reference.as_ref(),
            Refs::ByPlatform(_) => None,
        }
    }

    /// Every file system that is not scratch.
    pub fn references(&self) -> impl Iterator<Item = &Ref> {
        let (one, many) = match &self.refs {
            Refs::One(reference) => (reference.as_ref(), None),
            Refs::ByPlatform(refs) => (None, Some(refs.values().flatten())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    pub(super) fn from_response(response: frontend::SolveResponse) -> Self {
        let by_id = |id: String| {
            reference(Ref {
                id,
                ..Default::default()
            })
        };
        let Some(result) = response.result else {
            return Self::of(by_id(response.r#ref));
        };
        use frontend::result::Result;
        let refs = match result.result {
            None => Refs::One(None),
            Some(Result::RefDeprecated(id)) => Refs::One(by_id(id)),
            Some(Result::Ref(one)) => Refs::One(reference(one)),
            Some(Result::RefsDeprecated(map)) => {
                let refs = map.refs.into_iter();
                Refs::ByPlatform(refs.map(|(key, id)| (key, by_id(id))).collect())
            }
            Some(Result::Refs(map)) => {
                let refs = map.refs.into_iter();
                Refs::ByPlatform(refs.map(|(key, one)| (key, reference(one))).collect())
            }
        };
        Self {
            refs,
            metadata: result.metadata,
            attestations: result
                .attestations
                .into_iter()
                .map(|(key, listed)| (key, listed.attestation))
                .collect(),
        }
    }

    /// The message that returns it, to a daemon that knows `proto.refarray` or not.
    pub(super) fn into_message(self, ref_array: bool) -> frontend::Result {
        use frontend::{RefMap, RefMapDeprecated, result::Result};
        // The daemon knows what it solved: the name is enough.
        let id = |reference: Option<Ref>| reference.unwrap_or_default().id;
        // An empty message would be left out of the map, and a daemon does not survive that: the empty definition keeps it there.
        let named = |reference| {
            let id = id(reference);
            let def = id.is_empty().then(pb::Definition::default);
            Ref { id, def }
        };
        let result = match self.refs {
            Refs::One(one) if ref_array => Result::Ref(named(one)),
            Refs::One(one) => Result::RefDeprecated(id(one)),
            Refs::ByPlatform(refs) if ref_array => Result::Refs(RefMap {
                refs: refs
                    .into_iter()
                    .map(|(key, one)| (key, named(one)))
                    .collect(),
            }),
            Refs::ByPlatform(refs) => Result::RefsDeprecated(RefMapDeprecated {
                refs: refs.into_iter().map(|(key, one)| (key, id(one))).collect(),
            }),
        };
        frontend::Result {
            result: Some(result),
            metadata: self.metadata,
            attestations: self
                .attestations
                .into_iter()
                .map(|(key, attestation)| (key, frontend::Attestations { attestation }))
                .collect(),
        }
    }
}

/// The empty name is scratch.
fn reference(reference: Ref) -> Option<Ref> {
    (!reference.id.is_empty()).then_some(reference)
}

/// A source, and what is wanted of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceRequest {
    /// The source.
    pub source: pb::SourceOp,
    /// Of an image, for which platform; `None` is the daemon's own.
    pub platform: Option<pb::Platform>,
    /// Of an image, where it is looked for: `default`, `pull`, `local`, or empty.
    pub resolve_mode: String,
    /// What progress shows.
    pub log_name: String,
    /// Of an image, leave the config out.
    pub no_config: bool,
    /// Of a repository, the bytes of the commit and of the tag, too.
    pub git_objects: bool,
}

impl SourceRequest {
    /// What a source is now.
    pub fn new(source: impl Into<Source>, log_name: impl Into<String>) -> Self {
        Self {
            source: source.into().to_pb(),
            log_name: log_name.into(),
            ..Self::default()
        }
    }

    pub(super) fn is_image(&self) -> bool {
        self.reference().is_some()
    }

    /// The scheme and the name of an image.
    pub(super) fn reference(&self) -> Option<(&'static str, &str)> {
        ["docker-image://", "oci-layout://"]
            .into_iter()
            .find_map(|scheme| Some((scheme, self.source.identifier.strip_prefix(scheme)?)))
    }
}

/// What a source is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResolvedSource {
    /// The source; a policy of the daemon can make another of it, even one of another kind.
    pub source: pb::SourceOp,
    /// If it is an image.
    pub image: Option<ResolvedImage>,
    /// If it is a repository.
    pub git: Option<ResolveSourceGitResponse>,
    /// If it is a download.
    pub http: Option<ResolveSourceHttpResponse>,
}

impl ResolvedSource {
    /// The identifier without its scheme: the reference of an image.
    pub fn reference(&self) -> &str {
        let identifier = self.source.identifier.as_str();
        identifier
            .split_once("://")
            .map_or(identifier, |(_, it)| it)
    }
}

/// What an image is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedImage {
    /// Of its manifest or index.
    pub digest: String,
    /// As JSON, with every byte as it was pushed.
    pub config: Bytes,
}

/// A warning about a file that is built from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Warning {
    /// The op that it is about; for a Dockerfile, the one that read it.
    pub digest: String,
    /// How loud; 1 is usual.
    pub level: i64,
    /// One sentence. It may show bytes of the file that are no UTF-8.
    pub short: Vec<u8>,
    /// What else there is to say.
    pub detail: Vec<String>,
    /// Where more is said.
    pub url: String,
    /// The file.
    pub info: Option<pb::SourceInfo>,
    /// Its lines.
    pub ranges: Vec<pb::Range>,
}
