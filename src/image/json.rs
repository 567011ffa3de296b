//! The text of JSON, as Go's `encoding/json` scans it.
//!
//! [`check`] says whether bytes are JSON, in Go's words if not; [`Reader`] then walks over them. Neither recurses:
//! how deep a text is nested costs memory, never stack.

use crate::golang;

/// How deep Go lets arrays and objects be nested.
const DEPTH_MAX: usize = 10_000;

/// Why bytes are no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// They end too early.
    #[error("unexpected end of JSON input")]
    End,
    /// A byte stands where it cannot.
    #[error("invalid character {} {context}", quote(*.byte))]
    Byte {
        /// The byte.
        byte: u8,
        /// Where it stands.
        context: &'static str,
    },
}

/// What a value is; its first byte says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// Whether the bytes are one JSON value and blanks around it.
pub fn check(bytes: &[u8]) -> Result<(), SyntaxError> {
    let mut scanner = Scanner { bytes, at: 0 };
    let mut open: Vec<u8> = Vec::new();
    let mut next = Next::Value;
    loop {
        let Some(byte) = scanner.token() else {
            return match next {
                Next::Nothing => Ok(()),
                _ => Err(SyntaxError::End),
            };
        };
        let is_end = match next {
            Next::FirstElement => byte == b']',
            Next::FirstKey => byte == b'}',
            Next::CommaOrEnd => open.last().is_some_and(|open| byte == closing(*open)),
            _ => false,
        };
        if is_end {
            open.pop();
            next = Next::behind_value(&open);
            continue;
        }
        next = match (next, byte) {
            (Next::Value | Next::FirstElement, b'[' | b'{') => {
                if open.len() == DEPTH_MAX {
                    return Err(unexpected(byte, "exceeded max depth"));
                }
                open.push(byte);
                if byte == b'[' {
                    Next::FirstElement
                } else {
                    Next::FirstKey
                }
            }
            (Next::Value | Next::FirstElement, _) => {
                scanner.scalar(byte)?;
                Next::behind_value(&open)
            }
            (Next::Key | Next::FirstKey, b'"') => {
                scanner.string()?;
                Next::Colon
            }
            (Next::Colon, b':') => Next::Value,
            (Next::CommaOrEnd, b',') if open.last() == Some(&b'[') => Next::Value,
            (Next::CommaOrEnd, b',') => Next::Key,
            (next, _) => return Err(unexpected(byte, next.context(&open))),
        };
    }
}

/// What may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    FirstElement,
    Key,
    FirstKey,
    Colon,
    CommaOrEnd,
    Nothing,
}

impl Next {
    fn behind_value(open: &[u8]) -> Self {
        match open {
            [] => Self::Nothing,
            _ => Self::CommaOrEnd,
        }
    }

    /// Where a byte stands that may not follow.
    fn context(self, open: &[u8]) -> &'static str {
        match self {
            Self::Value | Self::FirstElement => "looking for beginning of value",
            Self::Key | Self::FirstKey => "looking for beginning of object key string",
            Self::Colon => "after object key",
            Self::CommaOrEnd if open.last() == Some(&b'[') => "after array element",
            Self::CommaOrEnd => "after object key:value pair",
            Self::Nothing => "after top-level value",
        }
    }
}

fn closing(open: u8) -> u8 {
    if open == b'[' { b']' } else { b'}' }
}

fn unexpected(byte: u8, context: &'static str) -> SyntaxError {
    SyntaxError::Byte { byte, context }
}

