//! What a case declares beforehand: that the two sides differ on purpose, or that it cannot be built.
//!
//! A file `differs` holds two refusals that are worded differently, or a refusal and `accepts`:
//!
//! ```text
//! listed: the beginning of the row in DIFFERENCES.md that says why
//! original: what it says (line 3)
//! ours: what we say (line 3)
//! ```
//!
//! A file `fails` holds what the daemon says when the case is built, to either frontend.
//!
//! A file `unasked` holds the subrequests that the original does not survive, and the daemon not with it: a name a line.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

/// Where a case is not as others are.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Declared {
    pub(super) difference: Option<Difference>,
    /// How the build of what both accept fails.
    pub(super) failure: Option<String>,
    /// What must not be asked.
    pub(super) unasked: Vec<String>,
}

/// The two sides say different things.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    pub(super) listed: String,
    pub(super) original: String,
    pub(super) ours: String,
}

impl Declared {
    /// What the case in `folder` declares.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let read = |name: &str| {
            let file = folder.join(name);
            let text = file.is_file().then(|| fs::read_to_string(&file));
            text.transpose().with_context(|| file.display().to_string())
        };
        Ok(Self {
            difference: read("differs")?
                .map(|text| Difference::parse(&text))
                .transpose()
                .with_context(|| folder.join("differs").display().to_string())?,
            failure: read("fails")?.map(|text| text.trim_end().to_owned()),
            unasked: read("unasked")?
                .unwrap_or_default()
                .lines()
                .map(str::to_owned)
                .collect(),
        })
    }
}

impl Difference {
    fn parse(written: &str) -> Result<Self> {
        let lines: Vec<(&str, &str)> = written
            .lines()
            .map(|line| {
                line.split_once(": ")
                    .with_context(|| format!("no `: ` in {line:?}"))
            })
            .collect::<Result<_>>()?;
        let [("listed", listed), ("original", original), ("ours", ours)] = lines[..] else {
            bail!("its lines are not `listed`, `original` and `ours`");
        };
        Ok(Self {
            listed: listed.to_owned(),
            original: original.to_owned(),
            ours: ours.to_owned(),
        })
    }
}

/// Whether a list of differences has a row, or an item, that begins so.
pub(crate) fn is_listed(list: &str, beginning: &str) -> bool {
    list.lines()
        .filter_map(|line| line.strip_prefix("| ").or_else(|| line.strip_prefix("- ")))
        .any(|row| row.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_declares_a_difference() -> Result<()> {
        assert_eq!(
            Difference::parse("listed: Why\noriginal: a: b\nours: c (line 1)\n")?,
            Difference {
                listed: "Why".to_owned(),
                original: "a: b".to_owned(),
                ours: "c (line 1)".to_owned(),
            }
        );
        assert!(Difference::parse("original: a\nours: b\n").is_err());
        Ok(())
    }

    #[test]
    fn a_difference_is_listed_by_the_beginning_of_a_row_or_an_item() {
        let list = "text\n| `RUN []` | a | b |\n- the subrequests\n";
        assert!(is_listed(list, "`RUN []` |"));
        assert!(is_listed(list, "the subrequests"));
        assert!(!is_listed(list, "text"));
        assert!(!is_listed(list, "a"));
    }
}
