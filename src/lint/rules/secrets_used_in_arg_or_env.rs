//! No secret in ARG and ENV: both stay in the image.

use crate::{
    golang,
    instruction::Kind,
    lint::{Moment, Rule},
    plan::Seen,
};

pub(in crate::lint) const RULE: Rule = Rule {
    name: "SecretsUsedInArgOrEnv",
    description: "Sensitive data should not be used in the ARG or ENV commands",
    url: Some("https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/"),
    is_experimental: false,
    documentation: include_str!("secrets_used_in_arg_or_env.md"),
    check,
};

/// What secrets are called, as a word between underscores.
const SECRETS: [&str; 10] = [
    "apikey",
    "auth",
    "credential",
    "credentials",
    "key",
    "password",
    "pword",
    "passwd",
    "secret",
    "token",
];

/// What takes the secret out of a name: `PUBLIC_KEY`, `TOKEN_FILE`.
const HARMLESS: [&str; 3] = ["public", "file", "version"];

fn check(moment: &Moment<'_>) -> Option<String> {
    let Moment::Seen(instruction, seen) = moment else {
        return None;
    };
    let (keyword, key) = match (&instruction.kind, seen) {
        (Kind::Env(_), Seen::Pair { key, .. }) => ("ENV", key),
        (Kind::Arg(_), Seen::Argument { key }) => ("ARG", key),
        _ => return None,
    };
    let has = |words: &[&str]| {
        key.split('_')
            .any(|part| words.iter().any(|word| golang::equal_fold(part, word)))
    };
    (has(&SECRETS) && !has(&HARMLESS)).then(|| {
        format!(
            "Do not use ARG or ENV instructions for sensitive data ({keyword} {})",
            golang::quote(key)
        )
    })
}
