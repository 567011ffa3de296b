//! Options to result: one build, or one subrequest.
//!
//! Takes what the daemon passes to a frontend (its environment, and the gateway); gives the result, or the error, back through
//! the gateway. The only room that does both: talk to the daemon and know what a Dockerfile is.

mod build;
mod context;
mod environment;
mod epoch;
mod error;
mod forward;
mod help; // what to do about a step that failed
mod images; // where programs of the fal layers come from
mod key;
mod layers;
mod manifest;
mod once;
mod options;
mod place;
mod repositories;
mod requirements;
mod resolve;
mod result;
mod sbom;
mod secrets;
mod warnings;
mod wheels;

pub use environment::Environment;

use crate::gateway::{self, Capabilities, Client, Gateway, SolveResult};

use self::options::Options;

/// What is assumed of a daemon that has not said yet what it can do.
pub fn assumed_capabilities() -> Capabilities {
    context::assumed()
}

/// Serves one request of the daemon that started this process, of which the client knows nothing but what is assumed.
///
/// What goes wrong with the request is the request's result, and travels back to the client; the error here is that even this
/// could not be said.
pub async fn serve(client: &Client, environment: &Environment) -> gateway::Result<()> {
    let options = Options::read(environment.options.clone());
    // What every build asks for first is asked for while the daemon says what it can do.
    let ahead = async {
        let options = options.as_ref().ok()?;
        Some(context::ask(client, options, &environment.session).await)
    };
    let (informed, ahead) = tokio::join!(client.informed(), ahead);
    let informed = informed?;
    let ahead = ahead.filter(|_| informed.capabilities().includes(client.capabilities()));
    match build::answer(&informed, environment, options, ahead).await {
        Ok(result) => informed.return_result(result).await,
        Err(error) => informed.return_error(&error).await,
    }
}

/// The answer to one request, or the status that says why there is none.
pub async fn answer(
    gateway: &impl Gateway,
    environment: &Environment,
) -> gateway::Result<SolveResult> {
    let options = Options::read(environment.options.clone());
    build::answer(gateway, environment, options, None).await
}
