//! Requirements that name the version of everything they come to: then uv need not ask an index again what is the newest of each.
//!
//! An index answers one request a package, and most say that their answers are old at once. Where every version is written down, what uv
//! keeps of those answers is enough: the same versions of the same packages say the same of themselves. Which pins uv knows is noted
//! beside what it keeps, as empty files in a folder for each set of flags; a wrong note costs a question, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::flags::{CONSTRAINTS, FILES};
use super::planned::Plan;
use crate::foreign;
use crate::python::dist_info::normalise;
use crate::requirements::{digits, is_file_name};

/// Where notes are, below what the installer keeps.
const FOLDER: &str = "fal-pins";

/// The versions that lists name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pins {
    /// The only version of each.
    versions: BTreeMap<String, String>,
}

impl Pins {
    /// Those of arguments and of the texts of files. None if something in these says where packages come from, or how they are chosen.
    pub(super) fn of<'a>(items: &'a [String], texts: &'a [String]) -> Option<Self> {
        let lines = texts.iter().flat_map(|text| text.lines());
        let lines = items.iter().map(String::as_str).chain(lines);
        let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in lines.map(str::trim) {
            if line.starts_with("--hash=") {
                continue;
            }
            if line.starts_with('-') {
                let flag = line.split([' ', '\t', '=']).next().unwrap_or(line);
                if !FILES.contains(&flag) && !CONSTRAINTS.contains(&flag) {
                    return None;
                }
            } else if let Some((name, version)) = pin(line) {
                versions.entry(name).or_default().insert(version);
            }
        }
        let only = |versions: BTreeSet<String>| match versions.len() {
            1 => versions.into_iter().next(),
            _ => None,
        };
        let versions = versions.into_iter();
        let versions = versions.filter_map(|(name, versions)| Some((name, only(versions)?)));
        Some(Self {
            versions: versions.collect(),
        })
    }

    /// Those that uv may not know, as requirements. None if it is a question like the first one: most are unknown.
    pub(super) fn unknown(&self, notes: &Path) -> Option<Vec<String>> {
        let is_unknown =
            |(name, version): &(&String, &String)| !notes.join(pinned(name, version)).exists();
        let unknown: Vec<String> = self
            .versions
            .iter()
            .filter(is_unknown)
            .map(|(name, version)| pinned(name, version))
            .collect();
        (unknown.len() * 2 < self.versions.len()).then_some(unknown)
    }

    /// Whether each of a plan is one of these.
    pub(super) fn name_all(&self, plan: &Plan) -> bool {
        plan.iter().all(|(name, planned)| {
            planned.url.is_none()
                && planned.version.is_some()
                && self.versions.get(name) == planned.version.as_ref()
        })
    }

    /// Notes that uv knows all of them.
    pub(super) fn note(&self, notes: &Path) {
        let _ = fs::create_dir_all(notes);
        for (name, version) in &self.versions {
            let file = notes.join(pinned(name, version));
            if !file.exists() {
                let _ = foreign::replace(&file, b"");
            }
        }
    }
}

/// A line each.
impl fmt::Display for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = self.versions.iter();
        all.try_for_each(|(name, version)| writeln!(f, "{}", pinned(name, version)))
    }
}

/// Where the notes are of questions with these flags, below what the installer keeps. Flags have the names of secrets, not their values.
pub(super) fn notes(cache: &Path, flags: &[String]) -> PathBuf {
    cache.join(FOLDER).join(digits(&flags.join("\n")))
}

fn pinned(name: &str, version: &str) -> String {
    format!("{name}=={version}")
}

/// `name[extra]==version`, with hashes behind it, but for nobody alone.
fn pin(line: &str) -> Option<(String, String)> {
    let line = line.split(" #").next()?;
    let line = line.split(" --hash=").next()?;
    let line = line.trim_end().trim_end_matches('\\').trim_end();
    let (name, version) = line.split_once("==")?;
    let name = name.split('[').next()?.trim_end();
    let version = version.trim_start();
    let is_plain = |text: &str, more: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || more.contains(char))
    };
    let is_pin = is_plain(name, "-_.") && is_plain(version, "-_.+!") && is_file_name(version);
    is_pin.then(|| (normalise(name), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::planned::added;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_pin_is_one_version_for_everybody() {
        for (line, want) in [
            ("six==1.17.0", Some(("six", "1.17.0"))),
            (
                "Foo.Bar[a, b] == 1!2.0+cu124 # why",
                Some(("foo-bar", "1!2.0+cu124")),
            ),
            ("six==1.17.0 \\", Some(("six", "1.17.0"))),
            (
                "six==1.17.0 --hash=sha256:00 --hash=sha256:01",
                Some(("six", "1.17.0")),
            ),
            ("six==1.*", None),
            ("six===1.17.0", None),
            ("six==1.17.0,!=2", None),
            ("six==1.17.0; python_version < '3.9'", None),
            ("six>=1,==1.17.0", None),
            ("six @ https://h/six==1", None),
            ("# six==1", None),
            ("six==..", None),
            ("six", None),
        ] {
            let want = want.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(pin(line), want, "{line}");
        }
    }

    #[test]
    fn what_says_where_packages_come_from_is_asked_of_the_index() {
        let text = words(&["-r b.txt\n-c=c.txt\nsix==1 \\\n    --hash=sha256:00\n"]);
        assert!(Pins::of(&[], &text).is_some());
        for text in ["--index-url https://h\n", "-i https://h", "--pre", "-e ."] {
            assert_eq!(Pins::of(&[], &words(&[text])), None, "{text}");
        }
    }

    #[test]
    fn a_plan_is_certain_when_every_version_of_it_is_named() {
        let pins = Pins::of(&words(&["six==1"]), &words(&["a==1\na==2\nb==1\nb==1\n"]));
        let pins = pins.expect("pins");
        for (printed, want) in [
            ("", true),
            (" + six==1\n", true),
            (" + b==1\n + six==1\n", true),
            (" + six==1.0\n", false),
            (" + six==1\n + c==1\n", false),
            (" + a==1\n", false),
            (" + six==1 (from https://h/six-1-py3-none-any.whl)\n", false),
            (" + six @ https://h/six-1-py3-none-any.whl\n", false),
        ] {
            let plan = added(printed).expect("a plan");
            assert_eq!(pins.name_all(&plan), want, "{printed}");
        }
    }

    #[test]
    fn what_is_noted_is_known_and_a_new_list_is_not() {
        let cache = tempfile::tempdir().expect("a scratch folder");
        let here = notes(cache.path(), &[]);
        let pins = |items: &[&str]| Pins::of(&words(items), &[]).expect("pins");
        let first = pins(&["a==1", "b==1", "c==1"]);
        assert_eq!(first.unknown(&here), None);
        first.note(&here);
        assert_eq!(first.unknown(&here), Some(Vec::new()));
        let elsewhere = notes(cache.path(), &words(&["--index-url", "https://h"]));
        assert_eq!(first.unknown(&elsewhere), None);
        let changed = pins(&["a==1", "b==2", "c==1"]).unknown(&here);
        assert_eq!(changed, Some(words(&["b==2"])));
        assert_eq!(pins(&["a==1", "d==1"]).unknown(&here), None);
        assert_eq!(pins(&[]).unknown(&here), None);
    }
}
