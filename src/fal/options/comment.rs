//! `# fal: key=value key="value with blanks"`, the options that a Dockerfile holds itself.
//!
//! Takes the text of a comment; gives its pairs as written. Knows nothing of which keys there are.

/// One `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) value: String,
}

/// What keeps a line from being read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mistake {
    #[error("`{0}` has no value")]
    NoValue(String),
    #[error("a value has no key")]
    NoKey,
    #[error("the value of `{0}` has a quote that is not closed")]
    OpenQuote(String),
    #[error("the value of `{key}` has an unknown escape `\\{escape}`")]
    Escape { key: String, escape: char },
    #[error("the value of `{0}` is quoted in part: quotes stand around a whole value")]
    PartlyQuoted(String),
}

/// What follows `fal:` in a comment, if the comment is one of ours. The comment comes without its `#`.
pub(super) fn options(comment: &str) -> Option<&str> {
    comment.trim_start_matches(is_blank).strip_prefix("fal:")
}

/// `blank* [pair (blank+ pair)*] blank*`
pub(super) fn pairs(text: &str) -> Result<Vec<Pair>, Mistake> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start_matches(is_blank);
    while !rest.is_empty() {
        let (pair, behind) = pair(rest)?;
        pairs.push(pair);
        rest = behind.trim_start_matches(is_blank);
    }
    Ok(pairs)
}

/// `key "=" (bare | quoted)`; gives what follows too.
fn pair(text: &str) -> Result<(Pair, &str), Mistake> {
    let (key, rest) = text.split_at(text.find(|c| c == '=' || is_blank(c)).unwrap_or(text.len()));
    let key = key.to_owned();
    let Some(written) = rest.strip_prefix('=') else {
        return Err(Mistake::NoValue(key));
    };
    if key.is_empty() {
        return Err(Mistake::NoKey);
    }
    let (value, rest) = match written.strip_prefix('"') {
        Some(inside) => quoted(&key, inside)?,
        None => bare(&key, written)?,
    };
    if value.is_empty() {
        return Err(Mistake::NoValue(key));
    }
    Ok((Pair { key, value }, rest))
}

/// Anything up to a blank but quotes.
fn bare<'a>(key: &str, text: &'a str) -> Result<(String, &'a str), Mistake> {
    let (value, rest) = text.split_at(text.find(is_blank).unwrap_or(text.len()));
    match value.contains('"') {
        true => Err(Mistake::PartlyQuoted(key.to_owned())),
        false => Ok((value.to_owned(), rest)),
    }
}

/// `(character | "\" ("\" | '"'))* '"'`, behind the first quote.
fn quoted<'a>(key: &str, text: &'a str) -> Result<(String, &'a str), Mistake> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next() {
            None => return Err(Mistake::OpenQuote(key.to_owned())),
            Some('"') => break,
            Some('\\') => match characters.next() {
                Some(escaped @ ('\\' | '"')) => value.push(escaped),
                Some(escape) => {
                    return Err(Mistake::Escape {
                        key: key.to_owned(),
                        escape,
                    });
                }
                None => return Err(Mistake::OpenQuote(key.to_owned())),
            },
            Some(character) => value.push(character),
        }
    }
    let rest = characters.as_str();
    match rest.is_empty() || rest.starts_with(is_blank) {
        true => Ok((value, rest)),
        false => Err(Mistake::PartlyQuoted(key.to_owned())),
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_read_in_order() {
        for (text, want) in [
            ("", &[][..]),
            (" \t", &[]),
            (
                " mode=app\tcurl=none ",
                &[("mode", "app"), ("curl", "none")],
            ),
            ("a==b", &[("a", "=b")]),
            (
                r#"pins="a==1 b==2" x=y"#,
                &[("pins", "a==1 b==2"), ("x", "y")],
            ),
            (r#"a="\"\\é""#, &[("a", r#""\é"#)]),
            ("a=ü\r", &[("a", "ü")]),
        ] {
            let pairs = pairs(text).expect(text);
            let pairs: Vec<_> = pairs
                .iter()
                .map(|p| (p.key.as_str(), p.value.as_str()))
                .collect();
            assert_eq!(pairs, want, "{text}");
        }
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, want) in [
            ("mode", "`mode` has no value"),
            ("mode =app", "`mode` has no value"),
            ("mode=", "`mode` has no value"),
            ("mode=\"\"", "`mode` has no value"),
            ("=app", "a value has no key"),
            ("a=\"b", "the value of `a` has a quote that is not closed"),
            ("a=\"b\\", "the value of `a` has a quote that is not closed"),
            ("a=\"\\n\"", "the value of `a` has an unknown escape `\\n`"),
            (
                "a=b\"c\"",
                "the value of `a` is quoted in part: quotes stand around a whole value",
            ),
            (
                "a=\"b\"c",
                "the value of `a` is quoted in part: quotes stand around a whole value",
            ),
        ] {
            assert_eq!(
                pairs(text).map_err(|e| e.to_string()),
                Err(want.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn only_a_comment_that_says_so_is_ours() {
        assert_eq!(options(" fal: a=b"), Some(" a=b"));
        assert_eq!(options("fal:a=b"), Some("a=b"));
        for other in [" falcon: a=b", " about fal: a", " Fal: a", ""] {
            assert_eq!(options(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_value_can_be_quoted(value in ".+", text in ".*") {
            let escaped = value.replace('\\', r"\\").replace('"', "\\\"");
            let pair = Pair { key: "k".into(), value };
            prop_assert_eq!(pairs(&format!(r#" k="{escaped}""#)), Ok(vec![pair]));
            let _ = pairs(&text);
        }
    }
}
