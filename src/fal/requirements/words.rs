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
    let mut before = Before::default();
    for word in words(text) {
        let goes_on = before.goes_on(word);
        match items.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => {
                items.push(word.to_owned());
                before = Before {
                    is_flag: word.starts_with('-'),
                    ..Before::default()
                };
            }
        }
        before.has_marker |= word.contains(';');
        before.word = word;
    }
    items
}

/// What stands before a word.
#[derive(Default)]
struct Before<'a> {
    is_flag: bool,
    has_marker: bool,
    word: &'a str,
}

impl Before<'_> {
    /// Whether a word belongs to it.
    fn goes_on(&self, word: &str) -> bool {
        if self.is_flag || (word.starts_with('-') && !self.has_marker) {
            return false;
        }
        let is_open = self.word.ends_with(JOINTS) && !self.word.ends_with(')');
        if word.starts_with(JOINTS) || (is_open && !self.word.contains("://")) {
            return true;
        }
        self.has_marker && (WORDS.contains(&word) || WORDS.contains(&self.word))
    }
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
