//! Instructions that change the image config and the environment of commands, and make no files.

use std::sync::Arc;

use crate::{
    diagnostic::Result,
    expand::{Budget, Expander},
    golang, image,
    instruction::{Arg, CommandLine, Healthcheck, KeyValue, Kind},
};

use super::{
    Planner,
    expose::{self, Range},
    facts::{Facts, Seen},
    messages,
    options::Overrides,
    scan,
    state::StageState,
    words::Words,
};

/// Carries out an instruction that needs nothing but the stage's own state.
pub(super) fn apply(
    state: &mut StageState,
    kind: &Kind,
    expander: &Expander,
    facts: &mut Facts,
    budget: &mut Budget,
) -> Result<()> {
    match kind {
        Kind::Env(env) => {
            let pairs = expanded_pairs(state, &env.pairs, expander, facts, budget)?;
            env_pairs(state, pairs);
        }
        Kind::Label(label) => {
            let pairs = expanded_pairs(state, &label.labels, expander, facts, budget)?;
            label_pairs(state, pairs);
        }
        Kind::Maintainer(maintainer) => {
            let author = maintainer.maintainer.clone();
            state.commit(format!("MAINTAINER {author}"), false);
            state.changes.add(|image| image.author = author);
        }
        Kind::Onbuild(onbuild) => {
            let trigger = onbuild.expression.clone();
            state
                .changes
                .add(|image| image.config.on_build.push(trigger));
        }
        Kind::Cmd(cmd) => {
            see_form(state, &cmd.command, facts);
            set_cmd(state, &cmd.command, budget)?;
        }
        Kind::Entrypoint(entrypoint) => {
            see_form(state, &entrypoint.command, facts);
            set_entrypoint(state, &entrypoint.command, budget)?;
        }
        Kind::Healthcheck(check) => set_healthcheck(state, check),
        Kind::Expose(expose) => {
            let mut words = Vec::new();
            for port in &expose.ports {
                words.extend(
                    expander
                        .words(port, &state.environment, budget)
                        .map_err(messages::expansion)?,
                );
            }
            let ranges = expose::ranges(&words, facts)?;
            budget
                .spend(ranges.iter().map(Range::size).sum())
                .map_err(messages::overgrown)?;
            state.commit(format!("EXPOSE [{}]", expose::shown(&ranges)), false);
            state.changes.add(move |image| {
                let ports = ranges.iter().flat_map(Range::ports);
                image.config.exposed_ports.extend(ports);
            });
        }
        Kind::User(user) => {
            let user = Words::new(expander, state, facts, budget).word(&user.user)?;
            state.commit(format!("USER {user}"), false);
            state.user = user.clone();
            state.changes.add(|image| image.config.user = user);
        }
        Kind::Volume(volume) => {
            let mut words = Words::new(expander, state, facts, budget);
            let volumes: Vec<String> = volume
                .paths
                .iter()
                .map(|volume| words.word(volume))
                .collect::<Result<_>>()?;
            if volumes.iter().any(String::is_empty) {
                return Err(messages::empty_volume());
            }
            state.commit(format!("VOLUME [{}]", volumes.join(" ")), false);
            state
                .changes
                .add(|image| image.config.volumes.extend(volumes));
        }
        Kind::Stopsignal(signal) => {
            let signal = Words::new(expander, state, facts, budget).word(&signal.signal)?;
            golang::parse_signal(&signal).map_err(messages::text)?;
            state.commit(format!("STOPSIGNAL {signal}"), false);
            state.changes.add(|image| image.config.stop_signal = signal);
        }
        Kind::Shell(shell) => {
            state.shell = shell.shell.as_slice().into();
            state.commit(format!("SHELL [{}]", shell.shell.join(" ")), false);
            let shell = Arc::clone(&state.shell);
            state
                .changes
                .add(move |image| image.config.shell = shell.to_vec());
        }
        // These make files or read other stages, and are planned where they stand.
        Kind::Add(_) | Kind::Copy(_) | Kind::Run(_) | Kind::Workdir(_) | Kind::Arg(_) => {}
    }
    Ok(())
}

/// Sets what starts in the image, as instructions at the end of the stage would.
pub(super) fn override_commands(
    state: &mut StageState,
    overrides: &Overrides,
    budget: &mut Budget,
) -> Result<()> {
    if let Some(command) = &overrides.entrypoint {
        set_entrypoint(state, command, budget)?;
    }
    match &overrides.cmd {
        Some(command) => set_cmd(state, command, budget),
        None => Ok(()),
    }
}

impl Planner<'_> {
    /// ARG: a build argument's value, else the default, else the value from before the first FROM.
    pub(super) fn arg(&mut self, state: &mut StageState, arg: &Arg) -> Result<()> {
        let mut shown = Vec::with_capacity(arg.declarations.len());
        for argument in &arg.declarations {
            self.facts.see(Seen::Argument {
                key: argument.key.clone(),
            });
            let given = self.graph.build_args.get(&argument.key);
            let value = match (given, &argument.value) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => Some(
                    Words::new(&self.expander, state, self.facts, &mut self.budget)
                        .word(default)?,
                ),
                (None, None) => self
                    .graph
                    .arguments
                    .get(&argument.key)
                    .map(|value| value.to_string()),
            };
            let is_own = given.is_some() || argument.value.is_some();
            self.facts.see(match is_own || value.is_none() {
                true => Seen::Value(value.clone()),
                false => Seen::Inherited,
            });
            if let Some(value) = &value {
                let name = argument.key.as_str();
                match scan::ARGUMENTS.contains(&name) {
                    true => state.scan.note(name, value),
                    false => state.environment.set(name, value.as_str()),
                }
            }
            shown.push(match &value {
                Some(value) => format!("{}={value}", argument.key),
                None => argument.key.clone(),
            });
            state
                .declared
                .keep(&argument.key, value.as_deref().unwrap_or_default());
        }
        state.commit(format!("ARG {}", shown.join(" ")), false);
        Ok(())
    }
}

