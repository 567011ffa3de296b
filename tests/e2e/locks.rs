//! Requirements that a lock file says, and requirements with hashes: which layers there are, and what is refused.

use std::{fs, thread};

use serde_json::Value;
use tempfile::TempDir;

use super::stack::{self, Outcome, Stack};

/// Nothing here is about the other layers.
const BARE: &str = "# fal: runtime=none curl=none";

/// A project with an extra, and with a tool that only its developers need.
const PROJECT: &str = r#"[project]
name = "app"
version = "0"
requires-python = ">=3.11"
dependencies = ["six==1.16.0", "idna==3.7; python_version < '3.99'", "colorama; sys_platform == 'win32'"]
[project.optional-dependencies]
more = ["attrs==23.2.0"]
[dependency-groups]
dev = ["iniconfig"]
"#;

/// A member of a workspace, and its root.
const LIBRARY: &str = r#"[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "lib"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["six==1.16.0"]
[tool.setuptools]
py-modules = ["lib"]
"#;
const WORKSPACE: &str = r#"[project]
name = "root"
version = "0"
requires-python = ">=3.11"
dependencies = ["lib"]
[tool.uv.workspace]
members = ["lib"]
[tool.uv.sources]
lib = { workspace = true }
"#;

/// Locks the project and the workspace, as their developer does.
const LOCK: &str = "FROM python:3.11-slim AS lock
RUN pip install --no-cache-dir uv
ENV UV_SYSTEM_CERTS=1
COPY . /
WORKDIR /app
RUN uv lock && uv pip compile --format pylock.toml -o pylock.toml pyproject.toml && \
    uv pip compile --generate-hashes -o requirements.txt pyproject.toml
WORKDIR /workspace
RUN uv lock
FROM scratch
COPY --from=lock /app /app
COPY --from=lock /workspace /workspace
";

fn dockerfile(requirements: &str) -> String {
    format!("{BARE} requirements=\"{requirements}\"\nFROM python:3.11-slim\n")
}

/// The project and the workspace, with what is locked of them.
fn locked(stack: &Stack) -> TempDir {
    let folder = stack::folder(&[("Dockerfile", LOCK)]);
    for (name, text) in [
        ("app/pyproject.toml", PROJECT),
        ("workspace/pyproject.toml", WORKSPACE),
        ("workspace/lib/pyproject.toml", LIBRARY),
        ("workspace/lib/lib.py", "import six\n"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file of a test");
    }
    let locked = TempDir::new().expect("a temporary folder");
    let output = format!("type=local,dest={}", locked.path().display());
    let outcome = stack.builtin(folder.path(), &["--output", &output]);
    outcome.succeeded();
    locked
}

/// Builds what requires a file, with these files beside it, and pushes it.
fn build(stack: &Stack, name: &str, dockerfile: &str, files: &[(&str, &str)]) -> Outcome {
    let folder = stack::folder(&[("Dockerfile", dockerfile)]);
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file of a test");
    }
    let image = stack.image(name);
    let output = format!("type=image,name={image},push=true");
    stack.buildctl(folder.path(), &stack.fal(), &["--output", &output])
}

/// Runs a line of Python in an image.
#[track_caller]
fn runs(stack: &Stack, name: &str, line: &str) {
    let image = stack.image(name);
    let dockerfile = format!("FROM {image}\nRUN python3.11 -c '{line}'\n");
    let folder = stack::folder(&[("Dockerfile", &dockerfile)]);
    stack.builtin(folder.path(), &[]).succeeded();
}

/// The digests of an image's layers, in order.
fn layers(stack: &Stack, name: &str) -> Vec<String> {
    let manifest = stack.manifest(&stack.image(name));
    let layers = manifest["layers"].as_array().expect("layers").iter();
    let digest = |layer: &Value| layer["digest"].as_str().expect("a digest").to_owned();
    layers.map(digest).collect()
}

/// What the report says of wheels: how many, and why not.
#[track_caller]
fn wheels(outcome: &Outcome) -> (u64, String) {
    outcome.succeeded();
    let report = outcome.metadata["frontend.fal.report"].as_str();
    let report: Value = serde_json::from_str(report.expect("a report")).expect("JSON");
    let wheels = &report["wheels"];
    let why_not = wheels["why_not"].as_str().unwrap_or_default();
    (
        wheels["count"].as_u64().unwrap_or_default(),
        why_not.to_owned(),
    )
}

#[track_caller]
fn fails(outcome: &Outcome, sentence: &str) {
    outcome.failed();
    assert!(outcome.log.contains(sentence), "{}", outcome.log);
}

