//! An archive to a wheel, checked.
//!
//! Takes a file with a name; gives what an installer needs to know of the wheel, and each of its files with its place and the hash
//! that it has to have. Whatever can be judged without unpacking every file has been judged then. Knows nothing of an image.

use std::path::Path;

use crate::failure::Failure;
use crate::wheel::archive::{Archive, Entry};
use crate::wheel::copy::{self, Problem};
use crate::wheel::entry_points::{self, Scripts};
use crate::wheel::layout::{Folders, Place};
use crate::wheel::messages::{self, Flaw};
use crate::wheel::metadata;
use crate::wheel::name::Name;
use crate::wheel::record::{self, Expected, Row, Rows};
use crate::wheel::tree::Take;

/// No RECORD of honest files is longer.
const MOST_RECORD: u64 = 256 << 20;
/// Nor is any other metadata.
const MOST_METADATA: u64 = 16 << 20;

/// A wheel.
pub(super) struct Wheel {
    /// The name of its file, for sentences.
    pub(super) file: String,
    /// The name of the distribution, as an index compares it.
    pub(super) name: String,
    /// Where its own things are.
    pub(super) folders: Folders,
    /// Whether its root is Python alone.
    pub(super) is_purelib: bool,
    /// Its files, but those that an installer writes.
    pub(super) files: Vec<WheelFile>,
    /// What `entry_points.txt` makes.
    pub(super) scripts: Scripts,
    archive: Archive,
}

/// A file of a wheel.
pub(super) struct WheelFile {
    entry: Entry,
    /// Where it goes.
    pub(super) place: Place,
    /// Its path there.
    pub(super) path: String,
    /// How RECORD lists it.
    pub(super) row: Row,
    expected: Option<Expected>,
}

impl Wheel {
    /// Reads a wheel that is called `file`.
    pub(super) fn open(path: &Path, file: &str) -> Result<Self, Failure> {
        read(path, file).map_err(|flaw| messages::refused(file, &flaw))
    }

    /// Unpacks a file, whose bytes go to `take` one chunk after the other.
    pub(super) fn unpack(&self, file: &WheelFile, take: Take<'_>) -> Result<(), Failure> {
        copy::copy(&self.archive, &file.entry, file.expected.as_ref(), take).map_err(|problem| {
            match problem {
                Problem::Flaw(flaw) => messages::refused(&self.file, &flaw),
                Problem::Failure(failure) => failure,
            }
        })
    }
}

impl WheelFile {
    pub(super) fn size(&self) -> u64 {
        self.entry.size
    }

    /// As RECORD has it, which is verified when the file is unpacked.
    pub(super) fn hash(&self) -> Option<&str> {
        Some(self.row.hash.as_str()).filter(|hash| !hash.is_empty())
    }

    pub(super) fn is_executable(&self) -> bool {
        self.entry.is_executable
    }
}

fn read(path: &Path, file: &str) -> Result<Wheel, Flaw> {
    let name = Name::read(file)?;
    let (archive, entries) = Archive::open(path)?;
    let folders = Folders::find(entries.iter().map(|entry| entry.name.as_str()), &name)?;
    let own = |file: &str, limit: u64| -> Result<Option<Vec<u8>>, Flaw> {
        let wanted = folders.metadata(file);
        let Some(entry) = entries.iter().find(|entry| entry.name == wanted) else {
            return Ok(None);
        };
        match archive.read_all(entry, limit)? {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(messages::too_long(file)),
        }
    };
    let needed = |file: &str, limit| own(file, limit)?.ok_or_else(|| messages::missing(file));

    let is_purelib = metadata::is_purelib(&needed("WHEEL", MOST_METADATA)?)?;
    metadata::is_of(&needed("METADATA", MOST_METADATA)?, &name)?;
    let rows = record::read(&needed("RECORD", MOST_RECORD)?)?;
    let scripts = match own("entry_points.txt", MOST_METADATA)? {
        Some(bytes) => entry_points::read(&bytes)?,
        None => Scripts::new(),
    };
    Ok(Wheel {
        files: files(entries, rows, &folders)?,
        file: file.to_owned(),
        name: name.normal,
        folders,
        is_purelib,
        scripts,
        archive,
    })
}

/// Each file with its row: one of both alone is a mistake.
fn files(entries: Vec<Entry>, mut rows: Rows, folders: &Folders) -> Result<Vec<WheelFile>, Flaw> {
    let mut files = Vec::with_capacity(entries.len());
    for entry in entries {
        let row = rows.remove(&entry.name);
        let expected = match &row {
            Some(row) if !row.hash.is_empty() || !folders.is_unlisted(&entry.name) => {
                Some(row.expected(&entry.name, entry.size)?)
            }
            None if !folders.is_unlisted(&entry.name) => {
                return Err(messages::not_recorded(&entry.name));
            }
            _ => None,
        };
        let (place, path) = folders.place(&entry.name)?;
        if place != Place::Nowhere {
            files.push(WheelFile {
                place,
                path: path.to_owned(),
                row: row.unwrap_or_default(),
                expected,
                entry,
            });
        }
    }
    let mut left = rows.into_keys().filter(|path| !folders.is_unlisted(path));
    match left.next() {
        Some(path) => Err(messages::recorded_only(&path)),
        None => Ok(files),
    }
}
