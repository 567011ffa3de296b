//! Requirements of which a wheel has to be built first, or that come from elsewhere than an index.

use std::{collections::BTreeSet, fs, path::Path, thread};

use serde_json::Value;

use super::{
    site::Site,
    stack::{self, Outcome, Stack},
    wheels::{layers, runs, wheels},
};

/// Nothing here is about the other layers.
const BARE: &str = "# fal: runtime=none curl=none";

/// A project that setuptools builds, and that says all of itself without being asked.
fn project(name: &str) -> String {
    format!(
        "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n\
         [project]\nname = \"{name}\"\nversion = \"1.0\"\n[project.scripts]\nrun-{name} = \"{name}:main\"\n\
         [tool.setuptools]\npy-modules = [\"{name}\"]\n"
    )
}

/// What is in a project.
const MODULE: &str = "def main():\n    print('ran')\n";

/// Writes a project into a folder below this one.
fn write_project(folder: &Path, name: &str, setup: &str) {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).expect("a folder");
    let write = |file: &str, text: &str| {
        fs::write(folder.join(file), text).expect("a file of a test");
    };
    write("pyproject.toml", &project(name));
    write(&format!("{name}.py"), MODULE);
    write("setup.py", setup);
}

/// What a `setup.py` says that adds nothing.
const SETUP: &str = "import setuptools\nsetuptools.setup()\n";

#[track_caller]
fn builds(stack: &Stack, folder: &Path, name: &str) -> Outcome {
    let output = format!("type=image,name={},push=true", stack.image(name));
    let outcome = stack.buildctl(folder, &stack.fal(), &["--output", &output]);
    outcome.succeeded();
    outcome
}

/// Promise: a project of the context, a repository, a source distribution and a wheel at a URL come wheel by wheel like all others, with
/// what tells where they came from; a change of the project is a change of its layer and the last one.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_is_built_is_a_layer_like_any_other() {
    let stack = Stack::new();
    let site = Site::new(&[
        ("pyproject.toml", &project("from_git")),
        ("from_git.py", MODULE),
    ])
    .with_distribution("direct");
    let base = "FROM python:3.11-slim\nRUN apt-get update && apt-get install -y --no-install-recommends git\n";
    builds_plainly(&stack, base, "builds-base");
    let direct = site.url("simple/direct/direct-1.0-py3-none-any.whl");
    let repository = site.url("repo.git");
    let dockerfile = format!(
        "{BARE} requirements=\"./lib docopt==0.6.2 direct@{direct} git+{repository}@main\"\nFROM {}\nRUN echo > /app\n",
        stack.image("builds-base")
    );
    let folder = stack::folder(&[("Dockerfile", &dockerfile), ("other.py", "")]);
    write_project(folder.path(), "lib", SETUP);
    let first = builds(&stack, folder.path(), "builds-first");
    assert_eq!(wheels(&first)["count"], 4, "{}", first.log);
    assert_eq!(wheels(&first).get("why_not"), None);
    let lock = first.metadata["frontend.fal.lock"]
        .as_str()
        .expect("a lock");
    for part in [
        "[packages.sdist]",
        "[packages.vcs]",
        "[packages.directory]",
        "[packages.archive]",
    ] {
        assert!(lock.contains(part), "no {part} in {lock}");
    }

    let check = format!(
        "python3 -c 'import lib, docopt, direct, from_git' && test $(run-lib) = ran && test $(run-from_git) = ran && pip check && \
         cd /usr/local/lib/python3.11/site-packages && ls docopt-0.6.2.dist-info/REQUESTED && \
         grep -F '\"url\":\"file:///.fal-context/lib\"' lib-1.0.dist-info/direct_url.json && \
         grep -F '\"url\":\"{direct}\"' direct-1.0.dist-info/direct_url.json && \
         grep -F '\"url\":\"{repository}\"' from_git-1.0.dist-info/direct_url.json && \
         ! ls docopt-0.6.2.dist-info/direct_url.json && ! ls -d /root/.cache /tmp/* /.fal-* 2> /dev/null"
    );
    runs(&stack, "builds-first", &check);

    fs::write(
        folder.path().join("lib/lib.py"),
        format!("{MODULE}# changed\n"),
    )
    .expect("a file");
    fs::write(folder.path().join("other.py"), "# changed\n").expect("a file");
    let changed = builds(&stack, folder.path(), "builds-changed");
    let built = |name: &str| changed.log.contains(&format!(" built {name}-"));
    for name in ["docopt", "direct", "from_git"] {
        assert!(!built(name), "{}", changed.log);
    }
    let [first, changed] = ["builds-first", "builds-changed"].map(|name| layers(&stack, name));
    let first: BTreeSet<&String> = first.iter().collect();
    let new = changed.iter().filter(|layer| !first.contains(layer));
    assert_eq!(new.count(), 2, "{changed:?}");
    runs(
        &stack,
        "builds-changed",
        "grep changed /usr/local/lib/python3.11/site-packages/lib.py",
    );
}

/// An image for a test to start with.
#[track_caller]
fn builds_plainly(stack: &Stack, dockerfile: &str, name: &str) {
    let folder = stack::folder(&[("Dockerfile", dockerfile)]);
    let output = format!("type=image,name={},push=true", stack.image(name));
    let outcome = stack.builtin(folder.path(), &["--output", &output]);
    outcome.succeeded();
}

/// Promise: what can only be built on the finished image is installed in one step, and what cannot be built at all ends the build with its
/// name and what its backend said last.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_cannot_be_built_on_the_base_is_installed_all_the_same_or_told() {
    let stack = Stack::new();
    let setup = format!("open('/needed')\n{SETUP}");
    // Equal steps at the same time would say why they failed to one of the builds alone.
    let built = |name: &str, project: &str, before: &str| {
        let dockerfile =
            format!("{BARE} requirements=./{project}\nFROM python:3.11-slim\n{before}");
        let folder = stack::folder(&[("Dockerfile", &dockerfile)]);
        write_project(folder.path(), project, &setup);
        let output = format!("type=image,name={},push=true", stack.image(name));
        stack.buildctl(folder.path(), &stack.fal(), &["--output", &output])
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let outcome = built("builds-above", "above", "RUN touch /needed\n");
            outcome.succeeded();
            let wheels: Value = wheels(&outcome);
            let said = wheels["why_not"].as_str().unwrap_or_default();
            assert!(said.contains("could not build a wheel of above"), "{said}");
            runs(&stack, "builds-above", "test $(run-above) = ran");
        });
        scope.spawn(|| {
            let outcome = built("builds-nowhere", "nowhere", "");
            outcome.failed();
            for part in ["nowhere", "No such file or directory: '/needed'"] {
                let error = outcome
                    .log
                    .lines()
                    .rfind(|line| line.starts_with("error: "));
                let error = error.unwrap_or_default();
                assert!(error.contains(part), "{error}");
            }
        });
    });
}
