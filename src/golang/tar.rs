//! Tar archives as `archive/tar` reads them, as far as the times in them need it.
//!
//! Takes a stream; gives of each entry whether it is a regular file, and when that was changed. What the files hold is passed over,
//! and the maps of sparse files are not checked. All of what Go reads is read: V7, USTAR, PAX, GNU and STAR, with the same idea of
//! where an archive ends and of what is none.

use std::io::{self, Read};

use crate::golang::parse_int;

const BLOCK: usize = 512;

/// No name and no extended header is longer.
const LONGEST_SPECIAL: u64 = 1 << 20;

/// The time of an entry that has none: Go's zero time, the first day of the year 1.
const NO_TIME: i64 = -62_135_596_800;

/// An entry of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Whether it is a file, or another name of one.
    pub is_regular: bool,
    /// When it was changed, in whole seconds since 1970.
    pub modified: i64,
}

/// The entries of an archive, one after the other.
#[derive(Debug)]
pub struct Reader<R> {
    stream: R,
    /// What the stream still holds of the last entry.
    data: u64,
    /// What follows it up to the next block.
    padding: u64,
}

/// Where a stream ends: between two things, or inside of one.
enum Filled {
    Whole,
    AtEnd,
}

impl<R: Read> Reader<R> {
    /// Reads from the beginning of a stream.
    pub fn new(stream: R) -> Self {
        Self {
            stream,
            data: 0,
            padding: 0,
        }
    }

    /// What is left of the stream.
    pub fn into_inner(self) -> R {
        self.stream
    }

    /// The next entry; `None` at the end.
    pub fn entry(&mut self) -> io::Result<Option<Entry>> {
        let mut extended = Extended::default();
        let mut long_name = None;
        loop {
            self.skip(self.data)?;
            // An archive may end in the middle of what fills up its last block.
            if self.skip_padding()?.is_none() {
                return Ok(None);
            }
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            self.expect(header.kind, header.size)?;
            match header.kind {
                b'x' => extended = Extended::read(&records(&self.special()?)?)?,
                b'g' => {
                    records(&self.special()?)?;
                    return Ok(Some(Entry {
                        is_regular: true,
                        modified: NO_TIME,
                    }));
                }
                b'L' => long_name = Some(text(&self.special()?).to_vec()),
                b'K' => drop(self.special()?),
                _ => {
                    let long_name = long_name.filter(|name| !name.is_empty());
                    extended.name = long_name.or(extended.name);
                    return self.file(header, &extended).map(Some);
                }
            }
        }
    }

    /// An entry that stands for itself, with what the entries before it say of it.
    fn file(&mut self, header: Header, extended: &Extended) -> io::Result<Entry> {
        let mut kind = header.kind;
        if kind == 0 {
            let name = extended.name.as_ref().unwrap_or(&header.name);
            // Archives from before there were kinds tell directories by a slash.
            kind = if name.ends_with(b"/") { b'5' } else { b'0' };
        }
        self.expect(kind, extended.size.unwrap_or(header.size))?;
        if kind == b'S' {
            self.skip_sparse_map(&header)?;
        }
        Ok(Entry {
            is_regular: is_regular(kind, header.mode),
            modified: extended.modified.unwrap_or(header.modified),
        })
    }

    /// Notes how much data follows the header of an entry.
    fn expect(&mut self, kind: u8, size: i64) -> io::Result<()> {
        let has_data = !matches!(kind, b'1'..=b'6');
        let size = if has_data { size } else { 0 };
        self.data = u64::try_from(size).map_err(|_| broken())?;
        self.padding = self.data.wrapping_neg() % BLOCK as u64;
        Ok(())
    }

    /// The header of an entry; `None` at the end, which two blocks of zeros mark, or nothing.
    fn header(&mut self) -> io::Result<Option<Header>> {
        let mut block = [0; BLOCK];
        if let Filled::AtEnd = self.fill(&mut block)? {
            return Ok(None);
        }
        if block != [0; BLOCK] {
            return Header::read(block).map(Some);
        }
        match self.fill(&mut block)? {
            Filled::AtEnd => Ok(None),
            Filled::Whole if block == [0; BLOCK] => Ok(None),
            Filled::Whole => Err(broken()),
        }
    }

