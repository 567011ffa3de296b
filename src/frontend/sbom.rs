//! SBOMs: another image, the scanner, lists what is in the result.
//!
//! Takes the scanner that was asked for and a finished plan; gives the attestation. The scanner writes it, and the daemon reads it.

use crate::{
    diagnostic::Diagnostic,
    gateway::{Attestation, AttestationKind, Gateway, SolveRequest, SourceRequest},
    image,
    llb::source::Image,
    plan::{self, Plan, SCANNED, Scanner},
    reference::platform::Platform,
};

use super::{build::Job, error::Result};

/// The predicate of an SBOM.
const SPDX: &str = "https://spdx.dev/Document";

/// Finds the scanner, if an SBOM was asked for.
pub(super) async fn find(job: &Job<'_, impl Gateway>) -> Result<Option<Scanner>> {
    let Some(wanted) = &job.options.sbom else {
        return Ok(None);
    };
    let platform = job.environment.build_platform();
    let image = Image {
        reference: wanted.generator.clone(),
        ..Image::default()
    };
    let request = SourceRequest {
        platform: Some(plan::op_platform(&platform)),
        resolve_mode: job.options.resolve_mode.as_str().to_owned(),
        ..SourceRequest::new(image, "")
    };
    let found = job.gateway.resolve_source(request).await?;
    let reference = found.reference().to_owned();
    let Some(image) = found.image else {
        let identifier = &found.source.identifier;
        return Err(Diagnostic::error(format!("{identifier} is no image")).into());
    };
    let image = image::Config::from_json(&image.config)
        .map_err(|why| Diagnostic::error(why.to_string()))?;
    if image.config.entrypoint.is_empty() && image.config.cmd.is_empty() {
        let why = format!("scanner {reference} does not have cmd");
        return Err(Diagnostic::error(why).into());
    }
    Ok(Some(Scanner {
        reference,
        platform,
        image,
        parameters: wanted.parameters.clone(),
    }))
}

/// Lists what is in a result. `shown` is how the result's platform is called.
pub(super) async fn scan(
    job: &Job<'_, impl Gateway>,
    scanner: &Scanner,
    plan: &mut Plan,
    wanted: Option<&Platform>,
    shown: &str,
) -> Result<Attestation> {
    let found = plan.scan(scanner, shown);
    let definition = job.marshal(plan, found, wanted)?;
    let request = SolveRequest::definition(definition);
    let solved = job.gateway.solve(request).await?;
    let said = [("reason", "sbom"), ("sbom-core", SCANNED)];
    Ok(Attestation {
        kind: AttestationKind::Bundle.into(),
        metadata: said
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect(),
        r#ref: solved.reference().cloned(),
        in_toto_predicate_type: SPDX.to_owned(),
        ..Attestation::default()
    })
}
