//! fal starts a runner with curl.

use crate::{
    fal::{
        lint::{RuleReport, View, base},
        options::Curl,
    },
    instruction::Kind,
    lint::Rule,
    source::Lines,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "CurlMissing",
    "fal starts a runner with curl: an image without it does not start"
);

/// With `curl=auto` it is installed, so there is nothing to say. Else the image has to have it, and one that is known to have none does
/// not get it by itself. Whoever names curl in a command is taken to have seen to it.
pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    let option = match view.options.curl {
        Curl::Verify => "verify",
        Curl::None => "none",
        Curl::Auto | Curl::Image(_) => return,
    };
    let is_known_without = view.base.is_scratch || base::has_curl(view.base.name) == Some(false);
    let names_curl = view.of_target().any(|step| {
        let is_transfer = || match &step.instruction.kind {
            Kind::Copy(copy) => copy.from.is_some() || mentions(&copy.transfer.sources),
            Kind::Add(_) => true,
            _ => false,
        };
        let mut commands = step.commands.iter();
        commands.any(|command| mentions(&command.words)) || is_transfer()
    });
    if is_known_without && !names_curl {
        let lines = view.option_lines("curl").or(view.base.lines);
        let message = format!(
            "{} has no curl, nothing installs it, and curl={option} leaves it at that",
            view.base.name
        );
        report.say(lines.unwrap_or(Lines::one(1)), &[], message, Vec::new());
    }
}

fn mentions(words: &[String]) -> bool {
    words.iter().any(|word| word.contains("curl"))
}
