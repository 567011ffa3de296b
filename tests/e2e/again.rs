//! What runs the fal layers again, and what of them is told beside the image.

use std::{
    collections::BTreeMap,
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    cache::steps,
    stack::{self, Stack},
};

const DOCKERFILE: &str = "# fal: mode=server\nFROM debian:bookworm-slim\nCOPY app.py /\n";

const COPY: &str = "[2/2] COPY app.py /";
const LOOK: &str = "[fal] look at the image";
const FETCH: &str = "[fal] fetch curl";
const INSTALL: &str = "[fal] install curl";

/// Promise: an edit fetches nothing again; `no-cache` runs the fal layers again and nothing of the user's; `refresh` runs what has no
/// exact version, once for each word.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn the_fal_layers_run_again_when_they_have_to_or_are_asked_to() {
    let stack = Stack::new();
    let folder = stack::folder(&[("Dockerfile", DOCKERFILE)]);
    let now = || {
        let time = SystemTime::now().duration_since(UNIX_EPOCH);
        time.unwrap().as_nanos().to_string()
    };
    let edit = || fs::write(folder.path().join("app.py"), now()).unwrap();
    let build = |options: &[&str]| -> BTreeMap<String, bool> {
        let mut arguments = vec!["--progress", "rawjson"];
        arguments.extend(options.iter().flat_map(|option| ["--opt", option]));
        steps(&stack.buildctl(folder.path(), &stack.fal(), &arguments))
    };
    // What ran, of the four.
    let ran = |options: &[&str]| -> Vec<&str> {
        let steps = build(options);
        [COPY, LOOK, FETCH, INSTALL]
            .into_iter()
            .filter(|step| !steps[*step])
            .collect()
    };
    edit();
    build(&[]);
    assert_eq!(ran(&[]), [""; 0]);
    edit();
    assert_eq!(ran(&[]), [COPY, LOOK, INSTALL]);
    assert_eq!(ran(&["fal.no-cache=on"]), [LOOK, FETCH, INSTALL]);
    let word = format!("fal.refresh={}", now());
    assert_eq!(ran(&[&word]), [FETCH, INSTALL]);
    assert_eq!(ran(&[&word]), [""; 0]);
}

/// Promise: whoever reads the provenance of an image finds what its fal layers were made with.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn the_image_with_the_helper_is_among_the_materials() {
    let stack = Stack::new();
    let dockerfile = "# fal: mode=server curl=none\nFROM busybox:latest\n";
    let folder = stack::folder(&[("Dockerfile", dockerfile)]);
    let syntax = format!("BUILDKIT_SYNTAX={}", stack.fal());
    let arguments = [
        "--build-arg",
        &syntax,
        "--provenance",
        "mode=min",
        "--output",
        "type=cacheonly",
    ];
    let outcome = stack.buildx(folder.path(), &arguments);
    outcome.succeeded();
    let materials = outcome.metadata["buildx.build.provenance"]["materials"].to_string();
    assert!(materials.contains("/fal-frontend@latest"), "{materials}");
}
