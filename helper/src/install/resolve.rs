//! The user's requirements → the wheels that they come to: a lock.
//!
//! uv says what it would install into the image's Python, with regard to what is there already, and where the files of that are; which of
//! them fits is said by [`crate::lock`]. Nothing is installed. Where that cannot be, the answer is why: then the requirements are
//! installed as usual, and whatever is wrong with them is told there.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use super::chosen::{Origins, chosen, is_folder};
use super::flags::{CONSTRAINTS, FILES, Flags};
use super::installer::{Installer, Layer};
use super::pins::{self, Pins};
use super::planned::{Plan, added, removed};
use super::private::{self, Asking};
use super::requirements::{Installation, Places, in_image};
use super::secrets::Secrets;
use super::{locks, sizes, target};
use crate::failure::{Failure, Kind};
use crate::lock::pylock::Pylock;
use crate::lock::tags::Tags;
use crate::lock::{ByteCode, Lock};
use crate::python::dist_info::normalise;
use crate::requirements::{Requirements, Resolver};
use crate::root::Root;

/// Set where everything is to be asked for again.
const REFRESH: &str = "FAL_REFRESH";

/// It is the base that is looked at: what comes above it may bring a Python.
const NO_PYTHON: &str = "the image that FROM names has no Python";

/// A requirements file of more bytes is none.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Why there is no lock.
#[derive(Debug, PartialEq, Eq)]
pub struct WhyNot {
    /// The sentence.
    pub sentence: String,
    /// Whether it is something that the image has not which was asked: one with more in it may have it.
    pub is_of_image: bool,
}

impl From<String> for WhyNot {
    fn from(sentence: String) -> Self {
        Self {
            sentence,
            is_of_image: false,
        }
    }
}

impl From<Failure> for WhyNot {
    fn from(failure: Failure) -> Self {
        let sentence = match failure.kind {
            Kind::NoPython => NO_PYTHON.to_owned(),
            _ => failure.sentence,
        };
        let kinds = [Kind::NoPython, Kind::OtherPython, Kind::BrokenPython];
        Self {
            sentence,
            is_of_image: kinds.contains(&failure.kind),
        }
    }
}

/// The wheels of what is wanted, list after list as they would be installed, or why it cannot be wheels.
///
/// What one list brings stays as it is for those after it: where it cannot, a later list takes out what an earlier one brought, and
/// that is for an installer. No value of a secret is in the answer.
pub fn resolve(
    root: &Root,
    lists: &[Requirements],
    places: &Places,
    given: &[(OsString, OsString)],
) -> Result<Lock, WhyNot> {
    let names = lists.iter().flat_map(|list| list.secrets.iter().cloned());
    let names: Vec<String> = BTreeSet::from_iter(names).into_iter().collect();
    let secrets = match &places.given {
        Some(prefix) => Secrets::read(prefix, &names)?,
        None => Secrets::default(),
    };
    let mask = secrets.mask();
    let found = all(root, lists, places, given);
    let checked = found.and_then(|lock| {
        private::check(&lock, &mask)?;
        Ok(lock)
    });
    checked.map_err(|why| WhyNot {
        sentence: mask.hide_in(&why.sentence),
        ..why
    })
}

fn all(
    root: &Root,
    lists: &[Requirements],
    places: &Places,
    given: &[(OsString, OsString)],
) -> Result<Lock, WhyNot> {
    let asks_again = given.iter().any(|(name, _)| name == REFRESH);
    let mut all: Option<Lock> = None;
    for list in lists {
        let brought = all.iter().flat_map(|lock| &lock.packages);
        // What is built of a folder has no version yet.
        let brought = brought.filter(|package| !package.version.is_empty());
        let pins = brought.map(|package| format!("{}=={}", package.name, package.version));
        let mut list = list.clone();
        list.constraints.extend(pins);
        let lock = in_image(root, &list, places, given.to_vec(), |installation| {
            let lock = match list.resolver {
                Resolver::Pip => Err("pip installs them".to_owned().into()),
                Resolver::Uv => wheels(installation, asks_again),
            };
            Ok(lock)
        })??;
        all = Some(together_with(all.take(), lock)?);
    }
    Ok(all.ok_or_else(|| "there are none".to_owned())?)
}

