//! A directory to a listing: what stands in it, each thing by what it holds.
//!
//! Takes a directory; gives an [`Entry`] for everything below it, in the order of the bytes of their paths. A file is named as fal's
//! SDK names it: SHA-256 of its bytes and of its mode in decimal digits. Owners and times are not in it. Knows nothing of which of
//! the files are meant.
//!
//! Only regular files are opened, and no link is followed.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use sha2::{Digest, Sha256};

/// The file that holds a listing.
pub const LISTING_FILE: &str = "listing";

/// A listing of more bytes than this is not written: whoever reads it holds all of it.
pub const MOST_LISTED: usize = 32 << 20;

/// How much of a file is held at once.
const CHUNK: usize = 1 << 16;

/// What a path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file, by SHA-256 of its bytes and its mode, in hexadecimal digits.
    File(String),
    /// A directory, by its mode.
    Directory(u32),
    /// A symbolic link, by its target.
    Link(Vec<u8>),
    /// A pipe or a device, by its mode.
    Special(u32),
}

/// Everything below a directory: paths without a slash in front.
pub type Listing = BTreeMap<Vec<u8>, Entry>;

/// Lists what is below a directory. `is_wanted` is asked about each path, with whether it is a directory; below a directory that is
/// not wanted nothing is looked at. Gives nothing where the listing would be too large.
pub fn list(
    top: &Path,
    is_wanted: &mut dyn FnMut(&[u8], bool) -> bool,
) -> io::Result<Option<Listing>> {
    let mut listing = Listing::new();
    let mut size = 0;
    let mut open = vec![(top.to_owned(), Vec::new())];
    while let Some((directory, prefix)) = open.pop() {
        for found in fs::read_dir(&directory)? {
            let found = found?;
            let metadata = found.metadata()?;
            let mut path = prefix.clone();
            path.extend_from_slice(found.file_name().as_bytes());
            if metadata.file_type().is_socket() || !is_wanted(&path, metadata.is_dir()) {
                continue;
            }
            let entry = entry(&found.path(), &metadata)?;
            size += path.len() + entry.size();
            if size > MOST_LISTED {
                return Ok(None);
            }
            if let Entry::Directory(_) = entry {
                open.push((found.path(), [path.as_slice(), b"/"].concat()));
            }
            listing.insert(path, entry);
        }
    }
    Ok(Some(listing))
}

fn entry(path: &Path, metadata: &Metadata) -> io::Result<Entry> {
    let kind = metadata.file_type();
    Ok(match () {
        () if kind.is_symlink() => Entry::Link(fs::read_link(path)?.as_os_str().as_bytes().into()),
        () if kind.is_dir() => Entry::Directory(metadata.mode()),
        () if kind.is_file() => Entry::File(file_hash(&mut File::open(path)?, metadata.mode())?),
        () => Entry::Special(metadata.mode()),
    })
}

/// SHA-256 of the bytes of a file and of its mode in decimal digits, `33188` for a plain one that its owner can write.
pub fn file_hash(file: &mut impl Read, mode: u32) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            count => hash.update(&chunk[..count]),
        }
    }
    hash.update(mode.to_string());
    let bytes = hash.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Entry {
    fn size(&self) -> usize {
        match self {
            Self::File(text) => text.len(),
            Self::Link(target) => target.len(),
            Self::Directory(_) | Self::Special(_) => 8,
        }
    }

    fn parts(&self) -> (u8, Vec<u8>) {
        match self {
            Self::File(hash) => (b'f', hash.clone().into_bytes()),
            Self::Directory(mode) => (b'd', mode.to_string().into_bytes()),
            Self::Link(target) => (b'l', target.clone()),
            Self::Special(mode) => (b's', mode.to_string().into_bytes()),
        }
    }

    fn read(kind: u8, value: &[u8]) -> Option<Self> {
        let text = || String::from_utf8(value.to_owned()).ok();
        Some(match kind {
            b'f' => Self::File(text()?),
            b'd' => Self::Directory(text()?.parse().ok()?),
            b'l' => Self::Link(value.to_owned()),
            b's' => Self::Special(text()?.parse().ok()?),
            _ => return None,
        })
    }
}

