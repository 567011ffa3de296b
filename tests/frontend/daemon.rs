//! A daemon that builds nothing: it has files, images and capabilities, and keeps what it is asked to solve.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use fal_frontend::{
    gateway::{
        Capabilities, CapabilitySet, Error, FileRange, Gateway, Ref, ResolvedGit, ResolvedHttp,
        ResolvedImage, ResolvedSource, Result, SolveRequest, SolveResult, SourceRequest, Stat,
        Warning,
    },
    llb,
    proto::pb::{self, op},
};
use prost::{Message, bytes::Bytes};

/// What every image has that `images` knows nothing of.
const PLAIN: &str = include_str!("images/plain.json");

/// What BuildKit v0.32 can do, a name a line.
const CAPABILITIES: &str = include_str!("capabilities");

/// How long each call takes, by a clock that tests stop.
pub(super) const CALL: Duration = Duration::from_millis(100);

/// The daemon.
pub(super) struct Daemon {
    capabilities: Capabilities,
    /// Folders of the client, by the names of local sources.
    locals: BTreeMap<String, PathBuf>,
    /// What other builds gave.
    pub(super) inputs: BTreeMap<String, pb::Definition>,
    /// The files of everything that is no folder of the client.
    pub(super) files: BTreeMap<&'static str, Bytes>,
    /// What downloads and repositories hold, by identifier.
    pub(super) checksums: BTreeMap<&'static str, &'static str>,
    /// What a policy puts in the place of a source, by identifier.
    pub(super) policy: BTreeMap<&'static str, &'static str>,
    /// Which solve fails, and how.
    pub(super) fails: Fails,
    /// Which of the files a solve has not.
    pub(super) lacks: Lacks,
    seen: RefCell<Seen>,
}

pub(super) type Fails = Box<dyn Fn(&llb::Definition) -> Option<Error>>;
pub(super) type Lacks = Box<dyn Fn(&llb::Definition, &str) -> bool>;

/// What was asked of it.
#[derive(Default)]
pub(super) struct Seen {
    /// Everything solved that is more than a source, by the reference's id.
    pub(super) solved: BTreeMap<String, llb::Definition>,
    /// In the order of the calls.
    pub(super) resolved: Vec<SourceRequest>,
    pub(super) forwarded: Vec<SolveRequest>,
    pub(super) warnings: Vec<Warning>,
}

impl Daemon {
    /// A daemon of BuildKit v0.32 whose client offers these folders.
    pub(super) fn new(locals: BTreeMap<String, PathBuf>) -> Self {
        let named = |kind: &str| {
            let names = CAPABILITIES.lines().filter_map(|line| line.split_once(' '));
            let names = names.filter(|(of, _)| *of == kind).map(|(_, name)| name);
            CapabilitySet::of(&names.collect::<Vec<_>>())
        };
        let capabilities = Capabilities {
            frontend: named("frontend"),
            llb: named("llb"),
            workers: Vec::new(),
        };
        Self {
            capabilities,
            locals,
            inputs: BTreeMap::new(),
            files: BTreeMap::new(),
            checksums: BTreeMap::new(),
            policy: BTreeMap::new(),
            fails: Box::new(|_| None),
            lacks: Box::new(|_, _| false),
            seen: RefCell::default(),
        }
    }

    /// The same daemon before it had an LLB capability.
    pub(super) fn without(mut self, capability: &str) -> Self {
        let names = CAPABILITIES.lines().filter_map(|line| line.split_once(' '));
        let names = names.filter(|(of, name)| *of == "llb" && *name != capability);
        self.capabilities.llb = CapabilitySet::of(&names.map(|(_, name)| name).collect::<Vec<_>>());
        self
    }

    /// What was asked of it.
    pub(super) fn into_seen(self) -> Seen {
        self.seen.into_inner()
    }

    fn path(&self, reference: &Ref, path: &str) -> Result<PathBuf> {
        let folder = reference
            .id
            .strip_prefix("local://")
            .and_then(|name| self.locals.get(name));
        let folder = folder.ok_or_else(|| Error::new(format!("no files in {}", reference.id)))?;
        Ok(folder.join(path.trim_start_matches('/')))
    }
}

