//! The sentences of this room. Where docker/dockerfile has one for the case, it is the same.

use std::fmt::Display;

use crate::{diagnostic::Diagnostic, expand::Overgrown, golang};

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

pub(super) fn overgrown(error: Overgrown) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(error.to_string()))
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

pub(super) fn epoch_base(written: &str, error: Diagnostic) -> Box<Diagnostic> {
    Box::new(error.context(&format!(
        "failed to process source stage base name {}",
        golang::quote(written)
    )))
}

pub(super) fn epoch_not_from_scratch() -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        "SOURCE_DATE_EPOCH stage must use FROM scratch",
    ))
}

pub(super) fn epoch_instruction(name: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(format!(
        "SOURCE_DATE_EPOCH stage does not meet source-only requirements: unsupported {name} instruction"
    )))
}

pub(super) fn epoch_not_one_add() -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        "SOURCE_DATE_EPOCH stage must contain exactly one remote ADD",
    ))
}

pub(super) fn epoch_not_one_source() -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        "SOURCE_DATE_EPOCH stage must contain exactly one remote ADD source",
    ))
}

pub(super) fn epoch_not_remote() -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        "SOURCE_DATE_EPOCH stage source must be a single HTTP(S) or Git ADD",
    ))
}

pub(super) fn bad_context_name(name: &str, error: &impl Display) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(format!(
        "invalid context name {name}: {error}"
    )))
}