/// A listing as bytes: of each entry a letter for its kind, its value and its path, each of the two with a zero byte behind it. None
/// of them can hold one. Where there is no listing, a single zero byte.
pub fn encode(listing: Option<&Listing>) -> Vec<u8> {
    let Some(listing) = listing else {
        return vec![0];
    };
    let mut bytes = Vec::new();
    for (path, entry) in listing {
        let (kind, value) = entry.parts();
        bytes.push(kind);
        bytes.extend_from_slice(&value);
        bytes.push(0);
        bytes.extend_from_slice(path);
        bytes.push(0);
    }
    bytes
}

/// Reads what [`encode`] has written; an error for anything else.
pub fn decode(bytes: &[u8]) -> Result<Option<Listing>, &'static str> {
    const BROKEN: &str = "the listing of a context is cut off";
    if bytes == [0] {
        return Ok(None);
    }
    let mut listing = Listing::new();
    let mut rest = bytes;
    while let Some((kind, behind)) = rest.split_first() {
        let mut fields = behind.splitn(3, |byte| *byte == 0);
        let (Some(value), Some(path), Some(next)) = (fields.next(), fields.next(), fields.next())
        else {
            return Err(BROKEN);
        };
        let entry = Entry::read(*kind, value).ok_or(BROKEN)?;
        listing.insert(path.to_owned(), entry);
        rest = next;
    }
    Ok(Some(listing))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_named_as_fals_sdk_names_it() {
        // python3 -c 'import hashlib; print(hashlib.sha256(b"hello\n" + str(0o100644).encode()).hexdigest())'
        let hash = file_hash(&mut "hello\n".as_bytes(), 0o100_644).expect("a hash");
        assert_eq!(
            hash,
            "7894eb5736f495a1fb115db1f687613d139b5a93c1b12b05f629eec70ede2110"
        );
        let other = file_hash(&mut "hello\n".as_bytes(), 0o100_755).expect("a hash");
        assert_ne!(hash, other);
    }

    #[test]
    fn a_listing_has_all_that_stands_there_and_comes_back() {
        let top = tempfile::tempdir().expect("a folder");
        let at = |name: &str| top.path().join(name);
        fs::create_dir_all(at("a/empty")).expect("folders");
        fs::write(at("a/file"), "hello\n").expect("a file");
        fs::set_permissions(at("a/file"), fs::Permissions::from_mode(0o644)).expect("a mode");
        fs::set_permissions(at("a/empty"), fs::Permissions::from_mode(0o700)).expect("a mode");
        fs::write(at("not"), "").expect("a file");
        symlink("../nowhere", at("a/link")).expect("a link");
        let made = std::process::Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(at("pipe"))
            .status();
        assert!(made.expect("mkfifo").success());

        let wanted = &mut |path: &[u8], _: bool| path != b"not";
        let listing = list(top.path(), wanted).expect("a listing").expect("few");
        let hash = file_hash(&mut "hello\n".as_bytes(), 0o100_644).expect("a hash");
        let below: Vec<_> = listing.iter().filter(|(path, _)| *path != b"a").collect();
        let expected = [
            ("a/empty", Entry::Directory(0o40_700)),
            ("a/file", Entry::File(hash)),
            ("a/link", Entry::Link(b"../nowhere".to_vec())),
            ("pipe", Entry::Special(0o10_600)),
        ];
        assert_eq!(below.len(), expected.len());
        for ((path, entry), (name, wanted)) in below.into_iter().zip(&expected) {
            assert_eq!((path.as_slice(), entry), (name.as_bytes(), wanted));
        }
        let bytes = encode(Some(&listing));
        assert_eq!(decode(&bytes), Ok(Some(listing)));
        assert_eq!(decode(&encode(None)), Ok(None));
        assert!(decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(decode(b"x1\0a\0").is_err());
    }
}
