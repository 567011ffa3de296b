//! The BuildKit daemon, with its OCI worker, on a Unix socket that only root may open.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use super::{Stack, daemon::Daemon};
use crate::tools::Tools;

pub(super) fn daemon() -> Daemon {
    named("buildkitd")
}

fn named(name: &'static str) -> Daemon {
    Daemon {
        name,
        configuration: super::folder().join(format!("{name}.toml")),
    }
}

/// Starts the daemon and gives its address.
pub(super) fn start(tools: &Tools, registry: &str) -> Result<String> {
    serve(&daemon(), &tools.path("buildkitd"), tools, registry)
}

/// Runs another daemon beside ours, for as long as `work` lasts. It keeps nothing.
pub(crate) fn during<T>(
    name: &'static str,
    program: &Path,
    stack: &Stack,
    work: impl FnOnce(&str) -> Result<T>,
) -> Result<T> {
    let daemon = named(name);
    let host = serve(&daemon, program, &stack.tools, &stack.registry)?;
    let result = work(&host);
    daemon.stop()?;
    fs::remove_dir_all(root(name))?;
    result
}

fn serve(daemon: &Daemon, program: &Path, tools: &Tools, registry: &str) -> Result<String> {
    let host = format!("unix://{}", super::socket(daemon.name).display());
    let ready = || {
        Command::new(tools.path("buildctl"))
            .args(["--addr", &host, "debug", "workers"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    daemon.ensure(
        &configuration(daemon.name, tools, &host, registry)?,
        Command::new(program)
            .arg("--config")
            .arg(&daemon.configuration)
            .env("PATH", tools.search_path()),
        ready,
    )?;
    Ok(host)
}

fn configuration(name: &str, tools: &Tools, host: &str, registry: &str) -> Result<String> {
    let is_ours = name == daemon().name;
    let root = root(name);
    let root = utf8(&root)?;
    let stamp = &tools.stamp;
    // The others are gone soon, and older ones know another name for it.
    let limit = if is_ours {
        "maxUsedSpace = \"20GB\"\n"
    } else {
        ""
    };
    let traces = super::socket(&format!("{name}-traces"));
    let traces = utf8(&traces)?;
    Ok(format!(
        "# Written by `cargo xtask`, for tools {stamp}.\n\
         root = {root:?}\n\
         insecure-entitlements = [\"network.host\", \"security.insecure\"]\n\
         \n[grpc]\naddress = [{host:?}]\n\
         \n[otel]\nsocketPath = {traces:?}\n\
         \n[worker.oci]\nenabled = true\n{limit}\
         \n[worker.containerd]\nenabled = false\n\
         \n[registry.\"docker.io\"]\nmirrors = [{registry:?}]\n\
         \n[registry.{registry:?}]\nhttp = true\n"
    ))
}

/// Where a daemon keeps what it built.
fn root(name: &str) -> PathBuf {
    let is_ours = name == daemon().name;
    super::folder().join(if is_ours { "buildkit" } else { name })
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().context("the checkout's path is not UTF-8")
}
