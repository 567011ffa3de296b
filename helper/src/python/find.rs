//! Which Python fal will run, and under which name.
//!
//! fal starts `<prefix>/bin/python{X.Y}`, else `<prefix>/bin/python`, where the prefix is that of the Python its agent runs in
//! (isolate: `connections/_local/_base.py`, `backends/container.py`); `python3` alone is not tried. fal's pages also ask for
//! `python` on the usual paths. So: the interpreter that PATH gives, its prefix, that rule, and the names that are missing.

use std::path::{Path, PathBuf};

use crate::python::Minor;
use crate::python::interpreter::{Interpreter, Unknown, inspect};
use crate::root::Root;
use crate::search;

/// What of the image's config decides.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The directories of the final PATH.
    pub path: &'a [PathBuf],
    /// The final working directory.
    pub working_dir: &'a Path,
    /// `ISOLATE_CONTAINER_PYTHON_EXEC_PREFIX`, which isolate prefers to the prefix of its own Python.
    pub exec_prefix: Option<&'a Path>,
}

/// The Python that fal will run.
#[derive(Clone, Debug)]
pub struct Found {
    /// The interpreter behind the name that PATH gave.
    pub interpreter: Interpreter,
    /// What fal starts: `<prefix>/bin/python3.11` or `<prefix>/bin/python`; it may be one of the missing names.
    pub executable: PathBuf,
    /// Names that are absent and to be linked: path, target.
    pub missing: Vec<(PathBuf, PathBuf)>,
}

/// Why none is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// Nothing is called `python`.
    Absent,
    /// Something is, but it cannot be told what it is.
    Unknown(PathBuf, Unknown),
    /// Only other versions: the first of them.
    Other(PathBuf, Minor),
}

/// Finds the Python of a minor version, or the one that `python` or `python3` starts.
pub fn find(root: &Root, facts: &Facts<'_>, wanted: Option<Minor>) -> Result<Found, NotFound> {
    let mut search = Search {
        root,
        working_dir: facts.working_dir,
        wanted,
        rejected: NotFound::Absent,
    };
    let interpreter = candidates(root, facts, wanted)
        .into_iter()
        .find_map(|path| search.consider(&path));
    let interpreter = interpreter.ok_or(search.rejected)?;
    let (executable, mut missing) = executable_of(root, &interpreter, facts.working_dir);
    missing.extend(missing_on_path(root, facts, &interpreter, &missing));
    Ok(Found {
        interpreter,
        executable,
        missing,
    })
}

struct Search<'a> {
    root: &'a Root,
    working_dir: &'a Path,
    wanted: Option<Minor>,
    rejected: NotFound,
}

impl Search<'_> {
    fn consider(&mut self, path: &Path) -> Option<Interpreter> {
        match inspect(self.root, path, self.working_dir) {
            Ok(interpreter) if self.wanted.is_none_or(|wanted| interpreter.minor == wanted) => {
                Some(interpreter)
            }
            Ok(other) => {
                if !matches!(self.rejected, NotFound::Other(..)) {
                    self.rejected = NotFound::Other(path.to_owned(), other.minor);
                }
                None
            }
            Err(Unknown::Absent) => None,
            Err(why) => {
                if self.rejected == NotFound::Absent {
                    self.rejected = NotFound::Unknown(path.to_owned(), why);
                }
                None
            }
        }
    }
}

/// Every path that may be the interpreter, best first.
///
/// With a version asked for, the first *directory* that has it decides, so that a virtual environment in front
/// wins though it may have no `python3.11`. Without one it is what the user's shell would start.
fn candidates(root: &Root, facts: &Facts<'_>, wanted: Option<Minor>) -> Vec<PathBuf> {
    let own;
    let path = match facts.exec_prefix {
        Some(prefix) => {
            own = [prefix.join("bin")];
            &own
        }
        None => facts.path,
    };
    if let Some(minor) = wanted {
        let names = [
            format!("python{minor}"),
            "python".to_owned(),
            "python3".to_owned(),
        ];
        return path
            .iter()
            .flat_map(|directory| names.iter().map(|name| directory.join(name)))
            .collect();
    }
    let plain = ["python", "python3"]
        .into_iter()
        .flat_map(|name| path.iter().map(move |it| it.join(name)));
    plain
        .chain(
            path.iter()
                .flat_map(|directory| versioned_in(root, directory)),
        )
        .collect()
}

