//! The ARGs that stand before the first FROM, and those that are there without being written.

use std::collections::BTreeMap;

use crate::{
    diagnostic::{Diagnostic, Result},
    expand::{Environment, Expander},
    golang,
    instruction::{Dockerfile, Kind},
};

use super::{Facts, Options, messages};

const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The scope of FROM, the build arguments as understood, and the epoch they name.
pub(super) fn global(
    dockerfile: &Dockerfile,
    escape: char,
    target_name: &str,
    options: &Options<'_>,
    facts: &mut Facts,
) -> Result<(Environment, BTreeMap<String, String>, Option<i64>)> {
    let mut arguments = automatic(target_name, options);
    let mut defaults = arguments.clone();
    let by_default = declared(&mut defaults, dockerfile, escape, &BTreeMap::new());
    facts.defaults = by_default.is_ok().then_some(defaults);
    declared(&mut arguments, dockerfile, escape, options.build_args)?;
    let mut build_args = options.build_args.clone();
    let wanted = match build_args.get(EPOCH) {
        Some(value) => Some(value.clone()),
        None => arguments
            .get(EPOCH)
            .map(|value| value.to_string())
            .filter(|value| !value.is_empty()),
    };
    let Some(wanted) = wanted else {
        return Ok((arguments, build_args, None));
    };
    let epoch = epoch(&wanted, dockerfile, options)?;
    match epoch {
        None => {
            build_args.remove(EPOCH);
            arguments.remove(EPOCH);
        }
        Some(seconds) => {
            if let Some(value) = build_args.get_mut(EPOCH) {
                *value = seconds.to_string();
            }
            if arguments.get(EPOCH).is_some() {
                arguments.set(EPOCH, seconds.to_string());
            }
        }
    }
    Ok((arguments, build_args, epoch))
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
) -> Result<()> {
    let expander = Expander::new(escape);
    for command in &dockerfile.meta_args {
        let Kind::Arg(arg) = &command.kind else {
            continue;
        };
        for argument in &arg.declarations {
            let value = match (build_args.get(&argument.key), &argument.value) {
                (Some(given), _) => given.clone(),
                (None, None) => continue,
                (None, Some(default)) => {
                    let expanded = expander
                        .word(default, arguments)
                        .map_err(|error| Diagnostic::error(error.to_string()).at(command.lines))?;
                    expanded.text
                }
            };
            arguments.set(argument.key.as_str(), value);
        }
    }
    Ok(())
}

/// `SOURCE_DATE_EPOCH`: seconds; or `context`, which for a local context means no epoch.
fn epoch(value: &str, dockerfile: &Dockerfile, options: &Options<'_>) -> Result<Option<i64>> {
    if value.is_empty() || value == "context" {
        return Ok(None);
    }
    if let Ok(seconds) = golang::parse_int(value, 10, 64) {
        return Ok(Some(seconds));
    }
    let is_stage = |name: &Option<String>| {
        name.as_ref()
            .is_some_and(|name| golang::equal_fold(name, value))
    };
    let names_source = options
        .contexts
        .find(value, None, options.target_platform)?
        .is_some()
        || dockerfile.stages.iter().any(|stage| is_stage(&stage.name));
    match names_source {
        true => Err(messages::epoch_of_source(value)),
        false => Err(messages::bad_epoch(value)),
    }
}
