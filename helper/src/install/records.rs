//! Where distributions came from, as their records tell it, without the values of secrets.
//!
//! Takes the folders of packages before and after an installer ran; changes the `direct_url.json` (PEP 610) of what was installed
//! in between, and no other. Installers leave credentials out of them, but for some that are old.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::secrets::Mask;
use crate::foreign;

const DIRECT_URL: &str = "direct_url.json";

/// A record is a few lines, and a list of files has one for each.
const RECORD_LIMIT: u64 = 1024 * 1024;
const LIST_LIMIT: u64 = 64 * 1024 * 1024;

/// What is shorter may be a name: of a user, and of a folder as well.
const SHORTEST_IN_PATH: usize = 16;

/// The records that there are, as they are.
pub(super) struct Records {
    files: BTreeMap<PathBuf, State>,
}

/// Inode, size, and when it was last changed in any way.
type State = (u64, u64, u64, i64, i64);

impl Records {
    /// Those below the folders of packages.
    pub(super) fn of(site: &[PathBuf]) -> Self {
        let files = site.iter().flat_map(|folder| files(folder));
        Self {
            files: files.map(|(path, it)| (path, state(&it))).collect(),
        }
    }

    /// Takes values out of those that were written since.
    pub(super) fn hide_in_later(&self, site: &[PathBuf], mask: &Mask) -> io::Result<()> {
        if mask.is_empty() {
            return Ok(());
        }
        let found = site.iter().flat_map(|folder| files(folder));
        let is_later = |(path, it): &(PathBuf, Metadata)| self.files.get(path) != Some(&state(it));
        for (path, _) in found.filter(is_later) {
            let text = foreign::read(&path, RECORD_LIMIT)?;
            if let Some(text) = hidden(&text, mask) {
                fs::write(&path, &text)?;
                correct_list(&path, &text)?;
            }
        }
        Ok(())
    }
}

/// The records in a folder: no link leads to one.
fn files(folder: &Path) -> Vec<(PathBuf, Metadata)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir()));
    let records = folders.map(|entry| entry.path().join(DIRECT_URL));
    records
        .filter_map(|path| {
            let found = fs::symlink_metadata(&path).ok()?;
            found.is_file().then_some((path, found))
        })
        .collect()
}

fn state(it: &Metadata) -> State {
    (it.dev(), it.ino(), it.len(), it.ctime(), it.ctime_nsec())
}

/// A record without values; nothing if it holds none, or is no record.
fn hidden(text: &[u8], mask: &Mask) -> Option<Vec<u8>> {
    let mut record: Value = serde_json::from_slice(text).ok()?;
    let url = record.get_mut("url")?;
    let shown = hidden_in_url(url.as_str()?, mask);
    if url.as_str() == Some(&shown) {
        return None;
    }
    *url = Value::String(shown);
    serde_json::to_vec(&record).ok()
}

/// Secrets stand in the userinfo, in the query, and as a folder of their own. The host and the rest of the path are what they are, even
/// if they hold somebody's name.
fn hidden_in_url(url: &str, mask: &Mask) -> String {
    let hide = |text: &str| String::from_utf8_lossy(&mask.hide(text.as_bytes())).into_owned();
    let (before, fragment) = split_at(url, url.find('#'));
    let (before, query) = split_at(before, before.find('?'));
    let authority = before.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = split_at(before, Some(authority));
    let (authority, path) = split_at(rest, rest.find('/'));
    let (user, host) = split_at(authority, authority.rfind('@'));
    let folders = path.split('/').map(|folder| match folder.len() {
        SHORTEST_IN_PATH.. if mask.is_value(folder.as_bytes()) => hide(folder),
        _ => folder.to_owned(),
    });
    let path = folders.collect::<Vec<String>>().join("/");
    let (user, query) = match host.is_empty() {
        // There is no `@`: what was cut off is the host.
        true => (user.to_owned(), hide(query)),
        false => (hide(user), hide(query)),
    };
    format!("{scheme}{user}{host}{path}{query}{fragment}")
}

fn split_at(text: &str, at: Option<usize>) -> (&str, &str) {
    let at = at.unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// Writes the new hash and size of a record where the distribution's list of files has the old ones.
fn correct_list(record: &Path, text: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(list)) = (record.parent(), record.parent().map(|it| it.join("RECORD")))
    else {
        return Ok(());
    };
    let old = match foreign::read(&list, LIST_LIMIT) {
        Ok(old) if u64::try_from(old.len()).is_ok_and(|length| length < LIST_LIMIT) => old,
        // Not every distribution has one.
        _ => return Ok(()),
    };
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let start = format!("{name}/{DIRECT_URL},sha256=");
    let digest = base64(&Sha256::digest(text));
    let line = format!("{start}{digest},{}", text.len());
    let mut new = Vec::with_capacity(old.len());
    for old in old.split_inclusive(|byte| *byte == b'\n') {
        match old.starts_with(start.as_bytes()) {
            true => {
                let end = old.trim_ascii_end().len();
                new.extend_from_slice(line.as_bytes());
                new.extend_from_slice(old.get(end..).unwrap_or_default());
            }
            false => new.extend_from_slice(old),
        }
    }
    match new == old {
        true => Ok(()),
        false => fs::write(list, new),
    }
}