/// What two lists bring. What both bring has one version: that of the first.
fn together_with(first: Option<Lock>, second: Lock) -> Result<Lock, String> {
    let Some(mut all) = first else {
        return Ok(second);
    };
    for package in second.packages {
        match all.packages.iter_mut().find(|it| it.name == package.name) {
            Some(same) => same.requested |= package.requested,
            None => all.packages.push(package),
        }
    }
    all.packages.sort_by(|one, other| one.name.cmp(&other.name));
    all.byte_code = all.byte_code.or(second.byte_code);
    let replaces = all.replaces.get_or_insert_default();
    replaces.extend(second.replaces.unwrap_or_default());
    if all.build_flags.is_empty() {
        all.build_flags = second.build_flags;
    } else if !second.build_flags.is_empty() && all.build_flags != second.build_flags {
        return Err("two lists are built with what comes from different indexes".to_owned());
    }
    Ok(all)
}

fn wheels(installation: &Installation<'_>, asks_again: bool) -> Result<Lock, WhyNot> {
    private::only_in_urls(&installation.wanted.arguments, &installation.secrets)?;
    let context = installation.context().map_err(|it| it.sentence)?;
    let mut arguments = installation.arguments(&context);
    arguments.extend(constraints(installation)?);
    let installer = installation
        .installer(&arguments)
        .map_err(|failure| WhyNot {
            sentence: failure.sentence,
            // One may come later.
            is_of_image: installation.target.python.pip.is_none(),
        })?;
    let python = installation.target.python;
    let cache = installation.cache().map_err(|it| it.sentence)?;
    let folder = installation.folder(&context);
    let layer = Layer {
        cache: &cache,
        folder: &folder,
        arguments: &arguments,
        secrets: &installation.secrets,
    };
    let ready = locks::ready(installation, &installer, &layer).map_err(|it| it.sentence)?;
    let flags = Flags::of(&ready.arguments)?;
    let layer = Layer {
        arguments: &ready.arguments,
        ..layer
    };
    let ask = |more: &[&str]| plan(&installer, &python.executable, &layer, more);
    let plan = |more: &[&str]| ask(more).and_then(|printed| added(&printed));
    let lists = match ready.lock {
        Some(_) => Vec::new(),
        None => lists(&folder, flags.lists())?,
    };
    let texts = ready.arguments.iter().chain(&lists).map(String::as_str);
    let asking = Asking::of(texts, &installation.secrets)?;
    let pins = Pins::of(&flags.items, &lists).filter(|_| ready.lock.is_none() && !asks_again);
    // Nothing is noted of a lock file, some of whose flags are known nowhere else.
    let written = Flags::of(&installation.wanted.arguments).unwrap_or_default();
    let notes = pins::notes(&cache, &written.passed);
    let known = || {
        known(
            installation,
            &installer,
            &layer,
            &flags,
            pins.as_ref()?,
            &notes,
        )
    };
    let (target, printed) = together(
        || target::of(installation),
        || known().map_or_else(|| ask(&[]), Ok),
    );
    let (target, printed) = (target?, printed?);
    let mut all = added(&printed)?;
    if let Some(pins) = pins.filter(|pins| pins.name_all(&all)) {
        pins.note(&notes);
    }
    for url in all.values_mut().filter_map(|it| it.url.as_mut()) {
        if let Some(written) = asking.written(url) {
            *url = written.to_owned();
        }
    }
    let mut packages = Vec::new();
    let mut named = BTreeMap::new();
    let mut build_flags = Vec::new();
    let origins = Origins {
        context: &context,
        commits: installation.commits(),
    };
    if let Some(lock) = &ready.lock {
        // Whoever made it has asked for all that is in it.
        let files = read(lock, &all)?;
        packages = chosen(
            &files,
            &all,
            &Tags::of(&target.interpreter),
            &None,
            &origins,
        )?;
        named = all.clone();
    } else if !all.is_empty() {
        // All that is asked now was just asked of the network.
        let files = |more: &[&str]| files(installation, &installer, &layer, &flags, &all, more);
        let (asked, files) = together(
            || plan(&["--no-deps", "--offline"]).or_else(|_| plan(&["--no-deps"])),
            || files(&["--offline"]).or_else(|_| files(&[])),
        );
        named = asked?;
        packages = chosen(
            &files?,
            &all,
            &Tags::of(&target.interpreter),
            &allowed(&lists),
            &origins,
        )?;
        let built = packages.iter().find(|package| package.source.is_built());
        if built.is_some() {
            build_flags = flags.of_builds(&lists)?;
            private::check_flags(&build_flags, built, &installation.secrets)?;
        }
    }
    for package in &mut packages {
        package.requested = named.contains_key(&package.name);
    }
    let environment = installation.target.environment;
    sizes::complete(
        &mut packages,
        &python.executable,
        environment,
        &installation.target,
        &cache,
        &asking,
    );
    let mut replaces = removed(&printed);
    replaces.retain(|name, _| all.contains_key(name));
    Ok(Lock {
        target,
        packages,
        replaces: Some(replaces),
        build_flags,
        byte_code: flags.byte_code.then_some(ByteCode::Base),
    })
}

