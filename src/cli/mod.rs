//! The command line `fal-image`: arguments to exit code.
//!
//! Exit code 0: nothing to complain about; 1: the Dockerfile has a mistake; 2: the arguments have one, or a file cannot be read.
//! The only room that reads files by name and prints.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    diagnostic::{Diagnostic, render},
    fal, instruction,
    llb::{self, SourceMap},
    plan::{self, Answer, Known, MainContext, NoCache, Resolution, RunSettings, Step, Wanted},
    reference::platform,
    source::Source,
    stage::{self, Contexts, Graph},
    syntax,
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
fn planned(source: &Source, input: &Input) -> Result<String, Box<Diagnostic>> {
    let build_args: BTreeMap<String, String> = input
        .build_args
        .iter()
        .map(|pair| {
            pair.split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .unwrap_or_default()
        })
        .collect();
    let parsed = syntax::parse(source);
    let (comments, escape) = (parsed.file.comments.clone(), parsed.file.escape);
    let dockerfile = instruction::read(&parsed.into_result()?)?;
    let nothing = BTreeMap::new();
    let given = fal::Given {
        comments: &comments,
        options: &nothing,
        build_arguments: &build_args,
        environment: &nothing,
    };
    fal::read(&given)?;
    let own = platform::default_spec().normalize();
    let contexts = Contexts::default();
    let graph = stage::graph(
        &dockerfile,
        escape,
        &stage::Options {
            target: input.target.as_deref(),
            build_args: &build_args,
            build_platform: &own,
            target_platform: &own,
            contexts: &contexts,
        },
    )?;
    let file = SourceMap {
        filename: source.name.clone(),
        language: "Dockerfile".to_owned(),
        data: source.bytes.clone().into(),
        origin: llb::Origin::Unknown,
    };
    let capabilities = |_: &str| true;
    let options = plan::Options {
        build_platforms: std::slice::from_ref(&own),
        target_platform: &own,
        is_platform_implicit: true,
        is_multi_platform: false,
        resolve_mode: llb::source::ResolveMode::Default,
        session: "",
        contexts: &contexts,
        local_sessions: &nothing,
        shared_keys: &nothing,
        cache_mount_namespace: "",
        no_cache: &NoCache::No,
        labels: &nothing,
        run: &RunSettings::default(),
        capabilities: &capabilities,
        file: &file,
    };
    let main = MainContext::Local {
        name: "context".to_owned(),
        session: String::new(),
        excludes: Vec::new(),
    };
    let plan = plan::build(unasked(graph, &options)?, &options, &main)?;
    let platform = plan::op_platform(&own);
    let defaults = llb::Defaults {
        platform: &platform,
        capabilities: &capabilities,
    };
    Ok(llb::print(&llb::marshal(&plan.llb, plan.output, &defaults)))
}

/// Every base as an image with one layer and nothing set.
fn unasked(graph: Graph, options: &plan::Options<'_>) -> Result<plan::Bases, Box<Diagnostic>> {
    let mut known: Known = HashMap::new();
    let mut resolution = Resolution::new(graph, options);
    loop {
        match resolution.step(&known)? {
            Step::Done(bases) => return Ok(*bases),
            Step::Need(goes_on, queries) => {
                known.extend(
                    queries
                        .into_iter()
                        .map(|query| (query.wanted.clone(), unasked_answer(query.wanted))),
                );
                resolution = *goes_on;
            }
        }
    }
}

fn unasked_answer(wanted: Wanted) -> Answer {
    const CONFIG: &str =
        r#"{"rootfs":{"type":"layers","diff_ids":["unknown"]},"config":{"WorkingDir":"/"}}"#;
    match wanted {
        Wanted::Image { reference, .. } | Wanted::OciLayout { reference, .. } => Answer::Image {
            reference,
            digest: String::new(),
            config: CONFIG.into(),
        },
        Wanted::Ignore { .. } | Wanted::Plain(_) => Answer::Ignore(Vec::new()),
    }
}
