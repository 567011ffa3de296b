//! Slash-separated paths, as Go's `path` and (on Linux) `path/filepath` treat them.
//!
//! Everything here is lexical: no path is looked up.

use std::iter::Peekable;
use std::str::Chars;

/// The shortest path that means the same (`filepath.Clean`): no `.`, no `//`, and `..` only at the start.
pub fn clean(path: &str) -> String {
    clean_parts(&[path])
}

/// The parts as one clean path (`filepath.Join`); empty parts do not count, and of nothing comes nothing.
pub fn join(parts: &[&str]) -> String {
    match parts.iter().all(|part| part.is_empty()) {
        true => String::new(),
        false => clean_parts(parts),
    }
}

/// The parts as one clean path; `.` when nothing is left.
fn clean_parts(parts: &[&str]) -> String {
    let mut parts = parts.iter().filter(|part| !part.is_empty()).peekable();
    let rooted = parts.peek().is_some_and(|part| is_abs(part));
    let length = parts.clone().map(|part| part.len() + 1).sum();
    let mut clean = String::with_capacity(length);
    clean.extend(rooted.then_some('/'));
    // What `..` cannot take away.
    let mut fixed = clean.len();
    for part in parts.flat_map(|part| part.split('/')) {
        let kept = clean.get(fixed..).unwrap_or_default();
        match part {
            "" | "." => {}
            ".." if !kept.is_empty() => {
                let parent = fixed + kept.rfind('/').unwrap_or(0);
                clean.truncate(parent);
            }
            ".." if rooted => {}
            _ => {
                if !clean.is_empty() && !clean.ends_with('/') {
                    clean.push('/');
                }
                clean.push_str(part);
                if part == ".." {
                    fixed = clean.len();
                }
            }
        }
    }
    if clean.is_empty() {
        clean.push('.');
    }
    clean
}

/// The last element (`filepath.Base`): `.` of an empty path, `/` of a path of slashes.
pub fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        Some(last) if !last.is_empty() => last,
        _ => "/",
    }
}

/// All but the last element, clean (`filepath.Dir`).
pub fn dir(path: &str) -> String {
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    clean(path.get(..end).unwrap_or_default())
}

/// Whether the path begins at the root (`filepath.IsAbs`).
pub fn is_abs(path: &str) -> bool {
    path.starts_with('/')
}

/// A pattern that cannot be read: an open `[`, an empty range, a `\` at the end (`filepath.ErrBadPattern`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

/// Whether `name` as a whole fits the shell pattern (`filepath.Match`): `*` and `?` stop at slashes.
///
/// Like the original, it complains only of what it reads: after a part that does not fit, the rest of
/// the pattern may hold any nonsense.
pub fn r#match(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let mut pattern = pattern;
    let mut name = name.as_bytes();
    while !pattern.is_empty() {
        let (after_star, text, rest) = next_chunk(pattern);
        pattern = rest;
        if after_star && text.is_empty() {
            return Ok(!name.contains(&b'/'));
        }
        let chunk = read_chunk(text)?;
        let is_last = pattern.is_empty();
        match find_chunk(&chunk, name, after_star, is_last) {
            Some(left) => name = left,
            None => return Ok(false),
        }
    }
    Ok(name.is_empty())
}

/// One thing that a chunk asks of a name.
enum Item {
    /// This very byte; a longer character is several of these.
    Byte(u8),
    /// `?`: any character but a slash.
    Any,
    /// `[a-z]`, `[^a-z]`: a character inside, or outside, of the ranges.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// Whether stars come first, the text up to the next star, and what follows.
fn next_chunk(pattern: &str) -> (bool, &str, &str) {
    let text = pattern.trim_start_matches('*');
    let after_star = text.len() != pattern.len();
    let mut in_class = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '*' if !in_class => {
                let (chunk, rest) = text.split_at(at);
                return (after_star, chunk, rest);
            }
            _ => {}
        }
    }
    (after_star, text, "")
}

fn read_chunk(text: &str) -> Result<Vec<Item>, BadPattern> {
    let mut items = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '?' => items.push(Item::Any),
            '[' => items.push(read_class(&mut chars)?),
            '\\' => push_bytes(&mut items, chars.next().ok_or(BadPattern)?),
            _ => push_bytes(&mut items, c),
        }
    }
    Ok(items)
}

fn push_bytes(items: &mut Vec<Item>, c: char) {
    let mut buffer = [0; 4];
    items.extend(c.encode_utf8(&mut buffer).bytes().map(Item::Byte));
}

