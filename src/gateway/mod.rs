//! The daemon, as the frontend sees it.
//!
//! Takes definitions, names of sources and paths; gives results, digests and bytes. Knows nothing of
//! Dockerfiles.
//!
//! The frontend works with a [`Gateway`], of which the daemon's own is the [`Client`]: gRPC over the
//! two pipes that BuildKit starts a frontend with. A refusal is an [`Error`], which keeps the
//! daemon's details byte for byte, so that it can be returned as it came.

use std::collections::BTreeMap;

use prost::bytes::Bytes;

use crate::proto::pb;

pub use capabilities::{Capabilities, CapabilitySet, INPUTS};
pub use client::{Client, ConnectError};
pub use error::{Error, Result};
pub use request::{
    CacheImport, Refs, ResolvedImage, ResolvedSource, SolveRequest, SolveResult, SourceRequest,
    Warning,
};
pub use tonic::Code;

pub use crate::proto::{
    Stat,
    frontend::{
        Attestation, AttestationKind, FileRange, InTotoSubject, InTotoSubjectKind, Ref,
        ResolveSourceGitResponse as ResolvedGit, ResolveSourceHttpResponse as ResolvedHttp,
    },
};

mod capabilities;
mod client;
mod error;
mod request;
mod stdio;

/// What the frontend asks of the daemon while it builds.
#[allow(
    async_fn_in_trait,
    reason = "the frontend runs on one thread, so no future needs to be `Send`"
)]
pub trait Gateway {
    /// What the daemon can do.
    fn capabilities(&self) -> &Capabilities;

    /// Solves a definition, or lets another frontend do so.
    async fn solve(&self, request: SolveRequest) -> Result<SolveResult>;

    /// Runs what a result needs, now.
    async fn evaluate(&self, reference: &Ref) -> Result<()>;

    /// Reads a file of a result, or a part of it.
    async fn read_file(
        &self,
        reference: &Ref,
        path: &str,
        range: Option<FileRange>,
    ) -> Result<Bytes>;

    /// Lists a directory of a result; with a pattern that is not empty, only what matches.
    async fn read_dir(&self, reference: &Ref, path: &str, pattern: &str) -> Result<Vec<Stat>>;

    /// Describes a file of a result.
    async fn stat_file(&self, reference: &Ref, path: &str) -> Result<Stat>;

    /// Finds out what a source is now: the digest and config of an image, the commit of a
    /// repository.
    async fn resolve_source(&self, request: SourceRequest) -> Result<ResolvedSource>;

    /// The definitions that the caller hands over instead of local sources, by name.
    async fn inputs(&self) -> Result<BTreeMap<String, pb::Definition>>;

    /// Warns whoever watches the build.
    async fn warn(&self, warning: Warning) -> Result<()>;
}
