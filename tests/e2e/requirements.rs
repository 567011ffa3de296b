//! What the user wants to have installed: on Python images, for real.

use std::{fs, path::Path, thread};

use super::{
    site::Site,
    stack::{self, Outcome, Stack},
};

/// Nothing here is about the other layers.
const BARE: &str = "runtime=none curl=none";

fn pushed(image: &str) -> String {
    format!("type=image,name={image},push=true")
}

/// Builds a folder, and runs a line in the image that came out.
#[track_caller]
fn builds(stack: &Stack, folder: &Path, name: &str, more: &[&str], check: &str) -> Outcome {
    let image = stack.image(name);
    let output = pushed(&image);
    let arguments = [&["--output", output.as_str()], more].concat();
    let outcome = stack.buildctl(folder, &stack.fal(), &arguments);
    outcome.succeeded();
    let check = format!("FROM {image}\nRUN {check}\n");
    let checked = stack.builtin(stack::folder(&[("Dockerfile", &check)]).path(), &[]);
    checked.succeeded();
    outcome
}

/// A project that setuptools builds.
const PROJECT: &str = r#"[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "demo"
version = "1.0"
[project.optional-dependencies]
more = ["six==1.16.0"]
[tool.setuptools]
py-modules = ["demo"]
"#;

/// What may not be left: the installer that was brought, caches, folders of the step, and a context.
const CLEAN: &str =
    "! command -v uv && ! ls -d /root/.cache /root/.local /tmp/* /.fal-* 2> /dev/null";

/// Promise: layers of words, flags, markers and files are installed in order, for the Python that fal runs, whatever USER and ENV say;
/// nothing else is in the image, and its config is what the Dockerfile wrote.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn layers_are_installed_and_nothing_else_is() {
    let stack = Stack::new();
    let dockerfile = format!(
        "# fal: {BARE} wheels=off requirements=\"six==1.16.0 idna==3.7; python_version < '3.99' nope==1; python_version < '3'\"
# fal: requirements=\"-c constraints.txt -r more/requirements.txt --compile-bytecode\"
FROM python:3.11-slim
ENV PIP_TARGET=/elsewhere UV_SYSTEM_PYTHON=0 PYTHONPATH=/nowhere
SHELL [\"/bin/false\"]
USER nobody
"
    );
    let folder = stack::folder(&[
        ("Dockerfile", &dockerfile),
        ("constraints.txt", "attrs==23.2.0\n"),
        // Who names a file means it.
        (".dockerignore", "*\n"),
    ]);
    fs::create_dir(folder.path().join("more")).expect("a folder");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join("more").join(name), text).expect("a file of a test");
    };
    write("requirements.txt", "-r base.txt # the base\n");
    write("base.txt", "attrs >= 20\n");
    let check = format!(
        "[\"/bin/sh\", \"-c\", \"python3.11 -c 'import six, idna, attr; assert six.__version__ == \\\"1.16.0\\\"; \
         assert attr.__version__ == \\\"23.2.0\\\"' && {CLEAN}\"]"
    );
    let name = "requirements-layers";
    let outcome = builds(&stack, folder.path(), name, &[], &check);
    for step in [
        "[fal] install requirements (1/2)",
        "[fal] install requirements (2/2)",
    ] {
        assert!(outcome.log.contains(step), "{}", outcome.log);
    }
    let config = stack.config(&stack.image(name));
    assert_eq!(config["config"]["User"], "nobody");
    let env = config["config"]["Env"].to_string();
    assert!(
        env.contains("PIP_TARGET=/elsewhere") && !env.contains("CACHE"),
        "{env}"
    );
    let history = config["history"].as_array().expect("a history");
    let last = history.last().expect("an entry")["created_by"].as_str();
    assert_eq!(
        last,
        Some(
            "fal-helper requirements -c ./constraints.txt -r ./more/requirements.txt --compile-bytecode"
        )
    );
}

/// Promise: a project of the context is built and installed, by uv and by pip, also into the Python of a distribution; the context
/// stays as it is.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_project_of_the_context_is_built() {
    let stack = Stack::new();
    thread::scope(|scope| {
        for (resolver, base) in [
            ("uv", "python:3.11-slim"),
            ("pip", "debian-python:bookworm"),
        ] {
            let stack = &stack;
            scope.spawn(move || {
                let dockerfile = format!(
                    "# fal: {BARE} resolver={resolver} requirements=./lib[more]\nFROM {base}\n"
                );
                let folder = stack::folder(&[("Dockerfile", &dockerfile)]);
                let lib = folder.path().join("lib");
                fs::create_dir(&lib).expect("a folder");
                fs::write(lib.join("pyproject.toml"), PROJECT).expect("a file of a test");
                fs::write(lib.join("demo.py"), "VALUE = 1\n").expect("a file of a test");
                let check = format!("python3 -c 'import demo, six' && {CLEAN}");
                builds(
                    stack,
                    folder.path(),
                    &format!("requirements-{resolver}"),
                    &[],
                    &check,
                );
            });
        }
    });
}

