//! Bytes in padded base64 (`encoding/base64`, `StdEncoding`), which is how JSON carries them.

/// The bytes; `None` if the text has other characters, or is not whole.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|b| !matches!(b, b'\r' | b'\n'))
        .collect();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    let mut groups = digits.chunks(4).peekable();
    while let Some(group) = groups.next() {
        let padding = group.iter().rev().take_while(|&&b| b == b'=').count();
        if group.len() < 4 || padding > 2 || (padding > 0 && groups.peek().is_some()) {
            return None;
        }
        let digits = group[..4 - padding].iter();
        let number = digits
            .map(|&digit| value(digit))
            .try_fold(0, |number: u32, digit| Some(number << 6 | digit?))?;
        let number = number << (6 * padding);
        bytes.extend(&number.to_be_bytes()[1..4 - padding]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    let (first, offset) = match digit {
        b'A'..=b'Z' => (b'A', 0),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'+' => return Some(62),
        b'/' => return Some(63),
        _ => return None,
    };
    Some(u32::from(digit - first) + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        for (text, want) in [
            ("", Some(&b""[..])),
            ("YQ==", Some(b"a")),
            ("YWI=", Some(b"ab")),
            ("YWJj", Some(b"abc")),
            ("YW\nJj\r\n", Some(b"abc")),
            ("+/+/", Some(b"\xfb\xff\xbf")),
            ("YQ=", None),
            ("YQ", None),
            ("Y===", None),
            ("YQ==YQ==", None),
            ("Y=Q=", None),
            ("YWJ-", None),
        ] {
            assert_eq!(decode(text).as_deref(), want, "{text}");
        }
    }
}
