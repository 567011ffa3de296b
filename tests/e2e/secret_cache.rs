//! `secret-cache`: what runs again when the value of a secret is another, and what does not.
//!
//! Steps that the test knows again write chance into a file: equal files are one run.

use std::{
    collections::BTreeMap,
    fs, process, thread,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use tempfile::TempDir;

use super::{
    cache::{Progress, steps},
    stack::{self, Outcome, Stack},
};

const DOCKERFILE: &str = "# fal: mode=server curl=none
FROM busybox:latest AS one
ARG STAMP
RUN cat /proc/sys/kernel/random/uuid > /before
RUN --mount=type=secret,id=a cat /proc/sys/kernel/random/uuid > /a
RUN cat /proc/sys/kernel/random/uuid > /after
FROM busybox:latest
ARG STAMP
COPY --from=one /before /
RUN --mount=type=secret,id=b,env=B,required --mount=type=secret,id=c cat /proc/sys/kernel/random/uuid > /b
RUN cat /proc/sys/kernel/random/uuid > /last
COPY --from=one /a /after /
";

/// What writes the files of the steps above.
const FILES: [&str; 5] = ["before", "a", "after", "b", "last"];

/// What no earlier run of this test had.
fn stamp() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("build-arg:STAMP={}-{}", now.as_nanos(), process::id())
}

/// A client with these secrets, as `id=value`.
fn build(stack: &Stack, dockerfile: &str, secrets: &[&str], more: &[&str]) -> Outcome {
    let folder = stack::folder(&[("Dockerfile", dockerfile)]);
    let values = TempDir::new().unwrap();
    let secrets: Vec<String> = secrets
        .iter()
        .map(|secret| {
            let (id, value) = secret.split_once('=').unwrap();
            let path = values.path().join(id);
            fs::write(&path, value).unwrap();
            format!("id={id},src={}", path.display())
        })
        .collect();
    let mut arguments = vec!["--progress", "rawjson"];
    arguments.extend(secrets.iter().flat_map(|it| ["--secret", it.as_str()]));
    arguments.extend(more);
    stack.buildctl(folder.path(), &stack.fal(), &arguments)
}

/// What the steps wrote.
fn written(
    stack: &Stack,
    stamp: &str,
    secrets: &[&str],
    more: &[&str],
) -> BTreeMap<&'static str, String> {
    let answer = TempDir::new().unwrap();
    let output = format!("type=local,dest={}", answer.path().display());
    let more = [more, &["--opt", stamp, "--output", &output]].concat();
    build(stack, DOCKERFILE, secrets, &more).succeeded();
    let read = |name| fs::read_to_string(answer.path().join(name)).unwrap();
    FILES.map(|name| (name, read(name))).into()
}

/// Promise: a changed secret runs the steps again that mount it and those after them, and no others; an unchanged one runs none.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_changed_secret_runs_the_steps_again_that_mount_it() {
    let (stack, stamp) = (Stack::new(), stamp());
    let build = |secrets: &[&str]| written(&stack, &stamp, secrets, &[]);
    let same = |one: &BTreeMap<&str, String>, other: &BTreeMap<&str, String>| -> Vec<&str> {
        FILES
            .into_iter()
            .filter(|name| one[name] == other[name])
            .collect()
    };
    let first = build(&["a=1", "b=1"]);
    assert_eq!(build(&["a=1", "b=1"]), first);
    let other_a = build(&["a=2", "b=1"]);
    assert_eq!(same(&first, &other_a), ["before", "b", "last"]);
    let other_b = build(&["a=1", "b=2"]);
    assert_eq!(same(&first, &other_b), ["before", "a", "after"]);
    // A value and its name.
    let swapped = build(&["a=2", "b=2"]);
    assert_eq!(same(&other_a, &swapped), ["before", "a", "after"]);
    assert_eq!(same(&other_b, &swapped), ["before", "b", "last"]);
    // Given, given without a value, and not given are three.
    let with_c = build(&["a=1", "b=1", "c=1"]);
    assert_eq!(same(&first, &with_c), ["before", "a", "after"]);
    let with_empty_c = build(&["a=1", "b=1", "c="]);
    for other in [&first, &with_c] {
        assert_eq!(same(other, &with_empty_c), ["before", "a", "after"]);
    }
    // What was built with the first value is still what it was built with.
    assert_eq!(build(&["a=1", "b=1"]), first);
    assert_eq!(build(&["a=2", "b=1"]), other_a);

    let key = "FAL_SECRET_CACHE_KEY=one";
    let keyed = build(&["a=1", "b=1", key]);
    assert_eq!(same(&first, &keyed), ["before"]);
    assert_eq!(build(&["a=1", "b=1", key]), keyed);
    let other_key = "FAL_SECRET_CACHE_KEY=two";
    assert_eq!(same(&keyed, &build(&["a=1", "b=1", other_key])), ["before"]);
}

