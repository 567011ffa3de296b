//! Files in folders that other builds write to as well.
//!
//! Takes a path; gives the file, if it is a regular one, or puts a new one there. Whoever put something there may mean harm: a link is
//! not followed, a FIFO holds nothing up, and how much is read is the reader's to say.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a regular file to read it.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        )),
    }
}

/// The first `limit` bytes of a regular file.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file in the place of whatever is there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    remove(path);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).open(path)?;
    file.write_all(bytes)
}

/// Removes whatever is there, and nothing that a link leads to.
pub(crate) fn remove(path: &Path) {
    let _ = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        _ => fs::remove_file(path),
    };
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_regular_files_are_read_and_not_more_than_asked_for() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "text").expect("a file");
        fs::create_dir(path("folder")).expect("a folder");
        symlink("file", path("link")).expect("a link");
        let made = Command::new("mkfifo").arg(path("pipe")).status();
        assert!(made.expect("mkfifo").success());
        assert_eq!(read(&path("file"), 3).expect("a file"), b"tex");
        for name in ["folder", "link", "pipe", "none"] {
            assert!(read(&path(name), 3).is_err(), "{name}");
        }
        for name in ["folder", "link", "pipe", "none"] {
            replace(&path(name), b"new").expect("a file");
            assert_eq!(read(&path(name), 4).expect("a file"), b"new");
        }
        assert_eq!(read(&path("file"), 4).expect("a file"), b"text");
    }
}
