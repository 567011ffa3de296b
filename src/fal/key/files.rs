//! Which files of a context a build reads: what the ops select, out of a listing.
//!
//! Follows BuildKit's own copy: links on the way to a source are followed and count themselves, links below a directory are copied
//! as they are; a directory counts with its mode, so that an empty one counts, too. The top of a context has no name and is not
//! among them.

use std::{borrow::Cow, collections::BTreeSet};

use fal_helper::context::{Entry, Listing};

use crate::{
    golang::{ignore::Matcher, path},
    llb::file::Copy,
};

/// How many links one path may pass.
const MOST_LINKS: usize = 255;

/// What one op reads of a context.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Selection {
    /// What stands at a path.
    Path(String),
    /// What a copy takes.
    Copy {
        source: String,
        is_pattern: bool,
        includes: Vec<String>,
        excludes: Vec<String>,
    },
}

impl Selection {
    pub(super) fn of_copy(copy: &Copy) -> Self {
        Self::Copy {
            source: copy.src.clone(),
            is_pattern: copy.allow_wildcard,
            includes: copy.include_patterns.clone(),
            excludes: copy.exclude_patterns.clone(),
        }
    }

    /// Adds the paths that are read.
    pub(super) fn select<'a>(&self, listing: &'a Listing, read: &mut BTreeSet<&'a [u8]>) {
        let mut walk = Walk { listing, read };
        match self {
            Self::Path(path) => walk.tree(path.as_bytes(), &Filter::default()),
            Self::Copy {
                source,
                is_pattern,
                includes,
                excludes,
            } => {
                let filter = Filter::new(includes, excludes);
                match split(source).filter(|_| *is_pattern) {
                    None => walk.tree(source.as_bytes(), &filter),
                    Some((directory, pattern)) => walk.matching(&directory, &pattern, &filter),
                }
            }
        }
    }
}

/// `a/b*/c` as `a` and `b*/c`; nothing if there is no wildcard in it.
fn split(source: &str) -> Option<(String, String)> {
    let names: Vec<&str> = source.split('/').filter(|name| !name.is_empty()).collect();
    let first = names.iter().position(|name| has_wildcard(name))?;
    Some((names[..first].join("/"), names[first..].join("/")))
}

/// Whether a name holds `*`, `?` or `[` that is not escaped.
fn has_wildcard(name: &str) -> bool {
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' | b'[' => return true,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    false
}

/// What of a directory is taken.
#[derive(Default)]
struct Filter {
    includes: Option<Matcher>,
    excludes: Option<Matcher>,
}

impl Filter {
    /// A pattern that cannot be read fails the copy, so that there is nothing to name.
    fn new(includes: &[String], excludes: &[String]) -> Self {
        let matcher = |patterns: &[String]| match patterns {
            [] => None,
            patterns => Some(Matcher::new(patterns).unwrap_or_default()),
        };
        Self {
            includes: matcher(includes),
            excludes: matcher(excludes),
        }
    }

    fn takes(&self, path: &str) -> bool {
        let matches = |matcher: &Matcher| matcher.matches_or_parent_matches(path);
        self.includes.as_ref().is_none_or(matches) && !self.excludes.as_ref().is_some_and(matches)
    }
}

struct Walk<'a, 'b> {
    listing: &'a Listing,
    read: &'b mut BTreeSet<&'a [u8]>,
}

impl<'a> Walk<'a, '_> {
    /// What a path leads to, and what is below that.
    fn tree(&mut self, path: &[u8], filter: &Filter) {
        let Some(top) = self.resolve(path) else {
            return;
        };
        if let Some((name, _)) = self.listing.get_key_value(top.as_slice()) {
            self.read.insert(name);
        }
        for (path, _) in below(self.listing, &top) {
            let relative = relative(path, &top);
            if filter.takes(&String::from_utf8_lossy(relative)) {
                self.read.insert(path);
                self.parents(path, &top);
            }
        }
    }

    /// What a pattern matches below a directory, and what is below that.
    fn matching(&mut self, directory: &str, pattern: &str, filter: &Filter) {
        let Some(top) = self.resolve(directory.as_bytes()) else {
            return;
        };
        let depth = pattern.split('/').count();
        for (path, _) in below(self.listing, &top) {
            let relative = relative(path, &top);
            if relative.split(|byte| *byte == b'/').count() != depth {
                continue;
            }
            let text: Cow<'_, str> = String::from_utf8_lossy(relative);
            if path::r#match(pattern, &text).unwrap_or(false) {
                self.tree(path, filter);
            }
        }
    }

    /// The directories between `top` and a path, which are made for it.
    fn parents(&mut self, path: &'a [u8], top: &[u8]) {
        let mut path = path;
        while let Some(end) = path.iter().rposition(|byte| *byte == b'/') {
            path = &path[..end];
            if path.len() <= top.len() || !self.read.insert(path) {
                break;
            }
        }
    }

    /// Follows every link of a path; each that is passed counts. Nothing if it leads nowhere.
    fn resolve(&mut self, path: &[u8]) -> Option<Vec<u8>> {
        let mut open: Vec<Vec<u8>> = names(path).rev().map(<[u8]>::to_vec).collect();
        let mut at: Vec<Vec<u8>> = Vec::new();
        let mut links = 0;
        while let Some(name) = open.pop() {
            match name.as_slice() {
                b"." => continue,
                b".." => {
                    at.pop();
                    continue;
                }
                _ => at.push(name),
            }
            let (path, entry) = self.listing.get_key_value(at.join(&b'/').as_slice())?;
            if let Entry::Link(target) = entry {
                self.read.insert(path);
                links += 1;
                if links > MOST_LINKS {
                    return None;
                }
                at.pop();
                if target.starts_with(b"/") {
                    at.clear();
                }
                open.extend(names(target).rev().map(<[u8]>::to_vec));
            }
        }
        Some(at.join(&b'/'))
    }
}

fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
}

/// What stands below a directory, the empty one being the top.
fn below<'a>(listing: &'a Listing, top: &[u8]) -> impl Iterator<Item = (&'a [u8], &'a Entry)> {
    let mut prefix = top.to_vec();
    if !prefix.is_empty() {
        prefix.push(b'/');
    }
    listing
        .range(prefix.clone()..)
        .map(|(path, entry)| (path.as_slice(), entry))
        .take_while(move |(path, _)| path.starts_with(&prefix))
}

/// A path below a directory, seen from there.
fn relative<'a>(path: &'a [u8], top: &[u8]) -> &'a [u8] {
    match top {
        b"" => path,
        top => &path[top.len() + 1..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A listing of these paths: one with a slash at its end is a directory, one with an arrow a link.
    fn listing(paths: &[&str]) -> Listing {
        let entry = |path: &&str| match path.split_once("->") {
            Some((name, target)) => (name.into(), Entry::Link(target.into())),
            None => match path.strip_suffix('/') {
                Some(name) => (name.into(), Entry::Directory(0o40_755)),
                None => ((*path).into(), Entry::File("hash".to_owned())),
            },
        };
        paths.iter().map(entry).collect()
    }

    fn read(selection: &Selection, listing: &Listing) -> String {
        let mut read = BTreeSet::new();
        selection.select(listing, &mut read);
        let names: Vec<_> = read
            .iter()
            .map(|path| String::from_utf8_lossy(path))
            .collect();
        names.join(" ")
    }

    #[test]
    fn what_a_copy_takes_is_read() {
        let listing = listing(&[
            "a/",
            "a/b/",
            "a/b/x.py",
            "a/empty/",
            "a/y.py",
            "a.txt",
            "link->a/b",
            "loop->loop",
            "far->/a/../a.txt",
            "into->link/x.py",
            "z.py",
            "gone->nowhere",
            "d/",
            "d/l->../a",
        ]);
        for (source, includes, excludes, expected) in [
            ("/a", "", "", "a a/b a/b/x.py a/empty a/y.py"),
            ("/a/", "", "b", "a a/empty a/y.py"),
            ("/a", "", "**/*.py", "a a/b a/empty"),
            ("/a", "", "* !b/x.py", "a a/b a/b/x.py"),
            ("/", "a/*.py", "", "a a/y.py"),
            ("/*.py", "", "", "z.py"),
            ("/*/*.py", "", "", "a/y.py"),
            ("/a/*", "", "", "a/b a/b/x.py a/empty a/y.py"),
            ("/a.txt", "", "a.txt", "a.txt"),
            ("/link", "", "", "a/b a/b/x.py link"),
            ("/far", "", "", "a.txt far"),
            ("/into", "", "", "a/b/x.py into link"),
            ("/loop", "", "", "loop"),
            ("/gone", "", "", "gone"),
            ("/d", "", "", "d d/l"),
            ("/none", "", "", ""),
            ("/../a.txt", "", "", "a.txt"),
        ] {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
            let selection = Selection::Copy {
                source: source.to_owned(),
                is_pattern: true,
                includes: words(includes),
                excludes: words(excludes),
            };
            assert_eq!(
                read(&selection, &listing),
                expected,
                "{source} {includes} {excludes}"
            );
        }
        let path = |path: &str| read(&Selection::Path(path.to_owned()), &listing);
        assert_eq!(path("/a/b"), "a/b a/b/x.py");
        assert_eq!(path("").split(' ').count(), listing.len());
    }
}
