//! Upper and lower case a character at a time, as Go's `strings` does it.
//!
//! Rust maps text by the full rules of Unicode (`ß` becomes `SS`, a final `Σ` becomes `ς`); Go maps
//! every character to one character, and a byte that is no UTF-8 to U+FFFD.

use crate::golang::{is_print, stray};

/// Every character in its lower case (`strings.ToLower`).
pub fn to_lower(text: &str) -> String {
    stray::replaced(text).chars().map(lower).collect()
}

/// Every character in its upper case (`strings.ToUpper`).
pub fn to_upper(text: &str) -> String {
    stray::replaced(text).chars().map(upper).collect()
}

/// Whether two texts differ in nothing but case (`strings.EqualFold`).
pub fn equal_fold(a: &str, b: &str) -> bool {
    let (a, b) = (stray::replaced(a), stray::replaced(b));
    a.chars().map(fold).eq(b.chars().map(fold))
}

/// One character for all that simple folding holds equal; the dotted and the dotless i stay alone.
fn fold(c: char) -> char {
    match c {
        'İ' | 'ı' => c,
        _ => lower(upper(c)),
    }
}

fn lower(c: char) -> char {
    match c {
        _ if c.is_ascii() => c.to_ascii_lowercase(),
        'İ' => 'i',
        _ => only(c, c.to_lowercase()),
    }
}

fn upper(c: char) -> char {
    let titled = match c {
        _ if c.is_ascii() => return c.to_ascii_uppercase(),
        // Greek vowels with an iota below have a one-character capital, which only titles use.
        '\u{1f80}'..='\u{1faf}' if u32::from(c) & 8 == 0 => 8,
        'ᾳ' | 'ῃ' | 'ῳ' => 9,
        _ => return only(c, c.to_uppercase()),
    };
    char::from_u32(u32::from(c) + titled).unwrap_or(c)
}

/// The mapped character when there is exactly one, and Go's older Unicode has both.
fn only(c: char, mut mapped: impl ExactSizeIterator<Item = char>) -> char {
    match (mapped.len(), mapped.next()) {
        (1, Some(other)) if is_print(c) && is_print(other) => other,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_map_to_one_character() {
        assert_eq!(to_lower("ÀΣ İK"), "àσ ik");
        assert_eq!(to_upper("straße ǆ ᾳ ﬁ"), "STRAßE Ǆ ᾼ ﬁ");
        assert_eq!(
            to_upper("\u{264}"),
            "\u{264}",
            "its capital came after Unicode 15"
        );
    }

    #[test]
    fn bytes_that_are_no_text_have_no_case() {
        let bytes = stray::decode(b"\xc0 \xe0");
        assert_eq!(to_lower(&bytes), "\u{fffd} \u{fffd}");
        assert_eq!(to_upper(&bytes), "\u{fffd} \u{fffd}");
        assert!(equal_fold(&bytes, &stray::decode(b"\xff \xfe")));
    }

    #[test]
    fn folding_knows_all_forms_of_a_letter() {
        for (a, b) in [
            ("Kk", "K\u{212a}"),
            ("σ", "ς"),
            ("ſ", "S"),
            ("ß", "ẞ"),
            ("Ꭰ", "ꭰ"),
        ] {
            assert!(equal_fold(a, b), "{a} {b}");
        }
        for (a, b) in [("a", "ab"), ("ı", "i"), ("İ", "i"), ("ß", "ss")] {
            assert!(!equal_fold(a, b), "{a} {b}");
        }
    }
}