/// Promise: what the daemon ignores of its cache does not take its key away.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn without_the_cache_all_runs_and_is_found_afterwards() {
    let (stack, stamp) = (Stack::new(), stamp());
    let secrets = ["a=1", "b=1"];
    let first = written(&stack, &stamp, &secrets, &[]);
    let again = written(&stack, &stamp, &secrets, &["--no-cache"]);
    for name in FILES {
        assert_ne!(first[name], again[name], "{name}");
    }
    assert_eq!(written(&stack, &stamp, &secrets, &[]), again);
}

/// Promise: builds that run at the same time with other values of one secret have nothing of each other.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn two_builds_at_once_keep_their_secrets_apart() {
    const DOCKERFILE: &str = "# fal: mode=server curl=none
FROM busybox:latest
ARG STAMP
RUN --mount=type=secret,id=a sleep 1; cat /run/secrets/a > /told
";
    let (stack, stamp) = (Stack::new(), stamp());
    let told = |value: &str| {
        let answer = TempDir::new().unwrap();
        let output = format!("type=local,dest={}", answer.path().display());
        let secret = format!("a={value}");
        let more = ["--opt", &stamp, "--output", &output];
        build(&stack, DOCKERFILE, &[&secret], &more).succeeded();
        fs::read_to_string(answer.path().join("told")).unwrap()
    };
    let values = ["1", "2", "1", "3"];
    // At once, and from the cache.
    for _ in 0..2 {
        let answers = thread::scope(|scope| {
            let builds = values.map(|value| scope.spawn(|| told(value)));
            builds.map(|build| build.join().unwrap())
        });
        assert_eq!(answers, values);
    }
}

/// Promise: a secret is looked at once in a build, whoever mounts it and for whatever platform, and one that nobody mounts not
/// at all.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_secret_is_looked_at_once() {
    const DOCKERFILE: &str = "# fal: mode=server curl=none
FROM --platform=$BUILDPLATFORM busybox:latest AS made
ARG TARGETARCH
RUN --mount=type=secret,id=a echo \"$TARGETARCH\" > /made
RUN --mount=type=secret,id=a,env=A true
FROM busybox:latest AS unused
RUN --mount=type=secret,id=b true
FROM scratch
COPY --from=made /made /made
";
    let stack = Stack::new();
    let more = ["--opt", "platform=linux/amd64,linux/arm64"];
    let outcome = build(&stack, DOCKERFILE, &["a=1", "b=1"], &more);
    let looks: Vec<_> = vertexes(&outcome)
        .into_iter()
        .filter(|(_, name)| name.contains("look at the secret"))
        .collect();
    let names: Vec<_> = looks.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["[fal] look at the secret a"], "{looks:?}");
}

/// The digests and names of what ran.
fn vertexes(outcome: &Outcome) -> BTreeMap<String, String> {
    outcome.succeeded();
    let progress = outcome
        .log
        .lines()
        .filter_map(|line| serde_json::from_str::<Progress>(line).ok());
    let vertexes = progress.flat_map(|progress| progress.vertexes);
    vertexes
        .map(|vertex| (vertex.digest, vertex.name))
        .collect()
}

/// Promise: nothing of it is in the image, not even where it was mounted; and with `secret-cache=off` the ops are those of the
/// original, which has their results.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_image_is_the_same_with_it_and_without() {
    // An image without any folders, and a user who may not look.
    const DOCKERFILE: &str = "# fal: mode=server curl=none
