//! What installing leaves behind, put back to what it was.
//!
//! Takes paths of files and folders before a program runs; afterwards what was not there is removed, and a file that was
//! changed gets its content and times back. What was removed stays removed. Links are never followed, and nothing on another
//! mount is touched.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::report::Python;
use crate::root::Root;

/// Contents up to this size are remembered, and not more than [`MAX_BYTES`] in all.
const MAX_FILE: u64 = 8 * 1024 * 1024;
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// A folder with more entries is left alone: it is not one of leftovers.
const MAX_ENTRIES: usize = 100_000;

/// The paths that are watched, as they were.
pub(super) struct Traces {
    watched: Vec<Watched>,
}

enum Watched {
    /// Nothing was there.
    Absent(PathBuf),
    /// What was there: the path itself, and all below it.
    Present {
        path: PathBuf,
        device: u64,
        entries: BTreeMap<PathBuf, Entry>,
    },
}

struct Entry {
    metadata: Metadata,
    bytes: Option<Vec<u8>>,
}

impl Traces {
    /// Remembers `paths`.
    pub(super) fn of(root: &Root, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        let mut left = MAX_BYTES;
        let watched = paths
            .into_iter()
            .filter_map(|path| watch(root, path.as_ref(), &mut left));
        Self {
            watched: watched.collect(),
        }
    }

    /// The same, without the folders that a Python or its packages lie in, where nothing is a leftover: uv's Pythons are below
    /// `/root/.local/share/uv`, and some environments are in `/tmp`.
    pub(super) fn around<'a>(
        root: &Root,
        python: &Python,
        paths: impl IntoIterator<Item = &'a Path>,
    ) -> Self {
        let named = || python.site.iter().chain([&python.prefix]);
        let real = named().filter_map(|place| root.resolve(place).ok());
        let places: Vec<PathBuf> = named().cloned().chain(real.map(|it| it.path)).collect();
        let holds_none = |path: &&Path| !places.iter().any(|place| place.starts_with(path));
        Self::of(root, paths.into_iter().filter(holds_none))
    }

    /// Puts everything back. What cannot be put back stays: it is no reason to fail.
    pub(super) fn restore(self) {
        for watched in self.watched {
            match watched {
                Watched::Absent(path) => remove(&path),
                Watched::Present {
                    path,
                    device,
                    entries,
                } => restore(&path, device, &entries),
            }
        }
    }
}

fn watch(root: &Root, path: &Path, left: &mut u64) -> Option<Watched> {
    let Ok(found) = root.entry(path) else {
        // The folder above may come with the package; then the name is still one that was absent.
        return root
            .is_absent(path)
            .then(|| Watched::Absent(root.host(path)));
    };
    if found.metadata.is_symlink() {
        return None;
    }
    let path = root.host(&found.path);
    let device = found.metadata.dev();
    let mut entries = BTreeMap::new();
    for (path, metadata) in walk(&path, device)? {
        let small = metadata.is_file() && metadata.len() <= MAX_FILE.min(*left);
        let bytes = if small { fs::read(&path).ok() } else { None };
        *left -= bytes
            .as_ref()
            .map_or(0, |bytes| bytes.len() as u64)
            .min(*left);
        entries.insert(path, Entry { metadata, bytes });
    }
    Some(Watched::Present {
        path,
        device,
        entries,
    })
}

/// A path and all below it on the same device, parents first; nothing if there is too much of it.
fn walk(top: &Path, device: u64) -> Option<Vec<(PathBuf, Metadata)>> {
    let mut found = Vec::new();
    let mut pending = vec![top.to_owned()];
    while let Some(path) = pending.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        if metadata.dev() != device {
            continue;
        }
        if metadata.is_dir() {
            let below = fs::read_dir(&path).into_iter().flatten().flatten();
            pending.extend(below.map(|entry| entry.path()).take(MAX_ENTRIES));
        }
        found.push((path, metadata));
        if found.len() + pending.len() > MAX_ENTRIES {
            return None;
        }
    }
    Some(found)
}

