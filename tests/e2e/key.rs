//! `fal.key`: one value, wherever it stands, and from plain files; and when it is another.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
    time::SystemTime,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    cache::steps,
    stack::{self, Outcome, Stack},
};

const DOCKERFILE: &str = "# fal: mode=server curl=none
FROM busybox:latest
ARG VERSION=1
COPY app /app
COPY --exclude=*.md *.txt texts /texts/
RUN --mount=type=bind,source=build.sh,target=/build.sh --mount=type=secret,id=token sh /build.sh
COPY --from=files / /files
";

/// A client's folder, and another that it gives as a named context.
fn project() -> TempDir {
    let folder = stack::folder(&[
        ("Dockerfile", DOCKERFILE),
        (
            ".dockerignore",
            "**/*.log\n!app/kept.log\ncache\n!cache/kept\n",
        ),
        ("a.txt", "1"),
        ("build.sh", "true"),
        ("unused", "1"),
    ]);
    let at = |name: &str| folder.path().join(name);
    for name in ["app/empty", "app/lib", "cache/deep", "files/below", "texts"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    for name in [
        "app/main.py",
        "app/lib/a.py",
        "app/noise.log",
        "app/kept.log",
        "cache/deep/x",
        "cache/kept",
        "files/below/x",
        "texts/a.md",
        "texts/a.txt",
    ] {
        fs::write(at(name), name).unwrap();
    }
    fs::set_permissions(at("app/main.py"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(at("app/lib"), Permissions::from_mode(0o750)).unwrap();
    symlink("lib/a.py", at("app/link")).unwrap();
    symlink("a.txt", at("link.txt")).unwrap();
    folder
}

fn build(stack: &Stack, folder: &Path, more: &[&str]) -> Outcome {
    let files = format!("files={}", folder.join("files").display());
    let given = ["--local", &files, "--opt", "context:files=local:files"];
    stack.buildctl(folder, &stack.fal(), &[&given, more].concat())
}

/// The key that a build has in its metadata.
fn key(stack: &Stack, folder: &Path) -> String {
    let outcome = build(stack, folder, &[]);
    outcome.succeeded();
    let key = outcome.metadata["frontend.fal.key"].as_str();
    key.expect("a key").to_owned()
}

/// Promise: one key, as metadata, label and annotation, and as the answer of the subrequest.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_key_stands_everywhere_it_should() {
    let (stack, folder) = (Stack::new(), project());
    let image = stack.image("fal-key");
    let output = format!("type=image,name={image},push=true,registry.insecure=true");
    let outcome = build(&stack, folder.path(), &["--output", &output]);
    outcome.succeeded();
    let key = &outcome.metadata["frontend.fal.key"];
    assert!(key.as_str().is_some_and(|key| key.len() == 71), "{key}");
    assert_eq!(&stack.config(&image)["config"]["Labels"]["ai.fal.key"], key);
    let manifest = stack.manifest(&image);
    assert_eq!(&manifest["annotations"]["ai.fal.key"], key);

    fs::write(
        folder.path().join("Dockerfile"),
        format!("# syntax={}\n{DOCKERFILE}", stack.fal()),
    )
    .unwrap();
    let files = format!("files={}", folder.path().join("files").display());
    let asked = |call: &str| {
        let arguments = [call, "--build-context", &files];
        let outcome = stack.buildx(folder.path(), &arguments);
        outcome.succeeded();
        outcome
    };
    let text = asked("--call=fal.key").answer;
    let json: Value = serde_json::from_str(&asked("--call=fal.key,format=json").answer).unwrap();
    assert_eq!(text.trim(), json["keys"][0]["key"]);
    // Nothing but the frontend and the listings of contexts ran.
    let log = asked("--call=fal.key").log;
    assert!(log.contains("[fal] list the build context"), "{log}");
    assert!(!log.contains("] COPY"), "{log}");
    let built = stack.buildx(folder.path(), &["--build-context", &files]);
    built.succeeded();
    assert_eq!(built.metadata["frontend.fal.key"], text.trim());
    let names = asked("--call=subrequests.describe").answer;
    assert!(names.contains("fal.key"), "{names}");
}

/// Promise: plain files give the key that a daemon gives, whatever stands among them, and an answer says what has become another.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn plain_files_give_the_key_of_a_daemon() {
    let (stack, folder) = (Stack::new(), project());
    let at = |name: &str| folder.path().join(name);
    let written = DOCKERFILE.replace("COPY --from=files / /files\n", "COPY . /all\n");
    let text = format!("# syntax={}\n{written}", stack.fal());
    fs::write(at("Dockerfile"), text).unwrap();
    let asked = stack.buildx(folder.path(), &["--call=fal.key,format=json"]);
    asked.succeeded();
    let answers = TempDir::new().unwrap();
    let answer = answers.path().join("answer.json");
    fs::write(&answer, &asked.answer).unwrap();
    let json: Value = serde_json::from_str(&asked.answer).unwrap();
    let base = json["keys"][0]["parts"].as_array().unwrap().iter();
    let base = base.filter(|part| part[0] == "base").collect::<Vec<_>>();
    let base = format!("busybox={}", base[0][2].as_str().unwrap());

    let plain = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_fal-image"))
            .arg("key")
            .arg(at("Dockerfile"))
            .args(more)
            .output()
            .unwrap();
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let key = json["keys"][0]["key"].as_str().unwrap();
    let answer = answer.to_str().unwrap();
    let (compared, log) = plain(&["--base", &base, "--compare", answer]);
    assert_eq!(compared, "", "{log}");
    assert_eq!(plain(&["--base", &base]).0.trim(), key);
    assert_eq!(plain(&["--from", answer]).0.trim(), key);
    assert_eq!(
        plain(&["--from", answer, "--json"]).0.trim(),
        asked.answer.trim()
    );

    let (nothing, log) = plain(&[]);
    assert_eq!(nothing, "");
    assert!(
        log.contains("give it with --base busybox:latest=sha256:"),
        "{log}"
    );
    fs::write(at("unused"), "2").unwrap();
    let (compared, _) = plain(&["--from", answer, "--compare", answer]);
    let lines: Vec<&str> = compared.lines().map(|line| &line[..13]).collect();
    assert_eq!(lines, ["- file unused", "+ file unused"]);
}

/// Promise: requirements count with the files that they name, whatever is ignored, from plain files, too.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn requirements_count_with_their_files() {
    let stack = Stack::new();
    let text = format!(
        "# syntax={}\n# fal: requirements=all.txt requirements=six==1.17.0 curl=image:busybox\nFROM python:3.11-slim\nCOPY . /app\n",
        stack.fal()
    );
    let folder = stack::folder(&[
        ("Dockerfile", &text),
        (".dockerignore", "*.txt"),
        ("all.txt", "-r base.txt\n"),
        ("base.txt", "idna\n"),
        ("other.txt", "idna\n"),
    ]);
    let answers = TempDir::new().unwrap();
    let answer = answers.path().join("answer.json");
    let keys = || {
        let asked = stack.buildx(folder.path(), &["--call=fal.key,format=json"]);
        asked.succeeded();
        fs::write(&answer, &asked.answer).unwrap();
        let plain = Command::new(env!("CARGO_BIN_EXE_fal-image"))
            .args(["key", "--from"])
            .arg(&answer)
            .arg("--json")
            .arg(folder.path().join("Dockerfile"))
            .output()
            .unwrap();
        let plain = String::from_utf8_lossy(&plain.stdout).into_owned();
        assert_eq!(plain.trim(), asked.answer.trim());
        let json: Value = serde_json::from_str(&asked.answer).unwrap();
        json["keys"][0]["key"].as_str().unwrap().to_owned()
    };
    let first = keys();
    fs::write(folder.path().join("other.txt"), "other\n").unwrap();
    assert_eq!(keys(), first);
    fs::write(folder.path().join("base.txt"), "idna==3.10\n").unwrap();
    assert_ne!(keys(), first);
}

