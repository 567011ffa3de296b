//! The developers' tool: the real stack, images, parity, the demo, and generated code.
//!
//! Results go to stdout, everything else to stderr.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a developer's tool answers on stdout, and lives by files and variables; it is no frontend"
)]

mod base_images; // images to build from, where no registry can be reached
mod bench; // how long it takes, beside the original
mod buildkit; // building with a daemon
mod codegen; // proto/*.proto to src/proto/*.rs
mod compat; // the BuildKits that people have
mod demo; // the main job, shown
mod fuzz; // ours against the original, on files that nobody wrote
mod image; // the frontend image
mod parity; // ours against the original
mod process; // child processes
mod sdk; // fal's own, to compare with
mod stack; // registry and daemon
mod test; // every test, on the real stack
mod tools; // programs, installed where missing
mod upstream; // the original's own tests, with our frontend
mod workspace; // where things lie

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "What developers and CI run in this project"
)]
enum Task {
    /// Builds an example through our frontend and shows the result
    Demo,
    /// Runs every test, on the real stack
    Test(test::Arguments),
    /// Starts the stack and leaves it running; prints the variables to export
    Up,
    /// Stops the stack
    Down,
    /// Builds the frontend image; prints its digest last
    Image(image::Arguments),
    /// Generates src/proto from proto/*.proto
    Codegen,
    /// Compares our definitions with the original's, op by op
    Parity(parity::Arguments),
    /// Runs the original's own tests with our frontend
    Upstream(upstream::Arguments),
    /// Builds the same on older BuildKits and inside Docker Engine
    Compat(compat::Arguments),
    /// Compares our answers with the original's on generated Dockerfiles, without a daemon
    Fuzz(fuzz::Arguments),
    /// Measures how long things take
    #[command(subcommand)]
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    match run(Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Demo => demo::run(),
        Task::Test(arguments) => test::run(&arguments),
        Task::Up => stack::print_up(),
        Task::Down => stack::down(),
        Task::Codegen => codegen::codegen(),
        Task::Image(arguments) => image::run(&arguments),
        Task::Parity(arguments) => parity::run(&arguments),
        Task::Upstream(arguments) => upstream::run(&arguments),
        Task::Compat(arguments) => compat::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
    }
}
