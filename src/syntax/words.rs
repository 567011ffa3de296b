//! Words: separated by blanks, joined by quotes and escapes.

/// The words of `text`. Quotes and escapes hold a word together and stay in it: they are resolved on expansion.
pub(super) fn split(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, length) = word(rest, escape);
        words.extend(word);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    words
}

/// The first word, if it is one, and its length in `text`.
///
/// An escape character at the very end escapes nothing and is dropped; alone it is no word.
fn word(text: &str, escape: char) -> (Option<String>, usize) {
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == escape && quote != Some('\'') {
            if chars.next().is_none() {
                let word = text.get(..at).filter(|word| !word.is_empty());
                return (word.map(str::to_owned), text.len());
            }
        } else if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && c.is_whitespace() {
            return (text.get(..at).map(str::to_owned), at);
        } else if quote.is_none() && matches!(c, '"' | '\'') {
            quote = Some(c);
        }
    }
    (Some(text.to_owned()), text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes_hold_a_word_together_and_stay() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            (" a\tb\u{a0}c ", &["a", "b", "c"]),
            (r"a\ b c", &[r"a\ b", "c"]),
            (r#"a="b c" 'd e'"f g""#, &[r#"a="b c""#, r#"'d e'"f g""#]),
            (r#""a\" b" c"#, &[r#""a\" b""#, "c"]),
            (r"'a\' b", &[r"'a\'", "b"]),
            (r#""" ''"#, &[r#""""#, "''"]),
            (r#""a b"#, &[r#""a b"#]),
            (r"a\", &["a"]),
            (r"\", &[]),
            (r#""a\"#, &["\"a"]),
            (r"'a\", &[r"'a\"]),
            ("àöû 'é è'", &["àöû", "'é è'"]),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text, '\\'), *expected, "{text:?}");
        }
        assert_eq!(split("a` b", '`'), ["a` b"]);
    }
}
