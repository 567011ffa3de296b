//! The Dockerfile, its ignore patterns and the main context.
//!
//! What comes from two directories of the client is asked for at once.

use std::collections::BTreeMap;

use prost::bytes::Bytes;

use crate::{
    diagnostic::Diagnostic,
    fal::manifest::Manifest,
    gateway::{self, Capabilities, CapabilitySet, FileRange, Gateway, SolveRequest, SolveResult},
    golang::{ignore, path},
    llb::{
        self, Meta, Origin, caps,
        source::{Differ, DifferKind, Local, Source},
    },
    plan::{MainContext, Remote},
    proto::pb,
};

use super::{
    Environment,
    error::{Error, Result},
    forward::{self, Choice},
    manifest,
    options::Options,
    place::{self, CONTEXT},
};

pub(super) const DOCKERFILE: &str = "Dockerfile";
/// The client's directory with the Dockerfile, unless an option names another.
const DIRECTORY: &str = "dockerfile";
const IGNORE: &str = ".dockerignore";

/// What a build is made from.
pub(super) struct Input {
    /// The Dockerfile with the op that it came from, which locates everything else.
    pub(super) file: llb::SourceMap,
    /// The same, as errors and warnings carry it.
    pub(super) info: pb::SourceInfo,
    /// The Dockerfile as it is read; `info` has what may be shown of it.
    pub(super) text: Bytes,
    /// What else the file says, if it is no Dockerfile.
    pub(super) manifest: Option<Manifest>,
    /// The frontend that is meant, if it is another one.
    pub(super) choice: Option<Choice>,
    /// The file that the ignore patterns are from, if they are from one.
    pub(super) ignore: Option<(String, Bytes)>,
    /// The context that COPY reads, or why there is none: a request that is handed on needs none.
    main: Result<MainContext>,
    /// The results of other builds that came with the request, by name, or why there are none.
    inputs: gateway::Result<BTreeMap<String, pb::Definition>>,
}

impl Input {
    /// The context that COPY reads.
    pub(super) fn main(&self) -> Result<&MainContext> {
        self.main.as_ref().map_err(Error::clone)
    }

    /// The same, or the sentence that says why there are none: it matters only to who asks for one by name.
    pub(super) fn named_inputs(
        &self,
    ) -> std::result::Result<&BTreeMap<String, pb::Definition>, &str> {
        self.inputs.as_ref().map_err(|error| error.message.as_str())
    }

    /// The results of other builds that came with the request, by name.
    pub(super) fn inputs(&self) -> gateway::Result<&BTreeMap<String, pb::Definition>> {
        let inputs = self.inputs.as_ref();
        inputs.map_err(|error| error.clone().context("failed to get frontend inputs"))
    }
}

/// What every build asks for, whatever it finds.
pub(super) struct Ahead {
    inputs: gateway::Result<BTreeMap<String, pb::Definition>>,
    /// The client's directory with the Dockerfile, and what was solved of it.
    dockerfile: (llb::Definition, gateway::Result<SolveResult>),
    /// The client's `.dockerignore`.
    ignore: gateway::Result<SolveResult>,
}

/// What a daemon must be able to do so that what is asked for ahead is what would be asked for later.
pub(super) fn assumed() -> Capabilities {
    Capabilities {
        frontend: CapabilitySet::of(&[gateway::INPUTS]),
        llb: CapabilitySet::of(&[
            caps::SOURCE_LOCAL,
            caps::SOURCE_LOCAL_UNIQUE,
            caps::SOURCE_LOCAL_SESSION_ID,
            caps::SOURCE_LOCAL_FOLLOW_PATHS,
            caps::SOURCE_LOCAL_SHARED_KEY_HINT,
            caps::SOURCE_LOCAL_DIFFER,
            caps::CONSTRAINTS,
            caps::PLATFORM,
            caps::META_DESCRIPTION,
        ]),
        workers: Vec::new(),
    }
}

/// Asks for the client's directories before it is known that they are meant: nothing runs until a file is read.
pub(super) async fn ask(gateway: &impl Gateway, options: &Options, session: &str) -> Ahead {
    let dockerfile = client_dockerfile(gateway, options, session, &options.filename);
    let ignore = client_ignore(gateway, options, session);
    let (inputs, dockerfile, ignore) = tokio::join!(
        inputs(gateway),
        solve(gateway, dockerfile),
        gateway.solve(SolveRequest::definition(ignore)),
    );
    Ahead {
        inputs,
        dockerfile,
        ignore,
    }
}

