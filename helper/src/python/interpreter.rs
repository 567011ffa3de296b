//! One executable: which Python it is, and where its prefix lies.
//!
//! Takes a path as PATH gives it; gives what `sys.prefix`, `sys.base_prefix` and the standard library will be once it runs.
//! The rule is CPython's `Modules/getpath.py`: a `pyvenv.cfg` beside the path as it was called makes a virtual environment;
//! else the prefix is searched upward from where the path's links lead.

use std::path::{Path, PathBuf};

use crate::python::Minor;
use crate::root::Root;

/// More versions than this have never been installed side by side.
const MAX_ENTRIES: usize = 20_000;
const CONFIG_LIMIT: u64 = 64 * 1024;

/// An interpreter, as it will see itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The path that was asked about; for a pyenv shim, what the shim will start.
    pub command: PathBuf,
    /// The version of the language.
    pub minor: Minor,
    /// `sys.prefix`.
    pub prefix: PathBuf,
    /// `sys.base_prefix`; differs from the prefix in a virtual environment.
    pub base_prefix: PathBuf,
    /// The directory of `os.py`.
    pub stdlib: PathBuf,
    /// Who made it.
    pub kind: Kind,
    /// A virtual environment that sees the packages of its base.
    pub sees_base: bool,
}

/// Who made an interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Installed by the distribution, or built into a prefix of its own.
    System,
    /// A virtual environment.
    Venv,
    /// A conda environment.
    Conda,
    /// Unpacked by uv.
    Uv,
    /// Built by pyenv.
    Pyenv,
}

/// Why an executable called `python` is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// There is nothing that can be executed.
    Absent,
    /// A script that is no pyenv shim: only running it would tell what it starts.
    Script,
    /// No standard library belongs to it.
    NoLibrary,
}

/// Reads what `command` is. `working_dir` is where pyenv's shims look for `.python-version`.
pub fn inspect(root: &Root, command: &Path, working_dir: &Path) -> Result<Interpreter, Unknown> {
    let real = root.executable(command).ok_or(Unknown::Absent)?;
    if is_script(root, &real) {
        let target = shim_target(root, command, working_dir).ok_or(Unknown::Script)?;
        let real = root.executable(&target).ok_or(Unknown::Absent)?;
        return if is_script(root, &real) {
            Err(Unknown::Script)
        } else {
            binary(root, &target, &real)
        };
    }
    binary(root, command, &real)
}

fn binary(root: &Root, command: &Path, real: &Path) -> Result<Interpreter, Unknown> {
    if let Some((prefix, config)) = environment_config(root, command) {
        return virtual_environment(root, command, real, prefix, &config);
    }
    let library = library_above(root, real, version_in_name(real)).ok_or(Unknown::NoLibrary)?;
    Ok(Interpreter {
        command: command.to_owned(),
        minor: library.minor,
        kind: kind(root, &library.prefix),
        prefix: library.prefix.clone(),
        base_prefix: library.prefix,
        stdlib: library.path,
        sees_base: false,
    })
}

/// `pyvenv.cfg` in the parent of the directory of the command, or in that directory itself.
fn environment_config(root: &Root, command: &Path) -> Option<(PathBuf, String)> {
    let directory = command.parent()?;
    [directory.parent(), Some(directory)]
        .into_iter()
        .flatten()
        .find_map(|prefix| {
            let text = root
                .read_text(&prefix.join("pyvenv.cfg"), CONFIG_LIMIT)
                .ok()?;
            Some((prefix.to_owned(), text))
        })
}

fn virtual_environment(
    root: &Root,
    command: &Path,
    real: &Path,
    prefix: PathBuf,
    config: &str,
) -> Result<Interpreter, Unknown> {
    let value = |key: &str| {
        let pairs = config.lines().filter_map(|line| line.split_once('='));
        pairs
            .map(|(name, value)| (name.trim(), value.trim()))
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
    };
    // `version = 3.11.7`, or `version_info = 3.11.7.final.0` of virtualenv and uv.
    let written = [value("version"), value("version_info")]
        .into_iter()
        .flatten()
        .find_map(|(_, it)| leading_minor(it));
    let wanted = version_in_name(real).or(written);
    let home = value("home").map(|(_, home)| Path::new("/").join(home));
    let base = home.and_then(|home| {
        let home = root.resolve(&home).ok()?.path;
        library_above(root, &home.join("python"), wanted)
    });
    let base = base
        .or_else(|| library_above(root, real, wanted))
        .ok_or(Unknown::NoLibrary)?;
    let sees_base = value("include-system-site-packages")
        .is_some_and(|(_, answer)| answer.eq_ignore_ascii_case("true"));
    Ok(Interpreter {
        command: command.to_owned(),
        minor: base.minor,
        prefix,
        base_prefix: base.prefix,
        stdlib: base.path,
        kind: Kind::Venv,
        sees_base,
    })
}

