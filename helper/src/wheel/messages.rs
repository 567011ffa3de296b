//! What is wrong with a wheel, as sentences.
//!
//! A [`Flaw`] goes on after "the wheel x.whl is refused: "; [`refused`] begins the sentence.

use std::fmt::Display;
use std::path::Path;

use crate::failure::{Failure, Kind};

/// What is wrong, without the name of the wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw(pub(super) String);

/// A sentence that names the wheel.
pub(super) fn refused(file: &str, flaw: &Flaw) -> Failure {
    Failure::new(
        Kind::Wheel,
        format!("the wheel {file} is refused: {}", flaw.0),
    )
}

pub(super) fn not_one_built(wanted: &str, count: usize) -> Failure {
    Failure::new(
        Kind::Wheel,
        format!("{count} wheels were built of {wanted}, where one is needed"),
    )
}

pub(super) fn other_built(wanted: &str, file: &str) -> Failure {
    Failure::new(
        Kind::Wheel,
        format!("{wanted} was to be built, and what came of it is {file}"),
    )
}

/// A file of the step's own.
pub(super) fn failed(path: &Path, error: &dyn Display) -> Failure {
    Failure::new(Kind::File, format!("{}: {error}", path.display()))
}

/// A name of the interpreter, where something else stands in the way.
pub(super) fn not_linked(path: &Path, flaw: &Flaw) -> Failure {
    Failure::new(
        Kind::File,
        format!("{} cannot be linked: {}", path.display(), flaw.0),
    )
}

/// No name in a sentence is longer than this.
const MOST_SHOWN: usize = 200;

