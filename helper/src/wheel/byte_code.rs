//! What a Python has made of unpacked modules, with the modes, owners and times of a layer of wheels.
//!
//! Takes a folder that has nothing else in it. Knows nothing of byte code.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::wheel::messages;
use crate::wheel::request::Compile;
use crate::wheel::tree::{self, Folders, Tree};
use crate::wheel::unpack;

/// Makes all below `out` what it would be had it been unpacked.
pub(crate) fn seal(out: &Path, request: &Compile) -> Result<(), Failure> {
    let parents = unpack::parents(&request.parents);
    let mut folders = Folders::new();
    let mut open = vec![PathBuf::from("/")];
    while let Some(folder) = open.pop() {
        let host = out.join(folder.strip_prefix("/").unwrap_or(&folder));
        let failed = |error: io::Error| messages::failed(&host, &error);
        for entry in fs::read_dir(&host).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = folder.join(entry.file_name());
            if entry.file_type().map_err(failed)?.is_dir() {
                let attributes = parents.get(path.as_path()).copied();
                folders.insert(path.clone(), attributes.unwrap_or(tree::PLAIN));
                open.push(path);
                continue;
            }
            File::open(entry.path())
                .and_then(|file| {
                    file.set_permissions(Permissions::from_mode(tree::FILE))?;
                    file.set_times(tree::times())
                })
                .map_err(failed)?;
        }
    }
    Tree::new(out).seal(&folders)
}
