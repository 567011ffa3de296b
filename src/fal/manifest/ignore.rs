//! Regular expressions, as fal's SDK makes them of gitignore's patterns, to patterns of a `.dockerignore` that mean the same files.
//!
//! ```text
//! ^(?:.+/)?node_modules(?:(?P<ps_d>/).*)?$    node_modules    **/node_modules
//! ^data/raw(?:(?P<ps_d>/).*)?$                data/raw        data/raw
//! ^(?:.+/)?data(?P<ps_d>/).*$                 data/           **/data/**
//! ```
//! fal looks for them in the paths of files, one by one, from the root of the context.

/// What is below, or the thing itself.
const AND_BELOW: [&str; 2] = ["(?:(?P<ps_d>/).*)?", "(?:/.*)?"];
/// What is below.
const BELOW: [&str; 2] = ["(?P<ps_d>/).*", "/.*"];
/// At any depth.
const ANYWHERE: &str = "(?:.+/)?";
/// Any folders between.
const BETWEEN: &str = "(?:/.+)?";
/// Every file.
const EVERYTHING: &str = "[^/]+(?:/.*)?";
/// Every file of a folder.
const IN_FOLDERS: [&str; 2] = [".+(?P<ps_d>/).*", ".+/.*"];

/// The pattern that means the same files, none where no file can be meant; nothing where there is no such pattern.
pub(super) fn pattern(expression: &str) -> Option<Option<String>> {
    let inside = expression.strip_prefix('^')?.strip_suffix('$')?;
    if inside == EVERYTHING {
        return Some(Some("**".to_owned()));
    }
    if IN_FOLDERS.contains(&inside) {
        return Some(Some("*/**".to_owned()));
    }
    let (anywhere, rest) = match inside.strip_prefix(ANYWHERE) {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    let (rest, ending) = ending(rest);
    let mut pattern = match anywhere {
        true => "**/".to_owned(),
        false => String::new(),
    };
    let path = path(rest)?;
    // fal's paths have no such names in them, and Docker would clean them away.
    if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return Some(None);
    }
    pattern.push_str(&path);
    pattern.push_str(ending);
    Some(Some(pattern))
}

/// What stands before the end, and the end as a pattern has it.
fn ending(text: &str) -> (&str, &'static str) {
    for end in AND_BELOW {
        if let Some(rest) = text.strip_suffix(end) {
            return (rest, "");
        }
    }
    for end in BELOW {
        if let Some(rest) = text.strip_suffix(end) {
            return (rest, "/**");
        }
    }
    (text, "")
}

