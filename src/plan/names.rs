//! How progress names a step: `[linux/amd64 build 2/5] RUN make`.

use std::fmt::Write;

use crate::{
    diagnostic::Result,
    expand::{Expander, Scope},
    golang,
    reference::platform::{self, Platform},
};

use super::{Planner, state::StageState};

impl Planner<'_> {
    /// The name of the next step of a stage, which is counted.
    pub(super) fn step_name(
        &mut self,
        state: &mut StageState,
        command: &str,
        platform: Option<&Platform>,
    ) -> Result<String> {
        let with_platform = self.options.is_multi_platform;
        let target = with_platform
            .then(|| target_of(&state.environment))
            .flatten();
        let name = step(state, command, platform, with_platform, target);
        self.spend(name.len())?;
        Ok(name)
    }

    /// The command as progress shows it, its variables replaced where that is possible.
    pub(super) fn shown(&mut self, command: &str, expander: Expander, scope: &dyn Scope) -> String {
        let expanded = expander.word(command, scope, &mut self.budget);
        upper_first(expanded.map_or_else(|_| command.to_owned(), |expanded| expanded.text))
    }
}

/// The name of a step, which is counted; a stage without counted steps shows the bare command.
pub(super) fn step(
    state: &mut StageState,
    command: &str,
    platform: Option<&Platform>,
    with_platform: bool,
    target: Option<Platform>,
) -> String {
    if state.step_count == 0 {
        return command.to_owned();
    }
    state.step += 1;
    let mut name = String::with_capacity("[100/100] ".len() + state.label.len() + command.len());
    name.push('[');
    if let Some(platform) = platform.filter(|_| with_platform) {
        name += &platform.format_all();
        name += &cross(platform, target);
        name.push(' ');
    }
    if !state.label.is_empty() {
        name += &state.label;
        name.push(' ');
    }
    let width = state.step_count.ilog10() as usize + 1;
    // Writing to a string cannot fail.
    let _ = write!(name, "{:width$}/{}] ", state.step, state.step_count);
    if state.is_trigger {
        name += "ONBUILD ";
    }
    name + command
}

/// Gives the next step the number of this one.
pub(super) fn again(state: &mut StageState) {
    // In a stage without counted steps none has a number.
    state.step = state.step.saturating_sub(1);
}

/// The first word in capitals.
fn upper_first(mut command: String) -> String {
    let length = command.find(' ').unwrap_or(command.len());
    let upper = golang::to_upper(command.get(..length).unwrap_or_default());
    command.replace_range(..length, &upper);
    command
}

/// `->arm64` after the platform that a step runs on, when it builds for another.
fn cross(base: &Platform, target: Option<Platform>) -> String {
    let Some(mut target) = target else {
        return String::new();
    };
    if target.os.is_empty() {
        target.os = base.os.clone();
    }
    if target.architecture.is_empty() {
        target.architecture = base.architecture.clone();
    }
    let target = target.normalize();
    if target.os != base.os {
        return format!("->{}", target.format_all());
    }
    if target.architecture == base.architecture {
        return String::new();
    }
    match target.variant.as_str() {
        "" => format!("->{}", target.architecture),
        variant => format!("->{}/{variant}", target.architecture),
    }
}

/// The platform that a stage says it builds for, with `ARG TARGETPLATFORM` or its parts.
fn target_of(scope: &dyn Scope) -> Option<Platform> {
    let value = |name| scope.get(name).map(|value| value.to_string());
    if let Some(platform) = value("TARGETPLATFORM").and_then(|value| platform::parse(&value).ok()) {
        return Some(platform);
    }
    let (os, architecture, variant) = (
        value("TARGETOS"),
        value("TARGETARCH"),
        value("TARGETVARIANT"),
    );
    if os.is_none() && architecture.is_none() && variant.is_none() {
        return None;
    }
    Some(Platform {
        os: os.unwrap_or_default(),
        architecture: architecture.unwrap_or_default(),
        variant: variant.unwrap_or_default(),
        ..Platform::default()
    })
}
