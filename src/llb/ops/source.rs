//! What comes from outside the graph: images, directories of the client, repositories, downloads.
//!
//! Each kind is a struct with public fields and an empty default for what is not said; all become a
//! [`Source`], which is the identifier, attributes and capabilities that `client/llb/source.go`
//! would give it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    golang::{json, path},
    llb::caps,
    proto::pb,
};

/// A source op as the daemon reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// A scheme and what it names: `docker-image://docker.io/library/alpine:3.22`.
    pub identifier: String,
    /// How it is fetched.
    pub attrs: BTreeMap<String, String>,
    /// What the daemon must be able to do.
    pub capabilities: BTreeSet<&'static str>,
}

impl Source {
    fn new(identifier: String, capability: &'static str) -> Self {
        Self {
            identifier,
            attrs: BTreeMap::new(),
            capabilities: BTreeSet::from([capability]),
        }
    }

    fn attr(&mut self, key: &str, value: impl Into<String>) {
        self.attrs.insert(key.to_owned(), value.into());
    }

    fn attr_needing(&mut self, key: &str, value: impl Into<String>, capability: &'static str) {
        self.attr(key, value);
        self.capabilities.insert(capability);
    }

    /// Whether the platform is part of the op: images differ by it, directories do not.
    pub(in crate::llb) fn depends_on_platform(&self) -> bool {
        ["docker-image://", "oci-layout://"]
            .iter()
            .any(|scheme| self.identifier.starts_with(scheme))
    }

    /// What the daemon itself made of a source, with everything that it says of it.
    pub fn resolved(op: &pb::SourceOp) -> Self {
        let attrs = op.attrs.iter();
        Self {
            identifier: op.identifier.clone(),
            attrs: attrs
                .map(|attr| (attr.key().to_owned(), attr.value().to_owned()))
                .collect(),
            capabilities: BTreeSet::new(),
        }
    }

    /// The message, which the gateway's source resolver takes as well.
    pub fn to_pb(&self) -> pb::SourceOp {
        pb::SourceOp {
            identifier: self.identifier.clone(),
            attrs: attrs_to_pb(&self.attrs),
        }
    }
}

fn attrs_to_pb(attrs: &BTreeMap<String, String>) -> Vec<pb::Attr> {
    attrs
        .iter()
        .map(|(key, value)| pb::Attr {
            key: Some(key.clone()),
            value: Some(value.clone()),
        })
        .collect()
}

/// An image in a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Normalised, with a tag or a digest: `docker.io/library/alpine:3.22`.
    pub reference: String,
    /// Whether a local image will do.
    pub resolve_mode: ResolveMode,
    /// How the daemon accounts for it; `internal` hides it from cache listings.
    pub record_type: Option<String>,
    /// Use only so many of the lowest layers.
    pub layer_limit: Option<i64>,
    /// The digest that it must have.
    pub checksum: Option<String>,
}

/// Where an image is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResolveMode {
    /// As the daemon is configured.
    #[default]
    Default,
    /// In the registry, always.
    ForcePull,
    /// Locally first.
    PreferLocal,
}

impl ResolveMode {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::ForcePull => "pull",
            Self::PreferLocal => "local",
        }
    }
}

impl From<Image> for Source {
    fn from(image: Image) -> Self {
        let identifier = format!("docker-image://{}", image.reference);
        let mut source = Self::new(identifier, caps::SOURCE_IMAGE);
        if image.resolve_mode != ResolveMode::Default {
            source.attr("image.resolvemode", image.resolve_mode.as_str());
        }
        if image.resolve_mode == ResolveMode::ForcePull {
            // The others are wishes; this one is a promise that an old daemon would break.
            source.capabilities.insert(caps::SOURCE_IMAGE_RESOLVE_MODE);
        }
        if let Some(record_type) = image.record_type {
            source.attr("image.recordtype", record_type);
        }
        if let Some(limit) = image.layer_limit {
            source.attr_needing(
                "image.layerlimit",
                limit.to_string(),
                caps::SOURCE_IMAGE_LAYER_LIMIT,
            );
        }
        if let Some(checksum) = image.checksum {
            source.attr_needing("image.checksum", checksum, caps::SOURCE_IMAGE_CHECKSUM);
        }
        source
    }
}

/// An image in a layout that the client serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OciLayout {
    /// A name and a digest.
    pub reference: String,
    /// Who serves it.
    pub store: OciStore,
    /// Use only so many of the lowest layers.
    pub layer_limit: Option<i64>,
}

