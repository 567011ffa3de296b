//! What is known of images by their names, where nobody can be asked.
//!
//! Takes the name of a base image as written; gives what such images are known for. What is not known is `None`.

use crate::{fal::options::Minor, reference::image};

/// Images that come without curl, whatever their tag.
const WITHOUT_CURL: [&str; 7] = [
    "alpine",
    "busybox",
    "debian",
    "nvidia/cuda",
    "ubuntu",
    "distroless/static-debian12",
    "distroless/python3-debian12",
];

/// Images that come in a full flavour, which has curl, and in small ones, which have not.
const WITH_FLAVOURS: [&str; 8] = [
    "golang",
    "node",
    "openjdk",
    "php",
    "python",
    "ruby",
    "rust",
    "buildpack-deps",
];

/// Whether the image has curl, where that is known.
pub(super) fn has_curl(name: &str) -> Option<bool> {
    let (path, tag) = parts(name)?;
    if WITHOUT_CURL.contains(&path.as_str()) {
        return Some(false);
    }
    if !WITH_FLAVOURS.contains(&path.as_str()) {
        return None;
    }
    let is_small = ["slim", "alpine"].iter().any(|small| tag.contains(small));
    Some(!is_small)
}

/// The minor version of Python that is first on PATH, where the name says it.
pub(super) fn python(name: &str) -> Option<Minor> {
    let (path, tag) = parts(name)?;
    match path == "python" {
        true => minor(tag.split('-').next()?),
        false => None,
    }
}

/// `3.11` of `3.11` and of `3.11.7`.
pub(super) fn minor(version: &str) -> Option<Minor> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some(Minor {
        major: numbers.next()??,
        minor: numbers.next()??,
    })
}

/// The path without `library/`, and the tag.
fn parts(name: &str) -> Option<(String, String)> {
    let name = image::parse_normalized(name).ok()?.tag_name_only();
    let path = name.path();
    let path = path.strip_prefix("library/").unwrap_or(path).to_owned();
    Some((path, name.tag().unwrap_or_default().to_owned()))
}
