//! A daemon that is played for our frontend, as `tests/tools/original` plays it for the other.
//!
//! It knows the files and image configs of a case, solves nothing, and gives every definition back.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    pin::pin,
    task::{Context, Poll, Waker},
};

use fal_frontend::{
    frontend::{self, Environment},
    gateway::{
        self, Capabilities, CapabilitySet, Error, FileRange, Gateway, Ref, Refs, ResolvedGit,
        ResolvedHttp, ResolvedImage, ResolvedSource, Result, SolveRequest, SolveResult,
        SourceRequest, Stat, Warning,
    },
    golang::stray,
    proto::{frontend::Timestamp, pb},
    reference::platform::{self, Platform},
};
use prost::Message;
use serde::Deserialize;

use super::{
    answer::{Answer, Attestation, Built, CacheImport, Range, Refusal, Solved},
    case::{Case, OTHERS},
};

/// What the daemon can do: the first line of `tests/tools/original`.
#[derive(Deserialize)]
pub(super) struct Hello {
    llb: Vec<String>,
    gateway: Vec<String>,
}

impl Hello {
    pub(super) fn capabilities(&self) -> Capabilities {
        let set = |names: &[String]| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            CapabilitySet::of(&names)
        };
        Capabilities {
            frontend: set(&self.gateway),
            llb: set(&self.llb),
            workers: Vec::new(),
        }
    }
}

/// What every repository is at.
const COMMIT: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author a <a@example.com> 1600000000 +0100
committer c <c@example.com> 1600000001 -0230

text
";

/// When every download was changed last.
const MODIFIED: i64 = 1_500_000_000;

/// Asks our frontend.
pub(super) fn answer(case: &Case, capabilities: &Capabilities) -> Answer {
    let world = World {
        case,
        capabilities,
        solved: RefCell::default(),
        forwarded: Cell::default(),
        warnings: RefCell::default(),
    };
    let environment = Environment {
        options: case.options.clone(),
        session: "session".to_owned(),
        platforms: platform::parse(&case.platform).into_iter().collect(),
        // The flavour of the frontend image that only knows Dockerfiles.
        defaults: BTreeMap::from([("FAL_MODE".to_owned(), "off".to_owned())]),
    };
    // Nobody waits for anything here, so the first poll is the last.
    let future = pin!(frontend::answer(&world, &environment));
    let Poll::Ready(result) = future.poll(&mut Context::from_waker(Waker::noop())) else {
        return Answer::broken("it waits for something else than the daemon");
    };
    let warnings = world.warnings.take().iter().map(told).collect();
    let forwarded = world.forwarded.take();
    let (built, refused) = match result {
        Err(error) => (None, Some(refused(&error))),
        Ok(_) if forwarded.is_some() => (None, None),
        Ok(result) => (Some(world.built(result)), None),
    };
    Answer {
        forwarded: forwarded.filter(|_| refused.is_none()),
        refused,
        built,
        warnings,
        broken: String::new(),
    }
}

/// The daemon.
struct World<'a> {
    case: &'a Case,
    capabilities: &'a Capabilities,
    /// What was to be solved; a reference is a place in it.
    solved: RefCell<Vec<SolveRequest>>,
    forwarded: Cell<Option<BTreeMap<String, String>>>,
    warnings: RefCell<Vec<Warning>>,
}

