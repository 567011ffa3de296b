//! The programs the rig is made of, installed where they are missing.
//!
//! BuildKit's own come out of the Go module in `tests/tools`, which pins them; they are built
//! once into `target/tools`. The others are packages of the system.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{
    process::{self, Run},
    workspace,
};

/// What is built from `tests/tools`.
const GO_TOOLS: [&str; 4] = ["buildkitd", "buildctl", "buildx", "convert"];

/// The daemon's own Dockerfile frontend, which is our judge, with the labs channel's language.
const TAGS: &str = "dfrundevice";

/// Where the tools lie.
pub(crate) struct Tools {
    pub(crate) folder: PathBuf,
    /// What they were built from; changes when a tool may have changed.
    pub(crate) stamp: String,
}

impl Tools {
    /// The path of one tool.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// PATH with the tools before everything else, and the folders of system programs after it.
    pub(crate) fn search_path(&self) -> OsString {
        let mut path = self.folder.clone().into_os_string();
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        path.push(":/usr/local/sbin:/usr/sbin:/sbin");
        path
    }
}

/// The tools of `tests/tools`, built if they are not there or `go.sum` has changed.
pub(crate) fn go_tools() -> Result<Tools> {
    let folder = workspace::target().join("tools");
    let stamp = go_stamp()?;
    let stamp_file = folder.join(".stamp");
    let tools = Tools { folder, stamp };
    let built = fs::read_to_string(&stamp_file).is_ok_and(|built| built == tools.stamp)
        && GO_TOOLS.iter().all(|tool| tools.path(tool).is_file());
    if !built {
        build_go_tools(&tools.folder)?;
        fs::write(&stamp_file, &tools.stamp)?;
    }
    Ok(tools)
}

/// A program of ours in `tests/tools` that is no part of the stack; Go knows when to build it anew.
pub(crate) fn go_tool(name: &str) -> Result<PathBuf> {
    go_program(name, &format!("./{name}"))
}

/// The original as a frontend image has it, with the same language as the daemon's own.
pub(crate) fn original_frontend() -> Result<PathBuf> {
    let package = "github.com/moby/buildkit/frontend/dockerfile/cmd/dockerfile-frontend";
    go_program("dockerfile-frontend", package)
}

fn go_program(name: &str, package: &str) -> Result<PathBuf> {
    let program = workspace::target().join("tools").join(name);
    go()?
        .args(["build", "-buildvcs=false", "-trimpath", "-tags", TAGS, "-o"])
        .arg(&program)
        .arg(package)
        .env("CGO_ENABLED", "0")
        .run()?;
    Ok(program)
}

/// The tests of a Go package, built into `program` with the same language as the daemon's frontend.
/// Go knows when there is anything to do.
pub(crate) fn go_test(package: &str, program: &Path) -> Result<()> {
    go()?
        .args(["test", "-c", "-buildvcs=false", "-trimpath", "-tags", TAGS])
        .arg("-o")
        .arg(program)
        .arg(package)
        .env("CGO_ENABLED", "0")
        .run()
}

/// The daemon of another BuildKit release, whose Go module is the folder `tests/tools/<name>`.
pub(crate) fn other_buildkitd(name: &str) -> Result<PathBuf> {
    let program = workspace::target().join("tools").join(format!("{name}d"));
    if !program.is_file() {
        eprintln!("xtask: building {name} (once; some minutes)");
        go()?
            .current_dir(workspace::root().join("tests/tools").join(name))
            .args([
                "build",
                "-buildvcs=false",
                "-trimpath",
                "-ldflags",
                "-s -w",
                "-o",
            ])
            .arg(&program)
            .arg("github.com/moby/buildkit/cmd/buildkitd")
            .env("CGO_ENABLED", "0")
            .run()?;
    }
    Ok(program)
}

/// A module of the Go module: its folder or its version, as `go list -m -f` prints it.
pub(crate) fn go_module(format: &str, module: &str) -> Result<String> {
    go()?.args(["list", "-m", "-f", format, module]).read()
}

