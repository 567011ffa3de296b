//! What `mode=app` asks of an image, and `mode=off` does not.

use super::stack::{self, Stack};

const BUSYBOX: &str = "FROM busybox:latest\nRUN echo built > /built\n";

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_image_without_python_is_no_app_and_the_error_says_what_to_do() {
    let stack = Stack::new();
    let folder = stack::folder(&[("Dockerfile", BUSYBOX)]);
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &[]);
    outcome.failed();
    let error = outcome
        .log
        .lines()
        .rfind(|line| line.starts_with("error: "));
    let error = error.unwrap_or_else(|| panic!("no error in:\n{}", outcome.log));
    assert!(error.contains("no Python"), "{error}");
    // What to do: say that no Python app is to run inside, or bring a Python.
    assert!(error.contains("mode=server"), "{error}");
    outcome.marked(1, "FROM busybox:latest");
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_image_without_python_builds_with_mode_off() {
    let stack = Stack::new();
    let folder = stack::folder(&[("Dockerfile", BUSYBOX)]);
    stack
        .buildctl(folder.path(), &stack.dockerfile(), &[])
        .succeeded();
    stack
        .buildctl(folder.path(), &stack.fal(), &["--opt", "fal.mode=off"])
        .succeeded();
    stack
        .buildctl(
            folder.path(),
            &stack.fal(),
            &["--opt", "build-arg:FAL_MODE=off"],
        )
        .succeeded();
    let written = format!("# fal: mode=off\n{BUSYBOX}");
    let folder = stack::folder(&[("Dockerfile", &written)]);
    stack.buildctl(folder.path(), &stack.fal(), &[]).succeeded();
}
