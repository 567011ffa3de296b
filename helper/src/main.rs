//! `fal-helper`: one build step. See the library for what each does.

use std::process::ExitCode;

fn main() -> ExitCode {
    fal_helper::cli::run(std::env::args_os())
}