FROM busybox:latest AS busybox
FROM scratch
ARG STAMP
COPY --from=busybox /bin /bin
RUN --mount=type=secret,id=a,target=/deep/down/s,uid=7 --mount=type=secret,id=b,env=B echo x > /x
USER 1000:1000
WORKDIR /w
RUN --mount=type=secret,id=b,env=B id > /w/y; test ! -r /.fal-secret-0/fingerprint
";
    let (stack, stamp) = (Stack::new(), stamp());
    let image = stack.image("secret-cache");
    let output = format!("type=image,name={image},push=true,rewrite-timestamp=true");
    let epoch = "build-arg:SOURCE_DATE_EPOCH=1700000000";
    let more = ["--opt", &stamp, "--opt", epoch, "--output", &output];
    let digest = |cache: &str| {
        let option = format!("fal.secret-cache={cache}");
        let more = [&more as &[&str], &["--opt", &option]].concat();
        let outcome = build(&stack, DOCKERFILE, &["a=1", "b=1"], &more);
        outcome.succeeded();
        (outcome.metadata["containerimage.digest"].clone(), outcome)
    };
    let (with, _) = digest("on");

    let folder = stack::folder(&[("Dockerfile", DOCKERFILE), ("s", "1")]);
    let secret = |id: &str| format!("id={id},src={}", folder.path().join("s").display());
    let (a, b) = (secret("a"), secret("b"));
    let secrets = ["--progress", "rawjson", "--secret", &a, "--secret", &b];
    stack
        .builtin(folder.path(), &[&secrets, &more as &[&str]].concat())
        .succeeded();

    let (without, outcome) = digest("off");
    assert_eq!(with, without);
    let ran: Vec<_> = steps(&outcome)
        .into_iter()
        .filter(|(name, cached)| !cached && name.contains("RUN"))
        .collect();
    assert!(ran.is_empty(), "{ran:?}");
}

/// Promise: a secret that was not given is told with the line of the step that runs without it; one that is required ends the build
/// there, as it always did.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_secret_that_was_not_given_is_told_with_its_line() {
    const OPTIONAL: &str = "# check=skip=fal/CurlMissing
# fal: mode=server curl=none
FROM busybox:latest
RUN --mount=type=secret,id=given true
RUN --mount=type=secret,id=b,env=B true
RUN --mount=type=secret,id=a \\
    --mount=type=secret,id=b true
";
    let stack = Stack::new();
    let outcome = build(&stack, OPTIONAL, &["given=1"], &[]);
    outcome.succeeded();
    assert_eq!(
        warnings(&outcome),
        [
            (
                6,
                "no secret \"a\" was given, and the step runs without it".to_owned()
            ),
            (
                5,
                "no secret \"b\" was given, and the step runs without it".to_owned()
            ),
        ]
    );

    let required = "FROM busybox:latest\nRUN --mount=type=secret,id=a,required true\n";
    let folder = stack::folder(&[("Dockerfile", required)]);
    for frontend in [stack.fal(), stack.dockerfile()] {
        let outcome = stack.buildctl(folder.path(), &frontend, &[]);
        outcome.failed();
        assert!(
            outcome.log.contains("secret a: not found"),
            "{}",
            outcome.log
        );
        outcome.marked(2, "RUN --mount=type=secret,id=a,required true");
    }
}

/// Promise: a key that anybody could guess is refused, with a sentence.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_empty_key_is_refused() {
    let dockerfile = "# fal: mode=server curl=none
FROM busybox:latest
RUN --mount=type=secret,id=a,required true
";
    let stack = Stack::new();
    let outcome = build(&stack, dockerfile, &["a=1", "FAL_SECRET_CACHE_KEY="], &[]);
    outcome.failed();
    let error = outcome
        .log
        .lines()
        .rfind(|line| line.starts_with("error: "));
    let error = error.unwrap_or_else(|| panic!("no error in:\n{}", outcome.log));
    assert!(
        error.contains("the secret FAL_SECRET_CACHE_KEY is empty"),
        "{error}"
    );
    outcome.marked(3, "RUN --mount=type=secret,id=a,required true");
}

/// The warnings of a build, with the first line of each.
fn warnings(outcome: &Outcome) -> Vec<(i64, String)> {
    let progress = outcome
        .log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut found = Vec::new();
    for event in progress {
        for warning in event["warnings"].as_array().into_iter().flatten() {
            let short = warning["short"].as_str().unwrap_or_default();
            let text = String::from_utf8(BASE64_STANDARD.decode(short).unwrap()).unwrap();
            let line = warning["range"][0]["start"]["line"].as_i64();
            found.push((line.unwrap_or_default(), text));
        }
    }
    found
}
