//! Which files of a context a build reads: what the ops select, out of a listing.
//!
//! Follows BuildKit's own copy: links on the way to a source are followed and count themselves, links below a directory are copied
//! as they are; a directory counts with its mode, so that an empty one counts, too. The top of a context has no name and is not
//! among them.
//!
//! A few lines can ask for all of a large listing any number of times, so that looking at it is taken out of a [`Budget`].

use std::{
    borrow::Cow,
    collections::BTreeSet,
    ops::Bound::{Excluded, Included, Unbounded},
};

use fal_helper::context::{Entry, Listing};

use crate::{
    golang::{ignore::Matcher, path},
    llb::file::Copy,
};

/// How many links one path may pass.
const MOST_LINKS: usize = 255;

/// How many bytes of paths a build may look at, again for each pattern that they are held to. A listing has 32 MiB at most.
const MOST: usize = 512 << 20;

/// What a look takes however short the path is.
const LOOK: usize = 16;

/// What is left for a build to look at.
pub(super) struct Budget(usize);

/// More is to be looked at than anybody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its steps read too many files in too many ways")]
pub struct TooMuch;

impl Default for Budget {
    fn default() -> Self {
        Self(MOST)
    }
}

impl Budget {
    fn look(&mut self, path: &[u8], patterns: usize) -> Result<(), TooMuch> {
        let looked = (path.len() + LOOK).saturating_mul(1 + patterns);
        self.0 = self.0.checked_sub(looked).ok_or(TooMuch)?;
        Ok(())
    }
}

/// The paths of a listing that are read.
pub(super) fn selected<'a>(
    selections: &BTreeSet<Selection>,
    listing: &'a Listing,
    budget: &mut Budget,
) -> Result<BTreeSet<&'a [u8]>, TooMuch> {
    let mut walk = Walk {
        listing,
        budget,
        read: BTreeSet::new(),
        whole: BTreeSet::new(),
    };
    for selection in selections {
        walk.select(selection)?;
    }
    Ok(walk.read)
}

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
    /// How many patterns there are.
    size: usize,
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
            size: includes.len() + excludes.len(),
        }
    }

    fn takes(&self, path: &str) -> bool {
        let matches = |matcher: &Matcher| matcher.matches_or_parent_matches(path);
        self.includes.as_ref().is_none_or(matches) && !self.excludes.as_ref().is_some_and(matches)
    }
}

struct Walk<'a, 'b> {
    listing: &'a Listing,
    budget: &'b mut Budget,
    read: BTreeSet<&'a [u8]>,
    /// What is read with all that is below.
    whole: BTreeSet<Vec<u8>>,
}

impl<'a> Walk<'a, '_> {
    fn select(&mut self, selection: &Selection) -> Result<(), TooMuch> {
        match selection {
            Selection::Path(path) => self.tree(path.as_bytes(), &Filter::default()),
            Selection::Copy {
                source,
                is_pattern,
                includes,
                excludes,
            } => {
                let filter = Filter::new(includes, excludes);
                match split(source).filter(|_| *is_pattern) {
                    None => self.tree(source.as_bytes(), &filter),
                    Some((directory, pattern)) => self.matching(&directory, &pattern, &filter),
                }
            }
        }
    }

    /// What a path leads to, and what is below that.
    fn tree(&mut self, path: &[u8], filter: &Filter) -> Result<(), TooMuch> {
        let Some(top) = self.resolve(path)? else {
            return Ok(());
        };
        if self.is_whole(&top) {
            return Ok(());
        }
        if let Some((name, _)) = self.listing.get_key_value(top.as_slice()) {
            self.read.insert(name);
        }
        for (path, _) in below(self.listing, &top) {
            self.budget.look(path, filter.size)?;
            let relative = relative(path, &top);
            if filter.takes(&String::from_utf8_lossy(relative)) {
                self.read.insert(path);
                self.parents(path, &top);
            }
        }
        if filter.size == 0 {
            self.whole.insert(top);
        }
        Ok(())
    }

    /// Whether all below a path has been found to be read.
    fn is_whole(&self, path: &[u8]) -> bool {
        let slashes = (0..path.len()).filter(|at| path[*at] == b'/');
        let mut above = slashes.map(|end| &path[..end]);
        self.whole.contains(b"".as_slice())
            || self.whole.contains(path)
            || above.any(|above| self.whole.contains(above))
    }

    /// What a pattern matches below a directory, and what is below that.
    fn matching(&mut self, directory: &str, pattern: &str, filter: &Filter) -> Result<(), TooMuch> {
        let Some(top) = self.resolve(directory.as_bytes())? else {
            return Ok(());
        };
        let mut found = vec![top.as_slice()];
        for name in pattern.split('/') {
            let mut matched = Vec::new();
            for directory in found {
                for (path, _) in children(self.listing, directory) {
                    self.budget.look(path, 1)?;
                    let text: Cow<'_, str> = String::from_utf8_lossy(relative(path, directory));
                    if path::r#match(name, &text).unwrap_or(false) {
                        matched.push(path);
                    }
                }
            }
            found = matched;
        }
        found.iter().try_for_each(|path| self.tree(path, filter))
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
    fn resolve(&mut self, path: &[u8]) -> Result<Option<Vec<u8>>, TooMuch> {
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
            let path = at.join(&b'/');
            self.budget.look(&path, 0)?;
            let Some((path, entry)) = self.listing.get_key_value(&path) else {
                return Ok(None);
            };
            if let Entry::Link(target) = entry {
                self.read.insert(path);
                links += 1;
                if links > MOST_LINKS {
                    return Ok(None);
                }
                at.pop();
                if target.starts_with(b"/") {
                    at.clear();
                }
                open.extend(names(target).rev().map(<[u8]>::to_vec));
            }
        }
        Ok(Some(at.join(&b'/')))
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

