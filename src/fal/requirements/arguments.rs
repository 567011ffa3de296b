//! Arguments as installers take them, and what they need.

use std::collections::{BTreeMap, BTreeSet};

use fal_helper::{lock::Kind, requirements::CONTEXT};

use super::{Asked, Layer, Mistake, messages, text, words};

/// What the value of a flag is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// A requirements file.
    File,
    /// A folder or a URL.
    Folder,
    /// Anything else.
    Text,
}

/// Flags with values. The others are passed on; one that is not known here has its value behind a `=`, or as the next argument if
/// that does not look like a path.
const FLAGS: &[(&str, Value)] = &[
    ("-r", Value::File),
    ("--requirement", Value::File),
    ("--requirements", Value::File),
    ("-c", Value::File),
    ("--constraint", Value::File),
    ("--constraints", Value::File),
    ("-b", Value::File),
    ("--build-constraint", Value::File),
    ("--build-constraints", Value::File),
    ("--override", Value::File),
    ("--overrides", Value::File),
    ("-f", Value::Folder),
    ("--find-links", Value::Folder),
    ("-i", Value::Text),
    ("--index-url", Value::Text),
    ("--extra-index-url", Value::Text),
    ("--index", Value::Text),
    ("--default-index", Value::Text),
    ("--index-strategy", Value::Text),
    ("--trusted-host", Value::Text),
    ("--no-binary", Value::Text),
    ("--only-binary", Value::Text),
    ("--prerelease", Value::Text),
    ("--resolution", Value::Text),
    ("--exclude-newer", Value::Text),
    ("-C", Value::Text),
    ("--config-settings", Value::Text),
    ("--torch-backend", Value::Text),
    ("-P", Value::Text),
    ("--upgrade-package", Value::Text),
    ("--extra", Value::Text),
    ("--no-extra", Value::Text),
    ("--group", Value::Text),
    ("--no-group", Value::Text),
    ("--only-group", Value::Text),
    ("--package", Value::Text),
    ("--prune", Value::Text),
    ("--no-emit-package", Value::Text),
];

/// Flags with a file of requirements.
const REQUIREMENTS: [&str; 3] = ["-r", "--requirement", "--requirements"];

/// Flags that would install something else, or elsewhere.
const REFUSED: [&str; 15] = [
    "-t",
    "--target",
    "--prefix",
    "--root",
    "--user",
    "--src",
    "-p",
    "--python",
    "--system",
    "--python-version",
    "--dry-run",
    "--cache-dir",
    "--no-cache-dir",
    "-n",
    "--no-cache",
];

const EDITABLE: [&str; 2] = ["-e", "--editable"];

/// The arguments of an item of a list: one, unless it is a flag with its value.
pub(super) fn of_item(item: &str) -> Vec<String> {
    let item = item.trim();
    match item.starts_with('-') {
        true => words::split(item),
        false if item.is_empty() => Vec::new(),
        false => vec![item.to_owned()],
    }
}

/// The arguments of the option's value: of a word that ends as requirements files do, that file.
pub(super) fn of_option(value: &str) -> Vec<String> {
    let items = words::split(value);
    match items.as_slice() {
        [file] if is_file(file) => vec!["-r".to_owned(), file.clone()],
        _ => items,
    }
}

fn is_file(item: &str) -> bool {
    let ends = [".txt", ".in"].iter().any(|ending| item.ends_with(ending));
    ends && !item.starts_with('-') && !item.contains("://") && !item.contains(char::is_whitespace)
}

/// `(flag [value] | requirement)*`
pub(super) fn read(asked: &Asked) -> Result<Layer, Mistake> {
    let mut layer = Layer {
        arguments: Vec::new(),
        folder: asked.folder.clone(),
        files: BTreeSet::new(),
        paths: BTreeSet::new(),
        builds: false,
        secrets: BTreeSet::new(),
        repositories: BTreeSet::new(),
        commits: BTreeMap::new(),
        pinned: BTreeMap::new(),
        given: None,
        place: asked.place.clone(),
    };
    let mut locks = Vec::new();
    let mut is_more = false;
    // The value of a flag may be an argument of its own.
    super::refuse_credential(&asked.arguments.join(" "))?;
    let mut arguments = asked.arguments.iter();
    while let Some(argument) = arguments.next() {
        layer.note(argument)?;
        layer
            .secrets
            .extend(text::names(argument).map(str::to_owned));
        if !argument.starts_with('-') {
            if Kind::of(argument).is_some() {
                let file = layer.value(Value::File, argument)?;
                layer.arguments.extend(["-r".to_owned(), file]);
                locks.push(argument.as_str());
                continue;
            }
            is_more = true;
            let argument = layer.requirement(argument)?;
            layer.arguments.push(argument);
            continue;
        }
        let (flag, joined) = flag(argument);
        if is_one_of(flag, &EDITABLE) {
            return Err(messages::editable());
        }
        if is_one_of(flag, &REFUSED) {
            return Err(messages::elsewhere(flag));
        }
        let Some(value) = value_of(flag) else {
            if hides_flag(argument) {
                return Err(messages::together(argument));
            }
            layer.arguments.push(argument.clone());
            continue;
        };
        let written = match joined {
            Some(written) => written,
            None => {
                let next = arguments.next().ok_or_else(|| messages::no_value(flag))?;
                layer.note(next)?;
                layer.secrets.extend(text::names(next).map(str::to_owned));
                next
            }
        };
        if REQUIREMENTS.contains(&flag) {
            match Kind::of(written) {
                Some(_) => locks.push(written),
                None => is_more = true,
            }
        }
        let found = layer.value(value, written)?;
        layer.arguments.extend([flag.to_owned(), found]);
    }
    if let [lock, others @ ..] = locks.as_slice()
        && (is_more || !others.is_empty())
    {
        return Err(messages::beside_a_lock(lock));
    }
    layer.check_files()?;
    Ok(layer)
}

