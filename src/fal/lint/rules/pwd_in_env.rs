//! A build has no current directory that a variable could name.

use std::collections::HashMap;

use crate::{
    fal::lint::{RuleReport, View, fix},
    instruction::Kind,
    lint::Rule,
    plan::Seen,
    stage::StageId,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "PwdInEnv",
    "PWD is a variable of a shell: in an instruction it is empty, whatever WORKDIR says"
);

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    let mut folders: HashMap<StageId, String> = HashMap::new();
    for step in &view.steps {
        for seen in step.seen {
            if let Seen::Directory {
                path, is_absolute, ..
            } = seen
            {
                let folder = folders.remove(&step.stage).filter(|_| !is_absolute);
                let folder = match (folder, is_absolute) {
                    (_, true) => path.clone(),
                    (Some(folder), false) => format!("{}/{path}", folder.trim_end_matches('/')),
                    (None, false) => continue,
                };
                folders.insert(step.stage, folder);
            }
        }
        let Kind::Env(env) = &step.instruction.kind else {
            continue;
        };
        let is_unset = step.seen.iter().any(|seen| {
            matches!(seen, Seen::Unset { names, .. } if names.iter().any(|name| name == "PWD"))
        });
        let Some(pair) = env
            .pairs
            .iter()
            .find(|pair| spelling(&pair.value).is_some())
        else {
            continue;
        };
        let Some(written) = spelling(&pair.value).filter(|_| is_unset) else {
            continue;
        };
        let folder = folders.get(&step.stage);
        let instead = folder.map_or("the path itself", |folder| folder.trim_end_matches('/'));
        let message = format!("{written} is empty in {}: write {instead}", pair.key);
        let fix = match folder {
            Some(folder) => {
                let whole = format!("{written}/");
                let folder = folder.trim_end_matches('/');
                fix::replace(view, step.lines(), &whole, &format!("{folder}/"))
            }
            None => Vec::new(),
        };
        report.say(step.lines(), step.comments(), message, fix);
    }
}

fn spelling(value: &str) -> Option<&'static str> {
    if value.contains("${PWD}") {
        return Some("${PWD}");
    }
    let (_, after) = value.split_once("$PWD")?;
    let goes_on = after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    (!goes_on).then_some("$PWD")
}
