//! Points in time, in RFC 3339 as Go's `time` reads and writes it.
//!
//! Reading is as lenient as Go is: an hour of one digit, a comma before the fraction, offsets of 24 hours. Such an
//! offset is then refused when it is written.

use std::fmt;

use serde::{Serialize, Serializer};

const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";
const SECONDS_OF_DAY: i64 = 24 * 60 * 60;

/// A point in time, and the offset from UTC that it is shown with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Since 1970, in UTC.
    seconds: i64,
    nanoseconds: u32,
    offset_minutes: i32,
}

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A part is not what the layout wants.
    #[error("parsing time {} as \"{LAYOUT}\": cannot parse {} as \"{layout}\"", quote(.text), quote(.rest))]
    Layout {
        /// The whole text.
        text: Vec<u8>,
        /// What is left of it.
        rest: Vec<u8>,
        /// The part of the layout.
        layout: &'static str,
    },
    /// A part is a number, and too large or zero.
    #[error("parsing time {}: {part} out of range", quote(.text))]
    Range {
        /// The whole text.
        text: Vec<u8>,
        /// What is out of range.
        part: &'static str,
    },
    /// Something follows the time.
    #[error("parsing time {}: extra text: {}", quote(.text), quote(.rest))]
    Extra {
        /// The whole text.
        text: Vec<u8>,
        /// What follows.
        rest: Vec<u8>,
    },
}

/// Why a time cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The year needs more than four digits.
    #[error(
        "json: error calling MarshalJSON for type *time.Time: Time.MarshalJSON: year outside of range [0,9999]"
    )]
    Year,
    /// The offset is a day or more.
    #[error(
        "json: error calling MarshalJSON for type *time.Time: Time.MarshalJSON: timezone hour outside of range [0,23]"
    )]
    Offset,
}

impl Timestamp {
    /// The time so many seconds after 1970, in UTC.
    pub fn from_unix(seconds: i64) -> Self {
        Self {
            seconds,
            nanoseconds: 0,
            offset_minutes: 0,
        }
    }

    /// The same time, as the clocks of a place show it that are so far ahead of UTC.
    pub fn in_zone(self, offset_minutes: i32) -> Self {
        Self {
            offset_minutes,
            ..self
        }
    }

    /// The whole seconds since 1970.
    pub fn unix(self) -> i64 {
        self.seconds
    }

    /// Reads `2006-01-02T15:04:05[.999]Z` or, for `Z`, an offset.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        Parser { text, rest: text }.timestamp()
    }

    /// Whether [`fmt::Display`] writes what every reader of RFC 3339 understands.
    pub fn check_writable(self) -> Result<(), WriteError> {
        if !(0..=9999).contains(&self.civil().year) {
            return Err(WriteError::Year);
        }
        match self.offset_minutes.abs() / 60 {
            0..24 => Ok(()),
            _ => Err(WriteError::Offset),
        }
    }

    fn civil(self) -> Civil {
        let local = self
            .seconds
            .saturating_add(i64::from(self.offset_minutes) * 60);
        let second_of_day = local.rem_euclid(SECONDS_OF_DAY);
        let (year, month, day) = date(local.div_euclid(SECONDS_OF_DAY));
        Civil {
            year,
            month,
            day,
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
        }
    }
}

/// RFC 3339 with as many digits of a second as are needed.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self.civil();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if self.nanoseconds != 0 {
            let fraction = format!("{:09}", self.nanoseconds);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        match self.offset_minutes {
            0 => f.write_str("Z"),
            offset => {
                let sign = if offset < 0 { '-' } else { '+' };
                let offset = offset.abs();
                write!(f, "{sign}{:02}:{:02}", offset / 60, offset % 60)
            }
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A time as calendar and clock show it.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

/// The text, and what is left of it: one function a part of the layout.
struct Parser<'a> {
    text: &'a [u8],
    rest: &'a [u8],
}

