//! JSON as `encoding/json` writes it.
//!
//! The bytes become digests and labels, so they have to be the same: Go escapes `<`, `>`, `&` and the two
//! line separators, which serde leaves alone. The order of fields and of maps is the caller's; numbers
//! with a fraction are not written anywhere and keep serde's form.

use std::fmt::Write;

use serde::Serialize;

use crate::golang::stray::{self, Piece};

/// One line of JSON (`json.Marshal`).
///
/// A map whose keys are no strings has no JSON; the type that has one is ours to mend, and reads `null`.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).map_or_else(|_| "null".to_owned(), escaped)
}

/// JSON over several lines, two spaces a level (`json.MarshalIndent(v, "", "  ")`).
pub fn to_string_pretty<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string_pretty(value).map_or_else(|_| "null".to_owned(), escaped)
}

/// A text between the quotes of JSON.
pub fn quote_string(text: &str) -> String {
    to_string(text)
}

/// Outside of its strings JSON has none of these characters, so every one may be replaced.
fn escaped(json: String) -> String {
    let special = |c: char| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
    let json = without_stray(json);
    let mut escaped = String::new();
    let mut rest = json.as_str();
    while let Some(at) = rest.find(special) {
        let (plain, from) = rest.split_at(at);
        escaped.push_str(plain);
        let mut chars = from.chars();
        if let Some(c) = chars.next() {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        }
        rest = chars.as_str();
    }
    if escaped.is_empty() {
        return json;
    }
    escaped.push_str(rest);
    escaped
}

/// A byte that is no UTF-8 is written as an escaped U+FFFD; the character itself is not escaped.
fn without_stray(json: String) -> String {
    if !stray::is_in(json.as_bytes()) {
        return json;
    }
    let mut shown = String::with_capacity(json.len());
    for piece in stray::pieces(&json) {
        match piece {
            Piece::Char(c) => shown.push(c),
            Piece::Stray(_) => shown.push_str("\\ufffd"),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        for (text, json) in [
            ("a<b>&c", r#""a\u003cb\u003e\u0026c""#),
            ("\u{2028}\u{2029}", r#""\u2028\u2029""#),
            (
                "\x08\x0c\n\r\t\x00\x1f\x7f",
                "\"\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\"",
            ),
            ("\"\\/é", r#""\"\\/é""#),
            (&stray::decode(b"\xef\xbf\xbd \xff"), "\"\u{fffd} \\ufffd\""),
        ] {
            assert_eq!(quote_string(text), json);
        }
    }

    #[test]
    fn indentation_is_two_spaces() {
        let value = BTreeMap::from([("a", vec!["<"]), ("b", vec![])]);
        let pretty = "{\n  \"a\": [\n    \"\\u003c\"\n  ],\n  \"b\": []\n}";
        assert_eq!(to_string_pretty(&value), pretty);
        assert_eq!(to_string(&value), r#"{"a":["\u003c"],"b":[]}"#);
    }
}
