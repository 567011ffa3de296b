//! The little JSON that a Dockerfile holds: arrays of strings, and a file that is an object.
//!
//! Decides as Go's `encoding/json` does what is JSON: a number that no `float64` holds is not, half of
//! a surrogate pair is U+FFFD, and values nest at most 10,000 deep. Nothing here recurses.

/// What a text is when it is read as an array of strings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Array {
    /// `["a", "b"]`
    Strings(Vec<String>),
    /// `["a", 1]`
    Mixed,
    /// Anything else, `["a"] b` too.
    NotJson,
}

/// Reads an array of strings, and nothing after it.
pub(super) fn array(text: &str) -> Array {
    let text = text.trim_start();
    if !text.starts_with('[') {
        return Array::NotJson;
    }
    let mut strings = Vec::new();
    let mut mixed = false;
    let is_json = walk(text, |depth, token| match (depth, token) {
        (1, Token::String(string)) => strings.push(string),
        (1, Token::Other | Token::Open) => mixed = true,
        _ => {}
    });
    match (is_json, mixed) {
        (false, _) => Array::NotJson,
        (true, true) => Array::Mixed,
        (true, false) => Array::Strings(strings),
    }
}

/// The string that an object holds under `key`; of several, the last.
pub(super) fn string_member(text: &str, key: &str) -> Option<String> {
    if !text.trim_start_matches(BLANKS).starts_with('{') {
        return None;
    }
    let mut ours = false;
    let mut found = None;
    let is_json = walk(text, |depth, token| match (depth, token) {
        (1, Token::Key(name)) => ours = name == key,
        (1, Token::String(string)) if ours => found = Some(string),
        (1, Token::Other | Token::Open) if ours => found = None,
        _ => {}
    });
    found.filter(|_| is_json)
}

enum Token {
    /// `[` or `{`
    Open,
    /// The name of a member.
    Key(String),
    /// A string that is a value.
    String(String),
    /// A number, `true`, `false` or `null`.
    Other,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrClose,
    Key,
    KeyOrClose,
    CommaOrClose,
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
const DEEPEST: usize = 10_000;

/// Shows every token with the number of containers around it, and tells whether all of `text` is one value.
fn walk(text: &str, mut visit: impl FnMut(usize, Token)) -> bool {
    let mut cursor = Cursor { rest: text };
    let mut around = Vec::new();
    let mut expect = Expect::Value;
    loop {
        cursor.rest = cursor.rest.trim_start_matches(BLANKS);
        let Some(c) = cursor.next() else {
            return false;
        };
        let depth = around.len();
        match (expect, c) {
            (Expect::Value | Expect::ValueOrClose, '[' | '{') if depth < DEEPEST => {
                visit(depth, Token::Open);
                around.push(c);
                expect = if c == '[' {
                    Expect::ValueOrClose
                } else {
                    Expect::KeyOrClose
                };
                continue;
            }
            (Expect::Key | Expect::KeyOrClose, '"') => {
                let Some(name) = cursor.string() else {
                    return false;
                };
                visit(depth, Token::Key(name));
                cursor.rest = cursor.rest.trim_start_matches(BLANKS);
                if cursor.next() != Some(':') {
                    return false;
                }
                expect = Expect::Value;
                continue;
            }
            (Expect::CommaOrClose, ',') => {
                let in_array = around.last() == Some(&'[');
                expect = if in_array { Expect::Value } else { Expect::Key };
                continue;
            }
            (Expect::ValueOrClose | Expect::CommaOrClose, ']') if around.last() == Some(&'[') => {
                around.pop();
            }
            (Expect::KeyOrClose | Expect::CommaOrClose, '}') if around.last() == Some(&'{') => {
                around.pop();
            }
            (Expect::Value | Expect::ValueOrClose, '"') => {
                let Some(string) = cursor.string() else {
                    return false;
                };
                visit(depth, Token::String(string));
            }
            (Expect::Value | Expect::ValueOrClose, c) if cursor.scalar(c) => {
                visit(depth, Token::Other);
            }
            _ => return false,
        }
        // A value ended here.
        if around.is_empty() {
            return cursor.rest.trim_start_matches(BLANKS).is_empty();
        }
        expect = Expect::CommaOrClose;
    }
}

struct Cursor<'s> {
    rest: &'s str,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    /// The rest of a string whose opening quote was read.
    fn string(&mut self) -> Option<String> {
        let mut string = String::new();
        loop {
            match self.next()? {
                '"' => return Some(string),
                '\\' => string.push(self.escaped()?),
                c if c < ' ' => return None,
                c => string.push(c),
            }
        }
    }

