//! The same example through each of the three ways that lead to a frontend.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::stack::{self, Outcome, Stack};

/// What a client is asked to bring to every door, and what the build makes of it.
const ASKED: &str = "
ARG GREETING=none
LABEL greeting=$GREETING
RUN --mount=type=secret,id=token,required=true test \"$(cat /run/secrets/token)\" = sesame
";

/// The example, with the line that names its frontend, if any, and with questions at its end.
fn example(first: &str) -> TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let written = fs::read_to_string(root.join("examples/base-python/Dockerfile"));
    let text = format!("{first}{}{ASKED}", written.expect("the example"));
    stack::folder(&[("Dockerfile", &text), ("token", "sesame")])
}

fn syntax(stack: &Stack) -> String {
    format!("# syntax={}\n", stack.fal())
}

fn pushed(image: &str) -> String {
    format!("type=image,name={image},push=true")
}

/// The build succeeded, the client's arguments arrived, and the image has what fal needs.
/// Gives the image's digest.
#[track_caller]
fn check(stack: &Stack, outcome: &Outcome, image: &str) -> String {
    outcome.succeeded();
    assert!(
        !outcome.metadata["frontend.fal.report"].is_null(),
        "no report in {}",
        outcome.metadata
    );
    assert_eq!(stack.config(image)["config"]["Labels"]["greeting"], "hello");
    let versions = stack.versions(image);
    for wanted in [
        "curl ",
        "Python 3.11.",
        "pydantic 2.10.6",
        "protobuf 4.25.1",
        "boto3 1.35.74",
    ] {
        assert!(
            versions.lines().any(|line| line.starts_with(wanted)),
            "no `{wanted}` in:\n{versions}"
        );
    }
    let digest = outcome.metadata["containerimage.digest"].as_str();
    digest.expect("the digest of an image").to_owned()
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn all_three_doors_lead_to_the_same_image() {
    let stack = Stack::new();

    // buildctl names the frontend image. The first line of the file, which counts in `fal.key`, does, too.
    let folder = example(&syntax(&stack));
    let image = stack.image("door-gateway");
    let token = folder.path().join("token");
    let secret = format!("id=token,src={}", token.display());
    let output = pushed(&image);
    let arguments = [
        "--opt",
        "build-arg:GREETING=hello",
        "--secret",
        &secret,
        "--output",
        &output,
    ];
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &arguments);
    let gateway = check(&stack, &outcome, &image);

    // The Dockerfile's first line names it, and the daemon's own frontend follows it there.
    let image = stack.image("door-syntax");
    let output = pushed(&image);
    let arguments = [
        "--opt",
        "build-arg:GREETING=hello",
        "--secret",
        &secret,
        "--output",
        &output,
    ];
    let outcome = stack.builtin(folder.path(), &arguments);
    let builtin = check(&stack, &outcome, &image);

    // The same with buildx, which is what `docker build` runs.
    let image = stack.image("door-buildx");
    let arguments = [
        "--build-arg",
        "GREETING=hello",
        "--secret",
        &secret,
        "--tag",
        &image,
        "--push",
    ];
    let outcome = stack.buildx(folder.path(), &arguments);
    let buildx = check(&stack, &outcome, &image);

    assert_eq!(builtin, gateway);
    assert_eq!(buildx, gateway);
}
