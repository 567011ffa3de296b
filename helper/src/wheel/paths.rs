//! The names of entries, judged.
//!
//! Takes names as an archive has them; says which can be files below a folder, and whether they can be there together. Knows
//! nothing of wheels.

use std::path::Path;

use crate::wheel::messages::{self, Flaw};

/// No name is longer. Linux takes 4096 bytes for a whole path.
const MOST_NAME: usize = 2048;
/// No part of a name is longer, as Linux has it.
const MOST_PART: usize = 255;

/// Whether a name, without the slash at the end of a folder's, stands for one place below a folder.
pub(super) fn check(name: &str) -> Result<(), Flaw> {
    let no = |why| Err(messages::bad_name(name, why));
    let drive =
        |part: &str| matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    match name {
        _ if name.starts_with('/') => no("is absolute"),
        _ if name.contains('\\') => no("has a backslash"),
        _ if name.contains('\0') => no("has a zero byte"),
        _ if drive(name) => no("begins with the letter of a drive"),
        _ if name.len() > MOST_NAME => no("is too long"),
        _ => name.split('/').try_for_each(|part| match part {
            "" => no("has an empty part"),
            "." | ".." => no("leads to another place"),
            _ if part.len() > MOST_PART => no("is too long"),
            _ => Ok(()),
        }),
    }
}

/// What is wrong with two paths, the latter of which is given.
pub(super) enum Conflict {
    /// Both are the same.
    Twice(usize),
    /// The former is a file, and the latter below it.
    Below(usize),
}

/// Looks at paths in the order of their parts, each with whether it is a folder: gives the first that cannot be beside the one
/// before it. In this order whatever is below a path comes right behind it.
pub(super) fn conflict<'a>(sorted: impl Iterator<Item = (&'a Path, bool)>) -> Option<Conflict> {
    let mut before: Option<(&Path, bool)> = None;
    for (at, (path, is_folder)) in sorted.enumerate() {
        if let Some((other, other_is_folder)) = before {
            if path == other && is_folder == other_is_folder {
                return Some(Conflict::Twice(at));
            }
            if path == other || !other_is_folder && path.starts_with(other) {
                return Some(Conflict::Below(at));
            }
        }
        before = Some((path, is_folder));
    }
    None
}

/// How many folders files need that are in the order of their parts.
pub(super) fn count_folders<'a>(sorted: impl Iterator<Item = &'a Path>) -> u64 {
    let mut before: Option<&Path> = None;
    let mut count = 0;
    for path in sorted {
        let parts = path.components().count().saturating_sub(1);
        let shared = before.map_or(0, |other| {
            let pairs = other.components().zip(path.components());
            pairs.take_while(|(one, other)| one == other).count()
        });
        count += parts.saturating_sub(shared) as u64;
        before = Some(path);
    }
    count
}
