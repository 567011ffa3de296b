//! Lists of packages are of no use in an image.

use crate::{
    fal::lint::{RuleReport, View, fix, shell, view::Step},
    instruction::Kind,
    lint::{Edit, Rule},
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "AptListsLeft",
    "The package lists that `apt-get update` fetches stay in the layer of the same RUN, whatever is removed later"
);

const REMOVAL: &str = " && rm -rf /var/lib/apt/lists/*";

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    for step in view.of_target() {
        let Kind::Run(run) = &step.instruction.kind else {
            continue;
        };
        let updates = step.commands.iter().any(|command| {
            let mut words = command.words.iter().map(String::as_str);
            let is_apt = |program| matches!(shell::name(program), "apt" | "apt-get");
            words.next().is_some_and(is_apt) && words.any(|word| word == "update")
        });
        let removes = step.commands.iter().any(|command| {
            let words = command.words.iter().map(String::as_str);
            words.clone().any(|word| word.starts_with("/var/lib/apt"))
                || words
                    .clone()
                    .any(|word| word == "dist-clean" || word == "distclean")
        });
        let is_mounted = run.mounts.iter().any(|mount| {
            let is_lists = |folder: &str| {
                let folder = folder.trim_end_matches('/');
                matches!(folder, "/var/lib/apt" | "/var/lib/apt/lists" | "/var/lib")
            };
            let mut fields = mount.text.split(',').filter_map(|it| it.split_once('='));
            fields.any(|(_, value)| is_lists(value))
        });
        if updates && !removes && !is_mounted {
            let message = "apt-get update leaves package lists in the image: remove them in the same RUN, `rm -rf /var/lib/apt/lists/*`";
            report.say(
                step.lines(),
                step.comments(),
                message.to_owned(),
                removal(view, step),
            );
        }
    }
}

/// The removal at the end of the line, where nothing else could be meant by it.
fn removal(view: &View<'_>, step: &Step<'_>) -> Vec<Edit> {
    let Kind::Run(run) = &step.instruction.kind else {
        return Vec::new();
    };
    let line = step.instruction.original.as_str();
    let ends_in_word =
        line.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '\'' | '"' | '/' | '-' | '_'));
    let is_plain = run.command.shell_form && run.heredocs.is_empty() && !line.contains(['#', '|']);
    let is_own = !line.contains("sudo") && !line.contains(" -c ");
    let is_written_so = view
        .source
        .line(step.lines().end)
        .is_some_and(|last| line.ends_with(last.trim()));
    match ends_in_word && is_plain && is_own && is_written_so {
        true => fix::append(view, step.lines(), REMOVAL),
        false => Vec::new(),
    }
}
