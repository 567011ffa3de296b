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

use super::installer::{Installer, Layer};
use super::pins::{self, Pins};
use super::private::{self, Asking};
use super::requirements::{Installation, Places, in_image};
use super::secrets::Secrets;
use super::{locks, sizes, target};
use crate::failure::{Failure, Kind};
use crate::lock::pylock::{self, NoWheel, Pylock};
use crate::lock::tags::Tags;
use crate::lock::{ByteCode, Git, Lock, Package, Source};
use crate::python::dist_info::normalise;
use crate::requirements::{Requirements, Resolver};
use crate::root::Root;

/// Flags that say where distributions come from, or which of them are right: those that `uv pip compile` takes, too.
const WITH_VALUE: [&str; 21] = [
    "-c",
    "--constraint",
    "--constraints",
    "--override",
    "--overrides",
    "-i",
    "--index-url",
    "--extra-index-url",
    "--index",
    "--default-index",
    "--index-strategy",
    "--trusted-host",
    "--prerelease",
    "--resolution",
    "--exclude-newer",
    "--torch-backend",
    "--only-binary",
    "-r",
    "--requirement",
    "--extra",
    "--group",
];
const ALONE: [&str; 4] = ["--pre", "--no-index", "--no-deps", "--all-extras"];
/// Those of them that say where what a build needs comes from.
const OF_BUILDS: [&str; 9] = [
    "-i",
    "--index-url",
    "--extra-index-url",
    "--index",
    "--default-index",
    "--index-strategy",
    "--trusted-host",
    "--exclude-newer",
    "--no-index",
];
/// Flags that say whether modules get byte code; the last of them counts.
const BYTE_CODE: [(&str, bool); 4] = [
    ("--compile-bytecode", true),
    ("--compile", true),
    ("--no-compile-bytecode", false),
    ("--no-compile", false),
];

/// Flags that name a file whose lines are requirements.
pub(super) const FILES: [&str; 3] = ["-r", "--requirement", "--requirements"];

/// The same, but they only say which versions are right.
pub(super) const CONSTRAINTS: [&str; 5] = [
    "-c",
    "--constraint",
    "--constraints",
    "--override",
    "--overrides",
];

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

/// Flags as `uv pip compile` takes them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Flags {
    passed: Vec<String>,
    /// Requirements files.
    files: Vec<String>,
    /// What is no flag: requirements.
    items: Vec<String>,
    /// Whether modules get byte code: of that `uv pip compile` knows nothing.
    byte_code: bool,
}

impl Flags {
    fn of(arguments: &[String]) -> Result<Self, String> {
        let mut flags = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if !argument.starts_with('-') {
                flags.items.push(argument.clone());
                continue;
            }
            if let Some((_, wanted)) = BYTE_CODE.iter().find(|(flag, _)| flag == argument) {
                flags.byte_code = *wanted;
                continue;
            }
            let value = WITH_VALUE
                .contains(&argument.as_str())
                .then(|| arguments.next());
            match value.flatten() {
                Some(file) if FILES.contains(&argument.as_str()) => flags.files.push(file.clone()),
                Some(value) => flags.passed.extend([argument.clone(), value.clone()]),
                None if ALONE.contains(&argument.as_str()) => flags.passed.push(argument.clone()),
                None => return Err(format!("{argument} is only known to the installer")),
            }
        }
        Ok(flags)
    }

    /// All requirements files, and those of constraints.
    fn lists(&self) -> impl Iterator<Item = &String> {
        let pairs = self.passed.windows(2);
        let constraints = pairs.filter(|pair| CONSTRAINTS.contains(&pair[0].as_str()));
        self.files.iter().chain(constraints.map(|pair| &pair[1]))
    }

    /// Those that a build needs, those in requirements files too.
    fn of_builds(&self, lists: &[String]) -> Result<Vec<String>, String> {
        let in_lists = lists.iter().flat_map(|text| text.lines()).map(str::trim);
        let words: Vec<&str> = in_lists
            .filter(|line| line.starts_with('-'))
            .filter_map(|line| line.split(" #").next())
            .flat_map(|line| line.splitn(2, [' ', '\t', '=']))
            .map(str::trim)
            .collect();
        let is_folder = |word: &&str| matches!(*word, "-f" | "--find-links");
        if words.iter().any(is_folder) {
            return Err("a requirements file says --find-links, and something is built".to_owned());
        }
        let all = self.passed.iter().map(String::as_str).chain(words);
        let mut all = all.skip_while(|word| !word.starts_with('-')).peekable();
        let mut found: Vec<String> = Vec::new();
        while let Some(flag) = all.next() {
            let value = all.next_if(|word| !word.starts_with('-'));
            if OF_BUILDS.contains(&flag) {
                found.extend([flag].into_iter().chain(value).map(str::to_owned));
            }
        }
        Ok(found)
    }
}