struct Library {
    prefix: PathBuf,
    path: PathBuf,
    minor: Minor,
}

/// The standard library found from the directory of an executable upward, then, as the prefix that is compiled in
/// cannot be read, where prefixes usually are. The latter needs a version: a `python` may be PyPy.
fn library_above(root: &Root, executable: &Path, wanted: Option<Minor>) -> Option<Library> {
    let above = executable.ancestors().skip(1);
    let usual: &[&str] = if wanted.is_some() {
        &["/usr/local", "/usr"]
    } else {
        &[]
    };
    above
        .chain(usual.iter().map(Path::new))
        .find_map(|prefix| library_in(root, prefix, wanted))
}

fn library_in(root: &Root, prefix: &Path, wanted: Option<Minor>) -> Option<Library> {
    let candidates: Vec<Library> = ["lib", "lib64"]
        .iter()
        .flat_map(|name| {
            let directory = prefix.join(name);
            let minors = match wanted {
                Some(minor) => vec![minor],
                None => minors_in(root, &directory),
            };
            minors
                .into_iter()
                .map(move |minor| (directory.join(format!("python{minor}")), minor))
        })
        .filter(|(path, _)| {
            ["os.py", "os.pyc"]
                .iter()
                .any(|landmark| root.is_file(&path.join(landmark)))
        })
        .map(|(path, minor)| Library {
            prefix: prefix.to_owned(),
            path,
            minor,
        })
        .collect();
    // Two libraries and a binary whose name does not say which: only running it would tell.
    let minor = candidates.first()?.minor;
    if candidates.iter().any(|other| other.minor != minor) {
        return None;
    }
    candidates.into_iter().next()
}

fn minors_in(root: &Root, directory: &Path) -> Vec<Minor> {
    let names = root.list(directory, MAX_ENTRIES).unwrap_or_default();
    names
        .iter()
        .filter_map(|name| name.to_str()?.strip_prefix("python")?.parse().ok())
        .collect()
}

/// `3.11` of `python3.11`, `python3.11d` or `python3.13t`.
fn version_in_name(executable: &Path) -> Option<Minor> {
    let name = executable.file_name()?.to_str()?.strip_prefix("python")?;
    name.trim_end_matches(|last: char| last.is_ascii_alphabetic())
        .parse()
        .ok()
}

/// `3.11` of `3.11.7.final.0`.
fn leading_minor(text: &str) -> Option<Minor> {
    let mut parts = text.split('.');
    format!("{}.{}", parts.next()?, parts.next()?).parse().ok()
}

fn kind(root: &Root, prefix: &Path) -> Kind {
    let spelled = prefix.to_string_lossy();
    if root.is_dir(&prefix.join("conda-meta")) {
        Kind::Conda
    } else if spelled.contains("/uv/python/") {
        Kind::Uv
    } else if spelled.contains("/.pyenv/versions/") || spelled.contains("/pyenv/versions/") {
        Kind::Pyenv
    } else {
        Kind::System
    }
}

fn is_script(root: &Root, path: &Path) -> bool {
    root.read_start(path, 2).is_ok_and(|start| start == b"#!")
}

/// What pyenv's shim `<root>/shims/python` starts: the version that `.python-version` or `<root>/version` names.
fn shim_target(root: &Root, shim: &Path, working_dir: &Path) -> Option<PathBuf> {
    let shims = shim.parent()?;
    let pyenv = shims.parent().filter(|_| shims.ends_with("shims"))?;
    let versions = pyenv.join("versions");
    let installed = root.list(&versions, MAX_ENTRIES).ok()?;
    let name = shim.file_name()?;

    let local = working_dir
        .ancestors()
        .map(|directory| directory.join(".python-version"));
    let wanted = local.chain([pyenv.join("version")]).find_map(|file| {
        root.read_text(&file, 4096)
            .ok()
            .filter(|text| !text.trim().is_empty())
    })?;
    wanted
        .split([' ', '\t', '\r', '\n', ':'])
        .filter(|word| is_version_name(word))
        .find_map(|word| {
            let newest = installed
                .iter()
                .filter_map(|name| name.to_str())
                .filter(|name| {
                    name.strip_prefix(word)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                })
                .max_by_key(|name| (*name == word, numbers(name)))?;
            let target = versions.join(newest).join("bin").join(name);
            root.executable(&target).map(|_| target)
        })
}

fn is_version_name(word: &str) -> bool {
    !word.is_empty() && !word.contains('/') && !word.starts_with('.')
}

