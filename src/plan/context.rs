//! Contexts: the main one, and the named ones that stand in for stages and images.

use std::collections::{BTreeSet, HashMap};

use crate::{
    diagnostic::Result,
    golang::ignore::Matcher,
    image,
    llb::{
        self, Meta,
        source::{
            FileInfo, Git, GitRemote, Http, Image, Local, OciLayout, OciStore, ResolveMode, Source,
        },
    },
    reference::{git, image as reference, platform::Platform},
    source::Lines,
    stage::{NamedContext, SCRATCH},
};

use super::{Options, messages, op_platform, paths, state::StageState};

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
    /// The query, unless it needs no question.
    pub(super) fn unless_plain(self) -> Option<Self> {
        (!matches!(self.wanted, Wanted::Plain(_))).then_some(self)
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
    /// Ignore patterns of a local context.
    Ignore(Vec<String>),
}

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
    /// A source that the daemon fetches.
    Source(Source, String),
}

impl MainContext {
    /// The patterns of files that are not sent. Only a directory of the client has any.
    pub fn excludes(&self) -> &[String] {
        match self {
            Self::Local { excludes, .. } => excludes,
            Self::Source(..) => &[],
        }
    }

    /// Fails for an ignore pattern that cannot be read.
    pub(super) fn check(&self) -> Result<()> {
        Matcher::new(self.excludes())
            .map(drop)
            .map_err(messages::text)
    }

    /// Says what the slot of the main context is, now that the paths read from it are known.
    pub(super) fn describe(&self, llb: &mut llb::Graph, slot: llb::Output, followed: &[String]) {
        let (source, name) = match self {
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
                (local.into(), "[internal] load build context")
            }
            Self::Source(source, name) => (source.clone(), name.as_str()),
        };
        let output = llb.add_source(source, Meta::named(name));
        llb.bind(slot, Some(output));
    }
}

/// A local named context whose paths are not all known yet.
#[derive(Debug)]
pub(super) struct PendingLocal {
    slot: llb::Output,
    local: String,
    key: String,
    session: String,
    shared_key: String,
    excludes: Vec<String>,
    /// Which set of read paths is its own.
    reads: usize,
}

impl PendingLocal {
    /// Says what the slot is, now that the paths read from it are known.
    pub(super) fn describe(&self, llb: &mut llb::Graph, read: &[BTreeSet<String>]) {
        let source = Local {
            shared_key_hint: format!("context:{}-{}", self.key, self.shared_key),
            exclude_patterns: self.excludes.clone(),
            follow_paths: paths::followed(&read[self.reads]),
            ..Local::new(&self.local, &self.session)
        };
        let output = llb.add_source(
            source,
            Meta::named(format!("[context {}] load from client", self.key)),
        );
        llb.bind(self.slot, Some(output));
    }
}

/// What a named context gives to the stage that begins with it.
pub(super) struct Loaded {
    output: llb::Input,
    platform: Option<Platform>,
    pub(super) image: Option<image::Config>,
}

impl Loaded {
    /// Puts the context's file system, variables and directory into a state.
    pub(super) fn enter(&self, state: &mut StageState) {
        state.output = self.output;
        state.output_platform = self.platform.clone();
        let Some(image) = &self.image else { return };
        for pair in &image.config.env {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !name.is_empty() {
                state.environment.set(name, value);
            }
        }
        state.directory = image.config.working_dir.clone();
        if !image.platform.architecture.is_empty() && !image.platform.os.is_empty() {
            state.output_platform = Some(image.platform.clone().normalize());
        }
    }
}

/// Where a named context comes from.
enum Origin {
    Scratch,
    Image(String),
    Git(git::GitReference),
    Http(String),
    OciLayout { store: String, reference: String },
    Local(String),
}

/// What must be asked for a named context.
pub(super) fn query(context: &NamedContext, platform: Option<&Platform>) -> Result<Query> {
    let platform = platform.cloned();
    let key = &context.key;
    let (wanted, log_name) = match origin(context)? {
        Origin::Image(name) => {
            let reference = reference::parse_normalized(&name)
                .map_err(|error| messages::bad_reference(&name, &error))?;
            let log_name = format!("[context {key}] load metadata for {name}");
            (
                Wanted::Image {
                    reference: reference.tag_name_only().to_string(),
                    platform,
                },
                log_name,
            )
        }
        Origin::OciLayout { store, reference } => {
            let log_name = format!("[context {key}] load metadata for {reference}");
            (
                Wanted::OciLayout {
                    reference,
                    store,
                    platform,
                },
                log_name,
            )
        }
        Origin::Local(local) => {
            let log_name = format!("[context {key}] load .dockerignore");
            (
                Wanted::Ignore {
                    local,
                    key: key.clone(),
                },
                log_name,
            )
        }
        Origin::Scratch | Origin::Git(_) | Origin::Http(_) => {
            (Wanted::Plain(context.value.clone()), String::new())
        }
    };
    Ok(Query {
        wanted,
        log_name,
        written: String::new(),
        lines: None,
        context: Some(context.clone()),
    })
}

