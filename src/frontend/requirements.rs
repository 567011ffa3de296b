//! The requirements of a build: reads the files that they name, asks for the commits of repositories, and adds a step for each layer.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use fal_helper::requirements::SAID_FILE;
use futures_util::future::try_join_all;
use prost::Message;

use crate::{
    diagnostic::Diagnostic,
    fal::{
        self,
        layers::Layers,
        requirements::{self, Asked, Layer, Mistake, Place, Repository, Step},
        secrets::Kind,
    },
    gateway::{self, Gateway, SolveRequest},
    golang::{self, path},
    llb::{
        self, Definition, Graph, Location, Meta, Output, SourceMap,
        file::{Copy, File},
        source::{Git, Local},
    },
    plan::{self, MainContext, Plan},
    proto::pb,
    reference::{git::GitReference, platform::Platform},
};

use super::{
    build::{self, Job},
    context,
    error::{Error, Result},
    layers, manifest,
    once::Once,
    repositories,
};

/// The layers, read once for all platforms.
pub(super) type Read = Once<(), Rc<[Layer]>>;

/// Adds a step for each layer after the last instruction of the target. Gives the directory with the report if the last of them looked.
pub(super) async fn add(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
) -> Result<Option<Output>> {
    let wanted = all(job, fal).await?;
    if let Some(first) = wanted.first()
        && !job.environment.runs(&plan.platform)
    {
        let platform = plan.platform.format_all();
        return Err(at(job, &first.place, requirements::cannot_run(&platform)));
    }
    let mut looked = None;
    for step in steps(job, fal, layers, plan, &wanted)? {
        let layer = step.layer;
        let installed = step.add(layers, &mut plan.llb, plan.output);
        let history = format!("fal-helper requirements {}", layer.shown());
        layers::commit(plan, installed.root, &history);
        looked = installed.looked;
    }
    Ok(looked)
}

/// The layers as steps.
pub(super) fn steps<'a>(
    job: &'a Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
    wanted: &'a [Layer],
) -> Result<Vec<Step<'a>>> {
    let step = |(number, layer)| {
        Ok(Step {
            layer,
            resolver: fal.resolver,
            context: source(job, &mut plan.llb, std::slice::from_ref(layer))?,
            location: location(job, layers, &mut plan.llb, &layer.place),
            number: (number, wanted.len()),
            cache_namespace: &job.options.cache_mount_namespace,
        })
    };
    (1..).zip(wanted).map(step).collect()
}

/// Says in a sentence why one of these steps failed, where that can be told. Gives back the error if it is of another step.
pub(super) async fn explain(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
    platform: Option<&Platform>,
    error: Error,
) -> std::result::Result<Error, Error> {
    let Error::Refusal(mut refusal, lines) = error else {
        return Err(error);
    };
    let Ok(wanted) = all(job, fal).await else {
        return Err(Error::Refusal(refusal, lines));
    };
    let steps = steps(job, fal, layers, plan, &wanted);
    let definition = job.marshal(plan, plan.output, platform);
    let failed = match (&steps, &definition) {
        (Ok(steps), Ok(definition)) => failed(steps, layers, definition, &refusal),
        _ => None,
    };
    let Some(step) = failed else {
        return Err(Error::Refusal(refusal, lines));
    };
    let message = refusal.message.as_str();
    let is_absent = |name: &&String| message.ends_with(&format!("secret {name}: not found"));
    if let Some(name) = step.layer.secrets.iter().find(is_absent) {
        let absent = requirements::absent_secret(name);
        return Ok(at(job, &step.layer.place, absent));
    }
    let said = kind(message).and_then(requirements::failed);
    let said = match left(job, layers, plan, step).await {
        Ok(sentence) => Some(Diagnostic::error(sentence)),
        Err(_) => said,
    };
    // The daemon knows the lines of the step.
    if let Some(said) = said {
        refusal.message = said.to_string();
    }
    Ok(Error::Refusal(refusal, lines))
}

/// Why a step of ours failed, as far as the daemon's sentence says its exit code.
pub(super) fn kind(message: &str) -> Option<Kind> {
    let (_, code) = message.rsplit_once("exit code: ")?;
    Kind::from_exit_code(code.parse().ok()?)
}