/// What stands in a directory, without what is further below: that is leapt over.
fn children<'a>(
    listing: &'a Listing,
    top: &[u8],
) -> impl Iterator<Item = (&'a [u8], &'a Entry)> + use<'a> {
    let mut prefix = top.to_vec();
    if !prefix.is_empty() {
        prefix.push(b'/');
    }
    let mut from = Included(prefix.clone());
    std::iter::from_fn(move || {
        loop {
            let mut rest = listing.range((from.clone(), Unbounded));
            let (path, entry) = rest.next()?;
            let name = path.strip_prefix(prefix.as_slice())?;
            let Some(end) = name.iter().position(|byte| *byte == b'/') else {
                from = Excluded(path.clone());
                return Some((path.as_slice(), entry));
            };
            // What comes after everything below this name.
            let next = [&path[..prefix.len() + end], b"0"].concat();
            from = Included(next);
        }
    })
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
        let read = selected(&[selection.clone()].into(), listing, &mut Budget::default());
        let read = read.expect("little");
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
            (
                "/*",
                "",
                "",
                "a a.txt a/b a/b/x.py a/empty a/y.py d d/l far gone into link loop z.py",
            ),
            ("/[a-d]/\\y.p?", "", "", "a/y.py"),
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

    /// Promise: what a large context costs does not grow with the steps that read little of it, and where it would, there is an end.
    #[test]
    fn a_large_listing_is_not_looked_at_again_and_again() {
        let below = (0..10_000).map(|number| format!("deep/{number}"));
        let paths: Vec<String> = ["deep/".to_owned()].into_iter().chain(below).collect();
        let listing = listing(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        let size: usize = listing.keys().map(|path| path.len() + LOOK).sum();
        let copies = |copy: fn(usize) -> Copy| -> BTreeSet<Selection> {
            (0..100)
                .map(|number| Selection::of_copy(&copy(number)))
                .collect()
        };
        let selected = |selections: &BTreeSet<Selection>| {
            let mut budget = Budget(2 * size);
            selected(selections, &listing, &mut budget).map(|read| read.len())
        };
        let wildcards = copies(|number| Copy {
            src: format!("/*.{number}"),
            allow_wildcard: true,
            ..Copy::default()
        });
        assert_eq!(selected(&wildcards), Ok(0));
        let whole = copies(|number| Copy {
            src: format!("/deep/{}", "/".repeat(number)),
            ..Copy::default()
        });
        assert_eq!(selected(&whole), Ok(listing.len()));
        let filtered = copies(|number| Copy {
            src: "/deep".to_owned(),
            exclude_patterns: vec![format!("x{number}")],
            ..Copy::default()
        });
        assert_eq!(selected(&filtered), Err(TooMuch));
    }
}
