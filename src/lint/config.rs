//! Which rules count: `skip=StageNameCasing,UndefinedVar;error=true;experimental=all`.

use std::collections::BTreeSet;

use crate::{
    diagnostic::{Diagnostic, Result},
    golang,
    syntax::directive,
};

use super::Rule;

/// What a `check` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    skip: Rules,
    experimental: Rules,
    is_error: bool,
}

/// Some rules by name, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rules {
    all: bool,
    /// Names that no rule has do no harm.
    names: BTreeSet<String>,
}

impl Config {
    /// Reads the options of a `check`, wherever it is given.
    ///
    /// As in the original there are three of them at most: what follows belongs to the third.
    pub fn read(options: &str) -> Result<Self> {
        let mut config = Self::default();
        let options = options.trim();
        if options.is_empty() {
            return Ok(config);
        }
        for option in options.splitn(3, ';') {
            let Some((key, value)) = option.split_once('=') else {
                return Err(unknown(option));
            };
            let value = value.trim();
            match key.trim() {
                "skip" => config.skip.read(value),
                "experimental" => config.experimental.read(value),
                "error" => {
                    config.is_error =
                        golang::parse_bool(value).ok_or_else(|| no_boolean(option, value))?;
                }
                key => return Err(unknown(key)),
            }
        }
        Ok(config)
    }

    /// What the `# check=` at the top of a file says.
    pub fn of_file(bytes: &[u8]) -> Result<Self> {
        let Some(check) = directive::check(bytes) else {
            return Ok(Self::default());
        };
        Self::read(&check.options)
            .map_err(|error| Box::new(error.context("failed to parse check options")))
    }

    /// What the first `# check=` above an instruction says. One with a mistake in it says nothing.
    pub fn of_comments(comments: &[String]) -> Option<Self> {
        let options = comments
            .iter()
            .find_map(|comment| directive::check_in_comment(comment))?;
        Self::read(&options).ok()
    }

    /// Whether any warning ends the build.
    pub fn is_error(&self) -> bool {
        self.is_error
    }

    /// Whether a rule is heard, above the file with this configuration and, if there is one, above an instruction with `comments`:
    /// the one adds to the other.
    pub fn counts(&self, rule: &Rule, comments: Option<&Self>) -> bool {
        let mut configs = [Some(self), comments].into_iter().flatten();
        match rule.is_experimental {
            true => configs.any(|config| config.experimental.contain(rule)),
            false => !configs.any(|config| config.skip.contain(rule)),
        }
    }
}

impl Rules {
    fn read(&mut self, value: &str) {
        match value {
            "all" => self.all = true,
            names => {
                self.names = names
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect()
            }
        }
    }

    /// By its name, or by that of its family: `fal/*`.
    fn contain(&self, rule: &Rule) -> bool {
        let family = || rule.name.split_once('/').map(|(family, _)| family);
        self.all
            || self.names.contains(rule.name)
            || family().is_some_and(|family| self.names.contains(&format!("{family}/*")))
    }
}

fn unknown(option: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(format!(
        "invalid check option {}",
        golang::quote(option)
    )))
}

fn no_boolean(option: &str, value: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(format!(
        "failed to parse check option {}: strconv.ParseBool: parsing {}: invalid syntax",
        golang::quote(option),
        golang::quote(value)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_the_original_reads_them() {
        let rules = |names: &[&str]| Rules {
            all: false,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let all = Rules {
            all: true,
            ..Rules::default()
        };
        for (options, skip, experimental, is_error) in [
            ("", Rules::default(), Rules::default(), false),
            (
                " skip = A , B ",
                rules(&["A", "B"]),
                Rules::default(),
                false,
            ),
            ("skip=all;error=T", all.clone(), Rules::default(), true),
            ("skip=", rules(&[""]), Rules::default(), false),
            ("skip=A;skip=B", rules(&["B"]), Rules::default(), false),
            (
                "error=0;experimental=all;skip=A;B",
                rules(&["A;B"]),
                all.clone(),
                false,
            ),
        ] {
            let config = Config {
                skip,
                experimental,
                is_error,
            };
            assert_eq!(Config::read(options), Ok(config), "{options:?}");
        }
    }

    #[test]
    fn mistakes_are_named_as_the_original_names_them() {
        for (options, message) in [
            ("skip", r#"invalid check option "skip""#),
            (" a ; b", r#"invalid check option "a ""#),
            ("skip=A;", r#"invalid check option """#),
            (" skp = A", r#"invalid check option "skp""#),
            (
                "skip=A; error = yes ",
                r#"failed to parse check option " error = yes": strconv.ParseBool: parsing "yes": invalid syntax"#,
            ),
        ] {
            let error = Config::read(options).map_err(|error| error.to_string());
            assert_eq!(error, Err(message.to_owned()), "{options:?}");
        }
        let error = Config::of_file(b"# check=x\nFROM a").map_err(|error| error.to_string());
        let message = r#"failed to parse check options: invalid check option "x""#;
        assert_eq!(error, Err(message.to_owned()));
    }
}
