//! The real parts that tests, parity and the demo run on: a registry and a BuildKit daemon.
//!
//! Everything they keep lies in `target/stack`. They outlive the command that started them,
//! and are found again by their process id, which is believed only while the process of that
//! id still runs with our configuration.

pub(crate) mod buildkitd;
mod daemon;
pub(crate) mod dockerd;
pub(crate) mod registry;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{base_images, buildkit::Buildkit, process, tools, tools::Tools, workspace};

/// A running stack.
pub(crate) struct Stack {
    pub(crate) tools: Tools,
    /// The daemon's address, as BUILDKIT_HOST has it.
    pub(crate) buildkit_host: String,
    /// `127.0.0.1:PORT`. The daemon knows it by this name and as mirror of docker.io.
    pub(crate) registry: String,
}

impl Stack {
    /// The daemon as something to build with.
    pub(crate) fn buildkit(&self) -> Buildkit {
        Buildkit::new(self.tools.path("buildctl"), &self.buildkit_host)
    }

    /// `command` with everything in its environment that finds this stack.
    pub(crate) fn environment(&self, command: &mut Command) -> Result<()> {
        let buildkit = tools::go_module("{{.Dir}}", "github.com/moby/buildkit")?;
        command
            .env("BUILDKIT_HOST", &self.buildkit_host)
            .env("FAL_TEST_REGISTRY", &self.registry)
            .env("BUILDKIT_SOURCE", buildkit)
            .env("PATH", self.tools.search_path());
        Ok(())
    }
}

/// `cargo xtask up`: two lines for a shell to evaluate, and nothing else, on stdout.
pub(crate) fn print_up() -> Result<()> {
    let stack = up()?;
    println!("export BUILDKIT_HOST={}", stack.buildkit_host);
    println!("export FAL_TEST_REGISTRY={}", stack.registry);
    Ok(())
}

/// Starts what does not run yet, and makes the base images that are not there yet.
pub(crate) fn up() -> Result<Stack> {
    let stack = start()?;
    base_images::push(&stack.buildkit(), &stack.registry)?;
    Ok(stack)
}

/// Starts what does not run yet.
pub(crate) fn start() -> Result<Stack> {
    if !process::is_root() {
        let task: Vec<String> = std::env::args().skip(1).collect();
        bail!(
            "the BuildKit daemon needs root: run `sudo env \"PATH=$PATH\" \"HOME=$HOME\" cargo xtask {}`",
            task.join(" ")
        );
    }
    tools::system(&[
        ("runc", "runc"),
        ("git", "git"),
        ("skopeo", "skopeo"),
        ("mmdebstrap", "mmdebstrap"),
    ])?;
    let tools = tools::go_tools()?;
    fs::create_dir_all(folder())?;
    let registry = registry::start()?;
    let buildkit_host = buildkitd::start(&tools, &registry)?;
    Ok(Stack {
        tools,
        buildkit_host,
        registry,
    })
}

/// `cargo xtask down`: stops what runs. What it had stored stays for the next start.
pub(crate) fn down() -> Result<()> {
    buildkitd::daemon().stop()?;
    registry::daemon().stop()
}

fn folder() -> PathBuf {
    workspace::target().join("stack")
}

/// The longest path that fits in a socket address, with room to spare.
const LONGEST_SOCKET: usize = 100;

/// The socket, in the stack's folder if its path is not too long for a socket address.
fn socket(name: &str) -> PathBuf {
    let beside = folder().join(format!("{name}.sock"));
    if beside.as_os_str().len() <= LONGEST_SOCKET {
        return beside;
    }
    let name = crate::tools::digest(beside.as_os_str().as_encoded_bytes());
    Path::new("/run").join(format!("fal-frontend-{}.sock", &name[..12]))
}