impl Parser<'_> {
    fn timestamp(mut self) -> Result<Timestamp, Error> {
        let year = self.year()?;
        self.literal(b'-', "-")?;
        let month = self.two_digits("01")?;
        self.check((1..=12).contains(&month), "month")?;
        self.literal(b'-', "-")?;
        let day = self.two_digits("02")?;
        self.literal(b'T', "T")?;
        let hour = self.hour()?;
        self.check(hour < 24, "hour")?;
        self.literal(b':', ":")?;
        let minute = self.two_digits("04")?;
        self.check(minute < 60, "minute")?;
        self.literal(b':', ":")?;
        let second = self.two_digits("05")?;
        self.check(second < 60, "second")?;
        let nanoseconds = self.fraction();
        let offset_minutes = self.offset()?;
        if !self.rest.is_empty() {
            return Err(Error::Extra {
                text: self.text.to_vec(),
                rest: self.rest.to_vec(),
            });
        }
        self.check((1..=days_in_month(year, month)).contains(&day), "day")?;
        let local = days(year, month, day) * SECONDS_OF_DAY + hour * 3600 + minute * 60 + second;
        Ok(Timestamp {
            seconds: local - i64::from(offset_minutes) * 60,
            nanoseconds,
            offset_minutes,
        })
    }

    fn year(&mut self) -> Result<i64, Error> {
        let year = self.rest.get(..4).and_then(number);
        self.take(4, year, "2006")
    }

    fn two_digits(&mut self, layout: &'static str) -> Result<i64, Error> {
        let value = self.rest.get(..2).and_then(number);
        self.take(2, value, layout)
    }

    /// One digit is enough.
    fn hour(&mut self) -> Result<i64, Error> {
        match self.rest {
            [_, second, ..] if second.is_ascii_digit() => self.two_digits("15"),
            rest => {
                let hour = rest.get(..1).and_then(number);
                self.take(1, hour, "15")
            }
        }
    }

    /// `[.,] digit+`, or nothing. Digits behind the ninth are dropped.
    fn fraction(&mut self) -> u32 {
        let [b'.' | b',', digits @ ..] = self.rest else {
            return 0;
        };
        let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return 0;
        }
        let padded = digits.iter().take(count).chain([b'0'; 9].iter()).take(9);
        self.rest = digits.get(count..).unwrap_or_default();
        padded.fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
    }

    /// `Z` | `[+-] hours ":" minutes`
    fn offset(&mut self) -> Result<i32, Error> {
        if let [b'Z', rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(0);
        }
        let [sign, h1, h2, b':', m1, m2, rest @ ..] = self.rest else {
            return Err(self.not("Z07:00"));
        };
        let hours = number(&[*h1, *h2]);
        let minutes = hours.and_then(|_| number(&[*m1, *m2]));
        // A number out of range is told before a part that is no number.
        self.check(
            hours.is_none_or(|hours| hours <= 24),
            "time zone offset hour",
        )?;
        self.check(
            minutes.is_none_or(|minutes| minutes <= 60),
            "time zone offset minute",
        )?;
        let (Some(hours), Some(minutes)) = (hours, minutes) else {
            return Err(self.not("Z07:00"));
        };
        let offset = i32::try_from(hours * 60 + minutes).unwrap_or_default();
        let offset = match sign {
            b'+' => offset,
            b'-' => -offset,
            _ => return Err(self.not("Z07:00")),
        };
        self.rest = rest;
        Ok(offset)
    }

    fn literal(&mut self, byte: u8, layout: &'static str) -> Result<(), Error> {
        let found = self.rest.first() == Some(&byte);
        self.take(1, found.then_some(()), layout)
    }

    /// Goes on behind `length` bytes, if they are a `value`.
    fn take<T>(
        &mut self,
        length: usize,
        value: Option<T>,
        layout: &'static str,
    ) -> Result<T, Error> {
        let value = value.ok_or_else(|| self.not(layout))?;
        self.rest = self.rest.get(length..).unwrap_or_default();
        Ok(value)
    }

    fn check(&self, is_in_range: bool, part: &'static str) -> Result<(), Error> {
        match is_in_range {
            true => Ok(()),
            false => Err(Error::Range {
                text: self.text.to_vec(),
                part,
            }),
        }
    }

    fn not(&self, layout: &'static str) -> Error {
        Error::Layout {
            text: self.text.to_vec(),
            rest: self.rest.to_vec(),
            layout,
        }
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |value, digit| {
        let is_digit = digit.is_ascii_digit();
        is_digit.then(|| value * 10 + i64::from(digit - b'0'))
    })
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days in 400 years, after which the calendar repeats.
const DAYS_OF_ERA: i64 = 146_097;
/// Days from March 1st of year 0, where eras begin, to 1970.
const DAYS_TO_1970: i64 = 719_468;

