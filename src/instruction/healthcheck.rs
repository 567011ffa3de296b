//! `HEALTHCHECK [flags] CMD command`, `HEALTHCHECK NONE`

use crate::{
    diagnostic::{Diagnostic, Result},
    golang,
    instruction::{
        CommandLine,
        flags::{Flag, Flags},
        messages,
    },
    syntax::ast::{self, Arguments},
};

const FLAGS: [Flag; 5] = [
    Flag::text("interval"),
    Flag::text("timeout"),
    Flag::text("start-period"),
    Flag::text("start-interval"),
    Flag::text("retries"),
];

/// How to tell that a container works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// Not at all, whatever the base image says. Flags before it are not looked at.
    Disabled,
    /// By running something.
    Enabled(Probe),
}

/// What to run, and how often. A duration is in nanoseconds, and 0 is the daemon's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The command, which is not empty; nothing in it is replaced.
    pub command: CommandLine,
    /// `--interval`
    pub interval: i64,
    /// `--timeout`
    pub timeout: i64,
    /// `--start-period`
    pub start_period: i64,
    /// `--start-interval`
    pub start_interval: i64,
    /// `--retries`; 0 is the daemon's default.
    pub retries: i64,
}

impl Healthcheck {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        let Arguments::Check { kind, command } = &written.arguments else {
            return Err(messages::at_least_one_argument("HEALTHCHECK").into());
        };
        let command = CommandLine::read(command);
        match golang::to_upper(kind).as_str() {
            "" => Err(messages::at_least_one_argument("HEALTHCHECK").into()),
            "NONE" if command.args.is_empty() => Ok(Self::Disabled),
            "NONE" => Err(messages::none_takes_nothing().into()),
            kind => {
                let flags = Flags::read(&written.flags, &FLAGS)?;
                let command = probe_command(kind, command)?;
                Probe::read(command, &flags).map(Self::Enabled)
            }
        }
    }

    /// The test as an image config holds it: `NONE`, or `CMD` or `CMD-SHELL` and the command.
    pub fn test(&self) -> Vec<String> {
        let Self::Enabled(Probe { command, .. }) = self else {
            return vec!["NONE".to_owned()];
        };
        let kind = if command.shell_form {
            "CMD-SHELL"
        } else {
            "CMD"
        };
        let args = command.args.iter().cloned();
        std::iter::once(kind.to_owned()).chain(args).collect()
    }
}

/// The command, if it is one.
fn probe_command(kind: &str, command: CommandLine) -> Result<CommandLine> {
    match kind {
        "CMD" if command.args.is_empty() => Err(messages::no_probe().into()),
        "CMD" => Ok(command),
        _ => Err(messages::unknown_probe(kind).into()),
    }
}

impl Probe {
    fn read(command: CommandLine, flags: &Flags) -> Result<Self> {
        Ok(Self {
            command,
            interval: duration(flags, "interval")?,
            timeout: duration(flags, "timeout")?,
            start_period: duration(flags, "start-period")?,
            start_interval: duration(flags, "start-interval")?,
            retries: retries(flags)?,
        })
    }
}

/// A duration of a millisecond or more, or none.
fn duration(flags: &Flags, name: &str) -> Result<i64> {
    const MILLISECOND: i64 = 1_000_000;
    let Some(value) = flags.text(name) else {
        return Ok(0);
    };
    match golang::parse_duration(&value).map_err(Diagnostic::error)? {
        0 => Ok(0),
        duration if duration < MILLISECOND => Err(messages::interval_too_short(name).into()),
        duration => Ok(duration),
    }
}

fn retries(flags: &Flags) -> Result<i64> {
    let Some(value) = flags.text("retries") else {
        return Ok(0);
    };
    match golang::parse_int(&value, 10, 32).map_err(Diagnostic::error)? {
        retries if retries < 0 => Err(messages::negative_retries(retries).into()),
        retries => Ok(retries),
    }
}