/// Which of the steps of a definition failed, if it is one of these: by the op that the daemon names, or by what it started.
fn failed<'s, 'a>(
    steps: &'s [Step<'a>],
    layers: &Layers,
    definition: &Definition,
    refusal: &gateway::Error,
) -> Option<&'s Step<'a>> {
    let failed: BTreeSet<String> = refusal.failed_ops().collect();
    let ops = definition.ops.iter();
    let ops = ops.filter(|op| failed.contains(&llb::digest(op)));
    let started = ops.filter_map(|op| match pb::Op::decode(op.clone()).ok()?.op? {
        pb::op::Op::Exec(exec) => Some(exec.meta?.args),
        _ => None,
    });
    let started: Vec<Vec<String>> = started.collect();
    steps.iter().find(|step| {
        let arguments = step.arguments(layers);
        let process = golang::quote(&arguments.join(" "));
        let sentence = format!("process {process} did not complete");
        started.contains(&arguments) || refusal.message.contains(&sentence)
    })
}

/// What a step that failed has left.
async fn left(
    job: &Job<'_, impl Gateway>,
    layers: &Layers,
    plan: &mut Plan,
    step: &Step<'_>,
) -> Result<String> {
    let said = step.said(layers, &mut plan.llb);
    self::said(job, &plan.llb, said).await
}