/// A content store of the client; what is empty is left to the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OciStore {
    /// The session of the client that serves it.
    pub session_id: String,
    /// Its name there.
    pub store_id: String,
}

impl OciStore {
    fn describe(self, source: &mut Source) {
        for (key, value) in [
            ("oci.session", self.session_id),
            ("oci.store", self.store_id),
        ] {
            if !value.is_empty() {
                source.attr(key, value);
            }
        }
    }
}

impl From<OciLayout> for Source {
    fn from(layout: OciLayout) -> Self {
        let identifier = format!("oci-layout://{}", layout.reference);
        let mut source = Self::new(identifier, caps::SOURCE_OCI_LAYOUT);
        layout.store.describe(&mut source);
        if let Some(limit) = layout.layer_limit {
            source.attr("oci.layerlimit", limit.to_string());
        }
        source
    }
}

/// One blob of a registry or of a layout, as a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageBlob {
    /// A name and a digest, without a tag.
    pub reference: String,
    /// The layout that has it; without one, a registry.
    pub layout: Option<OciStore>,
    /// What the file is like.
    pub file: FileInfo,
}

/// What a downloaded file is like; zero and empty say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileInfo {
    /// Its name.
    pub filename: String,
    /// Its permission bits.
    pub permissions: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl From<ImageBlob> for Source {
    fn from(blob: ImageBlob) -> Self {
        let scheme = match blob.layout {
            Some(_) => "oci-layout+blob",
            None => "docker-image+blob",
        };
        let identifier = format!("{scheme}://{}", blob.reference);
        let mut source = Self::new(identifier, caps::SOURCE_IMAGE_BLOB);
        blob.file.describe(&mut source);
        if let Some(store) = blob.layout {
            store.describe(&mut source);
        }
        source
    }
}

impl FileInfo {
    fn describe(&self, source: &mut Source) {
        if !self.filename.is_empty() {
            source.attr("http.filename", self.filename.as_str());
        }
        if self.permissions != 0 {
            source.attr("http.perm", format!("0{:o}", self.permissions));
        }
        if self.uid != 0 {
            source.attr("http.uid", self.uid.to_string());
        }
        if self.gid != 0 {
            source.attr("http.gid", self.gid.to_string());
        }
    }
}

/// A directory of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The name under which the client offers it.
    pub name: String,
    /// What keeps two clients' directories apart.
    pub identity: LocalIdentity,
    /// Only what matches is sent.
    pub include_patterns: Vec<String>,
    /// Only these paths, and what their links lead to, are sent.
    pub follow_paths: Vec<String>,
    /// What matches is not sent.
    pub exclude_patterns: Vec<String>,
    /// Sources with one hint build on each other's transfers.
    pub shared_key_hint: String,
    /// How the daemon tells which files to send again.
    pub differ: Option<Differ>,
    /// Sends names and modes alone, but for the files that match one of these patterns.
    pub metadata_only: Option<Vec<String>>,
}

/// What keeps two clients' directories apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalIdentity {
    /// The session that serves it.
    Session(String),
    /// Any text that no other build has, where there is no session yet.
    Unique(String),
}

/// How the daemon tells which files of a directory to send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differ {
    /// The comparison.
    pub kind: DifferKind,
    /// Whether a daemon that cannot do it should refuse.
    pub required: bool,
}

/// A comparison of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferKind {
    /// None: every file is sent.
    None,
    /// By size, time, mode and owner.
    Metadata,
}

impl Local {
    /// All of a directory that a session serves.
    pub fn new(name: impl Into<String>, session_id: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            identity: LocalIdentity::Session(session_id.into()),
            include_patterns: Vec::new(),
            follow_paths: Vec::new(),
            exclude_patterns: Vec::new(),
            shared_key_hint: String::new(),
            differ: None,
            metadata_only: None,
        }
    }
}

