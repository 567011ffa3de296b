//! The Dockerfile, its ignore patterns and the main context.
//!
//! The Dockerfile and `.dockerignore` come from two directories of the client and are asked for at once.

use prost::bytes::Bytes;

use crate::{
    diagnostic::Diagnostic,
    gateway::{Gateway, SolveRequest, SolveResult},
    golang::{ignore, path},
    llb::{
        self, Meta, Origin,
        source::{Differ, DifferKind, Local, Source},
    },
    plan::MainContext,
    proto::pb,
    reference::git,
};

use super::{
    error::{Error, Result},
    options::Options,
};

const DOCKERFILE: &str = "Dockerfile";
const IGNORE: &str = ".dockerignore";

/// What a build is made from.
pub(super) struct Input {
    /// The Dockerfile with the op that it came from, which locates everything else.
    pub(super) file: llb::SourceMap,
    /// The same, as errors and warnings carry it.
    pub(super) info: pb::SourceInfo,
    /// The context that COPY reads.
    pub(super) main: MainContext,
}

/// Where the two directories of a build are.
struct Place {
    /// The source that holds both, when they are not the client's.
    remote: Option<(Source, String)>,
    dockerfile_local: String,
    filename: String,
}

/// Reads the Dockerfile and the ignore patterns.
pub(super) async fn read(
    gateway: &impl Gateway,
    options: &Options,
    session: &str,
) -> Result<Input> {
    let place = place(options)?;
    let (source, name) = match &place.remote {
        Some((source, name)) if options.get("dockerfilekey").is_none() => {
            (source.clone(), name.clone())
        }
        _ => dockerfile_source(&place, options, session),
    };
    let definition = single(source, &name, gateway);
    let (dockerfile, ignore, inputs) = tokio::join!(
        dockerfile(gateway, &definition, &place.filename),
        ignore_file(gateway, options, session, place.remote.is_some()),
        gateway.inputs(),
    );
    if let Some(input) = ["context", "dockerfile"].into_iter().find(|name| {
        inputs
            .as_ref()
            .is_ok_and(|inputs| inputs.contains_key(*name))
    }) {
        return Err(unsupported(&format!("the input {input} of another build")).into());
    }
    let (bytes, own_ignore) = dockerfile?;
    let main = match place.remote {
        Some((source, name)) => MainContext::Source(source, name),
        None => {
            let (name, ignore) = match own_ignore {
                Some(own) => (format!("{}{IGNORE}", place.filename), own),
                None => (IGNORE.to_owned(), ignore?.unwrap_or_default()),
            };
            MainContext::Local {
                name: "context".to_owned(),
                session: options.session_of("context", session).to_owned(),
                excludes: patterns(&name, &ignore)?,
            }
        }
    };
    let definition: pb::Definition = definition.into();
    let info = pb::SourceInfo {
        filename: place.filename.clone(),
        language: "Dockerfile".to_owned(),
        data: bytes.clone(),
        definition: Some(definition.clone()),
    };
    let file = llb::SourceMap {
        filename: place.filename,
        language: "Dockerfile".to_owned(),
        data: bytes,
        origin: Origin::Definition(Box::new(definition)),
    };
    Ok(Input { file, info, main })
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
    let platform = pb::Platform::default();
    let capabilities = |name: &str| gateway.capabilities().llb.supports(name);
    llb::marshal(
        &graph,
        Some(output),
        &llb::Defaults {
            platform: &platform,
            capabilities: &capabilities,
        },
    )
}

