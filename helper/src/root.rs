//! A directory that is somebody's `/`.
//!
//! Takes absolute paths as the image means them; gives what stands there. Symbolic links are followed
//! inside the directory: an absolute target begins at its top, and `..` stops there. Knows nothing of
//! what the files are for.
//!
//! The image may be hostile. Only regular files are opened, so that a FIFO or a device cannot hold the
//! step up; what is read and listed is bounded; and a path that winds through too many links is an error.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// How many symbolic links one path may pass, as Linux counts (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;
/// How many names one path may have once its links are written out.
const MAX_STEPS: usize = 4096;

/// A root directory.
#[derive(Clone, Debug)]
pub struct Root {
    base: PathBuf,
}

/// Where a path leads: a path below the root without links, and what stands there.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Absolute, as the image means it.
    pub path: PathBuf,
    /// Of the file itself; never of a link.
    pub metadata: Metadata,
}

impl Root {
    /// The root whose top is `base`.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// Follows every link of `path`, also the last.
    pub fn resolve(&self, path: &Path) -> io::Result<Resolved> {
        self.walk(path, true)
    }

    /// Follows the links of `path` but the last: what stands at the name itself.
    pub fn entry(&self, path: &Path) -> io::Result<Resolved> {
        self.walk(path, false)
    }

    /// Whether nothing at all has this name, not even a link that leads nowhere.
    pub fn is_absent(&self, path: &Path) -> bool {
        matches!(self.entry(path), Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
    }

    /// Whether the path leads to a regular file.
    pub fn is_file(&self, path: &Path) -> bool {
        self.resolve(path)
            .is_ok_and(|found| found.metadata.is_file())
    }

    /// Whether the path leads to a directory.
    pub fn is_dir(&self, path: &Path) -> bool {
        self.resolve(path)
            .is_ok_and(|found| found.metadata.is_dir())
    }

    /// Where a folder is, or would be made if it is absent: a path without links. Nothing where something else stands there or on the way.
    pub fn folder(&self, path: &Path) -> Option<PathBuf> {
        let is_there = |above: &&Path| !self.is_absent(above);
        let above = path.ancestors().find(is_there)?;
        let found = self.resolve(above).ok()?;
        let below = path.strip_prefix(above).ok()?;
        let is_plain = |part| matches!(part, Component::Normal(_));
        if !found.metadata.is_dir() || !below.components().all(is_plain) {
            return None;
        }
        let mut folder = found.path;
        folder.extend(below.components());
        Some(folder)
    }

    /// The file that `path` leads to, if it is one that can be executed.
    pub fn executable(&self, path: &Path) -> Option<PathBuf> {
        let found = self.resolve(path).ok()?;
        let runs = found.metadata.is_file() && found.metadata.permissions().mode() & 0o111 != 0;
        runs.then_some(found.path)
    }

    /// The first `limit` bytes of a regular file.
    pub fn read_start(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let found = self.resolve(path)?;
        if !found.metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        let mut bytes = Vec::new();
        File::open(self.host(&found.path))?
            .take(limit)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The first `limit` bytes of a regular file as text; what is not UTF-8 is replaced.
    pub fn read_text(&self, path: &Path, limit: u64) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&self.read_start(path, limit)?).into_owned())
    }

    /// The names in a directory, sorted; an error if there are more than `limit`.
    pub fn list(&self, path: &Path, limit: usize) -> io::Result<Vec<OsString>> {
        let found = self.resolve(path)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(self.host(&found.path))? {
            if names.len() == limit {
                return Err(io::Error::other(format!(
                    "more than {limit} entries in {}",
                    path.display()
                )));
            }
            names.push(entry?.file_name());
        }
        names.sort();
        Ok(names)
    }

    /// The path by which this process reaches a path without links, as [`Self::resolve`] gives it.
    pub fn host(&self, resolved: &Path) -> PathBuf {
        let mut host = self.base.clone();
        host.extend(
            resolved
                .components()
                .filter(|part| matches!(part, Component::Normal(_))),
        );
        host
    }

    fn walk(&self, path: &Path, follow_last: bool) -> io::Result<Resolved> {
        let mut pending = Vec::new();
        push_reversed(&mut pending, path);
        let mut at = PathBuf::from("/");
        let mut metadata = fs::symlink_metadata(&self.base)?;
        let (mut links, mut steps) = (0, 0);

        while let Some(step) = pending.pop() {
            steps += 1;
            if steps > MAX_STEPS {
                return Err(too_winding());
            }
            let Step::Name(name) = step else {
                at.pop();
                metadata = fs::symlink_metadata(self.host(&at))?;
                continue;
            };
            if !metadata.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            at.push(name);
            metadata = fs::symlink_metadata(self.host(&at))?;
            if !metadata.is_symlink() || (pending.is_empty() && !follow_last) {
                continue;
            }

            links += 1;
            if links > MAX_LINKS {
                return Err(too_winding());
            }
            let target = fs::read_link(self.host(&at))?;
            at.pop();
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            metadata = fs::symlink_metadata(self.host(&at))?;
            push_reversed(&mut pending, &target);
        }
        Ok(Resolved { path: at, metadata })
    }
}

