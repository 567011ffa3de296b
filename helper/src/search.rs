//! PATH, as execvp reads it.
//!
//! Takes a PATH, the working directory and a name; gives the file that would be started. An empty entry is the
//! working directory, a relative one is below it, and what cannot be executed is passed over.

use std::path::{Path, PathBuf};

use crate::root::Root;

/// What an image without a PATH gets (BuildKit's `DefaultPathEnvUnix`).
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A PATH has at most this many entries that are looked at.
const MAX_ENTRIES: usize = 512;

/// The directories of a PATH, absolute, in order, without repetition.
pub fn directories(path: &str, working_dir: &Path) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    for entry in path.split(':').take(MAX_ENTRIES) {
        let directory = Path::new("/").join(working_dir).join(entry);
        if !directories.contains(&directory) {
            directories.push(directory);
        }
    }
    directories
}

/// The first executable file called `name`: the path that PATH gives it, links not followed.
pub fn program(root: &Root, directories: &[PathBuf], name: &str) -> Option<PathBuf> {
    directories
        .iter()
        .map(|directory| directory.join(name))
        .find(|path| root.executable(path).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_as_execvp_reads_them() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("/usr/bin:/bin", "/srv", &["/usr/bin", "/bin"]),
            ("", "/srv", &["/srv/"]),
            ("/bin:", "/srv", &["/bin", "/srv/"]),
            (
                "bin:.venv/bin:/bin",
                "/srv/app",
                &["/srv/app/bin", "/srv/app/.venv/bin", "/bin"],
            ),
            ("bin", "", &["/bin"]),
            ("/bin:/bin:/sbin", "/", &["/bin", "/sbin"]),
        ];
        for (path, working_dir, expected) in cases {
            let found = directories(path, Path::new(working_dir));
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(found, expected, "PATH={path:?} in {working_dir:?}");
        }
    }
}
