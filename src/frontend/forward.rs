//! Handing a request on to another frontend, when the build argument or the file's first line names one.

use crate::{
    gateway::{self, Gateway, SolveRequest, SolveResult},
    reference::image::{self, Reference},
    source::Lines,
    syntax::directive::{self, Syntax},
};

use super::{
    Environment,
    context::Input,
    options::{self, Options},
};

/// Another frontend that is meant.
pub(super) struct Choice {
    syntax: Syntax,
    /// Whether the build argument says so, instead of the file.
    is_argument: bool,
}

/// The frontend that is meant, if it is another one.
///
/// A client that chose this frontend by `# syntax=` says so in the option `cmdline`, and nothing is handed on again.
pub(super) fn choose(options: &Options, environment: &Environment, file: &[u8]) -> Option<Choice> {
    if options.cmdline.is_some() {
        return None;
    }
    if let Some(cmdline) = &options.syntax {
        let reference = cmdline.trim().split(' ').next().unwrap_or_default();
        return Some(Choice {
            syntax: Syntax {
                reference: reference.to_owned(),
                cmdline: cmdline.clone(),
                lines: Lines::default(),
            },
            is_argument: true,
        });
    }
    let syntax = directive::detect_syntax(file)?;
    let is_another = !is_for_us(&syntax.reference, options, environment);
    is_another.then_some(Choice {
        syntax,
        is_argument: false,
    })
}

/// The result of the other frontend, if another one is meant.
pub(super) async fn forward(
    gateway: &impl Gateway,
    options: &Options,
    input: &Input,
) -> gateway::Result<Option<SolveResult>> {
    let Some(choice) = &input.choice else {
        return Ok(None);
    };
    let syntax = &choice.syntax;
    let solved = solve(gateway, options, input, &syntax.reference, &syntax.cmdline).await;
    solved.map(Some).map_err(|error| match error.is_located() {
        true => error,
        false if choice.is_argument => {
            let wanted = &syntax.cmdline;
            error.context(&format!("failed with {} = {wanted}", options::SYNTAX))
        }
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
    is_own(reference, options)
        || speaks_dockerfile(reference)
            && environment
                .defaults
                .get("FAL_MODE")
                .is_some_and(|mode| mode != "off")
}

/// Whether this is the image that runs.
pub(super) fn is_own(reference: &str, options: &Options) -> bool {
    let own = options.source.as_deref().and_then(named);
    own.is_some() && own == named(reference)
}

/// Whether the language of another frontend is ours.
pub(super) fn speaks_dockerfile(reference: &str) -> bool {
    const DOCKERFILE: [&str; 2] = ["docker/dockerfile", "docker/dockerfile-upstream"];
    named(reference).is_some_and(|name| DOCKERFILE.contains(&name.familiar_name().as_str()))
}

fn named(reference: &str) -> Option<Reference> {
    let name = image::parse_normalized(reference).ok()?;
    Some(name.tag_name_only())
}
