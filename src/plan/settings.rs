//! Instructions that change the image config and the environment of commands, and make no files.

use crate::{
    diagnostic::Result,
    expand::Expander,
    golang, image,
    instruction::{Arg, CommandLine, Healthcheck, KeyValue, Kind},
    stage::StageId,
};

use super::{
    Planner, expose,
    facts::{Facts, Seen},
    messages,
    state::{Declared, StageState},
    words::Words,
};

/// ARGs that steer the build and are no variables of commands.
pub(super) const NOT_IN_ENVIRONMENT: [&str; 2] =
    ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

/// Carries out an instruction that needs nothing but the stage's own state.
pub(super) fn apply(
    state: &mut StageState,
    kind: &Kind,
    expander: &Expander,
    facts: &mut Facts,
) -> Result<()> {
    match kind {
        Kind::Env(env) => {
            let pairs = expanded_pairs(state, &env.pairs, expander, facts)?;
            env_pairs(state, &pairs);
        }
        Kind::Label(label) => {
            let pairs = expanded_pairs(state, &label.labels, expander, facts)?;
            label_pairs(state, &pairs);
        }
        Kind::Maintainer(maintainer) => {
            state.image.author = maintainer.maintainer.clone();
            state.commit(format!("MAINTAINER {}", maintainer.maintainer), false);
        }
        Kind::Onbuild(onbuild) => {
            state.image.config.on_build.push(onbuild.expression.clone());
        }
        Kind::Cmd(cmd) => {
            see_form(state, &cmd.command, facts);
            set_cmd(state, &cmd.command);
        }
        Kind::Entrypoint(entrypoint) => {
            see_form(state, &entrypoint.command, facts);
            set_entrypoint(state, &entrypoint.command);
        }
        Kind::Healthcheck(check) => set_healthcheck(state, check),
        Kind::Expose(expose) => {
            let mut words = Vec::new();
            for port in &expose.ports {
                words.extend(
                    expander
                        .words(port, &state.environment)
                        .map_err(messages::expansion)?,
                );
            }
            let ports = expose::ports(&words, facts)?;
            state
                .image
                .config
                .exposed_ports
                .extend(ports.iter().cloned());
            state.commit(format!("EXPOSE [{}]", ports.join(" ")), false);
        }
        Kind::User(user) => {
            let user = Words::new(expander, state, facts).word(&user.user)?;
            state.user = user.clone();
            state.image.config.user = user.clone();
            state.commit(format!("USER {user}"), false);
        }
        Kind::Volume(volume) => {
            let mut words = Words::new(expander, state, facts);
            let volumes: Vec<String> = volume
                .paths
                .iter()
                .map(|volume| words.word(volume))
                .collect::<Result<_>>()?;
            if volumes.iter().any(String::is_empty) {
                return Err(messages::empty_volume());
            }
            state.image.config.volumes.extend(volumes.iter().cloned());
            state.commit(format!("VOLUME [{}]", volumes.join(" ")), false);
        }
        Kind::Stopsignal(signal) => {
            let signal = Words::new(expander, state, facts).word(&signal.signal)?;
            golang::parse_signal(&signal).map_err(messages::text)?;
            state.image.config.stop_signal = signal.clone();
            state.commit(format!("STOPSIGNAL {signal}"), false);
        }
        Kind::Shell(shell) => {
            state.image.config.shell = shell.shell.clone();
            state.commit(format!("SHELL [{}]", shell.shell.join(" ")), false);
        }
        // These make files or read other stages, and are planned where they stand.
        Kind::Add(_) | Kind::Copy(_) | Kind::Run(_) | Kind::Workdir(_) | Kind::Arg(_) => {}
    }
    Ok(())
}

