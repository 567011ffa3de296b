//! Where a secret must not appear: in no blob of the image, no history line, no metadata and no
//! log.

use std::{fs, path::Path, process::Command};

use super::stack::{self, Stack};

/// What must be found nowhere, and what must be found, so that we know that we looked.
const CANARY: &str = "canary-9b1f6c0e2a7d";
/// The same in base64, which provenance and error details carry files in: as it begins at a first, a second and a third byte.
const CANARY_IN_BASE64: [&str; 3] = [
    "Y2FuYXJ5LTliMWY2YzBlMmE3Z",
    "NhbmFyeS05YjFmNmMwZTJhN2",
    "jYW5hcnktOWIxZjZjMGUyYTdk",
];
const MARKER: &str = "marker-4d7a0c8e5b13";

fn dockerfile(first: &str) -> String {
    format!(
        "{first}
FROM python:3.11-slim
RUN --mount=type=secret,id=canary,required=true \\
    test -s /run/secrets/canary && cp /run/secrets/canary /dev/shm/used && rm /dev/shm/used
RUN --mount=type=secret,id=canary,env=CANARY test -n \"$CANARY\"
RUN echo {MARKER} > /marker
"
    )
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_secret_leaves_no_trace() {
    let stack = Stack::new();
    let folder = stack::folder(&[("Dockerfile", &dockerfile("#")), ("canary", CANARY)]);
    let secret = format!("id=canary,src={}", folder.path().join("canary").display());
    // The folder with the secret is no part of the build context.
    let context = stack::folder(&[("Dockerfile", &dockerfile("#"))]);
    let archive = folder.path().join("image.tar");
    let output = format!(
        "type=oci,dest={},compression=uncompressed,force-compression=true",
        archive.display()
    );

    let outcome = stack.buildctl(
        context.path(),
        &stack.fal(),
        &[
            "--secret",
            &secret,
            "--opt",
            "attest:provenance=mode=max",
            "--output",
            &output,
        ],
    );
    outcome.succeeded();
    check(&archive, &outcome.log, &outcome.metadata.to_string());
    fs::remove_file(&archive).expect("the archive");

    let syntax = format!("# syntax={}", stack.fal());
    let context = stack::folder(&[("Dockerfile", &dockerfile(&syntax))]);
    let outcome = stack.buildx(
        context.path(),
        &[
            "--secret",
            &secret,
            "--provenance=mode=max",
            "--output",
            &output,
        ],
    );
    outcome.succeeded();
    check(&archive, &outcome.log, &outcome.metadata.to_string());
}

/// A failing step says what it was, and not what was mounted into it.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_build_that_fails_does_not_tell_a_secret() {
    let stack = Stack::new();
    let written = |first: &str| {
        format!(
            "{}RUN --mount=type=secret,id=canary,env=CANARY exit 3\n",
            dockerfile(first)
        )
    };
    let folder = stack::folder(&[("canary", CANARY)]);
    let secret = format!("id=canary,src={}", folder.path().join("canary").display());

    let context = stack::folder(&[("Dockerfile", &written("#"))]);
    let outcome = stack.buildctl(context.path(), &stack.fal(), &["--secret", &secret]);
    outcome.failed();
    absent("log", |canary| outcome.log.contains(canary));

    let syntax = format!("# syntax={}", stack.fal());
    let context = stack::folder(&[("Dockerfile", &written(&syntax))]);
    let outcome = stack.buildx(context.path(), &["--secret", &secret]);
    outcome.failed();
    absent("log", |canary| outcome.log.contains(canary));
}

/// The marker is in the image, the canary is nowhere.
#[track_caller]
fn check(archive: &Path, log: &str, metadata: &str) {
    assert!(holds(archive, MARKER), "the search finds nothing");
    absent("image", |canary| holds(archive, canary));
    absent("log", |canary| log.contains(canary));
    absent("metadata", |canary| metadata.contains(canary));
}

#[track_caller]
fn absent(place: &str, has: impl Fn(&str) -> bool) {
    for canary in [CANARY].iter().chain(&CANARY_IN_BASE64) {
        assert!(!has(canary), "the {place} holds {canary}");
    }
}

fn holds(archive: &Path, text: &str) -> bool {
    let status = Command::new("grep")
        .args(["--text", "--fixed-strings", "--quiet", text])
        .arg(archive)
        .status()
        .expect("grep starts");
    assert!(matches!(status.code(), Some(0 | 1)), "grep failed");
    status.success()
}
