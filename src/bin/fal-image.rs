//! The command line: what a Dockerfile says, without building it.

use std::process::ExitCode;

fn main() -> ExitCode {
    fal_frontend::cli::run(std::env::args_os())
}