/// `python3.12`, `python3.9`, … of a directory, newest first.
fn versioned_in(root: &Root, directory: &Path) -> Vec<PathBuf> {
    let names = root.list(directory, 100_000).unwrap_or_default();
    let mut minors: Vec<Minor> = names
        .iter()
        .filter_map(|name| name.to_str()?.strip_prefix("python")?.parse().ok())
        .collect();
    minors.sort_by_key(|minor| std::cmp::Reverse(*minor));
    minors
        .into_iter()
        .map(|minor| directory.join(format!("python{minor}")))
        .collect()
}

/// isolate's rule within the prefix, and the link that makes it hold.
fn executable_of(
    root: &Root,
    python: &Interpreter,
    working_dir: &Path,
) -> (PathBuf, Vec<(PathBuf, PathBuf)>) {
    let bin = python.prefix.join("bin");
    let versioned = bin.join(format!("python{}", python.minor));
    let plain = bin.join("python");
    let is_this = |path: &Path| {
        inspect(root, path, working_dir)
            .is_ok_and(|it| it.minor == python.minor && it.prefix == python.prefix)
    };
    let target = link_target(root, &bin, &python.command);

    if is_this(&versioned) {
        let missing = if root.is_absent(&plain) {
            vec![(plain, versioned_name(python))]
        } else {
            Vec::new()
        };
        return (versioned, missing);
    }
    if is_this(&plain) {
        return (plain, Vec::new());
    }
    // Another Python may own the plain name; the versioned name is then free to be ours.
    let name = if root.is_absent(&plain) {
        plain
    } else {
        versioned
    };
    let missing = if root.is_absent(&name) {
        vec![(name.clone(), target)]
    } else {
        Vec::new()
    };
    (name, missing)
}

fn versioned_name(python: &Interpreter) -> PathBuf {
    PathBuf::from(format!("python{}", python.minor))
}

/// A name beside the link where there is one, else the whole path.
fn link_target(root: &Root, bin: &Path, command: &Path) -> PathBuf {
    let beside = command
        .parent()
        .and_then(|directory| root.resolve(directory).ok())
        .map(|it| it.path);
    match (beside, root.resolve(bin), command.file_name()) {
        (Some(beside), Ok(bin), Some(name)) if beside == bin.path => PathBuf::from(name),
        _ => command.to_owned(),
    }
}

/// When PATH has no `python` at all, one beside the name that was found there.
fn missing_on_path(
    root: &Root,
    facts: &Facts<'_>,
    python: &Interpreter,
    linked: &[(PathBuf, PathBuf)],
) -> Option<(PathBuf, PathBuf)> {
    let on_path = |directory: &Path| {
        facts
            .path
            .iter()
            .any(|it| same_directory(root, it, directory))
    };
    let directory = python.command.parent()?;
    if facts.exec_prefix.is_some()
        || search::program(root, facts.path, "python").is_some()
        || !on_path(directory)
    {
        return None;
    }
    let is_linked = linked
        .iter()
        .any(|(path, _)| path.ends_with("python") && path.parent().is_some_and(&on_path));
    let link = directory.join("python");
    (!is_linked && root.is_absent(&link))
        .then(|| Some((link, PathBuf::from(python.command.file_name()?))))?
}