    /// What follows a `\`.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.next()? {
            c @ ('"' | '\\' | '/') => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.unit()?;
                char::from_u32(unit).unwrap_or_else(|| self.pair(unit))
            }
            _ => return None,
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        self.rest = self.rest.get(4..)?;
        u32::from_str_radix(digits, 16).ok()
    }

    /// Two surrogates are one letter; one alone is U+FFFD, and what follows it is read by itself.
    fn pair(&mut self, high: u32) -> char {
        let before = self.rest;
        let low = self.rest.strip_prefix("\\u").and_then(|rest| {
            self.rest = rest;
            self.unit()
        });
        let units = [high, low.unwrap_or_default()].map(|unit| unit as u16);
        match char::decode_utf16(units).next() {
            Some(Ok(c)) => c,
            _ => {
                self.rest = before;
                char::REPLACEMENT_CHARACTER
            }
        }
    }

    /// The rest of a number, `true`, `false` or `null` that begins with `first`.
    fn scalar(&mut self, first: char) -> bool {
        let rest = match first {
            't' => self.rest.strip_prefix("rue"),
            'f' => self.rest.strip_prefix("alse"),
            'n' => self.rest.strip_prefix("ull"),
            '-' | '0'..='9' => return self.number(first),
            _ => None,
        };
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`, small enough for a `float64`.
    fn number(&mut self, first: char) -> bool {
        let begin = self.rest;
        let first = if first == '-' {
            self.next()
        } else {
            Some(first)
        };
        match first {
            Some('0') => {}
            Some('1'..='9') => {
                self.digits();
            }
            _ => return false,
        }
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            if !self.digits() {
                return false;
            }
        }
        if let Some(rest) = self.rest.strip_prefix(['e', 'E']) {
            self.rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
            if !self.digits() {
                return false;
            }
        }
        // The first character changes neither the size nor whether it parses: a digit, or a sign.
        let written = begin.len() - self.rest.len();
        let number = begin.get(..written).map(|digits| format!("1{digits}"));
        number
            .and_then(|text| text.parse::<f64>().ok())
            .is_some_and(f64::is_finite)
    }

    fn digits(&mut self) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        self.rest.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_strings_or_mixed_or_no_json() {
        let strings =
            |words: &[&str]| Array::Strings(words.iter().map(|&word| word.to_owned()).collect());
        let cases = [
            ("[]", strings(&[])),
            ("\u{a0}[ ]\n", strings(&[])),
            (r#"["a", "b c"]"#, strings(&["a", "b c"])),
            (
                r#"["\"\\\/\b\f\n\r\t\u00e9é"]"#,
                strings(&["\"\\/\u{8}\u{c}\n\r\téé"]),
            ),
            (r#"["\ud83d\ude00"]"#, strings(&["😀"])),
            (
                r#"["\ud83dx\ude00\ud83d\u0041"]"#,
                strings(&["\u{fffd}x\u{fffd}\u{fffd}A"]),
            ),
            (r#"["a", 1]"#, Array::Mixed),
            (r#"[null]"#, Array::Mixed),
            (r#"[-0.5e+3, true, false]"#, Array::Mixed),
            (r#"["a", ["b"]]"#, Array::Mixed),
            (r#"[{"a": "b", "c": []}]"#, Array::Mixed),
            (r#"[1e999]"#, Array::NotJson),
            (r#"[1e-999]"#, Array::Mixed),
            (r#"["a"] b"#, Array::NotJson),
            (r#"["a",]"#, Array::NotJson),
            (r#"["a" "b"]"#, Array::NotJson),
            (r#"['a']"#, Array::NotJson),
            (r#"["a"#, Array::NotJson),
            (r#"["a\x"]"#, Array::NotJson),
            (r#"["\u12g4"]"#, Array::NotJson),
            ("[\"a\tb\"]", Array::NotJson),
            ("[01]", Array::NotJson),
            ("[1.]", Array::NotJson),
            ("[-]", Array::NotJson),
            ("[tru]", Array::NotJson),
            ("[,]", Array::NotJson),
            ("[}", Array::NotJson),
            (r#"[{"a" 1}]"#, Array::NotJson),
            (r#"[{"a": 1,}]"#, Array::NotJson),
            ("[", Array::NotJson),
            ("", Array::NotJson),
            ("{}", Array::NotJson),
        ];
        for (text, expected) in cases {
            assert_eq!(array(text), expected, "{text}");
        }
    }

    #[test]
    fn depth_is_counted_not_recursed() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(array(&nested(DEEPEST)), Array::Mixed);
        assert_eq!(array(&nested(DEEPEST + 1)), Array::NotJson);
        assert_eq!(array(&"[".repeat(1_000_000)), Array::NotJson);
    }
}