/// As lists of files write it: for URLs, and without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| {
            bits << 8 | usize::from(chunk.get(at).copied().unwrap_or_default())
        });
        let digits = (0..=chunk.len()).filter_map(|at| DIGITS.get(bits >> (18 - 6 * at) & 63));
        text.extend(digits.map(|digit| char::from(*digit)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::secrets::Secrets;

    fn mask(values: &[&str]) -> Mask {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let prefix = folder.path().join("given-");
        let names: Vec<String> = (0..values.len()).map(|at| format!("NAME{at}")).collect();
        for (name, value) in names.iter().zip(values) {
            fs::write(format!("{}{name}", prefix.display()), value).expect("a file");
        }
        Secrets::read(&prefix, &names).expect("values").mask()
    }

    #[test]
    fn a_url_keeps_all_but_values_where_secrets_stand() {
        let mask = mask(&["git", "sesame", "{\n\"key\"\n}", "a-token-of-some-length"]);
        for (url, shown) in [
            (
                "https://git:sesame@git.h/git/sesame.git",
                "https://****:****@git.h/git/sesame.git",
            ),
            ("https://git@h/a", "https://****@h/a"),
            ("ssh://user@h/a", "ssh://user@h/a"),
            ("https://git.h/git/x@sesame", "https://git.h/git/x@sesame"),
            ("https://sesame", "https://sesame"),
            (
                "https://h/a.whl?key=sesame&x=1#git",
                "https://h/a.whl?key=****&x=1#git",
            ),
            ("https://h?sesame@x", "https://h?****@x"),
            (
                "https://h/a-token-of-some-length/a.whl",
                "https://h/****/a.whl",
            ),
            (
                "https://h/a-token-of-some-length.whl",
                "https://h/a-token-of-some-length.whl",
            ),
            ("file:///git/{", "file:///git/{"),
            ("", ""),
        ] {
            assert_eq!(hidden_in_url(url, &mask), shown);
        }
    }

    #[test]
    fn only_the_url_of_a_record_is_changed() {
        let mask = mask(&["git", "a\nurl\n{"]);
        let text = br#"{"url":"https://git@h/a","vcs_info":{"vcs":"git","commit_id":"a1"}}"#;
        let shown = hidden(text, &mask).expect("another text");
        let shown: Value = serde_json::from_slice(&shown).expect("JSON");
        let want = br#"{"url":"https://****@h/a","vcs_info":{"vcs":"git","commit_id":"a1"}}"#;
        assert_eq!(shown, serde_json::from_slice::<Value>(want).expect("JSON"));
        for text in [
            &br#"{"url":"https://h/git"}"#[..],
            br#"{"url":1}"#,
            b"[]",
            b"git",
        ] {
            assert_eq!(hidden(text, &mask), None);
        }
    }

    #[test]
    fn only_what_was_written_since_is_changed_and_its_list_stays_right() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let site = [folder.path().to_owned()];
        let old = r#"{"url":"https://sesame@h/a"}"#;
        let write = |name: &str, text: &str, list: &str| {
            let place = folder.path().join(format!("{name}-1.0.dist-info"));
            fs::create_dir_all(&place).expect("a folder");
            fs::write(place.join(DIRECT_URL), text).expect("a file");
            fs::write(place.join("RECORD"), list).expect("a file");
        };
        let read = |path: &str| fs::read_to_string(folder.path().join(path)).expect("a file");
        write("before", old, "");
        write("again", "{}", "");
        std::os::unix::fs::symlink("before-1.0.dist-info", folder.path().join("link"))
            .expect("a link");
        let records = Records::of(&site);
        write(
            "later",
            old,
            "later/x.py,sha256=abc,3\r\nlater-1.0.dist-info/direct_url.json,sha256=x,9\r\nlast,,\r\n",
        );
        write("again", old, "again-1.0.dist-info/direct_url.json,,\n");
        records
            .hide_in_later(&site, &mask(&["sesame"]))
            .expect("changes");

        assert_eq!(read("before-1.0.dist-info/direct_url.json"), old);
        let new = r#"{"url":"https://****@h/a"}"#;
        for name in ["later", "again"] {
            assert_eq!(read(&format!("{name}-1.0.dist-info/direct_url.json")), new);
        }
        assert_eq!(
            read("later-1.0.dist-info/RECORD"),
            "later/x.py,sha256=abc,3\r\nlater-1.0.dist-info/direct_url.json,sha256=HLEWF5Un6EenoFl5IDevSNMwh_C0ElK8GYvXVQFVWv8,26\r\nlast,,\r\n"
        );
        assert_eq!(
            read("again-1.0.dist-info/RECORD"),
            "again-1.0.dist-info/direct_url.json,,\n"
        );
    }
}