/// Reads the Dockerfile and the ignore patterns.
pub(super) async fn read(
    gateway: &impl Gateway,
    options: &Options,
    environment: &Environment,
    ahead: Ahead,
) -> Result<Input> {
    let session = environment.session.as_str();
    let inputs = ahead.inputs;
    let place = place::find(gateway, options, &inputs).await?;
    let (definition, solved) = match &place.dockerfile {
        Some(remote) => solve(gateway, marshalled(gateway, remote)?).await,
        None if place.filename == options.filename => ahead.dockerfile,
        None => {
            let definition = client_dockerfile(gateway, options, session, &place.filename);
            solve(gateway, definition).await
        }
    };
    let solved = solved.map_err(|error| error.context("failed to resolve dockerfile"))?;
    let is_local = place.context.is_none();
    let (dockerfile, ignore) = tokio::join!(
        dockerfile(gateway, &solved, &place.filename, is_local),
        ignore_file(gateway, ahead.ignore, is_local),
    );
    let (bytes, own_ignore) = dockerfile?;
    let choice = forward::choose(options, environment, &bytes);
    let place_of_file = manifest::Place {
        gateway,
        options,
        session,
        filename: &place.filename,
        definition: definition.into(),
        solved: &solved,
        is_client: place.dockerfile.is_none(),
    };
    let (file, manifest) = manifest::read(place_of_file, bytes, choice.is_some()).await?;
    let own_patterns = manifest.as_ref().and_then(|it| it.ignore.clone());
    let read_from = match (&own_patterns, &own_ignore, &ignore) {
        (Some(_), ..) => None,
        (None, Some(own), _) => Some((format!("{}{IGNORE}", place.filename), own.clone())),
        (None, None, Ok(bytes)) => Some((IGNORE.to_owned(), bytes.clone())),
        (None, None, Err(_)) => None,
    };
    let main = match place.context {
        Some(remote) => Ok(MainContext::Remote(remote)),
        None => match (own_patterns, own_ignore) {
            (Some(patterns), _) => Ok(patterns),
            (None, Some(own)) => patterns(&format!("{}{IGNORE}", place.filename), &own),
            (None, None) => ignore.and_then(|bytes| patterns(IGNORE, &bytes)),
        }
        .map(|excludes| MainContext::Local {
            name: CONTEXT.to_owned(),
            session: options.session_of(CONTEXT, session).to_owned(),
            excludes,
        }),
    };
    let info = pb::SourceInfo {
        filename: file.name.clone(),
        language: file.language.to_owned(),
        data: file.shown.clone(),
        definition: Some(file.definition.clone()),
    };
    Ok(Input {
        file: llb::SourceMap {
            filename: file.name,
            language: file.language.to_owned(),
            data: file.shown,
            origin: Origin::Definition(Box::new(file.definition)),
        },
        info,
        text: file.text,
        manifest,
        choice,
        ignore: read_from,
        main,
        inputs,
    })
}

/// Reads the ignore patterns of a file.
pub(super) fn patterns(name: &str, bytes: &[u8]) -> Result<Vec<String>> {
    let read = ignore::read_all(bytes);
    read.map_err(|why| Error::from(Diagnostic::error(format!("failed parsing {name}: {why}"))))
}

/// A directory of the client whose files are sent again whatever their times say: they are few, and must be right.
pub(super) fn whole(name: &str, session: &str) -> Local {
    Local {
        differ: Some(Differ {
            kind: DifferKind::None,
            required: false,
        }),
        ..Local::new(name, session)
    }
}

/// A definition of one source.
pub(super) fn single(
    source: impl Into<Source>,
    name: &str,
    gateway: &impl Gateway,
) -> llb::Definition {
    let mut graph = llb::Graph::new();
    let output = graph.add_source(source, Meta::named(name));
    marshal(gateway, &graph, Some(output))
}

/// A definition of one source that progress shows by what it is.
pub(super) fn unnamed(source: impl Into<Source>, gateway: &impl Gateway) -> llb::Definition {
    let mut graph = llb::Graph::new();
    let output = graph.add_source(source, Meta::default());
    marshal(gateway, &graph, Some(output))
}

/// The definition of a context that is no directory of the client.
pub(super) fn marshalled(gateway: &impl Gateway, remote: &Remote) -> Result<llb::Definition> {
    let mut graph = llb::Graph::new();
    let output = remote.add(&mut graph)?;
    Ok(marshal(gateway, &graph, output))
}

