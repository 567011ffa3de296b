//! The images that programs of the fal layers come from: the frontend's own, and one with a curl.

use prost::Message;

use crate::{
    diagnostic::Diagnostic,
    fal::{self, options::Curl},
    gateway::{Gateway, SourceRequest},
    llb::{Graph, Meta, Output, source::Image},
    plan::Plan,
    proto::pb,
    reference::image::{self as reference, Reference},
};

use super::{
    build::Job,
    error::{Error, Result},
};

/// The definition of the frontend's own image, which the daemon hands to every frontend (BuildKit 0.10 and later).
const OWN_IMAGE: &str = "/run/config/buildkit/metadata/frontend.bin";

/// The file system of the frontend's own image: as the daemon hands it over, else found by the name that it was started under. The helper
/// is a program of the daemon's own platform.
pub(super) async fn own(job: &Job<'_, impl Gateway>, graph: &mut Graph) -> Result<Output> {
    if let Ok(bytes) = std::fs::read(OWN_IMAGE) {
        let definition = pb::Definition::decode(bytes.as_slice())
            .map_err(|error| no_helper(&error.to_string()))?;
        let own = graph
            .add_foreign(&definition)
            .map_err(|error| no_helper(&error.to_string()))?;
        return own.ok_or_else(|| no_helper("its image is empty").into());
    }
    let Some(source) = &job.options.source else {
        return Err(no_helper("the daemon does not say which image started it").into());
    };
    let name = reference::parse_normalized(source)
        .map_err(|error| no_helper(&error.to_string()))?
        .tag_name_only();
    let request = SourceRequest::new(
        image(&name),
        "[internal] load metadata for the frontend's own image",
    );
    let found = job
        .gateway
        .resolve_source(request)
        .await
        .map_err(|error| error.context("finding the frontend's own image"))?;
    let digest = found.image.map(|image| image.digest).unwrap_or_default();
    let name = name
        .with_digest(&digest)
        .map_err(|error| no_helper(&error.to_string()))?;
    let own = crate::plan::op_platform(&job.environment.build_platform());
    let meta = Meta::named("[fal] load the helper").on(own);
    Ok(graph.add_source(image(&name), meta))
}

fn no_helper(why: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "the fal layers need the frontend's own image: {why}"
    ))
    .help("BuildKit 0.10 and later hand it over; with `# fal: mode=off` no layer is added")
}

/// The image that carries a curl, with the digest that it has now for the platform of the target, if one is asked for.
pub(super) async fn curl(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    plan: &Plan,
) -> Result<Option<Reference>> {
    let Curl::Image(reference) = &fal.curl else {
        return Ok(None);
    };
    let reference = reference.clone().tag_name_only();
    let shown = format!("[fal] load metadata for {reference}");
    let request = SourceRequest {
        platform: Some(crate::plan::op_platform(&plan.platform)),
        resolve_mode: job.options.resolve_mode.as_str().to_owned(),
        ..SourceRequest::new(image(&reference), shown)
    };
    let lines = fal.lines("curl").or(plan.target_lines);
    let found = job.gateway.resolve_source(request).await.map_err(|error| {
        let error = error.context(&format!("finding the image of curl=image:{reference}"));
        Error::from(error).at(lines)
    })?;
    let digest = found.image.map(|image| image.digest).unwrap_or_default();
    let name = reference.with_digest(&digest);
    let refused = |error: reference::Error| Diagnostic::error(error.to_string()).into();
    Ok(Some(
        name.map_err(|error| Error::at(refused(error), lines))?,
    ))
}

/// The file system of that image.
pub(super) fn add_curl(name: &Reference, plan: &mut Plan) -> Output {
    let platform = crate::plan::op_platform(&plan.platform);
    let meta = Meta::named(format!("[fal] load {name}")).on(platform);
    plan.llb.add_source(image(name), meta)
}

fn image(name: &Reference) -> Image {
    Image {
        reference: name.to_string(),
        ..Image::default()
    }
}
