//! The last bytes of a file to where the directory of an archive is.
//!
//! Takes a file that can be read at any place; gives how many entries its directory has, and where that begins. Refuses whatever
//! another reader could take for the end of another archive: a directory that does not lie right before its end, and bytes behind
//! it that are not its comment. Knows nothing of entries. Who reads them has a bound before it reads the first.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Where the directory of an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// How many entries it has.
    pub(super) entries: u64,
    /// Where it begins.
    pub(super) start: u64,
}

const SIGNATURE: &[u8] = b"PK\x05\x06";
const LENGTH: u64 = 22;
const MOST_COMMENT: u64 = 0xffff;

const SIGNATURE_64: &[u8] = b"PK\x06\x06";
const LENGTH_64: u64 = 56;
const LOCATOR_SIGNATURE: &[u8] = b"PK\x06\x07";
const LOCATOR_LENGTH: u64 = 20;

const NO_END: &str = "its end is missing";
const OTHER_END: &str = "it ends in more than one way";

/// Reads the end of an archive of `size` bytes.
pub(super) fn read(file: &File, size: u64) -> io::Result<End> {
    let from = size.saturating_sub(LENGTH + MOST_COMMENT);
    let tail = bytes(file, from, size - from)?;
    // As others do: the last that looks like one.
    let found = (0..=tail.len().saturating_sub(SIGNATURE.len()))
        .rev()
        .find(|at| tail[*at..].starts_with(SIGNATURE));
    let record = found.map(|at| &tail[at..]).ok_or(wrong(NO_END))?;
    let (Some(disks), Some(comment)) = (u32_at(record, 4), u16_at(record, 20)) else {
        return Err(wrong(NO_END));
    };
    if record.len() as u64 != LENGTH + u64::from(comment) || disks != 0 {
        return Err(wrong(OTHER_END));
    }
    let at = size - record.len() as u64;
    let short = || {
        let entries = (u16_at(record, 8)? == u16_at(record, 10)?).then_some(u16_at(record, 10)?)?;
        Some((entries, u32_at(record, 12)?, u32_at(record, 16)?))
    };
    let (entries, length, start) = short().ok_or(wrong(OTHER_END))?;
    if entries == u16::MAX || length == u32::MAX || start == u32::MAX {
        return read_64(file, at);
    }
    adjoining(entries.into(), start.into(), length.into(), at)
}

/// Reads the end that an archive has once its numbers outgrow the other, which is at `at`.
fn read_64(file: &File, at: u64) -> io::Result<End> {
    let from = at
        .checked_sub(LENGTH_64 + LOCATOR_LENGTH)
        .ok_or(wrong(NO_END))?;
    let both = bytes(file, from, LENGTH_64 + LOCATOR_LENGTH)?;
    let (record, locator) = both.split_at(LENGTH_64 as usize);
    let told = u64_at(locator, 8) == Some(from) && u64_at(record, 4) == Some(LENGTH_64 - 12);
    if !record.starts_with(SIGNATURE_64) || !locator.starts_with(LOCATOR_SIGNATURE) || !told {
        return Err(wrong(OTHER_END));
    }
    let fields = || {
        let entries =
            (u64_at(record, 24)? == u64_at(record, 32)?).then_some(u64_at(record, 32)?)?;
        Some((entries, u64_at(record, 40)?, u64_at(record, 48)?))
    };
    let (entries, length, start) = fields().ok_or(wrong(OTHER_END))?;
    adjoining(entries, start, length, from)
}

fn adjoining(entries: u64, start: u64, length: u64, end: u64) -> io::Result<End> {
    if start.checked_add(length) != Some(end) {
        return Err(wrong(OTHER_END));
    }
    Ok(End { entries, start })
}

fn bytes(file: &File, from: u64, count: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(count).map_err(|_| wrong(NO_END))?];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