impl From<Local> for Source {
    fn from(local: Local) -> Self {
        let mut source = Self::new(format!("local://{}", local.name), caps::SOURCE_LOCAL);
        match local.identity {
            LocalIdentity::Session(id) => {
                source.attr_needing("local.session", id, caps::SOURCE_LOCAL_SESSION_ID);
            }
            LocalIdentity::Unique(id) => {
                source.attr_needing("local.unique", id, caps::SOURCE_LOCAL_UNIQUE);
            }
        }
        for (key, patterns, capability) in [
            (
                "local.includepattern",
                local.include_patterns,
                caps::SOURCE_LOCAL_INCLUDE_PATTERNS,
            ),
            (
                "local.followpaths",
                local.follow_paths,
                caps::SOURCE_LOCAL_FOLLOW_PATHS,
            ),
            (
                "local.excludepatterns",
                local.exclude_patterns,
                caps::SOURCE_LOCAL_EXCLUDE_PATTERNS,
            ),
        ] {
            if !patterns.is_empty() {
                source.attr_needing(key, json::to_string(&patterns), capability);
            }
        }
        if !local.shared_key_hint.is_empty() {
            source.attr_needing(
                "local.sharedkeyhint",
                local.shared_key_hint,
                caps::SOURCE_LOCAL_SHARED_KEY_HINT,
            );
        }
        if let Some(differ) = local.differ {
            source.attr(
                "local.differ",
                match differ.kind {
                    DifferKind::None => "none",
                    DifferKind::Metadata => "metadata",
                },
            );
            if differ.required {
                source.capabilities.insert(caps::SOURCE_LOCAL_DIFFER);
            }
        }
        if let Some(exceptions) = local.metadata_only {
            source.attr_needing(
                "local.metadatatransfer",
                "true",
                caps::SOURCE_LOCAL_METADATA_TRANSFER,
            );
            if !exceptions.is_empty() {
                source.attr(
                    "local.metadatatransferexclude",
                    json::to_string(&exceptions),
                );
            }
        }
        source
    }
}

/// A download.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// `http://…` or `https://…`.
    pub url: String,
    /// The digest that it must have.
    pub checksum: Option<String>,
    /// What the file is like.
    pub file: FileInfo,
    /// The secret that holds the `Authorization` header.
    pub auth_header_secret: Option<String>,
    /// Headers to ask with.
    pub header: Option<HttpHeader>,
    /// A signature that it must have.
    pub signature: Option<HttpSignature>,
}

/// Headers of a request; what is empty is not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpHeader {
    /// `Accept`.
    pub accept: String,
    /// `User-Agent`.
    pub user_agent: String,
}

/// A detached OpenPGP signature and the key it is by, both armoured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpSignature {
    /// The key.
    pub public_key: String,
    /// The signature.
    pub signature: String,
}

impl From<Http> for Source {
    fn from(http: Http) -> Self {
        let mut source = Self::new(http.url, caps::SOURCE_HTTP);
        if let Some(checksum) = http.checksum {
            source.attr_needing("http.checksum", checksum, caps::SOURCE_HTTP_CHECKSUM);
        }
        http.file.describe(&mut source);
        if http.file.permissions != 0 {
            source.capabilities.insert(caps::SOURCE_HTTP_PERM);
        }
        if http.file.uid != 0 || http.file.gid != 0 {
            source.capabilities.insert(caps::SOURCE_HTTP_UID_GID);
        }
        if let Some(secret) = http.auth_header_secret {
            source.attr_needing("http.authheadersecret", secret, caps::SOURCE_HTTP_AUTH);
        }
        if let Some(header) = http.header {
            for (key, value) in [
                ("http.header.accept", header.accept),
                ("http.header.user-agent", header.user_agent),
            ] {
                if !value.is_empty() {
                    source.attr(key, value);
                }
            }
            source.capabilities.insert(caps::SOURCE_HTTP_HEADER);
        }
        if let Some(signature) = http.signature {
            for (key, value) in [
                ("http.sig.pubkey", signature.public_key),
                ("http.sig.signature", signature.signature),
            ] {
                if !value.is_empty() {
                    source.attr(key, value);
                }
            }
            source
                .capabilities
                .insert(caps::SOURCE_HTTP_SIGNATURE_VERIFY);
        }
        source
    }
}

/// A git repository, checked out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Git {
    /// Where it is.
    pub remote: GitRemote,
    /// A branch, a tag or a commit; empty is the default branch.
    pub reference: String,
    /// The directory that becomes the root; empty is all.
    pub subdir: String,
    /// Keep `.git`.
    pub keep_git_dir: bool,
    /// The secret with a token; `None` is the usual name, the empty string is no secret.
    pub auth_token_secret: Option<String>,
    /// The secret with a header; `None` is the usual name, the empty string is no secret.
    pub auth_header_secret: Option<String>,
    /// Lines of `known_hosts`, for SSH.
    ///
    /// The original asks the host for its keys where none are given, and goes on without where that
    /// fails. A frontend has no network, so ours never asks.
    pub known_ssh_hosts: String,
    /// The id of the agent to authenticate with, for SSH; empty is `default`.
    pub mount_ssh_sock: String,
    /// The commit that it must be.
    pub checksum: String,
    /// Leave submodules out.
    pub skip_submodules: bool,
    /// `checkout` or `commit`: what times the files have.
    pub mtime: String,
    /// Fetch the commit of `checksum` without asking what the reference is now.
    pub fetch_by_commit: bool,
    /// Take the history from this blob, `docker-image+blob://…` or `oci-layout+blob://…`.
    pub bundle: String,
    /// The layout that has the bundle.
    pub bundle_store: OciStore,
    /// Give the commit as one bundle rather than as files.
    pub checkout_bundle: bool,
}