    /// The data of an entry that speaks of others.
    fn special(&mut self) -> io::Result<Vec<u8>> {
        if self.data > LONGEST_SPECIAL {
            return Err(broken());
        }
        let mut bytes = Vec::new();
        let read = (&mut self.stream).take(self.data).read_to_end(&mut bytes)?;
        if (read as u64) < self.data {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.data = 0;
        Ok(bytes)
    }

    /// The map of a sparse file of the old kind may go on in blocks between the header and the data.
    fn skip_sparse_map(&mut self, header: &Header) -> io::Result<()> {
        const IN_HEADER: usize = 482;
        const IN_BLOCK: usize = 504;
        if header.format != Format::Gnu {
            return Err(broken());
        }
        let mut goes_on = header.block[IN_HEADER] > 0;
        let mut block = [0; BLOCK];
        let mut read = 0;
        while goes_on {
            read += BLOCK as u64;
            if read > LONGEST_SPECIAL {
                return Err(broken());
            }
            self.stream.read_exact(&mut block)?;
            goes_on = block[IN_BLOCK] > 0;
        }
        Ok(())
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.stream).take(bytes), &mut io::sink())?;
        match skipped == bytes {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn skip_padding(&mut self) -> io::Result<Option<()>> {
        let padding = std::mem::take(&mut self.padding);
        let skipped = io::copy(&mut (&mut self.stream).take(padding), &mut io::sink())?;
        Ok((skipped == padding).then_some(()))
    }

    /// Fills a block, or finds the stream at its end.
    fn fill(&mut self, block: &mut [u8; BLOCK]) -> io::Result<Filled> {
        let mut read = 0;
        while read < BLOCK {
            match self.stream.read(&mut block[read..]) {
                Ok(0) if read == 0 => return Ok(Filled::AtEnd),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Filled::Whole)
    }
}

/// How an archive is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    V7,
    Ustar,
    Star,
    Gnu,
}

/// The block that begins an entry.
#[derive(Debug)]
struct Header {
    block: [u8; BLOCK],
    format: Format,
    kind: u8,
    name: Vec<u8>,
    mode: i64,
    size: i64,
    modified: i64,
}

impl Header {
    fn read(block: [u8; BLOCK]) -> io::Result<Self> {
        let format = format(&block)?;
        let number = |at: usize, length: usize| number(&block[at..at + length]);
        let (mode, size, modified) = (number(100, 8)?, number(124, 12)?, number(136, 12)?);
        let mut name = text(&block[..100]).to_vec();
        // The owner is of no use here, but has to be a number.
        number(108, 8)?;
        number(116, 8)?;
        if format != Format::V7 {
            number(329, 8)?;
            number(337, 8)?;
        }
        let prefix = match format {
            Format::Ustar => text(&block[345..500]),
            Format::Star => {
                number(476, 12)?;
                number(488, 12)?;
                text(&block[345..476])
            }
            Format::V7 | Format::Gnu => &[],
        };
        if !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        Ok(Self {
            format,
            kind: block[156],
            name,
            mode,
            size,
            modified,
            block,
        })
    }
}

/// The format of a block whose checksum is right.
fn format(block: &[u8; BLOCK]) -> io::Result<Format> {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let counted = block.iter().enumerate().map(
        |(at, &byte)| {
            if CHECKSUM.contains(&at) { b' ' } else { byte }
        },
    );
    // Some wrote the sum of signed bytes.
    let (unsigned, signed) = counted.fold((0, 0), |(unsigned, signed), byte| {
        (
            unsigned + i64::from(byte),
            signed + i64::from(byte.cast_signed()),
        )
    });
    let written = octal(&block[CHECKSUM])?;
    if written != unsigned && written != signed {
        return Err(broken());
    }
    Ok(match (&block[257..263], &block[263..265]) {
        (b"ustar\0", _) if &block[508..512] == b"tar\0" => Format::Star,
        (b"ustar\0", _) => Format::Ustar,
        (b"ustar ", b" \0") => Format::Gnu,
        _ => Format::V7,
    })
}

/// What an extended header says of the entry after it.
#[derive(Debug, Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<i64>,
    modified: Option<i64>,
}

impl Extended {
    /// Reads records. An empty value says nothing.
    fn read(records: &[(&[u8], &[u8])]) -> io::Result<Self> {
        let mut extended = Self::default();
        for &(key, value) in records {
            let written = Some(value).filter(|value| !value.is_empty());
            match key {
                b"path" => extended.name = written.map(<[u8]>::to_vec),
                b"size" => extended.size = written.map(decimal).transpose()?,
                b"mtime" => extended.modified = written.map(time).transpose()?,
                b"uid" | b"gid" => drop(written.map(decimal).transpose()?),
                b"atime" | b"ctime" => drop(written.map(time).transpose()?),
                _ => {}
            }
        }
        Ok(extended)
    }
}

