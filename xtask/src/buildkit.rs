//! Building with a BuildKit daemon, through buildctl.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{process::Run, workspace};

/// A daemon and the client to reach it.
#[derive(Clone)]
pub(crate) struct Buildkit {
    buildctl: PathBuf,
    host: String,
}

/// A build, in the words of buildctl.
pub(crate) struct Build {
    /// `dockerfile.v0`, or a frontend image through `gateway.v0`.
    frontend: Vec<String>,
    arguments: Vec<String>,
}

impl Build {
    /// A build of `folder/Dockerfile` with `context`, through the daemon's own frontend.
    pub(crate) fn dockerfile(folder: &Path, context: &Path) -> Self {
        let frontend = ["--frontend", "dockerfile.v0"].map(str::to_owned).into();
        let arguments = Vec::new();
        let build = Self {
            frontend,
            arguments,
        };
        build.local("dockerfile", folder).local("context", context)
    }

    /// The same through the frontend image `source`.
    pub(crate) fn through(mut self, source: &str) -> Self {
        self.frontend = ["--frontend", "gateway.v0"].map(str::to_owned).into();
        self.opt("source", source)
    }

    pub(crate) fn local(self, name: &str, folder: &Path) -> Self {
        self.argument("--local", &format!("{name}={}", folder.display()))
    }

    pub(crate) fn opt(self, key: &str, value: &str) -> Self {
        self.argument("--opt", &format!("{key}={value}"))
    }

    pub(crate) fn output(self, output: &str) -> Self {
        self.argument("--output", output)
    }

    pub(crate) fn argument(mut self, flag: &str, value: &str) -> Self {
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
        self
    }
}

impl Buildkit {
    pub(crate) fn new(buildctl: PathBuf, host: &str) -> Self {
        Self {
            buildctl,
            host: host.to_owned(),
        }
    }

    /// Builds in front of the user's eyes, and gives the metadata that the daemon returned.
    pub(crate) fn build(&self, build: &Build) -> Result<Value> {
        let metadata = MetadataFile::new();
        self.command(build, &metadata).run()?;
        metadata.read()
    }

    /// Builds what the user did not ask to see: the progress is shown only if it fails.
    pub(crate) fn build_quietly(&self, build: &Build) -> Result<Value> {
        let metadata = MetadataFile::new();
        let output = self
            .command(build, &metadata)
            .stdin(Stdio::null())
            .output()
            .context("cannot start buildctl")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        metadata.read()
    }

    fn command(&self, build: &Build, metadata: &MetadataFile) -> Command {
        let mut command = Command::new(&self.buildctl);
        command
            .args(["--addr", &self.host, "build", "--progress", "plain"])
            .args(&build.frontend)
            .args(&build.arguments)
            .arg("--metadata-file")
            .arg(&metadata.0);
        command
    }
}

/// Where buildctl writes what the daemon returned; gone when it has been read.
struct MetadataFile(PathBuf);

impl MetadataFile {
    fn new() -> Self {
        let name = format!("metadata-{}.json", std::process::id());
        Self(workspace::target().join(name))
    }

    /// Null when buildctl wrote none, as after an export that is no image.
    fn read(&self) -> Result<Value> {
        if !self.0.exists() {
            return Ok(Value::Null);
        }
        let text = fs::read(&self.0)?;
        fs::remove_file(&self.0)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

/// The digest of the image that a build's metadata tells of.
pub(crate) fn digest(metadata: &Value) -> Result<String> {
    let digest = metadata["containerimage.digest"].as_str();
    Ok(digest
        .context("the daemon returned no image digest")?
        .to_owned())
}