/// What would be installed, by name.
pub(super) type Plan = BTreeMap<String, Planned>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Planned {
    /// Its version, where uv says one.
    pub(super) version: Option<String>,
    /// Where it comes from, if that is not an index.
    pub(super) url: Option<String>,
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

/// ` + name==version` or ` + name @ URL`, as uv prints it.
pub(super) fn added(printed: &str) -> Result<Plan, String> {
    let lines = printed.lines().filter_map(|line| {
        let line = line.trim();
        line.strip_prefix("+ ").or_else(|| line.strip_prefix("~ "))
    });
    let pin = |line: &str| {
        let some = |text: &str| Some(text.trim().to_owned());
        if let Some((name, url)) = line.split_once(" @ ") {
            let (version, url) = (None, some(url));
            return Ok((normalise(name), Planned { version, url }));
        }
        let (pin, url) = match line.split_once(" (from ") {
            Some((pin, url)) => (pin, some(url.trim_end_matches(')'))),
            None => (line, None),
        };
        let (name, version) = pin
            .split_once("==")
            .ok_or_else(|| format!("{line} has no version"))?;
        let version = some(version);
        Ok((normalise(name), Planned { version, url }))
    };
    lines.map(pin).collect()
}

/// ` - name==version`, as uv prints what would go, and `~` where the same version comes again.
fn removed(printed: &str) -> BTreeMap<String, String> {
    let lines = printed.lines().filter_map(|line| {
        let line = line.trim();
        let pin = line
            .strip_prefix("- ")
            .or_else(|| line.strip_prefix("~ "))?;
        let (name, version) = pin.split_once("==")?;
        let version = version.split_whitespace().next()?;
        Some((normalise(name), version.to_owned()))
    });
    lines.collect()
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

/// What has to be known of what comes from elsewhere than an index.
struct Origins<'a> {
    /// Where the files of the context are.
    context: &'a Path,
    /// The commits of repositories, by what was written.
    commits: &'a BTreeMap<String, String>,
}

impl Origins<'_> {
    /// What somebody asked for who wrote a repository. A file may name a branch; everything else names a commit by now.
    fn requested(&self, git: &Git) -> Option<String> {
        let behind = |(written, commit): (&String, &String)| {
            let behind = written.strip_prefix("git+")?.strip_prefix(&git.url)?;
            let is_this = behind.is_empty() || behind.starts_with('@');
            (is_this && *commit == git.commit).then(|| behind.trim_start_matches('@').to_owned())
        };
        let mut written = self.commits.iter().filter_map(behind);
        let requested = written.next().unwrap_or_else(|| git.commit.clone());
        Some(requested).filter(|it| !it.is_empty())
    }

    /// `file://PATH` of a project of the context.
    fn directory(&self, url: &str) -> Result<Source, String> {
        let path = pylock::decoded(url.strip_prefix(FOLDER).unwrap_or(url));
        let path = Path::new(&path);
        let below = path.strip_prefix(self.context).ok();
        let below = below.and_then(Path::to_str).filter(|_| path.is_dir());
        let below =
            below.ok_or_else(|| format!("{} is no project of the context", path.display()))?;
        Ok(Source::Directory(below.to_owned()))
    }
}

/// What the URLs of folders begin with.
const FOLDER: &str = "file://";

fn is_folder(url: &str) -> bool {
    url.starts_with(FOLDER)
}

