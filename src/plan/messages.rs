//! The sentences of this room. Where docker/dockerfile has one for the case, it is the same.

use std::fmt::Display;

use crate::{diagnostic::Diagnostic, expand::Overgrown, golang};

fn error(message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(message.into()))
}

pub(super) fn text(message: impl Display) -> Box<Diagnostic> {
    error(message.to_string())
}

pub(super) fn overgrown(error: Overgrown) -> Box<Diagnostic> {
    text(error)
}

pub(super) fn expansion(why: impl Display) -> Box<Diagnostic> {
    error(why.to_string())
}

pub(super) fn bad_base(name: &str, why: &impl Display) -> Box<Diagnostic> {
    error(format!(
        "failed to parse stage name {}: {why}",
        golang::quote(name)
    ))
}

pub(super) fn bad_reference(name: &str, why: &impl Display) -> Box<Diagnostic> {
    error(format!(
        "failed to parse ref {}: {why}",
        golang::quote(name)
    ))
}

pub(super) fn bad_image_config(why: &impl Display) -> Box<Diagnostic> {
    error(format!("failed to parse image config: {why}"))
}

pub(super) fn endless_triggers(name: &str) -> Box<Diagnostic> {
    error(format!(
        "the ONBUILD triggers of {name} read from more images than can be right: does one read from an image with the same trigger?"
    ))
}

pub(super) fn no_answer(name: &str) -> Box<Diagnostic> {
    error(format!("{name}: the daemon gave no image for it"))
}

pub(super) fn bad_context(value: &str, key: &str) -> Box<Diagnostic> {
    error(format!("invalid context specifier {value} for {key}"))
}

pub(super) fn unknown_context(scheme: &str, key: &str) -> Box<Diagnostic> {
    error(format!("unsupported context source {scheme} for {key}"))
}

pub(super) fn no_input(name: &str, key: &str) -> Box<Diagnostic> {
    error(format!("invalid input {name} for {key}"))
}

pub(super) fn bad_input_metadata(metadata: &str, why: &dyn Display) -> Box<Diagnostic> {
    error(format!("failed to parse input metadata {metadata}: {why}"))
}

pub(super) fn bad_git_context(value: &str) -> Box<Diagnostic> {
    error(format!("invalid git context {value}"))
}

pub(super) fn bad_moved_context(identifier: &str) -> Box<Diagnostic> {
    error(format!("could not parse ref: {identifier}"))
}

pub(super) fn too_many_moves(identifier: &str) -> Box<Diagnostic> {
    error(format!(
        "context recursion limit exceeded; this may indicate a cycle in the provided source policies: {identifier}"
    ))
}

/// A base image that a source policy made something else of.
pub(super) fn moved_base(written: &str, reference: &str, moved: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "{written}: ref mutated by policy to non-image: docker-image://{reference} -> {moved}"
    ))
}

pub(super) fn bad_oci_reference(name: &str, why: &impl Display) -> Box<Diagnostic> {
    error(format!(
        "could not parse oci-layout reference {}: {why}",
        golang::quote(name)
    ))
}

pub(super) fn bad_oci_config(why: impl Display) -> Box<Diagnostic> {
    error(format!("could not parse oci-layout image config: {why}"))
}

pub(super) fn oci_without_digest(name: &str) -> Box<Diagnostic> {
    error(format!(
        "oci-layout reference {} has no digest",
        golang::quote(name)
    ))
}

pub(super) fn copy_from_later(from: &str, stage: &str) -> Box<Diagnostic> {
    let (from, stage) = (golang::quote(from), golang::quote(stage));
    error(format!(
        "cannot copy from stage {from}, it needs to be defined before current stage {stage}"
    ))
}

pub(super) fn mount_from_later(from: &str, target: &str) -> Box<Diagnostic> {
    let (from, target) = (golang::quote(from), golang::quote(target));
    error(format!(
        "cannot mount from stage {from} to {target}, stage needs to be defined before current command"
    ))
}

pub(super) fn bad_mount_target(target: &str) -> Box<Diagnostic> {
    error(format!("invalid mount target {}", golang::quote(target)))
}

pub(super) fn secret_without_name() -> Box<Diagnostic> {
    error("one of source, target required")
}

pub(super) fn ssh_source() -> Box<Diagnostic> {
    error("ssh does not support source")
}

pub(super) fn bad_run(arguments: &[String]) -> Box<Diagnostic> {
    error(format!(
        "parsing produced an invalid run command: [{}]",
        arguments.join(" ")
    ))
}

pub(super) fn no_arguments() -> Diagnostic {
    Diagnostic::error("arguments are required")
}

pub(super) fn not_text() -> Box<Diagnostic> {
    error("failed to marshal LLB definition: string field contains invalid UTF-8")
}

pub(super) fn copy_of_url() -> Box<Diagnostic> {
    error("source can't be a URL for COPY")
}

pub(super) fn copy_of_git() -> Box<Diagnostic> {
    error("source can't be a git ref for COPY")
}

pub(super) fn bad_git(why: &impl Display) -> Box<Diagnostic> {
    error(why.to_string())
}

pub(super) fn checksum_of_local() -> Box<Diagnostic> {
    error("checksum requires HTTP(S) or Git sources")
}

pub(super) fn checksum_of_several() -> Box<Diagnostic> {
    error("checksum can't be specified for multiple sources")
}

pub(super) fn checksum_conflict(flag: &str, query: &str) -> Box<Diagnostic> {
    error(format!(
        "checksum mismatch {} != {}",
        golang::quote(flag),
        golang::quote(query)
    ))
}

pub(super) fn keep_git_dir_conflict() -> Box<Diagnostic> {
    error("inconsistent keep-git-dir configuration")
}

pub(super) fn bad_digest(why: &impl Display) -> Box<Diagnostic> {
    error(why.to_string())
}

pub(super) fn bad_chmod(written: &str) -> Box<Diagnostic> {
    error(format!(
        "invalid chmod parameter: '{written}'. it should be octal string and between 0 and 07777"
    ))
}

pub(super) fn bad_symbolic_chmod(why: &impl Display) -> Box<Diagnostic> {
    error(why.to_string())
}

pub(super) fn drive_alone(path: &str) -> Box<Diagnostic> {
    error(format!(
        "No relative path specified in {}",
        golang::quote(path)
    ))
}

pub(super) fn unc_path() -> Box<Diagnostic> {
    error("UNC paths are not supported")
}

pub(super) fn other_drive() -> Box<Diagnostic> {
    error("The specified path is not on the system drive (C:)")
}

/// What the original puts before what is wrong with a Windows path.
pub(super) fn removing_drive(why: Diagnostic) -> Box<Diagnostic> {
    Box::new(why.context("removing drive letter"))
}

pub(super) fn bad_workdir(why: Diagnostic) -> Box<Diagnostic> {
    Box::new(
        why.context("normalizing working directory")
            .context("normalizing workdir"),
    )
}

pub(super) fn empty_volume() -> Box<Diagnostic> {
    error("VOLUME specified can not be an empty string")
}
