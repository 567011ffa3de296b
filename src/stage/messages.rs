//! The sentences of this room. Where docker/dockerfile has one for the case, it is the same.

use std::fmt::Display;

use crate::{diagnostic::Diagnostic, golang};

pub(super) fn no_stages() -> Box<Diagnostic> {
    Box::new(Diagnostic::error("dockerfile contains no stages to build"))
}

pub(super) fn blank_base(written: &str) -> Diagnostic {
    Diagnostic::error(format!("base name ({written}) should not be blank"))
}

pub(super) fn platform_arguments(error: &impl Display) -> Diagnostic {
    // The original names the result of the failed expansion here, which is always empty.
    Diagnostic::error(format!(
        "failed to process arguments for platform : {error}"
    ))
}

pub(super) fn empty_platform(written: &str) -> Diagnostic {
    Diagnostic::error(format!("empty platform value from expression {written}"))
}

pub(super) fn bad_platform(
    written: &str,
    error: &impl Display,
    suggestion: Option<String>,
) -> Diagnostic {
    Diagnostic::error(format!("failed to parse platform {written}: {error}")).suggest(suggestion)
}

pub(super) fn no_target<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Box<Diagnostic> {
    let error = Diagnostic::error(format!(
        "target stage {} could not be found",
        golang::quote(wanted)
    ));
    Box::new(error.suggest(golang::nearest(wanted, names, true)))
}

pub(super) fn bad_stage_index(number: i64) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(format!("invalid stage index {number}")))
}

pub(super) fn expansion_in_from() -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
    ))
}

pub(super) fn one_trigger() -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        "onbuild trigger should be a single expression",
    ))
}

pub(super) fn circular(label: &str) -> Diagnostic {
    Diagnostic::error(format!("circular dependency detected on stage: {label}"))
}

pub(super) fn bad_epoch(value: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(format!(
        "invalid SOURCE_DATE_EPOCH: {value}"
    )))
}

pub(super) fn epoch_of_source(value: &str) -> Box<Diagnostic> {
    let error = Diagnostic::error(format!(
        "SOURCE_DATE_EPOCH={value}: the time of a named context or a stage is not supported yet"
    ));
    Box::new(error.help("give the time in seconds since 1970"))
}

pub(super) fn bad_context_name(name: &str, error: &impl Display) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(format!(
        "invalid context name {name}: {error}"
    )))
}
