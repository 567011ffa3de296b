//! One pattern, compiled to the cheapest thing that decides it.

use crate::golang::{
    ignore::regexp::{Ends, Regexp},
    path::BadPattern,
};

/// A pattern and how to compare with it.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Nothing special: the path is the pattern.
    Exact,
    /// `text**`: the path begins with the text.
    Prefix(String),
    /// `**text`: the path ends with the text; of `**/text`, the slash may be missing when nothing is before it.
    Suffix(String),
    Regexp(Regexp),
    /// The regular expression that the original would make of it cannot be compiled.
    Broken,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self {
            kind: kind(text),
            text: text.to_owned(),
        }
    }

    /// The pattern, clean and without its `!`.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the path fits, or any of the folders that lead to it, `folder` being the innermost.
    pub(super) fn matches(&self, path: &str, folder: Option<&str>) -> Result<bool, BadPattern> {
        let whole = |fits: fn(&str, &str) -> bool, text| {
            fits(path, text) || folder.is_some_and(|folder| prefixes(folder).any(|f| fits(f, text)))
        };
        Ok(match &self.kind {
            Kind::Exact => match folder {
                _ if path == self.text => true,
                Some(folder) => folder
                    .strip_prefix(self.text.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
                None => false,
            },
            Kind::Prefix(start) => [Some(path), folder]
                .into_iter()
                .flatten()
                .any(|path| path.starts_with(start)),
            Kind::Suffix(end) => whole(has_suffix, end),
            Kind::Regexp(regexp) => {
                regexp.matches(path, Ends::Last)
                    || folder.is_some_and(|folder| regexp.matches(folder, Ends::EachFolder))
            }
            Kind::Broken => return Err(BadPattern),
        })
    }
}

/// `a`, `a/b`, `a/b/c` of `a/b/c`; of `/a`, the empty text comes first.
fn prefixes(folder: &str) -> impl Iterator<Item = &str> {
    folder
        .match_indices('/')
        .filter_map(|(at, _)| folder.get(..at))
        .chain([folder])
}

fn has_suffix(path: &str, end: &str) -> bool {
    path.ends_with(end) || end.strip_prefix('/') == Some(path)
}

/// Reads the pattern as the original does: into a regular expression, which most patterns turn out not to need.
///
/// The expression is built as text, and what it means is decided afterwards: inside of brackets even a
/// star is replaced, and `|`, `{` and `}` are not escaped (the original's table of special characters
/// has no room for them), with results that nobody asked for but that decide what is ignored.
fn kind(pattern: &str) -> Kind {
    enum Found {
        Exact,
        Prefix,
        Suffix,
        Regexp,
    }
    let mut expression = String::from("^");
    let mut found = Found::Exact;
    // The scanner of the original drops a byte order mark.
    let text = pattern.strip_prefix('\u{feff}').unwrap_or(pattern);
    let mut chars = text.chars().peekable();
    let mut is_first = true;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                match chars.peek() {
                    None if matches!(found, Found::Exact) => found = Found::Prefix,
                    None => {
                        expression.push_str(".*");
                        found = Found::Regexp;
                    }
                    Some(_) => {
                        expression.push_str("(.*/)?");
                        found = Found::Regexp;
                    }
                }
                if is_first {
                    found = Found::Suffix;
                }
            }
            '*' => {
                expression.push_str("[^/]*");
                found = Found::Regexp;
            }
            '?' => {
                expression.push_str("[^/]");
                found = Found::Regexp;
            }
            '.' | '+' | '(' | ')' | '$' => expression.extend(['\\', c]),
            '\\' => {
                expression.push('\\');
                if let Some(escaped) = chars.next() {
                    expression.push(escaped);
                    found = Found::Regexp;
                }
            }
            '[' | ']' => {
                expression.push(c);
                found = Found::Regexp;
            }
            _ => expression.push(c),
        }
        is_first = false;
    }
    // The texts to compare with come from the whole pattern.
    match found {
        Found::Exact => Kind::Exact,
        Found::Prefix => Kind::Prefix(pattern.strip_suffix("**").unwrap_or(pattern).to_owned()),
        Found::Suffix => Kind::Suffix(pattern.strip_prefix("**").unwrap_or(pattern).to_owned()),
        Found::Regexp => {
            expression.push('$');
            Regexp::new(&expression).map_or(Kind::Broken, Kind::Regexp)
        }
    }
}
