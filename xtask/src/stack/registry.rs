//! The registry: the distribution registry over plain HTTP on a loopback port.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use super::daemon::Daemon;
use crate::tools;

pub(super) fn daemon() -> Daemon {
    Daemon {
        name: "registry",
        configuration: super::folder().join("registry.yml"),
    }
}

/// Starts the registry and gives its address, which stays the same from start to start as long
/// as no one else takes the port: image references hold it.
pub(super) fn start() -> Result<String> {
    let daemon = daemon();
    let program = program()?;
    let address = match fs::read_to_string(&daemon.configuration) {
        Ok(old) => last_address(&old).filter(|address| daemon.runs() || is_free(address)),
        Err(_) => None,
    };
    let address = address.map_or_else(free_address, Ok)?;
    serve(
        &daemon,
        &program,
        &address,
        &super::folder().join("registry"),
    )?;
    Ok(address)
}

/// Runs another registry over `storage`, for as long as `work` lasts.
pub(crate) fn during<T>(storage: &Path, work: impl FnOnce(&str) -> Result<T>) -> Result<T> {
    let daemon = Daemon {
        name: "registry-for-a-while",
        configuration: super::folder().join("registry-for-a-while.yml"),
    };
    let address = free_address()?;
    serve(&daemon, &program()?, &address, storage)?;
    let result = work(&address);
    daemon.stop()?;
    result
}

/// The distribution registry.
pub(crate) fn program() -> Result<PathBuf> {
    tools::from_package("docker-registry", "usr/bin/docker-registry")
}

fn serve(daemon: &Daemon, program: &Path, address: &str, storage: &Path) -> Result<()> {
    daemon.ensure(
        &configuration(address, storage)?,
        Command::new(program)
            .arg("serve")
            .arg(&daemon.configuration),
        || answers(address),
    )
}

fn configuration(address: &str, storage: &Path) -> Result<String> {
    let storage = storage
        .to_str()
        .context("the checkout's path is not UTF-8")?;
    Ok(format!(
        "version: 0.1\n\
         log:\n  level: warn\n  accesslog:\n    disabled: true\n\
         storage:\n  filesystem:\n    rootdirectory: {storage:?}\n  delete:\n    enabled: true\n\
         http:\n  addr: {address}\n"
    ))
}

fn last_address(configuration: &str) -> Option<String> {
    let line = configuration
        .lines()
        .find_map(|line| line.strip_prefix("  addr: "))?;
    Some(line.trim().to_owned())
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn is_free(address: &str) -> bool {
    TcpListener::bind(address).is_ok()
}

/// Whether a registry answers there.
fn answers(address: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut connection = TcpStream::connect(address)?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(connection, "GET /v2/ HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer.contains("registry/2.0"))
    };
    ask().unwrap_or(false)
}
