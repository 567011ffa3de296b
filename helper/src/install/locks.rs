//! A lock file among requirements → what an installer takes.
//!
//! uv installs from a `pylock.toml` as it is. Of a `uv.lock` it makes one first, for the project beside it: without that project itself, and
//! without what is only for its developers.

use std::path::{Path, PathBuf};

use super::installer::{Installer, Layer};
use super::messages;
use super::requirements::Installation;
use crate::failure::Failure;
use crate::lock::Kind;

/// Flags with a file of requirements.
const FILES: [&str; 3] = ["-r", "--requirement", "--requirements"];

/// The first releases that install from a `pylock.toml`.
const FIRST_PIP: &str = "26.1";
const FIRST_UV: &str = "0.6.15";

/// Flags that say how much of a `uv.lock` is meant, with a value and without.
const WITH_VALUE: [&str; 8] = [
    "--extra",
    "--no-extra",
    "--group",
    "--no-group",
    "--only-group",
    "--package",
    "--prune",
    "--no-emit-package",
];
const ALONE: [&str; 8] = [
    "--all-extras",
    "--all-groups",
    "--all-packages",
    "--no-default-groups",
    "--dev",
    "--only-dev",
    NO_DEV,
    LOCKED,
];
/// Without it uv brings the group `dev`; with it nothing else does.
const NO_DEV: &str = "--no-dev";
/// With the first uv looks whether a `uv.lock` is that of its project as it is now, with the other it does not.
const LOCKED: &str = "--locked";
const FROZEN: &str = "--frozen";

/// Arguments with a `pylock.toml` in the place of a lock file.
pub(super) struct Ready {
    pub(super) arguments: Vec<String>,
    /// The `pylock.toml`.
    pub(super) lock: Option<PathBuf>,
}

/// Makes arguments ready for an installer.
pub(super) fn ready(
    installation: &Installation<'_>,
    installer: &Installer,
    layer: &Layer<'_>,
) -> Result<Ready, Failure> {
    let Some((at, kind)) = find(layer.arguments) else {
        return Ok(Ready {
            arguments: layer.arguments.to_vec(),
            lock: None,
        });
    };
    let written = &layer.arguments[at];
    let first = match (installer.is_pip(), kind) {
        (true, Kind::Uv) => None,
        (true, Kind::Pylock) => Some(FIRST_PIP),
        (false, _) => Some(FIRST_UV),
    };
    let is_known = |first: &str| match (installer.version(), first.parse().ok()) {
        (Some(version), Some(first)) => version >= first,
        _ => true,
    };
    if !first.is_some_and(is_known) {
        return Err(messages::reads_no_lock(&installer.name, written, first));
    }
    let file = layer.folder.join(written);
    match kind {
        Kind::Pylock => Ok(Ready {
            arguments: layer.arguments.to_vec(),
            lock: Some(file),
        }),
        Kind::Uv => export(installation, installer, layer, at, &file),
    }
}

/// The lock file, as the place of an argument.
fn find(arguments: &[String]) -> Option<(usize, Kind)> {
    let places = (1..).zip(arguments.windows(2));
    let mut locks = places.filter_map(|(at, pair)| match pair {
        [flag, file] if FILES.contains(&flag.as_str()) => Some((at, Kind::of(file)?)),
        _ => None,
    });
    locks.next()
}

