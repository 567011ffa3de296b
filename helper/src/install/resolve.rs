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
use super::requirements::{Installation, Places, in_image};
use super::{locks, sizes, target};
use crate::failure::{Failure, Kind};
use crate::lock::pylock::{self, NoWheel, Pylock};
use crate::lock::tags::Tags;
use crate::lock::{Lock, Package};
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
/// Flags that name a file whose lines are requirements.
const FILES: [&str; 3] = ["-r", "--requirement", "--requirements"];

/// It is the base that is looked at: what comes above it may bring a Python.
const NO_PYTHON: &str = "the image that FROM names has no Python";

/// A requirements file of more bytes is none.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The wheels of what is wanted, list after list as they would be installed, or why it cannot be wheels.
///
/// What one list brings stays as it is for those after it: where it cannot, a later list takes out what an earlier one brought, and
/// that is for an installer.
pub fn resolve(
    root: &Root,
    lists: &[Requirements],
    places: &Places,
    given: &[(OsString, OsString)],
) -> Result<Result<Lock, String>, Failure> {
    let mut all: Option<Lock> = None;
    for list in lists {
        let brought = all.iter().flat_map(|lock| &lock.packages);
        let pins = brought.map(|package| format!("{}=={}", package.name, package.version));
        let mut list = list.clone();
        list.constraints.extend(pins);
        let lock = in_image(root, &list, places, given.to_vec(), |installation| {
            let lock = match (list.resolver, list.builds) {
                (Resolver::Pip, _) => Err("pip installs them".to_owned()),
                (Resolver::Uv, true) => Err("something is built from the context".to_owned()),
                (Resolver::Uv, false) => wheels(installation),
            };
            Ok(lock)
        });
        let lock = match lock {
            Err(failure) if failure.kind == Kind::NoPython => Err(NO_PYTHON.to_owned()),
            lock => lock?,
        };
        match lock {
            Ok(lock) => all = Some(together_with(all, lock)),
            Err(why) => return Ok(Err(why)),
        }
    }
    Ok(all.ok_or_else(|| "there are none".to_owned()))
}

