//! Folders and files with their modes, owners and times.
//!
//! Takes paths as the image means them; writes them below a folder that is empty. Everything is as old as an archive can tell, and
//! root's, unless somebody says otherwise. Knows nothing of wheels.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use crate::failure::Failure;
use crate::wheel::messages;

/// 1980-01-01T00:00:00Z, the first moment that a zip archive knows.
const THEN: Duration = Duration::from_secs(315_532_800);

/// A folder's mode and owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) mode: u32,
    pub(super) owner: Option<(u32, u32)>,
}

/// What no image has an opinion of: root's, since it is root who writes.
pub(super) const PLAIN: Attributes = Attributes {
    mode: 0o755,
    owner: None,
};

/// The mode of a file that nobody executes.
pub(super) const FILE: u32 = 0o644;

/// Who gets the bytes of a file, chunk by chunk.
pub(super) type Take<'a> = &'a mut (dyn FnMut(&[u8]) -> Result<(), Failure> + Send);

/// Folders by their paths, those above before those below.
pub(super) type Folders = BTreeMap<PathBuf, Attributes>;

/// A folder that a tree is written into.
pub(super) struct Tree<'a> {
    out: &'a Path,
}

impl<'a> Tree<'a> {
    pub(super) fn new(out: &'a Path) -> Self {
        Self { out }
    }

    /// Makes folders; their modes and times follow at the end.
    pub(super) fn make(&self, folders: &Folders) -> Result<(), Failure> {
        folders.keys().try_for_each(|path| {
            let host = self.host(path);
            match fs::create_dir(&host) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && host.is_dir() => {
                    Ok(())
                }
                made => made.map_err(|error| messages::failed(&host, &error)),
            }
        })
    }

    /// Writes a file whose folder is there. `write` gets a function that takes its bytes.
    pub(super) fn file<T>(
        &self,
        path: &Path,
        is_executable: bool,
        write: impl FnOnce(Take<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let host = self.host(path);
        let failed = |error: io::Error| messages::failed(&host, &error);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&host)
            .map_err(failed)?;
        let written = write(&mut |bytes| io::Write::write_all(&mut file, bytes).map_err(failed))?;
        let mode = if is_executable { 0o755 } else { FILE };
        file.set_permissions(Permissions::from_mode(mode))
            .and_then(|()| file.set_times(times()))
            .map_err(failed)?;
        Ok(written)
    }

    /// Writes a symbolic link whose folder is there.
    pub(super) fn link(&self, path: &Path, target: &Path) -> Result<(), Failure> {
        let host = self.host(path);
        let failed = |error: io::Error| messages::failed(&host, &error);
        symlink(target, &host).map_err(failed)?;
        let then = Timespec {
            tv_sec: THEN.as_secs().try_into().unwrap_or_default(),
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: then,
            last_modification: then,
        };
        utimensat(CWD, &host, &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| failed(error.into()))
    }

    /// Gives folders what is theirs, once nothing is written into them any more.
    pub(super) fn seal(&self, folders: &Folders) -> Result<(), Failure> {
        let top = [(PathBuf::from("/"), None)];
        let folders = folders
            .iter()
            .map(|(path, attributes)| (path.clone(), Some(*attributes)));
        folders.chain(top).try_for_each(|(path, attributes)| {
            let host = self.host(&path);
            seal(&host, attributes).map_err(|error| messages::failed(&host, &error))
        })
    }

    fn host(&self, path: &Path) -> PathBuf {
        self.out.join(path.strip_prefix("/").unwrap_or(path))
    }
}

fn seal(host: &Path, attributes: Option<Attributes>) -> io::Result<()> {
    let folder = File::open(host)?;
    if let Some(Attributes { mode, owner }) = attributes {
        let metadata = folder.metadata()?;
        if let Some((uid, gid)) = owner
            && (metadata.uid(), metadata.gid()) != (uid, gid)
        {
            chown(host, Some(uid), Some(gid))?;
        }
        folder.set_permissions(Permissions::from_mode(mode))?;
    }
    folder.set_times(times())
}

/// When everything was written.
pub(super) fn times() -> FileTimes {
    let then: SystemTime = UNIX_EPOCH + THEN;
    FileTimes::new().set_accessed(then).set_modified(then)
}

/// Adds the folders above a path that are not there, below `top`, which is.
pub(super) fn add_above(folders: &mut Folders, path: &Path, known: impl Fn(&Path) -> Attributes) {
    let above = path.ancestors().skip(1);
    // `/` is the tree itself.
    for folder in above.take_while(|folder| folder.parent().is_some()) {
        if folders.contains_key(folder) {
            return;
        }
        folders.insert(folder.to_owned(), known(folder));
    }
}
