//! Text between double quotes, as `%q` prints it.

use std::fmt::Write;

use crate::golang::{
    is_print,
    stray::{self, Piece},
};

/// The text in double quotes, with Go's escapes for what cannot be printed (`strconv.Quote`, `%q`).
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for piece in stray::pieces(text) {
        match piece {
            Piece::Char(c) => push_escaped(&mut quoted, c),
            Piece::Stray(byte) => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

/// A list of texts as `%q` prints a `[]string`: `["a" "b"]`.
pub fn quote_all<S: AsRef<str>>(texts: &[S]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote(text.as_ref())).collect();
    format!("[{}]", quoted.join(" "))
}

fn push_escaped(quoted: &mut String, c: char) {
    let short = match c {
        '"' | '\\' => Some(c),
        '\x07' => Some('a'),
        '\x08' => Some('b'),
        '\x0c' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\x0b' => Some('v'),
        _ => None,
    };
    let code = u32::from(c);
    let written = match short {
        Some(letter) => write!(quoted, "\\{letter}"),
        None if is_print(c) => write!(quoted, "{c}"),
        None if c.is_ascii() => write!(quoted, "\\x{code:02x}"),
        None if code < 0x10000 => write!(quoted, "\\u{code:04x}"),
        None => write!(quoted, "\\U{code:08x}"),
    };
    debug_assert!(written.is_ok(), "a `String` takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_escape_what_cannot_be_printed() {
        for (text, quoted) in [
            ("", r#""""#),
            ("a'b", r#""a'b""#),
            ("a\"\\b", r#""a\"\\b""#),
            ("\t\n\x07\x00\x7f", r#""\t\n\a\x00\x7f""#),
            ("한é☺", "\"한é☺\""),
            ("\u{a0}\u{200b}\u{feff}", r#""\u00a0\u200b\ufeff""#),
            ("\u{e0001}", r#""\U000e0001""#),
            (&stray::decode(b"\xff"), r#""\xff""#),
        ] {
            assert_eq!(quote(text), quoted);
        }
        assert_eq!(quote_all(&["a", "b c"]), r#"["a" "b c"]"#);
        assert_eq!(quote_all::<&str>(&[]), "[]");
    }
}
