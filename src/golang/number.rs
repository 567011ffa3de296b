//! Numbers and truth values as `strconv` reads them, with its error texts.

use crate::golang::quote;

/// `1 t T true TRUE True` and `0 f F false FALSE False` (`strconv.ParseBool`); nothing else.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A decimal number with or without a sign (`strconv.Atoi`).
pub fn atoi(text: &str) -> Result<i64, String> {
    signed(text, 10, 64).map_err(|problem| problem.sentence("Atoi", text))
}

/// A number with or without a sign (`strconv.ParseInt`).
///
/// The base is 2 to 36, or 0 to take it from the text (`0x`, `0o`, `0b`, `0`); `bits` is the width that
/// the number has to fit, with 0 for 64.
pub fn parse_int(text: &str, base: u32, bits: u32) -> Result<i64, String> {
    signed(text, base, bits).map_err(|problem| problem.sentence("ParseInt", text))
}

/// A number without a sign (`strconv.ParseUint`); base and bits as in [`parse_int`].
pub fn parse_uint(text: &str, base: u32, bits: u32) -> Result<u64, String> {
    unsigned(text, base, bits).map_err(|problem| problem.sentence("ParseUint", text))
}

/// A floating-point number (`strconv.ParseFloat`): decimal, hexadecimal, `inf` or `nan`.
pub fn parse_float(text: &str) -> Result<f64, String> {
    float(text).map_err(|problem| problem.sentence("ParseFloat", text))
}

/// Why a text is no number; the sentence names the function and the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Syntax,
    Range,
    Base(u32),
    Bits(u32),
}

impl Problem {
    fn sentence(self, function: &str, text: &str) -> String {
        let reason = match self {
            Problem::Syntax => "invalid syntax".to_owned(),
            Problem::Range => "value out of range".to_owned(),
            Problem::Base(base) => format!("invalid base {base}"),
            Problem::Bits(bits) => format!("invalid bit size {bits}"),
        };
        format!("strconv.{function}: parsing {}: {reason}", quote(text))
    }
}

fn signed(text: &str, base: u32, bits: u32) -> Result<i64, Problem> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = unsigned(digits, base, bits)?;
    let limit = 1u64 << (width(bits)? - 1);
    match negative {
        true if magnitude > limit => Err(Problem::Range),
        true => Ok(0i64.wrapping_sub_unsigned(magnitude)),
        false if magnitude >= limit => Err(Problem::Range),
        false => Ok(magnitude.cast_signed()),
    }
}

fn unsigned(text: &str, base: u32, bits: u32) -> Result<u64, Problem> {
    if text.is_empty() {
        return Err(Problem::Syntax);
    }
    let (radix, digits) = match base {
        0 => implied_base(text),
        2..=36 => (base, text),
        _ => return Err(Problem::Base(base)),
    };
    let largest = u64::MAX >> (64 - width(bits)?);
    let mut number = 0u64;
    for c in digits.chars().filter(|&c| base != 0 || c != '_') {
        let digit = c.to_digit(radix).ok_or(Problem::Syntax)?;
        number = number
            .checked_mul(radix.into())
            .and_then(|number| number.checked_add(digit.into()))
            .filter(|&number| number <= largest)
            .ok_or(Problem::Range)?;
    }
    if base == 0 && !underscores_are_placed_well(text) {
        return Err(Problem::Syntax);
    }
    Ok(number)
}

fn width(bits: u32) -> Result<u32, Problem> {
    match bits {
        0 => Ok(64),
        1..=64 => Ok(bits),
        _ => Err(Problem::Bits(bits)),
    }
}

/// The base that a prefix announces, and the digits behind it.
fn implied_base(text: &str) -> (u32, &str) {
    let Some(rest) = text.strip_prefix('0') else {
        return (10, text);
    };
    for (letters, base) in [(['b', 'B'], 2), (['o', 'O'], 8), (['x', 'X'], 16)] {
        match rest.strip_prefix(letters) {
            Some(digits) if !digits.is_empty() => return (base, digits),
            _ => {}
        }
    }
    (8, rest)
}

/// An underscore stands between digits, or between a base prefix and a digit.
fn underscores_are_placed_well(text: &str) -> bool {
    #[derive(PartialEq)]
    enum Last {
        Start,
        Digit,
        Underscore,
        Other,
    }
    let text = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let (mut last, digits, hexadecimal) = match text {
        [b'0', b'x' | b'X', digits @ ..] => (Last::Digit, digits, true),
        [b'0', b'b' | b'B' | b'o' | b'O', digits @ ..] => (Last::Digit, digits, false),
        digits => (Last::Start, digits, false),
    };
    for byte in digits {
        last = match byte {
            b'0'..=b'9' => Last::Digit,
            b'a'..=b'f' | b'A'..=b'F' if hexadecimal => Last::Digit,
            b'_' if last == Last::Digit => Last::Underscore,
            _ if *byte == b'_' || last == Last::Underscore => return false,
            _ => Last::Other,
        };
    }
    last != Last::Underscore
}