fn numbers(name: &str) -> Vec<u64> {
    name.split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::find::tests::Image;

    fn minor(text: &str) -> Minor {
        text.parse().expect("a minor")
    }

    #[test]
    fn what_an_executable_is() {
        let image = Image::new()
            .python("/usr/local", "3.11")
            .link("/usr/local/bin/python", "python3")
            .link("/usr/local/bin/python3", "python3.11")
            .python("/usr", "3.9")
            .venv(
                "/srv/venv",
                "/usr/local/bin",
                "3.11",
                "/usr/local/bin/python3.11",
            )
            .link("/usr/local/sbin/python", "/srv/venv/bin/python")
            .python("/opt/conda", "3.12")
            .file("/opt/conda/conda-meta/history", "")
            .link("/opt/conda/bin/python", "python3.12")
            .python(
                "/root/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu",
                "3.13",
            )
            .link(
                "/root/.local/bin/python3.13",
                "/root/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu/bin/python3.13",
            )
            .python("/root/.pyenv/versions/3.10.13", "3.10")
            .link("/root/.pyenv/versions/3.10.13/bin/python", "python3.10")
            .python("/root/.pyenv/versions/3.10.2", "3.10")
            .link("/root/.pyenv/versions/3.10.2/bin/python", "python3.10")
            .program("/root/.pyenv/shims/python", "#!/usr/bin/env bash\n")
            .file("/root/.pyenv/version", "3.10\n")
            .file("/srv/pinned/.python-version", "# not\n3.10.2\n")
            .program("/usr/bin/wrapper", "#!/bin/sh\n")
            .program("/opt/pypy/bin/pypy3.10", "\x7fELF")
            .link("/opt/pypy/bin/python", "pypy3.10")
            .program("/opt/two/bin/python3", "\x7fELF")
            .file("/opt/two/lib/python3.11/os.py", "")
            .file("/opt/two/lib/python3.12/os.py", "")
            .program("/odd/python3.11", "\x7fELF");
        type Expected = Result<(&'static str, &'static str, &'static str, Kind), Unknown>;
        let cases: &[(&str, &str, Expected)] = &[
            (
                "/usr/local/bin/python",
                "/",
                Ok(("3.11", "/usr/local", "/usr/local", Kind::System)),
            ),
            (
                "/usr/bin/python3.9",
                "/",
                Ok(("3.9", "/usr", "/usr", Kind::System)),
            ),
            (
                "/srv/venv/bin/python",
                "/",
                Ok(("3.11", "/srv/venv", "/usr/local", Kind::Venv)),
            ),
            // A link from outside loses the environment.
            (
                "/usr/local/sbin/python",
                "/",
                Ok(("3.11", "/usr/local", "/usr/local", Kind::System)),
            ),
            (
                "/opt/conda/bin/python",
                "/",
                Ok(("3.12", "/opt/conda", "/opt/conda", Kind::Conda)),
            ),
            (
                "/root/.local/bin/python3.13",
                "/",
                Ok((
                    "3.13",
                    "/root/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu",
                    "/root/.local/share/uv/python/cpython-3.13.1-linux-x86_64-gnu",
                    Kind::Uv,
                )),
            ),
            (
                "/root/.pyenv/shims/python",
                "/",
                Ok((
                    "3.10",
                    "/root/.pyenv/versions/3.10.13",
                    "/root/.pyenv/versions/3.10.13",
                    Kind::Pyenv,
                )),
            ),
            (
                "/root/.pyenv/shims/python",
                "/srv/pinned/below",
                Ok((
                    "3.10",
                    "/root/.pyenv/versions/3.10.2",
                    "/root/.pyenv/versions/3.10.2",
                    Kind::Pyenv,
                )),
            ),
            ("/usr/bin/wrapper", "/", Err(Unknown::Script)),
            ("/usr/bin/none", "/", Err(Unknown::Absent)),
            ("/opt/pypy/bin/python", "/", Err(Unknown::NoLibrary)),
            ("/opt/two/bin/python3", "/", Err(Unknown::NoLibrary)),
            // Its compiled-in prefix is most likely /usr/local.
            (
                "/odd/python3.11",
                "/",
                Ok(("3.11", "/usr/local", "/usr/local", Kind::System)),
            ),
        ];
        for (command, working_dir, expected) in cases {
            let found = inspect(&image.root, Path::new(command), Path::new(working_dir))
                .map(|it| (it.minor, it.prefix, it.base_prefix, it.kind));
            let expected = expected.clone().map(|(version, prefix, base, kind)| {
                (
                    minor(version),
                    PathBuf::from(prefix),
                    PathBuf::from(base),
                    kind,
                )
            });
            assert_eq!(found, expected, "{command} in {working_dir}");
        }
    }
}