/// A `pylock.toml` in which each of a plan is once.
fn read(file: &Path, plan: &Plan) -> Result<Pylock, String> {
    let text = Root::new("/").read_text(file, MAX_BYTES);
    let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
    let lock = Pylock::parse(&text)?;
    let mut seen = BTreeSet::new();
    let names = lock.packages.iter().map(|entry| normalise(&entry.name));
    let versions = lock.packages.iter().map(|entry| entry.version.as_ref());
    let planned = names.zip(versions).filter(|(name, version)| {
        plan.get(name)
            .is_some_and(|it| it.version.as_ref() == *version)
    });
    let mut repeated = planned.filter(|it| !seen.insert(it.clone()));
    match repeated.next() {
        Some((name, _)) => Err(format!("{name} is in the lock more than once")),
        None => Ok(lock),
    }
}

/// What keeps uv to the versions that are there already.
fn constraints(installation: &Installation<'_>) -> Result<Vec<String>, String> {
    let pins = &installation.wanted.constraints;
    if pins.is_empty() {
        return Ok(Vec::new());
    }
    let file = installation.target.scratch.join("constraints.txt");
    fs::write(&file, pins.join("\n") + "\n").map_err(|error| error.to_string())?;
    Ok(vec![
        "--constraint".to_owned(),
        file.to_string_lossy().into_owned(),
    ])
}

/// Does two things at the same time.
fn together<A: Send, B>(
    one: impl FnOnce() -> Result<A, String> + Send,
    other: impl FnOnce() -> Result<B, String>,
) -> (Result<A, String>, Result<B, String>) {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let failed = |_| Err("it cannot be asked".to_owned());
        (one.join().unwrap_or_else(failed), other)
    })
}

/// What would be installed, as uv prints it.
fn plan(
    installer: &Installer,
    python: &Path,
    layer: &Layer<'_>,
    more: &[&str],
) -> Result<String, String> {
    let outcome = installer
        .would_install(python, layer, more)
        .map_err(|error| error.to_string())?;
    match outcome.success() {
        true => Ok(outcome.stderr),
        false => Err(format!("{} does not resolve them", installer.name)),
    }
}

/// What would be installed of pins most of which were there before, without asking an index for more than the others. None where that is
/// no answer.
fn known(
    installation: &Installation<'_>,
    installer: &Installer,
    layer: &Layer<'_>,
    flags: &Flags,
    pins: &Pins,
    notes: &Path,
) -> Option<String> {
    let python = &installation.target.python.executable;
    let mut arguments = pins.unknown(notes)?;
    if !arguments.is_empty() {
        // Only with what they need in their turn does uv read what they say of themselves.
        let file = installation.target.scratch.join("pins.txt");
        fs::write(&file, pins.to_string()).ok()?;
        arguments.extend(["--constraint".to_owned(), file.to_str()?.to_owned()]);
        arguments.extend(flags.passed.iter().cloned());
        let asking = Layer {
            arguments: &arguments,
            ..*layer
        };
        // Nothing is built: no hash of the list is looked at here, and not every pin is of something that is asked for.
        plan(installer, python, &asking, &["--only-binary", ":all:"]).ok()?;
    }
    let printed = plan(installer, python, layer, &["--offline"]).ok()?;
    pins.name_all(&added(&printed).ok()?).then_some(printed)
}

