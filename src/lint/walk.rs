//! The way of the original through a file, as a list of moments.
//!
//! It begins with what the parser warns of, goes through the instructions as they are read, through the stages as the graph is made
//! and through the base images, and ends with the commands of each stage as they are planned.

use std::collections::HashSet;

use crate::{
    diagnostic::Diagnostic,
    expand::{Budget, Expander, Scope},
    golang::ignore::Matcher,
    instruction::{self, Dockerfile, Instruction, Kind},
    plan::{CommandFacts, Seen},
    source::Lines,
    stage::StageId,
};

use super::{
    Config, Moment, Subject, Warning,
    rules::{self, RULES},
    suggest::{Names, Suggestions},
};

/// How much matching of paths against ignore patterns one file is worth: bytes of patterns for each byte of a path. Nobody writes a
/// file that needs more; of thousands of paths and thousands of patterns, the last paths are not looked at.
const MATCHING: usize = 1 << 28;

/// Shows everything to every rule.
pub(super) fn walk(subject: &Subject<'_>) -> Vec<Warning> {
    let mut report = Report {
        config: subject.config,
        warnings: Vec::new(),
        suggestions: Suggestions::new(),
    };
    continuations(subject, &mut report);
    instructions(subject, &mut report);
    if let Some(dockerfile) = subject.dockerfile {
        stage_names(dockerfile, &mut report);
        keywords(dockerfile, &mut report);
        default_bases(subject, dockerfile, &mut report);
        stages(subject, dockerfile, &mut report);
    }
    base_images(subject, &mut report);
    commands(subject, &mut report);
    report.warnings
}

/// What the rules said.
struct Report<'a> {
    config: &'a Config,
    warnings: Vec<Warning>,
    suggestions: Suggestions,
}

impl Report<'_> {
    /// Shows a moment to every rule; those that do not count are not heard.
    fn show(&mut self, lines: Option<Lines>, comments: Option<&Config>, moment: &Moment<'_>) {
        for rule in RULES {
            if let Some(message) = (rule.check)(moment)
                && self.config.counts(rule, comments)
            {
                self.warnings.push(Warning {
                    rule,
                    message,
                    lines,
                    fix: Vec::new(),
                    is_secret: false,
                });
            }
        }
    }
}

fn continuations(subject: &Subject<'_>, report: &mut Report<'_>) {
    let warnings = subject.diagnostics.iter();
    for warning in warnings.filter(|diagnostic| !diagnostic.is_error()) {
        let lines = warning.locations.first().copied();
        report.show(lines, None, &Moment::EmptyContinuation);
    }
}

/// Every instruction as it is read, up to the one that has a mistake.
fn instructions(subject: &Subject<'_>, report: &mut Report<'_>) {
    let place = |error: Box<Diagnostic>| error.locations.first().copied();
    let mistake = match subject.dockerfile {
        Some(_) => None,
        None => instruction::read(subject.file).err().and_then(place),
    };
    for written in &subject.file.instructions {
        let lines = Some(written.lines);
        let comments = Config::of_comments(&written.comments);
        report.show(lines, comments.as_ref(), &Moment::Written(written));
        if mistake == lines {
            return;
        }
        report.show(lines, comments.as_ref(), &Moment::Read(written));
    }
}

fn stage_names(dockerfile: &Dockerfile, report: &mut Report<'_>) {
    let mut taken = HashSet::new();
    for stage in &dockerfile.stages {
        let Some(name) = stage.name.as_deref().filter(|name| !name.is_empty()) else {
            continue;
        };
        let is_taken = !taken.insert(name);
        report.show(
            Some(stage.lines),
            None,
            &Moment::StageName { name, is_taken },
        );
    }
}

fn keywords(dockerfile: &Dockerfile, report: &mut Report<'_>) {
    let all = || {
        dockerfile.stages.iter().flat_map(|stage| {
            let commands = stage.commands.iter();
            let commands = commands.map(|command| (command.name.as_str(), command.lines));
            std::iter::once((stage.spelling.keyword.as_str(), stage.lines)).chain(commands)
        })
    };
    let majority = rules::majority(all().map(|(written, _)| written));
    for (written, lines) in all() {
        report.show(Some(lines), None, &Moment::Keyword { written, majority });
    }
}

/// The bases of a build without any `--build-arg`, up to the first that cannot be expanded.
fn default_bases(subject: &Subject<'_>, dockerfile: &Dockerfile, report: &mut Report<'_>) {
    let Some(defaults) = &subject.stages.defaults else {
        return;
    };
    let expander = Expander::new(subject.file.escape);
    let mut budget = Budget::default();
    for stage in &dockerfile.stages {
        let written = stage.base_name.as_str();
        let Ok(base) = expander.word(written, defaults, &mut budget) else {
            return;
        };
        let text = base.text.as_str();
        report.show(
            Some(stage.lines),
            None,
            &Moment::DefaultBase { written, text },
        );
    }
}