impl World<'_> {
    fn built(&self, result: SolveResult) -> Built {
        let refs = match result.refs {
            Refs::One(one) => BTreeMap::from([(String::new(), one)]),
            Refs::ByPlatform(refs) => refs,
        };
        Built {
            refs: refs
                .into_iter()
                .map(|(platform, one)| (platform, one.and_then(|one| self.request(&one))))
                .collect(),
            metadata: result
                .metadata
                .into_iter()
                .map(|(name, value)| (name, value.to_vec()))
                .collect(),
            attestations: result
                .attestations
                .into_iter()
                .map(|(platform, list)| {
                    let list = list.into_iter().map(|one| self.attested(one));
                    (platform, list.collect())
                })
                .collect(),
        }
    }

    fn attested(&self, attestation: gateway::Attestation) -> Attestation {
        Attestation {
            kind: attestation.kind,
            metadata: attestation
                .metadata
                .into_iter()
                .map(|(name, value)| (name, value.to_vec()))
                .collect(),
            path: attestation.path,
            predicate: attestation.in_toto_predicate_type,
            subjects: attestation.in_toto_subjects.len(),
            reference: attestation.r#ref.and_then(|one| self.request(&one)),
        }
    }

    fn request(&self, reference: &Ref) -> Option<Solved> {
        let solved = self.solved.borrow();
        let request = solved.get(reference.id.parse::<usize>().ok()?)?;
        let import = |import: &fal_frontend::gateway::CacheImport| CacheImport {
            kind: import.kind.clone(),
            attrs: import.attrs.clone(),
        };
        Some(Solved {
            definition: request.definition.as_ref()?.encode_to_vec(),
            cache_imports: request.cache_imports.iter().map(import).collect(),
        })
    }

    /// The identifier of the source that a definition begins with.
    fn source(&self, reference: &Ref) -> Option<String> {
        let solved = self.solved.borrow();
        let request = solved.get(reference.id.parse::<usize>().ok()?)?;
        let first = request.definition.as_ref()?.def.first()?;
        match pb::Op::decode(first.clone()).ok()?.op? {
            pb::op::Op::Source(source) => Some(source.identifier),
            _ => None,
        }
    }
}

impl Gateway for World<'_> {
    fn capabilities(&self) -> &Capabilities {
        self.capabilities
    }

    async fn solve(&self, request: SolveRequest) -> Result<SolveResult> {
        if !request.frontend.is_empty() {
            let mut options = request.options;
            options.insert(String::new(), request.frontend);
            self.forwarded.set(Some(options));
            return Ok(SolveResult::default());
        }
        if request
            .definition
            .as_ref()
            .is_none_or(|definition| definition.def.is_empty())
        {
            return Ok(SolveResult::default());
        }
        let mut solved = self.solved.borrow_mut();
        let id = solved.len().to_string();
        solved.push(request);
        Ok(SolveResult::of(Some(Ref { id, def: None })))
    }

    async fn evaluate(&self, _: &Ref) -> Result<()> {
        Ok(())
    }

    async fn read_file(
        &self,
        reference: &Ref,
        path: &str,
        range: Option<FileRange>,
    ) -> Result<prost::bytes::Bytes> {
        let source = self.source(reference).unwrap_or_default();
        // A repository or a download holds what the client's folder holds.
        let local = source.strip_prefix("local://").unwrap_or("dockerfile");
        match self.case.files.get(&format!("{local}/{path}")) {
            Some(content) => {
                let range = range.map_or(0..content.len(), |range| {
                    let start = (range.offset as usize).min(content.len());
                    start..(start + range.length as usize).min(content.len())
                });
                Ok(content[range].to_vec().into())
            }
            None => Err(no_file("open", path)),
        }
    }

    async fn read_dir(&self, _: &Ref, path: &str, _: &str) -> Result<Vec<Stat>> {
        Err(no_file("open", path))
    }

    async fn stat_file(&self, _: &Ref, path: &str) -> Result<Stat> {
        Err(no_file("stat", path))
    }

    async fn resolve_source(&self, request: SourceRequest) -> Result<ResolvedSource> {
        let identifier = &request.source.identifier;
        let (kind, reference) = match identifier.split_once("://") {
            Some(("docker-image", reference)) => ("image", reference),
            Some(("oci-layout", reference)) => ("layout", reference),
            _ => return Ok(other_source(request)),
        };
        let images = &self.case.images;
        let config = images.get(reference).or_else(|| images.get(OTHERS));
        let Some(config) = config.filter(|config| !config.is_empty()) else {
            return Err(Error::new(format!("{reference}: not found")));
        };
        let asked = request.platform.map(|platform| Platform {
            architecture: platform.architecture,
            os: platform.os,
            os_version: platform.os_version,
            os_features: platform.os_features,
            variant: platform.variant,
        });
        let written = asked.as_ref().map(Platform::format_all);
        let asked = asked.unwrap_or_else(|| platform::default_spec().normalize());
        let config = config
            .replace("%OS%", &asked.os)
            .replace("%ARCH%", &asked.architecture)
            .replace("%VARIANT%", &asked.variant);
        // What was asked shows in the answer, and so in what is made of it.
        let question = [
            kind,
            reference,
            &request.resolve_mode,
            &written.unwrap_or_default(),
        ];
        let digest = format!(
            "sha256:{}",
            crate::tools::digest(question.join(" ").as_bytes())
        );
        Ok(ResolvedSource {
            image: Some(ResolvedImage {
                digest,
                config: config.into(),
            }),
            source: request.source,
            ..ResolvedSource::default()
        })
    }

    async fn inputs(&self) -> Result<BTreeMap<String, pb::Definition>> {
        let decode = |(name, bytes): (&String, &Vec<u8>)| {
            let definition = pb::Definition::decode(bytes.as_slice());
            let definition = definition.map_err(|why| Error::new(why.to_string()));
            Ok((name.clone(), definition?))
        };
        self.case.inputs.iter().map(decode).collect()
    }

    async fn warn(&self, warning: Warning) -> Result<()> {
        self.warnings.borrow_mut().push(warning);
        Ok(())
    }
}

