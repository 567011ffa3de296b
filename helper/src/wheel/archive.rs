//! A file to the entries of a zip archive.
//!
//! Takes a file; gives its entries, each with a name that is safe below a folder, and what is in them. Refuses whatever could be
//! read in another way by another program, and what would come out larger than an archive of wheels does. Knows nothing of wheels.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use zip::read::{ArchiveOffset, Config, ZipFile};
use zip::{CompressionMethod, ExtraField, ZipArchive};

use crate::wheel::end;
use crate::wheel::messages::{self, Flaw};
use crate::wheel::paths::{self, Conflict};

/// No wheel has more files and folders, also those that only stand in the names of others.
pub(super) const MOST_ENTRIES: u64 = 500_000;
/// No wheel has more in it.
const MOST_BYTES: u64 = 32 << 30;
/// Beyond this, what comes out is compared with what it comes out of.
const FREE_BYTES: u64 = 64 << 20;
/// How many times as large as an archive that which is in it can be.
const MOST_RATIO: u64 = 200;

/// The kind of a file in a mode of Unix, and two of the kinds.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// The flag of a name that is UTF-8; others are in an encoding of the reader's choice.
const UTF8: u16 = 1 << 11;
/// Flags of what wheels never are: patches, strong encryption, a directory that is masked.
const FOREIGN: u16 = 1 << 5 | 1 << 6 | 1 << 13;

/// An archive whose directory has been read.
#[derive(Clone)]
pub(super) struct Archive {
    zip: ZipArchive<Source>,
}

/// A file in an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    index: usize,
    /// A path below a folder: no part of it is empty, `.` or `..`.
    pub(super) name: String,
    /// As the archive says; no more than this comes out.
    pub(super) size: u64,
    /// Whether somebody may execute it.
    pub(super) is_executable: bool,
}

impl Archive {
    /// Reads the directory of an archive: gives its files, in the order in which they stand there. Folders only have to fit them.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Entry>), Flaw> {
        let untrusted = |error: &dyn std::fmt::Display| messages::not_an_archive(error);
        let source = Source::open(path).map_err(|error| untrusted(&error))?;
        let size = source.size;
        let end = end::read(&source.file, size).map_err(|error| untrusted(&error))?;
        if end.entries > MOST_ENTRIES {
            return Err(messages::too_many_entries(MOST_ENTRIES));
        }
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut zip = ZipArchive::with_config(config, source).map_err(|error| untrusted(&error))?;
        if zip.has_duplicate_names() {
            return Err(untrusted(&"it has a name twice"));
        }
        if zip.len() as u64 != end.entries || zip.central_directory_start() != end.start {
            return Err(untrusted(&"it has more than one directory"));
        }
        zip.validate_header_consistency()
            .map_err(|error| untrusted(&error))?;

        let mut files = Vec::new();
        let mut folders = Vec::new();
        let mut declared: u64 = 0;
        for index in 0..zip.len() {
            let raw = zip.by_index_raw(index).map_err(|error| untrusted(&error))?;
            let (entry, is_folder) = judge(index, &raw)?;
            declared = declared.saturating_add(entry.size);
            match is_folder {
                true => folders.push(entry.name),
                false => files.push(entry),
            }
        }
        if declared > MOST_BYTES {
            return Err(messages::too_large(MOST_BYTES));
        }
        if declared > FREE_BYTES && declared / MOST_RATIO > size {
            return Err(messages::bomb(declared, size));
        }
        fit(&files, &folders)?;
        Ok((Self { zip }, files))
    }

    /// What is in a file, unpacked as it is read. The checksum of the archive's own is verified at the end.
    pub(super) fn read<T, E: From<Flaw>>(
        &self,
        entry: &Entry,
        take: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut zip = self.zip.clone();
        let mut reader = zip
            .by_index(entry.index)
            .map_err(|error| messages::broken(&entry.name, &error))?;
        take(&mut reader)
    }

    /// All of a file that is not long; `None` for one that is.
    pub(super) fn read_all(&self, entry: &Entry, limit: u64) -> Result<Option<Vec<u8>>, Flaw> {
        if entry.size > limit {
            return Ok(None);
        }
        self.read(entry, |reader| {
            let mut bytes = Vec::new();
            reader
                .take(limit + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| messages::broken(&entry.name, &error))?;
            match bytes.len() as u64 == entry.size {
                true => Ok(Some(bytes)),
                false => Err(messages::other_length(&entry.name)),
            }
        })
    }
}

/// An entry by what the directory says of it, and whether it is a folder.
fn judge(index: usize, raw: &ZipFile<'_, Source>) -> Result<(Entry, bool), Flaw> {
    let name = std::str::from_utf8(raw.name_raw()).map_err(|_| messages::not_utf8())?;
    if !name.is_ascii() && raw.flags().as_u16() & UTF8 == 0 {
        return Err(messages::not_said_to_be_utf8(name));
    }
    let folder = name.strip_suffix('/');
    paths::check(folder.unwrap_or(name))?;
    if raw.encrypted() {
        return Err(messages::encrypted(name));
    }
    let method = raw.compression();
    let is_known = method == CompressionMethod::Stored || method == CompressionMethod::Deflated;
    if !is_known || raw.flags().as_u16() & FOREIGN != 0 {
        return Err(messages::compression(name));
    }
    if raw
        .extra_data_fields()
        .any(|field| matches!(field, ExtraField::UnicodePath(_)))
    {
        return Err(messages::two_names(name));
    }
    let mode = raw.external_attributes() >> 16;
    let expected = if folder.is_some() { FOLDER } else { REGULAR };
    if mode & KIND != 0 && mode & KIND != expected {
        return Err(messages::special(name));
    }
    if folder.is_some() && raw.size() != 0 {
        return Err(messages::full_folder(name));
    }
    let entry = Entry {
        index,
        name: folder.unwrap_or(name).to_owned(),
        size: raw.size(),
        is_executable: mode & 0o111 != 0,
    };
    Ok((entry, folder.is_some()))
}

/// Whether all of them can be below one folder.
fn fit(files: &[Entry], folders: &[String]) -> Result<(), Flaw> {
    let files = files.iter().map(|file| (Path::new(&file.name), false));
    let folders = folders.iter().map(|folder| (Path::new(folder), true));
    let mut sorted: Vec<(&Path, bool)> = files.chain(folders).collect();
    sorted.sort_unstable();
    let name = |at: usize| sorted[at].0.to_string_lossy();
    match paths::conflict(sorted.iter().copied()) {
        Some(Conflict::Twice(at)) => return Err(messages::duplicate(&name(at))),
        Some(Conflict::Below(at)) => return Err(messages::file_and_folder(&name(at - 1))),
        None => {}
    }
    let made = paths::count_folders(sorted.iter().map(|(path, _)| *path));
    if made + sorted.len() as u64 > MOST_ENTRIES {
        return Err(messages::too_many_entries(MOST_ENTRIES));
    }
    Ok(())
}

/// A file that several read at once, each at its own place.
#[derive(Clone)]
struct Source {
    file: Arc<File>,
    at: u64,
    size: u64,
}

impl Source {
    fn open(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        Ok(Self {
            file: Arc::new(File::open(path)?),
            at: 0,
            size: metadata.len(),
        })
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
