//! The folders of an image, as a layer above it has to have them.
//!
//! Takes paths as a request has them; gives where the image really has what they name, over all its links, and with what modes and
//! owners. Writes nothing.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::root::Root;
use crate::wheel::messages::{self, Flaw};
use crate::wheel::tree::{self, Attributes};

/// The folders of an image, as far as they have been asked for.
pub(super) struct Ground<'a> {
    image: &'a Root,
    /// Where a folder really is.
    real: HashMap<PathBuf, PathBuf>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(image: &'a Root) -> Self {
        let top = PathBuf::from("/");
        Self {
            image,
            real: HashMap::from([(top.clone(), top)]),
        }
    }

    /// Where a file is really written to. The inner result is the wheel's fault.
    pub(super) fn file(&mut self, path: &Path) -> Result<Result<PathBuf, Flaw>, Failure> {
        let folder = match self.folder(path.parent().unwrap_or(path))? {
            Ok(folder) => folder,
            Err(flaw) => return Ok(Err(flaw)),
        };
        let file = folder.join(path.file_name().unwrap_or_default());
        Ok(match self.image.is_dir(&file) {
            true => Err(messages::over_a_folder(&file)),
            false => Ok(file),
        })
    }

    fn folder(&mut self, path: &Path) -> Result<Result<PathBuf, Flaw>, Failure> {
        let known = path.ancestors().find_map(|above| {
            let real = self.real.get(above)?;
            Some((above.to_owned(), real.clone()))
        });
        let (mut at, mut real) = known.unwrap_or_else(|| ("/".into(), "/".into()));
        let below = path.strip_prefix(&at).unwrap_or(path).to_owned();
        for part in below.components() {
            at.push(part);
            real.push(part);
            match self.image.resolve(&real) {
                Ok(found) if found.metadata.is_dir() => real = found.path,
                Ok(_) => return Ok(Err(messages::below_no_folder(&at))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // A link that leads nowhere is there, and is no folder.
                    if !self.image.is_absent(&real) {
                        return Ok(Err(messages::below_no_folder(&at)));
                    }
                }
                Err(error) => return Err(messages::failed(&at, &error)),
            }
            self.real.insert(at.clone(), real.clone());
        }
        Ok(Ok(real))
    }

    /// What the image says of a folder, which is no link.
    pub(super) fn attributes(&self, folder: &Path) -> Attributes {
        match self.image.entry(folder) {
            Ok(found) => Attributes {
                mode: found.metadata.mode() & 0o7777,
                owner: Some((found.metadata.uid(), found.metadata.gid())),
            },
            Err(_) => tree::PLAIN,
        }
    }
}
