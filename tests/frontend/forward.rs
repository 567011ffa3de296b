//! To whom a request is handed on.

use std::{collections::BTreeMap, fs};

use tempfile::TempDir;

use super::ask;

/// Which frontend runs when the file begins with `first`: its image, or none for our own.
#[track_caller]
fn check(first: &str, options: &[(&str, &str)], expected: Option<&str>) {
    check_in("off", first, options, expected);
}

/// The same in the flavour whose mode is `mode`.
#[track_caller]
fn check_in(mode: &str, first: &str, options: &[(&str, &str)], expected: Option<&str>) {
    let folder = TempDir::new().unwrap();
    let text = format!("{first}\nFROM scratch\nCOPY a b\n");
    fs::write(folder.path().join("Dockerfile"), text).unwrap();
    let locals = ["context", "dockerfile"].map(|name| (name.to_owned(), folder.path().to_owned()));
    let given = options
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let answer = ask(mode, locals.into(), given.collect::<BTreeMap<_, _>>());
    let sources = answer
        .seen
        .forwarded
        .iter()
        .map(|request| request.options["source"].as_str());
    assert_eq!(
        sources.collect::<Vec<_>>(),
        expected.into_iter().collect::<Vec<_>>()
    );
}

#[test]
fn a_syntax_line_chooses_another_frontend() {
    check(
        "# syntax=example/other:1 with more",
        &[],
        Some("example/other:1"),
    );
    check("# a comment", &[], None);
    let argument = [("build-arg:BUILDKIT_SYNTAX", "example/third")];
    check("# syntax=example/other:1", &argument, Some("example/third"));
}

#[test]
fn a_frontend_that_was_chosen_by_a_syntax_line_does_not_choose() {
    check(
        "# syntax=example/other:1",
        &[("cmdline", "example/other:1")],
        None,
    );
}

/// The original would start the same image a second time.
#[test]
fn a_syntax_line_that_names_the_image_that_runs_is_not_followed() {
    let ours = [("source", "docker.io/example/ours:latest")];
    check("# syntax=example/ours", &ours, None);
    check("# syntax=example/ours:2", &ours, Some("example/ours:2"));
}

/// Who chose the flavour with the fal layers asked for them; the language is the same.
#[test]
fn a_syntax_line_for_dockerfile_does_not_drop_the_fal_layers() {
    for first in [
        "# syntax=docker/dockerfile:1",
        "# syntax=docker/dockerfile-upstream:master",
    ] {
        check_in("app", first, &[], None);
        check_in("off", first, &[], Some(&first["# syntax=".len()..]));
    }
}

/// It reads the argument as well, but not every frontend does.
#[test]
fn an_argument_that_stands_for_an_option_is_handed_on_as_the_option_too() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("Dockerfile"), "# syntax=a/b\n").unwrap();
    let locals = BTreeMap::from([("dockerfile".to_owned(), folder.path().to_owned())]);
    let given = [
        ("hostname", "loses"),
        ("build-arg:BUILDKIT_SANDBOX_HOSTNAME", "wins"),
        ("build-arg:BUILDKIT_MULTI_PLATFORM", "true"),
    ];
    let given = given.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let answer = ask("off", locals, given.into());
    let options = &answer.seen.forwarded[0].options;
    assert_eq!(options["hostname"], "wins");
    assert_eq!(options["multi-platform"], "true");
}
