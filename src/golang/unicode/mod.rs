//! Classes of characters as Go 1.26 knows them: Unicode 15.0, whatever Rust's own tables say by then.

mod tables;

/// Whether the character is a letter (`unicode.IsLetter`): category L, so no marks and no letter-like numbers.
pub fn is_letter(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphabetic(),
        false => inside(tables::LETTER, c),
    }
}

/// Whether the character is a decimal digit of any script (`unicode.IsDigit`).
pub fn is_digit(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_digit(),
        false => inside(tables::DIGIT, c),
    }
}

/// Whether `%q` shows the character as it is (`strconv.IsPrint`): of the spaces, only U+0020.
pub fn is_print(c: char) -> bool {
    match c.is_ascii() {
        true => matches!(c, ' '..='~'),
        false => inside(tables::PRINT, c),
    }
}

/// A table lists where a class begins, where it stops, where it begins again, and so on.
fn inside(table: &[u32], c: char) -> bool {
    table.partition_point(|&turn| turn <= u32::from(c)) % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_go() {
        // Character, letter, digit, printed as it is.
        for (c, letter, digit, print) in [
            ('a', true, false, true),
            ('_', false, false, true),
            ('9', false, true, true),
            ('\x7f', false, false, false),
            ('é', true, false, true),
            ('한', true, false, true),
            ('٣', false, true, true),
            ('Ⅷ', false, false, true),
            ('½', false, false, true),
            ('\u{345}', false, false, true),
            ('\u{a0}', false, false, false),
            ('\u{2028}', false, false, false),
            ('\u{e000}', false, false, false),
            ('\u{1e4d0}', true, false, true),
            ('\u{10d40}', false, false, false),
        ] {
            assert_eq!(
                (is_letter(c), is_digit(c), is_print(c)),
                (letter, digit, print),
                "{c:?}"
            );
        }
    }
}
