//! Child processes: run to the end, with a failure that names the command.

use std::{
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};
use serde::{Serialize, de::DeserializeOwned};

/// What the rig asks of a command.
pub(crate) trait Run {
    /// Runs to the end. Its output goes to our stderr: stdout belongs to results.
    fn run(&mut self) -> Result<()>;
    /// Runs to the end and gives what it printed on stdout, trimmed.
    fn read(&mut self) -> Result<String>;
}

impl Run for Command {
    fn run(&mut self) -> Result<()> {
        let status = self
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .status()
            .with_context(|| format!("cannot start `{}`", shown(self)))?;
        if !status.success() {
            bail!("`{}` failed ({status})", shown(self));
        }
        Ok(())
    }

    fn read(&mut self) -> Result<String> {
        let output = self
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start `{}`", shown(self)))?;
        if !output.status.success() {
            bail!("`{}` failed ({})", shown(self), output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// Gives a command every question on its stdin, and takes its answers from its stdout: JSON, one a line.
pub(crate) fn ask<Q: Serialize, A: DeserializeOwned>(
    command: &mut Command,
    questions: &[Q],
) -> Result<Vec<A>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    let mut input = child.stdin.take().context("no stdin")?;
    let output = child.stdout.take().context("no stdout")?;
    let questions = questions
        .iter()
        .map(serde_json::to_string)
        .collect::<Result<Vec<_>, _>>()?
        .join("\n");
    let writer = thread::spawn(move || input.write_all(questions.as_bytes()));
    let mut answers = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        let answer = serde_json::from_str(&line)
            .with_context(|| format!("the answer of `{}`", shown(command)))?;
        answers.push(answer);
    }
    let status = child.wait()?;
    if !status.success() || !matches!(writer.join(), Ok(Ok(()))) {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(answers)
}

/// The command as a person would type it, cut where it gets long.
fn shown(command: &Command) -> String {
    const LONGEST: usize = 300;
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The program `name` on PATH, or in the folders of system programs, which a
/// user's PATH often leaves out.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Whether we run as root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self")
        .metadata()
        .is_ok_and(|process| process.uid() == 0)
}
