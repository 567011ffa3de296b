//! What the checks say. The sentences are those of `frontend/dockerfile/instructions`.

use crate::{diagnostic::Diagnostic, golang, instruction::flags::Flag, syntax::Keyword};

pub(super) fn unknown_instruction(word: &str) -> Diagnostic {
    // Of names equally near, one that begins as the word does is likelier: RNU is RUN rather than ENV.
    let begins_alike = |name: &&str| match (name.get(..1), word.get(..1)) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    };
    let names = Keyword::names()
        .filter(begins_alike)
        .chain(Keyword::names());
    Diagnostic::error(format!("unknown instruction: {word}"))
        .suggest(golang::nearest(word, names, false))
}

pub(super) fn no_stage_yet() -> Diagnostic {
    Diagnostic::error("no build stage in current context")
}

pub(super) fn not_a_command() -> Diagnostic {
    Diagnostic::error("*instructions.Stage is not a command type")
}

// Arguments.

pub(super) fn at_least_one_argument(name: &str) -> Diagnostic {
    Diagnostic::error(format!("{name} requires at least one argument"))
}

pub(super) fn exactly_one_argument(name: &str) -> Diagnostic {
    Diagnostic::error(format!("{name} requires exactly one argument"))
}

pub(super) fn no_destination(name: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "{name} requires at least two arguments, but only one was provided. Destination could not be determined"
    ))
}

pub(super) fn heredoc_as_destination(name: &str) -> Diagnostic {
    Diagnostic::error(format!("{name} cannot accept a heredoc as a destination"))
}

pub(super) fn blank_name(name: &str) -> Diagnostic {
    Diagnostic::error(format!("{name} names can not be blank"))
}

pub(super) fn empty_volume() -> Diagnostic {
    Diagnostic::error("VOLUME specified can not be an empty string")
}

pub(super) fn shell_not_json() -> Diagnostic {
    Diagnostic::error("SHELL requires the arguments to be in JSON form")
}

// FROM.

pub(super) fn one_or_three_arguments() -> Diagnostic {
    Diagnostic::error("FROM requires either one or three arguments")
}

pub(super) fn wrong_stage_name(name: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "invalid name for build stage: {}, name can't start with a number or contain symbols",
        golang::quote(name)
    ))
}

// HEALTHCHECK.

pub(super) fn none_takes_nothing() -> Diagnostic {
    Diagnostic::error("HEALTHCHECK NONE takes no arguments")
}

pub(super) fn no_probe() -> Diagnostic {
    Diagnostic::error("Missing command after HEALTHCHECK CMD")
}

pub(super) fn unknown_probe(kind: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "Unknown type {} in HEALTHCHECK (try CMD)",
        golang::quote(kind)
    ))
}

pub(super) fn interval_too_short(flag: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "Interval {} cannot be less than 1ms",
        golang::quote(flag)
    ))
}

pub(super) fn negative_retries(retries: i64) -> Diagnostic {
    Diagnostic::error(format!("--retries cannot be negative ({retries})"))
}

// ONBUILD.

pub(super) fn chained_onbuild() -> Diagnostic {
    Diagnostic::error("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
}

pub(super) fn not_a_trigger(name: &str) -> Diagnostic {
    Diagnostic::error(format!("{name} isn't allowed as an ONBUILD trigger"))
}

// Flags. They are named as they are written, with their dashes.

pub(super) fn unknown_flag(written: &str, known: &[Flag]) -> Diagnostic {
    let name = written.strip_prefix("--").unwrap_or(written);
    let nearest = golang::nearest(name, known.iter().map(|flag| flag.name), true);
    Diagnostic::error(format!("unknown flag: {written}")).suggest(nearest)
}

pub(super) fn repeated_flag(written: &str) -> Diagnostic {
    Diagnostic::error(format!("duplicate flag specified: {written}"))
}

pub(super) fn missing_value(written: &str) -> Diagnostic {
    Diagnostic::error(format!("missing a value on flag: {written}"))
}

pub(super) fn not_boolean(written: &str, value: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "expecting boolean value for flag {written}, not: {value}"
    ))
}

// RUN.

pub(super) fn wrong_network(value: &str) -> Diagnostic {
    Diagnostic::error(format!("invalid network mode {}", golang::quote(value)))
}

pub(super) fn wrong_security(value: &str) -> Diagnostic {
    Diagnostic::error(format!("security {} is not valid", golang::quote(value)))
}

pub(super) fn repeated_device_name(name: &str) -> Diagnostic {
    Diagnostic::error(format!("device name already set to {name}"))
}

// Fields of `--mount` and `--device`.

pub(super) fn field_without_value(field: &str) -> Diagnostic {
    Diagnostic::error(format!("invalid field '{field}' must be a key=value pair"))
}

pub(super) fn wrong_value(key: &str, value: &str) -> Diagnostic {
    Diagnostic::error(format!("invalid value for {key}: {value}"))
}

pub(super) fn wrong_number(key: &str, value: &str) -> Diagnostic {
    Diagnostic::error(format!("invalid value {value} for {key}"))
}

pub(super) fn unknown_key(key: &str, field: &str, known: &[&str]) -> Diagnostic {
    let nearest = golang::nearest(key, known.iter().copied(), true);
    Diagnostic::error(format!("unexpected key '{key}' in '{field}'")).suggest(nearest)
}

pub(super) fn variable_in_from(key: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "'{key}' doesn't support variable expansion, define alias stage instead"
    ))
}

pub(super) fn wrong_mount_type(value: &str, known: &[&str]) -> Diagnostic {
    let nearest = golang::nearest(value, known.iter().copied(), true);
    Diagnostic::error(format!("unsupported mount type {}", golang::quote(value))).suggest(nearest)
}

pub(super) fn wrong_sharing(value: &str, known: &[&str]) -> Diagnostic {
    let nearest = golang::nearest(value, known.iter().copied(), true);
    Diagnostic::error(format!(
        "unsupported sharing value {}",
        golang::quote(value)
    ))
    .suggest(nearest)
}

pub(super) fn key_of_another_type(key: &str, kind: &str) -> Diagnostic {
    Diagnostic::error(format!("unexpected key '{key}' for mount type '{kind}'"))
}

pub(super) fn no_owner_or_mode(key: &str, kind: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "{key} not allowed for {} type mounts",
        golang::quote(kind)
    ))
}

pub(super) fn secret_with_from() -> Diagnostic {
    Diagnostic::error("secret mount should not have a from")
}

pub(super) fn secret_with_sharing() -> Diagnostic {
    Diagnostic::error("secret mount should not define sharing")
}

pub(super) fn secret_without_name() -> Diagnostic {
    Diagnostic::error("invalid secret mount. one of source, target required")
}

pub(super) fn secret_with_two_names() -> Diagnostic {
    Diagnostic::error("both source and id can't be set")
}

pub(super) fn sharing_without_cache(kind: &str) -> Diagnostic {
    Diagnostic::error(format!("invalid cache sharing set for {kind} mount"))
}