/// The command for the shell: SHELL's, else the platform's own.
pub(super) fn in_shell(
    state: &StageState,
    arguments: &[String],
    budget: &mut Budget,
) -> Result<Vec<String>> {
    let words = state
        .shell
        .iter()
        .map(|word| size_of::<String>() + word.len());
    budget.spend(words.sum()).map_err(messages::overgrown)?;
    let command = arguments.join(" ");
    Ok(match &*state.shell {
        shell if !shell.is_empty() => [shell, &[command]].concat(),
        _ if state.image.platform.os == "windows" => {
            vec!["cmd".to_owned(), "/S".to_owned(), "/C".to_owned(), command]
        }
        _ => vec!["/bin/sh".to_owned(), "-c".to_owned(), command],
    })
}

/// Names and values with their variables replaced: all of them see the environment from before the instruction.
fn expanded_pairs(
    state: &StageState,
    pairs: &[KeyValue],
    expander: &Expander,
    facts: &mut Facts,
    budget: &mut Budget,
) -> Result<Vec<(String, String)>> {
    let mut words = Words::new(expander, state, facts, budget);
    let expanded: Vec<_> = pairs
        .iter()
        .map(|pair| Ok((words.word(&pair.key)?, words.word(&pair.value)?)))
        .collect::<Result<_>>()?;
    for (pair, (key, value)) in pairs.iter().zip(&expanded) {
        facts.see(Seen::Pair {
            key: key.clone(),
            value: value.clone(),
            is_legacy: pair.legacy,
        });
    }
    Ok(expanded)
}

fn env_pairs(state: &mut StageState, pairs: Vec<(String, String)>) {
    state.commit(format!("ENV{}", shown(&pairs)), false);
    for (name, value) in pairs {
        state.environment.keep(&name, &value);
        state.has_odd_variables |= name.contains('=');
        state.changes.set_variable(name, value);
    }
}

fn label_pairs(state: &mut StageState, pairs: Vec<(String, String)>) {
    state.commit(format!("LABEL{}", shown(&pairs)), false);
    state.changes.add(|image| image.config.labels.extend(pairs));
}

/// ` name=value` of each.
fn shown(pairs: &[(String, String)]) -> String {
    let words = pairs
        .iter()
        .flat_map(|(name, value)| [" ", name, "=", value]);
    words.collect()
}

fn see_form(state: &StageState, command: &CommandLine, facts: &mut Facts) {
    if command.shell_form {
        facts.see(Seen::ShellForm {
            is_shell_set: !state.shell.is_empty(),
        });
    }
}

fn command_line(
    state: &StageState,
    command: &CommandLine,
    budget: &mut Budget,
) -> Result<Vec<String>> {
    match command.shell_form {
        true => in_shell(state, &command.args, budget),
        false => Ok(command.args.clone()),
    }
}

fn set_cmd(state: &mut StageState, command: &CommandLine, budget: &mut Budget) -> Result<()> {
    state.has_cmd = true;
    let line = command_line(state, command, budget)?;
    let shown = golang::quote_all(&line);
    state.commit(format!("CMD {shown}"), false);
    state.changes.add(|image| {
        image.config.cmd = line;
        image.config.args_escaped = true;
    });
    Ok(())
}

/// ENTRYPOINT drops a CMD that this stage did not set itself.
fn set_entrypoint(
    state: &mut StageState,
    command: &CommandLine,
    budget: &mut Budget,
) -> Result<()> {
    let line = command_line(state, command, budget)?;
    let shown = golang::quote_all(&line);
    state.commit(format!("ENTRYPOINT {shown}"), false);
    let keeps_cmd = state.has_cmd;
    state.changes.add(move |image| {
        image.config.entrypoint = line;
        if !keeps_cmd {
            image.config.cmd = Vec::new();
        }
    });
    Ok(())
}

fn set_healthcheck(state: &mut StageState, check: &Healthcheck) {
    let check = match check {
        Healthcheck::Disabled => image::Healthcheck {
            test: vec!["NONE".to_owned()],
            ..image::Healthcheck::default()
        },
        Healthcheck::Enabled(probe) => {
            let form = if probe.command.shell_form {
                "CMD-SHELL"
            } else {
                "CMD"
            };
            image::Healthcheck {
                test: [form]
                    .into_iter()
                    .map(str::to_owned)
                    .chain(probe.command.args.iter().cloned())
                    .collect(),
                interval: probe.interval,
                timeout: probe.timeout,
                start_period: probe.start_period,
                start_interval: probe.start_interval,
                retries: probe.retries,
            }
        }
    };
    let shown = format!(
        "{{Test:[{}] Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{}}}",
        check.test.join(" "),
        golang::format_duration(check.interval),
        golang::format_duration(check.timeout),
        golang::format_duration(check.start_period),
        golang::format_duration(check.start_interval),
        check.retries,
    );
    state.commit(format!("HEALTHCHECK {shown}"), false);
    state
        .changes
        .add(|image| image.config.healthcheck = Some(check));
}
