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

/// How much is read at once.
const READ: usize = 8192;

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
    let mut buffer = [0; READ];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => pending.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        }
        let (shown, taken) = mask.hide_start(&pending);
        kept.take(&shown);
        pending.drain(..taken);
    }
    kept.take(&mask.hide(&pending));
    String::from_utf8_lossy(&kept.bytes).into_owned()
}

struct Kept<W> {
    bytes: Vec<u8>,
    shown: Option<W>,
}

impl<W: Write> Kept<W> {
    fn take(&mut self, bytes: &[u8]) {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::install::secrets::Secrets;

    /// What is read in two parts, as a pipe gives it.
    struct Parts<'a>(&'a [u8], &'a [u8]);

    impl Read for Parts<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                std::mem::swap(&mut self.0, &mut self.1);
            }
            self.0.read(buffer)
        }
    }

    fn mask(value: &str) -> Mask {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let prefix = folder.path().join("given-");
        fs::write(format!("{}NAME", prefix.display()), value).expect("a file");
        let names = ["NAME".to_owned()];
        Secrets::read(&prefix, &names).expect("values").mask()
    }

    fn shown(source: impl Read, mask: &Mask) -> String {
        let mut shown = Vec::new();
        keep(Some(source), Some(&mut shown), mask);
        String::from_utf8(shown).expect("text")
    }

    #[test]
    fn no_value_is_printed_wherever_its_output_is_cut() {
        // A line that is longer than all that is kept, and a value anywhere in it.
        let mask = mask("ses%20ame!");
        let reads = [1, 8, 9, 16].map(|count| count * READ);
        for before in reads.iter().flat_map(|end| end - 25..end + 2) {
            let mut text = vec![b'.'; before];
            text.extend_from_slice(b"ses%20ame!");
            text.resize(2 * KEPT + 100, b'.');
            let printed = shown(text.as_slice(), &mask);
            let want = ".".repeat(before) + "****" + &".".repeat(text.len() - before - 10);
            assert!(printed == want, "{before}");
        }
    }

    #[test]
    fn output_is_the_same_wherever_it_is_cut() {
        let mask = mask("one\ntwo%0Athree");
        let text = "one\ntwo%0Athree one\ntwo\nthree one three oneone\ntw one\ntwo%0Athre";
        let all = shown(text.as_bytes(), &mask);
        let want = "**** **** **** three ********\ntw ****\ntwo%0Athre";
        assert_eq!(all, want);
        for cut in 0..text.len() {
            let (start, end) = text.as_bytes().split_at(cut);
            assert_eq!(shown(Parts(start, end), &mask), all, "{cut}");
        }
    }

    #[test]
    fn what_can_be_no_value_is_printed_at_once() {
        let (shown, taken) = mask("sesame").hide_start(b"Name: ses");
        assert_eq!((shown.as_slice(), taken), (&b"Name: "[..], 6));
    }
}