/// What is told of a source that is no image.
fn other_source(request: SourceRequest) -> ResolvedSource {
    let mut resolved = ResolvedSource {
        source: request.source,
        ..ResolvedSource::default()
    };
    let identifier = &resolved.source.identifier;
    match identifier.split_once("://") {
        Some(("git", _)) => {
            resolved.git = Some(ResolvedGit {
                commit_object: match request.git_objects {
                    true => COMMIT.into(),
                    false => Default::default(),
                },
                ..ResolvedGit::default()
            });
        }
        Some(("http" | "https", url)) => {
            let last_modified = Timestamp {
                seconds: MODIFIED,
                nanos: 0,
            };
            resolved.http = Some(ResolvedHttp {
                last_modified: (!url.contains("undated")).then_some(last_modified),
                ..ResolvedHttp::default()
            });
        }
        _ => {}
    }
    resolved
}

fn no_file(call: &str, path: &str) -> Error {
    Error::new(format!("{call} {path}: no such file or directory"))
}

fn refused(error: &Error) -> Refusal {
    /// The detail that points into a file.
    #[derive(Deserialize)]
    struct Source {
        #[serde(default)]
        ranges: Vec<WrittenRange>,
    }
    #[derive(Deserialize)]
    struct WrittenRange {
        #[serde(default)]
        start: Position,
        #[serde(default)]
        end: Position,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Position {
        line: i32,
        character: i32,
    }
    let places = error
        .details
        .iter()
        .filter(|detail| detail.type_url.ends_with("errdefs.Source+json"))
        .filter_map(|detail| serde_json::from_slice::<Source>(&detail.value).ok())
        .map(|source| {
            let ranges = source.ranges.iter();
            ranges
                .map(|WrittenRange { start, end }| {
                    [start.line, start.character, end.line, end.character]
                })
                .collect()
        })
        .collect();
    Refusal {
        message: error.message.clone(),
        code: error.code as i32 as u32,
        places,
    }
}

fn told(warning: &Warning) -> super::answer::Warning {
    let range = |range: &pb::Range| -> Range {
        let (start, end) = (
            range.start.unwrap_or_default(),
            range.end.unwrap_or_default(),
        );
        [start.line, start.character, end.line, end.character]
    };
    super::answer::Warning {
        digest: warning.digest.clone(),
        level: warning.level,
        short: stray::replaced(&stray::decode(&warning.short)).into_owned(),
        detail: warning.detail.clone(),
        url: warning.url.clone(),
        file: warning
            .info
            .as_ref()
            .map_or_else(String::new, |info| info.filename.clone()),
        ranges: warning.ranges.iter().map(range).collect(),
    }
}
