//! The BuildKit daemon, with its OCI worker, on a Unix socket that only root may open.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use super::daemon::Daemon;
use crate::tools::Tools;

/// The longest path that fits in a socket address, with room to spare.
const LONGEST_SOCKET: usize = 100;

pub(super) fn daemon() -> Daemon {
    Daemon {
        name: "buildkitd",
        configuration: super::folder().join("buildkitd.toml"),
    }
}

/// Starts the daemon and gives its address.
pub(super) fn start(tools: &Tools, registry: &str) -> Result<String> {
    let daemon = daemon();
    let host = format!("unix://{}", socket().display());
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
        &configuration(tools, &host, registry)?,
        Command::new(tools.path("buildkitd"))
            .arg("--config")
            .arg(&daemon.configuration)
            .env("PATH", tools.search_path()),
        ready,
    )?;
    Ok(host)
}

fn configuration(tools: &Tools, host: &str, registry: &str) -> Result<String> {
    let root = super::folder().join("buildkit");
    let root = utf8(&root)?;
    let stamp = &tools.stamp;
    Ok(format!(
        "# Written by `cargo xtask up`, for tools {stamp}.\n\
         root = {root:?}\n\
         insecure-entitlements = [\"network.host\", \"security.insecure\"]\n\
         \n[grpc]\naddress = [{host:?}]\n\
         \n[worker.oci]\nenabled = true\nmaxUsedSpace = \"20GB\"\n\
         \n[worker.containerd]\nenabled = false\n\
         \n[registry.\"docker.io\"]\nmirrors = [{registry:?}]\n\
         \n[registry.{registry:?}]\nhttp = true\n"
    ))
}

/// The socket, in the stack's folder if its path is not too long for a socket address.
fn socket() -> PathBuf {
    let beside = super::folder().join("buildkitd.sock");
    if beside.as_os_str().len() <= LONGEST_SOCKET {
        return beside;
    }
    let name = crate::tools::digest(beside.as_os_str().as_encoded_bytes());
    Path::new("/run").join(format!("fal-frontend-{}.sock", &name[..12]))
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().context("the checkout's path is not UTF-8")
}
