//! Starts a program of the image and waits for it.
//!
//! Takes a command line and an [`Environment`]; gives the exit code and, where asked, what was printed. There is no shell
//! and no standard input: nothing can ask.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use super::secrets::Mask;
use crate::environment::Environment;

/// How much of an output is kept: its end.
const KEPT: usize = 64 * 1024;

/// How a program ended.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    status: ExitStatus,
    /// The end of its standard output, if it was kept.
    pub(super) stdout: String,
    /// The end of its standard error, if it was kept.
    pub(super) stderr: String,
}

impl Outcome {
    pub(super) fn success(&self) -> bool {
        self.status.success()
    }

    /// The line that names the cause: the last one that calls itself an error, else the last there is.
    pub(super) fn cause(&self) -> &str {
        let lines = || {
            [&self.stdout, &self.stderr]
                .into_iter()
                .flat_map(|text| text.lines())
                .map(str::trim)
        };
        let is_error = |line: &&str| {
            line.get(..5)
                .is_some_and(|start| start.eq_ignore_ascii_case("error"))
        };
        let last = || lines().rfind(|line| !line.is_empty());
        lines()
            .rfind(is_error)
            .or_else(last)
            .unwrap_or("it printed nothing")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "killed by signal {signal}"),
            (None, None) => f.write_str("no exit code"),
        }
    }
}

/// What becomes of a program's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// It is the step's own. A program that goes on in the background holds nothing up.
    Shown,
    /// It is the step's own, and its end is kept.
    ShownAndKept,
    /// Its end is kept.
    Kept,
}

/// Runs `command`, whose first word is the program.
pub(super) fn run<S: AsRef<OsStr>>(
    command: &[S],
    environment: &Environment,
    output: Output,
) -> io::Result<Outcome> {
    run_in(
        Path::new("/"),
        command,
        environment,
        output,
        &Mask::default(),
    )
}

/// The same in a folder, and with nothing printed that is to be hidden; with [`Output::Shown`] nothing can be hidden.
pub(super) fn run_in<S: AsRef<OsStr>>(
    folder: &Path,
    command: &[S],
    environment: &Environment,
    output: Output,
    mask: &Mask,
) -> io::Result<Outcome> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut child = Command::new(program);
    child
        .args(arguments)
        .env_clear()
        .envs(environment.iter())
        .current_dir(folder)
        .stdin(Stdio::null());
    if output == Output::Shown {
        let status = child.status()?;
        return Ok(Outcome {
            status,
            stdout: String::new(),
            stderr: String::new(),
        });
    }

    let mut child = child
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let shown = output == Output::ShownAndKept;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = thread::scope(|scope| {
        let stderr = scope.spawn(|| keep(stderr, shown.then(io::stderr), mask));
        let stdout = keep(stdout, shown.then(io::stdout), mask);
        (stdout, stderr.join().unwrap_or_default())
    });
    Ok(Outcome {
        status: child.wait()?,
        stdout,
        stderr,
    })
}

/// Reads to the end, shows it, and keeps the last of it.
fn keep(source: Option<impl Read>, shown: Option<impl Write>, mask: &Mask) -> String {
    let Some(mut source) = source else {
        return String::new();
    };
    let mut kept = Kept {
        bytes: Vec::new(),
        shown,
    };
    let mut pending: Vec<u8> = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => pending.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        }
        let ready = ready(&pending, mask);
        let rest = pending.split_off(ready);
        kept.take(&pending, mask);
        pending = rest;
    }
    kept.take(&pending, mask);
    String::from_utf8_lossy(&kept.bytes).into_owned()
}

/// How much of what was read can be shown: whole lines where something may have to be hidden in them, for no value has more.
fn ready(pending: &[u8], mask: &Mask) -> usize {
    if mask.is_empty() {
        return pending.len();
    }
    match pending.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => end + 1,
        None if pending.len() > KEPT + mask.longest() => pending.len() - mask.longest(),
        None => 0,
    }
}

struct Kept<W> {
    bytes: Vec<u8>,
    shown: Option<W>,
}

impl<W: Write> Kept<W> {
    fn take(&mut self, bytes: &[u8], mask: &Mask) {
        let hidden;
        let bytes = match mask.is_empty() {
            true => bytes,
            false => {
                hidden = mask.hide(bytes);
                &hidden
            }
        };
        if let Some(shown) = &mut self.shown {
            let _ = shown.write_all(bytes).and_then(|()| shown.flush());
        }
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > 2 * KEPT {
            self.bytes.drain(..self.bytes.len() - KEPT);
        }
    }
}

/// A command line from words of any kind.
pub(super) fn words<const N: usize>(words: [&OsStr; N]) -> Vec<OsString> {
    words.into_iter().map(OsStr::to_owned).collect()
}
