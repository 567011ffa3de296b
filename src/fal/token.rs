//! What tokens of well-known services look like.
//!
//! Takes a text; says whether it holds one. Knows nothing of where the text stands.

/// How they begin, and how many characters they have at least.
const TOKENS: [(&str, usize); 13] = [
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("hf_", 30),
    ("sk-", 30),
    ("pypi-", 40),
    ("xoxb-", 30),
    ("xoxp-", 30),
    ("AKIA", 20),
    ("AIza", 35),
    ("npm_", 36),
];

/// Whether a word of the text looks like one.
pub(super) fn is_in(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.split(|c| !is_part(c)).any(|word| {
        TOKENS.iter().any(|(start, length)| {
            // A name that begins so has no figures, or no letters of both cases.
            let is_mixed = word.bytes().any(|b| b.is_ascii_digit())
                && word
                    .bytes()
                    .skip(start.len())
                    .any(|b| b.is_ascii_alphabetic());
            word.starts_with(start) && word.len() >= *length && is_mixed
        })
    })
}
