//! The times in an archive, packed as the original takes it: gzip, bzip2, xz, Zstandard, or not at all.

use std::io::{self, Read};

use ruzstd::decoding::{
    FrameDecoder, StreamingDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use tar::{Archive, Entry, EntryType, PaxExtensions};

/// How much an archive may hold. It arrives in one message of at most 16 MiB; a hostile one may hold anything.
const MOST: u64 = 4 << 30;

/// No extended header that means something is longer.
const LONGEST_HEADER: u64 = 1 << 20;

/// How much memory unpacking may take, in KiB.
const MEMORY: u32 = 256 << 10;

/// It holds too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the archive for SOURCE_DATE_EPOCH holds more than {} GiB", MOST >> 30)]
pub(super) struct TooLarge;

/// When the newest regular file of an archive was changed. What is no archive, or a broken one, has no time.
pub(super) fn newest(bytes: &[u8]) -> Result<Option<i64>, TooLarge> {
    newest_within(bytes, MOST)
}

fn newest_within(bytes: &[u8], most: u64) -> Result<Option<i64>, TooLarge> {
    let mut archive = Archive::new(unpacked(bytes).take(most));
    let newest = newest_entry(&mut archive);
    match archive.into_inner().limit() {
        0 => Err(TooLarge),
        _ => Ok(newest.unwrap_or_default()),
    }
}

/// Whether something is an archive, as far as its beginning tells.
pub(in crate::frontend) fn begins_one(bytes: &[u8]) -> bool {
    let mut archive = Archive::new(bytes);
    let first = archive
        .entries()
        .ok()
        .and_then(|mut entries| entries.next());
    matches!(first, Some(Ok(_)))
}

/// The time of the newest regular file.
fn newest_entry(archive: &mut Archive<impl Read>) -> io::Result<Option<i64>> {
    let mut newest = None;
    let mut extended = None;
    // Raw: the names of entries, which may be of any length, are not wanted.
    for entry in archive.entries()?.raw(true) {
        let entry = entry?;
        match entry.header().entry_type() {
            EntryType::XHeader => extended = time(entry)?,
            EntryType::GNULongName | EntryType::GNULongLink => {}
            EntryType::Regular | EntryType::Link | EntryType::Continuous | EntryType::GNUSparse => {
                let written = entry.header().mtime()?.cast_signed();
                newest = newest.max(Some(extended.take().unwrap_or(written)));
            }
            _ => extended = None,
        }
    }
    Ok(newest)
}

/// The time that an extended header has for the entry after it, in whole seconds.
fn time(entry: Entry<'_, impl Read>) -> io::Result<Option<i64>> {
    let mut header = Vec::new();
    entry.take(LONGEST_HEADER).read_to_end(&mut header)?;
    for record in PaxExtensions::new(&header) {
        let record = record?;
        if record.key_bytes() == b"mtime" {
            let whole = record.value().unwrap_or_default().split('.').next();
            return Ok(whole.and_then(|seconds| seconds.parse().ok()));
        }
    }
    Ok(None)
}

/// The archive itself.
fn unpacked(bytes: &[u8]) -> Box<dyn Read + '_> {
    const BZIP2: &[u8] = b"BZh";
    const GZIP: &[u8] = b"\x1f\x8b\x08";
    const XZ: &[u8] = b"\xfd7zXZ\0";
    if bytes.starts_with(GZIP) {
        Box::new(flate2::read::MultiGzDecoder::new(bytes))
    } else if bytes.starts_with(BZIP2) {
        Box::new(bzip2::read::MultiBzDecoder::new(bytes))
    } else if bytes.starts_with(XZ) {
        Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, true, MEMORY))
    } else if is_zstandard(bytes) {
        Box::new(Frames::Between(bytes))
    } else {
        Box::new(bytes)
    }
}

/// Whether a frame begins here, or one that is to be skipped.
fn is_zstandard(bytes: &[u8]) -> bool {
    matches!(
        *bytes,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, _, _, _, _, ..]
    )
}

/// Zstandard frames, one after the other.
enum Frames<'a> {
    Between(&'a [u8]),
    In(Box<StreamingDecoder<&'a [u8], FrameDecoder>>),
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                Self::Between([]) => return Ok(0),
                Self::Between(bytes) => *self = frame(bytes)?,
                Self::In(decoder) => match decoder.read(buffer)? {
                    0 if !buffer.is_empty() => *self = Self::Between(decoder.get_ref()),
                    read => return Ok(read),
                },
            }
        }
    }
}

/// The frame that begins here, or what stands behind it if it is to be skipped.
fn frame(bytes: &[u8]) -> io::Result<Frames<'_>> {
    const HEADER: usize = 8;
    match StreamingDecoder::new(bytes) {
        Ok(decoder) => Ok(Frames::In(Box::new(decoder))),
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
            length,
            ..
        })) => bytes
            .get(HEADER..)
            .and_then(|rest| rest.get(usize::try_from(length).ok()?..))
            .map(Frames::Between)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
        Err(error) => Err(io::Error::other(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of 2023 with a file of 2001 and one of 2009, packed in every way.
    const TAR: &[u8] = include_bytes!("testdata/times.tar");
    const GZIP: &[u8] = include_bytes!("testdata/times.tar.gz");
    const BZIP2: &[u8] = include_bytes!("testdata/times.tar.bz2");
    const XZ: &[u8] = include_bytes!("testdata/times.tar.xz");
    const ZSTANDARD: &[u8] = include_bytes!("testdata/times.tar.zst");

    const NEWEST: i64 = 1_234_567_890;

    #[test]
    fn the_newest_file_counts_however_it_is_packed() {
        for archive in [TAR, GZIP, BZIP2, XZ, ZSTANDARD] {
            assert_eq!(newest(archive), Ok(Some(NEWEST)));
            let cut = &archive[..archive.len() / 4];
            assert_eq!(newest(cut), Ok(None), "{} bytes", cut.len());
        }
        assert_eq!(newest(b""), Ok(None));
        assert_eq!(newest(b"no archive"), Ok(None));
    }

    #[test]
    fn packed_parts_follow_each_other() {
        const SKIPPED: &[u8] = b"\x53\x2a\x4d\x18\x03\0\0\0abc";
        let (first, second) = TAR.split_at(TAR.len() / 2);
        let gzip = |bytes: &[u8]| {
            let mut packed = Vec::new();
            flate2::bufread::GzEncoder::new(bytes, flate2::Compression::fast())
                .read_to_end(&mut packed)
                .map(|_| packed)
        };
        let members = [gzip(first).unwrap(), gzip(second).unwrap()].concat();
        assert_eq!(newest(&members), Ok(Some(NEWEST)));
        let pack = |bytes| {
            ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
        };
        let frames = [SKIPPED, &pack(first), SKIPPED, &pack(second)].concat();
        assert_eq!(newest(&frames), Ok(Some(NEWEST)));
        assert_eq!(newest(&SKIPPED[..10]), Ok(None));
    }

    #[test]
    fn an_archive_that_holds_too_much_is_refused() {
        for archive in [GZIP, BZIP2, XZ, ZSTANDARD] {
            assert_eq!(newest_within(archive, 2048), Err(TooLarge));
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(which in 0_usize..5, at: usize, byte: u8) {
            let mut archive = [TAR, GZIP, BZIP2, XZ, ZSTANDARD][which].to_vec();
            let at = at % archive.len();
            archive[at] = byte;
            let _ = newest(&archive);
        }
    }
}
