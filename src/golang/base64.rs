//! Bytes in padded base64 (`encoding/base64`, `StdEncoding`), which is how JSON carries them.

/// Where a text stops being base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("illegal base64 data at input byte {0}")]
pub struct Error(pub usize);

/// The bytes. Ends of lines are no part of the text.
pub fn decode(text: &str) -> Result<Vec<u8>, Error> {
    let digits: Vec<(usize, u8)> = text
        .bytes()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'))
        .collect();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    let mut groups = digits.chunks(4).peekable();
    while let Some(group) = groups.next() {
        let padding = group.iter().rev().take_while(|(_, b)| *b == b'=').count();
        let (digits, _) = group.split_at(group.len() - padding);
        let mut number = 0;
        for &(at, digit) in digits {
            number = number << 6 | value(digit).ok_or(Error(at))?;
        }
        let is_whole = group.len() == 4 && padding <= 2;
        if !is_whole || (padding > 0 && groups.peek().is_some()) {
            let (first, _) = group[0];
            return Err(Error(first + digits.len()));
        }
        let number: u32 = number << (6 * padding);
        bytes.extend(&number.to_be_bytes()[1..4 - padding]);
    }
    Ok(bytes)
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
            ("", Ok(&b""[..])),
            ("YQ==", Ok(b"a")),
            ("YWI=", Ok(b"ab")),
            ("YWJj", Ok(b"abc")),
            ("YW\nJj\r\n", Ok(b"abc")),
            ("+/+/", Ok(b"\xfb\xff\xbf")),
            ("YQ=", Err(Error(2))),
            ("YWJjYQ", Err(Error(6))),
            ("Y===", Err(Error(1))),
            ("YQ==YQ==", Err(Error(2))),
            ("Y=Q=", Err(Error(1))),
            ("YWJ-", Err(Error(3))),
            ("!!", Err(Error(0))),
        ] {
            assert_eq!(decode(text).as_deref(), want.as_ref().copied(), "{text}");
        }
    }
}
