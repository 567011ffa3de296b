//! The values that arguments name as `${NAME}`, and their absence from all that is printed.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use crate::failure::{Failure, Kind};

/// Values by name.
#[derive(Default)]
pub(super) struct Secrets {
    values: Vec<(String, String)>,
}

/// What must not be printed.
#[derive(Clone, Default)]
pub(super) struct Mask {
    /// The longest first, so that none is hidden in part.
    hidden: Vec<Vec<u8>>,
}

/// What stands in the place of a value.
const SHOWN: &[u8] = b"****";

impl Secrets {
    /// Reads the file of each name: `prefix` and the name. The end of a line at its end is no part of a value.
    pub(super) fn read(prefix: &Path, names: &[String]) -> Result<Self, Failure> {
        let read = |name: &String| {
            let path = format!("{}{name}", prefix.display());
            let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => absent(name),
                io::ErrorKind::InvalidData => no_text(name),
                _ => unreadable(name, &error),
            })?;
            let value = text.trim_end_matches(['\r', '\n']);
            if value.is_empty() {
                return Err(empty(name));
            }
            // No program can be given one.
            if value.contains('\0') {
                return Err(no_text(name));
            }
            Ok((name.clone(), value.to_owned()))
        };
        let values = names.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { values })
    }

    /// Puts values in the place of their names.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let known = after.split_once('}').and_then(|(name, behind)| {
                let (_, value) = self.values.iter().find(|(known, _)| known == name)?;
                Some((value, behind))
            });
            match known {
                Some((value, behind)) => {
                    filled.push_str(value);
                    rest = behind;
                }
                None => {
                    filled.push_str("${");
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Names and values.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(String, String)> {
        self.values.iter()
    }

    /// What hides the values, as they are and as URLs write them.
    pub(super) fn mask(&self) -> Mask {
        let mut hidden: Vec<Vec<u8>> = self
            .values
            .iter()
            .flat_map(|(_, value)| {
                let lines = value.lines().map(|line| line.as_bytes().to_vec());
                lines.chain([
                    value.clone().into_bytes(),
                    encoded(value, "-._~"),
                    encoded(value, "-._~/"),
                    encoded(value, "-._~!$&'()*+,;="),
                    decoded(value),
                ])
            })
            .filter(|value| !value.is_empty())
            .collect();
        hidden.sort_by_key(|value| std::cmp::Reverse(value.len()));
        hidden.dedup();
        Mask { hidden }
    }
}

impl Mask {
    /// Whether there is anything to hide.
    pub(super) fn is_empty(&self) -> bool {
        self.hidden.is_empty()
    }

    /// Whether a text is a value and nothing else.
    pub(super) fn is_value(&self, text: &[u8]) -> bool {
        self.hidden.iter().any(|value| value == text)
    }

    /// Whether a value is in a text, however it is written there: with other escapes, as a host or as the name of a distribution.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let compared = compared(text);
        let values = self.hidden.iter();
        let mut values = values.map(|value| String::from_utf8_lossy(value));
        values.any(|value| text.contains(&*value) || compared.contains(&self::compared(&value)))
    }

    /// A sentence without the values.
    pub(super) fn hide_in(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.hide(text.as_bytes())).into_owned()
    }

    /// The text without the values.
    pub(super) fn hide(&self, text: &[u8]) -> Vec<u8> {
        self.hide_before(text, true).0
    }

    /// The start of a text without the values, and how much of the text that is: more may follow, so that it ends where what could
    /// be the beginning of a value does begin.
    pub(super) fn hide_start(&self, text: &[u8]) -> (Vec<u8>, usize) {
        self.hide_before(text, false)
    }

    fn hide_before(&self, text: &[u8], is_all: bool) -> (Vec<u8>, usize) {
        let mut shown = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((first, behind)) = rest.split_first() {
            let is_longer = |value: &&Vec<u8>| value.len() > rest.len();
            let mut longer = self.hidden.iter().take_while(is_longer);
            if !is_all && longer.any(|value| value.starts_with(rest)) {
                break;
            }
            match self.hidden.iter().find(|value| rest.starts_with(value)) {
                Some(value) => {
                    shown.extend_from_slice(SHOWN);
                    rest = rest.get(value.len()..).unwrap_or_default();
                }
                None => {
                    shown.push(*first);
                    rest = behind;
                }
            }
        }
        (shown, text.len() - rest.len())
    }
}