/// The files that there are of what would be installed.
fn files(
    installation: &Installation<'_>,
    installer: &Installer,
    layer: &Layer<'_>,
    flags: &Flags,
    plan: &Plan,
    more: &[&str],
) -> Result<Pylock, String> {
    let scratch = installation.target.scratch;
    let (pins, out) = (scratch.join("pins.in"), scratch.join("pylock.toml"));
    let lines = plan
        .iter()
        .filter_map(|(name, planned)| match (&planned.url, &planned.version) {
            (None, version) => Some(format!("{name}=={}\n", version.as_deref()?)),
            (Some(url), _) if is_folder(url) => None,
            (Some(url), _) => Some(format!("{name} @ {url}\n")),
        });
    let io = |error: std::io::Error| error.to_string();
    fs::write(&pins, lines.collect::<String>()).map_err(io)?;
    let mut arguments = flags.passed.clone();
    let fixed = [
        "--no-deps",
        "--no-header",
        "--quiet",
        "--format",
        "pylock.toml",
        "--output-file",
    ];
    arguments.extend(fixed.map(str::to_owned));
    arguments.push(out.to_string_lossy().into_owned());
    arguments.push(pins.to_string_lossy().into_owned());
    arguments.extend(flags.files.iter().cloned());
    let layer = Layer {
        arguments: &arguments,
        ..*layer
    };
    let python = &installation.target.python.executable;
    let outcome = installer.compile(python, &layer, more).map_err(io)?;
    if !outcome.success() {
        return Err(format!("{} does not say where they are", installer.name));
    }
    Pylock::parse(&fs::read_to_string(&out).map_err(io)?)
}

/// The texts of requirements files, and of those that they name.
fn lists<'a>(
    folder: &Path,
    files: impl Iterator<Item = &'a String>,
) -> Result<Vec<String>, String> {
    let root = Root::new("/");
    let mut pending: Vec<PathBuf> = files.map(|file| folder.join(file)).collect();
    let mut seen = BTreeSet::new();
    let mut texts = Vec::new();
    while let Some(path) = pending.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let text = root
            .read_text(&path, MAX_BYTES)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let beside = path.parent().unwrap_or(Path::new("/"));
        let named = text.lines().filter_map(|line| {
            let (flag, file) = line.trim().split_once([' ', '\t', '='])?;
            let file = file.split(" #").next()?.trim();
            let is_list = FILES.contains(&flag) || CONSTRAINTS.contains(&flag);
            is_list.then(|| beside.join(file))
        });
        pending.extend(named);
        texts.push(text);
    }
    Ok(texts)
}

/// The SHA-256 sums that requirements files name, if they name any: then nothing else may be installed.
fn allowed(lists: &[String]) -> Option<BTreeSet<String>> {
    let names_any = |text: &String| text.contains("--hash") || text.contains("--require-hashes");
    let words = lists.iter().flat_map(|text| text.split_whitespace());
    let sums = words.filter_map(|word| word.strip_prefix("--hash=sha256:"));
    let sums = sums.map(str::to_owned).collect();
    lists.iter().any(names_any).then_some(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_list_brings_what_it_replaces_and_how_it_is_built() {
        let text = include_str!("../look/testdata/pylock.toml");
        let lock = |replaced: &str, flags: &[&str]| Lock {
            replaces: Some(BTreeMap::from([(replaced.to_owned(), "1".to_owned())])),
            build_flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            ..Lock::parse(text).expect("a lock")
        };
        let all = together_with(Some(lock("a", &[])), lock("b", &["--no-index"]));
        let all = all.expect("a lock");
        let replaced: Vec<&String> = all.replaces.iter().flatten().map(|(it, _)| it).collect();
        assert_eq!(replaced, ["a", "b"]);
        assert_eq!(all.build_flags, ["--no-index"]);
        assert_eq!(all.packages.len(), lock("a", &[]).packages.len());
        let other = lock("c", &["--index-url", "https://h"]);
        assert!(together_with(Some(all), other).is_err());
    }
}
