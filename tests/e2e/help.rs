//! What a user can do about a build that fails: said behind the daemon's own sentence.

use super::{
    site::Site,
    stack::{self, Outcome, Stack},
};

/// No image for this needs anything of fal's, and no test here is about that.
const BARE: [&str; 4] = ["--opt", "fal.runtime=none", "--opt", "fal.curl=none"];

/// A build that fails with what is said of it, in the daemon's words and in ours.
#[track_caller]
fn check(files: &[(&str, &str)], said: &str, help: &str) -> Outcome {
    let stack = Stack::new();
    let folder = stack::folder(files);
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &BARE);
    outcome.failed();
    for part in [said, help] {
        assert!(outcome.log.contains(part), "no {part:?}: {}", outcome.log);
    }
    outcome
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_source_that_is_missing_is_told_with_the_name_that_is_near_or_the_rule_that_hides_it() {
    let missing = "failed to calculate checksum";
    let line = "COPY src/mian.py /app/";
    let dockerfile = format!("FROM busybox:latest\n{line}\n");
    let files = [("Dockerfile", dockerfile.as_str()), ("Src", "")];
    let help = "help: the context has no src/mian.py; did you mean Src?";
    check(&files, missing, help).marked(2, line);
    let files = [
        (
            "Dockerfile",
            "FROM busybox:latest\nCOPY requirments.txt /app/\n",
        ),
        ("requirements.txt", ""),
        (".dockerignore", "*.md\n"),
    ];
    let help = "help: the context has no requirments.txt; did you mean requirements.txt?";
    check(&files, missing, help);
    let files = [
        ("Dockerfile", "FROM busybox:latest\nCOPY notes.md /app/\n"),
        ("notes.md", ""),
        (".dockerignore", "# not sent\nother\n*.md\n"),
    ];
    let help = "help: .dockerignore:3 leaves notes.md out of the context: `*.md`";
    check(&files, missing, help);
    // A plain build is returned before anything runs, and is as it was.
    let stack = Stack::new();
    let folder = stack::folder(&files);
    let plain = stack.buildctl(folder.path(), &stack.dockerfile(), &[]);
    plain.failed();
    assert!(!plain.log.contains("help:"), "{}", plain.log);
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_program_that_is_missing_is_told_with_how_to_get_it() {
    let line = "RUN echo start && git clone https://example.com/x";
    let dockerfile = format!("FROM debian:bookworm-slim\n{line}\n");
    let help = "help: the image has no `git`; install it in a RUN before: apt-get update && apt-get install";
    check(&[("Dockerfile", &dockerfile)], "exit code: 127", help).marked(2, line);
    let dockerfile = "FROM busybox:latest\nRUN <<EOF\nfrobnicate --all\nEOF\n";
    let help = "help: the image has no `frobnicate`";
    check(&[("Dockerfile", dockerfile)], "exit code: 127", help);
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_process_that_was_killed_is_told_to_lack_memory() {
    let dockerfile = "FROM busybox:latest\nRUN exit 137\n";
    let help = "help: the process was killed, mostly because memory ran out";
    check(&[("Dockerfile", dockerfile)], "exit code: 137", help);
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_registry_that_refuses_is_told_with_the_entry_that_fal_needs() {
    let site = Site::locked(&[("a", "b")], "sesame");
    let host = site.url("");
    let host = host.trim_start_matches("http://").trim_end_matches('/');
    for (image, said) in [
        ("private/app", "401 Unauthorized"),
        ("forbidden/app", "403 Forbidden"),
    ] {
        let line = format!("FROM {host}/{image}:1");
        let help = format!(
            "help: fal needs an entry of `registries` for it, \"{host}\": with a user name and a password"
        );
        check(&[("Dockerfile", &format!("{line}\n"))], said, &help).marked(1, &line);
    }
    // An entry is there, and nobody has given its password to this daemon.
    let stack = Stack::new();
    let image = format!(
        r#"{{"dockerfile_str": "FROM {host}/private/app:1\n", "registries": {{"http://{host}": {{"username": "me", "password": "$P"}}}}}}"#
    );
    let folder = stack::folder(&[("image.json", &image)]);
    let arguments = [&["--opt", "filename=image.json"][..], &BARE].concat();
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &arguments);
    outcome.failed();
    let help = format!("help: the entry \"http://{host}\" of `registries` is not accepted");
    assert!(outcome.log.contains(&help), "{}", outcome.log);
}