/// What is left of a text when it does not count how it is written: in small letters, without escapes, and with one dash where names of
/// distributions are the same.
fn compared(text: &str) -> String {
    let once = decoded(text);
    let twice = decoded(&String::from_utf8_lossy(&once));
    let mut compared = String::with_capacity(text.len());
    for letter in String::from_utf8_lossy(&twice).chars() {
        match letter {
            '-' | '_' | '.' if compared.ends_with('-') => {}
            '-' | '_' | '.' => compared.push('-'),
            letter => compared.push(letter.to_ascii_lowercase()),
        }
    }
    compared
}

/// Percent-encoded, but for letters, digits and what `plain` has.
fn encoded(value: &str, plain: &str) -> Vec<u8> {
    let mut text = String::new();
    for byte in value.bytes() {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || plain.contains(letter) {
            text.push(letter);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text.into_bytes()
}

fn decoded(value: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let pair = digit(behind.first()).zip(digit(behind.get(1)));
        match pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    bytes
}

fn absent(name: &str) -> Failure {
    Failure::new(
        Kind::RequirementSecret,
        format!(
            "the requirements need the secret {name}, which was not given: give it with `--secret id={name},…`"
        ),
    )
}

fn no_text(name: &str) -> Failure {
    Failure::new(
        Kind::RequirementSecret,
        format!(
            "the requirements need the secret {name}, and the one that was given is not text: give it as UTF-8, without zero bytes"
        ),
    )
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(
        Kind::RequirementSecret,
        format!(
            "the requirements need the secret {name}, which was given and cannot be read: {error}"
        ),
    )
}

fn empty(name: &str) -> Failure {
    Failure::new(
        Kind::RequirementSecret,
        format!("the requirements need the secret {name}, and the one that was given is empty"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in_and_hidden() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let prefix = folder.path().join("given-");
        let write = |name: &str, text: &str| {
            fs::write(format!("{}{name}", prefix.display()), text).expect("a file");
        };
        write("TOKEN", "s3cr%2Ft/\n");
        write("USER", "me\r\n");
        let names = ["TOKEN".to_owned(), "USER".to_owned()];
        let secrets = Secrets::read(&prefix, &names).expect("values");
        assert_eq!(
            secrets.fill("https://${USER}:${TOKEN}@x/${OTHER}${"),
            "https://me:s3cr%2Ft/@x/${OTHER}${"
        );
        let mask = secrets.mask();
        for printed in ["s3cr%2Ft/", "s3cr%252Ft%2F", "s3cr/t/", "s3cr%252Ft/"] {
            let shown = mask.hide(format!("a {printed} b").as_bytes());
            assert!(
                !String::from_utf8_lossy(&shown).contains("s3cr"),
                "{printed}"
            );
        }
    }

    #[test]
    fn a_value_is_found_however_it_is_written() {
        let secrets = |value: &str| Secrets {
            values: vec![("NAME".to_owned(), value.to_owned())],
        };
        for (value, text) in [
            ("se%2Fsame", "https://h/se/same/x.whl"),
            ("se/same", "https://h/se%2Fsame/x.whl"),
            ("se/same", "https://h/se%252fsame/x.whl"),
            ("Sesame.Host", "https://sesame.host/x.whl"),
            ("Ses__ame", "ses-ame"),
            ("1same", "se%41same"),
            ("two\nlines", "lines"),
        ] {
            assert!(secrets(value).mask().is_in(text), "{value} {text}");
        }
        for (value, text) in [
            ("sesame", "https://h/ses/ame.whl"),
            ("sesame", ""),
            ("%2F", "ses"),
        ] {
            assert!(!secrets(value).mask().is_in(text), "{value} {text}");
        }
        assert!(!Secrets::default().mask().is_in("sesame"));
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_told_without_its_value() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let prefix = folder.path().join("given-");
        for (name, value, why) in [
            ("NONE", None, "was not given"),
            ("EMPTY", Some(&b"\n"[..]), "was given is empty"),
            ("BYTES", Some(&b"sesame\xff"[..]), "was given is not text"),
            ("ZERO", Some(&b"sesame\0"[..]), "was given is not text"),
        ] {
            if let Some(value) = value {
                fs::write(format!("{}{name}", prefix.display()), value).expect("a file");
            }
            let read = Secrets::read(&prefix, &[name.to_owned()]);
            let failure = read.err().expect(name);
            assert_eq!(failure.kind, Kind::RequirementSecret);
            let sentence = &failure.sentence;
            assert!(
                sentence.contains(&format!("the secret {name}, ")),
                "{sentence}"
            );
            assert!(
                sentence.contains(why) && !sentence.contains("sesame"),
                "{sentence}"
            );
        }
    }
}
