//! The command line `fal-image`: arguments to exit code.
//!
//! Exit code 0: nothing to complain about; 1: the file has a mistake; 2: the arguments have one, or a file cannot be read.
//! The only room that reads files by name and prints.

pub mod offline;

mod input; // the file that was named, and what it is
mod key; // `fal.key` from plain files
mod report; // a check as JSON and as SARIF

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    diagnostic::{self, Diagnostic, render},
    fal::manifest::Mistake,
    lint, llb,
};

use self::{
    input::{Input, Refusal},
    offline::Linted,
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
    /// Reads a Dockerfile and its `# fal:` options, a ContainerImage as JSON or a pyproject.toml, reports the first mistake and says
    /// what could be better.
    ///
    /// Without --target every stage is looked at. Base images are not asked for: what one of them sets counts as not set. Patterns
    /// of files that are not sent are read from the Dockerfile's folder.
    Check(Check),
    /// Prints the ops of a Dockerfile. Base images are not asked for: each counts as one with a single layer and an empty config.
    ///
    /// What fal adds is not among them: requirements and the fal layers are asked of a daemon.
    Llb(Wanted),
    /// Prints the key of a build, as `frontend.fal.key` of a daemon gives it, from plain files.
    ///
    /// Nobody is asked: digests of base images, and commits or checksums of what ADD downloads, are given, or taken from an earlier
    /// answer with --from. Of base images nothing else is known: what triggers (ONBUILD) of one would read is not in the key.
    Key(key::Given),
}

#[derive(Args)]
struct Check {
    #[command(flatten)]
    wanted: Wanted,
    /// How it is told: for people, or for programs, on standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Changes the Dockerfile where a warning says how, and tells what is left.
    #[arg(long)]
    fix: bool,
}

/// How a check is told.
#[derive(Clone, Copy, Default, PartialEq, ValueEnum)]
enum Format {
    #[default]
    Terminal,
    Json,
    Sarif,
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
    let outcome = match &command.verb {
        Verb::Check(check) => check.run(),
        Verb::Llb(wanted) => wanted.read(None).and_then(|input| {
            tell_of_file(&input);
            let table = planned(&input);
            table.map(|table| print(&table)).map_err(|mistake| {
                let shown = input.shown.clone();
                Refusal::from(Box::new(Mistake {
                    diagnostic: *mistake,
                    shown,
                }))
            })
        }),
        Verb::Key(given) => key(given),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal::Told) => ExitCode::FAILURE,
        Err(Refusal::Unknown) => ExitCode::from(2),
        Err(Refusal::Mistake(mistake)) => {
            eprint!("{}", render::terminal(&mistake.diagnostic, &mistake.shown));
            ExitCode::FAILURE
        }
        Err(Refusal::Unreadable(path, error)) => {
            eprintln!("fal-image: {}: {error}", path.display());
            ExitCode::from(2)
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

/// What of the file that was named is not honoured.
fn tell_of_file(input: &Input) {
    for warning in &input.warnings {
        let text = render::terminal(&warning.diagnostic, &warning.shown);
        eprint!("{text}");
    }
}

impl Check {
    fn run(&self) -> Result<(), Refusal> {
        let mut input = self.wanted.read(None)?;
        let mut linted = lint(&input);
        if self.fix && mend(&input, &linted.warnings)? {
            input = self.wanted.read(None)?;
            linted = lint(&input);
        }
        let is_sound = linted.mistake.is_none();
        match self.format {
            Format::Terminal => {
                tell_of_file(&input);
                tell(&input, &linted);
            }
            Format::Json => print(&report::json(&input, &linted)),
            Format::Sarif => print(&report::sarif(&input, &linted)),
        }
        match is_sound {
            true => Ok(()),
            false => Err(Refusal::Told),
        }
    }
}

fn key(given: &key::Given) -> Result<(), Refusal> {
    let mut input = given.build.read(given.context.as_deref())?;
    tell_of_file(&input);
    match key::print(given, &mut input) {
        Ok(text) => {
            print(&text);
            Ok(())
        }
        Err(key::Refusal::Mistake(diagnostic)) => {
            let shown = input.shown.clone();
            let diagnostic = *diagnostic;
            Err(Box::new(Mistake { diagnostic, shown }).into())
        }
        Err(key::Refusal::Other(sentence)) => {
            eprintln!("fal-image: {sentence}");
            Err(Refusal::Unknown)
        }
    }
}

fn lint(input: &Input) -> Linted {
    let target = input.target.as_deref();
    offline::lint_in(&input.world, &input.source, target, &input.build_args)
}

/// Makes the changes that warnings know. Gives whether there were any.
fn mend(input: &Input, warnings: &[lint::Warning]) -> Result<bool, Refusal> {
    let mendable = warnings.iter().filter(|warning| !warning.fix.is_empty());
    let count = mendable.clone().count();
    if count == 0 {
        return Ok(false);
    }
    let Some(path) = &input.dockerfile else {
        eprintln!("{count} warnings have a fix, which is for a Dockerfile of its own");
        return Ok(false);
    };
    let mended = lint::apply(&input.source, mendable.flat_map(|warning| &warning.fix));
    std::fs::write(path, mended).map_err(|error| Refusal::Unreadable(path.clone(), error))?;
    eprintln!("{count} fixed in {}", path.display());
    Ok(true)
}

/// Shows the warnings, and the mistake, if there is one.
fn tell(input: &Input, linted: &Linted) {
    let hidden = lint::Hidden::new(&linted.warnings, &input.shown.bytes);
    let warnings = linted.warnings.iter().map(shown);
    let all = warnings.chain(linted.of_options.iter().cloned());
    let count = linted.warnings.len() + linted.of_options.len();
    let mut printed = 0;
    for (place, warning) in all.enumerate() {
        if printed > MOST_PRINTED {
            eprintln!("{} more warnings are not shown", count - place);
            break;
        }
        let text = render::terminal(&hidden.without_secrets(warning), &input.shown);
        printed += text.len();
        eprint!("{text}");
    }
    if let Some(mistake) = &linted.mistake {
        let mistake = hidden.without_secrets(Diagnostic::clone(mistake));
        eprint!("{}", render::terminal(&mistake, &input.shown));
    }
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
    fn read(&self, context: Option<&Path>) -> Result<Input, Refusal> {
        let target = self.target.as_deref();
        Input::read(&self.file, context, target, self.build_args())
    }

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
fn planned(input: &Input) -> diagnostic::Result<String> {
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
