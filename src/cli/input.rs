//! The file that was named: a Dockerfile, or what has or names one.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use crate::{
    diagnostic::Diagnostic,
    fal::manifest::{Command, Dockerfile, Kind, Manifest, Mistake, Requirements, empty_dockerfile},
    golang::ignore,
    plan::Overrides,
    source::Source,
};

use super::offline::World;

/// What the command line looks at.
pub(super) struct Input {
    /// What is read.
    pub(super) source: Source,
    /// What is shown of it.
    pub(super) shown: Source,
    pub(super) target: Option<String>,
    pub(super) build_args: BTreeMap<String, String>,
    pub(super) world: World,
    /// The file that the Dockerfile is in, if it is one of its own.
    pub(super) dockerfile: Option<PathBuf>,
    /// The layers of requirements of a file that is no Dockerfile.
    pub(super) requirements: Vec<Requirements>,
    /// What of the file is not honoured.
    pub(super) warnings: Vec<Mistake>,
}

/// Why nothing comes of it.
pub(super) enum Refusal {
    /// A file cannot be read, or written.
    Unreadable(PathBuf, io::Error),
    /// What is in it is wrong.
    Mistake(Box<Mistake>),
    /// The same, and it has been said.
    Told,
    /// Something is not known, and that has been said.
    Unknown,
}

impl Input {
    /// Reads the file, and the patterns of files that are not sent from `context`, else from beside the file.
    pub(super) fn read(
        path: &Path,
        context: Option<&Path>,
        target: Option<&str>,
        build_args: BTreeMap<String, String>,
    ) -> Result<Self, Refusal> {
        let source = read(path)?;
        let ignored =
            ignored(path, context).map_err(|error| Refusal::Unreadable(path.to_owned(), error))?;
        let Some(kind) = Kind::of(&source.name, &source.bytes) else {
            return Ok(Self {
                shown: source.clone(),
                source,
                target: target.map(str::to_owned),
                build_args,
                world: World::plain(&ignored),
                dockerfile: Some(path.to_owned()),
                requirements: Vec::new(),
                warnings: Vec::new(),
            });
        };
        let manifest = kind.read(&source.name, &source.bytes, target)?;
        let ignored = manifest.ignore.as_deref().unwrap_or(&ignored);
        let world = World {
            options: manifest.options.clone(),
            overrides: overrides(&manifest),
            ..World::plain(ignored)
        };
        let target = target.filter(|_| !manifest.target_is_app);
        let mut all_args = manifest.build_args;
        all_args.extend(build_args);
        let beside = match &manifest.dockerfile {
            Dockerfile::Beside { path: written, .. } => Some(beside(path, written)),
            _ => None,
        };
        let (source, shown) = dockerfile(path, &source.name, manifest.dockerfile)?;
        Ok(Self {
            source,
            shown,
            target: target.map(str::to_owned),
            build_args: all_args,
            world,
            dockerfile: beside,
            requirements: manifest.requirements,
            warnings: manifest.warnings,
        })
    }
}

impl From<Box<Mistake>> for Refusal {
    fn from(mistake: Box<Mistake>) -> Self {
        Self::Mistake(mistake)
    }
}

/// What is read, and what is shown of it.
fn dockerfile(
    path: &Path,
    name: &str,
    dockerfile: Dockerfile,
) -> Result<(Source, Source), Refusal> {
    match dockerfile {
        Dockerfile::Within { name, text } => {
            let source = Source::new(name, text);
            Ok((source.clone(), source))
        }
        Dockerfile::Made { text, shown } => Ok((Source::new(name, text), shown)),
        Dockerfile::Beside {
            path: written,
            owner,
            place,
        } => {
            let path = beside(path, &written);
            let source = read(&path).map_err(|refusal| match refusal {
                Refusal::Unreadable(path, error) if error.kind() == io::ErrorKind::NotFound => {
                    let sentence =
                        format!("{owner} image.dockerfile not found: {}", path.display());
                    Box::new(place.mistake(Diagnostic::error(sentence))).into()
                }
                refusal => refusal,
            })?;
            if source.bytes.trim_ascii().is_empty() {
                let mistake = place.mistake(empty_dockerfile());
                return Err(Box::new(mistake).into());
            }
            Ok((source.clone(), source))
        }
    }
}

fn overrides(manifest: &Manifest) -> Overrides {
    let line = |command: &Option<Command>| command.as_ref().map(Command::line);
    Overrides {
        entrypoint: line(&manifest.entrypoint),
        cmd: line(&manifest.cmd),
    }
}

/// A Dockerfile that a manifest names.
fn beside(manifest: &Path, written: &str) -> PathBuf {
    manifest.with_file_name("").join(written)
}

fn read(path: &Path) -> Result<Source, Refusal> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Source::new(path.display().to_string(), bytes)),
        Err(error) => Err(Refusal::Unreadable(path.to_owned(), error)),
    }
}

/// The patterns of `Dockerfile.dockerignore` beside the Dockerfile, or else of `.dockerignore` in the context.
fn ignored(dockerfile: &Path, context: Option<&Path>) -> io::Result<Vec<String>> {
    let mut own = dockerfile.as_os_str().to_owned();
    own.push(".dockerignore");
    for path in [
        PathBuf::from(own),
        match context {
            Some(context) => context.join(".dockerignore"),
            None => dockerfile.with_file_name(".dockerignore"),
        },
    ] {
        match std::fs::read(path) {
            Ok(bytes) => return ignore::read_all(&bytes).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Vec::new())
}
