//! The command line `fal-image`: arguments to exit code.
//!
//! Exit code 0: nothing to complain about; 1: the Dockerfile has a mistake; 2: the arguments have one, or a file cannot be read.
//! The only room that reads files by name and prints.

pub mod offline;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    diagnostic::{Result, render},
    llb,
    source::Source,
};

/// Looks at Dockerfiles as fal-frontend does.
#[derive(Parser)]
#[command(name = "fal-image", version)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Reads a Dockerfile and its `# fal:` options and reports the first mistake.
    Check(Input),
    /// Prints the ops of a Dockerfile. Base images are not asked for: each counts as one with a single layer and an empty config.
    Llb(Input),
}

#[derive(Args)]
struct Input {
    /// The Dockerfile.
    #[arg(default_value = "Dockerfile")]
    file: PathBuf,
    /// The stage to build; the last one if none is named.
    #[arg(long)]
    target: Option<String>,
    /// A build argument, `NAME=value`.
    #[arg(long = "build-arg", value_name = "NAME=VALUE")]
    build_args: Vec<String>,
}

/// Runs the command that the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match Command::try_parse_from(arguments) {
        Ok(command) => command,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let (input, prints) = match &command.verb {
        Verb::Check(input) => (input, false),
        Verb::Llb(input) => (input, true),
    };
    let source = match read(&input.file) {
        Ok(source) => source,
        Err(error) => {
            eprintln!("fal-image: {}: {error}", input.file.display());
            return ExitCode::from(2);
        }
    };
    match planned(&source, input) {
        Ok(table) => {
            if prints {
                print(&table);
            }
            ExitCode::SUCCESS
        }
        Err(mistake) => {
            eprint!("{}", render::terminal(&mistake, &source));
            ExitCode::FAILURE
        }
    }
}

fn read(path: &Path) -> std::io::Result<Source> {
    Ok(Source::new(
        path.display().to_string(),
        std::fs::read(path)?,
    ))
}

#[expect(
    clippy::print_stdout,
    reason = "this is the command line, whose result is what it prints"
)]
fn print(text: &str) {
    print!("{text}");
}

/// The ops of the file as a table.
fn planned(source: &Source, input: &Input) -> Result<String> {
    let build_args = input.build_args.iter().map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    });
    let converted = offline::convert(source, input.target.as_deref(), &build_args.collect())?;
    Ok(llb::print(&offline::definition(
        &converted.plan.llb,
        converted.plan.output,
    )))
}