/// Where a repository is, in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitRemote {
    /// The whole URL, as git takes it.
    pub url: String,
    /// Its host, with the port.
    pub host: String,
    /// Its path.
    pub path: String,
    /// Whether it is spoken to over SSH.
    pub ssh: bool,
}

impl From<Git> for Source {
    fn from(git: Git) -> Self {
        let mut source = Self::new(git.identifier(), caps::SOURCE_GIT);
        if git.keep_git_dir {
            source.attr_needing("git.keepgitdir", "true", caps::SOURCE_GIT_KEEP_DIR);
        }
        if !git.remote.url.is_empty() {
            source.attr_needing(
                "git.fullurl",
                git.remote.url.as_str(),
                caps::SOURCE_GIT_FULL_URL,
            );
        }
        git.describe_secrets(&mut source);
        if git.remote.ssh {
            git.describe_ssh(&mut source);
        }
        for (key, value, capability) in [
            ("git.checksum", git.checksum, caps::SOURCE_GIT_CHECKSUM),
            ("git.mtime", git.mtime, caps::SOURCE_GIT_MTIME),
            ("git.bundle", git.bundle, caps::SOURCE_GIT_BUNDLE),
        ] {
            if !value.is_empty() {
                source.attr_needing(key, value, capability);
            }
        }
        for (key, value, capability) in [
            (
                "git.skipsubmodules",
                git.skip_submodules,
                caps::SOURCE_GIT_SKIP_SUBMODULES,
            ),
            (
                "git.fetchbycommit",
                git.fetch_by_commit,
                caps::SOURCE_GIT_FETCH_BY_COMMIT,
            ),
            (
                "git.checkoutbundle",
                git.checkout_bundle,
                caps::SOURCE_GIT_CHECKOUT_BUNDLE,
            ),
        ] {
            if value {
                source.attr_needing(key, "true", capability);
            }
        }
        git.bundle_store.describe(&mut source);
        source
    }
}

impl Git {
    /// The same for every protocol that leads to one host and path.
    fn identifier(&self) -> String {
        let mut identifier = format!(
            "git://{}{}",
            self.remote.host,
            path::join(&["/", &self.remote.path])
        );
        if !self.reference.is_empty() || !self.subdir.is_empty() {
            identifier.push('#');
            identifier.push_str(&self.reference);
        }
        if !self.subdir.is_empty() {
            identifier.push(':');
            identifier.push_str(&self.subdir);
        }
        identifier
    }

    /// The usual names of secrets are offered to every daemon, chosen ones only where they count.
    fn describe_secrets(&self, source: &mut Source) {
        let chosen = self.auth_token_secret.is_some() || self.auth_header_secret.is_some();
        for (key, name, usual) in [
            (
                "git.authtokensecret",
                &self.auth_token_secret,
                "GIT_AUTH_TOKEN",
            ),
            (
                "git.authheadersecret",
                &self.auth_header_secret,
                "GIT_AUTH_HEADER",
            ),
        ] {
            let name = name.as_deref().unwrap_or(usual);
            if name.is_empty() {
                continue;
            }
            source.attr(key, name);
            if chosen {
                source.capabilities.insert(caps::SOURCE_GIT_HTTP_AUTH);
            }
        }
    }

    fn describe_ssh(&self, source: &mut Source) {
        if !self.known_ssh_hosts.is_empty() {
            source.attr("git.knownsshhosts", self.known_ssh_hosts.as_str());
        }
        source.capabilities.insert(caps::SOURCE_GIT_KNOWN_SSH_HOSTS);
        let agent = match self.mount_ssh_sock.as_str() {
            "" => "default",
            id => id,
        };
        source.attr_needing("git.mountsshsock", agent, caps::SOURCE_GIT_MOUNT_SSH_SOCK);
    }
}
