//! Paths inside a file op, whose spelling decides the op's bytes.

use crate::golang::path::{clean, is_abs, join};

/// An absolute path for `path` seen from `directory`, after `normalizePath` of `client/llb`.
pub(super) fn absolute(directory: &str, path: &str) -> String {
    match is_abs(path) {
        true => clean(path),
        false => join(&["/", directory, path]),
    }
}

/// The same, but a trailing `/` or `/.` stays: as the end of a copy it means another thing.
pub(super) fn destination(directory: &str, path: &str) -> String {
    let mut clean = absolute(directory, path);
    if path.ends_with('/') && !clean.ends_with('/') {
        clean.push('/');
    } else if path.ends_with("/.") {
        if clean != "/" {
            clean.push('/');
        }
        clean.push('.');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_absolute_as_in_the_original() {
        for (directory, path, plain, of_a_copy) in [
            ("/", "", "/", "/"),
            ("", "a", "/a", "/a"),
            ("/work", "a", "/work/a", "/work/a"),
            ("/work", "../../a", "/a", "/a"),
            ("work", "a", "/work/a", "/work/a"),
            ("/work", "/a//b/./c/..", "/a/b", "/a/b"),
            ("/work", "a/", "/work/a", "/work/a/"),
            ("/work", "/", "/", "/"),
            ("/work", "/.", "/", "/."),
            ("/work", "a/.", "/work/a", "/work/a/."),
            ("/work", "./", "/work", "/work/"),
            ("/work", ".", "/work", "/work"),
        ] {
            assert_eq!(absolute(directory, path), plain, "{path:?}");
            assert_eq!(destination(directory, path), of_a_copy, "{path:?}");
        }
    }
}
