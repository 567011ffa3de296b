//! Spans of time as `time.Duration` reads and prints them, in nanoseconds.

use std::fmt::Write;

/// Larger magnitudes are no durations; the most negative one is.
const LIMIT: u64 = 1 << 63;

const SECOND: u64 = 1_000_000_000;

/// `1h15m30.918s`, `-1.5h`, `300ms` (`time.ParseDuration`).
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || message("invalid duration", text);
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0u64;
    while !rest.is_empty() {
        let (whole, fraction);
        (whole, rest) = split_digits(rest);
        (fraction, rest) = match rest.strip_prefix('.') {
            Some(behind) => split_digits(behind),
            None => ("", rest),
        };
        let number = whole_number(whole).ok_or_else(invalid)?;
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let name;
        (name, rest) = split_unit(rest);
        if name.is_empty() {
            return Err(message("missing unit in duration", text));
        }
        let unit = unit(name)
            .ok_or_else(|| message(&format!("unknown unit {} in duration", quote(name)), text))?;
        let part = number
            .checked_mul(unit)
            .map(|part| part.saturating_add(nanoseconds_of(fraction, unit)))
            .filter(|&part| part <= LIMIT)
            .ok_or_else(invalid)?;
        // Two of the largest parts wrap to nothing, in the original too.
        total = total.wrapping_add(part);
        if total > LIMIT {
            return Err(invalid());
        }
    }
    match negative {
        true => Ok(0i64.wrapping_sub_unsigned(total)),
        false => i64::try_from(total).map_err(|_| invalid()),
    }
}

/// `1h15m30.918s`, `300ms`, `0s` (`time.Duration.String`).
pub fn format_duration(nanoseconds: i64) -> String {
    let size = nanoseconds.unsigned_abs();
    let mut text = String::new();
    if nanoseconds < 0 {
        text.push('-');
    }
    match size {
        0 => text.push_str("0s"),
        1..1_000 => push_decimal(&mut text, size, 1, "ns"),
        1_000..1_000_000 => push_decimal(&mut text, size, 1_000, "µs"),
        1_000_000..SECOND => push_decimal(&mut text, size, 1_000_000, "ms"),
        SECOND.. => {
            let minutes = size / (60 * SECOND);
            let written = match (minutes / 60, minutes % 60) {
                (0, 0) => Ok(()),
                (0, minutes) => write!(text, "{minutes}m"),
                (hours, minutes) => write!(text, "{hours}h{minutes}m"),
            };
            debug_assert!(written.is_ok(), "a `String` takes every write");
            push_decimal(&mut text, size % (60 * SECOND), SECOND, "s");
        }
    }
    text
}

/// `size / scale` without trailing zeros, and its unit.
fn push_decimal(text: &mut String, size: u64, scale: u64, unit: &str) {
    text.push_str(&(size / scale).to_string());
    let digits = scale.ilog10() as usize;
    let fraction = format!("{:0digits$}", size % scale);
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() && digits > 0 {
        text.push('.');
        text.push_str(fraction);
    }
    text.push_str(unit);
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c == '.' || c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        // The micro sign and the Greek letter look the same.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        _ => return None,
    })
}

/// The number, unless it is out of range; no digits are a zero.
fn whole_number(digits: &str) -> Option<u64> {
    digits.bytes().try_fold(0u64, |number, digit| {
        number
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))
            .filter(|&number| number <= LIMIT)
    })
}

/// What the digits behind the point are worth; those too small to count are dropped.
///
/// The arithmetic is the original's, so that its rounding is ours.
fn nanoseconds_of(digits: &str, unit: u64) -> u64 {
    let mut number = 0u64;
    let mut scale = 1.0f64;
    for digit in digits.bytes() {
        if number > (LIMIT - 1) / 10 {
            break;
        }
        let next = number * 10 + u64::from(digit - b'0');
        if next > LIMIT {
            break;
        }
        number = next;
        scale *= 10.0;
    }
    (number as f64 * (unit as f64 / scale)) as u64
}

fn message(problem: &str, text: &str) -> String {
    format!("time: {problem} {}", quote(text))
}

/// The `time` package has quotes of its own, which escape every byte that is not ASCII.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=0x7f => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("-0", 0),
            ("30s", 30_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("1h15m30.918s", 4_530_918_000_000),
            ("-.5us", -500),
            ("1µs1μs", 2_000),
            ("2.s", 2_000_000_000),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("-9223372036854775808ns", i64::MIN),
            ("9223372036854775.807us", i64::MAX),
        ] {
            assert_eq!(parse_duration(text), Ok(nanoseconds), "{text}");
        }
    }

    #[test]
    fn complaints_are_those_of_go() {
        for (text, complaint) in [
            ("", r#"time: invalid duration """#),
            ("3", r#"time: missing unit in duration "3""#),
            ("3x", r#"time: unknown unit "x" in duration "3x""#),
            ("s", r#"time: invalid duration "s""#),
            (".s", r#"time: invalid duration ".s""#),
            (
                "1é\"",
                r#"time: unknown unit "\xc3\xa9\"" in duration "1\xc3\xa9\"""#,
            ),
            (
                "9223372036854775808ns",
                r#"time: invalid duration "9223372036854775808ns""#,
            ),
        ] {
            assert_eq!(parse_duration(text), Err(complaint.to_owned()), "{text}");
        }
    }

    #[test]
    fn durations_are_printed() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (245_000_000_000, "4m5s"),
            (3_600_000_000_000, "1h0m0s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (-1, "-1ns"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(format_duration(nanoseconds), text);
        }
    }
}
