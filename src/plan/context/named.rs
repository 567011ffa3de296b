//! Named contexts: what must be asked for one, and the op that it becomes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    diagnostic::Result,
    golang::base64,
    image,
    llb::{
        self, Meta,
        source::{Image, Local, OciLayout, OciStore, ResolveMode, Source},
    },
    plan::{
        Options, messages, op_platform, paths,
        question::{Answer, Known, Query, Wanted},
        remote::{git_source, http_source},
        resolve::RootKind,
        state::StageState,
    },
    proto::pb,
    reference::{image as reference, platform::Platform},
    stage::NamedContext,
};

use super::origin::{self, Origin};

/// How often source policies may put one source in the place of another.
const MOST_MOVES: usize = 10;

/// Under which name a download arrives.
const DOWNLOAD: &str = "context";

/// A local named context whose paths are not all known yet.
#[derive(Debug)]
pub(in crate::plan) struct PendingLocal {
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
    pub(in crate::plan) fn describe(&self, llb: &mut llb::Graph, read: &[BTreeSet<String>]) {
        let source = Local {
            shared_key_hint: format!("context:{}-{}", self.key, self.shared_key),
            exclude_patterns: self.excludes.clone(),
            follow_paths: read
                .get(self.reads)
                .map(paths::followed)
                .unwrap_or_default(),
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
pub(in crate::plan) struct Loaded {
    pub(in crate::plan) output: llb::Input,
    platform: Option<Platform>,
    pub(in crate::plan) image: Option<image::Config>,
    pub(in crate::plan) root: RootKind,
}

impl Loaded {
    /// Files without a config.
    fn plain(output: llb::Input) -> Self {
        Self {
            output,
            platform: None,
            image: None,
            root: output.map_or(RootKind::Scratch, RootKind::Files),
        }
    }

    /// Puts the context's file system, variables and directory into a state.
    pub(in crate::plan) fn enter(&self, state: &mut StageState) {
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

/// What must be asked for a named context. What a source policy made of it is followed as far as it is known.
pub(in crate::plan) fn query(
    context: &NamedContext,
    platform: Option<&Platform>,
    known: &Known,
    options: &Options<'_>,
) -> Result<Query> {
    let origin = origin::read(context)?;
    if let Origin::Input(name) = &origin {
        definition_of(name, &context.key, options)?;
    }
    let mut query = question(context, &origin, platform)?;
    let mut moves = 0;
    while let Some(Answer::Moved(source)) = known.get(&query.wanted) {
        moves += 1;
        if moves > MOST_MOVES {
            return Err(messages::too_many_moves(&source.identifier));
        }
        query = Query {
            moved: Some(source.clone()),
            ..question(context, &origin::moved(context, source)?, platform)?
        };
    }
    Ok(query)
}

fn question(context: &NamedContext, origin: &Origin, platform: Option<&Platform>) -> Result<Query> {
    let platform = platform.cloned();
    let key = &context.key;
    let (wanted, log_name) = match origin {
        Origin::Image(name) => {
            let reference = reference::parse_normalized(name).map_err(messages::text)?;
            let wanted = Wanted::Image {
                reference: reference.tag_name_only().to_string(),
                platform,
            };
            (wanted, format!("[context {key}] load metadata for {name}"))
        }
        Origin::OciLayout { store, reference } => {
            let log_name = format!("[context {key}] load metadata for {reference}");
            let wanted = Wanted::OciLayout {
                reference: reference.clone(),
                store: store.clone(),
                platform,
            };
            (wanted, log_name)
        }
        Origin::Local(local) => {
            let wanted = Wanted::Ignore {
                local: local.clone(),
                key: key.clone(),
            };
            (wanted, format!("[context {key}] load .dockerignore"))
        }
        Origin::Scratch
        | Origin::Git(_)
        | Origin::Http(_)
        | Origin::Input(_)
        | Origin::Source(_) => (Wanted::Plain(context.value.clone()), String::new()),
    };
    Ok(Query {
        wanted,
        log_name,
        written: String::new(),
        lines: None,
        context: Some(context.clone()),
        moved: None,
    })
}

/// The op of a named context, and its config where it has one.
pub(in crate::plan) fn load(
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
    let origin = match &query.moved {
        Some(source) => origin::moved(context, source)?,
        None => origin::read(context)?,
    };
    let key = &context.key;
    let platform = query.wanted.platform().cloned();
    let on_platform = |meta: Meta| match &platform {
        Some(platform) => meta.on(op_platform(platform)),
        None => meta,
    };
    match (origin, known.get(&query.wanted)) {
        (Origin::Scratch, _) => Ok(Loaded::plain(None)),
        (
            Origin::Image(name),
            Some(Answer::Image {
                reference,
                digest,
                config,
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
                image: Some(undated(config).map_err(messages::text)?),
                root: RootKind::Image(digest.clone()),
            })
        }
        (Origin::OciLayout { store, reference }, Some(Answer::Image { config, digest, .. })) => {
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
                image: Some(undated(config).map_err(messages::bad_oci_config)?),
                root: RootKind::Image(digest.clone()),
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
            Ok(Loaded::plain(Some(slot)))
        }
        (Origin::Git(git), _) => {
            let meta = Meta::named(format!("[internal] load git source {}", context.value));
            Ok(Loaded::plain(Some(llb.add_source(git_source(&git), meta))))
        }
        (Origin::Http(url), _) => {
            let meta = Meta::named(format!("[context {key}] {url}"));
            let output = llb.add_source(http_source(url, DOWNLOAD), meta);
            Ok(Loaded::plain(Some(output)))
        }
        (Origin::Source(source), _) => {
            let meta = Meta::named(format!("[context {key}] {}", source.identifier));
            let mut source = Source::resolved(&source);
            if source.identifier.starts_with("http") {
                let name = source.attrs.entry("http.filename".to_owned());
                name.or_insert_with(|| DOWNLOAD.to_owned());
            }
            Ok(Loaded::plain(Some(llb.add_source(source, meta))))
        }
        (Origin::Input(name), _) => input(&name, key, llb, options),
        _ => Err(messages::no_answer(&query.written)),
    }
}

/// The result of another build.
fn definition_of<'a>(name: &str, key: &str, options: &Options<'a>) -> Result<&'a pb::Definition> {
    let inputs = options.inputs.map_err(messages::text)?;
    inputs
        .get(name)
        .ok_or_else(|| messages::no_input(name, key))
}

/// The result of another build, with the image config that came with it.
fn input(name: &str, key: &str, llb: &mut llb::Graph, options: &Options<'_>) -> Result<Loaded> {
    let definition = definition_of(name, key, options)?;
    let output = llb.add_foreign(definition).map_err(messages::text)?;
    let image = match options.input_metadata.get(name) {
        None => None,
        Some(metadata) => image_of_input(metadata)?,
    };
    Ok(Loaded {
        image,
        root: RootKind::Input(Box::new(definition.clone())),
        ..Loaded::plain(output)
    })
}

/// The image config in the metadata of an input, whose values are base64.
fn image_of_input(metadata: &str) -> Result<Option<image::Config>> {
    const CONFIG: &str = "containerimage.config";
    let bad = |why: &dyn std::fmt::Display| messages::bad_input_metadata(metadata, why);
    image::check_json(metadata.as_bytes()).map_err(|error| bad(&error))?;
    let read: BTreeMap<String, Option<String>> =
        serde_json::from_str(metadata).map_err(|error| bad(&error))?;
    let Some(config) = read.get(CONFIG) else {
        return Ok(None);
    };
    let config = config.as_deref().unwrap_or_default();
    let config = base64::decode(config).map_err(|error| bad(&error))?;
    match image::Config::from_json(&config) {
        Ok(config) => Ok(Some(config)),
        Err(error) => Err(messages::text(error)),
    }
}

/// An image config without the time that the image was made at.
fn undated(json: &[u8]) -> std::result::Result<image::Config, image::ReadError> {
    let mut config = image::Config::from_json(json)?;
    config.created = None;
    Ok(config)
}
