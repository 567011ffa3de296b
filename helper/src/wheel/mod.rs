//! Wheels to the files that they are once installed, without a Python.
//!
//! ```text
//! archive → wheel: its metadata, and each file with its place and its hash
//! wheels + site-packages → unpack: what is the same in every image   → a layer that apps share
//! unpacked + byte code   → byte_code: what a Python made of its modules, as if it came from here → a layer beside it
//! wheels + image         → finish: what an interpreter's path decides → a small layer of the app's own
//! records + image        → remove: the image without what wheels replace → a layer below those
//! ```
//! Takes wheels as files, one in each of the folders `0`, `1`, …; gives a tree. The same wheels and places give the same bytes,
//! modes and times. Knows nothing of where wheels come from, or of which are needed.
//!
//! A wheel may be hostile: what it declares is bounded, each name is judged before anything is written, every file has to be
//! the one that RECORD lists, and whatever could be read in two ways is refused.

pub mod request; // what the frontend asks

pub mod unpack; // wheels → site-packages

pub(crate) mod byte_code; // byte code → a layer like the wheels' own

pub mod finish; // wheels + image → scripts, data, headers, and what tells of them

pub mod remove; // image → the image without distributions that wheels come in the place of

mod read; // an archive → a wheel, checked

mod name; // `numpy-2.1.3-cp311-….whl` → its name and version
mod archive; // a file → the entries of a zip archive
mod end; // where an archive says that it ends
mod paths; // the names of entries, judged
mod layout; // an entry → where it goes
mod metadata; // WHEEL and METADATA
mod record; // RECORD
mod entry_points; // entry_points.txt → scripts

mod launcher; // what a script begins with
mod script; // a packaged script → one that runs
mod ground; // an image → its folders as they really are

mod copy; // an entry → a file that has the right hash
mod tree; // folders and files with their modes, owners and times
mod parallel; // work on all cores

mod messages; // what is wrong, as sentences

#[cfg(test)]
mod craft; // wheels for tests
#[cfg(test)]
mod written; // what tests write, and find written
#[cfg(test)]
mod hostile; // those that are refused

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The wheel with a number, and what it is called.
fn find(wheels: &Path, number: usize, file: &str) -> Result<(PathBuf, String), Failure> {
    let folder = wheels.join(number.to_string());
    match file.ends_with(".whl") {
        true => Ok((folder.join(file), file.to_owned())),
        false => built(&folder, file),
    }
}

/// The only wheel of a folder, which has to be of `NAME==VERSION` or of `NAME`, and what it is called.
pub(crate) fn built(folder: &Path, wanted: &str) -> Result<(PathBuf, String), Failure> {
    let failed = |error: io::Error| messages::failed(folder, &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        names.extend(
            name.to_str()
                .filter(|name| name.ends_with(".whl"))
                .map(str::to_owned),
        );
    }
    let [file] = names.as_slice() else {
        return Err(messages::not_one_built(wanted, names.len()));
    };
    let name = name::Name::read(file).map_err(|flaw| messages::refused(file, &flaw))?;
    let is_right = match wanted.split_once("==") {
        Some((wanted, version)) => name.is_called(wanted) && name.has_version(version),
        None => name.is_called(wanted),
    };
    match is_right {
        true => Ok((folder.join(file), file.clone())),
        false => Err(messages::other_built(wanted, file)),
    }
}
