//! The command line `fal-image`: arguments to exit code.
//!
//! Exit code 0: nothing to complain about; 1: the file has a mistake; 2: the arguments have one, or a file cannot be read.
//! The only room that reads files by name and prints.

pub mod offline;

mod input; // the file that was named, and what it is
mod key; // `fal.key` from plain files

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    diagnostic::{Diagnostic, Result, render},
    lint, llb,
};

use self::input::{Input, Refusal};

/// Looks at Dockerfiles as fal-frontend does.
#[derive(Parser)]
#[command(name = "fal-image", version)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Reads a Dockerfile and its `# fal:` options, a ContainerImage as JSON or a pyproject.toml, reports the first mistake and says
    /// what could be better.
    ///
    /// Without --target every stage is looked at. Base images are not asked for: what one of them sets counts as not set. Patterns
    /// of files that are not sent are read from the Dockerfile's folder.
    Check(Wanted),
    /// Prints the ops of a Dockerfile. Base images are not asked for: each counts as one with a single layer and an empty config.
    Llb(Wanted),
    /// Prints the key of a build, as `frontend.fal.key` of a daemon gives it, from plain files.
    ///
    /// Nobody is asked: digests of base images, and commits or checksums of what ADD downloads, are given, or taken from an earlier
    /// answer with --from. Of base images nothing else is known: what triggers (ONBUILD) of one would read is not in the key.
    Key(key::Given),
}

#[derive(Args)]
pub(crate) struct Wanted {
    /// The Dockerfile, or the ContainerImage or pyproject.toml that has or names one.
    #[arg(default_value = "Dockerfile")]
    file: PathBuf,
    /// The stage to build, the last one if none is named; of a pyproject.toml, the app.
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
    let (wanted, context) = match &command.verb {
        Verb::Check(wanted) | Verb::Llb(wanted) => (wanted, None),
        Verb::Key(wanted) => (&wanted.build, wanted.context.as_deref()),
    };
    let target = wanted.target.as_deref();
    let mut input = match Input::read(&wanted.file, context, target, wanted.build_args()) {
        Ok(input) => input,
        Err(Refusal::Unreadable(error)) => {
            eprintln!("fal-image: {}: {error}", wanted.file.display());
            return ExitCode::from(2);
        }
        Err(Refusal::Mistake(mistake)) => {
            let text = render::terminal(&mistake.diagnostic, &mistake.shown);
            eprint!("{text}");
            return ExitCode::FAILURE;
        }
    };
    for warning in &input.warnings {
        let text = render::terminal(&warning.diagnostic, &warning.shown);
        eprint!("{text}");
    }
    let mistake = match &command.verb {
        Verb::Check(_) => check(&input),
        Verb::Llb(_) => planned(&input).map(|table| print(&table)).err(),
        Verb::Key(wanted) => match key::print(wanted, &mut input) {
            Ok(text) => {
                print(&text);
                None
            }
            Err(key::Refusal::Mistake(mistake)) => Some(mistake),
            Err(key::Refusal::Other(sentence)) => {
                eprintln!("fal-image: {sentence}");
                return ExitCode::from(2);
            }
        },
    };
    match mistake {
        None => ExitCode::SUCCESS,
        Some(mistake) => {
            eprint!("{}", render::terminal(&mistake, &input.shown));
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "this is the command line, whose result is what it prints"
)]
fn print(text: &str) {
    print!("{text}");
}

/// Shows the warnings; gives the mistake, if there is one.
fn check(input: &Input) -> Option<Box<Diagnostic>> {
    let target = input.target.as_deref();
    let linted = offline::lint_in(&input.world, &input.source, target, &input.build_args);
    let mut printed = 0;
    for (place, warning) in linted.warnings.iter().enumerate() {
        if printed > MOST_PRINTED {
            let rest = linted.warnings.len() - place;
            eprintln!("{rest} more warnings are not shown");
            break;
        }
        let text = render::terminal(&shown(warning), &input.shown);
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

impl Wanted {
    fn build_args(&self) -> BTreeMap<String, String> {
        pairs(&self.build_args)
    }
}

/// `NAME=value`, each.
fn pairs(written: &[String]) -> BTreeMap<String, String> {
    let pairs = written.iter().map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    });
    pairs.collect()
}

/// The ops of the file as a table.
fn planned(input: &Input) -> Result<String> {
    let target = input.target.as_deref();
    let converted = offline::convert_in(&input.world, &input.source, target, &input.build_args)?;
    Ok(llb::print(&offline::checked(&converted.plan)?))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_of_no_command_stand_in_each_other_s_way() {
        super::Command::command().debug_assert();
    }
}
