//! Wheels for tests: good ones, and whatever an archive can be made to say.
//!
//! Takes names and bytes; gives the bytes of a wheel. Knows nothing of this crate: the whole builds of `tests/e2e` make their wheels
//! with this file, too.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// An entry of an archive that is written byte by byte.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) name: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    pub(super) mode: u32,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) extra: Vec<u8>,
    /// What is said of it that is not so.
    pub(super) crc: Option<u32>,
    pub(super) size: Option<u32>,
    pub(super) local_name: Option<Vec<u8>>,
    pub(super) offset: Option<u32>,
}

/// A wheel that is not written yet.
#[derive(Clone)]
pub(super) struct Craft {
    pub(super) file: String,
    pub(super) items: Vec<Item>,
    /// Rows instead of those that fit the items.
    pub(super) record: Option<String>,
}

impl Item {
    pub(super) fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_bytes().to_owned(),
            bytes: bytes.as_ref().to_owned(),
            mode: 0o100_644,
            flags: 0,
            method: 0,
            extra: Vec::new(),
            crc: None,
            size: None,
            local_name: None,
            offset: None,
        }
    }

    pub(super) fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Says that its name is UTF-8.
    pub(super) fn utf8(mut self) -> Self {
        self.flags |= 1 << 11;
        self
    }
}

impl Craft {
    /// A wheel of version 1.0 without any module, whose root is Python alone.
    pub(super) fn new(name: &str) -> Self {
        let info = format!("{name}-1.0.dist-info");
        Self {
            file: format!("{name}-1.0-py3-none-any.whl"),
            items: Vec::new(),
            record: None,
        }
        .file(
            &format!("{info}/METADATA"),
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"),
        )
        .file(
            &format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
    }

    pub(super) fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.item(Item::new(name, bytes))
    }

    pub(super) fn item(mut self, item: Item) -> Self {
        self.items.push(item);
        self
    }

    /// Changes the item with a name.
    pub(super) fn edit(mut self, name: &str, edit: impl FnOnce(&mut Item)) -> Self {
        let item = self
            .items
            .iter_mut()
            .find(|item| item.name == name.as_bytes());
        edit(item.expect("an item"));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.items.retain(|item| item.name != name.as_bytes());
        self
    }

    /// The RECORD that fits, changed.
    pub(super) fn record(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.record = Some(change(self.rows()));
        self
    }

    /// The RECORD that fits, sorted.
    fn rows(&self) -> String {
        let files = self.items.iter().filter(|item| !item.name.ends_with(b"/"));
        let mut rows: Vec<String> = files
            .map(|item| {
                let name = quoted(&String::from_utf8_lossy(&item.name));
                let sum = URL_SAFE_NO_PAD.encode(Sha256::digest(&item.bytes));
                format!("{name},sha256={sum},{}\n", item.bytes.len())
            })
            .collect();
        rows.push(format!("{},,\n", self.record_name()));
        rows.sort();
        rows.concat()
    }

    fn record_name(&self) -> String {
        let stem: Vec<&str> = self.file.split('-').take(2).collect();
        format!("{}.dist-info/RECORD", stem.join("-"))
    }

    /// All items, with RECORD as the last.
    pub(super) fn all(&self) -> Vec<Item> {
        let rows = self.record.clone().unwrap_or_else(|| self.rows());
        let mut items = self.items.clone();
        items.push(Item::new(&self.record_name(), rows));
        items
    }

    /// The archive.
    pub(super) fn bytes(&self) -> Vec<u8> {
        archive(&self.all())
    }
}

/// A field of a RECORD.
fn quoted(name: &str) -> String {
    match name.contains([',', '"']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.to_owned(),
    }
}

/// An archive of items as they are.
pub(super) fn archive(items: &[Item]) -> Vec<u8> {
    archive_without(items, b"")
}

/// An archive of which the directory leaves out a name.
pub(super) fn archive_without(items: &[Item], hidden: &[u8]) -> Vec<u8> {
    let (mut bytes, mut directory, mut listed) = (Vec::new(), Vec::new(), 0u16);
    for item in items {
        let offset = item.offset.unwrap_or(bytes.len() as u32);
        let size = item.size.unwrap_or(item.bytes.len() as u32);
        let common = |name: &[u8]| {
            let mut common = Vec::new();
            common.extend([20, 0]);
            common.extend(item.flags.to_le_bytes());
            common.extend(item.method.to_le_bytes());
            common.extend([0, 0, 0x21, 0]);
            common.extend(item.crc.unwrap_or_else(|| crc(&item.bytes)).to_le_bytes());
            common.extend((item.bytes.len() as u32).to_le_bytes());
            common.extend(size.to_le_bytes());
            common.extend((name.len() as u16).to_le_bytes());
            common.extend((item.extra.len() as u16).to_le_bytes());
            common
        };
        let local_name = item.local_name.as_ref().unwrap_or(&item.name);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(common(local_name));
        bytes.extend(local_name);
        bytes.extend(&item.extra);
        bytes.extend(&item.bytes);

        if item.name == hidden {
            continue;
        }
        listed += 1;
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(common(&item.name));
        directory.extend([0; 6]);
        directory.extend((item.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&item.name);
        directory.extend(&item.extra);
    }
    let start = bytes.len() as u32;
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([listed.to_le_bytes(); 2].concat());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

pub(super) fn crc(bytes: &[u8]) -> u32 {
    static TABLE: LazyLock<[u32; 256]> = LazyLock::new(|| {
        std::array::from_fn(|byte| {
            (0..8).fold(byte as u32, |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
            })
        })
    });
    let table = &*TABLE;
    let mut crc = !0;
    for byte in bytes {
        crc = (crc >> 8) ^ table[(crc as u8 ^ byte) as usize];
    }
    !crc
}
