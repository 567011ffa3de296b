//! fal mounts /data when a runner starts.

use crate::{
    fal::lint::{RuleReport, View, shell::Command},
    instruction::Kind,
    lint::Rule,
    plan::Seen,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "DataHidden",
    "fal mounts a persistent volume at /data when a runner starts: what the image has there is hidden"
);

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    for step in view.of_target() {
        let how = match &step.instruction.kind {
            Kind::Copy(copy) if is_below(&copy.transfer.destination) => "is copied to",
            Kind::Add(add) if is_below(&add.transfer.destination) => "is added to",
            Kind::Volume(volume) if volume.paths.iter().any(|path| is_below(path)) => {
                let message = "fal mounts a volume of its own at /data: take VOLUME away";
                report.say(
                    step.lines(),
                    step.comments(),
                    message.to_owned(),
                    Vec::new(),
                );
                continue;
            }
            Kind::Workdir(_) if step.seen.iter().any(is_folder) => "is made in",
            Kind::Run(_) if step.commands.iter().any(writes) => "is written to",
            _ => continue,
        };
        let message = format!(
            "what {how} /data is hidden when a runner starts: use another folder, or write it when the app starts"
        );
        report.say(step.lines(), step.comments(), message, Vec::new());
    }
}

fn is_folder(seen: &Seen) -> bool {
    matches!(seen, Seen::Directory { path, .. } if is_below(path))
}

fn is_below(path: &str) -> bool {
    let path = path.trim_matches(['"', '\'']);
    path == "/data" || path.starts_with("/data/")
}

/// Whether a command names a file below the folder as its output. An empty folder does no harm.
fn writes(command: &Command) -> bool {
    const OUTPUT: [&str; 8] = [
        "-o",
        "-O",
        "-P",
        "--output",
        "--output-dir",
        "--local-dir",
        "--cache-dir",
        "--directory-prefix",
    ];
    let words = &command.words;
    let after_flag = words.windows(2).any(
        |pair| matches!(pair, [flag, path] if OUTPUT.contains(&flag.as_str()) && is_below(path)),
    );
    let within_flag = words.iter().any(|word| {
        word.split_once('=')
            .is_some_and(|(flag, path)| OUTPUT.contains(&flag) && is_below(path))
    });
    let is_copy = words
        .first()
        .is_some_and(|it| matches!(it.as_str(), "cp" | "mv"))
        && words.last().is_some_and(|path| is_below(path));
    command.outputs.iter().any(|path| is_below(path)) || after_flag || within_flag || is_copy
}