/// What two lists bring. What both bring has one version: that of the first.
fn together_with(first: Option<Lock>, second: Lock) -> Lock {
    let Some(mut all) = first else {
        return second;
    };
    for package in second.packages {
        match all.packages.iter_mut().find(|it| it.name == package.name) {
            Some(same) => same.requested |= package.requested,
            None => all.packages.push(package),
        }
    }
    all.packages.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

fn wheels(installation: &Installation<'_>) -> Result<Lock, String> {
    let context = installation.context().map_err(|it| it.sentence)?;
    let mut arguments = installation.arguments(&context);
    arguments.extend(constraints(installation)?);
    let installer = installation
        .installer(&arguments)
        .map_err(|it| it.sentence)?;
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
    let (target, printed) = together(|| target::of(installation), || ask(&[]));
    let (target, printed) = (target?, printed?);
    let all = added(&printed)?;
    let mut packages = Vec::new();
    let mut named = BTreeMap::new();
    if let Some(lock) = &ready.lock {
        // Whoever made it has asked for all that is in it.
        let files = read(lock, &all)?;
        packages = chosen(&files, &all, &Tags::of(&target.interpreter), &None)?;
        named = all.clone();
    } else if !all.is_empty() {
        // All that is asked now was just asked of the network.
        let files = |more: &[&str]| files(installation, &installer, &layer, &flags, &all, more);
        let (asked, files) = together(
            || plan(&["--no-deps", "--offline"]).or_else(|_| plan(&["--no-deps"])),
            || files(&["--offline"]).or_else(|_| files(&[])),
        );
        named = asked?;
        let allowed = allowed(&folder, &flags.files, installation)?;
        packages = chosen(&files?, &all, &Tags::of(&target.interpreter), &allowed)?;
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
    );
    let mut replaces = removed(&printed);
    replaces.retain(|name, _| all.contains_key(name));
    Ok(Lock {
        target,
        packages,
        replaces: Some(replaces),
    })
}

/// A `pylock.toml` in which each of a plan is once.
fn read(file: &Path, plan: &BTreeMap<String, String>) -> Result<Pylock, String> {
    let text = Root::new("/").read_text(file, MAX_BYTES);
    let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
    let lock = Pylock::parse(&text)?;
    let mut seen = BTreeSet::new();
    let names = lock.packages.iter().map(|entry| normalise(&entry.name));
    let versions = lock.packages.iter().map(|entry| entry.version.as_ref());
    let planned = names
        .zip(versions)
        .filter(|(name, version)| plan.get(name) == *version);
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
}

impl Flags {
    fn of(arguments: &[String]) -> Result<Self, String> {
        let mut flags = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if !argument.starts_with('-') {
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

/// ` + name==version`, as uv prints it.
fn added(printed: &str) -> Result<BTreeMap<String, String>, String> {
    let lines = printed.lines().filter_map(|line| {
        let line = line.trim();
        line.strip_prefix("+ ").or_else(|| line.strip_prefix("~ "))
    });
    let pin = |line: &str| {
        if line.contains(" (from ") {
            return Err(format!("{line} is not from an index"));
        }
        let (name, version) = line
            .split_once("==")
            .ok_or_else(|| format!("{line} has no version"))?;
        Ok((normalise(name), version.trim().to_owned()))
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
    plan: &BTreeMap<String, String>,
    more: &[&str],
) -> Result<Pylock, String> {
    let scratch = installation.target.scratch;
    let (pins, out) = (scratch.join("pins.in"), scratch.join("pylock.toml"));
    let lines = plan
        .iter()
        .map(|(name, version)| format!("{name}=={version}\n"));
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

/// The SHA-256 sums that requirements files name, if they name any: then nothing else may be installed.
fn allowed(
    folder: &Path,
    files: &[String],
    installation: &Installation<'_>,
) -> Result<Option<BTreeSet<String>>, String> {
    let root = Root::new("/");
    let context = installation.places.context.as_deref();
    let mut pending: Vec<PathBuf> = files.iter().map(|file| folder.join(file)).collect();
    pending.extend(context.map(Path::to_owned));
    let mut sums = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut has_any = false;
    while let Some(path) = pending.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        if root.is_dir(&path) {
            let names = root
                .list(&path, MAX_FILES)
                .map_err(|error| error.to_string())?;
            pending.extend(names.into_iter().map(|name| path.join(name)));
            continue;
        }
        let text = root
            .read_text(&path, MAX_BYTES)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        has_any |= text.contains("--hash") || text.contains("--require-hashes");
        let words = text.split_whitespace();
        let found = words.filter_map(|word| word.strip_prefix("--hash=sha256:"));
        sums.extend(found.map(str::to_owned));
    }
    Ok(has_any.then_some(sums))
}

/// A folder of requirements files with more entries is none.
const MAX_FILES: usize = 10_000;

/// One wheel for each, and none that a sum is wrong of.
fn chosen(
    files: &Pylock,
    plan: &BTreeMap<String, String>,
    tags: &Tags,
    allowed: &Option<BTreeSet<String>>,
) -> Result<Vec<Package>, String> {
    let mut files = files.clone();
    if let Some(allowed) = allowed {
        for entry in &mut files.packages {
            entry.wheels.retain(|file| {
                file.hashes
                    .get("sha256")
                    .is_some_and(|sum| allowed.contains(sum))
            });
        }
    }
    let by_name = files.by_name();
    let choose = |(name, version): (&String, &String)| {
        let entries = by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        pylock::choose(entries, name, version, tags).map_err(|why| match why {
            NoWheel::Absent => format!("{name} {version} is in no index"),
            NoWheel::NoneFits => format!("{name} {version} has no wheel for this Python"),
            NoWheel::NoUrl(file) => format!("{file} cannot be fetched without its index"),
            NoWheel::NoHash(file) => format!("{file} has no SHA-256"),
        })
    };
    plan.iter().map(choose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        assert_eq!(
            plan,
            ["foo-bar 2.2.3", "requests 2.32.3", "torch 2.6.0+cu124"]
        );
        let why = added(" + a==1 (from https://h/a-1-py3-none-any.whl)\n").expect_err("no index");
        assert!(why.contains("a==1"), "{why}");
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
        for (arguments, named) in [
            (&["--compile-bytecode"][..], "--compile-bytecode"),
            (&["--no-binary", "numpy"], "--no-binary"),
            (&["--reinstall"], "--reinstall"),
        ] {
            let why = read(arguments).expect_err(named);
            assert!(why.contains(named), "{why}");
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
        let plan = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let sum = |allowed: Option<&[char]>| {
            let allowed =
                allowed.map(|it| it.iter().map(|sum| sum.to_string().repeat(64)).collect());
            let packages = chosen(&files, &plan, &tags, &allowed);
            packages.map(|packages| packages[0].wheel.sha256.chars().next())
        };
        assert_eq!(sum(None), Ok(Some('a')));
        assert_eq!(sum(Some(&['b'])), Ok(Some('b')));
        let why = sum(Some(&[])).expect_err("no sum");
        assert!(why.contains("a 1"), "{why}");
    }
}