fn restore(top: &Path, device: u64, before: &BTreeMap<PathBuf, Entry>) {
    let now = walk(top, device).unwrap_or_default();
    for (path, _) in &now {
        let is_new = !before.contains_key(path);
        let in_old = path
            .parent()
            .is_some_and(|parent| before.contains_key(parent));
        if is_new && in_old {
            remove(path);
        }
    }
    for (path, metadata) in &now {
        if let Some(entry) = before.get(path)
            && metadata.is_file()
            && is_changed(&entry.metadata, metadata)
            && let Some(bytes) = &entry.bytes
        {
            let _ = rewrite(path, bytes).and_then(|()| restore_times(path, &entry.metadata));
        }
    }
    // Children first, for removing one changes the time of its folder.
    for (path, entry) in before
        .iter()
        .rev()
        .filter(|(_, entry)| entry.metadata.is_dir())
    {
        if fs::symlink_metadata(path)
            .is_ok_and(|now| now.is_dir() && is_changed(&entry.metadata, &now))
        {
            let _ = restore_times(path, &entry.metadata);
        }
    }
}

fn is_changed(before: &Metadata, now: &Metadata) -> bool {
    let state = |it: &Metadata| (it.ino(), it.len(), it.mtime(), it.mtime_nsec());
    state(before) != state(now)
}

/// Writes only where the content is another: a file that is not written is not in the layer.
fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path)? == bytes {
        Ok(())
    } else {
        fs::write(path, bytes)
    }
}

fn restore_times(path: &Path, metadata: &Metadata) -> io::Result<()> {
    let times = FileTimes::new()
        .set_modified(metadata.modified()?)
        .set_accessed(metadata.accessed()?);
    File::open(path)?.set_times(times)
}

fn remove(path: &Path) {
    let _ = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn everything_is_as_it_was() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let base = folder.path();
        let write = |path: &str, text: &str| {
            let path = base.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        };
        write("var/log/dpkg.log", "old\n");
        write("var/log/apt/history.log", "old\n");
        write("var/lib/apt/lists/mirror_Packages", "list");
        write("keep/file", "kept");
        symlink("../../keep", base.join("var/log/link")).expect("a link");
        let listing = |base: &Path| {
            let mut all: Vec<_> = walk(base, fs::metadata(base).expect("a folder").dev())
                .expect("small")
                .into_iter()
                .map(|(path, it)| (path, it.len(), it.mtime(), it.mtime_nsec()))
                .collect();
            all.sort();
            all
        };
        let before = listing(&base.join("var/lib"));
        let log_before = fs::metadata(base.join("var/log/dpkg.log"))
            .expect("a file")
            .modified()
            .expect("a time");

        let watched = [
            "/var/log/dpkg.log",
            "/var/log/apt",
            "/var/lib/apt/lists",
            "/var/cache/apt",
            "/var/log/link",
            "/tmp",
        ];
        let traces = Traces::of(&Root::new(base), watched);
        std::thread::sleep(std::time::Duration::from_millis(20));
        write("var/log/dpkg.log", "old\nnew\n");
        write("var/log/apt/history.log", "new");
        write("var/log/apt/term.log", "new");
        write("var/lib/apt/lists/partial/x", "new");
        write("var/cache/apt/archives/curl.deb", "new");
        write("keep/new", "also kept");
        write("tmp/x/y", "new");
        symlink("/keep", base.join("var/lib/apt/lists/escape")).expect("a link");
        traces.restore();

        assert_eq!(listing(&base.join("var/lib")), before);
        assert_eq!(
            fs::read_to_string(base.join("var/log/dpkg.log")).expect("a file"),
            "old\n"
        );
        let log_after = fs::metadata(base.join("var/log/dpkg.log"))
            .expect("a file")
            .modified()
            .expect("a time");
        assert_eq!(log_after, log_before);
        assert_eq!(
            fs::read_to_string(base.join("var/log/apt/history.log")).expect("a file"),
            "old\n"
        );
        for gone in ["var/log/apt/term.log", "var/cache/apt", "tmp"] {
            assert!(!base.join(gone).exists(), "{gone}");
        }
        for kept in ["keep/file", "keep/new", "var/log/link"] {
            assert!(base.join(kept).exists(), "{kept}");
        }
    }
}