fn marshal(gateway: &impl Gateway, graph: &llb::Graph, output: llb::Input) -> llb::Definition {
    let platform = pb::Platform::default();
    let capabilities = |name: &str| gateway.capabilities().llb.supports(name);
    llb::marshal(
        graph,
        output,
        &llb::Defaults {
            platform: &platform,
            capabilities: &capabilities,
        },
    )
}

/// The results of other builds. One that nothing is known of is refused, as it is there when a client sends none.
async fn inputs(gateway: &impl Gateway) -> gateway::Result<BTreeMap<String, pb::Definition>> {
    let inputs = gateway.inputs().await?;
    match inputs.values().any(|input| input.metadata.is_empty()) {
        true => Err(gateway::Error::new(
            "invalid nil input definition to definition op",
        )),
        false => Ok(inputs),
    }
}

/// The client's directory with the Dockerfile.
pub(super) fn client_dockerfile(
    gateway: &impl Gateway,
    options: &Options,
    session: &str,
    filename: &str,
) -> llb::Definition {
    let local = options.dockerfile_local.as_deref().unwrap_or(DIRECTORY);
    let mut wanted = vec![filename.to_owned(), format!("{filename}{IGNORE}")];
    wanted.extend(lower_case(filename));
    let source = Local {
        follow_paths: wanted,
        shared_key_hint: local.to_owned(),
        ..whole(local, options.session_of(local, session))
    };
    let name = format!("[internal] load build definition from {filename}");
    single(source, &name, gateway)
}

/// The client's `.dockerignore`.
fn client_ignore(gateway: &impl Gateway, options: &Options, session: &str) -> llb::Definition {
    let source = Local {
        follow_paths: vec![IGNORE.to_owned()],
        shared_key_hint: format!("{CONTEXT}-{IGNORE}"),
        ..whole(CONTEXT, options.session_of(CONTEXT, session))
    };
    single(source, &format!("[internal] load {IGNORE}"), gateway)
}

pub(super) async fn solve(
    gateway: &impl Gateway,
    definition: llb::Definition,
) -> (llb::Definition, gateway::Result<SolveResult>) {
    let request = SolveRequest::definition(definition.clone());
    (definition, gateway.solve(request).await)
}

/// `Dockerfile` may be written `dockerfile`.
fn lower_case(filename: &str) -> Option<String> {
    (path::base(filename) == DOCKERFILE).then(|| path::join(&[&path::dir(filename), "dockerfile"]))
}

/// The Dockerfile, and the ignore file that stands beside it under its name, if it counts.
async fn dockerfile(
    gateway: &impl Gateway,
    solved: &SolveResult,
    filename: &str,
    ignore_counts: bool,
) -> Result<(Bytes, Option<Bytes>)> {
    let own_ignore = async {
        match ignore_counts {
            true => file(gateway, solved, &format!("{filename}{IGNORE}"))
                .await
                .ok(),
            false => None,
        }
    };
    let (file, ignore) = tokio::join!(file(gateway, solved, filename), own_ignore);
    let bytes = match (file, lower_case(filename)) {
        (Ok(bytes), _) => bytes,
        (Err(error), None) => return Err(error.context("failed to read dockerfile")),
        (Err(error), Some(other)) => {
            let read = self::file(gateway, solved, &other).await;
            read.map_err(|_| error.context("failed to read dockerfile"))?
        }
    };
    Ok((bytes, ignore))
}

/// `.dockerignore` of the client's context; an absent one is no mistake, and is empty.
async fn ignore_file(
    gateway: &impl Gateway,
    solved: gateway::Result<SolveResult>,
    is_local: bool,
) -> Result<Bytes> {
    match is_local {
        true => Ok(file(gateway, &solved?, IGNORE).await.unwrap_or_default()),
        false => Ok(Bytes::new()),
    }
}

/// Reads a file of what was solved.
pub(super) async fn file(
    gateway: &impl Gateway,
    solved: &SolveResult,
    path: &str,
) -> Result<Bytes> {
    part(gateway, solved, path, None).await
}

/// Reads a file of what was solved, or a part of it.
pub(super) async fn part(
    gateway: &impl Gateway,
    solved: &SolveResult,
    path: &str,
    range: Option<FileRange>,
) -> Result<Bytes> {
    match solved.reference() {
        Some(reference) => Ok(gateway.read_file(reference, path, range).await?),
        None => Err(Diagnostic::error(format!("open {path}: no such file or directory")).into()),
    }
}
