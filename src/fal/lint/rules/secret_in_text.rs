//! No secret in what everybody may read.

use std::collections::HashSet;

use crate::{
    fal::{
        lint::{RuleReport, View, view::Step},
        token,
    },
    instruction::Kind,
    lint::Rule,
    plan::Seen,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "SecretInText",
    "A token in an instruction is in the history of the image, in its provenance and in the log of every build"
);

/// What it says never holds what it found.
pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    let mut declared: HashSet<&str> = HashSet::new();
    for step in &view.steps {
        declared.extend(step.seen.iter().filter_map(|seen| match seen {
            Seen::Argument { key } | Seen::Pair { key, .. } => Some(key.as_str()),
            _ => None,
        }));
        let Some(keyword) = keyword(step) else {
            continue;
        };
        let text = step.instruction.original.as_str();
        let bodies = match &step.instruction.kind {
            Kind::Run(run) => run.heredocs.iter().map(|it| it.data.as_str()).collect(),
            _ => Vec::new(),
        };
        let all = || std::iter::once(text).chain(bodies.iter().copied());
        let what = match all().find_map(|text| in_address(text, &declared)) {
            Some(what) => what,
            None if all().any(token::is_in) => Found::Token,
            None => continue,
        };
        let message = match what {
            Found::Token => format!(
                "{keyword} holds what looks like a token: mount it as a secret, RUN --mount=type=secret"
            ),
            Found::Literal => format!(
                "an address in {keyword} has a password: mount it as a secret, RUN --mount=type=secret"
            ),
            Found::Variable => format!(
                "an address in {keyword} has a password from ARG or ENV, which stays in the history: mount it as a secret, RUN --mount=type=secret,env="
            ),
        };
        report.say_of_secret(step.lines(), step.comments(), message);
    }
}

enum Found {
    Token,
    Literal,
    Variable,
}

fn keyword(step: &Step<'_>) -> Option<&'static str> {
    Some(match &step.instruction.kind {
        Kind::Run(_) => "RUN",
        Kind::Add(_) => "ADD",
        Kind::Env(_) => "ENV",
        Kind::Arg(_) => "ARG",
        Kind::Label(_) => "LABEL",
        Kind::Cmd(_) => "CMD",
        Kind::Entrypoint(_) => "ENTRYPOINT",
        _ => return None,
    })
}

/// `scheme://user:password@host`, or a token in the place of the user.
fn in_address(text: &str, declared: &HashSet<&str>) -> Option<Found> {
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '`' | '<' | '>' | ')' | ';');
    text.match_indices("://").find_map(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        let authority = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        let (user, _) = authority.rsplit_once('@')?;
        let secret = match user.split_once(':') {
            // The colon of `${NAME:-default}` separates nothing.
            Some(_) if user.starts_with("${") && user.ends_with('}') => user,
            Some((_, password)) => password,
            None if user.starts_with('$') || user.len() >= 20 || token::is_in(user) => user,
            None => return None,
        };
        match secret.strip_prefix('$') {
            None if secret.is_empty() => None,
            None => Some(Found::Literal),
            Some(variable) => {
                let variable = variable.trim_start_matches(['{', '(']);
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = variable.find(|c| !is_name(c)).unwrap_or(variable.len());
                declared
                    .contains(&variable[..end])
                    .then_some(Found::Variable)
            }
        }
    })
}
