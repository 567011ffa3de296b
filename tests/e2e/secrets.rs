//! Where a secret must not appear: in no blob of the image, no history line, no metadata and no
//! log.

use std::{fs, path::Path, process::Command};

use super::stack::{self, Stack};

/// What must be found nowhere, and what must be found, so that we know that we looked.
const CANARY: &str = "canary-9b1f6c0e2a7d";
const CANARY_IN_BASE64: &str = "Y2FuYXJ5LTliMWY2YzBlMmE3";
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

/// The marker is in the image, the canary is nowhere, also not in the alphabet that provenance
/// and error details carry files in.
#[track_caller]
fn check(archive: &Path, log: &str, metadata: &str) {
    assert!(holds(archive, MARKER), "the search finds nothing");
    for canary in [CANARY, CANARY_IN_BASE64] {
        assert!(!holds(archive, canary), "the image holds {canary}");
        assert!(!log.contains(canary), "the log holds {canary}");
        assert!(!metadata.contains(canary), "the metadata holds {canary}");
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
