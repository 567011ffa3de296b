//! Ours against the original, on Dockerfiles that nobody wrote.
//!
//! Cases come from a grammar of the whole language ([`grammar`]) and from changed cases of `tests/parity` ([`mutate`]); both frontends
//! run as a whole, against the same played daemon, without a real one. They must say the same to the byte, or a rule must say why not
//! ([`explained`]). What remains is made small ([`shrink`]) and kept as a case folder.

mod answer; // what a frontend said
mod ask; // the two programs
mod base64; // bytes in JSON
mod case; // what they are asked
mod compare; // two answers to a difference
mod explained; // differences on purpose
mod grammar; // cases from nothing
mod mutate; // cases from cases
mod random; // chance
mod shrink; // small cases
mod world; // the daemon, played

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, bail};

use self::{
    answer::Answer,
    ask::Frontends,
    case::Case,
    compare::{Agreement, Difference, compare},
    explained::{Finding, Sign},
    random::Random,
};
use crate::{parity::cases, workspace};

/// How long, from where, and where to.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Compares the cases in these folders instead of new ones
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Ends after so many minutes
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// Ends after so many cases instead
    #[arg(long)]
    cases: Option<u64>,
    /// Where chance begins; the clock says, if nobody does
    #[arg(long)]
    seed: Option<u64>,
    /// Where disagreements are kept
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Puts this subrequest in the place of every build
    #[arg(long, value_name = "NAME")]
    subrequest: Option<String>,
    /// Answers cases on stdin: this is how we are asked
    #[arg(long, hide = true)]
    answer: bool,
}

/// How many cases are made before they are asked.
const BATCH: usize = 64;

/// How often the original is asked again before we believe that it never says what ours says.
const AGAIN: usize = 64;

/// `cargo xtask fuzz`: fails unless every disagreement is explained.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.answer {
        return ask::serve();
    }
    let keep = arguments.keep.clone();
    let mut session = Session {
        frontends: Frontends::start()?,
        keep: keep.unwrap_or_else(|| workspace::target().join("fuzz")),
        tally: Tally::default(),
        kinds: BTreeMap::new(),
    };
    if !arguments.folders.is_empty() {
        let cases = read(&arguments.folders)?;
        session.compare(&cases)?;
        return session.end("given cases");
    }
    let seed = arguments.seed.unwrap_or_else(clock);
    let corpus = read(&[workspace::root().join("tests/parity")])?;
    let start = Instant::now();
    let time = Duration::from_secs(arguments.minutes * 60);
    let goes_on = |number: u64| match arguments.cases {
        Some(cases) => number < cases,
        None => start.elapsed() < time,
    };
    let mut number = 0;
    while goes_on(number) {
        let mut cases: Vec<Case> = (0..BATCH as u64)
            .map(|place| new_case(seed, number + place, &corpus))
            .collect();
        if let Some(name) = &arguments.subrequest {
            for case in &mut cases {
                case.options.insert("requestid".to_owned(), name.clone());
            }
        }
        session.compare(&cases)?;
        number += BATCH as u64;
    }
    session.end(&format!("seed {seed}"))
}

fn clock() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    time.map_or(0, |time| time.as_secs())
}

fn read(folders: &[PathBuf]) -> Result<Vec<Case>> {
    cases::find(folders)?.iter().map(Case::read).collect()
}

/// A case follows from the seed and its number alone.
fn new_case(seed: u64, number: u64, corpus: &[Case]) -> Case {
    let mut random = Random::new(seed, number);
    let lender = &corpus[random.below(corpus.len())];
    match random.below(10) {
        0..5 => grammar::case(&mut random),
        5 | 6 => {
            let case = grammar::case(&mut random);
            mutate::mutate(&case, lender, &mut random)
        }
        _ => {
            let case = &corpus[random.below(corpus.len())];
            match random.percent(30) {
                true => mutate::mutate(case, &grammar::case(&mut random), &mut random),
                false => mutate::mutate(case, lender, &mut random),
            }
        }
    }
}

/// A run, and what came of it.
struct Session {
    frontends: Frontends,
    keep: PathBuf,
    tally: Tally,
    /// Unexplained disagreements by their kind, and how often each was met.
    kinds: BTreeMap<String, usize>,
}

#[derive(Default)]
struct Tally {
    cases: usize,
    accepted: usize,
    refused: usize,
    explained: BTreeMap<&'static str, usize>,
    unexplained: usize,
}

impl Session {
    fn compare(&mut self, cases: &[Case]) -> Result<()> {
        let answers = self.frontends.ask(cases)?;
        for (case, (original, ours)) in cases.iter().zip(answers) {
            self.tally.cases += 1;
            match compare(&original, &ours) {
                Ok(agreement) => self.tally.count(agreement),
                Err(_) => self.disagreement(case, original, ours)?,
            }
        }
        Ok(())
    }

