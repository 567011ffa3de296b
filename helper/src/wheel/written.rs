//! What tests write for the steps that install wheels, and what these wrote.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Writes a file to where the wheel with a number is.
pub(super) fn put(wheels: &Path, number: usize, file: &str, bytes: &[u8]) -> PathBuf {
    let path = wheels.join(number.to_string()).join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, bytes).expect("a wheel");
    path
}

/// Everything below a folder: mode, time in seconds, content.
pub(super) type Written = BTreeMap<String, (u32, i64, Vec<u8>)>;

pub(super) fn tree(top: &Path) -> Written {
    let mut found = Written::new();
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = path.symlink_metadata().expect("metadata");
            let content = match metadata.file_type() {
                kind if kind.is_dir() => Vec::new(),
                kind if kind.is_symlink() => {
                    let target = fs::read_link(&path).expect("a link");
                    target.into_os_string().into_encoded_bytes()
                }
                _ => fs::read(&path).expect("a file"),
            };
            let name = path.strip_prefix(top).expect("a path below").to_owned();
            let told = (metadata.mode(), metadata.mtime(), content);
            found.insert(name.to_string_lossy().into_owned(), told);
            if metadata.is_dir() {
                open.push(path);
            }
        }
    }
    found
}

pub(super) fn text(tree: &Written, path: &str) -> String {
    let (_, _, content) = tree.get(path).expect(path);
    String::from_utf8(content.clone()).expect("UTF-8")
}
