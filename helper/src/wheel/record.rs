//! RECORD: which files there are, and their hashes.
//!
//! Takes its bytes, or rows; gives rows, or its bytes. A row is given on as it was written: no hash is computed that is there
//! already. Knows nothing of where files go.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::wheel::messages::{self, Flaw};

/// A row without its path, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// `sha256=…`, or nothing.
    pub(super) hash: String,
    /// How many bytes, or nothing.
    pub(super) size: String,
}

/// What the hash of a file has to be.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    algorithm: Algorithm,
    digest: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

/// A hash of bytes that come one after the other.
pub(super) enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

/// The rows of a RECORD by their paths.
pub(super) type Rows = BTreeMap<String, Row>;

/// Reads a RECORD.
pub(super) fn read(bytes: &[u8]) -> Result<Rows, Flaw> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes);
    let mut rows = Rows::new();
    for record in reader.records() {
        let record = record.map_err(|error| messages::bad_record(&error))?;
        let mut fields = record.iter();
        let (Some(path), Some(hash), Some(size), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(messages::bad_record(&"a row has not three fields"));
        };
        let row = Row {
            hash: hash.to_owned(),
            size: size.to_owned(),
        };
        if let Some(other) = rows.insert(path.to_owned(), row.clone())
            && other != row
        {
            return Err(messages::recorded_twice(path));
        }
    }
    Ok(rows)
}

/// A RECORD: sorted, as installers write it.
pub(super) fn write(rows: &Rows) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (path, row) in rows {
        // Nothing can fail in memory.
        let _ = writer.write_record([path, &row.hash, &row.size]);
    }
    writer.into_inner().unwrap_or_default()
}

impl Row {
    /// The row of bytes that are written here.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::own();
        hasher.update(bytes);
        Self::hashed(hasher, bytes.len() as u64)
    }

    /// The row of what has gone into a hash of our own.
    pub(super) fn hashed(hasher: Hasher, size: u64) -> Self {
        Self {
            hash: format!("sha256={}", URL_SAFE_NO_PAD.encode(hasher.finish())),
            size: size.to_string(),
        }
    }

    /// What a file of this many bytes has to be; `path` is for sentences.
    pub(super) fn expected(&self, path: &str, size: u64) -> Result<Expected, Flaw> {
        if !self.size.is_empty() && self.size.parse() != Ok(size) {
            return Err(messages::other_size(path));
        }
        if self.hash.is_empty() {
            return Err(messages::no_hash(path));
        }
        let (algorithm, digits) = self.hash.split_once('=').unwrap_or((&self.hash, ""));
        let algorithm = match algorithm.to_ascii_lowercase().as_str() {
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => return Err(messages::weak_hash(path, algorithm)),
        };
        // It has no padding, but some have written it.
        let digest = URL_SAFE_NO_PAD
            .decode(digits.trim_end_matches('='))
            .map_err(|_| messages::no_hash(path))?;
        Ok(Expected { algorithm, digest })
    }
}

impl Expected {
    pub(super) fn hasher(&self) -> Hasher {
        match self.algorithm {
            Algorithm::Sha256 => Hasher::own(),
            Algorithm::Sha384 => Hasher::Sha384(Sha384::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }

    pub(super) fn is(&self, hasher: Hasher) -> bool {
        self.digest == hasher.finish()
    }
}

impl Hasher {
    /// The one that rows of our own are made by.
    pub(super) fn own() -> Self {
        Self::Sha256(Sha256::new())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_written_as_csv_has_them() {
        let text = "b,sha256=x,1\r\n\"a,b\",sha256=y,\r\n\"q\"\"q\",,\r\n";
        let rows = read(text.as_bytes()).expect("rows");
        assert_eq!(rows.len(), 3);
        assert_eq!(
            String::from_utf8(write(&rows)).expect("text"),
            "\"a,b\",sha256=y,\nb,sha256=x,1\n\"q\"\"q\",,\n"
        );
        assert_eq!(read(b"a,,\na,,\n").expect("rows").len(), 1);
        assert_eq!(read(b"a,,\na,,1\n"), Err(messages::recorded_twice("a")));
        for text in [b"a\n" as &[u8], b"a,b\n", b"a,b,c,d\n", b"\xff,,\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_hash_is_strong_or_none() {
        let row = Row::of(b"hello\n");
        // printf 'hello\n' | openssl dgst -sha256 -binary | basenc --base64url
        assert_eq!(
            row.hash,
            "sha256=WJG1tSLV3whtD_CxEPvZ0hu0_HFjrzTQgoai6Eb2vgM"
        );
        assert_eq!(row.size, "6");
        let expected = |hash: &str, size: &str| {
            let row = Row {
                hash: hash.to_owned(),
                size: size.to_owned(),
            };
            row.expected("f", 6)
        };
        for size in ["6", ""] {
            for hash in [row.hash.clone(), format!("{}=", row.hash)] {
                let expected = expected(&hash, size).expect("a hash");
                let mut hasher = expected.hasher();
                hasher.update(b"hello\n");
                assert!(expected.is(hasher));
                assert!(!expected.is(expected.hasher()));
            }
        }
        for (hash, size, flaw) in [
            (row.hash.as_str(), "7", messages::other_size("f")),
            (row.hash.as_str(), "x", messages::other_size("f")),
            ("", "6", messages::no_hash("f")),
            ("sha256=?", "6", messages::no_hash("f")),
            ("md5=x", "6", messages::weak_hash("f", "md5")),
            ("sha1=x", "6", messages::weak_hash("f", "sha1")),
        ] {
            assert_eq!(expected(hash, size).err(), Some(flaw), "{hash}");
        }
    }
}