fn export(
    installation: &Installation<'_>,
    installer: &Installer,
    layer: &Layer<'_>,
    at: usize,
    file: &Path,
) -> Result<Ready, Failure> {
    let project = file.parent().unwrap_or(layer.folder);
    if !project.join("pyproject.toml").is_file() {
        return Err(messages::no_project(file));
    }
    // uv writes paths as they are from where the file is.
    let out = installation.target.scratch.join("pylock.toml");
    let (of_export, mut arguments) = split(layer.arguments, at);
    let out_word = out.to_string_lossy().into_owned();
    let fixed = [
        "--no-emit-project",
        "--no-editable",
        "--no-header",
        "--quiet",
        "--format",
        "pylock.toml",
        "--output-file",
        &out_word,
    ];
    let fixed = fixed.into_iter().map(str::to_owned);
    let words: Vec<String> = fixed.chain(of_export).collect();
    let python = &installation.target.python.executable;
    let exporting = Layer {
        folder: project,
        arguments: &words,
        ..*layer
    };
    let outcome = installer
        .export(python, &exporting)
        .map_err(|error| messages::io("start the installer of", python, &error))?;
    if !outcome.success() {
        return Err(messages::no_export(&installer.name, file, &outcome));
    }
    arguments.splice(0..0, ["-r".to_owned(), out_word]);
    Ok(Ready {
        arguments,
        lock: Some(out),
    })
}

/// The flags of the export of a `uv.lock`, and the arguments that are left without these and without the file.
fn split(arguments: &[String], at: usize) -> (Vec<String>, Vec<String>) {
    let (mut of_export, mut left) = (Vec::new(), Vec::new());
    let mut is_frozen = false;
    let mut words = arguments.iter().enumerate();
    while let Some((place, word)) = words.next() {
        if place + 1 == at {
            words.next();
        } else if WITH_VALUE.contains(&word.as_str()) {
            let value = words.next().map(|(_, value)| value);
            of_export.extend([word].into_iter().chain(value).cloned());
        } else if word == FROZEN {
            is_frozen = true;
        } else if ALONE.contains(&word.as_str()) {
            of_export.push(word.clone());
        } else {
            left.push(word.clone());
        }
    }
    let says = |words: &[&str]| of_export.iter().any(|word| words.contains(&word.as_str()));
    let is_group = |pair: &[String]| {
        let [flag, value] = pair else { return false };
        value == "dev" && ["--group", "--only-group"].contains(&flag.as_str())
    };
    let asks_for_dev = says(&["--dev", "--only-dev", "--all-groups"]);
    let asks_for_dev = asks_for_dev || of_export.windows(2).any(is_group);
    let is_without_dev = says(&[NO_DEV]) || !asks_for_dev;
    of_export.retain(|word| word != LOCKED && word != NO_DEV);
    of_export.push(if is_frozen { FROZEN } else { LOCKED }.to_owned());
    of_export.extend(is_without_dev.then(|| NO_DEV.to_owned()));
    (of_export, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_lock_file_is_the_value_of_a_flag() {
        for (line, want) in [
            ("-r /c/uv.lock --extra x", Some((1, Kind::Uv))),
            ("--pre -r /c/pylock.a.toml", Some((2, Kind::Pylock))),
            ("-c /c/uv.lock six", None),
            ("-r /c/requirements.txt", None),
            ("uv.lock", None),
            ("-r", None),
        ] {
            assert_eq!(find(&words(line)), want, "{line}");
        }
    }

    #[test]
    fn what_is_said_of_a_uv_lock_is_said_where_it_is_exported() {
        for (line, of_export, left) in [
            ("-r /c/uv.lock", "--locked --no-dev", ""),
            (
                "--index-url https://h -r /c/uv.lock --extra a --all-groups --frozen --no-deps",
                "--extra a --all-groups --frozen",
                "--index-url https://h --no-deps",
            ),
            (
                "-r /c/uv.lock --locked --group x --no-dev",
                "--group x --locked --no-dev",
                "",
            ),
            ("-r /c/uv.lock --group dev", "--group dev --locked", ""),
            (
                "-r /c/uv.lock --extra dev",
                "--extra dev --locked --no-dev",
                "",
            ),
        ] {
            let arguments = words(line);
            let (at, _) = find(&arguments).expect(line);
            let found = split(&arguments, at);
            assert_eq!(found, (words(of_export), words(left)), "{line}");
        }
    }
}
