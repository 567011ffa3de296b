//! The ARGs that stand before the first FROM, and those that are there without being written.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    diagnostic::{Diagnostic, Result},
    expand::{Budget, Environment, Expander},
    golang::Timestamp,
    instruction::{Dockerfile, Kind},
};

use super::{
    Facts, Options,
    epoch::{self, Epoch, EpochSource},
    facts::DeclaredFacts,
    messages,
};

/// The arguments before the first FROM, and the build arguments as they were understood.
#[derive(Debug)]
pub struct Arguments {
    /// The scope of FROM.
    pub(super) scope: Environment,
    pub(super) build_args: BTreeMap<String, String>,
    epoch: Epoch,
    /// What is left of it.
    pub(super) budget: Budget,
}

impl Arguments {
    /// Reads them. What has a mistake is not there.
    pub fn read(
        dockerfile: &Dockerfile,
        escape: char,
        options: &Options<'_>,
        facts: &mut Facts,
    ) -> Result<Self> {
        let Some(last) = dockerfile.stages.last() else {
            return Err(messages::no_stages());
        };
        let target = options
            .target
            .unwrap_or(last.name.as_deref().unwrap_or_default());
        let mut budget = Budget::default();
        let mut scope = automatic(target, options);
        let mut defaults = scope.clone();
        let none = BTreeMap::new();
        let by_default = declared(&mut defaults, dockerfile, escape, &none, &mut budget);
        facts.defaults = by_default.is_ok().then_some(defaults);
        facts.declared = declared(
            &mut scope,
            dockerfile,
            escape,
            options.build_args,
            &mut budget,
        )?;
        let build_args = options.build_args.clone();
        let given = build_args.get(epoch::ARGUMENT).map(String::as_str);
        let default = scope.get(epoch::ARGUMENT).filter(|it| !it.is_empty());
        let epoch = match given.or(default) {
            Some(written) => {
                epoch::read(written, dockerfile, escape, &scope, options, &mut budget)?
            }
            None => Epoch::NotGiven,
        };
        Ok(Self {
            scope,
            build_args,
            epoch,
            budget,
        })
    }

    /// The source whose time `SOURCE_DATE_EPOCH` means, which has to be asked for.
    pub fn asks_time_of(&self) -> Option<&EpochSource> {
        match &self.epoch {
            Epoch::Of(source) => Some(source),
            Epoch::NotGiven | Epoch::Unset | Epoch::At(_) => None,
        }
    }

    /// With the time of the source; many sources have none.
    pub fn dated(self, time: Option<Timestamp>) -> Self {
        let epoch = time.map_or(Epoch::Unset, Epoch::At);
        Self { epoch, ..self }
    }

    /// The time, put where the argument was. Where there is none, the argument is not set.
    pub(super) fn settle(&mut self) -> Option<Timestamp> {
        match self.epoch {
            Epoch::NotGiven => None,
            Epoch::Unset | Epoch::Of(_) => {
                self.build_args.remove(epoch::ARGUMENT);
                self.scope.remove(epoch::ARGUMENT);
                None
            }
            Epoch::At(time) => {
                let seconds = time.unix().to_string();
                if let Some(value) = self.build_args.get_mut(epoch::ARGUMENT) {
                    value.clone_from(&seconds);
                }
                if self.scope.get(epoch::ARGUMENT).is_some() {
                    self.scope.set(epoch::ARGUMENT, seconds);
                }
                Some(time)
            }
        }
    }
}

/// BUILDPLATFORM and its kin. A `--build-arg` of the same name wins.
fn automatic(target_name: &str, options: &Options<'_>) -> Environment {
    let (build, target) = (options.build_platform, options.target_platform);
    let stage = if target_name.is_empty() {
        "default"
    } else {
        target_name
    };
    let values = [
        ("BUILDPLATFORM", build.format()),
        ("BUILDOS", build.os.clone()),
        ("BUILDOSVERSION", build.os_version.clone()),
        ("BUILDARCH", build.architecture.clone()),
        ("BUILDVARIANT", build.variant.clone()),
        ("TARGETPLATFORM", target.format_all()),
        ("TARGETOS", target.os.clone()),
        ("TARGETOSVERSION", target.os_version.clone()),
        ("TARGETARCH", target.architecture.clone()),
        ("TARGETVARIANT", target.variant.clone()),
        ("TARGETSTAGE", stage.to_owned()),
    ];
    let mut arguments = Environment::default();
    for (name, value) in values {
        arguments.set(
            name,
            options.build_args.get(name).unwrap_or(&value).as_str(),
        );
    }
    arguments
}

/// Adds the written ARGs: a `--build-arg` wins over the default, and a default sees what stands before it.
fn declared(
    arguments: &mut Environment,
    dockerfile: &Dockerfile,
    escape: char,
    build_args: &BTreeMap<String, String>,
    budget: &mut Budget,
) -> Result<BTreeMap<String, DeclaredFacts>> {
    let expander = Expander::new(escape);
    let mut declared: BTreeMap<String, DeclaredFacts> = BTreeMap::new();
    let mut place = 0;
    for command in &dockerfile.meta_args {
        let Kind::Arg(arg) = &command.kind else {
            continue;
        };
        for argument in &arg.declarations {
            let before = declared.remove(&argument.key).unwrap_or_default();
            let (value, needs) = match (build_args.get(&argument.key), &argument.value) {
                (Some(given), _) => (Some(given.clone()), BTreeSet::new()),
                (None, None) => (None, BTreeSet::new()),
                (None, Some(default)) => {
                    let mut expanded = expander
                        .word(default, arguments, budget)
                        .map_err(|error| Diagnostic::error(error.to_string()).at(command.lines))?;
                    let mut needs = match expanded.matched.remove(&argument.key) {
                        true => before.needs,
                        false => BTreeSet::new(),
                    };
                    needs.extend(expanded.matched);
                    (Some(expanded.text), needs)
                }
            };
            if let Some(value) = &value {
                arguments.set(argument.key.as_str(), value.as_str());
            }
            let facts = DeclaredFacts {
                value,
                needs,
                description: argument.doc_comment.clone(),
                lines: command.lines,
                place,
            };
            declared.insert(argument.key.clone(), facts);
            place += 1;
        }
    }
    Ok(declared)
}
