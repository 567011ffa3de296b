//! The steps that change an image.
//!
//! Each takes the image's root and the report of `look`, and gives the report of what there is afterwards. Each runs as root in
//! the user's image, starts the image's own programs in an environment of its own, and leaves nothing but what was asked for.

pub mod byte_code; // of unpacked modules, with the image's Python
pub mod build; // a wheel, with the build backend of its sources
pub mod curl; // curl, with the image's package manager
pub mod requirements; // what the user asks for, with uv or pip
pub mod resolve; // the wheels that it comes to, with nothing installed
pub mod runtime; // packages, with the image's Python

mod chosen; // one source for each of what would be installed
mod checkout; // a commit, with the image's git
mod flags; // what flags among requirements say
mod imports; // starts Python once: does it import what is installed
mod installer; // pip or uv, and where from
mod kept_uv; // a fetched uv, from one build to the next
mod locks; // a lock file among requirements, as installers take it
mod messages; // the sentences
mod pinned_uv; // which uv is fetched
mod pins; // requirements that name every version
mod planned; // what uv says it would install
mod private; // what uv says of a list with secrets, without these
mod process; // starts a program
mod records; // where distributions came from, without what nobody may read
mod secrets; // what arguments name and nobody prints
mod sizes; // how large wheels are, where the index does not say
mod target; // where a Python has what, and which wheels it takes
mod traces; // what was there before, put back

pub use pinned_uv::VERSION as UV;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::root::Root;

/// A folder below `/tmp` that is gone when the step ends; `/tmp` itself is made where it is missing.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(root: &Root) -> io::Result<Self> {
        const STICKY: u32 = 0o1777;
        let tmp = root.host(&match root.resolve(Path::new("/tmp")) {
            Ok(found) => found.path,
            Err(_) => PathBuf::from("/tmp"),
        });
        if !tmp.is_dir() {
            fs::create_dir_all(&tmp)?;
            fs::set_permissions(&tmp, fs::Permissions::from_mode(STICKY))?;
        }
        let mut taken = 0;
        loop {
            let path = tmp.join(format!("fal-step-{taken}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && taken < 1000 => {
                    taken += 1
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes folders in it.
    fn folders(&self, names: &[&str]) -> io::Result<()> {
        names
            .iter()
            .try_for_each(|name| fs::create_dir_all(self.path.join(name)))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
