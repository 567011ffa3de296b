//! Models are cached where they stay.

use crate::{
    fal::lint::{RuleReport, View},
    lint::Rule,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "HfHomeElsewhere",
    "fal sets HF_HOME to a folder of its persistent volume: another one is empty when a runner starts"
);

/// What Hugging Face's libraries ask for where to keep models.
const NAMES: [&str; 4] = [
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "TRANSFORMERS_CACHE",
];

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    for step in view.of_target() {
        for (name, value) in step.variables() {
            let is_kept = value == "/data" || value.starts_with("/data/") || value.is_empty();
            if NAMES.contains(&name.as_str()) && !is_kept {
                let message = format!(
                    "{name} is outside of /data, so models are fetched again by every runner: leave it to fal, or put it below /data"
                );
                report.say(step.lines(), step.comments(), message, Vec::new());
            }
        }
    }
}