/// Promise: what pip cannot take away, as a distribution's packages are, is put over, and there is one record of it afterwards.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_pip_cannot_take_away_is_put_over() {
    let stack = Stack::new();
    let site = "/usr/local/lib/python3.11/site-packages";
    let dockerfile = format!(
        "# fal: {BARE} resolver=pip requirements=\"six==1.16.0\"\nFROM python:3.11-slim\nRUN cd {site} && touch six.py && \
         printf 'Metadata-Version: 1.0\\nName: six\\nVersion: 1.0\\n' > six-1.0.egg-info\n"
    );
    let folder = stack::folder(&[("Dockerfile", &dockerfile)]);
    let check = format!(
        "python -c 'import six; assert six.__version__ == \"1.16.0\"' && \
         test \"$(ls -d {site}/six-*)\" = {site}/six-1.16.0.dist-info && {CLEAN}"
    );
    builds(&stack, folder.path(), "requirements-put-over", &[], &check);
}

/// Promise: a list of a pyproject.toml without a Dockerfile becomes an image that fal can run, with a secret in the URL of an index that
/// is nowhere to be seen.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_app_without_an_image_has_its_requirements_from_a_private_index() {
    let stack = Stack::new();
    let site = Site::locked(&[("a", "a")], "sesame").with_distribution("private");
    let index = site
        .url("simple/")
        .replace("http://", "http://x-access-token:${TOKEN}@");
    let text = format!(
        "[tool.fal.apps.my-app]\nref = \"app.py::App\"\npython_version = \"3.11\"\nrequirements = [\n  [\"six==1.16.0\"],\n  \
         [\"--extra-index-url\", \"{index}\", \"private==1.0\"],\n]\n"
    );
    let folder = stack::folder(&[("pyproject.toml", &text)]);
    let secrets = stack::folder(&[("token", "sesame\n")]);
    let secret = format!("id=TOKEN,src={}", secrets.path().join("token").display());
    let file = ["--opt", "filename=pyproject.toml"];
    let more = [&file[..], &["--secret", &secret]].concat();
    let name = "requirements-pyproject";
    let check = format!("python -c 'import private, six' && {CLEAN}");
    let outcome = builds(&stack, folder.path(), name, &more, &check);
    assert!(!outcome.log.contains("sesame"), "{}", outcome.log);
    let versions = stack.versions(&stack.image(name));
    for wanted in ["curl ", "Python 3.11.", "pydantic ", "protobuf ", "boto3 "] {
        let is_there = versions.lines().any(|line| line.starts_with(wanted));
        assert!(is_there, "no `{wanted}` in:\n{versions}");
    }
    // Without the secret it is said which, and the line is marked.
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &file);
    outcome.failed();
    outcome.marked(4, "requirements");
    let said = "the requirements need the secret TOKEN, which was not given";
    assert!(outcome.log.contains(said), "{}", outcome.log);
    // Nor is one told that is no text.
    fs::write(secrets.path().join("token"), b"sesame\xff").expect("a file of a test");
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &more);
    outcome.failed();
    let said = "the requirements need the secret TOKEN, and the one that was given is not text";
    assert!(outcome.log.contains(said), "{}", outcome.log);
    assert!(!outcome.log.contains("sesame"), "{}", outcome.log);
}

/// Promise: a step of the user's that lacks a secret which requirements need, too, is told as the daemon tells it.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_step_that_lacks_the_secret_of_requirements_is_not_taken_for_them() {
    let stack = Stack::new();
    let step = "RUN --mount=type=secret,id=TOKEN,required true";
    let dockerfile = format!(
        "# fal: {BARE} requirements=\"--extra-index-url https://${{TOKEN}}@example.com/simple six\"\nFROM python:3.11-slim\n{step}\n"
    );
    let folder = stack::folder(&[("Dockerfile", &dockerfile)]);
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &[]);
    outcome.failed();
    assert!(
        outcome.log.contains("secret TOKEN: not found"),
        "{}",
        outcome.log
    );
    assert!(
        !outcome.log.contains("the requirements need"),
        "{}",
        outcome.log
    );
    outcome.marked(3, step);
}

/// Promise: what cannot be installed is told in a sentence, at the line that asks for it.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_cannot_be_installed_is_told() {
    let stack = Stack::new();
    thread::scope(|scope| {
        for (resolver, requirements, base, sentence) in [
            (
                "uv",
                "fal-no-such-thing==1",
                "python:3.11-slim",
                "found no distribution for a requirement",
            ),
            (
                "pip",
                "fal-no-such-thing==1",
                "python:3.11-slim",
                "No matching distribution found for fal-no-such-thing==1",
            ),
            (
                "uv",
                "six==1.16.0 six==1.15.0",
                "python:3.11-slim",
                "found requirements that contradict each other",
            ),
            ("uv", "six", "busybox", "the image has no Python"),
            (
                "uv",
                "-r none.txt",
                "python:3.11-slim",
                "the requirements file \"none.txt\" is not in the build context",
            ),
        ] {
            let stack = &stack;
            scope.spawn(move || {
                let line =
                    format!("# fal: {BARE} resolver={resolver} requirements=\"{requirements}\"");
                let dockerfile = format!("# a comment\n{line}\nFROM {base}\n");
                let folder = stack::folder(&[("Dockerfile", &dockerfile)]);
                let outcome = stack.buildctl(folder.path(), &stack.fal(), &[]);
                outcome.failed();
                assert!(outcome.log.contains(sentence), "{}", outcome.log);
                outcome.marked(2, &line);
            });
        }
    });
}