    fn disagreement(&mut self, case: &Case, original: Answer, ours: Answer) -> Result<()> {
        let found = match judge(&mut self.frontends, case, original, ours)? {
            Judgement::Agree(agreement) => {
                self.tally.count(agreement);
                return Ok(());
            }
            Judgement::Explained(reason) => {
                *self.tally.explained.entry(reason).or_default() += 1;
                return Ok(());
            }
            Judgement::Unexplained(found) => found,
        };
        self.tally.unexplained += 1;
        let kind = found.difference.kind.clone();
        if let Some(count) = self.kinds.get_mut(&kind) {
            *count += 1;
            return Ok(());
        }
        self.kinds.insert(kind.clone(), 1);
        let mut smallest = *found;
        let small = shrink::shrink(case.clone(), |smaller| {
            match unexplained(&mut self.frontends, smaller) {
                Some(found) if found.difference.kind == kind => {
                    smallest = found;
                    true
                }
                _ => false,
            }
        });
        let name = crate::tools::digest(kind.as_bytes())[..10].to_owned();
        smallest.write(&small, &self.keep.join(&name))?;
        println!("{name}  {}", smallest.difference.notes.join("  |  "));
        Ok(())
    }

    fn end(&self, seed: &str) -> Result<()> {
        for (reason, count) in &self.tally.explained {
            println!("explained {count:>7}  {reason}");
        }
        for (kind, count) in &self.kinds {
            println!("UNEXPLAINED {count:>5}  {kind}");
        }
        println!(
            "{} cases: {} accepted by both, {} refused by both, {} explained, {} unexplained ({seed})",
            self.tally.cases,
            self.tally.accepted,
            self.tally.refused,
            self.tally.explained.values().sum::<usize>(),
            self.tally.unexplained,
        );
        if self.tally.unexplained > 0 {
            bail!(
                "the two frontends disagree; the cases lie in {}",
                self.keep.display()
            );
        }
        Ok(())
    }
}

impl Tally {
    fn count(&mut self, agreement: Agreement) {
        match agreement {
            Agreement::Accepted => self.accepted += 1,
            Agreement::Refused => self.refused += 1,
        }
    }
}

/// What is thought of two answers that differ.
enum Judgement {
    /// The original says the same when it is asked again.
    Agree(Agreement),
    /// For this reason.
    Explained(&'static str),
    Unexplained(Box<Unexplained>),
}

/// A disagreement that nobody meant.
struct Unexplained {
    original: Answer,
    ours: Answer,
    difference: Difference,
}

impl Unexplained {
    fn write(&self, case: &Case, folder: &Path) -> Result<()> {
        case.write(folder)?;
        for (name, answer) in [("original.json", &self.original), ("ours.json", &self.ours)] {
            let text = serde_json::to_string_pretty(answer)? + "\n";
            fs::write(folder.join(name), text)?;
        }
        let notes = self.difference.notes.join("\n") + "\n";
        fs::write(folder.join("difference.txt"), notes)?;
        Ok(())
    }
}

fn judge(
    frontends: &mut Frontends,
    case: &Case,
    original: Answer,
    ours: Answer,
) -> Result<Judgement> {
    let difference = match compare(&original, &ours) {
        Ok(agreement) => return Ok(Judgement::Agree(agreement)),
        Err(difference) => difference,
    };
    let finding = Finding {
        case,
        original: &original,
        ours: &ours,
    };
    for rule in explained::RULES {
        let holds = match rule.sign {
            Sign::Answers(holds) => holds(&finding),
            Sign::Cause(without) => match without(case) {
                None => false,
                // There may be several causes.
                Some(other) => {
                    let (original, ours) = frontends.ask_one(&other)?;
                    let rest = judge(frontends, &other, original, ours)?;
                    !matches!(rest, Judgement::Unexplained(_))
                }
            },
        };
        if holds {
            return Ok(Judgement::Explained(rule.listed));
        }
    }
    if let Some(agreement) = by_chance(frontends, case, &ours)? {
        return Ok(Judgement::Agree(agreement));
    }
    Ok(Judgement::Unexplained(Box::new(Unexplained {
        original,
        ours,
        difference,
    })))
}

/// Whether the original says now what ours say: it goes by chance in places.
fn by_chance(frontends: &mut Frontends, case: &Case, ours: &Answer) -> Result<Option<Agreement>> {
    if !ours.broken.is_empty() {
        return Ok(None);
    }
    for _ in 0..AGAIN {
        let again = frontends.ask_original(case)?;
        if let Ok(agreement) = compare(&again, ours) {
            return Ok(Some(agreement));
        }
    }
    Ok(None)
}

/// The disagreement about a case, if there is one that nobody meant.
fn unexplained(frontends: &mut Frontends, case: &Case) -> Option<Unexplained> {
    let (original, ours) = frontends.ask_one(case).ok()?;
    match judge(frontends, case, original, ours).ok()? {
        Judgement::Unexplained(found) => Some(*found),
        _ => None,
    }
}