fn build_go_tools(folder: &Path) -> Result<()> {
    eprintln!("xtask: building buildkitd, buildctl and buildx (once; some minutes)");
    fs::create_dir_all(folder)?;
    let mut flags = String::from("-s -w");
    for module in ["github.com/moby/buildkit", "github.com/docker/buildx"] {
        let version = go_module("{{.Version}}", module)?;
        flags.push_str(&format!(" -X {module}/version.Version={version}"));
    }
    go()?
        .args([
            "build",
            "-buildvcs=false",
            "-trimpath",
            "-tags",
            TAGS,
            "-ldflags",
            &flags,
            "-o",
        ])
        .arg(folder)
        .args(["tool", "./convert"])
        .env("CGO_ENABLED", "0")
        .run()
}

/// `go`, to be run in the folder of the module.
fn go() -> Result<Command> {
    let program = process::find("go")
        .or_else(|| Some("/usr/local/go/bin/go".into()).filter(|go: &PathBuf| go.is_file()))
        .context("Go is not installed: BuildKit's programs are built from source with it, see https://go.dev/doc/install")?;
    let mut command = Command::new(program);
    command.current_dir(workspace::root().join("tests/tools"));
    Ok(command)
}

/// A hash of everything the tools are built from.
fn go_stamp() -> Result<String> {
    let module = workspace::root().join("tests/tools");
    let mut hash = Sha256::new_with_prefix(TAGS);
    let mut files = vec![module.join("go.mod"), module.join("go.sum")];
    for entry in fs::read_dir(module.join("convert"))? {
        files.push(entry?.path());
    }
    files.sort();
    for file in files {
        let bytes = fs::read(&file).with_context(|| file.display().to_string())?;
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    Ok(hex(&hash.finalize()))
}

/// Lower-case hexadecimal, as digests are written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Installs the packages whose program, or file (the first of each pair), is not there.
pub(crate) fn system(wanted: &[(&str, &str)]) -> Result<()> {
    let is_there = |name: &str| Path::new(name).is_file() || process::find(name).is_some();
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(name, _)| !is_there(name))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !process::is_root() {
        bail!(
            "some programs are missing: run `sudo apt-get update && sudo apt-get install --no-install-recommends {packages}`"
        );
    }
    eprintln!("xtask: installing {packages}");
    apt_get(&["update"])?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(&missing);
    apt_get(&arguments)
}

/// The file at `path` of a Debian package, taken out of the package without installing it: no
/// service is started for it, and nothing that it conflicts with is removed.
pub(crate) fn from_package(package: &str, path: &str) -> Result<PathBuf> {
    let folder = workspace::target().join("packages").join(package);
    let file = folder.join(path);
    if file.is_file() {
        return Ok(file);
    }
    fs::create_dir_all(&folder)?;
    if download(package, &folder).is_err() {
        if !process::is_root() {
            bail!("apt knows no package `{package}` yet: run `sudo apt-get update`");
        }
        apt_get(&["update"])?;
        download(package, &folder)?;
    }
    let archive = fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .with_context(|| format!("apt-get downloaded no package `{package}`"))?;
    Command::new("dpkg-deb")
        .arg("--extract")
        .arg(&archive)
        .arg(&folder)
        .run()?;
    fs::remove_file(archive)?;
    if !file.is_file() {
        bail!("the package `{package}` has no file {path}");
    }
    Ok(file)
}

fn download(package: &str, folder: &Path) -> Result<()> {
    // As root, apt-get would drop to a user who may not write here.
    Command::new("apt-get")
        .args([
            "--quiet",
            "-o",
            "APT::Sandbox::User=root",
            "download",
            package,
        ])
        .current_dir(folder)
        .run()
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    Command::new("apt-get")
        .arg("--quiet")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

/// The SHA-256 of some bytes, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