/// `[` has been read: `^`? range+ `]`.
fn read_class(chars: &mut Peekable<Chars<'_>>) -> Result<Item, BadPattern> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Ok(Item::Class { negated, ranges });
        }
        let low = read_class_char(chars)?;
        let high = match chars.next_if_eq(&'-') {
            Some(_) => read_class_char(chars)?,
            None => low,
        };
        ranges.push((low, high));
    }
}

/// A character of a class; something must follow it, if only the closing bracket.
fn read_class_char(chars: &mut Peekable<Chars<'_>>) -> Result<char, BadPattern> {
    let c = match chars.next() {
        None | Some('-' | ']') => return Err(BadPattern),
        Some('\\') => chars.next().ok_or(BadPattern)?,
        Some(c) => c,
    };
    chars.peek().map(|_| c).ok_or(BadPattern)
}

/// What is left of `name` after the first place where the chunk fits, if there is one.
///
/// After a star the chunk may begin later, though never behind a slash. The last chunk has to use the name up.
fn find_chunk<'a>(
    chunk: &[Item],
    name: &'a [u8],
    after_star: bool,
    is_last: bool,
) -> Option<&'a [u8]> {
    let mut start = name;
    loop {
        match fit_chunk(chunk, start) {
            Some(left) if left.is_empty() || !is_last => return Some(left),
            _ => {}
        }
        match start.split_first() {
            Some((&skipped, later)) if after_star && skipped != b'/' => start = later,
            _ => return None,
        }
    }
}

fn fit_chunk<'a>(chunk: &[Item], name: &'a [u8]) -> Option<&'a [u8]> {
    let mut left = name;
    for item in chunk {
        let (&first, _) = left.split_first()?;
        let width = match item {
            Item::Byte(byte) => (*byte == first).then_some(1)?,
            Item::Any => (first != b'/').then(|| first_char(left).1)?,
            Item::Class { negated, ranges } => {
                let (c, width) = first_char(left);
                let inside = ranges.iter().any(|&(low, high)| low <= c && c <= high);
                (inside != *negated).then_some(width)?
            }
        };
        left = left.get(width..)?;
    }
    Some(left)
}

/// The first character and its width; the inside of a longer character counts as U+FFFD, a byte wide.
///
/// A star may stop between the bytes of a character, as it does in Go.
fn first_char(bytes: &[u8]) -> (char, usize) {
    let width = match bytes.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => 1,
    };
    bytes
        .get(..width)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.chars().next())
        .map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_is_the_shortest_name() {
        for (path, cleaned) in [
            ("", "."),
            (".", "."),
            ("/", "/"),
            ("//a//b/", "/a/b"),
            ("a/./b/../c", "a/c"),
            ("a/..", "."),
            ("../../a", "../../a"),
            ("a/../../b", "../b"),
            ("/../a", "/a"),
            ("/..", "/"),
            ("a/...", "a/..."),
        ] {
            assert_eq!(clean(path), cleaned, "{path:?}");
        }
    }

    #[test]
    fn join_skips_what_is_empty() {
        assert_eq!(join(&["", ""]), "");
        assert_eq!(join(&[]), "");
        assert_eq!(join(&["", "a", "", "../b"]), "b");
        assert_eq!(join(&["/", "a"]), "/a");
        assert_eq!(join(&["a", "/b"]), "a/b");
    }

    #[test]
    fn base_and_dir_split_a_path() {
        for (path, parent, last) in [
            ("", ".", "."),
            ("a", ".", "a"),
            ("a/b", "a", "b"),
            ("a/b/", "a/b", "b"),
            ("/", "/", "/"),
            ("//", "/", "/"),
            ("/a", "/", "a"),
            ("/a//", "/a", "a"),
            ("a//b", "a", "b"),
        ] {
            assert_eq!((dir(path).as_str(), base(path)), (parent, last), "{path:?}");
        }
    }

    #[test]
    fn match_follows_the_shell() {
        for (pattern, name, fits) in [
            ("*", "abc", true),
            ("*", "a/b", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axx/byyc", false),
            ("a?c", "aéc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[\\]]", "]", true),
            ("a\\*", "a*", true),
            ("", "", true),
            ("x*[", ".", false),
        ] {
            assert_eq!(r#match(pattern, name), Ok(fits), "{pattern:?} {name:?}");
        }
        for pattern in ["[", "[]", "[a", "[-]", "[a-]", "a\\", "[\\", "[^]"] {
            assert_eq!(r#match(pattern, "."), Err(BadPattern), "{pattern:?}");
        }
    }
}
