//! Names of things elsewhere: images, git repositories, platforms.
//!
//! Takes text as people write it in a Dockerfile or give it as an option; gives the parts, checked and in normal form.
//! Knows nothing of who is asked for the thing that is named, or whether it exists.

pub mod digest; // `sha256:…`
pub mod git; // `https://host/repo.git#ref:subdir`
pub mod image; // `[domain/]path[:tag][@digest]`
pub mod platform; // `os[(version+feature)]/architecture[/variant]`
pub mod url; // what Go's net/url reads
