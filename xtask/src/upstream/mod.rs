//! The original's own integration tests, with our frontend in the place of docker/dockerfile.
//!
//! moby/buildkit tests its Dockerfile frontend by driving real daemons, and its tests take any
//! frontend image. They are built from the Go module that `tests/tools` pins, none of them is
//! here. `tests/upstream/expected` names those that docker/dockerfile passes without a public
//! registry; ours has to pass all of them. Everything lies below `target/upstream`.

mod mirror; // the registry that the tests take their base images from
mod suite; // the tests as a program, run
mod transcript; // what a run prints, as it is printed: verdicts, and a log for each test

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use self::transcript::Verdicts;
use crate::{
    image::{self, Flavour},
    stack, workspace,
};

/// Which tests, and of what.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Runs only the tests whose names contain one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Tests this frontend, an OCI archive, instead of building ours
    #[arg(long, value_name = "TAR")]
    frontend: Option<PathBuf>,
    /// How many tests run at a time, each with a daemon of its own; as many as there are cores
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// `cargo xtask upstream`: fails unless every expected test passes.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(filter) = arguments.filters.iter().find(|filter| !is_name(filter)) {
        bail!("`{filter}` is no part of a test's name");
    }
    let stack = stack::start()?;
    fs::create_dir_all(folder())?;
    let frontend = match &arguments.frontend {
        Some(archive) => {
            fs::canonicalize(archive).with_context(|| archive.display().to_string())?
        }
        None => ours(&stack)?,
    };
    let run = suite::Run {
        frontend,
        mirror: mirror::fill(&stack)?,
        filters: &arguments.filters,
        jobs: arguments.jobs,
    };
    let verdicts = suite::run(&stack, &run)?;
    judge(&expected(&arguments.filters)?, &verdicts)
}

/// Ours as an archive.
fn ours(stack: &stack::Stack) -> Result<PathBuf> {
    let archive = folder().join("frontend.tar");
    image::archive(&stack.buildkit(), Flavour::Dockerfile, &archive)?;
    Ok(archive)
}

/// Tests have the names of Go functions, so what a filter holds means the same here and in the
/// pattern that the tests take.
fn is_name(filter: &str) -> bool {
    !filter.is_empty() && filter.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The tests that have to pass, of those that run.
fn expected(filters: &[String]) -> Result<BTreeSet<String>> {
    let list = workspace::root().join("tests/upstream/expected");
    let list = fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    let names = list.lines().filter(|line| !line.starts_with('#'));
    let wanted = |name: &&str| {
        filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
    };
    Ok(names.filter(wanted).map(str::to_owned).collect())
}

/// Tells what failed and where it is written, and counts.
fn judge(expected: &BTreeSet<String>, verdicts: &Verdicts) -> Result<()> {
    let logs = transcript::logs(&folder());
    let missed: Vec<&String> = expected
        .iter()
        .filter(|name| !verdicts.passed(name))
        .collect();
    for name in &missed {
        println!("{:<7} {name}  {}", verdicts.word(name), shown(&logs, name));
    }
    let better = |name: &&String| verdicts.passed(name) && !expected.contains(*name);
    for name in verdicts.names().filter(better) {
        println!(
            "{:<7} {name}, which is not in the list",
            verdicts.word(name)
        );
    }
    let passed = expected.len() - missed.len();
    println!("{passed} of {} expected tests pass", expected.len());
    if !missed.is_empty() {
        bail!("{} expected tests do not pass", missed.len());
    }
    Ok(())
}

/// Where the log of a test is, if it came so far as to have one.
fn shown(logs: &Path, name: &str) -> String {
    let log = transcript::log(logs, name);
    if log.is_file() {
        log.display().to_string()
    } else {
        transcript::whole(&folder()).display().to_string()
    }
}

fn folder() -> PathBuf {
    workspace::target().join("upstream")
}
