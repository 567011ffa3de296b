//! How many answers of the daemon a frontend waits for, one after the other, before it can say what is built.
//!
//! Ours and docker/dockerfile run as images in the stack's daemon, each behind `tests/tools/bridge`, which
//! holds every call back for a while and notes when it began and ended. `tests/tools/waits` asks them for the
//! result of each case, of which nothing is built. What is counted of ours must be what the fake daemon of
//! `tests/frontend` counts.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    buildkit::Build,
    image,
    parity::cases::{self, Case},
    process,
    stack::{self, Stack},
    tools, workspace,
};

/// The cases, unless others are wanted.
const CASES: &str = "tests/parity/waits";

/// What the columns say.
const LEGEND: &str = "\
Each case is solved by ours and by docker/dockerfile as an image, with and without a delay of every call.
  waits     answers that came one after the other before the last Solve began: the length of the longest chain
  end       the same before Return: only then the daemon begins to build
  at …      the shortest time from the start of the frontend to the last Solve
  grew      by how many delays that time grew: the waits, as a clock sees them
  ratio     how many times as long as ours the original takes, with the delay
";

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Folders with cases, as for parity
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Measures this frontend image instead of building ours
    #[arg(long, value_name = "REF")]
    frontend: Option<String>,
    /// How long every call is held back, in milliseconds
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    latency: u64,
    /// How often each case is solved
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Lists the calls, too
    #[arg(long)]
    verbose: bool,
}

/// `cargo xtask bench waits`
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let stack = stack::up()?;
    let frontend = match &arguments.frontend {
        Some(reference) => reference.clone(),
        None => image::push_to_stack(&stack, image::Flavour::Dockerfile)?,
    };
    let frontends = bridged(&stack, &frontend)?;
    let cases = match arguments.folders.is_empty() {
        true => cases::find(&[workspace::root().join(CASES)])?,
        false => cases::find(&arguments.folders)?,
    };
    let measured = measure(&stack, &frontends, &cases, arguments)?;

    println!("{LEGEND}");
    let delayed = format!("at {} ms", arguments.latency);
    let columns = ["waits", "end", "at 0 ms", &delayed, "grew"].map(str::to_owned);
    print_row("case", "ours", &columns, "original", &columns, "ratio");
    let mut bad = Vec::new();
    for (case, measured) in cases.iter().zip(&measured) {
        match measured {
            Ok(sides) => {
                row(case, sides, arguments.latency);
                if arguments.verbose {
                    print_calls("ours", &sides[0].delayed);
                    print_calls("original", &sides[1].delayed);
                }
                // There the last Solve is waited for, too; the Ping is not, and nothing has to wait for it.
                let counted = sides[0].delayed.waits() + 1;
                if let Some(expected) = expected(case).filter(|&expected| expected != counted) {
                    let name = &case.name;
                    bad.push(format!(
                        "{name}: waits {expected} in `expected`, {counted} here"
                    ));
                }
            }
            Err(sentence) => bad.push(format!("{}: {sentence}", case.name)),
        }
    }
    ensure!(bad.is_empty(), "{}", bad.join("\n"));
    Ok(())
}

/// The images of ours and of the original, each behind the bridge.
fn bridged(stack: &Stack, frontend: &str) -> Result<[String; 2]> {
    let context = workspace::target().join("bench/bridge");
    fs::create_dir_all(&context)?;
    for program in [tools::go_tool("bridge")?, tools::original_frontend()?] {
        let name = program.file_name().context("a program has a name")?;
        fs::copy(&program, context.join(name))?;
    }
    let folder = workspace::root().join("tests/tools/bridge");
    let push = |target: &str| -> Result<String> {
        let reference = format!("{}/bridge:{target}", stack.registry);
        let build = Build::dockerfile(&folder, &context)
            .opt("target", target)
            .opt("build-arg:FRONTEND", frontend)
            .output(&format!("type=image,name={reference},push=true"));
        stack.buildkit().build_quietly(&build)?;
        Ok(reference)
    };
    Ok([push("ours")?, push("original")?])
}

/// One build, as the tool `waits` reads it.
#[derive(Serialize)]
struct Question<'a> {
    frontend: &'a str,
    options: BTreeMap<String, String>,
    locals: &'a BTreeMap<String, PathBuf>,
}

impl<'a> Question<'a> {
    fn new(frontend: &'a str, case: &'a Case, latency: u64) -> Self {
        let mut options = case.options.clone();
        options.insert("bridge-latency".to_owned(), format!("{latency}ms"));
        Self {
            frontend,
            options,
            locals: &case.locals,
        }
    }
}

/// What it answers.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    calls: Vec<Call>,
    #[serde(default)]
    failed: String,
}

/// One call, as the bridge noted it. Times are microseconds since the frontend was started.
#[derive(Deserialize)]
struct Call {
    method: String,
    began: u64,
    /// Nothing for the last: the notes go with it.
    ended: Option<u64>,
    /// How long the chain of calls is that this one ends.
    depth: u64,
}

/// The best of some runs with the same delay, of one frontend.
struct Run {
    /// In the order in which they began.
    calls: Vec<Call>,
    /// Which of them is the last Solve.
    solve: usize,
}

impl Run {
    fn new(calls: Vec<Call>) -> Option<Self> {
        let solve = calls.iter().rposition(|call| call.method == "Solve")?;
        Some(Self { calls, solve })
    }

    fn waits(&self) -> u64 {
        self.calls[self.solve].depth.saturating_sub(1)
    }

