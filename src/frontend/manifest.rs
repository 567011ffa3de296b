//! A file that is no Dockerfile, to the Dockerfile that is built.
//!
//! What such a file holds beside the Dockerfile is in nothing that leaves this process, for some of it may be secret.

use prost::bytes::Bytes;

use crate::{
    diagnostic::Diagnostic,
    fal::manifest::{self, Dockerfile, Kind, Manifest, Mistake},
    gateway::{self, Gateway, SolveResult},
    golang::path,
    plan::Overrides,
    proto::pb,
    source::Source,
    syntax::directive,
};

use super::{
    context::{self, DOCKERFILE},
    error::{Error, Result},
    forward,
    options::Options,
};

/// Where a file was read.
pub(super) struct Place<'a, G> {
    pub(super) gateway: &'a G,
    pub(super) options: &'a Options,
    pub(super) session: &'a str,
    pub(super) filename: &'a str,
    /// What it was read from.
    pub(super) definition: pb::Definition,
    pub(super) solved: &'a SolveResult,
    /// Whether that is a folder of the client, of which only the file itself was asked for.
    pub(super) is_client: bool,
}

/// A Dockerfile.
pub(super) struct File {
    pub(super) name: String,
    pub(super) language: &'static str,
    /// What is read.
    pub(super) text: Bytes,
    /// What may be shown of it, line by line.
    pub(super) shown: Bytes,
    /// What it was read from.
    pub(super) definition: pb::Definition,
}

/// The Dockerfile, and what else the file says if it is something else. One that another frontend is to read is not looked into.
pub(super) async fn read<G: Gateway>(
    place: Place<'_, G>,
    bytes: Bytes,
    is_for_another: bool,
) -> Result<(File, Option<Manifest>)> {
    let plain = |place: Place<'_, G>, bytes: Bytes| File {
        name: place.filename.to_owned(),
        language: DOCKERFILE,
        text: bytes.clone(),
        shown: bytes,
        definition: place.definition,
    };
    let Some(kind) = Kind::of(place.filename, &bytes) else {
        return Ok((plain(place, bytes), None));
    };
    if is_for_another {
        return Ok((plain(place, Bytes::new()), None));
    }
    let options = place.options;
    let target = options.target.as_deref();
    let mut manifest = kind
        .read(place.filename, &bytes, target)
        .map_err(|mistake| refused(&mistake, &place.definition))?;
    let file = match &manifest.dockerfile {
        Dockerfile::Within { name, text } => {
            let text = Bytes::from(text.clone());
            File {
                name: name.clone(),
                ..plain(place, text)
            }
        }
        Dockerfile::Made { text, shown } => File {
            language: "TOML",
            text: Bytes::from(text.clone()),
            ..plain(place, Bytes::from(shown.bytes.clone()))
        },
        Dockerfile::Beside {
            path,
            owner,
            place: named,
        } => beside(place, path, owner, named).await?,
    };
    manifest.warnings.extend(unfollowed(&file, options));
    Ok((file, Some(manifest)))
}

/// What starts in the image whatever its Dockerfile says.
pub(super) fn overrides(manifest: Option<&Manifest>) -> Overrides {
    let line = |command: &Option<manifest::Command>| command.as_ref().map(|it| it.line());
    Overrides {
        entrypoint: manifest.and_then(|manifest| line(&manifest.entrypoint)),
        cmd: manifest.and_then(|manifest| line(&manifest.cmd)),
    }
}

/// What is shown of a file, read from where `of` was.
pub(super) fn shown(shown: &Source, of: &pb::SourceInfo) -> pb::SourceInfo {
    pb::SourceInfo {
        filename: shown.name.clone(),
        data: Bytes::from(shown.bytes.clone()),
        ..of.clone()
    }
}

/// A Dockerfile in a file of its own.
async fn beside<G: Gateway>(
    place: Place<'_, G>,
    written: &str,
    owner: &str,
    named: &manifest::Place,
) -> Result<File> {
    let fail = |sentence: String, definition: &pb::Definition| {
        let mistake = named.mistake(Diagnostic::error(sentence));
        refused(&mistake, definition)
    };
    let name = path::join(&[&path::dir(place.filename), written]);
    if path::is_abs(written) || name == ".." || name.starts_with("../") {
        let sentence = format!(
            "{owner} image.dockerfile is outside of the folder that the client sends: {written}"
        );
        return Err(fail(sentence, &place.definition));
    }
    let not_found = |definition: &pb::Definition| {
        fail(
            format!("{owner} image.dockerfile not found: {written}"),
            definition,
        )
    };
    let (definition, text) = match place.is_client {
        false => {
            let text = context::file(place.gateway, place.solved, &name).await;
            (place.definition, text)
        }
        true => {
            let load =
                context::client_dockerfile(place.gateway, place.options, place.session, &name);
            let (load, solved) = context::solve(place.gateway, load).await;
            let text = context::file(place.gateway, &solved?, &name).await;
            (load.into(), text)
        }
    };
    let text = text.map_err(|_| not_found(&definition))?;
    if text.trim_ascii().is_empty() {
        let mistake = named.mistake(manifest::empty_dockerfile());
        return Err(refused(&mistake, &definition));
    }
    Ok(File {
        name,
        language: DOCKERFILE,
        text: text.clone(),
        shown: text,
        definition,
    })
}

/// A Dockerfile that is part of something else cannot be handed on, whatever its first line says.
fn unfollowed(file: &File, options: &Options) -> Option<Mistake> {
    let syntax = directive::detect_syntax(&file.text)?;
    let reference = &syntax.reference;
    if forward::is_own(reference, options) || forward::speaks_dockerfile(reference) {
        return None;
    }
    let name = &file.name;
    let warning = format!("the syntax line of {name} is not followed: {reference}");
    Some(Mistake {
        diagnostic: Diagnostic::warning(warning).at(syntax.lines),
        shown: Source::new(name, file.shown.to_vec()),
    })
}

/// The status for a mistake in such a file. It always has a source with it: otherwise the frontend that handed the build on to this
/// one attaches the file itself.
pub(super) fn refused(mistake: &Mistake, definition: &pb::Definition) -> Error {
    let info = pb::SourceInfo {
        filename: mistake.shown.name.clone(),
        language: String::new(),
        data: Bytes::from(mistake.shown.bytes.clone()),
        definition: Some(definition.clone()),
    };
    let error = gateway::Error::from_diagnostic(&mistake.diagnostic, Some(&info));
    match error.is_located() {
        true => error,
        false => error.locate(&info, &[]),
    }
    .into()
}
