//! `SOURCE_DATE_EPOCH`: seconds, or what has the time that is meant.
//!
//! Takes the argument as written; gives seconds, or the source to ask for its time: the main context, a named one, or the one
//! download of a stage that is there for nothing else. Knows nothing of how anything is asked.

use std::collections::BTreeMap;

use crate::{
    diagnostic::{Diagnostic, Result},
    expand::{Budget, Environment, Expander},
    golang::{self, Timestamp},
    instruction::{Add, Arg, Dockerfile, Kind, Stage},
    reference::{digest, git, platform},
};

use super::{NamedContext, Options, SCRATCH, messages};

pub(super) const ARGUMENT: &str = "SOURCE_DATE_EPOCH";

/// Whose time the files of the build have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Epoch {
    /// Nobody said.
    NotGiven,
    /// None's: it was said, and means nothing.
    Unset,
    /// This one.
    At(Timestamp),
    /// That of a source.
    Of(EpochSource),
}

/// A source whose time is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EpochSource {
    /// `context`: the main context.
    Main,
    /// A named context, and the name as written.
    Named(NamedContext, String),
    /// What a stage adds, and the stage's name.
    Stage(Download, String),
}

/// What the daemon fetches for an ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Download {
    /// A file.
    Http {
        /// Where it is.
        url: String,
        /// The digest that it must have.
        checksum: Option<String>,
    },
    /// A repository.
    Git(Box<git::GitReference>),
}

/// What the argument means, with `arguments` in force before the first FROM.
pub(super) fn read(
    written: &str,
    dockerfile: &Dockerfile,
    escape: char,
    arguments: &Environment,
    options: &Options<'_>,
    budget: &mut Budget,
) -> Result<Epoch> {
    if written.is_empty() {
        return Ok(Epoch::Unset);
    }
    if let Ok(seconds) = golang::parse_int(written, 10, 64) {
        return Ok(Epoch::At(Timestamp::from_unix(seconds)));
    }
    if written == "context" {
        return Ok(Epoch::Of(EpochSource::Main));
    }
    let own = platform::default_spec();
    if let Some(context) = options.contexts.named(written, &own)? {
        let source = EpochSource::Named(context, written.to_owned());
        return Ok(Epoch::Of(source));
    }
    let is_meant = |stage: &&Stage| {
        let name = stage.name.as_deref();
        name.is_some_and(|name| golang::equal_fold(name, written))
    };
    let Some(stage) = dockerfile.stages.iter().find(is_meant) else {
        return Err(messages::bad_epoch(written));
    };
    let mut arguments = arguments.clone();
    arguments.remove(ARGUMENT);
    let reading = Reading {
        expander: Expander::new(escape),
        arguments,
        build_args: options.build_args,
        budget,
    };
    let download = reading
        .stage(stage)
        .map_err(|error| error.at(stage.lines))?;
    let name = stage.name.clone().unwrap_or_default();
    Ok(Epoch::Of(EpochSource::Stage(download, name)))
}

/// A stage while its one download is looked for.
struct Reading<'a> {
    expander: Expander,
    arguments: Environment,
    build_args: &'a BTreeMap<String, String>,
    budget: &'a mut Budget,
}

impl Reading<'_> {
    fn stage(mut self, stage: &Stage) -> Result<Download> {
        let base = self
            .word(&stage.base_name)
            .map_err(|error| messages::epoch_base(&stage.base_name, *error))?;
        if base != SCRATCH {
            return Err(messages::epoch_not_from_scratch());
        }
        let mut download = None;
        for command in &stage.commands {
            match &command.kind {
                Kind::Arg(arg) => self.arg(arg)?,
                Kind::Add(_) if download.is_some() => return Err(messages::epoch_not_one_add()),
                Kind::Add(add) => download = Some(self.add(add)?),
                _ => return Err(messages::epoch_instruction(&command.name)),
            }
        }
        download.ok_or_else(messages::epoch_not_one_add)
    }

    fn arg(&mut self, arg: &Arg) -> Result<()> {
        for argument in &arg.declarations {
            let value = match (self.build_args.get(&argument.key), &argument.value) {
                (Some(given), _) => given.clone(),
                (None, Some(default)) => self.word(default)?,
                (None, None) => continue,
            };
            self.arguments.set(argument.key.as_str(), value);
        }
        Ok(())
    }

    fn add(&mut self, add: &Add) -> Result<Download> {
        let ([source], []) = (
            add.transfer.sources.as_slice(),
            add.transfer.contents.as_slice(),
        ) else {
            return Err(messages::epoch_not_one_source());
        };
        let source = self.word(source)?;
        let mut checksum = || -> Result<Option<String>> {
            let written = add.checksum.as_deref();
            written.map(|checksum| self.word(checksum)).transpose()
        };
        let is_http = source.starts_with("http://") || source.starts_with("https://");
        match git::parse(&source) {
            Err(_) if is_http => {
                let checksum = checksum()?;
                if let Some(checksum) = &checksum {
                    digest::validate(checksum)
                        .map_err(|error| Diagnostic::error(error.to_string()))?;
                }
                let url = source;
                Ok(Download::Http { url, checksum })
            }
            Ok(git) if !git.indistinguishable_from_local => {
                let keeps = [add.keep_git_dir, git.keep_git_dir].contains(&Some(true));
                Ok(Download::Git(Box::new(git::GitReference {
                    keep_git_dir: Some(keeps),
                    checksum: checksum()?.or(git.checksum),
                    mtime: None,
                    fetch_by_commit: false,
                    ..git
                })))
            }
            Err(error) if error.is_git => Err(Box::new(Diagnostic::error(error.to_string()))),
            _ => Err(messages::epoch_not_remote()),
        }
    }

    fn word(&mut self, word: &str) -> Result<String> {
        match self.expander.word(word, &self.arguments, self.budget) {
            Ok(expanded) => Ok(expanded.text),
            Err(error) => Err(Box::new(Diagnostic::error(error.to_string()))),
        }
    }
}
