//! The frontend: started by BuildKit, speaks gRPC on stdin and stdout.

use std::process::ExitCode;

use fal_frontend::{
    frontend::{self, Environment},
    gateway,
};

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve()),
        Err(error) => Err(error.to_string()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // stderr goes to the daemon's log.
            eprintln!("fal-frontend: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), String> {
    let environment = Environment::read(std::env::vars_os().filter_map(utf8));
    let gateway = gateway::Client::from_stdio(frontend::assumed_capabilities())
        .await
        .map_err(|error| error.to_string())?;
    frontend::serve(&gateway, &environment)
        .await
        .map_err(|error| error.to_string())
}

/// Variables that are not UTF-8 are none of the daemon's.
fn utf8((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}