/// The op of a named context, and its config where it has one.
pub(super) fn load(
    query: &Query,
    known: &Known,
    llb: &mut llb::Graph,
    locals: &mut Vec<PendingLocal>,
    options: &Options<'_>,
    reads: usize,
) -> Result<Loaded> {
    let Some(context) = &query.context else {
        return Err(messages::no_answer(&query.written));
    };
    let key = &context.key;
    let platform = query.wanted.platform().cloned();
    let on_platform = |meta: Meta| match &platform {
        Some(platform) => meta.on(op_platform(platform)),
        None => meta,
    };
    let plain = |output| Loaded {
        output,
        platform: None,
        image: None,
    };
    match (origin(context)?, known.get(&query.wanted)) {
        (Origin::Scratch, _) => Ok(plain(None)),
        (
            Origin::Image(name),
            Some(Answer::Image {
                reference, config, ..
            }),
        ) => {
            let meta = on_platform(Meta::named(format!("[context {key}] {name}")));
            let source = Image {
                reference: reference.clone(),
                resolve_mode: ResolveMode::Default,
                ..Image::default()
            };
            let output = llb.add_source(source, meta);
            Ok(Loaded {
                output: Some(output),
                platform,
                image: Some(config_of(config)?),
            })
        }
        (Origin::OciLayout { store, reference }, Some(Answer::Image { config, .. })) => {
            let meta = on_platform(Meta::named(format!("[context {key}] OCI load from client")));
            let store = OciStore {
                session_id: options.session.to_owned(),
                store_id: store,
            };
            let output = llb.add_source(
                OciLayout {
                    reference,
                    store,
                    layer_limit: None,
                },
                meta,
            );
            Ok(Loaded {
                output: Some(output),
                platform,
                image: Some(config_of(config)?),
            })
        }
        (Origin::Local(local), Some(Answer::Ignore(excludes))) => {
            let slot = llb.slot();
            let session = options
                .local_sessions
                .get(&local)
                .map_or(options.session, String::as_str)
                .to_owned();
            let shared_key = options.shared_keys.get(key).cloned().unwrap_or_default();
            locals.push(PendingLocal {
                slot,
                local,
                key: key.clone(),
                session,
                shared_key,
                excludes: excludes.clone(),
                reads,
            });
            Ok(plain(Some(slot)))
        }
        (Origin::Git(git), _) => {
            let meta = Meta::named(format!("[internal] load git source {}", context.value));
            Ok(plain(Some(llb.add_source(git_source(&git), meta))))
        }
        (Origin::Http(url), _) => {
            let meta = Meta::named(format!("[context {key}] {url}"));
            let file = FileInfo {
                filename: "context".to_owned(),
                ..FileInfo::default()
            };
            Ok(plain(Some(llb.add_source(
                Http {
                    url,
                    file,
                    ..Http::default()
                },
                meta,
            ))))
        }
        _ => Err(messages::no_answer(&query.written)),
    }
}

/// How the daemon is asked for a git repository.
pub fn git_source(git: &git::GitReference) -> Git {
    Git {
        reference: git.reference.clone().unwrap_or_default(),
        subdir: git.subdir.clone().unwrap_or_default(),
        keep_git_dir: git.keep_git_dir == Some(true),
        checksum: git.checksum.clone().unwrap_or_default(),
        skip_submodules: git.submodules == Some(false),
        mtime: git
            .mtime
            .map(|mtime| mtime.as_str().to_owned())
            .unwrap_or_default(),
        fetch_by_commit: git.fetch_by_commit,
        remote: git_remote(&git.remote),
        ..Git::default()
    }
}

/// The parts of a repository's address. One without a scheme is fetched by HTTPS.
fn git_remote(remote: &str) -> GitRemote {
    let parsed = git::parse_url(remote).or_else(|_| git::parse_url(&format!("https://{remote}")));
    match parsed {
        Ok(url) => GitRemote {
            ssh: url.scheme == "ssh",
            url: url.remote,
            host: url.host,
            path: url.path,
        },
        Err(_) => GitRemote {
            url: remote.to_owned(),
            ..GitRemote::default()
        },
    }
}

fn config_of(json: &[u8]) -> Result<image::Config> {
    let mut config =
        image::Config::from_json(json).map_err(|error| messages::bad_image_config(&error))?;
    config.created = None;
    Ok(config)
}

fn origin(context: &NamedContext) -> Result<Origin> {
    let NamedContext { name, key, value } = context;
    let Some((scheme, rest)) = value.split_once(':') else {
        return Err(messages::bad_context(value, key));
    };
    let body = rest.strip_prefix("//").unwrap_or(rest);
    match scheme {
        "docker-image" if body == SCRATCH => Ok(Origin::Scratch),
        "docker-image" => Ok(Origin::Image(body.to_owned())),
        "local" => Ok(Origin::Local(rest.to_owned())),
        "oci-layout" => oci_layout(name, body),
        "git" => git::parse(value)
            .map(Origin::Git)
            .map_err(|error| messages::bad_git_context(value, &error)),
        scheme if scheme.starts_with("git@") => git::parse(value)
            .map(Origin::Git)
            .map_err(|error| messages::bad_git_context(value, &error)),
        "http" | "https" => match git::parse(value) {
            Ok(git) => Ok(Origin::Git(git)),
            Err(error) if error.is_git => Err(messages::bad_git_context(value, &error)),
            Err(_) => Ok(Origin::Http(value.clone())),
        },
        "input" => Err(messages::input_context(key)),
        scheme => Err(messages::unknown_context(scheme, key)),
    }
}

/// An OCI layout is named by its digest; the name that progress shows is the context's.
fn oci_layout(name: &str, body: &str) -> Result<Origin> {
    let reference =
        reference::parse(body).map_err(|error| messages::bad_oci_reference(body, &error))?;
    let Some(digest) = reference.digest() else {
        return Err(messages::oci_without_digest(body));
    };
    let shown = reference::parse_normalized(name)
        .map_err(|error| messages::bad_oci_reference(name, &error))?;
    let shown = shown
        .with_digest(digest)
        .map_err(|error| messages::bad_oci_reference(name, &error))?;
    Ok(Origin::OciLayout {
        store: reference.name().to_owned(),
        reference: shown.to_string(),
    })
}