fn same_directory(root: &Root, one: &Path, other: &Path) -> bool {
    one == other
        || matches!((root.resolve(one), root.resolve(other)), (Ok(one), Ok(other)) if one.path == other.path)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// An image of a few files.
    pub(crate) struct Image {
        folder: tempfile::TempDir,
        pub(crate) root: Root,
    }

    impl Image {
        pub(crate) fn new() -> Self {
            let folder = tempfile::tempdir().expect("a scratch folder");
            let root = Root::new(folder.path());
            Self { folder, root }
        }

        fn make(&self, path: &str) -> PathBuf {
            let path = self.folder.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            path
        }

        pub(crate) fn file(self, path: &str, text: &str) -> Self {
            fs::write(self.make(path), text).expect("a file");
            self
        }

        pub(crate) fn program(self, path: &str, text: &str) -> Self {
            let host = self.make(path);
            fs::write(&host, text).expect("a file");
            fs::set_permissions(host, fs::Permissions::from_mode(0o755)).expect("a mode");
            self
        }

        /// A program that a test starts. Another process writes it: a descriptor of this one could be inherited by a
        /// child of another test, and then the file is busy.
        pub(crate) fn script(self, path: &str, text: &str) -> Self {
            let (from, to) = (self.make("/script"), self.make(path));
            fs::write(&from, text).expect("a file");
            let copied = std::process::Command::new("install")
                .arg("-m755")
                .args([&from, &to])
                .status();
            assert!(copied.expect("install").success());
            fs::remove_file(from).expect("removes");
            self
        }

        pub(crate) fn link(self, path: &str, target: &str) -> Self {
            symlink(target, self.make(path)).expect("a link");
            self
        }

        /// A binary and a library, and no other name.
        pub(crate) fn python(self, prefix: &str, minor: &str) -> Self {
            self.program(&format!("{prefix}/bin/python{minor}"), "\x7fELF")
                .file(&format!("{prefix}/lib/python{minor}/os.py"), "")
                .file(&format!("{prefix}/lib/python{minor}/site.py"), "")
        }

        pub(crate) fn venv(self, prefix: &str, home: &str, minor: &str, target: &str) -> Self {
            self.file(
                &format!("{prefix}/pyvenv.cfg"),
                &format!("home = {home}\nversion = {minor}.7\n"),
            )
            .link(&format!("{prefix}/bin/python"), target)
            .file(
                &format!("{prefix}/lib/python{minor}/site-packages/x.pth"),
                "",
            )
        }

        pub(crate) fn package(self, site: &str, name: &str, version: &str) -> Self {
            let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
            self.file(
                &format!(
                    "{site}/{}-{version}.dist-info/METADATA",
                    name.replace('-', "_")
                ),
                &text,
            )
        }
    }

    fn outcome(image: &Image, path: &str, wanted: Option<&str>) -> String {
        let path = search::directories(path, Path::new("/"));
        let facts = Facts {
            path: &path,
            working_dir: Path::new("/"),
            exec_prefix: None,
        };
        match find(
            &image.root,
            &facts,
            wanted.map(|minor| minor.parse().expect("a minor")),
        ) {
            Ok(found) => {
                let links: Vec<String> = found
                    .missing
                    .iter()
                    .map(|(path, target)| format!(" {}->{}", path.display(), target.display()))
                    .collect();
                format!(
                    "{} {}{}",
                    found.interpreter.minor,
                    found.executable.display(),
                    links.concat()
                )
            }
            Err(NotFound::Absent) => "none".to_owned(),
            Err(NotFound::Other(path, minor)) => format!("other {minor} {}", path.display()),
            Err(NotFound::Unknown(path, why)) => format!("{why:?} {}", path.display()),
        }
    }

    const DEFAULT: &str = search::DEFAULT_PATH;

    #[test]
    fn the_python_that_fal_will_run() {
        let docker = || {
            Image::new()
                .python("/usr/local", "3.11")
                .link("/usr/local/bin/python3", "python3.11")
                .link("/usr/local/bin/python", "python3")
        };
        let debian = || {
            Image::new()
                .python("/usr", "3.11")
                .link("/usr/bin/python3", "python3.11")
        };

        let cases: Vec<(&str, Image, &str, Option<&str>, &str)> = vec![
            ("nothing", Image::new(), DEFAULT, None, "none"),
            (
                "docker's",
                docker(),
                DEFAULT,
                None,
                "3.11 /usr/local/bin/python3.11",
            ),
            (
                "docker's, as asked",
                docker(),
                DEFAULT,
                Some("3.11"),
                "3.11 /usr/local/bin/python3.11",
            ),
            (
                "another was asked",
                docker(),
                DEFAULT,
                Some("3.12"),
                "other 3.11 /usr/local/bin/python",
            ),
            (
                "debian's",
                debian(),
                DEFAULT,
                None,
                "3.11 /usr/bin/python3.11 /usr/bin/python->python3.11",
            ),
            (
                "only a versioned name",
                Image::new().python("/usr", "3.12"),
                DEFAULT,
                None,
                "3.12 /usr/bin/python3.12 /usr/bin/python->python3.12",
            ),
            (
                "the newest of versioned names",
                Image::new().python("/usr", "3.9").python("/usr", "3.12"),
                DEFAULT,
                None,
                "3.12 /usr/bin/python3.12 /usr/bin/python->python3.12",
            ),
            (
                "two, one asked for",
                debian()
                    .python("/usr", "3.12")
                    .link("/usr/bin/python", "python3.11"),
                DEFAULT,
                Some("3.12"),
                "3.12 /usr/bin/python3.12",
            ),
            (
                "a virtual environment in front without the versioned name",
                docker().venv(
                    "/venv",
                    "/usr/local/bin",
                    "3.11",
                    "/usr/local/bin/python3.11",
                ),
                "/venv/bin:/usr/local/bin:/usr/bin",
                Some("3.11"),
                "3.11 /venv/bin/python",
            ),
            (
                "python is Python 2",
                Image::new()
                    .python("/usr", "2.7")
                    .link("/usr/bin/python", "python2.7")
                    .python("/usr", "3.10")
                    .link("/usr/bin/python3", "python3.10"),
                DEFAULT,
                Some("3.10"),
                "3.10 /usr/bin/python3.10",
            ),
            (
                "the name that isolate looks for is missing",
                Image::new()
                    .program("/opt/py/bin/python3", "\x7fELF")
                    .file("/opt/py/lib/python3.11/os.py", ""),
                "/opt/py/bin",
                None,
                "3.11 /opt/py/bin/python /opt/py/bin/python->python3",
            ),
            (
                "uv's link on PATH",
                Image::new()
                    .python("/root/.local/share/uv/python/cpython-3.11", "3.11")
                    .link(
                        "/root/.local/share/uv/python/cpython-3.11/bin/python",
                        "python3.11",
                    )
                    .link(
                        "/root/.local/bin/python3.11",
                        "/root/.local/share/uv/python/cpython-3.11/bin/python3.11",
                    ),
                "/root/.local/bin",
                Some("3.11"),
                "3.11 /root/.local/share/uv/python/cpython-3.11/bin/python3.11 /root/.local/bin/python->python3.11",
            ),
            (
                "merged /usr is one directory",
                debian().link("/bin", "usr/bin"),
                "/bin:/usr/bin",
                Some("3.11"),
                "3.11 /usr/bin/python3.11 /usr/bin/python->python3.11",
            ),
            (
                "a name that leads nowhere is somebody's",
                debian().link("/usr/bin/python", "gone"),
                DEFAULT,
                None,
                "3.11 /usr/bin/python3.11",
            ),
            (
                "a script",
                Image::new().program("/usr/bin/python3", "#!/bin/sh"),
                DEFAULT,
                None,
                "Script /usr/bin/python3",
            ),
        ];
        for (situation, image, path, wanted, expected) in cases {
            assert_eq!(outcome(&image, path, wanted), expected, "{situation}");
        }
    }

    #[test]
    fn isolates_own_prefix_comes_first() {
        let image = Image::new()
            .python("/usr", "3.11")
            .python("/opt/agent", "3.11");
        let path = search::directories(DEFAULT, Path::new("/"));
        let prefix = Path::new("/opt/agent");
        let facts = Facts {
            path: &path,
            working_dir: Path::new("/"),
            exec_prefix: Some(prefix),
        };
        let found =
            find(&image.root, &facts, Some("3.11".parse().expect("a minor"))).expect("found");
        assert_eq!(found.executable, Path::new("/opt/agent/bin/python3.11"));
        assert_eq!(
            found.missing,
            [(
                PathBuf::from("/opt/agent/bin/python"),
                PathBuf::from("python3.11")
            )]
        );
    }
}
