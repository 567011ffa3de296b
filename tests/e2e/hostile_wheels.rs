//! Wheels that nobody should install, from an index that offers them: real builds refuse them, and say which wheel and why.
//!
//! What else is refused, and each sentence, is tested beside the code that unpacks (`helper/src/wheel/hostile.rs`); here it is that
//! nothing else looks at such a wheel before, and that the build ends there.

use std::{sync::Mutex, thread};

use super::{
    craft::{Craft, Item},
    site::Site,
    stack::{self, Outcome, Stack},
};

/// Builds that run at once.
const AT_ONCE: usize = 4;

/// A wheel, and what is said of it.
type Row = (Craft, &'static str);

fn rows() -> Vec<Row> {
    let good = |name: &str| Craft::new(name).file(&format!("{name}.py"), "x = 1\n");
    let named = |name: &str, file: &str| good(name).file(file, "x");
    let special =
        |name: &str, mode: u32| good(name).item(Item::new("special", "/etc/passwd").mode(mode));
    vec![
        (
            named("absolute", "/etc/cron.d/x"),
            "the name `/etc/cron.d/x` in it is absolute",
        ),
        (
            named("above", "../../../../etc/x"),
            "leads to another place",
        ),
        (
            named("data", "data-1.0.data/data/../../../etc/x"),
            "leads to another place",
        ),
        (
            named("scripts", "scripts-1.0.data/scripts/../../x"),
            "leads to another place",
        ),
        (
            special("linked", 0o120_777),
            "`special` in it is a link or a special file",
        ),
        (
            special("device", 0o020_666),
            "`special` in it is a link or a special file",
        ),
        (
            good("bomb").edit("bomb.py", |item| item.size = Some(1 << 31)),
            "bytes are said to come out of an archive of",
        ),
        (
            good("changed")
                .record(|rows| rows)
                .edit("changed.py", |item| item.bytes = b"x = 2\n".to_vec()),
            "`changed.py` in it has another hash than RECORD says",
        ),
        (
            good("unlisted").record(|rows| rows.replace("unlisted.py", "listed.py")),
            "RECORD does not list `unlisted.py`",
        ),
        (named("twice", "twice.py"), "it has a name twice"),
        (
            named("also", "also-1.0.data/purelib/also.py"),
            "also.py` twice",
        ),
        // The image has a folder there.
        (
            named("over", "over-1.0.data/data/lib"),
            "it has a file /usr/local/lib, where a folder is",
        ),
    ]
}

/// Promise: a hostile wheel ends the build, at the line that asks for it, with its name and what is wrong with it.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn hostile_wheels_are_refused_by_name() {
    let stack = Stack::new();
    let (wheels, told): (Vec<Craft>, Vec<&str>) = rows().into_iter().unzip();
    let site = Site::new(&[("a", "a")]);
    wheels.iter().for_each(|wheel| site.offer(wheel, None));
    let rows = Mutex::new(wheels.iter().zip(told));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((wheel, told)) = { rows.lock().expect("rows").next() } {
                    let outcome = refused(&stack, &site, wheel);
                    let said = format!("fal: the wheel {} is refused: ", wheel.file);
                    let said = outcome
                        .log
                        .lines()
                        .find_map(|line| Some(line.split_once(&said)?.1));
                    assert!(
                        said.is_some_and(|said| said.contains(told)),
                        "{told}: {}",
                        outcome.log
                    );
                    let ended = format!("failed to solve: the wheel {} is refused: ", wheel.file);
                    assert!(outcome.log.contains(&ended), "{}", outcome.log);
                }
            });
        }
    });
}

/// Promise: a wheel that is not the one of the index is not even opened, and one for another Python is not fetched.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn other_wheels_than_the_index_means_are_not_installed() {
    let stack = Stack::new();
    let site = Site::new(&[("a", "a")]);
    let other = Craft::new("other").file("other.py", "");
    site.offer(&other, Some(&"0".repeat(64)));
    let outcome = refused(&stack, &site, &other);
    let ended = format!("failed to solve: the wheel {} is refused: ", other.file);
    assert!(outcome.log.contains(&ended), "{}", outcome.log);
    assert!(outcome.log.contains("digest mismatch"), "{}", outcome.log);

    let mut foreign = Craft::new("foreign").file("foreign.py", "");
    foreign.file = "foreign-1.0-cp39-cp39-win_amd64.whl".to_owned();
    site.offer(&foreign, None);
    let outcome = refused(&stack, &site, &foreign);
    assert!(
        outcome
            .log
            .contains("foreign==1.0 has no wheels with a matching"),
        "{}",
        outcome.log
    );
    assert!(!outcome.log.contains("fetch foreign"), "{}", outcome.log);
}

/// A build that asks for a wheel, and fails at the line that does.
#[track_caller]
fn refused(stack: &Stack, site: &Site, wheel: &Craft) -> Outcome {
    let name = wheel.file.split('-').next().unwrap_or_default();
    let index = site.url("simple/");
    let line = format!("# fal: runtime=none curl=none requirements=\"--index-url={index} {name}\"");
    let folder = stack::folder(&[("Dockerfile", &format!("{line}\nFROM python:3.11-slim\n"))]);
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &[]);
    outcome.failed();
    outcome.marked(1, &line);
    outcome
}
