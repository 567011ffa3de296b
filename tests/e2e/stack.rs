//! The stack that `cargo xtask test` has started, and builds on it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// Where the daemon, the registry and our images are.
pub(super) struct Stack {
    host: String,
    registry: String,
}

/// How a build ended.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) code: Option<i32>,
    /// All that the client printed.
    pub(super) log: String,
    /// What it printed of that as its answer, on stdout.
    pub(super) answer: String,
    /// What the client wrote into its metadata file; null when it wrote none.
    pub(super) metadata: Value,
}

impl Stack {
    /// The stack of the environment.
    pub(super) fn new() -> Self {
        let variable = |name: &str| {
            env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
        };
        Self {
            host: variable("BUILDKIT_HOST"),
            registry: variable("FAL_TEST_REGISTRY"),
        }
    }

    /// Our image for fal users, whose mode is `app`.
    pub(super) fn fal(&self) -> String {
        format!("{}/fal-frontend:latest", self.registry)
    }

    /// Our image as a drop-in for docker/dockerfile, whose mode is `off`.
    pub(super) fn dockerfile(&self) -> String {
        format!("{}/fal-frontend:dockerfile", self.registry)
    }

    /// The registry, by its address.
    pub(super) fn registry(&self) -> String {
        self.registry.clone()
    }

    /// A name for an image that a test makes.
    pub(super) fn image(&self, name: &str) -> String {
        self.image_of("e2e", name)
    }

    /// A name for an image of those that a test makes many of.
    pub(super) fn image_of(&self, group: &str, name: &str) -> String {
        format!("{}/{group}/{name}:latest", self.registry)
    }

    /// `buildctl build` of `folder` through a frontend image.
    pub(super) fn buildctl(&self, folder: &Path, source: &str, arguments: &[&str]) -> Outcome {
        let source = format!("source={source}");
        let frontend = ["--frontend", "gateway.v0", "--opt", &source];
        self.buildctl_with(folder, &frontend, arguments)
    }

    /// `buildctl build` of `folder` through the daemon's own frontend, which hands the build on
    /// when a first line `# syntax=` says so.
    pub(super) fn builtin(&self, folder: &Path, arguments: &[&str]) -> Outcome {
        self.buildctl_with(folder, &["--frontend", "dockerfile.v0"], arguments)
    }

    fn buildctl_with(&self, folder: &Path, frontend: &[&str], arguments: &[&str]) -> Outcome {
        let mut command = Command::new("buildctl");
        command
            .args(["--addr", &self.host, "build", "--progress", "plain"])
            .args(frontend);
        for local in ["context", "dockerfile"] {
            command.args(["--local", &format!("{local}={}", folder.display())]);
        }
        finish(command.args(arguments), Stdio::null())
    }

    /// `buildx build` of `folder` on the same daemon, through the remote driver.
    pub(super) fn buildx(&self, folder: &Path, arguments: &[&str]) -> Outcome {
        let arguments = [arguments, &[folder.to_str().expect("a path in UTF-8")]].concat();
        self.buildx_verb("build", Stdio::null(), &arguments)
    }

    /// `buildx build` or `buildx bake` on the same daemon, with these words after it, and something to read.
    pub(super) fn buildx_verb(&self, verb: &str, input: Stdio, arguments: &[&str]) -> Outcome {
        let config = TempDir::new().expect("a temporary folder");
        let buildx = || {
            let mut command = Command::new("buildx");
            command
                .env("DOCKER_CONFIG", config.path())
                .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
            command
        };
        let created = buildx()
            .args(["create", "--name", "e2e", "--driver", "remote", &self.host])
            .output()
            .expect("buildx starts");
        assert!(created.status.success(), "{}", printed(&created));
        let mut command = buildx();
        command.args([verb, "--builder", "e2e", "--progress", "plain"]);
        finish(command.args(arguments), input)
    }

    /// The config of an image in the registry.
    pub(super) fn config(&self, image: &str) -> Value {
        let output = Command::new("skopeo")
            .args(["inspect", "--tls-verify=false", "--config"])
            .arg(format!("docker://{image}"))
            .stdin(Stdio::null())
            .output()
            .expect("skopeo starts");
        assert!(output.status.success(), "{}", printed(&output));
        serde_json::from_slice(&output.stdout).expect("a config is JSON")
    }

    /// The manifest or the index of an image in the registry.
    pub(super) fn manifest(&self, image: &str) -> Value {
        let output = Command::new("skopeo")
            .args(["inspect", "--tls-verify=false", "--raw"])
            .arg(format!("docker://{image}"))
            .stdin(Stdio::null())
            .output()
            .expect("skopeo starts");
        assert!(output.status.success(), "{}", printed(&output));
        serde_json::from_slice(&output.stdout).expect("a manifest is JSON")
    }

    /// The platforms of an index in the registry, in its order.
    pub(super) fn index(&self, image: &str) -> Vec<String> {
        let index = self.manifest(image);
        let platforms = index["manifests"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        platforms
            .map(|manifest| &manifest["platform"])
            .map(|it| format!("{}/{}", text(&it["os"]), text(&it["architecture"])))
            .collect()
    }

    /// Starts a process in an image of the registry: what it says of curl, of Python and of the
    /// packages that fal needs.
    pub(super) fn versions(&self, image: &str) -> String {
        let probe = include_str!("../../xtask/src/demo/probe.Dockerfile");
        let folder = folder(&[("Dockerfile", probe)]);
        let answer = TempDir::new().expect("a temporary folder");
        let outcome = self.builtin(
            folder.path(),
            &[
                "--no-cache",
                "--opt",
                &format!("context:demo=docker-image://{image}"),
                "--output",
                &format!("type=local,dest={}", answer.path().display()),
            ],
        );
        outcome.succeeded();
        fs::read_to_string(answer.path().join("versions")).expect("the probe's answer")
    }
}

impl Outcome {
    /// Asserts that the build succeeded.
    #[track_caller]
    pub(super) fn succeeded(&self) {
        assert_eq!(self.code, Some(0), "{}", self.log);
    }

    /// Asserts that the build failed as every client's failed build does.
    #[track_caller]
    pub(super) fn failed(&self) {
        assert_eq!(self.code, Some(1), "{}", self.log);
    }

    /// Asserts that the client marked exactly this line of the Dockerfile.
    #[track_caller]
    pub(super) fn marked(&self, number: usize, line: &str) {
        let marks: Vec<&str> = self
            .log
            .lines()
            .filter(|line| line.contains("| >>> "))
            .map(str::trim)
            .collect();
        assert_eq!(marks, [format!("{number} | >>> {line}")], "{}", self.log);
    }
}

/// A folder with these files.
pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file of a test");
    }
    folder
}

/// Runs a client to the end, with a metadata file.
fn finish(command: &mut Command, input: Stdio) -> Outcome {
    let folder = TempDir::new().expect("a temporary folder");
    let metadata: PathBuf = folder.path().join("metadata.json");
    let output = command
        .arg("--metadata-file")
        .arg(&metadata)
        .stdin(input)
        .output()
        .expect("the client starts");
    let metadata = fs::read(metadata).map_or(Value::Null, |text| {
        serde_json::from_slice(&text).expect("a metadata file is JSON")
    });
    Outcome {
        code: output.status.code(),
        log: printed(&output),
        answer: String::from_utf8_lossy(&output.stdout).into_owned(),
        metadata,
    }
}

fn printed(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    format!("{stdout}{stderr}")
}
