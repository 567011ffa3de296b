//! Names and numbers of signals as `moby/sys/signal` knows them on Linux.

use crate::golang::{atoi, to_upper};

/// Signals with a name of their own, by the numbers of amd64 and arm64.
const SIGNALS: &[(&str, i32)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
];

const REALTIME_MIN: i32 = 34;
const REALTIME_MAX: i32 = 64;

/// The number of a signal written as `9`, `KILL`, `sigkill` or `RTMIN+3` (`signal.ParseSignal`).
///
/// Any number but zero is taken, existing or not; one too large for a signal stays the largest.
pub fn parse_signal(text: &str) -> Result<i32, String> {
    let number = match atoi(text) {
        Ok(0) => None,
        Ok(number) => Some(number.clamp(i32::MIN.into(), i32::MAX.into()) as i32),
        Err(_) => {
            let name = to_upper(text);
            by_name(name.strip_prefix("SIG").unwrap_or(&name))
        }
    };
    number.ok_or_else(|| format!("invalid signal: {text}"))
}

fn by_name(name: &str) -> Option<i32> {
    if let Some((_, number)) = SIGNALS.iter().find(|(known, _)| *known == name) {
        return Some(*number);
    }
    if let Some(rest) = name.strip_prefix("RTMIN") {
        return offset(rest, '+', 15).map(|offset| REALTIME_MIN + offset);
    }
    offset(name.strip_prefix("RTMAX")?, '-', 14).map(|offset| REALTIME_MAX - offset)
}

/// Nothing, or a sign and a number from 1 to `most`, without zeros before it.
fn offset(text: &str, sign: char, most: i32) -> Option<i32> {
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.strip_prefix(sign)?;
    (1..=most).find(|number| number.to_string() == digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, number) in [
            ("9", 9),
            ("+9", 9),
            ("-1", -1),
            ("99", 99),
            ("KILL", 9),
            ("SIGKILL", 9),
            ("sigusr1", 10),
            ("SIGRTMIN", 34),
            ("RTMIN+15", 49),
            ("RTMAX-14", 50),
            ("RTMAX", 64),
        ] {
            assert_eq!(parse_signal(text), Ok(number), "{text}");
        }
        for text in [
            "",
            "0",
            "SIGSIGKILL",
            "RTMIN+16",
            "RTMIN+01",
            "RTMAX+1",
            "$SIG",
            "FOO",
        ] {
            assert_eq!(parse_signal(text), Err(format!("invalid signal: {text}")));
        }
    }
}