/// The FROMs with what they asked for.
fn stages(subject: &Subject<'_>, dockerfile: &Dockerfile, report: &mut Report<'_>) {
    let arguments = &subject.stages.arguments;
    let names: Names = arguments
        .names()
        .into_iter()
        .chain(declared(dockerfile))
        .collect();
    let target = arguments.get("TARGETPLATFORM");
    for (stage, facts) in dockerfile.stages.iter().zip(&subject.stages.stages) {
        let comments = Config::of_comments(&stage.comments);
        let lines = Some(stage.lines);
        let words = [Some(&facts.base), facts.platform.as_ref()];
        for (word, is_platform) in words.into_iter().flatten().zip([false, true]) {
            for name in word.unmatched.iter().filter(|name| !names.contain(name)) {
                let suggestion = report.suggestions.of(name, &names.list);
                let moment = Moment::UndeclaredArgument { name, suggestion };
                report.show(lines, comments.as_ref(), &moment);
            }
            if is_platform {
                let moment = Moment::StagePlatform {
                    stage,
                    written: stage.platform.as_deref().unwrap_or_default(),
                    platform: word,
                    target,
                };
                report.show(lines, comments.as_ref(), &moment);
            }
        }
    }
}

/// The ARGs before the first FROM, with a value or without.
fn declared(dockerfile: &Dockerfile) -> impl Iterator<Item = String> {
    let declarations = dockerfile.meta_args.iter().map(|written| {
        let Kind::Arg(arg) = &written.kind else {
            return [].as_slice();
        };
        arg.declarations.as_slice()
    });
    declarations
        .flatten()
        .map(|declaration| declaration.key.clone())
}

fn base_images(subject: &Subject<'_>, report: &mut Report<'_>) {
    for image in &subject.plan.bases {
        report.show(image.lines, None, &Moment::BaseImage(image));
    }
}

/// The commands of every stage that was planned.
fn commands(subject: &Subject<'_>, report: &mut Report<'_>) {
    let mut ignore = patterns(subject.ignore);
    let pattern_bytes: usize = subject.ignore.iter().map(String::len).sum();
    let mut matching = MATCHING;
    let mut once = Once::default();
    for command in &subject.plan.commands {
        let comments = Config::of_comments(&command.instruction.comments);
        let comments = comments.as_ref();
        let lines = Some(command.instruction.lines);
        let instruction = command.instruction.as_ref();
        if let Some(earlier) = once.earlier(command) {
            // The earlier one is the one that does nothing.
            report.show(Some(earlier), comments, &Moment::Repeated(instruction));
        }
        for seen in &command.seen {
            match (seen, &ignore) {
                (Seen::Unset { names, scope }, _) => {
                    for name in names {
                        let suggestion = report.suggestions.variable(name, scope);
                        report.show(lines, comments, &Moment::Unset { name, suggestion });
                    }
                }
                (Seen::ContextPath(path), Some(matcher)) => {
                    matching = matching.saturating_sub(pattern_bytes.saturating_mul(path.len()));
                    if matching == 0 {
                        ignore = None;
                        continue;
                    }
                    let moment = Moment::ContextPath {
                        instruction,
                        path,
                        ignore: matcher,
                    };
                    report.show(lines, comments, &moment);
                }
                (Seen::ContextPath(_), None) => {}
                _ => report.show(lines, comments, &Moment::Seen(instruction, seen)),
            }
        }
    }
}

/// The ignore patterns, if there are any, and if they say without more ado which paths they leave out. Planning has refused those
/// that cannot be read.
fn patterns(patterns: &[String]) -> Option<Matcher> {
    let matcher = Matcher::new(patterns).ok()?;
    (!patterns.is_empty() && !matcher.exclusions()).then_some(matcher)
}

/// Where the instructions of which a stage needs one were seen last.
#[derive(Default)]
struct Once {
    stage: Option<StageId>,
    cmd: Option<Lines>,
    entrypoint: Option<Lines>,
    healthcheck: Option<Lines>,
}

impl Once {
    /// The place of the one before, in the same stage.
    fn earlier(&mut self, command: &CommandFacts) -> Option<Lines> {
        if self.stage != Some(command.stage) {
            *self = Self {
                stage: Some(command.stage),
                ..Self::default()
            };
        }
        let instruction: &Instruction = &command.instruction;
        let place = match &instruction.kind {
            Kind::Cmd(_) => &mut self.cmd,
            Kind::Entrypoint(_) => &mut self.entrypoint,
            Kind::Healthcheck(_) => &mut self.healthcheck,
            _ => return None,
        };
        place.replace(instruction.lines)
    }
}
