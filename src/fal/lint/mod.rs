//! What docker/dockerfile has nothing against, and fal has.
//!
//! Takes what the 22 rules of [`crate::lint`] look at, the fal options and the text of the file; gives more [`Warning`]s, of rules
//! whose names begin with `fal/`. Knows nothing of what the helper finds in an image: no rule needs a build.
//!
//! The 22 rules are shown one moment after the other, as the original comes to them. These look at the whole file as a [`View`], for
//! they ask what came before and what comes after. A rule is one file below `rules`; its page is `docs/rules/<Name>.md`, its examples
//! are `tests/lints/<Name>/`.

mod base; // what is known of images by their names
mod fix; // places in the text that can be changed
mod install; // commands that install packages
mod rules;
pub mod sdk; // which files fal's SDK finds in a Dockerfile
mod shell; // lines of a shell as commands
mod view; // a file, as the rules see it

pub use rules::all;

use crate::{
    lint::{self, Config, Edit, Rule, Warning},
    source::{Lines, Source},
};

use super::options::{Mode, Options};
use view::View;

/// Says what could be better for fal, rule after rule; nothing where it is not asked for, and nothing of a file that cannot be built.
pub fn check(subject: &Subject<'_>) -> Vec<Warning> {
    let mut report = Report {
        config: subject.lint.config,
        warnings: Vec::new(),
    };
    if subject.options.mode != Mode::Off
        && let Some(view) = View::new(subject)
    {
        for (rule, check) in rules::RULES {
            check(&view, &mut report.of(rule));
        }
    }
    report.warnings
}

/// The programs that a step starts, in order, without what every shell has itself. A script that it is given is looked into.
pub fn programs(arguments: &[String]) -> Vec<String> {
    const OF_A_SHELL: [&str; 24] = [
        ".", ":", "[", "[[", "alias", "case", "cd", "done", "echo", "esac", "eval", "exit",
        "export", "false", "fi", "for", "printf", "read", "set", "source", "test", "true", "umask",
        "unset",
    ];
    let commands = shell::of_words(arguments).into_iter();
    let programs = commands.filter_map(|command| command.words.into_iter().next());
    programs
        .filter(|program| !OF_A_SHELL.contains(&program.as_str()) && program != "}")
        .collect()
}

/// What there is to look at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// What the other rules look at.
    pub lint: &'a lint::Subject<'a>,
    /// What was asked for.
    pub options: &'a Options,
    /// The text of the file.
    pub source: &'a Source,
    /// Whether something else than the file says what starts in the image.
    pub is_command_replaced: bool,
}

/// What was said so far.
struct Report<'a> {
    config: &'a Config,
    warnings: Vec<Warning>,
}

/// The same, for what one rule has to say.
struct RuleReport<'r, 'a> {
    rule: &'static Rule,
    report: &'r mut Report<'a>,
}

impl<'a> Report<'a> {
    fn of(&mut self, rule: &'static Rule) -> RuleReport<'_, 'a> {
        RuleReport { rule, report: self }
    }
}

impl RuleReport<'_, '_> {
    /// Says something of an instruction with these comments above it.
    fn say(&mut self, lines: Lines, comments: &[String], message: String, fix: Vec<Edit>) {
        let warning = Warning {
            rule: self.rule,
            message,
            lines: Some(lines),
            fix,
            is_secret: false,
        };
        self.push(warning, comments);
    }

    /// The same of one whose lines hold a secret.
    fn say_of_secret(&mut self, lines: Lines, comments: &[String], message: String) {
        let warning = Warning {
            rule: self.rule,
            message,
            lines: Some(lines),
            fix: Vec::new(),
            is_secret: true,
        };
        self.push(warning, comments);
    }

    fn push(&mut self, warning: Warning, comments: &[String]) {
        let comments = Config::of_comments(comments);
        if self.report.config.counts(self.rule, comments.as_ref()) {
            self.report.warnings.push(warning);
        }
    }
}
