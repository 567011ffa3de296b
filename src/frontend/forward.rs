//! Handing a request on to another frontend, when the build argument or the file's first line names one.

use crate::{
    gateway::{self, Gateway, SolveRequest, SolveResult},
    reference::image,
    syntax::directive,
};

use super::{
    Environment,
    context::Input,
    options::{self, Options},
};

/// The result of the other frontend, if another one is meant.
///
/// A client that chose this frontend by `# syntax=` says so in the option `cmdline`, and nothing is handed on again.
pub(super) async fn forward(
    gateway: &impl Gateway,
    options: &Options,
    environment: &Environment,
    input: &Input,
) -> gateway::Result<Option<SolveResult>> {
    if options.cmdline.is_some() {
        return Ok(None);
    }
    if let Some(cmdline) = &options.syntax {
        let reference = cmdline.trim().split(' ').next().unwrap_or_default();
        let solved = solve(gateway, options, input, reference, cmdline).await;
        return solved.map(Some).map_err(|error| match error.is_located() {
            true => error,
            false => error.context(&format!("failed with {} = {cmdline}", options::SYNTAX)),
        });
    }
    let Some(syntax) = directive::detect_syntax(&input.info.data) else {
        return Ok(None);
    };
    if is_for_us(&syntax.reference, options, environment) {
        return Ok(None);
    }
    let solved = solve(gateway, options, input, &syntax.reference, &syntax.cmdline).await;
    solved.map(Some).map_err(|error| match error.is_located() {
        true => error,
        false => error.locate(&input.info, &[syntax.lines]),
    })
}

async fn solve(
    gateway: &impl Gateway,
    options: &Options,
    input: &Input,
    reference: &str,
    cmdline: &str,
) -> gateway::Result<SolveResult> {
    let request = SolveRequest {
        frontend: "gateway.v0".to_owned(),
        options: options.for_another(reference, cmdline),
        inputs: input.inputs()?.clone(),
        ..SolveRequest::default()
    };
    gateway.solve(request).await
}

/// Whether a `# syntax=` line means this frontend: it names this image, or, where fal's layers are asked for, docker/dockerfile,
/// whose language this is.
fn is_for_us(reference: &str, options: &Options, environment: &Environment) -> bool {
    let normal = |name: &str| image::parse_normalized(name).map(|name| name.tag_name_only());
    let Ok(wanted) = normal(reference) else {
        return false;
    };
    let own = options.source.as_deref();
    if own.is_some_and(|own| normal(own).is_ok_and(|own| own == wanted)) {
        return true;
    }
    let speaks_dockerfile = ["docker/dockerfile", "docker/dockerfile-upstream"]
        .contains(&wanted.familiar_name().as_str());
    speaks_dockerfile
        && environment
            .defaults
            .get("FAL_MODE")
            .is_some_and(|mode| mode != "off")
}
