//! A Docker Engine of its own: no network, no firewall rules, and the stack's registry as its mirror.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Result;
use serde_json::json;

use super::{Stack, daemon::Daemon};
use crate::tools;

/// The client and the address of the engine.
pub(crate) struct Docker {
    host: String,
}

impl Docker {
    /// `docker build` of a folder, by the engine's own BuildKit.
    pub(crate) fn build(&self, folder: &Path) -> Command {
        let mut command = Command::new("/usr/bin/docker");
        command
            .env("DOCKER_BUILDKIT", "1")
            .args(["--host", &self.host, "build", "--progress", "plain"])
            // There is no other.
            .args(["--network", "host"])
            .arg(folder);
        command
    }
}

/// Runs the engine for as long as `work` lasts.
pub(crate) fn during<T>(stack: &Stack, work: impl FnOnce(&Docker) -> Result<T>) -> Result<T> {
    tools::system(&[("dockerd", "docker.io"), ("/usr/bin/docker", "docker.io")])?;
    let folder = super::folder();
    let daemon = Daemon {
        name: "dockerd",
        configuration: folder.join("dockerd.json"),
    };
    let host = format!("unix://{}", socket().display());
    let place = |name: &str| folder.join("docker").join(name);
    let configuration = json!({
        "hosts": [host],
        "data-root": place("data"),
        "exec-root": place("exec"),
        "pidfile": place("pid"),
        "bridge": "none",
        "iptables": false,
        "ip6tables": false,
        "ip-forward": false,
        "registry-mirrors": [format!("http://{}", stack.registry)],
    });
    let ready = || {
        Command::new("/usr/bin/docker")
            .args(["--host", &host, "version"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    std::fs::create_dir_all(folder.join("docker"))?;
    daemon.ensure(
        &configuration.to_string(),
        Command::new("dockerd")
            .arg("--config-file")
            .arg(&daemon.configuration)
            .env("PATH", stack.tools.search_path()),
        ready,
    )?;
    let result = work(&Docker { host });
    daemon.stop()?;
    result
}

fn socket() -> PathBuf {
    super::socket("dockerd")
}