fn place(options: &Options) -> Result<Place> {
    let context = options
        .get(options.get("contextkey").unwrap_or("context"))
        .unwrap_or_default();
    let remote = match git::parse(context) {
        Ok(git) => {
            let mut wanted = crate::plan::git_source(&git);
            let keep = options.build_args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
            wanted.keep_git_dir |=
                keep.and_then(|value| crate::golang::parse_bool(value)) == Some(true);
            if options
                .build_args
                .get("SOURCE_DATE_EPOCH")
                .is_some_and(|epoch| !epoch.is_empty())
                && wanted.mtime.is_empty()
            {
                wanted.mtime = "commit".to_owned();
            }
            Some((
                wanted.into(),
                format!("[internal] load git source {context}"),
            ))
        }
        Err(error) if error.is_git => return Err(Diagnostic::error(error.to_string()).into()),
        Err(_) if context.starts_with("http://") || context.starts_with("https://") => {
            return Err(
                unsupported("a build context from a URL that is not a git repository").into(),
            );
        }
        Err(_) => None,
    };
    if options.get("contextsubdir").is_some() && remote.is_some() {
        return Err(unsupported("the option contextsubdir").into());
    }
    Ok(Place {
        remote,
        dockerfile_local: options
            .get("dockerfilekey")
            .unwrap_or("dockerfile")
            .to_owned(),
        filename: options.filename.clone(),
    })
}

fn unsupported(what: &str) -> Diagnostic {
    Diagnostic::error(format!("{what} is not supported yet"))
}

fn dockerfile_source(place: &Place, options: &Options, session: &str) -> (Source, String) {
    let local = &place.dockerfile_local;
    let mut wanted = vec![
        place.filename.clone(),
        format!("{}{IGNORE}", place.filename),
    ];
    wanted.extend(lower_case(&place.filename));
    let source = Local {
        follow_paths: wanted,
        shared_key_hint: local.clone(),
        ..whole(local, options.session_of(local, session))
    };
    (
        source.into(),
        format!("[internal] load build definition from {}", place.filename),
    )
}

/// `Dockerfile` may be written `dockerfile`.
fn lower_case(filename: &str) -> Option<String> {
    (path::base(filename) == DOCKERFILE).then(|| path::join(&[&path::dir(filename), "dockerfile"]))
}

/// The Dockerfile, and the ignore file that stands beside it under its name.
async fn dockerfile(
    gateway: &impl Gateway,
    definition: &llb::Definition,
    filename: &str,
) -> Result<(Bytes, Option<Bytes>)> {
    let request = SolveRequest::definition(definition.clone());
    let solved = gateway
        .solve(request)
        .await
        .map_err(|error| error.context("failed to resolve dockerfile"))?;
    let own_ignore = format!("{filename}{IGNORE}");
    let (file, ignore) = tokio::join!(
        file(gateway, &solved, filename),
        file(gateway, &solved, &own_ignore)
    );
    let bytes = match (file, lower_case(filename)) {
        (Ok(bytes), _) => bytes,
        (Err(error), None) => return Err(error.context("failed to read dockerfile")),
        (Err(error), Some(other)) => {
            let read = self::file(gateway, &solved, &other).await;
            read.map_err(|_| error.context("failed to read dockerfile"))?
        }
    };
    Ok((bytes, ignore.ok()))
}

/// `.dockerignore` of the main context; an absent one is no mistake.
async fn ignore_file(
    gateway: &impl Gateway,
    options: &Options,
    session: &str,
    is_remote: bool,
) -> Result<Option<Bytes>> {
    if is_remote {
        return Ok(None);
    }
    let source = Local {
        follow_paths: vec![IGNORE.to_owned()],
        shared_key_hint: format!("context-{IGNORE}"),
        ..whole("context", options.session_of("context", session))
    };
    let definition = single(source, &format!("[internal] load {IGNORE}"), gateway);
    let solved = gateway.solve(SolveRequest::definition(definition)).await?;
    Ok(file(gateway, &solved, IGNORE).await.ok())
}

/// Reads a file of what was solved.
pub(super) async fn file(
    gateway: &impl Gateway,
    solved: &SolveResult,
    path: &str,
) -> Result<Bytes> {
    match solved.reference() {
        Some(reference) => Ok(gateway.read_file(reference, path, None).await?),
        None => Err(Diagnostic::error(format!("open {path}: no such file or directory")).into()),
    }
}