impl Gateway for Daemon {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn solve(&self, request: SolveRequest) -> Result<SolveResult> {
        tokio::time::sleep(CALL).await;
        let Some(definition) = request.definition else {
            self.seen.borrow_mut().forwarded.push(request);
            return Ok(SolveResult::default());
        };
        let local = only_source(&definition).filter(|source| source.starts_with("local://"));
        let id = local.unwrap_or_else(|| {
            let mut seen = self.seen.borrow_mut();
            let id = format!("solved {}", seen.solved.len());
            seen.solved.insert(id.clone(), definition.into());
            id
        });
        if let Some(error) = self.seen.borrow().solved.get(&id).and_then(&self.fails) {
            return Err(error);
        }
        Ok(SolveResult::of(Some(Ref {
            id,
            ..Ref::default()
        })))
    }

    async fn evaluate(&self, _: &Ref) -> Result<()> {
        tokio::time::sleep(CALL).await;
        Ok(())
    }

    async fn read_file(&self, reference: &Ref, path: &str, _: Option<FileRange>) -> Result<Bytes> {
        tokio::time::sleep(CALL).await;
        if let Some(bytes) = self.files.get(path)
            && !reference.id.starts_with("local://")
        {
            let seen = self.seen.borrow();
            let solved = seen.solved.get(&reference.id);
            return match solved.is_some_and(|solved| (self.lacks)(solved, path)) {
                true => Err(Error::new(format!("no {path} in {}", reference.id))),
                false => Ok(bytes.clone()),
            };
        }
        let read = fs::read(self.path(reference, path)?);
        let missing = |_| Error::new(format!("open {path}: no such file or directory"));
        read.map(Bytes::from).map_err(missing)
    }

    async fn read_dir(&self, _: &Ref, _: &str, _: &str) -> Result<Vec<Stat>> {
        Err(Error::new("no directories here"))
    }

    async fn stat_file(&self, _: &Ref, _: &str) -> Result<Stat> {
        Err(Error::new("no statistics here"))
    }

    async fn resolve_source(&self, request: SourceRequest) -> Result<ResolvedSource> {
        tokio::time::sleep(CALL).await;
        let source = request.source.clone();
        self.seen.borrow_mut().resolved.push(request);
        if let Some(moved) = self.policy.get(&*source.identifier) {
            let mut source = source;
            source.identifier = (*moved).to_owned();
            return Ok(ResolvedSource {
                source,
                ..Default::default()
            });
        }
        if let Some(checksum) = self.checksums.get(&*source.identifier) {
            let http = ResolvedHttp {
                checksum: (*checksum).to_owned(),
                ..ResolvedHttp::default()
            };
            return Ok(ResolvedSource {
                source,
                http: Some(http),
                ..Default::default()
            });
        }
        let name = source
            .identifier
            .split_once("://")
            .map_or("", |(_, name)| name);
        if name.contains(".invalid/") {
            return Err(Error::new(format!("{name}: not found")));
        }
        let config = config(name);
        let image = ResolvedImage {
            digest: llb::digest(config.as_bytes()),
            config: config.into(),
        };
        let is_git = source.identifier.starts_with("git://");
        let git = is_git.then(|| ResolvedGit {
            checksum: "c0ffee".repeat(7)[..40].to_owned(),
            ..Default::default()
        });
        Ok(ResolvedSource {
            source,
            image: Some(image),
            git,
            ..Default::default()
        })
    }

    async fn inputs(&self) -> Result<BTreeMap<String, pb::Definition>> {
        tokio::time::sleep(CALL).await;
        Ok(self.inputs.clone())
    }

    async fn warn(&self, warning: Warning) -> Result<()> {
        // No time passes, but whoever has nothing to wait for may end the build first.
        tokio::task::yield_now().await;
        self.seen.borrow_mut().warnings.push(warning);
        Ok(())
    }
}

/// The config of an image: `images/NAME.json`, or the plain one.
fn config(reference: &str) -> String {
    let name = reference
        .rsplit('/')
        .next()
        .and_then(|name| name.split([':', '@']).next());
    let file = Path::new("tests/frontend/images")
        .join(name.unwrap_or("plain"))
        .with_extension("json");
    fs::read_to_string(file).unwrap_or_else(|_| PLAIN.to_owned())
}

/// The identifier of the source that a definition is, if it is nothing else.
fn only_source(definition: &pb::Definition) -> Option<String> {
    let mut ops = definition.def.iter().map(|op| pb::Op::decode(op.clone()));
    match (ops.next(), ops.next(), ops.next()) {
        (
            Some(Ok(pb::Op {
                op: Some(op::Op::Source(source)),
                ..
            })),
            Some(Ok(_)),
            None,
        ) => Some(source.identifier),
        _ => None,
    }
}
