//! One cache for both: what the original built is there for us, and what we built for it.
//!
//! The examples are the folders of `tests/cache`: a Dockerfile, its context, and in `options` what a client sets. Each of them
//! uses the argument STAMP in an early step, whose value is another in every run, so nothing is there before the first build.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;

use super::stack::{Outcome, Stack};

/// A step of a build, as `--progress rawjson` tells of it.
#[derive(Deserialize)]
pub(super) struct Vertex {
    pub(super) digest: String,
    pub(super) name: String,
    #[serde(default)]
    cached: bool,
}

/// A line of that.
#[derive(Deserialize)]
pub(super) struct Progress {
    #[serde(default)]
    pub(super) vertexes: Vec<Vertex>,
}

type Build = fn(&Stack, &Path, &[&str]) -> Outcome;

/// One after the other: steps without the stamp would meet each other's in the daemon, running.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_one_frontend_built_is_cached_for_the_other() {
    let original: Build = |stack, folder, arguments| stack.builtin(folder, arguments);
    let ours: Build =
        |stack, folder, arguments| stack.buildctl(folder, &stack.dockerfile(), arguments);
    check("original-first", original, ours);
    check("ours-first", ours, original);
}

#[track_caller]
fn check(run: &str, first: Build, second: Build) {
    let stack = Stack::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let stamp = format!("{run}-{}-{}", now.as_nanos(), process::id());
    let mut checked = 0;
    for example in fs::read_dir("tests/cache").unwrap() {
        let folder = example.unwrap().path();
        let written = fs::read_to_string(folder.join("options")).unwrap_or_default();
        let mut options = vec![format!("build-arg:STAMP={stamp}")];
        options.extend(written.lines().map(str::to_owned));
        let mut arguments = vec!["--progress", "rawjson"];
        for option in &options {
            arguments.extend(["--opt", option]);
        }

        let before = steps(&first(&stack, &folder, &arguments));
        let name = folder.display();
        assert!(before.values().any(|cached| !cached), "{name}: {before:?}");
        let after = steps(&second(&stack, &folder, &arguments));
        assert!(after.values().all(|cached| *cached), "{name}: {after:?}");
        assert!(
            before.keys().eq(after.keys()),
            "{name}: {before:?} {after:?}"
        );
        checked += 1;
    }
    assert!(checked >= 12, "only {checked} examples in tests/cache");
}

/// The steps that a build ran or found in the cache, by name, and which of the two. Base images are no steps, nor is what the
/// frontend reads.
pub(super) fn steps(outcome: &Outcome) -> BTreeMap<String, bool> {
    outcome.succeeded();
    let vertexes = outcome
        .log
        .lines()
        .filter_map(|line| serde_json::from_str::<Progress>(line).ok())
        .flat_map(|progress| progress.vertexes)
        .filter(|vertex| vertex.name.starts_with('['))
        .filter(|vertex| !vertex.name.starts_with("[internal]"))
        .filter(|vertex| !vertex.name.contains("] FROM "));
    let mut steps = BTreeMap::new();
    for vertex in vertexes {
        *steps.entry(vertex.name).or_insert(false) |= vertex.cached;
    }
    steps
}
