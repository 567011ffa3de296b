//! Paths inside a file op, with the rules of Go's `path` that decide an op's bytes.

/// An absolute path for `path` seen from `directory`, after `normalizePath` of `client/llb`.
///
/// With `keep_slash` a trailing `/` or `/.` stays: a copy means another thing with it.
pub(super) fn absolute(directory: &str, path: &str, keep_slash: bool) -> String {
    let mut clean = if path.starts_with('/') {
        join(&[path])
    } else {
        join(&["/", directory, path])
    };
    if keep_slash {
        if path.ends_with('/') && !clean.ends_with('/') {
            clean.push('/');
        } else if path.ends_with("/.") {
            if clean != "/" {
                clean.push('/');
            }
            clean.push('.');
        }
    }
    clean
}

/// Go's `path.Join` of parts of which the first begins with `/`: no `.`, no `..`, no `//`.
pub(super) fn join(parts: &[&str]) -> String {
    let mut names = Vec::new();
    for name in parts.iter().flat_map(|part| part.split('/')) {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_absolute_as_in_the_original() {
        for (directory, path, keep_slash, expected) in [
            ("/", "", false, "/"),
            ("/", "a", false, "/a"),
            ("/work", "a", false, "/work/a"),
            ("/work", "../../a", false, "/a"),
            ("work", "a", false, "/work/a"),
            ("/work", "/a//b/./c/..", false, "/a/b"),
            ("/work", "a/", false, "/work/a"),
            ("/work", "a/", true, "/work/a/"),
            ("/work", "/", true, "/"),
            ("/work", "/.", true, "/."),
            ("/work", "a/.", true, "/work/a/."),
            ("/work", "./", true, "/work/"),
            ("/work", ".", true, "/work"),
        ] {
            let found = absolute(directory, path, keep_slash);
            assert_eq!(found, expected, "{path:?} in {directory:?}");
        }
    }
}