/// The records of an extended header: `length key=value` and the end of a line.
fn records(bytes: &[u8]) -> io::Result<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    let mut sparse = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (key, value, after) = record(rest)?;
        rest = after;
        if matches!(key, b"GNU.sparse.offset" | b"GNU.sparse.numbytes") {
            let is_in_turn = (sparse % 2 == 0) == (key == b"GNU.sparse.offset");
            if !is_in_turn || value.contains(&b',') {
                return Err(broken());
            }
            sparse += 1;
        }
        records.push((key, value));
    }
    Ok(records)
}

/// The first record: its key, its value and what follows it.
fn record(bytes: &[u8]) -> io::Result<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().position(|&byte| byte == b' ');
    let (length, _) = bytes.split_at(space.ok_or_else(broken)?);
    let begin = length.len() + 1;
    let end = usize::try_from(decimal(length)?).map_err(|_| broken())?;
    if end < 5 || end <= begin || end > bytes.len() {
        return Err(broken());
    }
    let (record, rest) = (&bytes[begin..end], &bytes[end..]);
    let record = record.strip_suffix(b"\n").ok_or_else(broken)?;
    let equals = record.iter().position(|&byte| byte == b'=');
    let (key, value) = record.split_at(equals.ok_or_else(broken)?);
    let value = &value[1..];
    let may_not_hold_nul = match key {
        b"path" | b"linkpath" | b"uname" | b"gname" => value,
        _ => key,
    };
    match key.is_empty() || may_not_hold_nul.contains(&0) {
        true => Err(broken()),
        false => Ok((key, value, rest)),
    }
}

/// Seconds with a fraction, as the last whole second before.
fn time(written: &[u8]) -> io::Result<i64> {
    const NANOSECONDS: usize = 9;
    let written = std::str::from_utf8(written).map_err(|_| broken())?;
    let (seconds, fraction) = written.split_once('.').unwrap_or((written, ""));
    let number = parse_int(seconds, 10, 64).map_err(|_| broken())?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(broken());
    }
    let counts = fraction.bytes().take(NANOSECONDS).any(|byte| byte != b'0');
    let is_before = seconds.starts_with('-') && counts;
    Ok(number.saturating_sub(is_before.into()))
}

/// Whether an entry of this kind and mode is a file.
fn is_regular(kind: u8, mode: i64) -> bool {
    // Some archives tell the kind in the mode, too: directory, pipe, link, block and character device, socket.
    const KINDS: [u32; 6] = [0o040000, 0o010000, 0o120000, 0o060000, 0o020000, 0o140000];
    let in_mode = mode as u32 & !0o7777;
    !matches!(kind, b'2'..=b'6') && !KINDS.contains(&in_mode)
}

/// Up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0);
    &field[..end.unwrap_or(field.len())]
}

/// Digits, or where the first bit is set, the bytes of a number in two's complement.
fn number(field: &[u8]) -> io::Result<i64> {
    let first = field.first().copied().unwrap_or_default();
    if first & 0x80 == 0 {
        return octal(field);
    }
    let inverse = if first & 0x40 != 0 { 0xff } else { 0 };
    let mut number: u64 = 0;
    for (at, byte) in field.iter().enumerate() {
        let mut byte = byte ^ inverse;
        if at == 0 {
            byte &= 0x7f;
        }
        if number >> 56 > 0 {
            return Err(broken());
        }
        number = number << 8 | u64::from(byte);
    }
    let number = i64::try_from(number).map_err(|_| broken())?;
    Ok(if inverse == 0 { number } else { !number })
}

fn decimal(digits: &[u8]) -> io::Result<i64> {
    let digits = std::str::from_utf8(digits).map_err(|_| broken())?;
    parse_int(digits, 10, 64).map_err(|_| broken())
}

fn octal(field: &[u8]) -> io::Result<i64> {
    let is_digit = |byte: &u8| !matches!(byte, b' ' | 0);
    let (Some(first), Some(last)) = (
        field.iter().position(is_digit),
        field.iter().rposition(is_digit),
    ) else {
        return Ok(0);
    };
    text(&field[first..=last])
        .iter()
        .try_fold(0_u64, |number, &byte| match byte {
            b'0'..=b'7' => number.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
            _ => None,
        })
        .map(u64::cast_signed)
        .ok_or_else(broken)
}

