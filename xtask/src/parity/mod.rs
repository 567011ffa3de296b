//! Ours against the original: what two frontends make of the same Dockerfiles.
//!
//! For every case below the given folders both frontends are asked for their definition
//! (`frontend.convertllb`) and for what they return beside the image (its config, above all),
//! through `tests/tools/convert`, which asks both within one session. So the session's id is
//! the same on both sides, and ops must be equal to the digest, those with local sources too.
//! Where they refuse, what they say and the lines that they point to must be equal, unless the
//! case declares the difference and DIFFERENCES.md lists it.
//!
//! With `--image` the daemon builds each case twice, once for either frontend and each of them
//! first every second time. The images must be equal, and what the second needs must be in the
//! cache.

pub(crate) mod answer; // what a frontend said, parsed
mod built; // two built images to the places where they differ
pub(crate) mod cases; // folders to cases
mod compare; // two answers to a verdict
pub(crate) mod declared; // what a case declares beforehand
pub(crate) mod definition; // two definitions to the places where they differ
pub(crate) mod difference; // two JSON values to the places where they differ
mod refusal; // an error in one line
pub(crate) mod subrequests; // the same for the answers to subrequests

use std::{collections::HashMap, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use self::{
    answer::Answer,
    built::Outcome,
    cases::Case,
    compare::{Comparison, Known, Verdict},
};
use crate::{
    image, process,
    stack::{self, Stack},
    workspace,
};

/// How many cases are asked at a time, unless the caller says otherwise.
const JOBS: usize = 4;

/// What to compare, and how much to tell.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folders with cases. A case is a folder that holds a Dockerfile or a file `options`
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Compares this frontend image instead of building ours
    #[arg(long, value_name = "REF")]
    frontend: Option<String>,
    /// Builds too what both accept, with an empty cache at the beginning, and compares the images
    #[arg(long)]
    image: bool,
    /// Tells every difference, not only the first of each case
    #[arg(long)]
    verbose: bool,
    /// Compares what is answered to `frontend.outline`, `.targets`, `.lint` and `.subrequests.describe` instead
    #[arg(long, conflicts_with = "image")]
    subrequests: bool,
    /// How many cases to ask at a time
    #[arg(long, default_value_t = JOBS)]
    jobs: usize,
}

/// `cargo xtask parity`: fails unless every case is identical, refused by both in the same words,
/// or as it declares.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let stack = stack::up()?;
    let frontend = match &arguments.frontend {
        Some(reference) => reference.clone(),
        None => image::push_to_stack(&stack, image::Flavour::Dockerfile)?,
    };
    judge(&stack, &frontend, arguments)
}

/// The same for the project's own cases, with a frontend that is in the registry already.
pub(crate) fn run_all(stack: &Stack, frontend: &str) -> Result<()> {
    let arguments = Arguments {
        folders: vec![workspace::root().join("tests/parity")],
        frontend: None,
        image: true,
        verbose: false,
        subrequests: false,
        jobs: JOBS,
    };
    judge(stack, frontend, &arguments)?;
    let subrequests = Arguments {
        image: false,
        subrequests: true,
        ..arguments
    };
    judge(stack, frontend, &subrequests)
}

fn judge(stack: &Stack, frontend: &str, arguments: &Arguments) -> Result<()> {
    let cases = cases::find(&arguments.folders)?;
    let mut convert = Command::new(stack.tools.path("convert"));
    convert
        .args(["-addr", &stack.buildkit_host, "-ours", frontend])
        .args(["-parallel", &arguments.jobs.to_string()])
        .arg(format!("-build={}", arguments.image));
    if arguments.subrequests {
        return subrequests::judge(&mut convert, &cases, arguments.verbose);
    }
    let answers: Vec<Answer> = process::ask(&mut convert, &cases)?;
    let answers: HashMap<_, _> = answers
        .into_iter()
        .map(|answer| (answer.name.clone(), answer))
        .collect();

    let list = fs::read_to_string(workspace::root().join("DIFFERENCES.md"))?;
    let mut tally = Tally::default();
    let mut bad = Vec::new();
    for case in &cases {
        let answer = answers.get(&case.name);
        let answer = answer.with_context(|| format!("{} was not answered", case.name))?;
        let known = Known {
            declared: &case.declared,
            list: &list,
            ours_built_first: case.ours_first,
        };
        let comparison = compare::compare(answer, &known, arguments.verbose);
        tally.count(case, &comparison);
        match comparison.verdict {
            Verdict::Differ | Verdict::Disagree => bad.push((case, comparison)),
            _ => print(case, &comparison),
        }
    }
    // Below all others, where whoever reads the end of a log finds them.
    for (case, comparison) in &bad {
        print(case, comparison);
    }
    println!(
        "{} identical, {} as declared, {} differ, {} disagree",
        tally.identical, tally.as_declared, tally.differ, tally.disagree
    );
    if arguments.image {
        println!(
            "{} built ({} of them by ours first), {} cannot be built",
            tally.built, tally.ours_first, tally.impossible
        );
    }
    if !bad.is_empty() {
        bail!("the two frontends are not equal");
    }
    Ok(())
}

#[derive(Default)]
struct Tally {
    identical: usize,
    as_declared: usize,
    differ: usize,
    disagree: usize,
    built: usize,
    /// Of those that were built.
    ours_first: usize,
    impossible: usize,
}

impl Tally {
    fn count(&mut self, case: &Case, comparison: &Comparison) {
        match comparison.verdict {
            Verdict::Identical | Verdict::BothRefuse => self.identical += 1,
            Verdict::AsDeclared => self.as_declared += 1,
            Verdict::Differ => self.differ += 1,
            Verdict::Disagree => self.disagree += 1,
        }
        match comparison.image {
            None => {}
            Some(Outcome::Built) => {
                self.built += 1;
                self.ours_first += usize::from(case.ours_first);
            }
            Some(Outcome::Impossible(_)) => self.impossible += 1,
        }
    }
}

fn print(case: &Case, comparison: &Comparison) {
    println!("{:<12} {}", comparison.verdict.to_string(), case.name);
    for line in &comparison.notes {
        println!("{:<12}   {line}", "");
    }
    if let Some(Outcome::Impossible(reason)) = &comparison.image {
        println!("{:<12}   cannot be built: {reason}", "");
    }
}