impl Planner<'_> {
    /// ARG: a build argument's value, else the default, else the value from before the first FROM.
    pub(super) fn arg(&mut self, id: StageId, arg: &Arg) -> Result<()> {
        let state = &mut self.states[id.index()];
        let mut shown = Vec::with_capacity(arg.declarations.len());
        for argument in &arg.declarations {
            self.facts.see(Seen::Argument {
                key: argument.key.clone(),
            });
            let value = match (self.graph.build_args.get(&argument.key), &argument.value) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => {
                    Some(Words::new(&self.expander, state, self.facts).word(default)?)
                }
                (None, None) => self
                    .graph
                    .arguments
                    .get(&argument.key)
                    .map(|value| value.to_string()),
            };
            if let Some(value) = value
                .as_ref()
                .filter(|_| !NOT_IN_ENVIRONMENT.contains(&argument.key.as_str()))
            {
                state.environment.set(argument.key.as_str(), value.as_str());
            }
            shown.push(match &value {
                Some(value) => format!("{}={value}", argument.key),
                None => argument.key.clone(),
            });
            state.declared_names.insert(argument.key.clone());
            state.declared.push(Declared {
                name: argument.key.clone(),
                value,
            });
        }
        state.commit(format!("ARG {}", shown.join(" ")), false);
        Ok(())
    }
}

/// The command for the shell: SHELL's, else the platform's own.
pub(super) fn in_shell(image: &image::Config, arguments: &[String]) -> Vec<String> {
    let mut line = match image.config.shell.as_slice() {
        shell if !shell.is_empty() => shell.to_vec(),
        _ if image.platform.os == "windows" => ["cmd", "/S", "/C"].map(str::to_owned).to_vec(),
        _ => ["/bin/sh", "-c"].map(str::to_owned).to_vec(),
    };
    line.push(arguments.join(" "));
    line
}

/// Names and values with their variables replaced: all of them see the environment from before the instruction.
fn expanded_pairs(
    state: &StageState,
    pairs: &[KeyValue],
    expander: &Expander,
    facts: &mut Facts,
) -> Result<Vec<(String, String)>> {
    let mut words = Words::new(expander, state, facts);
    let expanded: Vec<_> = pairs
        .iter()
        .map(|pair| Ok((words.word(&pair.key)?, words.word(&pair.value)?)))
        .collect::<Result<_>>()?;
    for (pair, (key, _)) in pairs.iter().zip(&expanded) {
        facts.see(Seen::Pair {
            key: key.clone(),
            is_legacy: pair.legacy,
        });
    }
    Ok(expanded)
}

fn env_pairs(state: &mut StageState, pairs: &[(String, String)]) {
    let mut line = "ENV".to_owned();
    for (name, value) in pairs {
        line += &format!(" {name}={value}");
        state.environment.set(name.as_str(), value.as_str());
        state.image.config.set_env(name, value);
    }
    state.commit(line, false);
}

fn label_pairs(state: &mut StageState, pairs: &[(String, String)]) {
    let mut line = "LABEL".to_owned();
    let labels = &mut state.image.config.labels;
    for (name, value) in pairs {
        line += &format!(" {name}={value}");
        labels.insert(name.clone(), value.clone());
    }
    state.commit(line, false);
}

fn see_form(state: &StageState, command: &CommandLine, facts: &mut Facts) {
    if command.shell_form {
        facts.see(Seen::ShellForm {
            is_shell_set: !state.image.config.shell.is_empty(),
        });
    }
}

fn command_line(state: &StageState, command: &CommandLine) -> Vec<String> {
    match command.shell_form {
        true => in_shell(&state.image, &command.args),
        false => command.args.clone(),
    }
}

fn set_cmd(state: &mut StageState, command: &CommandLine) {
    state.has_cmd = true;
    let line = command_line(state, command);
    let shown = golang::quote_all(&line);
    state.image.config.cmd = line;
    state.image.config.args_escaped = true;
    state.commit(format!("CMD {shown}"), false);
}

/// ENTRYPOINT drops a CMD that this stage did not set itself.
fn set_entrypoint(state: &mut StageState, command: &CommandLine) {
    let line = command_line(state, command);
    let shown = golang::quote_all(&line);
    state.image.config.entrypoint = line;
    if !state.has_cmd {
        state.image.config.cmd = Vec::new();
    }
    state.commit(format!("ENTRYPOINT {shown}"), false);
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
    state.image.config.healthcheck = Some(check);
    state.commit(format!("HEALTHCHECK {shown}"), false);
}