/// One source for each, and none that a sum is wrong of.
fn chosen(
    files: &Pylock,
    plan: &Plan,
    tags: &Tags,
    allowed: &Option<BTreeSet<String>>,
    origins: &Origins<'_>,
) -> Result<Vec<Package>, String> {
    let mut files = files.clone();
    private::open(&mut files);
    if let Some(allowed) = allowed {
        let is_right = |file: &pylock::File| {
            let sum = file.hashes.get("sha256");
            sum.is_some_and(|sum| allowed.contains(sum))
        };
        for entry in &mut files.packages {
            entry.wheels.retain(is_right);
            entry.sdist = entry.sdist.take().filter(is_right);
            entry.archive = entry.archive.take().filter(is_right);
        }
    }
    let by_name = files.by_name();
    let choose = |(name, planned): (&String, &Planned)| {
        if let Some(url) = planned.url.as_deref().filter(|url| is_folder(url)) {
            return Ok(Package {
                name: name.clone(),
                version: String::new(),
                requested: false,
                source: origins.directory(url)?,
            });
        }
        let entries = by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        let version = planned.version.as_ref();
        let version = version.or_else(|| entries.first()?.version.as_ref());
        let version = version.ok_or_else(|| format!("{name} has no version"))?;
        let mut package =
            pylock::choose(entries, name, version, tags).map_err(|why| match why {
                NoWheel::Absent => format!("{name} {version} is in no index"),
                NoWheel::NoneFits => format!("{name} {version} has nothing for this Python"),
                NoWheel::NoUrl(file) => format!("{file} cannot be fetched without its index"),
                NoWheel::NoHash(file) => format!("{file} has no SHA-256"),
            })?;
        if let Source::Git(git) = &mut package.source {
            git.requested = origins.requested(git);
        }
        Ok(package)
    };
    plan.iter().map(choose).collect()
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

    #[test]
    fn what_would_be_installed_is_read_off_what_uv_prints() {
        let printed = "Using Python 3.11.7 environment at: /usr/local\nResolved 10 packages in 4ms\nWould download 2 packages\n \
                       + Foo.Bar==2.2.3\n - requests==2.31.0\n + requests==2.32.3\n ~ torch==2.6.0+cu124\n";
        let gone = [("requests", "2.31.0"), ("torch", "2.6.0+cu124")];
        let gone = gone.map(|(name, version)| (name.to_owned(), version.to_owned()));
        assert_eq!(removed(printed), BTreeMap::from(gone));
        assert_eq!(removed(" - a==1 (from file:///a)\n - b\n").len(), 1);
        let plan = added(printed).expect("a plan");
        let plan: Vec<String> = plan
            .iter()
            .map(|(name, planned)| {
                format!("{name} {}", planned.version.as_deref().unwrap_or_default())
            })
            .collect();
        assert_eq!(
            plan,
            ["foo-bar 2.2.3", "requests 2.32.3", "torch 2.6.0+cu124"]
        );
        let from = "https://h/a-1-py3-none-any.whl";
        for printed in [
            format!(" + a==1 (from {from})\n"),
            format!(" + a @ {from}\n"),
        ] {
            let plan = added(&printed).expect("a plan");
            assert_eq!(plan["a"].url.as_deref(), Some(from), "{printed}");
        }
        assert_eq!(added("Audited 3 packages in 1ms\n"), Ok(BTreeMap::new()));
    }

    #[test]
    fn flags_are_those_that_both_commands_take() {
        let read = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|&it| it.to_owned()).collect();
            Flags::of(&arguments)
        };
        let flags = read(&[
            "numpy",
            "-r",
            "/c/r.txt",
            "--index-url",
            "https://h",
            "--pre",
        ]);
        let flags = flags.expect("flags");
        assert_eq!(flags.passed, ["--index-url", "https://h", "--pre"]);
        assert_eq!(flags.files, ["/c/r.txt"]);
        assert_eq!(flags.items, ["numpy"]);
        for (arguments, byte_code) in [
            (&["--pre"][..], false),
            (&["--compile-bytecode"], true),
            (&["--compile", "--no-compile-bytecode"], false),
            (&["--no-compile", "--compile"], true),
        ] {
            let flags = read(arguments).expect("flags");
            assert_eq!(flags.byte_code, byte_code, "{arguments:?}");
            assert!(!flags.passed.iter().any(|flag| flag.contains("compile")));
        }
        for (arguments, named) in [
            (&["--no-binary", "numpy"][..], "--no-binary"),
            (&["--reinstall"], "--reinstall"),
        ] {
            let why = read(arguments).expect_err(named);
            assert!(why.contains(named), "{why}");
        }
    }

    #[test]
    fn a_build_gets_what_says_where_things_are() {
        let flags = Flags {
            passed: ["--pre", "-c", "/c/c.txt", "--no-index", "-i", "https://h"]
                .map(str::to_owned)
                .to_vec(),
            files: vec!["/c/r.txt".to_owned()],
            items: Vec::new(),
            byte_code: false,
        };
        let lists = flags.lists().cloned().collect::<Vec<_>>();
        assert_eq!(lists, ["/c/r.txt", "/c/c.txt"]);
        let text = "-r b.txt\n--extra-index-url=https://o/?a=b # c\nnumpy --hash=sha256:00\n";
        let found = flags.of_builds(&[text.to_owned()]).expect("flags");
        let want = [
            "--no-index",
            "-i",
            "https://h",
            "--extra-index-url",
            "https://o/?a=b",
        ];
        assert_eq!(found, want);
        let why = flags.of_builds(&["--find-links w\n".to_owned()]);
        assert!(why.is_err_and(|why| why.contains("--find-links")));
    }

    #[test]
    fn a_project_is_one_of_the_context_and_a_repository_says_what_was_asked_for() {
        let context = tempfile::tempdir().expect("a scratch folder");
        fs::create_dir(context.path().join("a b")).expect("a folder");
        let written = |at: &str| (format!("git+https://h/r{at}"), "c".repeat(40));
        for (commits, requested) in [
            (vec![], Some("c".repeat(40))),
            (vec![written("@main")], Some("main".to_owned())),
            (vec![written("")], None),
            (vec![written(".git@main")], Some("c".repeat(40))),
        ] {
            let commits = commits.into_iter().collect();
            let origins = Origins {
                context: context.path(),
                commits: &commits,
            };
            let git = Git {
                url: "https://h/r".to_owned(),
                commit: "c".repeat(40),
                requested: None,
                subdirectory: String::new(),
            };
            assert_eq!(origins.requested(&git), requested, "{commits:?}");
            let shown = context.path().display();
            let folder = |name: &str| origins.directory(&format!("file://{shown}{name}"));
            assert_eq!(folder("/a%20b"), Ok(Source::Directory("a b".to_owned())));
            assert_eq!(folder(""), Ok(Source::Directory(String::new())));
            assert!(folder("/none").is_err() && origins.directory("file:///").is_err());
        }
    }

    #[test]
    fn only_wheels_with_a_sum_that_is_named_are_chosen() {
        let file = |python: &str, sum: char| {
            format!(
                "{{ url = \"https://h/a-1-{python}-none-any.whl\", hashes = {{ sha256 = \"{}\" }} }}",
                sum.to_string().repeat(64)
            )
        };
        let text = format!(
            "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\nwheels = [{}, {}]\n",
            file("py311", 'a'),
            file("py3", 'b')
        );
        let files = Pylock::parse(&text).expect("a lock");
        let tags = Tags::of(&crate::lock::tags::Interpreter {
            minor: 11,
            abi: "cp311".to_owned(),
            machine: "x86_64".to_owned(),
            libc: crate::lock::tags::Libc::Glibc(2, 36),
        });
        let planned = Planned {
            version: Some("1".to_owned()),
            url: None,
        };
        let plan = BTreeMap::from([("a".to_owned(), planned)]);
        let origins = Origins {
            context: Path::new("/none"),
            commits: &BTreeMap::new(),
        };
        let sum = |allowed: Option<&[char]>| {
            let allowed =
                allowed.map(|it| it.iter().map(|sum| sum.to_string().repeat(64)).collect());
            let packages = chosen(&files, &plan, &tags, &allowed, &origins)?;
            let wheel = packages[0].wheel().expect("a wheel");
            Ok::<_, String>(wheel.sha256.chars().next())
        };
        assert_eq!(sum(None), Ok(Some('a')));
        assert_eq!(sum(Some(&['b'])), Ok(Some('b')));
        let why = sum(Some(&[])).expect_err("no sum");
        assert!(why.contains("a 1"), "{why}");
    }
}