    /// What the last call of all comes after, which is Return.
    fn end(&self) -> u64 {
        self.calls
            .last()
            .map_or(0, |call| call.depth.saturating_sub(1))
    }

    fn time(&self) -> u64 {
        self.calls[self.solve].began
    }
}

/// One frontend in one case.
struct Measured {
    plain: Run,
    delayed: Run,
}

/// What ours and the original needed, case by case; or what one of them said instead of a result, with which no notes come.
fn measure(
    stack: &Stack,
    frontends: &[String; 2],
    cases: &[Case],
    arguments: &Arguments,
) -> Result<Vec<Result<[Measured; 2], String>>> {
    let mut round = Vec::new();
    for case in 0..cases.len() {
        for latency in [0, arguments.latency] {
            for side in 0..frontends.len() {
                round.push((case, latency, side));
            }
        }
    }
    // Who is asked first has the image fetched and the program read from the disk: that counts for nothing.
    let mut asked = round[..frontends.len()].to_vec();
    for _ in 0..arguments.runs {
        asked.extend(&round);
    }
    let questions: Vec<_> = asked
        .iter()
        .map(|&(case, latency, side)| Question::new(&frontends[side], &cases[case], latency))
        .collect();
    let mut waits = Command::new(tools::go_tool("waits")?);
    waits.args(["-addr", &stack.buildkit_host]);
    let answers: Vec<Answer> = process::ask(&mut waits, &questions)?;

    let mut best: BTreeMap<_, Run> = BTreeMap::new();
    let mut refused = BTreeMap::new();
    for (&asked, answer) in asked.iter().zip(answers).skip(frontends.len()) {
        let (case, _, side) = asked;
        let Some(run) = Run::new(answer.calls) else {
            refused.insert(case, format!("{}: {}", frontends[side], answer.failed));
            continue;
        };
        // What another call does not need can have ended before it by chance: chains get longer by it, never shorter.
        let rank = |run: &Run| (run.waits(), run.time());
        match best.get(&asked) {
            Some(old) if rank(old) <= rank(&run) => {}
            _ => drop(best.insert(asked, run)),
        }
    }
    let mut take = |asked| best.remove(&asked).context("a question without an answer");
    let mut of = |case, side| -> Result<Measured> {
        Ok(Measured {
            plain: take((case, 0, side))?,
            delayed: take((case, arguments.latency, side))?,
        })
    };
    let mut both = |case| match refused.remove(&case) {
        Some(sentence) => Ok(Err(sentence)),
        None => Ok(Ok([of(case, 0)?, of(case, 1)?])),
    };
    (0..cases.len()).map(&mut both).collect()
}

/// What the fake daemon counted, where it did.
fn expected(case: &Case) -> Option<u64> {
    let file = workspace::root().join(&case.name).join("expected");
    let text = fs::read_to_string(file).ok()?;
    let waits = text.lines().find_map(|line| line.strip_prefix("waits "))?;
    waits.parse().ok()
}

fn row(case: &Case, sides: &[Measured; 2], latency: u64) {
    let cells = |side: &Measured| {
        let grew = side.delayed.time() as f64 - side.plain.time() as f64;
        [
            side.delayed.waits().to_string(),
            side.delayed.end().to_string(),
            milliseconds(side.plain.time()),
            milliseconds(side.delayed.time()),
            format!("{:.1}", grew / (latency as f64 * 1e3)),
        ]
    };
    let [ours, original] = [cells(&sides[0]), cells(&sides[1])];
    let ratio = sides[1].delayed.time() as f64 / sides[0].delayed.time() as f64;
    let name = case.name.strip_prefix("tests/").unwrap_or(&case.name);
    print_row(name, "", &ours, "", &original, &format!("{ratio:.1}×"));
}

fn print_row(
    case: &str,
    ours: &str,
    of_ours: &[String; 5],
    original: &str,
    of_original: &[String; 5],
    ratio: &str,
) {
    let side = |[waits, end, plain, delayed, grew]: &[String; 5]| {
        format!("{waits:>7}{end:>5}{plain:>10}{delayed:>11}{grew:>6}")
    };
    println!(
        "{case:<40}{ours:>6}{}{original:>11}{}{ratio:>7}",
        side(of_ours),
        side(of_original)
    );
}

/// One line for the calls of each depth: from the beginning of the first to the end of the last.
fn print_calls(whose: &str, run: &Run) {
    println!("  {whose}");
    let mut lines: BTreeMap<u64, Vec<&Call>> = BTreeMap::new();
    for call in &run.calls {
        lines.entry(call.depth).or_default().push(call);
    }
    for (depth, calls) in lines {
        let began = calls.iter().map(|call| call.began).min().unwrap_or(0);
        let ended = calls.iter().filter_map(|call| call.ended).max();
        let mut methods: Vec<(&str, usize)> = Vec::new();
        for call in calls {
            match methods.iter_mut().find(|(name, _)| *name == call.method) {
                Some((_, count)) => *count += 1,
                None => methods.push((&call.method, 1)),
            }
        }
        let methods: Vec<String> = methods
            .iter()
            .map(|(name, count)| match count {
                1 => (*name).to_owned(),
                _ => format!("{name} ×{count}"),
            })
            .collect();
        println!(
            "{depth:>5}  {:>7} … {:>7}  {}",
            milliseconds(began),
            ended.map_or_else(String::new, milliseconds),
            methods.join(", ")
        );
    }
}

fn milliseconds(microseconds: u64) -> String {
    format!("{:.0} ms", microseconds as f64 / 1e3)
}
