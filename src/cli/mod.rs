//! The command line `fal-image`: arguments to exit code.
//!
//! Exit code 0: nothing to complain about; 1: the Dockerfile has a mistake; 2: the arguments have one, or a file cannot be read.
//! The only room that reads files by name and prints.

pub mod offline;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    diagnostic::{Diagnostic, Result, render},
    golang::ignore,
    lint, llb,
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
    /// Reads a Dockerfile and its `# fal:` options, reports the first mistake and says what could be better.
    ///
    /// Without --target every stage is looked at. Base images are not asked for: what one of them sets counts as not set. Patterns
    /// of files that are not sent are read from the Dockerfile's folder.
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

/// Nobody reads more of warnings than this many bytes.
const MOST_PRINTED: usize = 4 << 20;

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
    let (Verb::Check(input) | Verb::Llb(input)) = &command.verb;
    let read = read(&input.file).and_then(|source| Ok((source, ignored(&input.file)?)));
    let (source, ignore) = match read {
        Ok(read) => read,
        Err(error) => {
            eprintln!("fal-image: {}: {error}", input.file.display());
            return ExitCode::from(2);
        }
    };
    let mistake = match &command.verb {
        Verb::Check(_) => check(&source, input, &ignore),
        Verb::Llb(_) => planned(&source, input).map(|table| print(&table)).err(),
    };
    match mistake {
        None => ExitCode::SUCCESS,
        Some(mistake) => {
            eprint!("{}", render::terminal(&mistake, &source));
            ExitCode::FAILURE
        }
    }
}

fn read(path: &Path) -> io::Result<Source> {
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

/// The patterns of `Dockerfile.dockerignore`, or else of `.dockerignore`, beside the Dockerfile.
fn ignored(dockerfile: &Path) -> io::Result<Vec<String>> {
    let mut own = dockerfile.as_os_str().to_owned();
    own.push(".dockerignore");
    for path in [
        PathBuf::from(own),
        dockerfile.with_file_name(".dockerignore"),
    ] {
        match std::fs::read(path) {
            Ok(bytes) => return ignore::read_all(&bytes).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Vec::new())
}

/// Shows the warnings; gives the mistake, if there is one.
fn check(source: &Source, input: &Input, ignore: &[String]) -> Option<Box<Diagnostic>> {
    let linted = offline::lint(source, input.target.as_deref(), &input.build_args(), ignore);
    let mut printed = 0;
    for (place, warning) in linted.warnings.iter().enumerate() {
        if printed > MOST_PRINTED {
            let rest = linted.warnings.len() - place;
            eprintln!("{rest} more warnings are not shown");
            break;
        }
        let text = render::terminal(&shown(warning), source);
        printed += text.len();
        eprint!("{text}");
    }
    linted.mistake
}

/// A warning with what the base image might have to say.
fn shown(warning: &lint::Warning) -> Diagnostic {
    let shown = warning.diagnostic();
    match warning.rule.name {
        "UndefinedVar" => shown
            .help("declare it with ARG or ENV, unless the base image sets it, which was not asked"),
        _ => shown,
    }
}

impl Input {
    fn build_args(&self) -> BTreeMap<String, String> {
        let pairs = self.build_args.iter().map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        });
        pairs.collect()
    }
}

/// The ops of the file as a table.
fn planned(source: &Source, input: &Input) -> Result<String> {
    let converted = offline::convert(source, input.target.as_deref(), &input.build_args())?;
    Ok(llb::print(&offline::checked(&converted.plan)?))
}
