//! The flags of one instruction.
//!
//! Takes the flags as they are written and a table of those that the instruction knows; gives their values.

use crate::{diagnostic::Result, instruction::messages};

/// A flag that an instruction knows.
pub(super) struct Flag {
    /// Its name, without dashes.
    pub(super) name: &'static str,
    takes: Takes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// `--link`, `--link=true` or `--link=false`
    Switch,
    /// `--chown=user`
    Text,
    /// `--exclude=a --exclude=b`
    List,
}

impl Flag {
    /// One that is on or off.
    pub(super) const fn switch(name: &'static str) -> Self {
        let takes = Takes::Switch;
        Self { name, takes }
    }

    /// One with a value.
    pub(super) const fn text(name: &'static str) -> Self {
        let takes = Takes::Text;
        Self { name, takes }
    }

    /// One with a value, which may be given more than once.
    pub(super) const fn list(name: &'static str) -> Self {
        let takes = Takes::List;
        Self { name, takes }
    }
}

/// The flags that were given, in order. A switch has the value `true` or `false`.
pub(super) struct Flags {
    given: Vec<(&'static str, String)>,
}

impl Flags {
    /// Reads the flags of an instruction that knows these.
    pub(super) fn read(written: &[String], known: &[Flag]) -> Result<Self> {
        let mut flags = Self { given: Vec::new() };
        for flag in written {
            flags.add(flag, known)?;
        }
        Ok(flags)
    }

    /// For an instruction that knows no flag.
    pub(super) fn none(written: &[String]) -> Result<()> {
        Self::read(written, &[]).map(|_| ())
    }

    /// `--name` | `--name=value`
    fn add(&mut self, flag: &str, known: &[Flag]) -> Result<()> {
        let (dashed, value) = match flag.split_once('=') {
            Some((dashed, value)) => (dashed, Some(value)),
            None => (flag, None),
        };
        let name = dashed.strip_prefix("--").unwrap_or(dashed);
        let known_as = known.iter().find(|known| known.name == name);
        let flag = known_as.ok_or_else(|| messages::unknown_flag(dashed, known))?;
        if flag.takes != Takes::List && self.value(flag.name).is_some() {
            return Err(messages::repeated_flag(dashed).into());
        }
        let value = match flag.takes {
            Takes::Switch => switch(dashed, value)?.to_string(),
            Takes::Text | Takes::List => value
                .ok_or_else(|| messages::missing_value(dashed))?
                .to_owned(),
        };
        self.given.push((flag.name, value));
        Ok(())
    }

    /// The value of the flag, which may be empty.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// The value of the flag. An empty one says nothing: `--chown=` is no owner.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.value(name).filter(|value| !value.is_empty());
        value.map(str::to_owned)
    }

    /// What a switch was set to.
    pub(super) fn switch(&self, name: &str) -> Option<bool> {
        self.value(name).map(|value| value == "true")
    }

    /// Every value of the flag.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.values(name).map(str::to_owned).collect()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let ours = self.given.iter().filter(move |(given, _)| *given == name);
        ours.map(|(_, value)| value.as_str())
    }
}

/// On without a value or with `true`, off with `false`, in any case.
fn switch(dashed: &str, value: Option<&str>) -> Result<bool> {
    match value {
        None => Ok(true),
        Some("") => Err(messages::missing_value(dashed).into()),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(value) => Err(messages::not_boolean(dashed, value).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Flag; 3] = [
        Flag::switch("link"),
        Flag::text("chown"),
        Flag::list("exclude"),
    ];

    #[test]
    fn a_flag_is_read_as_its_kind_or_refused() {
        let cases: &[(&[&str], &str)] = &[
            (&["--link"], "link=true"),
            (&["--link=FALSE", "--chown=a=b"], "link=false chown=a=b"),
            (&["--exclude=a", "--exclude="], "exclude=a exclude="),
            (&["--link="], "missing a value on flag: --link"),
            (
                &["--link=yes"],
                "expecting boolean value for flag --link, not: yes",
            ),
            (&["--chown"], "missing a value on flag: --chown"),
            (&["--exclude"], "missing a value on flag: --exclude"),
            (&["--link", "--link"], "duplicate flag specified: --link"),
            (
                &["--chown=", "--chown=a"],
                "duplicate flag specified: --chown",
            ),
            (
                &["--chwon=a"],
                "unknown flag: --chwon (did you mean chown?)",
            ),
            (&["--LINK"], "unknown flag: --LINK"),
            (&["--"], "unknown flag: --"),
        ];
        for (written, expected) in cases {
            let written: Vec<_> = written.iter().map(|&flag| flag.to_owned()).collect();
            let told = match Flags::read(&written, &KNOWN) {
                Ok(flags) => {
                    let given = flags.given.iter();
                    let given: Vec<_> = given
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    given.join(" ")
                }
                Err(error) => error.to_string(),
            };
            assert_eq!(told, *expected, "{written:?}");
        }
    }
}
