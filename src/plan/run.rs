//! RUN: a process in a container.

use std::fmt::Write;

use crate::{
    diagnostic::Result,
    expand::{Environment, Expander},
    golang::{self, path, stray},
    instruction::{
        self, Run,
        run::{Mount, MountKind, Network, Security},
    },
    llb::{
        Meta, Output,
        exec::{self, CdiDevice, Exec, NetMode, SecurityMode},
        file::{File, Mkfile},
    },
    proto::pb,
    reference::platform::Platform,
    stage::Command,
    syntax::heredoc,
};

use super::{
    Planner, at, described, extra_hosts, messages, op_platform, settings, state::StageState,
};

/// Where the body of a heredoc that names its own interpreter is put.
const SCRIPTS: &str = "/dev/pipes/";

impl Planner<'_> {
    /// Plans a RUN.
    pub(super) fn run(
        &mut self,
        state: &mut StageState,
        command: &Command,
        run: &Run,
    ) -> Result<()> {
        let mounts = &self.mounts_of(state, run)?;
        self.read[state.reads].insert("/".to_owned());
        let instruction = &command.instruction;
        let mut exec = Exec {
            root: state.output,
            ..Exec::default()
        };
        let mut shown = instruction.original.clone();
        let arguments = self.arguments(state, run, &mut exec, &mut shown)?;
        self.settings(run, &mut exec);
        self.mount(state, command, mounts, &mut exec)?;
        if self.options.run.shm_size > 0 && self.options.supports("exec.mount.tmpfs.size") {
            exec.mounts
                .push(exec::Mount::tmpfs("/dev/shm", self.options.run.shm_size));
        }
        // A mistake all the same, but only of who wants the op: `Plan::check`.
        self.runs_nothing |= arguments.is_empty();

        let masked = masked(&state.environment, mounts);
        let expander = Expander {
            raw_quotes: true,
            skip_unset: true,
            ..self.expander
        };
        let shown = self.shown(&shown, expander, &masked);
        let platform = state.output_platform.clone();
        let name = self.step_name(state, &shown, platform.as_ref())?;
        let mut meta = described(
            at(self.file, Some(instruction.lines)),
            &instruction.original,
        )
        .name(name);
        meta.ignore_cache = state.ignore_cache;
        meta.platform = platform.as_ref().map(op_platform);
        if self.options.supports("exec.meta.linux.resources") {
            meta.linux_resources = self.options.run.resources.clone();
        }
        state.commit(history(&arguments, state), true);
        exec.args = arguments;
        exec.env = state.environment.list();
        exec.cwd = state.directory.clone();
        exec.user = state.user.clone();
        let env: usize = exec.env.iter().map(|pair| pair.len()).sum();
        self.spend(env + exec.cwd.len() + exec.user.len())?;
        state.output = self.llb.add_exec(exec, meta).root;
        Ok(())
    }

    /// What is run. A heredoc that is the whole command is the script itself.
    fn arguments(
        &mut self,
        state: &StageState,
        run: &Run,
        exec: &mut Exec,
        shown: &mut String,
    ) -> Result<Vec<String>> {
        let mut arguments = run.command.args.clone();
        if let Some(first) = run.heredocs.first() {
            let [line] = arguments.as_slice() else {
                return Err(messages::bad_run(&arguments));
            };
            if !run.command.shell_form {
                return Err(messages::bad_run(&arguments));
            }
            if heredoc::parse_word(line).is_some() {
                let body = if first.chomp {
                    heredoc::chomp(&first.data)
                } else {
                    first.data.clone()
                };
                let line = match state.image.platform.os != "windows" && body.starts_with("#!") {
                    true => self.script(state, &first.name, &body, exec)?,
                    false => body,
                };
                arguments = vec![line];
                *shown += &format!(" ({})", summary(&first.data));
            } else {
                arguments = vec![with_bodies(line, &run.heredocs)];
            }
        }
        if run.command.shell_form {
            arguments = settings::in_shell(state, &arguments, &mut self.budget)?;
        }
        Ok(arguments)
    }

    /// Puts a script into a file of its own, mounted where it can be run; gives its path.
    fn script(
        &mut self,
        state: &StageState,
        name: &str,
        body: &str,
        exec: &mut Exec,
    ) -> Result<String> {
        let file = self.inline_file(name, 0o755, body, state.platform.as_ref())?;
        exec.mounts
            .push(exec::Mount::bind(SCRIPTS, file).select("/").readonly());
        Ok(path::join(&[SCRIPTS, name]))
    }

    /// A file on an empty file system, as heredocs need it.
    pub(super) fn inline_file(
        &mut self,
        name: &str,
        mode: u32,
        content: &str,
        platform: Option<&Platform>,
    ) -> Result<Output> {
        self.spend(content.len())?;
        let mut meta = Meta::named("[internal] preparing inline document");
        meta.platform = platform.map(op_platform);
        let file = Mkfile {
            path: name.to_owned(),
            mode,
            data: stray::encode(content).into_owned().into(),
            ..Mkfile::default()
        };
        Ok(self.llb.add_file(File::new(None, file), meta))
    }

    fn settings(&self, run: &Run, exec: &mut Exec) {
        let settings = self.options.run;
        exec.proxy = settings.proxy.clone();
        exec.hostname = settings.hostname.clone();
        exec.security = match run.security {
            Security::Sandbox => SecurityMode::Sandbox,
            Security::Insecure => SecurityMode::Insecure,
        };
        exec.network = match run.network {
            Network::Default => settings.network,
            Network::None => NetMode::None,
            Network::Host => NetMode::Host,
        };
        exec.extra_hosts = extra_hosts(&settings.extra_hosts);
        if self.options.supports("exec.meta.ulimit") {
            exec.ulimits = settings.ulimits.iter().map(ulimit).collect();
        }
        if self.options.supports("exec.meta.cgroup.parent") {
            exec.cgroup_parent = settings.cgroup_parent.clone();
        }
        if self.options.supports("exec.meta.cdi") {
            exec.devices = run
                .devices
                .iter()
                .map(|device| CdiDevice {
                    name: device.name.clone(),
                    optional: !device.required,
                })
                .collect();
        }
    }
}

