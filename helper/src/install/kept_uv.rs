//! The fetched uv in the folder that builds share.
//!
//! Takes that folder and a program's SHA-256, which is part of its name there; gives a copy of the program in a place of the step's
//! own. Whatever runs in another build may have written to the folder, so that nothing is run from there, and nothing that has not
//! that SHA-256 when the copy is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::foreign::{self, remove};

/// No uv is larger.
const LIMIT: u64 = 128 * 1024 * 1024;

/// Whoever writes a program needs less time than this. A step that was killed left what is older.
const WRITTEN_WITHIN: Duration = Duration::from_secs(60 * 60);

/// What a file is called while it is written.
const UNFINISHED: &str = "new-";

/// Copies the kept program to `to`; gives whether it is there and the right one.
pub(super) fn take(kept: &Path, sha256: &str, to: &Path) -> io::Result<bool> {
    match foreign::open(&kept.join(name(sha256))) {
        Ok(file) => Ok(copy(file, to)? == sha256),
        Err(_) => Ok(false),
    }
}

/// Copies a program to `to`, which is replaced, and makes it executable; gives its SHA-256.
pub(super) fn copy(program: File, to: &Path) -> io::Result<String> {
    remove(to);
    let mut options = OpenOptions::new();
    let mut copy = options.write(true).create_new(true).mode(0o755).open(to)?;
    let mut program = program.take(LIMIT);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match program.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        hasher.update(bytes);
        copy.write_all(bytes)?;
    }
    let digest = hasher.finalize();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Keeps a program for the next step, complete from the first moment. One that cannot be kept is fetched again.
pub(super) fn keep(kept: &Path, sha256: &str, program: &Path) -> io::Result<()> {
    clean(kept)?;
    let unfinished = kept.join(format!("{UNFINISHED}{sha256}"));
    let mut options = OpenOptions::new();
    // Where another step writes it now, that one keeps it.
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&unfinished)?;
    let written = File::open(program).and_then(|mut program| io::copy(&mut program, &mut file));
    let place = kept.join(name(sha256));
    if fs::symlink_metadata(&place).is_ok_and(|it| it.is_dir()) {
        remove(&place);
    }
    let moved = written.and_then(|_| fs::rename(&unfinished, place));
    if moved.is_err() {
        remove(&unfinished);
    }
    moved
}

/// Removes what killed steps have left.
fn clean(kept: &Path) -> io::Result<()> {
    let is_left = |path: &Path| {
        let modified = fs::symlink_metadata(path).and_then(|it| it.modified());
        let age = modified.map(|it| SystemTime::now().duration_since(it));
        age.is_ok_and(|age| age.is_ok_and(|age| age > WRITTEN_WITHIN))
    };
    for entry in fs::read_dir(kept)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains(UNFINISHED) && is_left(&entry.path()) {
            remove(&entry.path());
        }
    }
    Ok(())
}

fn name(sha256: &str) -> String {
    format!("uv-{sha256}")
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    /// `printf uv | sha256sum`
    const SHA256: &str = "e6184ce10e266134fdcfa401e8f1a95005bcd4f18d16b62b757323e2833fe9a9";

    #[test]
    fn a_program_is_taken_only_as_it_was_kept() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (kept, to) = (folder.path().join("kept"), folder.path().join("uv"));
        let program = folder.path().join("program");
        fs::create_dir(&kept).expect("a folder");
        fs::write(&program, "uv").expect("a file");
        let taken = || take(&kept, SHA256, &to).expect("a copy");
        assert!(!taken(), "nothing was kept");

        let place = kept.join(name(SHA256));
        let spoils: [&dyn Fn(); 4] = [
            &|| fs::write(&place, "hostile").expect("a file"),
            &|| symlink(&program, &place).expect("a link"),
            &|| fs::create_dir_all(place.join("bin/uv")).expect("folders"),
            &|| {
                let made = Command::new("mkfifo").arg(&place).status();
                assert!(made.expect("mkfifo").success());
            },
        ];
        for spoil in spoils {
            remove(&place);
            spoil();
            assert!(!taken());
            keep(&kept, SHA256, &program).expect("keeps");
            assert!(taken());
            assert_eq!(fs::read(&to).expect("a copy"), b"uv");
            let mode = fs::metadata(&to).expect("a copy").permissions().mode();
            assert_eq!(mode & 0o111, 0o111);
            assert_eq!(fs::read_dir(&kept).expect("a folder").count(), 1);
        }
    }

    #[test]
    fn what_killed_steps_left_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let kept = folder.path().join("kept");
        let program = folder.path().join("program");
        fs::write(&program, "uv").expect("a file");
        for name in [
            "new-old",
            "new-young",
            "uv-1-x86_64.new-0/bin",
            "cache/new-x",
        ] {
            fs::create_dir_all(kept.join(name)).expect("folders");
        }
        let day = Duration::from_secs(24 * 60 * 60);
        let times = FileTimes::new().set_modified(SystemTime::now() - day);
        for name in ["new-old", "uv-1-x86_64.new-0", "cache"] {
            let file = File::open(kept.join(name)).expect("a folder");
            file.set_times(times).expect("times");
        }
        keep(&kept, SHA256, &program).expect("keeps");
        let mut left: Vec<String> = fs::read_dir(&kept)
            .expect("a folder")
            .map(|it| it.expect("an entry").file_name().to_string_lossy().into())
            .collect();
        left.sort();
        assert_eq!(
            left,
            ["cache".to_owned(), "new-young".to_owned(), name(SHA256)]
        );
    }
}
