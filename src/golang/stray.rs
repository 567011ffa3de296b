//! Bytes that are no UTF-8, in texts.
//!
//! Go's strings hold any bytes. Ours hold two characters for each byte that is no UTF-8: one that no text has,
//! and the byte's own number. So a file can be read as text, and it is known where such a byte ends up. Wherever
//! Go looks at characters, at JSON or at what a terminal shows, it becomes U+FFFD; in a file it is the byte
//! again; in the text of an op it cannot be.

use std::borrow::Cow;

/// Comes before a byte. It is one of Unicode's noncharacters, which are for use within a program.
const MARK: char = '\u{fdd0}';

/// The mark in UTF-8.
const MARK_BYTES: [u8; 3] = [0xef, 0xb7, 0x90];

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// A character.
    Char(char),
    /// A byte that is no UTF-8.
    Stray(u8),
}

/// The bytes as text. If some of them are no UTF-8, a mark that stands among them is no longer one.
pub fn decode(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                MARK => push_stray(&mut text, &MARK_BYTES),
                c => text.push(c),
            }
        }
        push_stray(&mut text, chunk.invalid());
    }
    text
}

fn push_stray(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push(MARK);
        text.push(char::from(*byte));
    }
}

/// The text as the bytes that it was decoded from.
pub fn encode(text: &str) -> Cow<'_, [u8]> {
    if !is_in(text.as_bytes()) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Char(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            Piece::Stray(byte) => bytes.push(byte),
        }
    }
    Cow::Owned(bytes)
}

/// The text with U+FFFD for every stray byte.
pub fn replaced(text: &str) -> Cow<'_, str> {
    if !is_in(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let shown = pieces(text).map(|piece| match piece {
        Piece::Char(c) => c,
        Piece::Stray(_) => char::REPLACEMENT_CHARACTER,
    });
    Cow::Owned(shown.collect())
}

/// The characters and the stray bytes of a text.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece> {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        let c = chars.next()?;
        let byte = match c {
            MARK => chars.next_if(|next| is_stray(*next)),
            _ => None,
        };
        let byte = byte.and_then(|next| u8::try_from(next).ok());
        Some(byte.map_or(Piece::Char(c), Piece::Stray))
    })
}

/// Whether there is a stray byte in what was made of texts.
pub fn is_in(encoded: &[u8]) -> bool {
    // Hardly a text has a character that begins as the mark does.
    encoded.contains(&MARK_BYTES[0])
        && encoded
            .windows(4)
            .any(|part| part.starts_with(&MARK_BYTES) && matches!(part.last(), Some(0xc2 | 0xc3)))
}

/// Whether a mark before this character is meant.
fn is_stray(c: char) -> bool {
    ('\u{80}'..='\u{ff}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back() {
        for bytes in [
            &b"plain \xc3\xa9"[..],
            b"\xff\xfe\x80",
            b"cut \xe2\x82 off \xe2\x82\xac",
            b"a mark \xef\xb7\x90\xc3\xa9 beside \xff",
        ] {
            let text = decode(bytes);
            assert_eq!(encode(&text), bytes);
            assert_eq!(is_in(text.as_bytes()), std::str::from_utf8(bytes).is_err());
        }
    }

    #[test]
    fn every_stray_byte_is_shown_once() {
        assert_eq!(
            replaced(&decode(b"a\xe2\x82b\xff")),
            "a\u{fffd}\u{fffd}b\u{fffd}"
        );
        // A mark alone is a character like any other.
        assert_eq!(replaced("\u{fdd0}a\u{fdd0}"), "\u{fdd0}a\u{fdd0}");
    }
}
