//! Requirements on one line, to requirements.
//!
//! Takes a text such as `torch==2.6 numpy; python_version < '3.12' and os_name == 'posix'`; gives one text for each. Knows nothing
//! of what any of them means.

/// What a requirement cannot end with, nor begin with: the blank beside it is inside.
const JOINTS: [char; 10] = [';', ',', '=', '<', '>', '!', '~', '@', '(', ')'];

/// What joins the parts of a marker.
const WORDS: [&str; 4] = ["and", "or", "in", "not"];

/// `requirement (blank+ requirement)*`
///
/// A blank is inside a requirement where it stands in quotes, parentheses or brackets; before or behind `;`, `,`, `@` and the signs
/// of comparisons; and behind a `;` beside `and`, `or`, `in` and `not`.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for word in words(text) {
        match items.last_mut().filter(|last| goes_on(last, word)) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => items.push(word.to_owned()),
        }
    }
    items
}

/// Whether a word belongs to what stands before it.
fn goes_on(before: &str, word: &str) -> bool {
    if before.starts_with('-') || (word.starts_with('-') && !before.contains(';')) {
        return false;
    }
    let last = before.rsplit(' ').next().unwrap_or_default();
    let is_url = last.contains("://");
    if word.starts_with(JOINTS) || (!is_url && last.ends_with(JOINTS) && !last.ends_with(')')) {
        return true;
    }
    before.contains(';') && (WORDS.contains(&word) || WORDS.contains(&last))
}

/// Words between blanks that are in no quotes, parentheses or brackets. What is not closed ends with the text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut quote: Option<char> = None;
    let mut depth = 0_usize;
    text.split(move |letter: char| {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, _) => return depth == 0 && letter.is_whitespace(),
        }
        false
    })
    .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_where_a_requirement_ends() {
        for (text, want) in [
            ("", &[][..]),
            ("  torch==2.6\tnumpy ", &["torch==2.6", "numpy"]),
            (
                "numpy; python_version<'3.12' torch",
                &["numpy; python_version<'3.12'", "torch"],
            ),
            (
                "a ; python_version < '3.12' and (os_name == 'a b' or os_name in 'c') b",
                &[
                    "a ; python_version < '3.12' and (os_name == 'a b' or os_name in 'c')",
                    "b",
                ],
            ),
            (
                "a; os_name not in 'b c' d",
                &["a; os_name not in 'b c'", "d"],
            ),
            ("a >= 1, < 2 b", &["a >= 1, < 2", "b"]),
            ("a[b, c] (>=1) d", &["a[b, c] (>=1)", "d"]),
            ("a @ https://h/a.whl b", &["a @ https://h/a.whl", "b"]),
            ("a@https://h/x?y= b", &["a@https://h/x?y=", "b"]),
            (
                "--extra-index-url https://h/simple a -r b.txt --pre .[c]",
                &[
                    "--extra-index-url",
                    "https://h/simple",
                    "a",
                    "-r",
                    "b.txt",
                    "--pre",
                    ".[c]",
                ],
            ),
            ("--find-links=w a", &["--find-links=w", "a"]),
            ("or and in", &["or", "and", "in"]),
            ("a; 'open b", &["a; 'open b"]),
        ] {
            assert_eq!(split(text), want, "{text}");
        }
    }
}
