//! fal's own SDK, which says what a ContainerImage and a pyproject.toml mean.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Result;

use crate::{process::Run, workspace};

/// A Python that has the SDK, installed if it is not there; none where that cannot be done, which is told.
pub(crate) fn python() -> Option<PathBuf> {
    match install() {
        Ok(python) => Some(python),
        Err(error) => {
            eprintln!("xtask: no fal SDK, and nothing is compared with it: {error:#}");
            None
        }
    }
}

fn install() -> Result<PathBuf> {
    let wanted = workspace::root().join("tests/inputs/requirements.txt");
    let folder = workspace::target().join("fal-sdk");
    let python = folder.join("bin/python");
    let stamp = folder.join(".stamp");
    let text = fs::read_to_string(&wanted)?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == text) {
        return Ok(python);
    }
    eprintln!("xtask: installing the fal SDK");
    Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder)
        .run()?;
    Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&wanted)
        .run()?;
    fs::write(&stamp, text)?;
    Ok(python)
}
