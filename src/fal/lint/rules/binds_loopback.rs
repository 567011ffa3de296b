//! A server that listens on the loopback address is reached by nobody outside.

use crate::{
    fal::{
        lint::{RuleReport, View, fix},
        options::Mode,
    },
    instruction::{CommandLine, Kind},
    lint::Rule,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "BindsLoopback",
    "fal reaches a server over the network of the container: one that listens on 127.0.0.1 is not reached"
);

/// What is said to a server before the address that it listens on.
const FLAGS: [&str; 8] = [
    "--host",
    "--bind",
    "--listen",
    "--address",
    "--addr",
    "--ip",
    "-b",
    "-H",
];

/// Only with mode=server is the image's own command what runs. Of each kind, the last one counts.
pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    if view.options.mode != Mode::Server || view.is_command_replaced {
        return;
    }
    let cmd = view
        .of_target()
        .rev()
        .find_map(|step| match &step.instruction.kind {
            Kind::Cmd(cmd) => Some((step, &cmd.command)),
            _ => None,
        });
    let entrypoint = view
        .of_target()
        .rev()
        .find_map(|step| match &step.instruction.kind {
            Kind::Entrypoint(entrypoint) => Some((step, &entrypoint.command)),
            _ => None,
        });
    for (step, command) in cmd.into_iter().chain(entrypoint) {
        let Some(address) = bound(command) else {
            continue;
        };
        let message =
            format!("the server listens on {address}, where fal does not reach it: use 0.0.0.0");
        let fix = fix::replace(view, step.lines(), &address, "0.0.0.0");
        report.say(step.lines(), step.comments(), message, fix);
    }
}

/// The loopback address that a command says to listen on.
fn bound(command: &CommandLine) -> Option<String> {
    let words = command
        .args
        .iter()
        .flat_map(|argument| argument.split_whitespace());
    let words: Vec<&str> = words.map(|word| word.trim_matches(['"', '\''])).collect();
    let loopback = |value: &str| {
        let host = value.split(':').next().unwrap_or_default();
        matches!(host, "127.0.0.1" | "localhost").then(|| host.to_owned())
    };
    let within = words.iter().find_map(|word| {
        let (flag, value) = word.split_once('=')?;
        loopback(value).filter(|_| FLAGS.contains(&flag))
    });
    within.or_else(|| {
        words.windows(2).find_map(|pair| match pair {
            [flag, value] if FLAGS.contains(flag) => loopback(value),
            _ => None,
        })
    })
}
