//! Where a secret must not appear: in no blob of the image or of an exported cache, no history line, no metadata, no log and no
//! error, in whatever way it came in. Its fingerprint is in none of them either, but for the cache that a daemon exports.

use std::{fs, path::Path, process::Command};

use fal_helper::fingerprint::{self, Secret, VALUE_FILE};
use tempfile::TempDir;

use super::{
    site::Site,
    stack::{self, Outcome, Stack},
};

/// What must be found nowhere, and what must be found, so that we know that we looked.
pub(super) const CANARY: &str = "canary-9b1f6c0e2a7d";
/// The same in base64, which provenance, error details and passwords carry bytes in: as it begins at a first, a second and a third
/// byte.
const CANARY_IN_BASE64: [&str; 3] = [
    "Y2FuYXJ5LTliMWY2YzBlMmE3Z",
    "NhbmFyeS05YjFmNmMwZTJhN2",
    "jYW5hcnktOWIxZjZjMGUyYTdk",
];
const MARKER: &str = "marker-4d7a0c8e5b13";

/// The secrets of a build, all with one value: those of steps, those that the daemon itself sends to others, and the key of the
/// fingerprints.
const IDS: [&str; 4] = [
    "canary",
    "GIT_AUTH_TOKEN",
    "HTTP_AUTH_TOKEN_127.0.0.1",
    fingerprint::KEY_SECRET,
];

/// Every way in which a secret comes into a build.
fn dockerfile(first: &str, site: &Site) -> String {
    let (file, repository) = (site.url("undated/a"), site.url("repo.git"));
    let index = site.url("simple/");
    let index = index.replace("http://", "http://x-access-token:${canary}@");
    format!(
        "{first}
# fal: requirements=\"--extra-index-url {index} private\"
FROM python:3.11-slim
RUN --mount=type=secret,id=canary,required=true \\
    test -s /run/secrets/canary && cp /run/secrets/canary /dev/shm/used && rm /dev/shm/used
RUN --mount=type=secret,id=canary,env=CANARY test -n \"$CANARY\"
RUN --mount=type=secret,id=canary,env=CANARY,target=/etc/deep/canary,mode=0444,uid=7 \\
    --mount=type=secret,id=FAL_SECRET_CACHE_KEY,target=/key test \"$(cat /etc/deep/canary)\" = \"$CANARY\"
ADD {file} /file
ADD {repository} /repository
RUN echo {MARKER} > /marker
"
    )
}

/// A client with secrets, and a site that asks for them.
struct Case {
    stack: Stack,
    site: Site,
    /// No part of the build context.
    values: TempDir,
}

impl Case {
    fn new() -> Self {
        let values = stack::folder(&IDS.map(|id| (id, CANARY)));
        Self {
            stack: Stack::new(),
            site: Site::locked(&[("a", "a")], CANARY).with_distribution("private"),
            values,
        }
    }

    /// Builds a Dockerfile through both clients: with what stands in the first line, and what is added to the end.
    fn builds(&self, more: &str, arguments: [&[&str]; 2], check: impl Fn(&Outcome)) {
        let secrets = IDS.map(|id| {
            let path = self.values.path().join(id);
            format!("id={id},src={}", path.display())
        });
        let secrets: Vec<&str> = secrets.iter().flat_map(|it| ["--secret", it]).collect();
        let syntax = format!("# syntax={}", self.stack.fal());
        let context =
            |first: &str| stack::folder(&[("Dockerfile", &(dockerfile(first, &self.site) + more))]);
        let [of_buildctl, of_buildx] = arguments.map(|more| [&secrets, more].concat());
        check(
            &self
                .stack
                .buildctl(context("#").path(), &self.stack.fal(), &of_buildctl),
        );
        check(&self.stack.buildx(context(&syntax).path(), &of_buildx));
    }
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_secret_leaves_no_trace() {
    let case = Case::new();
    let archive = case.values.path().join("image.tar");
    let cache = case.values.path().join("cache");
    let raw = "compression=uncompressed,force-compression=true";
    let output = format!("type=oci,dest={},{raw}", archive.display());
    let export = format!("type=local,dest={},mode=max,{raw}", cache.display());
    let of_buildctl = [
        "--opt",
        "attest:provenance=mode=max",
        "--output",
        &output,
        "--export-cache",
        &export,
    ];
    let of_buildx = [
        "--provenance=mode=max",
        "--output",
        &output,
        "--cache-to",
        &export,
    ];
    case.builds("", [&of_buildctl, &of_buildx], |outcome| {
        outcome.succeeded();
        for place in [&archive, &cache] {
            assert!(holds(place, MARKER), "the search finds nothing");
            secret_is_absent("image or cache", |text| holds(place, text));
        }
        absent("image", |text| holds(&archive, text));
        absent("log", |text| outcome.log.contains(text));
        absent("metadata", |text| {
            outcome.metadata.to_string().contains(text)
        });
        fs::remove_file(&archive).expect("the archive");
        fs::remove_dir_all(&cache).expect("the cache");
    });
}

/// A step that fails says what it was, and not what came into it.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_build_that_fails_does_not_tell_a_secret() {
    let case = Case::new();
    for (failing, why) in [
        (
            "RUN --mount=type=secret,id=canary,env=CANARY exit 3".to_owned(),
            "exit code: 3",
        ),
        (
            "RUN --mount=type=secret,id=canary,target=/s set -x; exit $(wc -c < /s)".to_owned(),
            "exit code: 19",
        ),
        (format!("ADD {} /x", case.site.url("undated/none")), "404"),
        (format!("ADD {}#none /x", case.site.url("repo.git")), "none"),
        (format!("ADD {} /x", case.site.url("none.git")), "none.git"),
    ] {
        case.builds(&(failing + "\n"), [&[], &[]], |outcome| {
            outcome.failed();
            assert!(outcome.log.contains(why), "{}", outcome.log);
            absent("log", |text| outcome.log.contains(text));
        });
    }
}

#[track_caller]
fn secret_is_absent(place: &str, has: impl Fn(&str) -> bool) {
    for secret in [CANARY].iter().chain(&CANARY_IN_BASE64) {
        assert!(!has(secret), "the {place} holds {secret}");
    }
}

/// The secret, and its fingerprint.
#[track_caller]
pub(super) fn absent(place: &str, has: impl Fn(&str) -> bool) {
    secret_is_absent(place, &has);
    let fingerprint = fingerprint();
    assert!(!has(&fingerprint), "the {place} holds {fingerprint}");
}

/// The fingerprint of the secret that steps mount.
fn fingerprint() -> String {
    let folder = stack::folder(&[("value", CANARY)]);
    let value = folder.path().join("value");
    let secret = Secret {
        id: "canary",
        file: &value,
    };
    fingerprint::write(&secret, &value, folder.path(), folder.path()).expect("a fingerprint");
    fs::read_to_string(folder.path().join(VALUE_FILE)).expect("a fingerprint")
}

pub(super) fn holds(place: &Path, text: &str) -> bool {
    let status = Command::new("grep")
        .args(["--text", "--fixed-strings", "--recursive", "--quiet", text])
        .arg(place)
        .status()
        .expect("grep starts");
    assert!(matches!(status.code(), Some(0 | 1)), "grep failed");
    status.success()
}
