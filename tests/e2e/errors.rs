//! What a user sees when a build fails: the line, marked, and exit code 1.

use super::stack::{self, Stack};

/// `line` stands in line 7, below a first line that may name the frontend.
fn dockerfile(first: &str, line: &str) -> String {
    format!("{first}\nFROM busybox:latest\nENV A=1\n\nWORKDIR /app\nRUN true\n{line}\nRUN true\n")
}

#[track_caller]
fn check(line: &str) {
    let stack = Stack::new();
    for frontend in [stack.dockerfile(), stack.fal()] {
        let folder = stack::folder(&[("Dockerfile", &dockerfile("# a comment", line))]);
        let outcome = stack.buildctl(folder.path(), &frontend, &[]);
        outcome.failed();
        outcome.marked(7, line);

        let syntax = format!("# syntax={frontend}");
        let folder = stack::folder(&[("Dockerfile", &dockerfile(&syntax, line))]);
        let outcome = stack.buildx(folder.path(), &[]);
        outcome.failed();
        outcome.marked(7, line);
    }
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_instruction_that_does_not_exist_is_marked() {
    check("COPYY a b");
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_flag_that_does_not_exist_is_marked() {
    check("COPY --form=builder a b");
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_run_that_fails_is_marked() {
    check("RUN exit 3");
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_source_that_is_not_in_the_context_is_marked() {
    check("COPY missing.txt /app/");
}

/// An op that no line is known of must not hurt the daemon when it fails.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_download_that_fails_is_told_and_the_daemon_lives() {
    let stack = Stack::new();
    let folder = stack::folder(&[(
        "Dockerfile",
        "FROM busybox:latest\nADD http://127.0.0.1:1/x /x\n",
    )]);
    let outcome = stack.buildctl(folder.path(), &stack.dockerfile(), &[]);
    outcome.failed();
    assert!(
        outcome.log.contains("connection refused"),
        "{}",
        outcome.log
    );
    let folder = stack::folder(&[("Dockerfile", "FROM scratch\nLABEL a=b\n")]);
    let platforms = ["--opt", "platform=linux/amd64,linux/arm64"];
    stack
        .buildctl(folder.path(), &stack.dockerfile(), &platforms)
        .succeeded();
}
