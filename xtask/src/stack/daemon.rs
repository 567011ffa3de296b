//! A process that outlives us: started in the background, recognised later, stopped.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::process::Run;

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Daemon {
    pub(super) name: &'static str,
    /// Its configuration file. The path stands on its command line, which is how we know
    /// that a process is ours.
    pub(super) configuration: PathBuf,
}

impl Daemon {
    /// Makes the daemon run with `configuration`: one that already does is left alone, one
    /// that runs with another is replaced. Returns when `ready` says so.
    pub(super) fn ensure(
        &self,
        configuration: &str,
        command: &Command,
        ready: impl Fn() -> bool,
    ) -> Result<()> {
        let unchanged =
            fs::read_to_string(&self.configuration).is_ok_and(|old| old == configuration);
        if self.runs() {
            if unchanged && ready() {
                return Ok(());
            }
            self.stop()?;
        }
        fs::write(&self.configuration, configuration)?;
        let child = self.start(command)?;
        self.wait(child, ready)
    }

    fn start(&self, command: &Command) -> Result<Child> {
        eprintln!("xtask: starting {}", self.name);
        let log = File::create(self.log())?;
        let child = without_our_files(command)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Not the terminal's business: Ctrl-C ends us, not what we leave running.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", self.name))?;
        fs::write(self.pid_file(), child.id().to_string())?;
        Ok(child)
    }

    fn wait(&self, mut child: Child, ready: impl Fn() -> bool) -> Result<()> {
        let start = Instant::now();
        while !ready() {
            if child.try_wait()?.is_some() || start.elapsed() > START {
                let log = fs::read_to_string(self.log()).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(15)..].join("\n");
                bail!(
                    "{} does not start; the end of {}:\n{last}",
                    self.name,
                    self.log().display()
                );
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Stops the daemon if it runs: asks, waits, and kills what does not listen.
    pub(super) fn stop(&self) -> Result<()> {
        if let Some(process) = self.process() {
            eprintln!("xtask: stopping {}", self.name);
            signal("TERM", process)?;
            let start = Instant::now();
            while self.runs() {
                if start.elapsed() > STOP {
                    signal("KILL", process)?;
                }
                thread::sleep(PAUSE);
            }
        }
        if self.pid_file().exists() {
            fs::remove_file(self.pid_file())?;
        }
        Ok(())
    }

    /// Whether it runs.
    pub(super) fn runs(&self) -> bool {
        self.process().is_some()
    }

    /// The process, if it lives and is ours: an id alone may have been given to another.
    fn process(&self) -> Option<u32> {
        let process: u32 = fs::read_to_string(self.pid_file())
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let command_line = fs::read(format!("/proc/{process}/cmdline")).ok()?;
        let ours = self.configuration.to_str()?.as_bytes();
        // A process that ended but was not waited for has an empty command line.
        command_line
            .windows(ours.len())
            .any(|part| part == ours)
            .then_some(process)
    }

    fn pid_file(&self) -> PathBuf {
        super::folder().join(format!("{}.pid", self.name))
    }

    fn log(&self) -> PathBuf {
        super::folder().join(format!("{}.log", self.name))
    }
}

/// The same command, started with no other open file than the three standard ones. What opened
/// us may wait until a file of its own is closed: `flock` does, with the lock that it holds.
fn without_our_files(command: &Command) -> Command {
    const CLOSE: &str = r#"for fd in 3 4 5 6 7 8 9; do eval "exec $fd>&-"; done; exec "$@""#;
    let mut shell = Command::new("sh");
    shell
        .args(["-c", CLOSE, "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

fn signal(name: &str, process: u32) -> Result<()> {
    Command::new("kill")
        .arg(format!("-{name}"))
        .arg(process.to_string())
        .run()
}