fn quote(byte: u8) -> String {
    if byte == b'"' {
        return String::from("'\"'");
    }
    let quoted = golang::quote(&char::from(byte).to_string());
    let inside = quoted.trim_start_matches('"').trim_end_matches('"');
    match byte {
        b'\'' => String::from(r"'\''"),
        _ => format!("'{inside}'"),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    /// Takes the next byte that is no blank.
    fn token(&mut self) -> Option<u8> {
        let rest = self.bytes.get(self.at..)?;
        let blanks = rest.iter().take_while(|b| is_blank(**b)).count();
        self.at += blanks + 1;
        rest.get(blanks).copied()
    }

    /// The byte that is next. The end of the text is a blank, as it is for Go.
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(b' ')
    }

    fn scalar(&mut self, first: u8) -> Result<(), SyntaxError> {
        match first {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(first),
            b't' => self.word([
                (b'r', "in literal true (expecting 'r')"),
                (b'u', "in literal true (expecting 'u')"),
                (b'e', "in literal true (expecting 'e')"),
            ]),
            b'f' => self.word([
                (b'a', "in literal false (expecting 'a')"),
                (b'l', "in literal false (expecting 'l')"),
                (b's', "in literal false (expecting 's')"),
                (b'e', "in literal false (expecting 'e')"),
            ]),
            b'n' => self.word([
                (b'u', "in literal null (expecting 'u')"),
                (b'l', "in literal null (expecting 'l')"),
                (b'l', "in literal null (expecting 'l')"),
            ]),
            _ => Err(unexpected(first, Next::Value.context(&[]))),
        }
    }

    fn word<const N: usize>(&mut self, rest: [(u8, &'static str); N]) -> Result<(), SyntaxError> {
        for (byte, context) in rest {
            self.expect(|b| b == byte, context)?;
        }
        Ok(())
    }

    /// `characters '"'`, behind the first quote.
    fn string(&mut self) -> Result<(), SyntaxError> {
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(SyntaxError::End);
            };
            self.at += 1;
            match byte {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                0..0x20 => return Err(unexpected(byte, "in string literal")),
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        let is_escape = |b: u8| {
            matches!(
                b,
                b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' | b'u'
            )
        };
        let is_unicode = self.peek() == b'u';
        self.expect(is_escape, "in string escape code")?;
        for _ in 0..if is_unicode { 4 } else { 0 } {
            self.expect(
                |b| b.is_ascii_hexdigit(),
                "in \\u hexadecimal character escape",
            )?;
        }
        Ok(())
    }

    /// `["-"] digits ["." digits] [("e" | "E") ["+" | "-"] digits]`, behind the first byte; no digit follows a leading 0.
    fn number(&mut self, mut first: u8) -> Result<(), SyntaxError> {
        if first == b'-' {
            first = self.peek();
            self.expect(|b| b.is_ascii_digit(), "in numeric literal")?;
        }
        if first != b'0' {
            self.digits();
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.expect(
                |b| b.is_ascii_digit(),
                "after decimal point in numeric literal",
            )?;
            self.digits();
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.expect(|b| b.is_ascii_digit(), "in exponent of numeric literal")?;
            self.digits();
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
    }

    fn expect(
        &mut self,
        is_right: impl Fn(u8) -> bool,
        context: &'static str,
    ) -> Result<(), SyntaxError> {
        let byte = self.peek();
        if !is_right(byte) {
            return Err(unexpected(byte, context));
        }
        self.at += 1;
        Ok(())
    }
}

/// Walks over bytes that [`check`] found to be JSON.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What the next value is.
    pub(super) fn kind(&mut self) -> Kind {
        match self.peek() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// Begins to walk through the array or object that is next.
    pub(super) fn open(&mut self) {
        self.peek();
        self.at += 1;
    }

    /// Whether another element or key follows in what was opened. Behind the last, the end is passed.
    pub(super) fn has_next(&mut self) -> bool {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                true
            }
            Some(b']' | b'}') => {
                self.at += 1;
                false
            }
            next => next.is_some(),
        }
    }

    /// The key that is next, and passes the colon behind it.
    pub(super) fn key(&mut self) -> String {
        let key = self.string();
        self.open();
        key
    }

    /// The string that is next. What is no UTF-8, and halves of surrogate pairs, become U+FFFD.
    pub(super) fn string(&mut self) -> String {
        unquote(self.raw())
    }

    /// The scalar that is next, as written.
    pub(super) fn raw(&mut self) -> &'a [u8] {
        self.peek();
        let start = self.at;
        self.skip();
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Passes the value that is next.
    pub(super) fn skip(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return,
                Some(b'[' | b'{') => {
                    self.at += 1;
                    depth += 1;
                }
                Some(b']' | b'}') => {
                    self.at += 1;
                    depth = depth.saturating_sub(1);
                }
                Some(b',' | b':') => self.at += 1,
                Some(b'"') => self.skip_string(),
                Some(_) => self.skip_word(),
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => return,
                b'\\' => self.at += 1,
                _ => {}
            }
        }
    }

    fn skip_word(&mut self) {
        let is_end = |b: u8| is_blank(b) || matches!(b, b',' | b':' | b']' | b'}');
        while self.bytes.get(self.at).is_some_and(|b| !is_end(*b)) {
            self.at += 1;
        }
    }

    /// The next byte that is no blank; it stays next.
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).copied().is_some_and(is_blank) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }
}

