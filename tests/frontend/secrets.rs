//! What is said and done of the secrets of a build.

use std::{collections::BTreeMap, fs};

use fal_frontend::{gateway::Refs, llb};
use fal_helper::{fingerprint::ABSENT_FILE, report::LOOK_FILE};
use tempfile::TempDir;

use super::{ask_of, daemon::Daemon};

const DOCKERFILE: &str = "# Of an image that has curl.
FROM busybox
RUN --mount=type=secret,id=given,required true
RUN --mount=type=secret,id=a true
RUN --mount=type=secret,id=a --mount=type=secret,id=b,required true
";

/// What a look finds in an image that lacks nothing.
const NOTHING_LACKS: &str =
    r#"{"version":1,"step":"look","mode":"server","curl":{"path":"/usr/bin/curl"}}"#;

/// What is said of a build for two platforms, with the lines, and whether its steps mount what they did not ask for.
fn build(daemon: impl Fn(Daemon) -> Daemon, mode: &str) -> (Vec<(i32, String)>, bool) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("Dockerfile"), DOCKERFILE).unwrap();
    let locals = ["context", "dockerfile"].map(|name| (name.to_owned(), folder.path().to_owned()));
    let mut daemon = daemon(Daemon::new(locals.into()));
    daemon.files = BTreeMap::from([
        (LOOK_FILE, NOTHING_LACKS.into()),
        // No secret is given.
        (ABSENT_FILE, "".into()),
    ]);
    let options = [
        ("cmdline", "example/ours"),
        ("source", "example/ours"),
        ("platform", "linux/amd64,linux/arm64"),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let answer = ask_of(daemon, mode, options.into());
    let result = answer.result.expect("a result");
    let Refs::ByPlatform(refs) = &result.refs else {
        panic!("one platform");
    };
    let is_watched = refs
        .values()
        .flatten()
        .any(|reference| llb::print(&answer.seen.solved[&reference.id]).contains("/.fal-secret-"));
    let said = answer.seen.warnings.iter().map(|warning| {
        let line = warning.ranges[0]
            .start
            .as_ref()
            .map_or(0, |start| start.line);
        (line, String::from_utf8_lossy(&warning.short).into_owned())
    });
    (said.collect(), is_watched)
}

#[test]
fn a_secret_that_was_not_given_is_told_once_and_not_where_it_ends_the_build() {
    let said = "no secret \"a\" was given, and the step runs without it".to_owned();
    assert_eq!(build(|daemon| daemon, "server"), (vec![(4, said)], true));
}

#[test]
fn a_daemon_that_cannot_compare_what_is_mounted_is_told_once_and_builds_all_the_same() {
    let old = |daemon: Daemon| daemon.without("exec.mount.cache.content");
    let said = "a changed secret does not run the steps again that mount it: this daemon does not compare what steps mount";
    assert_eq!(build(old, "server"), (vec![(3, said.to_owned())], false));
}

#[test]
fn where_nothing_is_fal_s_nothing_is_said_and_nothing_mounted() {
    assert_eq!(build(|daemon| daemon, "off"), (Vec::new(), false));
}
