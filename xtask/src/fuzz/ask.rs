//! Two programs that answer cases, a line each: the original, and ours.
//!
//! Ours runs in a process of its own, too: it may crash, hang or take all memory, and then that is its answer.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{answer::Answer, case::Case, world};
use crate::{tools, workspace};

/// How long one case may take; most take a millisecond.
const PATIENCE: Duration = Duration::from_secs(10);

/// The memory that ours may ask for, in KiB.
const MEMORY: u32 = 2 << 20;

/// One of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Original,
    Ours,
}

/// A program that is asked, and started again when it fell over.
pub(super) struct Frontend {
    side: Side,
    program: PathBuf,
    /// The line about the daemon that the original prints; ours is told.
    hello: String,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

/// Both.
pub(super) struct Frontends {
    original: Frontend,
    ours: Frontend,
}

impl Frontends {
    pub(super) fn start() -> Result<Self> {
        let mut original = Frontend::new(Side::Original, tools::go_tool("original")?);
        original.start()?;
        let mut ours = Frontend::new(Side::Ours, env::current_exe()?);
        ours.hello.clone_from(&original.hello);
        Ok(Self { original, ours })
    }

    /// What both say of each case.
    pub(super) fn ask(&mut self, cases: &[Case]) -> Result<Vec<(Answer, Answer)>> {
        let (original, ours) = (&mut self.original, &mut self.ours);
        let (theirs, mine) = thread::scope(|scope| {
            let theirs = scope.spawn(|| original.ask_all(cases));
            let mine = ours.ask_all(cases);
            (theirs.join(), mine)
        });
        let theirs = theirs.ok().context("a thread panicked")??;
        Ok(theirs.into_iter().zip(mine?).collect())
    }

    /// What both say of one case.
    pub(super) fn ask_one(&mut self, case: &Case) -> Result<(Answer, Answer)> {
        let mut answers = self.ask(std::slice::from_ref(case))?;
        answers.pop().context("no answer")
    }

    /// What the original says now; it does not always say the same.
    pub(super) fn ask_original(&mut self, case: &Case) -> Result<Answer> {
        self.original.ask(case)
    }
}

impl Frontend {
    fn new(side: Side, program: PathBuf) -> Self {
        Self {
            side,
            program,
            hello: String::new(),
            running: None,
        }
    }

    fn ask_all(&mut self, cases: &[Case]) -> Result<Vec<Answer>> {
        cases.iter().map(|case| self.ask(case)).collect()
    }

    fn ask(&mut self, case: &Case) -> Result<Answer> {
        if self.running.is_none() {
            self.start()?;
        }
        let running = self
            .running
            .as_mut()
            .context("the frontend did not start")?;
        let request = serde_json::to_string(case)? + "\n";
        // A program that died does not read; its silence is seen below.
        let _ = running.input.write_all(request.as_bytes());
        match running.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).with_context(|| format!("no answer: {line}")),
            Err(why) => {
                let last_words = self.end()?;
                Ok(Answer::broken(match why {
                    RecvTimeoutError::Timeout => "no answer in time".to_owned(),
                    RecvTimeoutError::Disconnected => last_words,
                }))
            }
        }
    }

    fn start(&mut self) -> Result<()> {
        let mut command = match self.side {
            Side::Original => Command::new(&self.program),
            Side::Ours => {
                let mut limited = Command::new("sh");
                limited.args(["-c", "ulimit -v \"$1\" && exec \"$0\" fuzz --answer"]);
                limited.arg(&self.program).arg(MEMORY.to_string());
                limited
            }
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(self.stderr()?)?)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let output = child.stdout.take().context("no stdout")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut input = child.stdin.take().context("no stdin")?;
        match self.side {
            Side::Original => self.hello = lines.recv_timeout(PATIENCE)?,
            Side::Ours => writeln!(input, "{}", self.hello)?,
        }
        self.running = Some(Running {
            child,
            input,
            lines,
        });
        Ok(())
    }

    /// Ends what runs, and gives the line that says most of why.
    fn end(&mut self) -> Result<String> {
        let Some(mut running) = self.running.take() else {
            return Ok(String::new());
        };
        drop(running.input);
        let _ = running.child.kill();
        let status = running.child.wait()?;
        let text = fs::read(self.stderr()?)?;
        let text = String::from_utf8_lossy(&text);
        let telling = [
            "panicked",
            "panic:",
            "fatal error",
            "overflow",
            "allocation",
        ];
        let line = text
            .lines()
            .skip_while(|line| !telling.iter().any(|word| line.contains(word)))
            .take(2)
            .collect::<Vec<_>>();
        Ok(match line.is_empty() {
            true => format!("it ended: {status}"),
            false => line.join(" "),
        })
    }

    fn stderr(&self) -> Result<PathBuf> {
        let folder = workspace::target().join("fuzz");
        fs::create_dir_all(&folder)?;
        Ok(folder.join(match self.side {
            Side::Original => "original.stderr",
            Side::Ours => "ours.stderr",
        }))
    }
}

impl Drop for Frontend {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Our program: answers the cases that come on stdin.
pub(super) fn serve() -> Result<()> {
    let mut lines = std::io::stdin().lines();
    let hello = lines.next().context("nothing is said of the daemon")??;
    let capabilities = serde_json::from_str::<world::Hello>(&hello)?.capabilities();
    for line in lines {
        let case: Case = serde_json::from_str(&line?)?;
        let answer = world::answer(&case, &capabilities);
        println!("{}", serde_json::to_string(&answer)?);
    }
    Ok(())
}