/// The text that a string literal, with its quotes, stands for.
fn unquote(literal: &[u8]) -> String {
    let inside = match literal {
        [b'"', inside @ .., b'"'] => inside,
        _ => return String::new(),
    };
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(escape) = rest.iter().position(|b| *b == b'\\') {
        let (plain, escaped) = rest.split_at(escape);
        push_lossy(&mut text, plain);
        rest = push_escape(&mut text, escaped);
    }
    push_lossy(&mut text, rest);
    text
}

/// Appends what the escape stands for that `escaped` begins with; gives what follows it.
fn push_escape<'a>(text: &mut String, escaped: &'a [u8]) -> &'a [u8] {
    if let Some((unit, rest)) = utf16_unit(escaped) {
        let pair = utf16_unit(rest).map(|(second, behind)| ([unit, second], behind));
        if let Some((pair, behind)) = pair
            && (0xD800..0xDC00).contains(&unit)
            && let Some(Ok(c)) = char::decode_utf16(pair).next()
        {
            text.push(c);
            return behind;
        }
        text.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
        return rest;
    }
    text.push(match escaped.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(other) => char::from(*other),
        None => char::REPLACEMENT_CHARACTER,
    });
    escaped.get(2..).unwrap_or_default()
}

/// `\uXXXX`
fn utf16_unit(escaped: &[u8]) -> Option<(u16, &[u8])> {
    let [b'\\', b'u', a, b, c, d, rest @ ..] = escaped else {
        return None;
    };
    let unit = [a, b, c, d].iter().try_fold(0_u16, |unit, digit| {
        let digit = char::from(**digit).to_digit(16)?;
        Some((unit << 4) | u16::try_from(digit).ok()?)
    })?;
    Some((unit, rest))
}

/// Each byte that is no UTF-8 becomes one U+FFFD, as in Go; `String::from_utf8_lossy` makes one of several.
fn push_lossy(text: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_refused_in_the_words_of_go() {
        let deep = "[".repeat(DEPTH_MAX + 1);
        for (text, want) in [
            ("", "unexpected end of JSON input"),
            ("[", "unexpected end of JSON input"),
            ("\"a", "unexpected end of JSON input"),
            (
                "tru",
                "invalid character ' ' in literal true (expecting 'e')",
            ),
            (
                "{a}",
                "invalid character 'a' looking for beginning of object key string",
            ),
            (
                "{\"a\":1,}",
                "invalid character '}' looking for beginning of object key string",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\":1 2}",
                "invalid character '2' after object key:value pair",
            ),
            (
                "[1,]",
                "invalid character ']' looking for beginning of value",
            ),
            ("[01]", "invalid character '1' after array element"),
            ("1 x", "invalid character 'x' after top-level value"),
            ("-", "invalid character ' ' in numeric literal"),
            (
                "1.a",
                "invalid character 'a' after decimal point in numeric literal",
            ),
            (
                "1e+",
                "invalid character ' ' in exponent of numeric literal",
            ),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            (
                "\"\\u00g0\"",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            (
                "'a'",
                "invalid character '\\'' looking for beginning of value",
            ),
            (&deep, "invalid character '[' exceeded max depth"),
        ] {
            assert_eq!(
                check(text.as_bytes()).map_err(|e| e.to_string()),
                Err(want.to_owned())
            );
        }
        let deep = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        for text in [
            " {\"a\": [1, -0.5e+7, true, null, {}, []]}\n",
            "\"\\u00e9\"",
            &deep,
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()));
        }
    }

    #[test]
    fn a_string_is_always_text() {
        for (literal, want) in [
            (&br#""a\n\"\/\u00e9\ud83d\ude00""#[..], "a\n\"/é😀"),
            (
                br#""\ud83d\u0041\udc00\ud800""#,
                "\u{fffd}A\u{fffd}\u{fffd}",
            ),
            (b"\"\xe2\x82A\xff\"", "\u{fffd}\u{fffd}A\u{fffd}"),
        ] {
            assert_eq!(check(literal), Ok(()));
            assert_eq!(Reader::new(literal).string(), want);
        }
    }
}