/// A name that may be long.
fn short(name: &str) -> String {
    match name.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

fn flaw(text: impl Into<String>) -> Flaw {
    Flaw(text.into())
}

pub(super) fn not_a_wheel_name() -> Flaw {
    flaw("its name is not that of a wheel (`name-version-python-abi-platform.whl`)")
}

pub(super) fn not_an_archive(error: &dyn Display) -> Flaw {
    flaw(format!(
        "it is not a zip archive that can be trusted ({error})"
    ))
}

pub(super) fn too_many_entries(limit: u64) -> Flaw {
    flaw(format!("it has more than {limit} files and folders"))
}

pub(super) fn too_large(limit: u64) -> Flaw {
    flaw(format!("what is in it takes more than {limit} bytes"))
}

pub(super) fn bomb(declared: u64, size: u64) -> Flaw {
    flaw(format!(
        "{declared} bytes are said to come out of an archive of {size}"
    ))
}

pub(super) fn duplicate(name: &str) -> Flaw {
    flaw(format!("it has `{}` twice", short(name)))
}

pub(super) fn file_and_folder(name: &str) -> Flaw {
    flaw(format!("`{}` is a file and a folder in it", short(name)))
}

pub(super) fn bad_name(name: &str, why: &str) -> Flaw {
    flaw(format!("the name `{}` in it {why}", short(name)))
}

pub(super) fn not_utf8() -> Flaw {
    flaw("a name in it is not UTF-8")
}

pub(super) fn not_said_to_be_utf8(name: &str) -> Flaw {
    flaw(format!(
        "the name `{}` in it is not said to be UTF-8",
        short(name)
    ))
}

pub(super) fn encrypted(name: &str) -> Flaw {
    flaw(format!("`{}` in it is encrypted", short(name)))
}

pub(super) fn compression(name: &str) -> Flaw {
    flaw(format!(
        "`{}` in it is compressed in a way that wheels do not use",
        short(name)
    ))
}

pub(super) fn special(name: &str) -> Flaw {
    flaw(format!(
        "`{}` in it is a link or a special file",
        short(name)
    ))
}

pub(super) fn full_folder(name: &str) -> Flaw {
    flaw(format!("the folder `{}` in it has a content", short(name)))
}

pub(super) fn two_names(name: &str) -> Flaw {
    flaw(format!(
        "`{}` in it has another name beside it",
        short(name)
    ))
}

pub(super) fn broken(name: &str, error: &dyn Display) -> Flaw {
    flaw(format!("`{}` in it cannot be read ({error})", short(name)))
}

pub(super) fn other_length(name: &str) -> Flaw {
    flaw(format!(
        "`{}` in it is not as long as the archive says",
        short(name)
    ))
}

pub(super) fn other_hash(name: &str) -> Flaw {
    flaw(format!(
        "`{}` in it has another hash than RECORD says",
        short(name)
    ))
}

pub(super) fn other_size(name: &str) -> Flaw {
    flaw(format!(
        "`{}` in it has another size than RECORD says",
        short(name)
    ))
}

pub(super) fn not_recorded(name: &str) -> Flaw {
    flaw(format!("RECORD does not list `{}`", short(name)))
}

pub(super) fn recorded_only(name: &str) -> Flaw {
    flaw(format!(
        "RECORD lists `{}`, which is not there",
        short(name)
    ))
}

pub(super) fn recorded_twice(name: &str) -> Flaw {
    flaw(format!(
        "RECORD lists `{}` twice, and not alike",
        short(name)
    ))
}

pub(super) fn no_hash(name: &str) -> Flaw {
    flaw(format!("RECORD has no hash of `{}`", short(name)))
}

pub(super) fn weak_hash(name: &str, algorithm: &str) -> Flaw {
    flaw(format!(
        "RECORD has a hash of `{}` by {}, and only sha256, sha384 and sha512 are taken",
        short(name),
        short(algorithm)
    ))
}

pub(super) fn bad_record(why: &dyn Display) -> Flaw {
    flaw(format!("its RECORD cannot be read ({why})"))
}

pub(super) fn no_dist_info() -> Flaw {
    flaw("it has no folder that ends with `.dist-info`")
}

pub(super) fn two_dist_infos(one: &str, other: &str) -> Flaw {
    flaw(format!(
        "it has both `{}` and `{}`",
        short(one),
        short(other)
    ))
}

pub(super) fn other_folder(name: &str) -> Flaw {
    flaw(format!(
        "its folder `{}` is that of another distribution",
        short(name)
    ))
}

pub(super) fn missing(name: &str) -> Flaw {
    flaw(format!("it has no {name}"))
}

pub(super) fn too_long(name: &str) -> Flaw {
    flaw(format!("its {name} is too long"))
}

pub(super) fn not_text(name: &str) -> Flaw {
    flaw(format!("its {name} is not UTF-8"))
}

pub(super) fn no_header(file: &str, header: &str) -> Flaw {
    flaw(format!("its {file} does not say `{header}` once"))
}

pub(super) fn other_format(version: &str) -> Flaw {
    flaw(format!(
        "it is made by version {} of the format, and only 1 is known",
        short(version)
    ))
}

pub(super) fn bad_header(header: &str, value: &str) -> Flaw {
    flaw(format!("its WHEEL says `{header}: {}`", short(value)))
}

pub(super) fn other_distribution(header: &str, value: &str) -> Flaw {
    flaw(format!(
        "its METADATA says `{header}: {}`, which is not what its name says",
        short(value)
    ))
}

pub(super) fn unknown_data(name: &str) -> Flaw {
    flaw(format!(
        "`{}` in it is for a place that no installer knows",
        short(name)
    ))
}

pub(super) fn bad_entry_point(line: &str, why: &str) -> Flaw {
    flaw(format!("its entry point `{}` {why}", short(line)))
}

pub(super) fn over_a_folder(path: &Path) -> Flaw {
    flaw(format!(
        "it has a file {}, where a folder is",
        path.display()
    ))
}

pub(super) fn below_no_folder(path: &Path) -> Flaw {
    flaw(format!(
        "it has files below {}, which is no folder",
        path.display()
    ))
}

/// What a distribution lists that is taken away, and is not its own.
pub(super) fn stays(path: &Path) -> String {
    format!(
        "{} stays: it is outside of what belongs to the Python",
        short(&path.to_string_lossy())
    )
}

/// What both of two wheels bring, with the one that is kept.
pub(super) fn kept(path: &Path, loser: &str, winner: &str) -> String {
    format!(
        "{} is in {loser} and in {winner}, and the latter is taken",
        path.display()
    )
}
