//! What a build can begin with instead of a Dockerfile, through every door.

use std::{fs, path::Path};

use super::stack::{self, Stack};

/// No image for this needs anything of fal's, and no test here is about that.
const BARE: [&str; 4] = ["--opt", "fal.runtime=none", "--opt", "fal.curl=none"];

/// A word that may be told to nobody, as it is and in base64 from each of three beginnings.
const CANARY: [&str; 4] = [
    "canary-in-a-",
    "Y2FuYXJ5LWluLWEt",
    "NhbmFyeS1pbi1hL",
    "jYW5hcnktaW4tYS",
];

fn pushed(image: &str) -> String {
    format!("type=image,name={image},push=true")
}

/// What the real SDK made.
fn made_by_the_sdk(case: &str) -> String {
    let file = Path::new("tests/inputs/container-image").join(case);
    fs::read_to_string(file.join("image.json")).expect("a ContainerImage")
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_container_image_of_the_sdk_builds_with_its_arguments_and_its_ignored_files() {
    let stack = Stack::new();
    // What came with the context is looked at where it is.
    let look = "RUN test -e /app/app.py && test ! -e /app/.env && test ! -e /app/app.pyc\\n";
    let image = made_by_the_sdk("arguments").replace("ENTRYPOINT", &format!("{look}ENTRYPOINT"));
    assert!(image.contains(look), "{image}");
    let folder = stack::folder(&[("image.json", &image)]);
    let source = folder.path().join("src");
    fs::create_dir(&source).expect("a folder");
    for name in ["app.py", ".env", "app.pyc"] {
        fs::write(source.join(name), "x").expect("a file");
    }
    let secrets = stack::folder(&[("token", "sesame")]);
    let secret = format!(
        "id=pip_token,src={}",
        secrets.path().join("token").display()
    );
    let arguments = ["--opt", "filename=image.json", "--secret", &secret];
    let arguments = [&arguments[..], &BARE].concat();
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &arguments);
    outcome.succeeded();
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_container_image_chooses_its_frontend_and_what_starts() {
    let stack = Stack::new();
    let image = made_by_the_sdk("server");
    let syntax = format!("{{\"syntax\": \"{}\", ", stack.fal());
    let image = image.replacen('{', &syntax, 1);
    let folder = stack::folder(&[("image.json", &image)]);
    let name = stack.image("container-image");
    let file = folder.path().join("image.json");
    let outcome = stack.buildx(
        folder.path(),
        &[
            "--file",
            file.to_str().expect("a path"),
            "--build-arg",
            "FAL_CURL=none",
            "--output",
            &pushed(&name),
        ],
    );
    outcome.succeeded();
    let config = &stack.config(&name)["config"];
    assert_eq!(
        config["Entrypoint"],
        serde_json::json!(["python", "-m", "http.server"])
    );
    assert_eq!(config["Cmd"], serde_json::json!(["/bin/sh", "-c", "8000"]));
    // It is a server's image, and nothing of Python's was looked for.
    assert!(!outcome.log.contains("[fal] install"), "{}", outcome.log);
}

/// Promise: an app of nothing but a Python version becomes an image that fal can run.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_app_without_an_image_builds_on_its_python() {
    let stack = Stack::new();
    let text = fs::read_to_string("tests/inputs/pyproject/plain/pyproject.toml");
    let folder = stack::folder(&[("pyproject.toml", &text.expect("an app"))]);
    let name = stack.image("pyproject-plain");
    let outcome = stack.buildctl(
        folder.path(),
        &stack.fal(),
        &[
            "--opt",
            "filename=pyproject.toml",
            "--opt",
            "target=my-app",
            "--output",
            &pushed(&name),
        ],
    );
    outcome.succeeded();
    let versions = stack.versions(&name);
    for wanted in ["curl ", "Python 3.11.", "pydantic ", "protobuf ", "boto3 "] {
        let is_there = versions.lines().any(|line| line.starts_with(wanted));
        assert!(is_there, "no `{wanted}` in:\n{versions}");
    }
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_app_with_a_dockerfile_builds_through_a_syntax_line() {
    let stack = Stack::new();
    let text = fs::read_to_string("tests/inputs/pyproject/dockerfile/pyproject.toml");
    let text = text
        .expect("an app")
        .replace("example/fal-frontend", &stack.fal());
    let folder = stack::folder(&[("pyproject.toml", &text)]);
    fs::create_dir(folder.path().join("docker")).expect("a folder");
    let dockerfile = "FROM python:3.11-slim\nARG WHO\nRUN test \"$WHO\" = fal\n";
    fs::write(folder.path().join("docker/Dockerfile"), dockerfile).expect("a file");
    let file = folder.path().join("pyproject.toml");
    let file = [
        "--file",
        file.to_str().expect("a path"),
        "--target",
        "my-app",
    ];
    let bare = [
        "--build-arg",
        "FAL_RUNTIME=none",
        "--build-arg",
        "FAL_CURL=none",
    ];
    let build = |more: &[&str]| stack.buildx(folder.path(), &[&file, &bare, more].concat());
    build(&[]).succeeded();
    // The client's argument is stronger, and a failing line is that of the Dockerfile.
    let outcome = build(&["--build-arg", "WHO=me"]);
    outcome.failed();
    outcome.marked(3, "RUN test \"$WHO\" = fal");
    assert!(
        outcome.log.contains("docker/Dockerfile:3"),
        "{}",
        outcome.log
    );
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_app_of_an_image_points_into_its_table() {
    let stack = Stack::new();
    let app = |image: &str| {
        let text =
            format!("[tool.fal.apps.my-app.image]\nimage = \"{image}\"\ncmd = [\"httpd\"]\n");
        stack::folder(&[("pyproject.toml", &text)])
    };
    let asked = [&["--opt", "filename=pyproject.toml"][..], &BARE].concat();
    let name = stack.image("pyproject-image");
    let output = pushed(&name);
    let outcome = stack.buildctl(
        app("busybox:latest").path(),
        &stack.fal(),
        &[&asked[..], &["--output", &output]].concat(),
    );
    outcome.succeeded();
    assert_eq!(
        stack.config(&name)["config"]["Cmd"],
        serde_json::json!(["httpd"])
    );
    let missing = format!("{}/none:latest", stack.image("x").replace("/x:latest", ""));
    let outcome = stack.buildctl(app(&missing).path(), &stack.fal(), &asked);
    outcome.failed();
    outcome.marked(2, &format!("image = \"{missing}\""));
}

/// Promise: a secret that is written out is refused, and neither we nor whoever handed the build on tells it.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_secret_that_is_written_out_is_refused_and_not_told() {
    let stack = Stack::new();
    let syntax = format!("{{\"syntax\": \"{}\", ", stack.fal());
    for case in ["literal-secret", "literal-password"] {
        let image = made_by_the_sdk(case).replacen('{', &syntax, 1);
        let broken = format!("{image} broken");
        let app = fs::read_to_string(format!("tests/inputs/pyproject/{case}/pyproject.toml"));
        let app = format!("# syntax={}\n{}", stack.fal(), app.expect("an app"));
        for (name, text, sentence) in [
            ("image.json", &image, "is written out in the file"),
            ("image.json", &broken, "cannot read the ContainerImage"),
            ("pyproject.toml", &app, "is written out in the file"),
        ] {
            let folder = stack::folder(&[(name, text)]);
            let filename = format!("filename={name}");
            let asked = ["--opt", &filename, "--opt", "target=my-app"];
            let asked = &asked[..if name == "image.json" { 2 } else { 4 }];
            for outcome in [
                stack.buildctl(folder.path(), &stack.fal(), asked),
                stack.builtin(folder.path(), asked),
            ] {
                outcome.failed();
                let is_said = outcome.log.contains(sentence);
                // A file that is broken behind its object names no frontend, and is no Dockerfile either.
                let is_ours = is_said || text == &broken;
                assert!(is_ours, "{}", outcome.log);
                if is_said {
                    for canary in CANARY {
                        assert!(!outcome.log.contains(canary), "{}", outcome.log);
                    }
                }
            }
        }
    }
}