/// Promise: what a build reads counts, and nothing else; and an unchanged context is not listed again.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_is_read_counts_and_nothing_else() {
    let (stack, folder) = (Stack::new(), project());
    let at = |name: &str| folder.path().join(name);
    let first = key(&stack, folder.path());

    fs::write(at("unused"), "2").unwrap();
    fs::write(at("app/noise.log"), "2").unwrap();
    let main = File::options()
        .append(true)
        .open(at("app/main.py"))
        .unwrap();
    main.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let again = build(&stack, folder.path(), &["--progress", "rawjson"]);
    assert_eq!(again.metadata["frontend.fal.key"], first);
    let steps = steps(&again);
    for step in [
        "[fal] list the build context",
        "[fal] list the context files",
    ] {
        assert_eq!(steps.get(step), Some(&true), "{steps:?}");
    }

    // It is sent, and left out by the COPY.
    fs::write(at("texts/a.md"), "2").unwrap();
    assert_eq!(key(&stack, folder.path()), first);

    let mut keys = BTreeMap::from([(first, "nothing")]);
    let mut changed = |what| {
        let same = keys.insert(key(&stack, folder.path()), what);
        assert_eq!(same, None, "{what}");
    };
    for name in [
        "app/main.py",
        "app/kept.log",
        "a.txt",
        "texts/a.txt",
        "build.sh",
        "files/below/x",
    ] {
        fs::write(at(name), "# changed").unwrap();
        changed(name);
    }
    fs::remove_dir(at("app/empty")).unwrap();
    changed("an empty directory");
    fs::set_permissions(at("app/main.py"), Permissions::from_mode(0o644)).unwrap();
    changed("a mode");
}
