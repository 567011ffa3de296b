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
mod layers;
mod once;
mod options;
mod place;
mod resolve;
mod result;
mod sbom;
mod warnings;

pub use environment::Environment;

use crate::gateway::{self, Client, Gateway, SolveResult};

/// Serves one request of the daemon that started this process.
///
/// What goes wrong with the request is the request's result, and travels back to the client; the error here is that even this
/// could not be said.
pub async fn serve(client: &Client, environment: &Environment) -> gateway::Result<()> {
    match answer(client, environment).await {
        Ok(result) => client.return_result(result).await,
        Err(error) => client.return_error(&error).await,
    }
}

/// The answer to one request, or the status that says why there is none.
pub async fn answer(
    gateway: &impl Gateway,
    environment: &Environment,
) -> gateway::Result<SolveResult> {
    build::answer(gateway, environment).await
}