/// What stands in the folder with what steps have left.
pub(super) async fn said(
    job: &Job<'_, impl Gateway>,
    graph: &Graph,
    output: Option<Output>,
) -> Result<String> {
    let definition = job.marshal_graph(graph, output, None);
    let solved = job
        .gateway
        .solve(SolveRequest::definition(definition))
        .await?;
    let bytes = context::file(job.gateway, &solved, SAID_FILE).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The layers, with everything that had to be asked for them.
pub(super) async fn all(job: &Job<'_, impl Gateway>, fal: &fal::Options) -> Result<Rc<[Layer]>> {
    job.requirements.get(&(), read(job, fal)).await
}

/// Fails for what can be told to be wrong before any file is read.
pub(super) fn check(job: &Job<'_, impl Gateway>, read: &build::Read) -> Result<()> {
    let fal = read.fal()?;
    if !fal.adds_layers() {
        return Ok(());
    }
    for asked in asked(job, fal) {
        let refused = |mistake| refused(job, &asked.place, mistake);
        asked.read().map_err(refused)?;
    }
    Ok(())
}

/// What each layer does, as far as is known before any file is read.
pub(super) fn shown(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
) -> impl Iterator<Item = String> {
    let layers = match fal.adds_layers() {
        true => asked(job, fal),
        false => Vec::new(),
    };
    let layers = layers
        .into_iter()
        .filter_map(|asked| Some(asked.read().ok()?.shown()));
    layers.map(|shown| format!("installs {shown}"))
}

fn asked(job: &Job<'_, impl Gateway>, fal: &fal::Options) -> Vec<Asked> {
    let of_manifest = job.input().manifest.as_ref();
    let of_manifest = of_manifest.map(|it| it.requirements.as_slice());
    let file = &job.options.filename;
    requirements::asked(fal, file, of_manifest.unwrap_or_default())
}

async fn read(job: &Job<'_, impl Gateway>, fal: &fal::Options) -> Result<Rc<[Layer]>> {
    let asked = asked(job, fal);
    let mut layers = try_join_all(asked.iter().map(|asked| layer(job, asked))).await?;
    // One after the other: a daemon that was asked in vain for a repository does not survive being asked for it again.
    for (asked, layer) in asked.iter().zip(&mut layers) {
        let mut commits = BTreeMap::new();
        for repository in layer.repositories.clone() {
            let commit = commit(job, &repository, &asked.place).await?;
            commits.insert(repository, commit);
        }
        layer.pin(commits);
    }
    Ok(layers.into())
}

/// One layer, with the files that it names.
async fn layer(job: &Job<'_, impl Gateway>, asked: &Asked) -> Result<Layer> {
    let refused = |mistake| refused(job, &asked.place, mistake);
    let mut layer = asked.read().map_err(refused)?;
    let mut pending: Vec<String> = layer.files.iter().cloned().collect();
    while !pending.is_empty() {
        let texts = files(job, &layer, &pending).await?;
        let mut named = Vec::new();
        for (file, text) in pending.iter().zip(texts) {
            named.extend(layer.take(file, &text).map_err(refused)?);
        }
        pending = named;
    }
    Ok(layer)
}

/// The texts of requirements files.
async fn files(
    job: &Job<'_, impl Gateway>,
    layer: &Layer,
    names: &[String],
) -> Result<Vec<String>> {
    let mut graph = Graph::new();
    let wanted = names.iter().cloned().collect();
    let source = add_source(job, &mut graph, &wanted, &wanted)?;
    let platform = Default::default();
    let definition = llb::marshal(
        &graph,
        source,
        &llb::Defaults {
            platform: &platform,
            capabilities: &|name| job.gateway.capabilities().llb.supports(name),
        },
    );
    let solved = job
        .gateway
        .solve(SolveRequest::definition(definition))
        .await?;
    let read = names.iter().map(|name| async {
        let bytes = context::file(job.gateway, &solved, name).await;
        match bytes {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(_) => Err(at(job, &layer.place, layer.unreadable(name))),
        }
    });
    try_join_all(read).await
}

/// The commit of a repository's branch or tag.
async fn commit(
    job: &Job<'_, impl Gateway>,
    repository: &Repository,
    place: &Place,
) -> Result<String> {
    let source = Git {
        auth_token_secret: repository.token.clone(),
        ..plan::git_source(&GitReference {
            remote: repository.remote.clone(),
            reference: Some(repository.reference.clone()).filter(|it| !it.is_empty()),
            ..GitReference::default()
        })
    };
    let name = format!("[fal] look for the commit of {}", repository.written);
    let why = match repositories::commit(job, source, name).await {
        Ok(Some(commit)) => return Ok(commit),
        Ok(None) => "the daemon does not say".to_owned(),
        Err(error) => error.message().to_owned(),
    };
    Err(at(job, place, requirements::unresolved(repository, &why)))
}

/// What layers need of the context, if they need anything.
pub(super) fn source(
    job: &Job<'_, impl Gateway>,
    graph: &mut Graph,
    layers: &[Layer],
) -> Result<Option<Output>> {
    let needed: BTreeSet<String> = layers.iter().flat_map(Layer::needed).cloned().collect();
    let files = layers.iter().flat_map(|layer| &layer.files);
    match needed.is_empty() {
        true => Ok(None),
        false => add_source(job, graph, &needed, &files.cloned().collect()),
    }
}

/// These paths of the context.
fn add_source(
    job: &Job<'_, impl Gateway>,
    graph: &mut Graph,
    needed: &BTreeSet<String>,
    named: &BTreeSet<String>,
) -> Result<Option<Output>> {
    let shown = "[internal] load requirements";
    let is_all = needed.contains(".");
    Ok(match job.input().main()? {
        MainContext::Local {
            name,
            session,
            excludes,
        } => {
            let local = Local {
                follow_paths: match is_all {
                    true => Vec::new(),
                    false => needed.iter().cloned().collect(),
                },
                exclude_patterns: requirements::ignored_but_for(named, excludes),
                shared_key_hint: format!("{name}-requirements"),
                ..Local::new(name, session)
            };
            Some(graph.add_source(local, Meta::named(shown)))
        }
        MainContext::Remote(remote) => {
            let root = remote.add(graph)?;
            if is_all {
                return Ok(root);
            }
            let mut copied = None;
            for needed in needed {
                let copy = Copy {
                    source: root,
                    src: path::join(&["/", needed]),
                    dest: path::join(&["/", needed]),
                    contents_only: true,
                    create_dest_path: true,
                    ..Copy::default()
                };
                copied = Some(graph.add_file(File::new(copied, copy), Meta::named(shown)));
            }
            copied
        }
    })
}

/// The lines that a step is shown with.
fn location(
    job: &Job<'_, impl Gateway>,
    layers: &Layers,
    graph: &mut Graph,
    place: &Place,
) -> Location {
    match place {
        Place::Nowhere => layers.location.clone(),
        Place::Lines(lines) => Location {
            ranges: llb::line_by_line(lines.start, lines.end),
            ..layers.location.clone()
        },
        Place::Manifest(place) => {
            let shown = place.shown();
            let source_map = graph.add_source_map(SourceMap {
                filename: shown.name.clone(),
                language: String::new(),
                data: shown.bytes.clone().into(),
                origin: job.input().file.origin.clone(),
            });
            Location {
                source_map,
                ranges: llb::line_by_line(place.lines().start, place.lines().end),
            }
        }
    }
}

/// What is wrong with a layer. A line that may hold a secret is named, and not shown.
fn refused(job: &Job<'_, impl Gateway>, place: &Place, mistake: Mistake) -> Error {
    match place {
        Place::Lines(lines) if mistake.is_secret => {
            let line = format!("line {} of {}", lines.start, job.options.filename);
            mistake.diagnostic.context(&line).into()
        }
        _ => at(job, place, mistake.diagnostic),
    }
}

fn at(job: &Job<'_, impl Gateway>, place: &Place, diagnostic: Diagnostic) -> Error {
    match place {
        Place::Nowhere => diagnostic.into(),
        Place::Lines(lines) => diagnostic.at(*lines).into(),
        Place::Manifest(place) => {
            let definition = job.info().definition.clone().unwrap_or_default();
            manifest::refused(&place.mistake(diagnostic), &definition)
        }
    }
}
