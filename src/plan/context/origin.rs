//! Where a named context comes from, as its value says.

use crate::{
    diagnostic::Result,
    plan::messages,
    proto::pb,
    reference::{git, image as reference},
    stage::{NamedContext, SCRATCH},
};

/// Where a named context comes from.
pub(super) enum Origin {
    Scratch,
    Image(String),
    Git(Box<git::GitReference>),
    Http(String),
    OciLayout {
        store: String,
        reference: String,
    },
    Local(String),
    /// The result of another build, by its name.
    Input(String),
    /// A source that a policy put in the place of an image.
    Source(pb::SourceOp),
}

/// What the value of a context says.
pub(super) fn read(context: &NamedContext) -> Result<Origin> {
    let NamedContext { name, key, value } = context;
    let Some((scheme, rest)) = value.split_once(':') else {
        return Err(messages::bad_context(value, key));
    };
    let body = rest.strip_prefix("//").unwrap_or(rest);
    match scheme {
        "docker-image" if body == SCRATCH => Ok(Origin::Scratch),
        "docker-image" => Ok(Origin::Image(body.to_owned())),
        "local" => Ok(Origin::Local(rest.to_owned())),
        "oci-layout" => oci_layout(name, body),
        "input" => Ok(Origin::Input(rest.to_owned())),
        "http" | "https" => match git::parse(value) {
            Ok(git) => Ok(Origin::Git(Box::new(git))),
            Err(error) if error.is_git => Err(messages::text(error)),
            Err(_) => Ok(Origin::Http(value.clone())),
        },
        scheme if scheme == "git" || scheme.starts_with("git@") => match git::parse(value) {
            Ok(git) => Ok(Origin::Git(Box::new(git))),
            Err(error) if error.is_git => Err(messages::text(error)),
            Err(_) => Err(messages::bad_git_context(value)),
        },
        scheme => Err(messages::unknown_context(scheme, key)),
    }
}

/// What a policy of the daemon made of the image that a context is.
///
/// The original writes the new source in its own notation for contexts, which repositories and downloads have none of, and then
/// cannot read it; here they are taken as the daemon says them.
pub(super) fn moved(context: &NamedContext, source: &pb::SourceOp) -> Result<Origin> {
    let Some((scheme, rest)) = source.identifier.split_once("://") else {
        return Err(messages::bad_moved_context(&source.identifier));
    };
    match scheme {
        "http" | "https" | "git" => Ok(Origin::Source(source.clone())),
        scheme => read(&NamedContext {
            value: format!("{scheme}:{rest}"),
            ..context.clone()
        }),
    }
}

/// An OCI layout is named by its digest; the name that progress shows is the context's.
fn oci_layout(name: &str, body: &str) -> Result<Origin> {
    let reference =
        reference::parse(body).map_err(|error| messages::bad_oci_reference(body, &error))?;
    let Some(digest) = reference.digest() else {
        return Err(messages::oci_without_digest(body));
    };
    let shown = reference::parse_normalized(name)
        .map_err(|error| messages::bad_oci_reference(name, &error))?;
    let shown = shown
        .with_digest(digest)
        .map_err(|error| messages::bad_oci_reference(name, &error))?;
    Ok(Origin::OciLayout {
        store: reference.name().to_owned(),
        reference: shown.to_string(),
    })
}
