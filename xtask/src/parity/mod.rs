//! Ours against the original: what two frontends make of the same Dockerfiles.
//!
//! For every case below the given folders both frontends are asked for their definition
//! (`frontend.convertllb`) and for what they return beside the image (its config, above all),
//! through `tests/tools/convert`, which asks both within one session. So the session's id is
//! the same on both sides, and ops must be equal to the digest, those with local sources too.

mod answer; // what a frontend said, parsed
mod cases; // folders to cases
mod compare; // two answers to a verdict
mod difference; // two JSON values to the places where they differ

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};

use self::{
    answer::Answer,
    cases::Case,
    compare::{Comparison, Verdict},
};
use crate::{
    image,
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
    /// Tells every difference, not only the first of each case
    #[arg(long)]
    verbose: bool,
    /// How many cases to ask at a time
    #[arg(long, default_value_t = JOBS)]
    jobs: usize,
}

/// `cargo xtask parity`: fails unless every case is identical or refused by both.
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
        verbose: false,
        jobs: JOBS,
    };
    judge(stack, frontend, &arguments)
}

fn judge(stack: &Stack, frontend: &str, arguments: &Arguments) -> Result<()> {
    let cases = cases::find(&arguments.folders)?;
    let mut convert = Command::new(stack.tools.path("convert"));
    convert
        .args(["-addr", &stack.buildkit_host, "-ours", frontend])
        .args(["-parallel", &arguments.jobs.to_string()]);
    let answers = ask(&mut convert, &cases)?;

    let mut tally = Tally::default();
    for case in &cases {
        let answer = answers.get(&case.name);
        let answer = answer.with_context(|| format!("{} was not answered", case.name))?;
        let comparison = compare::compare(answer, arguments.verbose);
        tally.count(&comparison.verdict);
        print(case, &comparison);
    }
    println!(
        "{} identical, {} differ, {} disagree",
        tally.identical, tally.differ, tally.disagree
    );
    if tally.differ + tally.disagree > 0 {
        bail!("the two frontends are not equal");
    }
    Ok(())
}

/// Puts every case to both frontends.
fn ask(convert: &mut Command, cases: &[Case]) -> Result<HashMap<String, Answer>> {
    let mut child = convert
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start target/tools/convert")?;
    let mut input = child.stdin.take().context("convert has no stdin")?;
    let output = child.stdout.take().context("convert has no stdout")?;
    let requests = cases
        .iter()
        .map(serde_json::to_string)
        .collect::<Result<Vec<_>, _>>()?
        .join("\n");
    let writer = thread::spawn(move || input.write_all(requests.as_bytes()));
    let mut answers = HashMap::new();
    for line in BufReader::new(output).lines() {
        let answer: Answer = serde_json::from_str(&line?).context("convert's answer")?;
        answers.insert(answer.name.clone(), answer);
    }
    let status = child.wait()?;
    if !status.success() || !matches!(writer.join(), Ok(Ok(()))) {
        bail!("convert failed ({status})");
    }
    Ok(answers)
}

#[derive(Default)]
struct Tally {
    identical: usize,
    differ: usize,
    disagree: usize,
}

impl Tally {
    fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Identical | Verdict::BothRefuse => self.identical += 1,
            Verdict::Differ => self.differ += 1,
            Verdict::Disagree => self.disagree += 1,
        }
    }
}

fn print(case: &Case, comparison: &Comparison) {
    println!("{:<12} {}", comparison.verdict.to_string(), case.name);
    for line in &comparison.notes {
        println!("{:<12}   {line}", "");
    }
}
