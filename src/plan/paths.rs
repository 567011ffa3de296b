//! Paths as instructions mean them: relative to WORKDIR, kept inside the root, with the trailing slash that COPY looks at.

use std::{borrow::Cow, collections::BTreeSet};

use crate::{diagnostic::Result, golang::path};

use super::messages;

/// `written`, made absolute from `directory`. With `keep_slash` a last `/` or `/.` stays: it says "into this directory".
///
/// The rules are `system.NormalizePath` of BuildKit. A Windows path may have backslashes and the drive `C:`; the result has neither.
pub(super) fn absolute(
    os: &str,
    directory: &str,
    written: &str,
    keep_slash: bool,
) -> Result<String> {
    let (directory, written) = (to_slash(os, directory), to_slash(os, written));
    let directory = if directory.is_empty() {
        "/"
    } else {
        directory.as_ref()
    };
    let without_drive = |path| {
        without_drive(os, path, keep_slash).map_err(|error| messages::removing_drive(*error))
    };
    let mut directory = without_drive(directory)?;
    if !is_absolute(os, &directory) {
        directory = path::join(&["/", &directory]).into();
    }
    let result = match written.as_ref() {
        "" => without_drive(&directory)?,
        written => without_drive(written)?,
    };
    let mut result = match is_absolute(os, &result) {
        true => result.into_owned(),
        false => path::join(&[&directory, &result]),
    };
    if keep_slash {
        if written.ends_with('/') && !result.ends_with('/') {
            result.push('/');
        } else if written.ends_with("/.") {
            if result != "/" {
                result.push('/');
            }
            result.push('.');
        }
    }
    Ok(result)
}

/// A destination relative to WORKDIR; an empty one and `.` are the directory itself.
pub(super) fn destination(os: &str, directory: &str, written: &str) -> Result<String> {
    let written =
        without_drive(os, written, true).map_err(|error| messages::removing_drive(*error))?;
    if is_absolute(os, &written) {
        return absolute(os, "/", &written, true);
    }
    let written = match written.as_ref() {
        "" | "." => "./",
        written => written,
    };
    absolute(os, directory, written, true)
}

/// A Windows path without its drive, which must be `C:`, and with forward slashes; any other path as it is.
pub(super) fn without_drive<'a>(
    os: &str,
    written: &'a str,
    keep_slash: bool,
) -> Result<Cow<'a, str>> {
    if os != "windows" {
        return Ok(Cow::Borrowed(written));
    }
    if written.len() == 2 && written.ends_with(':') {
        return Err(messages::drive_alone(written));
    }
    let slashed = to_slash(os, written);
    if slashed.starts_with("//") {
        return Err(messages::unc_path());
    }
    let rest = match slashed.split_once(':') {
        None => &slashed,
        Some((drive, rest)) if drive.eq_ignore_ascii_case("c") => rest,
        Some(_) => return Err(messages::other_drive()),
    };
    let mut clean = path::clean(rest);
    if keep_slash && clean.len() > 1 && rest.ends_with('/') {
        clean.push('/');
    }
    Ok(Cow::Owned(clean))
}

/// Whether a path does not depend on WORKDIR.
pub(super) fn is_absolute(os: &str, written: &str) -> bool {
    without_drive(os, written, false).is_ok_and(|path| path.starts_with('/'))
}

fn to_slash<'a>(os: &str, path: &'a str) -> Cow<'a, str> {
    match os {
        "windows" => Cow::Owned(path.replace('\\', "/")),
        _ => Cow::Borrowed(path),
    }
}

/// The paths that a context is asked for: none when all of it is used.
pub(super) fn followed(paths: &BTreeSet<String>) -> Vec<String> {
    if paths.contains("/") {
        return Vec::new();
    }
    let mut followed: Vec<_> = paths.iter().map(|path| path::join(&[".", path])).collect();
    followed.sort();
    followed
}

/// Whether a path holds `*`, `?` or `[` that is not escaped.
pub(super) fn has_wildcard(name: &str) -> bool {
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' | b'[' => return true,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    false
}
