//! Sizes of memory as `docker/go-units` reads them.

use crate::golang::{parse_float, to_lower};

/// `64m`, `1.5 GiB`, `512` in bytes (`units.RAMInBytes`): every unit counts in powers of 1024.
pub fn ram_in_bytes(size: &str) -> Result<i64, String> {
    let invalid = || format!("invalid size: '{size}'");
    let end_of_number = size
        .rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')
        .ok_or_else(invalid)?;
    let (number, suffix) = size.split_at(end_of_number + 1);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let number = parse_float(number)?;
    if number < 0.0 {
        return Err(invalid());
    }
    Ok(truncated(number * factor(suffix)?))
}

fn factor(suffix: &str) -> Result<f64, String> {
    let bad = |suffix: &str| Err(format!("invalid suffix: '{suffix}'"));
    if suffix.len() > 3 {
        return bad(suffix);
    }
    let suffix = to_lower(suffix);
    let power = match suffix
        .strip_suffix("ib")
        .or(suffix.strip_suffix('b'))
        .unwrap_or(&suffix)
    {
        "" if suffix != "ib" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return bad(&suffix),
    };
    Ok(f64::powi(1024.0, power))
}

/// Whole bytes; what fits no `int64` becomes the smallest one, as it does in Go on amd64.
fn truncated(number: f64) -> i64 {
    match number < i64::MAX as f64 {
        true => number as i64,
        false => i64::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("32", 32),
            ("32b", 32),
            ("32B", 32),
            ("32k", 32 << 10),
            ("32K", 32 << 10),
            ("32 KiB", 32 << 10),
            ("32kb", 32 << 10),
            ("1.5MB", 3 << 19),
            ("0.5g", 1 << 29),
            ("1t", 1 << 40),
            ("1P", 1 << 50),
            ("32 ", 32),
            ("inf ", i64::MIN),
        ] {
            assert_eq!(ram_in_bytes(text), Ok(bytes), "{text:?}");
        }
    }

    #[test]
    fn complaints_are_those_of_go() {
        for (text, complaint) in [
            ("", "invalid size: ''"),
            ("hello", "invalid size: 'hello'"),
            ("-32", "invalid size: '-32'"),
            ("1Bytes", "invalid suffix: 'Bytes'"),
            ("1KX", "invalid suffix: 'kx'"),
            ("1ib", "invalid suffix: 'ib'"),
            ("1bb", "invalid suffix: 'bb'"),
            (
                " 32",
                r#"strconv.ParseFloat: parsing " 32": invalid syntax"#,
            ),
            (".", r#"strconv.ParseFloat: parsing ".": invalid syntax"#),
        ] {
            assert_eq!(ram_in_bytes(text), Err(complaint.to_owned()), "{text:?}");
        }
    }
}