fn float(text: &str) -> Result<f64, Problem> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let named = ["inf", "infinity"]
        .iter()
        .any(|name| unsigned.eq_ignore_ascii_case(name));
    if named || text.eq_ignore_ascii_case("nan") {
        return text.parse().map_err(|_| Problem::Syntax);
    }
    if text.contains('_') && !underscores_are_placed_well(text) {
        return Err(Problem::Syntax);
    }
    let text = text.replace('_', "");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let magnitude = match unsigned.get(..2) {
        Some("0x" | "0X") => hexadecimal_float(unsigned.get(2..).unwrap_or_default()),
        _ => decimal_float(unsigned),
    }
    .ok_or(Problem::Syntax)?;
    match magnitude.is_infinite() {
        true => Err(Problem::Range),
        false if text.starts_with('-') => Ok(-magnitude),
        false => Ok(magnitude),
    }
}

/// Rust reads the same digits, but also words, which Go would not take here.
fn decimal_float(text: &str) -> Option<f64> {
    let digits_only = |c: char| matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-');
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        .then_some(text)
        .filter(|text| text.chars().all(digits_only))?
        .parse()
        .ok()
}

/// `1f.8p-3`, the `0x` having been read: hexadecimal digits and a binary exponent, which is not optional.
fn hexadecimal_float(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut mantissa = 0u64;
    let mut power = binary_exponent(exponent)?;
    let mut lost = false;
    for (c, is_fraction) in whole
        .chars()
        .map(|c| (c, false))
        .chain(fraction.chars().map(|c| (c, true)))
    {
        let digit = c.to_digit(16)?;
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
            power -= if is_fraction { 4 } else { 0 };
        } else {
            lost |= digit != 0;
            power += if is_fraction { 0 } else { 4 };
        }
    }
    // The lowest bit stands for all that was dropped, so that rounding goes the right way.
    Some(scale((mantissa | u64::from(lost)) as f64, power))
}

fn binary_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More than this moves every number out of range, or to zero.
    let size = digits.parse::<i64>().unwrap_or(i64::MAX).min(1 << 40);
    Some(if text.starts_with('-') { -size } else { size })
}

/// `number * 2^power`, in steps that do not overflow before the result does.
fn scale(number: f64, power: i64) -> f64 {
    let (step, mut left) = match power {
        0.. => (2.0, power.min(5000)),
        _ => (0.5, power.max(-5000).abs()),
    };
    let mut number = number;
    while left > 0 {
        let now = left.min(1000);
        number *= f64::powi(step, now as i32);
        left -= now;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_fit_or_say_why_not() {
        assert_eq!(
            parse_int("-8000", 8, 16),
            Err(message("ParseInt", "-8000", "invalid syntax"))
        );
        assert_eq!(parse_int("-77777", 8, 16), Ok(-32767));
        assert_eq!(parse_int("-100000", 8, 16), Ok(-32768));
        assert_eq!(
            parse_int("100000", 8, 16),
            Err(message("ParseInt", "100000", "value out of range"))
        );
        assert_eq!(parse_int("-9223372036854775808", 10, 64), Ok(i64::MIN));
        assert_eq!(parse_int("0x_1F", 0, 64), Ok(31));
        assert_eq!(
            parse_int("0_9", 0, 64),
            Err(message("ParseInt", "0_9", "invalid syntax"))
        );
        assert_eq!(
            parse_int("1_0", 10, 64),
            Err(message("ParseInt", "1_0", "invalid syntax"))
        );
        assert_eq!(parse_uint("0777", 8, 32), Ok(0o777));
        assert_eq!(
            parse_uint("+1", 10, 64),
            Err(message("ParseUint", "+1", "invalid syntax"))
        );
        assert_eq!(atoi(""), Err(message("Atoi", "", "invalid syntax")));
        assert_eq!(atoi("+7"), Ok(7));
        assert_eq!(
            atoi("a\"b"),
            Err("strconv.Atoi: parsing \"a\\\"b\": invalid syntax".to_owned())
        );
    }

    #[test]
    fn floats_take_every_notation_of_go() {
        for (text, value) in [
            ("1.5", 1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1_0.5_0", 10.5),
            ("0x1p-2", 0.25),
            ("0x1.8p1", 3.0),
            ("-0x_1p4", -16.0),
            ("+inf", f64::INFINITY),
        ] {
            assert_eq!(parse_float(text), Ok(value), "{text}");
        }
        for text in [
            "", ".", "1 0", "infinit", "+nan", "0x1", "0xp1", "1e", "1__0", "--1", "e5",
        ] {
            let expected = message("ParseFloat", text, "invalid syntax");
            assert_eq!(parse_float(text), Err(expected), "{text}");
        }
        assert_eq!(
            parse_float("1e400"),
            Err(message("ParseFloat", "1e400", "value out of range"))
        );
    }

    fn message(function: &str, text: &str, reason: &str) -> String {
        format!("strconv.{function}: parsing \"{text}\": {reason}")
    }
}