fn broken() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "archive/tar: invalid tar header",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header as `tar` writes it; `fields` are put over it.
    fn header(kind: u8, name: &str, size: usize, time: &str, fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, b"0000644");
        put(124, format!("{size:011o}").as_bytes());
        put(136, time.as_bytes());
        put(156, &[kind]);
        put(257, b"ustar\x0000");
        for (at, bytes) in fields {
            put(*at, bytes);
        }
        put(148, b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        let sum = format!("{sum:06o}\0 ");
        block[148..156].copy_from_slice(sum.as_bytes());
        block
    }

    fn with_data(mut header: Vec<u8>, data: &str) -> Vec<u8> {
        header.extend(data.as_bytes());
        header.resize(header.len().next_multiple_of(BLOCK), 0);
        header
    }

    fn extended(kind: u8, records: &str) -> Vec<u8> {
        with_data(header(kind, "x", records.len(), "", &[]), records)
    }

    fn file(time: &str) -> Vec<u8> {
        with_data(header(b'0', "f", 3, time, &[]), "abc")
    }

    /// `f` for a file, `-` for another entry, each with its time; what ends it comes last.
    fn read(archive: &[&[u8]]) -> String {
        let bytes = archive.concat();
        let mut reader = Reader::new(bytes.as_slice());
        let mut read = Vec::new();
        loop {
            match reader.entry() {
                Ok(None) => return read.join(" "),
                Ok(Some(entry)) => {
                    let sign = if entry.is_regular { 'f' } else { '-' };
                    read.push(format!("{sign}{}", entry.modified));
                }
                Err(_) => return read.join(" ") + " broken",
            }
        }
    }

    #[test]
    fn entries_have_kinds_and_times() {
        let kinds = |kind: u8| header(kind, "n", 0, "12", &[]);
        for (kind, want) in [
            (b'0', "f10"),
            (b'1', "f10"),
            (b'2', "-10"),
            (b'3', "-10"),
            (b'5', "-10"),
            (b'6', "-10"),
            (0, "f10"),
        ] {
            assert_eq!(read(&[&kinds(kind)]), want, "{kind}");
        }
        let old_directory = header(0, "d/", 0, "1", &[]);
        let told_by_mode = header(b'0', "d", 0, "1", &[(100, b"0040755\0")]);
        assert_eq!(read(&[&old_directory, &told_by_mode]), "-1 -1");
        let binary = [0xff; 12];
        let before = header(b'0', "f", 0, "", &[(136, &binary)]);
        assert_eq!(read(&[&before]), "f-1");
    }

    #[test]
    fn what_comes_before_an_entry_counts_for_it() {
        let time = extended(b'x', "19 mtime=-1.500000\n");
        assert_eq!(read(&[&time, &file("1"), &file("2")]), "f-2 f2");
        let empty = extended(b'x', "9 mtime=\n");
        assert_eq!(read(&[&empty, &file("3")]), "f3");
        let global = extended(b'g', "13 comment=a\n");
        assert_eq!(read(&[&global, &file("1")]), format!("f{NO_TIME} f1"));
        let long = with_data(header(b'L', "x", 4, "", &[]), "a/b/");
        let old = header(0, "f", 0, "1", &[]);
        assert_eq!(read(&[&long, &old, &old]), "-1 f1");
        for broken in ["14 mtime=x1.0\n", "3 a=b\n", "7 =abc\n", "99 a=b\n", "x"] {
            assert_eq!(read(&[&extended(b'x', broken), &file("1")]), " broken");
        }
    }

    #[test]
    fn an_archive_ends_where_go_ends_it() {
        let (zeros, file) = ([0; BLOCK], file("1"));
        for (archive, want) in [
            (vec![], ""),
            (vec![file.as_slice()], "f1"),
            (vec![&file, &zeros], "f1"),
            (vec![&file, &zeros, &zeros, b"what"], "f1"),
            (vec![&file, &zeros, &file], "f1 broken"),
            (vec![&file, &file[..100]], "f1 broken"),
            // The padding may be missing, the data may not.
            (vec![&file[..BLOCK + 3]], "f1"),
            (vec![&file[..BLOCK + 2]], "f1 broken"),
            (vec![b"FROM scratch\n"], " broken"),
            (vec![&[b'a'; BLOCK]], " broken"),
        ] {
            assert_eq!(read(&archive), want);
        }
    }

    #[test]
    fn the_map_of_a_sparse_file_is_passed_over() {
        let gnu: &[(usize, &[u8])] = &[(257, b"ustar  \0"), (482, b"\x01")];
        let sparse = header(b'S', "s", 3, "1", gnu);
        let mut map = [0; BLOCK];
        map[504] = 1;
        let map = [map, [0; BLOCK]].concat();
        let data = with_data(Vec::new(), "abc");
        assert_eq!(read(&[&sparse, &map, &data, &file("2")]), "f1 f2");
        let other = header(b'S', "s", 0, "1", &[]);
        assert_eq!(read(&[&other]), " broken");
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(at in 0_usize..3 * BLOCK, byte: u8) {
            let mut archive = [extended(b'x', "20 mtime=1234567890\n"), file("1")].concat();
            archive[at] = byte;
            read(&[&archive]);
        }
    }
}
