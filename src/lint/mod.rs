//! What is allowed in a Dockerfile, and still better done otherwise.
//!
//! Takes a [`Subject`]: a file, what was read of it, and what `stage` and `plan` saw while they did their work; gives a [`Warning`]
//! for everything that a rule in [`RULES`] has to say. Knows nothing of building, and is never called from where it happens.
//!
//! The rules, their sentences, their places and their order are those of `frontend/dockerfile/linter` in BuildKit. There they run
//! in the middle of parsing and of conversion; here [`walk`] goes through what was found once more, by the same way, and shows each
//! [`Moment`] of it to every rule. A rule is one file below `rules`, with its page beside it.

mod config; // `skip=…;error=…;experimental=…`
mod edit; // what would put a place right
mod hidden; // lines that nobody is shown
mod moment; // what a rule is shown
mod rules;
mod suggest; // "did you mean …?", within limits
mod walk; // the way of the original

#[cfg(test)]
mod tests;

pub use config::Config;
pub use edit::{Edit, apply};
pub use hidden::{Hidden, with_line};
pub use moment::Moment;
pub use rules::{RULES, find};

use std::collections::HashSet;

use crate::{
    diagnostic::Diagnostic, instruction::Dockerfile, llb, plan, proto::pb, source::Lines, stage,
    syntax::ast,
};

/// Says what could be better, in the order in which the original comes to it.
///
/// A file that cannot be built is looked at as far as it was read: what is missing in the subject was not reached.
pub fn check(subject: &Subject<'_>) -> Vec<Warning> {
    walk::walk(subject)
}

/// What there is to look at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The file as written. One that has no such form has no warnings either.
    pub file: &'a ast::File,
    /// What reading it complained about.
    pub diagnostics: &'a [Diagnostic],
    /// The file as understood; `None` if it could not be.
    pub dockerfile: Option<&'a Dockerfile>,
    /// What the graph of stages came by; empty if there was none.
    pub stages: &'a stage::Facts,
    /// What planning came by; empty if nothing was planned.
    pub plan: &'a plan::Facts,
    /// The ignore patterns of the main context.
    pub ignore: &'a [String],
    /// Which rules count.
    pub config: &'a Config,
}

/// What one rule says of one place.
#[derive(Debug, Clone)]
pub struct Warning {
    /// The rule.
    pub rule: &'static Rule,
    /// One sentence.
    pub message: String,
    /// The place; `None` for an image that only a mount names.
    pub lines: Option<Lines>,
    /// What would put it right; nothing where that takes somebody who knows what was meant.
    pub fix: Vec<Edit>,
    /// Whether the lines hold a secret: nobody is shown them.
    pub is_secret: bool,
}

/// Something that should not be in a Dockerfile.
#[derive(Debug)]
pub struct Rule {
    /// Its name, by which it is skipped.
    pub name: &'static str,
    /// What is wrong, in general.
    pub description: &'static str,
    /// The page that explains it: the original's, or one of ours.
    pub url: Option<&'static str>,
    /// Whether it counts only where it is asked for.
    pub is_experimental: bool,
    /// Our own page about it, Markdown.
    pub documentation: &'static str,
    /// What it says when it is shown a moment; most moments are not its concern.
    check: fn(&Moment<'_>) -> Option<String>,
}

impl Rule {
    /// A rule that is never shown a moment: another room looks at the whole file, and says what it finds.
    pub const fn of_whole_files(
        name: &'static str,
        description: &'static str,
        url: &'static str,
        documentation: &'static str,
    ) -> Self {
        Self {
            name,
            description,
            url: Some(url),
            is_experimental: false,
            documentation,
            check: |_| None,
        }
    }
}

impl Warning {
    /// `Rule: message (line 7)`: how the original has it in progress.
    pub fn short(&self) -> String {
        format!("{}: {}", self.rule.name, self.with_line())
    }

    /// `message (line 7)`
    pub fn with_line(&self) -> String {
        match self.lines {
            Some(lines) => hidden::with_line(&self.message, lines),
            None => self.message.clone(),
        }
    }

    /// The place as the daemon is told of it: a range for each line.
    pub fn ranges(&self) -> Vec<pb::Range> {
        self.lines
            .map(|lines| llb::line_by_line(lines.start, lines.end))
            .unwrap_or_default()
    }

    /// The same as a diagnostic, for a terminal.
    pub fn diagnostic(&self) -> Diagnostic {
        let found = Diagnostic::warning(format!("{}: {}", self.rule.name, self.message));
        let found = match self.lines {
            Some(lines) => found.at(lines),
            None => found,
        };
        match self.rule.url {
            Some(url) => found.help(format!("see {url}")),
            None => found,
        }
    }
}

/// The error that warnings are where the configuration says `error=true`.
pub fn violation(warnings: &[Warning], config: &Config) -> Option<Diagnostic> {
    if !config.is_error() || warnings.is_empty() {
        return None;
    }
    // In the original their order is that of a Go map, which for a few keys is mostly that in which they came.
    let mut seen = HashSet::new();
    let names = warnings.iter().map(|warning| warning.rule.name);
    let names: Vec<_> = names.filter(|name| seen.insert(*name)).collect();
    Some(Diagnostic::error(format!(
        "lint violation found for rules: {}",
        names.join(", ")
    )))
}
