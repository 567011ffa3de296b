//! What becomes of requirements.
//!
//! Every folder of `tests/requirements` has a `Dockerfile` or a `pyproject.toml` and a file `expected`: the ops, the config and the
//! warnings, or the error. `UPDATE_EXPECTED=1` writes `expected` anew.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use fal_helper::{context::LISTING_FILE, report::LOOK_FILE};

use super::{ask_of, daemon::Daemon, difference, shown, updates};

/// What a look finds in an image that lacks nothing.
const NOTHING_LACKS: &str =
    r#"{"version":1,"step":"look","mode":"app","curl":{"path":"/usr/bin/curl"}}"#;

/// Promise: what requirements become changes only when somebody means it to, and no credential is told.
#[test]
fn every_list_becomes_the_steps_it_was_found_to() {
    let mut changed = String::new();
    let mut cases: Vec<_> = fs::read_dir("tests/requirements")
        .unwrap()
        .map(|case| case.unwrap().path())
        .collect();
    cases.sort();
    for case in cases {
        let found = becomes(&case);
        assert!(!found.contains("canary"), "{found}");
        let expected = case.join("expected");
        if updates() {
            fs::write(expected, found).unwrap();
            continue;
        }
        let written = fs::read_to_string(expected).unwrap_or_default();
        if written != found {
            let difference = difference(&written, &found);
            writeln!(changed, "{}\n{difference}", case.display()).unwrap();
        }
    }
    assert!(changed.is_empty(), "{changed}");
}

fn becomes(case: &Path) -> String {
    let locals = ["context", "dockerfile"].map(|name| (name.to_owned(), case.to_owned()));
    let mut daemon = Daemon::new(locals.into());
    daemon.files = BTreeMap::from([
        (LOOK_FILE, NOTHING_LACKS.into()),
        // What the key is made of besides is for others to say.
        (LISTING_FILE, "".into()),
    ]);
    let file = match case.join("Dockerfile").exists() {
        true => "Dockerfile",
        false => "pyproject.toml",
    };
    let options = [
        ("cmdline", "example/ours"),
        ("source", "example/ours"),
        ("filename", file),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    shown(ask_of(daemon, "app", options.into()))
}