enum Step {
    Name(OsString),
    Up,
}

fn push_reversed(pending: &mut Vec<Step>, path: &Path) {
    for part in path.components().rev() {
        match part {
            Component::Normal(name) => pending.push(Step::Name(name.to_owned())),
            Component::ParentDir => pending.push(Step::Up),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
}

fn too_winding() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "too many levels of symbolic links",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> (tempfile::TempDir, Root) {
        let outside = tempfile::tempdir().expect("a scratch folder");
        let base = outside.path().join("image");
        fs::create_dir_all(base.join("usr/bin")).expect("folders");
        fs::create_dir_all(base.join("etc")).expect("folders");
        fs::write(outside.path().join("secret"), "outside").expect("a file");
        fs::write(base.join("usr/bin/tool"), "inside").expect("a file");
        fs::write(base.join("secret"), "top").expect("a file");
        (outside, Root::new(base))
    }

    #[test]
    fn no_path_leaves_the_root() {
        let (outside, root) = tree();
        let base = outside.path().join("image");
        symlink("/secret", base.join("absolute")).expect("a link");
        symlink("../../../../secret", base.join("etc/up")).expect("a link");
        symlink("usr/bin", base.join("bin")).expect("a link");
        symlink("/bin/tool", base.join("etc/tool")).expect("a link");
        symlink("loop", base.join("loop")).expect("a link");
        symlink("nowhere", base.join("dangling")).expect("a link");

        let cases: &[(&str, Option<(&str, &str)>)] = &[
            ("/absolute", Some(("/secret", "top"))),
            ("/etc/up", Some(("/secret", "top"))),
            ("/../../secret", Some(("/secret", "top"))),
            ("/etc/../../secret", Some(("/secret", "top"))),
            ("/bin/tool", Some(("/usr/bin/tool", "inside"))),
            ("/bin/../bin/tool", Some(("/usr/bin/tool", "inside"))),
            ("/etc/tool", Some(("/usr/bin/tool", "inside"))),
            ("/loop", None),
            ("/dangling", None),
            ("/usr/bin/tool/below", None),
            ("/usr/bin", None),
        ];
        for (path, expected) in cases {
            let read = root.read_text(Path::new(path), 100).ok();
            assert_eq!(read.as_deref(), expected.map(|(_, text)| text), "{path}");
            if let Some((resolved, _)) = expected {
                assert_eq!(
                    root.resolve(Path::new(path)).expect("resolves").path,
                    Path::new(resolved),
                    "{path}"
                );
            }
        }
        assert!(
            !root.is_absent(Path::new("/dangling")),
            "a link that leads nowhere is still there"
        );
        assert!(root.is_absent(Path::new("/usr/bin/none")));
    }

    #[test]
    fn what_is_not_a_regular_file_is_never_opened() {
        let (outside, root) = tree();
        let fifo = outside.path().join("image/etc/fifo");
        let made = std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("mkfifo");
        assert!(made.success());
        assert!(
            root.read_start(Path::new("/etc/fifo"), 10).is_err(),
            "and it returns at once"
        );
        assert!(
            root.executable(Path::new("/usr/bin/tool")).is_none(),
            "not executable"
        );
    }

    #[test]
    fn what_is_read_is_bounded() {
        let (outside, root) = tree();
        let big = File::create(outside.path().join("image/big")).expect("a file");
        big.set_len(1 << 40).expect("a sparse file");
        assert_eq!(
            root.read_start(Path::new("/big"), 16).expect("reads").len(),
            16
        );
        assert!(root.list(Path::new("/"), 2).is_err());
        assert_eq!(root.list(Path::new("/usr"), 2).expect("lists"), ["bin"]);
    }
}
