//! What a run of Go tests prints, read line by line.
//!
//! Takes the output of a test program with `-test.v=test2json`, where a line that the machinery
//! wrote begins with a mark; keeps all of it in one file, and what belongs to one test in a file
//! of the test's name; gives the verdicts. Prints each as it comes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Result;

/// What a line of the machinery's begins with.
const MARK: char = '\x16';

/// What became of the tests. One test may run several times, in different surroundings.
#[derive(Default)]
pub(crate) struct Verdicts(BTreeMap<String, Vec<Verdict>>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Skipped,
}

impl Verdicts {
    /// Whether a test passed, and failed nowhere.
    pub(super) fn passed(&self, name: &str) -> bool {
        self.0
            .get(name)
            .is_some_and(|runs| runs.contains(&Verdict::Passed) && !runs.contains(&Verdict::Failed))
    }

    /// What to call that which became of a test.
    pub(super) fn word(&self, name: &str) -> &'static str {
        let runs = self.0.get(name).map_or(&[][..], Vec::as_slice);
        if runs.is_empty() {
            "absent"
        } else if runs.contains(&Verdict::Failed) {
            "failed"
        } else if runs.contains(&Verdict::Passed) {
            "passed"
        } else {
            "skipped"
        }
    }

    /// The tests that ran.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

/// Where the logs of tests are.
pub(super) fn logs(folder: &Path) -> PathBuf {
    folder.join("logs")
}

/// The log of one test.
pub(super) fn log(logs: &Path, name: &str) -> PathBuf {
    logs.join(format!("{}.log", name.replace('/', ",")))
}

/// Everything that was printed.
pub(super) fn whole(folder: &Path) -> PathBuf {
    folder.join("output.log")
}

/// Reads to the end.
pub(super) fn read(output: impl Read, folder: &Path) -> Result<Verdicts> {
    let logs = logs(folder);
    if logs.exists() {
        fs::remove_dir_all(&logs)?;
    }
    fs::create_dir_all(&logs)?;
    let mut whole = File::create(whole(folder))?;
    let mut verdicts = Verdicts::default();
    let mut tests = BTreeSet::new();
    let mut current: Option<File> = None;
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    while output.read_until(b'\n', &mut bytes)? > 0 {
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_start_matches(MARK);
        whole.write_all(line.as_bytes())?;
        let marked = bytes.first() == Some(&(MARK as u8));
        match marked.then(|| Event::read(line)).flatten() {
            Some(Event::Speaks(run)) => {
                let test = test(&tests, run).to_owned();
                let log = log(&logs, &name(&test));
                current = Some(File::options().create(true).append(true).open(log)?);
                tests.insert(test);
            }
            Some(Event::Ends(run, verdict)) if tests.contains(run) && run.contains('/') => {
                eprint!("{line}");
                verdicts.0.entry(name(run)).or_default().push(verdict);
            }
            _ => {}
        }
        if let Some(log) = &mut current {
            log.write_all(line.as_bytes())?;
        }
        bytes.clear();
    }
    Ok(verdicts)
}

/// What the machinery of Go's tests says of a run.
enum Event<'a> {
    /// What follows is from this run.
    Speaks(&'a str),
    Ends(&'a str, Verdict),
}

impl<'a> Event<'a> {
    fn read(line: &'a str) -> Option<Self> {
        if let Some(line) = line.strip_prefix("=== ") {
            let (_, run) = line.split_once(' ')?;
            return Some(Self::Speaks(run.trim()));
        }
        let (kind, rest) = line.strip_prefix("--- ")?.split_once(": ")?;
        let verdict = match kind {
            "PASS" => Verdict::Passed,
            "FAIL" => Verdict::Failed,
            "SKIP" => Verdict::Skipped,
            _ => return None,
        };
        Some(Self::Ends(rest.split(' ').next()?, verdict))
    }
}

/// The test that a run belongs to: itself, or the one that started it. The Go function that
/// starts all of them is none.
fn test<'a>(tests: &BTreeSet<String>, run: &'a str) -> &'a str {
    let mut above = run;
    while let Some((start, _)) = above.rsplit_once('/') {
        above = start;
        if above.contains('/') && tests.contains(above) {
            return above;
        }
    }
    run
}

/// A test without what all of them have in common: `TestIntegration/NAME/worker=oci/…` is NAME,
/// with the surroundings that are its own.
fn name(test: &str) -> String {
    let own = |part: &&str| !part.starts_with("worker=") && !part.starts_with("frontend=");
    let parts: Vec<&str> = test.split('/').filter(own).collect();
    match &parts[..] {
        [all] => (*all).to_owned(),
        parts => parts[1..].join("/"),
    }
}