/// The days from 1970 to a date. Years begin in March here, so that a leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_OF_ERA + day_of_era - DAYS_TO_1970
}

/// The date so many days after 1970: [`days`] undone.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let (era, day_of_era) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// How `time` quotes a text: what is not printable ASCII as its bytes.
fn quote(text: &[u8]) -> String {
    let mut quoted = String::from('"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..0x80 => quoted.push(char::from(byte)),
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
    fn a_time_is_written_with_the_offset_and_the_digits_it_needs() {
        for (read, written) in [
            ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
            ("2020-02-29T23:59:59.120Z", "2020-02-29T23:59:59.12Z"),
            (
                "2020-01-02T3:04:05,1234567899Z",
                "2020-01-02T03:04:05.123456789Z",
            ),
            ("0000-01-01T00:00:00+05:30", "0000-01-01T00:00:00+05:30"),
            ("9999-12-31T23:59:59-00:00", "9999-12-31T23:59:59Z"),
            ("1969-12-31T23:59:59-07:00", "1969-12-31T23:59:59-07:00"),
        ] {
            let time = Timestamp::parse(read.as_bytes()).expect(read);
            assert_eq!(time.to_string(), written);
            assert_eq!(time.check_writable(), Ok(()));
        }
    }

    #[test]
    fn a_fault_is_named_as_the_original_names_it() {
        let layout = |text: &str, rest: &str, part: &str| {
            format!(
                "parsing time \"{text}\" as \"{LAYOUT}\": cannot parse \"{rest}\" as \"{part}\""
            )
        };
        for (text, want) in [
            ("", layout("", "", "2006")),
            ("x\"", layout("x\\\"", "x\\\"", "2006")),
            ("2020/01", layout("2020/01", "/01", "-")),
            ("2020-1-01", layout("2020-1-01", "1-01", "01")),
            ("2020-01-02Tx", layout("2020-01-02Tx", "x", "15")),
            (
                "2020-01-02T03:04:05.Z",
                layout("2020-01-02T03:04:05.Z", ".Z", "Z07:00"),
            ),
            (
                "2020-01-02T03:04:05é",
                layout(r"2020-01-02T03:04:05\xc3\xa9", r"\xc3\xa9", "Z07:00"),
            ),
            (
                "2020-13-01",
                String::from("parsing time \"2020-13-01\": month out of range"),
            ),
            (
                "2019-02-29T03:04:05Z",
                String::from("parsing time \"2019-02-29T03:04:05Z\": day out of range"),
            ),
            (
                "2020-01-02T03:04:05Z!",
                String::from("parsing time \"2020-01-02T03:04:05Z!\": extra text: \"!\""),
            ),
        ] {
            assert_eq!(
                Timestamp::parse(text.as_bytes()).map_err(|e| e.to_string()),
                Err(want)
            );
        }
    }

    #[test]
    fn every_day_is_found_again() {
        for day in (-800_000..3_000_000).step_by(97) {
            let (year, month, day_of_month) = date(day);
            assert_eq!(days(year, month, day_of_month), day);
            assert!((1..=days_in_month(year, month)).contains(&day_of_month));
        }
    }

    #[test]
    fn what_no_reader_understands_is_not_written() {
        let offset = Timestamp::parse(b"2020-01-02T03:04:05+24:00");
        assert_eq!(
            offset.map(Timestamp::check_writable),
            Ok(Err(WriteError::Offset))
        );
        for seconds in [i64::MIN, i64::MAX, 253_402_300_800, -62_167_219_201] {
            assert_eq!(
                Timestamp::from_unix(seconds).check_writable(),
                Err(WriteError::Year)
            );
        }
        assert_eq!(
            Timestamp::from_unix(253_402_300_799).to_string(),
            "9999-12-31T23:59:59Z"
        );
    }
}