/// The names of a path, with what stands for others in them.
fn path(text: &str) -> Option<String> {
    let mut path = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(BETWEEN) {
            path.push_str("/**");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("[^/]*") {
            path.push('*');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("[^/]+") {
            // A whole name; in part of one, more than nothing would have to be there.
            let is_whole = (path.is_empty() || path.ends_with('/'))
                && (after.is_empty() || after.starts_with('/') || after.starts_with(BETWEEN));
            if !is_whole {
                return None;
            }
            path.push('*');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("[^/]") {
            path.push('?');
            rest = after;
        } else if rest.starts_with('[') {
            let (class, after) = class(rest)?;
            path.push_str(class);
            rest = after;
        } else {
            let (literal, after) = literal(rest)?;
            push_literal(&mut path, literal, after.is_empty());
            rest = after;
        }
    }
    Some(path)
}

/// `[a-z]`, of nothing that is special to either.
fn class(text: &str) -> Option<(&str, &str)> {
    let (class, after) = text.split_at(text.find(']')? + 1);
    let inside = class.strip_prefix('[')?.strip_suffix(']')?;
    let members = inside.strip_prefix('^').unwrap_or(inside);
    let is_plain = |c: char| c.is_alphanumeric() || "_-.,".contains(c);
    let is_range = !members.starts_with('-') && !members.ends_with('-');
    (!members.is_empty() && is_range && members.chars().all(is_plain)).then_some((class, after))
}

/// One character that means itself.
fn literal(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    match chars.next()? {
        // A letter or a digit behind it would be a class, or a place.
        '\\' => {
            let escaped = chars.next()?;
            (!escaped.is_alphanumeric()).then_some((escaped, chars.as_str()))
        }
        c if "^$.|?*+(){}[]".contains(c) => None,
        c => Some((c, chars.as_str())),
    }
}

fn push_literal(path: &mut String, literal: char, is_last: bool) {
    let is_blank = literal.is_whitespace();
    match literal {
        // Blanks around a pattern do not count, unless they are in brackets.
        _ if is_blank && (path.is_empty() || is_last) => path.extend(['[', literal, ']']),
        '*' | '?' | '[' | ']' | '\\' | '{' | '}' | '|' | '^' => path.extend(['\\', literal]),
        '!' if path.is_empty() => path.extend(['\\', literal]),
        _ => path.push(literal),
    }
}

#[cfg(test)]
mod tests {
    use crate::golang::ignore::Matcher;

    use super::*;

    #[test]
    fn what_the_sdk_makes_of_patterns_becomes_patterns_again() {
        for (expression, pattern) in [
            (r"^(?:.+/)?\.git(?:(?P<ps_d>/).*)?$", "**/.git"),
            (
                r"^(?:.+/)?Dockerfile\.[^/]*(?:(?P<ps_d>/).*)?$",
                "**/Dockerfile.*",
            ),
            (r"^(?:.+/)?\.git(?:/.*)?$", "**/.git"),
            (r"^data/raw(?:(?P<ps_d>/).*)?$", "data/raw"),
            (r"^(?:.+/)?data(?P<ps_d>/).*$", "**/data/**"),
            (r"^a(?:/.+)?/b(?:(?P<ps_d>/).*)?$", "a/**/b"),
            (r"^a/[^/]+/b[^/](?:(?P<ps_d>/).*)?$", "a/*/b?"),
            (r"^(?:.+/)?[^/]+(?:(?P<ps_d>/).*)?$", "**/*"),
            (r"^[^/]+(?:/.*)?$", "**"),
            (r"^.+(?P<ps_d>/).*$", "*/**"),
            (r"^a/.*$", "a/**"),
            (r"^src/app\.py$", "src/app.py"),
            (r"^(?:.+/)?v[0-9]\-\#a(?:(?P<ps_d>/).*)?$", "**/v[0-9]-#a"),
            (r"^(?:.+/)?a\ (?:(?P<ps_d>/).*)?$", "**/a[ ]"),
            (r"^!a(?:(?P<ps_d>/).*)?$", r"\!a"),
            (r"^(?:.+/)?a\{b\}\*(?:(?P<ps_d>/).*)?$", r"**/a\{b\}\*"),
        ] {
            let found = super::pattern(expression);
            assert_eq!(found, Some(Some(pattern.to_owned())), "{expression}");
            Matcher::new(&[pattern]).expect(pattern);
        }
    }

    #[test]
    fn what_means_no_file_becomes_nothing() {
        for expression in [
            r"^\./foo(?:(?P<ps_d>/).*)?$",
            r"^\.\./foo(?:(?P<ps_d>/).*)?$",
            r"^a//b(?:(?P<ps_d>/).*)?$",
        ] {
            assert_eq!(pattern(expression), Some(None), "{expression}");
        }
    }

    #[test]
    fn what_no_pattern_can_say_is_told() {
        for expression in [
            "node_modules",
            r"\.pyc$",
            r"^(a|b)$",
            r"^a+$",
            r"^(?:.+/)?x[^/]+y(?:(?P<ps_d>/).*)?$",
            r"^(?:.+/)?[\\w](?:(?P<ps_d>/).*)?$",
            r"^(?:.+/)?[*](?:(?P<ps_d>/).*)?$",
            r"^\d$",
            r"^a\",
            "^[a",
            "",
        ] {
            assert_eq!(pattern(expression), None, "{expression}");
        }
    }

    /// Promise: the files that are not sent are those that fal does not upload.
    #[test]
    fn both_mean_the_same_files() {
        for (expression, named, others) in [
            (
                r"^(?:.+/)?\.env(?:(?P<ps_d>/).*)?$",
                &[".env", "a/.env", ".env/x"][..],
                &[".env.local", "a.env"][..],
            ),
            (
                r"^(?:.+/)?[^/]*\.md(?:(?P<ps_d>/).*)?$",
                &["README.md", "docs/x.md", "a.md/b"],
                &["README.mdx", "md"],
            ),
            (
                r"^(?:.+/)?data(?P<ps_d>/).*$",
                &["data/a", "x/data/a/b"],
                &["data", "x/data", "mydata/a"],
            ),
            (
                r"^a(?:/.+)?/b(?:(?P<ps_d>/).*)?$",
                &["a/b", "a/x/y/b", "a/b/c"],
                &["b", "x/a/b", "a/xb"],
            ),
            (r"^.+(?P<ps_d>/).*$", &["a/b", "a/b/c"], &["a"]),
            (
                r"^(?:.+/)?a\ (?:(?P<ps_d>/).*)?$",
                &["a ", "b/a /c"],
                &["a"],
            ),
        ] {
            let pattern = pattern(expression).flatten().expect(expression);
            let matcher = Matcher::new(&[pattern]).expect(expression);
            for path in named {
                assert!(
                    matcher.matches_or_parent_matches(path),
                    "{expression} {path}"
                );
            }
            for path in others {
                assert!(
                    !matcher.matches_or_parent_matches(path),
                    "{expression} {path}"
                );
            }
        }
    }
}