/// Promise: a `pylock.toml`, a `uv.lock` and a list with hashes come wheel by wheel and give the same layers; the lock that a build gave gives
/// them once more, with nothing asked of an index; a wheel with another hash is refused; and a `uv.lock` is that of its project.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_is_locked_is_installed_wheel_by_wheel() {
    let stack = &Stack::new();
    let locked = locked(stack);
    let read = |name: &str| fs::read_to_string(locked.path().join(name)).expect("a lock");
    let [pylock, uv_lock, hashed] =
        ["app/pylock.toml", "app/uv.lock", "app/requirements.txt"].map(read);
    let [workspace, library] = ["workspace/uv.lock", "workspace/lib/lib.py"].map(read);
    let project = [
        ("app/uv.lock", uv_lock.as_str()),
        ("app/pyproject.toml", PROJECT),
    ];
    let locked_files = [("pylock.toml", pylock.as_str())];
    let hashed_files = [("requirements.txt", hashed.as_str())];
    let import = "import six, idna; assert six.__version__ == \"1.16.0\"";
    let absent = "import importlib.util as u; assert not [m for m in (\"iniconfig\", \"colorama\", \"app\") if u.find_spec(m)]";

    let built = thread::scope(|scope| {
        let builds = [
            ("locks-pylock", "pylock.toml", &locked_files[..]),
            ("locks-uv", "app/uv.lock", &project),
            ("locks-hashed", "requirements.txt", &hashed_files),
        ];
        let builds = builds.map(|(name, requirements, files)| {
            scope.spawn(move || build(stack, name, &dockerfile(requirements), files))
        });
        builds.map(|build| build.join().expect("a build"))
    });
    for outcome in &built {
        assert_eq!(wheels(outcome), (2, String::new()), "{}", outcome.log);
    }
    let first = layers(stack, "locks-pylock");
    for name in ["locks-uv", "locks-hashed"] {
        assert_eq!(layers(stack, name), first, "{name}");
    }

    let given = built[0].metadata["frontend.fal.lock"]
        .as_str()
        .expect("a lock");
    let spoilt = |text: &str, hash: &str| text.replace(hash, &"0".repeat(64));
    let hash = {
        let at = given.rfind("sha256 = \"").expect("a hash") + "sha256 = \"".len();
        given[at..at + 64].to_owned()
    };
    let stale = PROJECT.replace("six==1.16.0", "six==1.17.0");
    thread::scope(|scope| {
        let (hash, spoilt) = (&hash, &spoilt);
        scope.spawn(move || {
            let lock = [("pylock.toml", given)];
            let outcome = build(stack, "locks-given", &dockerfile("pylock.toml"), &lock);
            assert_eq!(wheels(&outcome), (2, String::new()));
            assert!(
                !outcome.log.contains("resolve the requirements"),
                "{}",
                outcome.log
            );
            assert_eq!(outcome.metadata["frontend.fal.lock"], given);
            assert_eq!(layers(stack, "locks-given"), layers(stack, "locks-pylock"));
            runs(stack, "locks-given", import);
            runs(stack, "locks-given", absent);

            let lock = spoilt(given, hash);
            let lock = [("pylock.toml", lock.as_str())];
            let outcome = build(stack, "locks-spoilt", &dockerfile("pylock.toml"), &lock);
            fails(&outcome, hash);
        });
        scope.spawn(|| {
            // Of a wheel and of a source distribution: there is no other file of this version.
            let list = hashed
                .lines()
                .map(|line| match line.split_once("--hash=sha256:") {
                    Some((before, _)) if line.ends_with('\\') => {
                        format!("{before}--hash=sha256:{} \\\n", "0".repeat(64))
                    }
                    Some((before, _)) => format!("{before}--hash=sha256:{}\n", "1".repeat(64)),
                    None => format!("{line}\n"),
                });
            let list: String = list.collect();
            let files = [("requirements.txt", list.as_str())];
            let outcome = build(
                stack,
                "locks-unhashed",
                &dockerfile("requirements.txt"),
                &files,
            );
            fails(&outcome, "Hash mismatch for `");
        });
        scope.spawn(|| {
            // Another Python: uv says what of the file is for it.
            let lock = [("pylock.toml", given)];
            let dockerfile =
                dockerfile("pylock.toml").replace("python:3.11-slim", "debian-python:bookworm");
            let outcome = build(stack, "locks-elsewhere", &dockerfile, &lock);
            assert_eq!(wheels(&outcome), (2, String::new()));
            let step = "resolve the requirements";
            assert!(outcome.log.contains(step), "{}", outcome.log);
            runs(stack, "locks-elsewhere", import);
        });
        scope.spawn(|| {
            // What the image has already is not brought once more.
            let lock = [("pylock.toml", given)];
            let dockerfile =
                dockerfile("pylock.toml") + "RUN pip install --no-cache-dir six==1.16.0\n";
            let outcome = build(stack, "locks-there", &dockerfile, &lock);
            assert_eq!(wheels(&outcome), (1, String::new()));
            runs(stack, "locks-there", import);
        });
        scope.spawn(|| {
            let more = dockerfile("app/uv.lock --extra more --group dev");
            assert_eq!(wheels(&build(stack, "locks-more", &more, &project)).0, 4);
            runs(stack, "locks-more", "import six, idna, attr, iniconfig");

            let stale = [
                ("app/uv.lock", uv_lock.as_str()),
                ("app/pyproject.toml", &stale),
            ];
            let outcome = build(stack, "locks-stale", &dockerfile("app/uv.lock"), &stale);
            fails(
                &outcome,
                "uv.lock is not that of the pyproject.toml beside it any more: run `uv lock`",
            );
            let frozen = dockerfile("app/uv.lock --frozen");
            let outcome = build(stack, "locks-frozen", &frozen, &stale);
            assert_eq!(wheels(&outcome), (2, String::new()));
        });
        scope.spawn(|| {
            let files = [
                ("uv.lock", workspace.as_str()),
                ("pyproject.toml", WORKSPACE),
                ("lib/pyproject.toml", LIBRARY),
                ("lib/lib.py", library.as_str()),
            ];
            let outcome = build(stack, "locks-workspace", &dockerfile("uv.lock"), &files);
            outcome.succeeded();
            runs(
                stack,
                "locks-workspace",
                "import lib, os; assert os.path.isfile(lib.__file__)",
            );

            let pip =
                dockerfile("pylock.toml").replace("requirements=", "resolver=pip requirements=");
            let outcome = build(stack, "locks-pip", &pip, &locked_files);
            fails(
                &outcome,
                "does not install from pylock.toml: 26.1 and later do",
            );
        });
    });
}