/// Whether a `uv.lock` is what is installed.
pub(super) fn names_uv_lock(arguments: &[String]) -> bool {
    let mut files = arguments.iter().map(|argument| Kind::of(argument));
    files.any(|kind| kind == Some(Kind::Uv))
}

impl Layer {
    /// Whether a file of the context is all that is installed, without a word beside it.
    pub(super) fn is_only(&self, file: &str) -> bool {
        let [flag, written] = self.arguments.as_slice() else {
            return false;
        };
        REQUIREMENTS.contains(&flag.as_str()) && *written == mounted(file)
    }

    /// A requirement; a path of the context is one where the step has it.
    fn requirement(&mut self, written: &str) -> Result<String, Mistake> {
        let Some(text::Path {
            before,
            path,
            behind,
        }) = text::path(written)
        else {
            return Ok(written.to_owned());
        };
        let folder = self.folder.clone();
        let Some(found) = self.bring(&folder, path)? else {
            return Ok(written.to_owned());
        };
        let scheme = match before.is_empty() {
            true => "",
            false => "file://",
        };
        Ok(format!("{before}{scheme}{}{behind}", mounted(&found)))
    }

    fn value(&mut self, value: Value, written: &str) -> Result<String, Mistake> {
        if value == Value::Text || written.contains("://") {
            return Ok(written.to_owned());
        }
        let Some(found) = super::inside(&self.folder, written)? else {
            return Ok(written.to_owned());
        };
        let mounted = mounted(&found);
        match value {
            Value::File => self.files.insert(found),
            _ => self.paths.insert(found),
        };
        Ok(mounted)
    }
}

/// Where a step has a path of the context.
fn mounted(path: &str) -> String {
    match path {
        "." => CONTEXT.to_owned(),
        path => format!("{CONTEXT}/{path}"),
    }
}

/// A flag and the value that is part of the argument: `--flag=value`, `-fvalue`.
pub(super) fn flag(argument: &str) -> (&str, Option<&str>) {
    if let Some((flag, value)) = argument.split_once('=')
        && flag.starts_with("--")
    {
        return (flag, Some(value));
    }
    let short = argument.get(..2).filter(|_| !argument.starts_with("--"));
    match short {
        Some(short) if argument.len() > 2 && takes_value(short) => (short, argument.get(2..)),
        _ => (argument, None),
    }
}

/// Whether more of its word may belong to a short flag.
fn takes_value(flag: &str) -> bool {
    value_of(flag).is_some() || EDITABLE.contains(&flag) || REFUSED.contains(&flag)
}

/// Whether one of these flags is meant: pip takes the beginning of a long one for it.
fn is_one_of(flag: &str, flags: &[&str]) -> bool {
    let is_beginning = flag.starts_with("--") && !matches!(flag, "--" | "--pre");
    let is_meant = |it: &&str| *it == flag || (is_beginning && it.starts_with(flag));
    flags.iter().any(is_meant)
}

/// Whether one of several short flags in a word has to be looked at: `-Ut/x` is `-U -t /x`.
fn hides_flag(argument: &str) -> bool {
    let letters = argument.strip_prefix('-').unwrap_or_default();
    let is_watched = |letter: char| takes_value(&format!("-{letter}"));
    !letters.starts_with('-') && letters.chars().any(is_watched)
}

fn value_of(flag: &str) -> Option<Value> {
    let (_, value) = FLAGS.iter().find(|(known, _)| *known == flag)?;
    Some(*value)
}

/// What a line of a requirements file says.
pub(super) enum Line<'a> {
    /// Another requirements file.
    File(&'a str),
    /// A folder with distributions.
    Folder(&'a str),
    Editable,
    /// A requirement, or a flag that names nothing of the context.
    Other,
}

/// What a flag of a requirements file says.
pub(super) fn of_line(line: &str) -> Line<'_> {
    let (flag, joined) = match line.split_once(char::is_whitespace) {
        Some((word, rest)) if !word.contains('=') => (word, Some(rest.trim())),
        _ => flag(line),
    };
    let value = joined.unwrap_or_default().trim_matches(['\'', '"']);
    match (is_one_of(flag, &EDITABLE), value_of(flag)) {
        (true, _) => Line::Editable,
        _ if value.is_empty() || value.contains("://") => Line::Other,
        (_, Some(Value::File)) => Line::File(value),
        (_, Some(Value::Folder)) => Line::Folder(value),
        _ => Line::Other,
    }
}
