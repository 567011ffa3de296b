//! The tests as a program: built, and run with everything that it looks for.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use super::transcript::{self, Verdicts};
use crate::{
    stack::{self, Stack},
    tools,
};

/// The Go package.
const PACKAGE: &str = "github.com/moby/buildkit/frontend/dockerfile";

/// Its module, in whose folder the tests find their fixtures.
const MODULE: &str = "github.com/moby/buildkit";

/// Longer than any run on a machine that also does something else.
const TIMEOUT: &str = "3h";

/// What to run.
pub(super) struct Run<'a> {
    /// The frontend, as an OCI archive.
    pub(super) frontend: PathBuf,
    /// The folder of the tests' registry.
    pub(super) mirror: PathBuf,
    /// Parts of names; none means every test.
    pub(super) filters: &'a [String],
    pub(super) jobs: Option<usize>,
}

/// Runs the tests to the end. That some of them fail is no failure of this.
pub(super) fn run(stack: &Stack, run: &Run<'_>) -> Result<Verdicts> {
    let program = super::folder().join("dockerfile.test");
    eprintln!("xtask: building the tests");
    tools::go_test(PACKAGE, &program)?;
    let fixtures = tools::go_module("{{.Dir}}", MODULE)?;
    let (output, input) = io::pipe()?;
    let mut command = Command::new(program);
    command
        .current_dir(Path::new(&fixtures).join("frontend/dockerfile"))
        .arg(format!("-test.run={}", pattern(run.filters)))
        .arg(format!("-test.timeout={TIMEOUT}"))
        .arg("-test.v=test2json")
        .env("FRONTEND_GATEWAY_ONLY", local(&run.frontend)?)
        .env("EXTERNAL_DF_FRONTEND", "/dockerfile-frontend")
        .env("BUILDKIT_REGISTRY_MIRROR_DIR", &run.mirror)
        .env("PATH", path(stack)?)
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input);
    if let Some(jobs) = run.jobs {
        // The tests ask Go how many processors there are.
        command
            .env("GOMAXPROCS", jobs.to_string())
            .arg(format!("-test.parallel={jobs}"));
    }
    let mut child = command.spawn().context("cannot start the tests")?;
    // The command holds the other end of the pipe, which ends when nobody does.
    drop(command);
    let verdicts = transcript::read(output, &super::folder())?;
    child.wait()?;
    Ok(verdicts)
}

/// The tests that run: of the filters' names, with the OCI worker.
fn pattern(filters: &[String]) -> String {
    let names = if filters.is_empty() {
        ".*".to_owned()
    } else {
        format!("({})", filters.join("|"))
    };
    format!("TestIntegration/{names}/worker=oci$")
}

/// An archive in the words of the tests.
fn local(archive: &Path) -> Result<String> {
    let path = archive
        .to_str()
        .context("the archive's path is not UTF-8")?;
    Ok(format!("local:{path}"))
}

/// PATH with the stack's tools and a registry of the name that the tests look for.
fn path(stack: &Stack) -> Result<std::ffi::OsString> {
    let folder = super::folder().join("bin");
    let registry = folder.join("registry");
    fs::create_dir_all(&folder)?;
    if registry.symlink_metadata().is_ok() {
        fs::remove_file(&registry)?;
    }
    symlink(stack::registry::program()?, &registry)?;
    let mut path = folder.into_os_string();
    path.push(":");
    path.push(stack.tools.search_path());
    Ok(path)
}