fn ulimit(limit: &golang::Ulimit) -> pb::Ulimit {
    pb::Ulimit {
        name: limit.name.clone(),
        soft: limit.soft,
        hard: limit.hard,
    }
}

/// The variables that progress shows: those that come from secrets show as asterisks.
fn masked(environment: &Environment, mounts: &[Mount]) -> Environment {
    let mut masked = environment.clone();
    for mount in mounts
        .iter()
        .filter(|mount| mount.kind == MountKind::Secret)
    {
        if let Some(name) = &mount.env {
            masked.set(name.as_str(), "****");
        }
    }
    masked
}

/// The command line with its heredocs after it, for the shell to read.
fn with_bodies(line: &str, heredocs: &[instruction::InlineFile]) -> String {
    let mut text = line.to_owned();
    for heredoc in heredocs {
        text.push('\n');
        text += &heredoc.data;
        text += &heredoc.name;
    }
    text
}

/// The first line of a document.
fn summary(document: &str) -> String {
    let document = document.trim().replace("\r\n", "\n");
    match document.split_once('\n') {
        Some((first, _)) => format!("{first}..."),
        None => document,
    }
}

/// `RUN |1 ARG=value /bin/sh -c make # buildkit`: the declared ARGs and the command, as history shows a RUN.
fn history(arguments: &[String], state: &StageState) -> String {
    let declared: Vec<_> = state.declared.kept().collect();
    let mut line = String::from("RUN");
    if !declared.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(line, " |{}", declared.len());
    }
    for (name, value) in declared {
        let value = state.environment.get(name).unwrap_or(value);
        line.extend([" ", name, "=", value]);
    }
    line.extend(arguments.iter().flat_map(|argument| [" ", argument]));
    line + " # buildkit"
}
