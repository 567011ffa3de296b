//! Ignore files and their patterns, as `moby/patternmatcher` and its `ignorefile` treat them.
//!
//! Takes the bytes of a `.dockerignore`, gives patterns; takes patterns, says which paths they name.
//! Knows nothing of contexts: the daemon filters what is sent, here we only foretell it.

mod pattern;
mod regexp;

use crate::golang::path::{self, BadPattern};

use self::pattern::Pattern;

/// A line this long does not fit Go's `bufio.Scanner`.
const TOO_LONG: usize = 64 * 1024;

/// The patterns of an ignore file (`ignorefile.ReadAll`).
///
/// Lines that begin with `#` and lines of spaces do not count; paths are cleaned and lose their first slash.
pub fn read_all(bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut patterns = Vec::new();
    for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.len() >= TOO_LONG {
            return Err("bufio.Scanner: token too long".to_owned());
        }
        let line = match number {
            0 => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            _ => line,
        };
        if !line.starts_with(b"#") {
            patterns.extend(read_line(String::from_utf8_lossy(line).trim()));
        }
    }
    Ok(patterns)
}

fn read_line(line: &str) -> Option<String> {
    let (mark, text) = match line.strip_prefix('!') {
        Some(text) => ("!", text.trim()),
        None => ("", line),
    };
    if text.is_empty() {
        return Some(mark.to_owned()).filter(|mark| !mark.is_empty());
    }
    let cleaned = path::clean(text);
    let relative = match cleaned.strip_prefix('/') {
        Some(relative) if !relative.is_empty() => relative,
        _ => &cleaned,
    };
    Some(format!("{mark}{relative}"))
}

/// Why a list of patterns cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An exclusion of nothing.
    #[error("illegal exclusion pattern: \"!\"")]
    EmptyExclusion,
    /// A pattern that `filepath.Match` cannot read.
    #[error(transparent)]
    BadPattern(#[from] BadPattern),
}

/// Patterns, ready to be asked about paths.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    patterns: Vec<(Pattern, Effect)>,
}

/// What a pattern does to the paths it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Include,
    /// `!`: takes back what an earlier pattern did.
    Exclude,
}

impl Matcher {
    /// Reads the patterns; empty ones do not count (`patternmatcher.New`).
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, Error> {
        let mut matcher = Self::default();
        for text in patterns {
            let text = text.as_ref().trim();
            if text.is_empty() {
                continue;
            }
            let cleaned = path::clean(text);
            let (text, effect) = match cleaned.strip_prefix('!') {
                Some("") => return Err(Error::EmptyExclusion),
                Some(text) => (text, Effect::Exclude),
                None => (cleaned.as_str(), Effect::Include),
            };
            // Only asked to find out whether the pattern can be read.
            path::r#match(text, ".")?;
            matcher.patterns.push((Pattern::new(text), effect));
        }
        Ok(matcher)
    }

    /// Whether the patterns name the path or a folder that it is in (`MatchesOrParentMatches`).
    ///
    /// The last pattern that has something to say decides. A pattern that the original finds broken only
    /// now, being none to its regular expressions, names nothing and stops the search, as its callers
    /// treat that error.
    pub fn matches_or_parent_matches(&self, path: &str) -> bool {
        let folder = path::dir(path);
        let folder = Some(folder.as_str()).filter(|&folder| folder != ".");
        let mut matched = false;
        for (pattern, effect) in &self.patterns {
            let excludes = *effect == Effect::Exclude;
            if excludes != matched {
                continue;
            }
            match pattern.matches(path, folder) {
                Ok(true) => matched = !excludes,
                Ok(false) => {}
                Err(BadPattern) => return false,
            }
        }
        matched
    }

    /// Whether some pattern begins with `!`.
    pub fn exclusions(&self) -> bool {
        self.patterns
            .iter()
            .any(|(_, effect)| *effect == Effect::Exclude)
    }

    /// The cleaned patterns that do not begin with `!`.
    pub fn inclusions(&self) -> impl Iterator<Item = &str> {
        self.patterns
            .iter()
            .filter(|(_, effect)| *effect == Effect::Include)
            .map(|(pattern, _)| pattern.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignore_files_are_read() {
        let file = "\u{feff}# no\n#neither\n\n /a/./b/ \r\n!/c\n! d \n!\n  # a name\n/\nlast";
        let patterns = ["a/b", "!c", "!d", "!", "# a name", "/", "last"];
        assert_eq!(
            read_all(file.as_bytes()),
            Ok(patterns.map(String::from).to_vec())
        );
        assert_eq!(read_all(b""), Ok(vec![]));
    }

    #[test]
    fn lines_have_a_limit() {
        let line = "a".repeat(TOO_LONG - 1);
        assert_eq!(read_all(line.as_bytes()), Ok(vec![line.clone()]));
        let complaint = Err("bufio.Scanner: token too long".to_owned());
        assert_eq!(read_all(format!("b\n{line}a").as_bytes()), complaint);
    }

    #[test]
    fn patterns_name_paths() {
        for (patterns, path, named) in [
            (&["**"][..], "file", true),
            (&["**/"], "dir/file", true),
            (&["dir/**"], "dir/sub/file", true),
            (&["dir/**"], "dir", false),
            (&["**/file"], "file", true),
            (&["**/file"], "dir/file", true),
            (&["**/file"], "dir/file/below", true),
            (&["**/file"], "dir/afile", false),
            (&["**file"], "dir/afile", true),
            (&["a**/b"], "a/x/y/b", true),
            (&["a/**/b"], "a/b", true),
            (&["a/**/b"], "a/x/b", true),
            (&["a/**/b"], "ab", false),
            (&["*.md"], "README.md", true),
            (&["*.md"], "docs/README.md", false),
            (&["docs/*"], "docs/a/b", true),
            (&["docs"], "docs/a/b", true),
            (&["docs"], "docs2", false),
            (&["docs", "!docs/a"], "docs/a/b", false),
            (&["docs", "!docs/a"], "docs/b", true),
            (&["*", "!src", "src/*.o"], "src/x.o", true),
            (&["a?c"], "a/c", false),
            (&["a.c"], "abc", false),
            (&["a[b-d]e"], "ace", true),
            (&["a[^b-d]e"], "ace", false),
            (&["a\\*"], "a*", true),
            (&["a\\*"], "ab", false),
            (&["abc", "!abc/"], "abc", false),
            (&["./a/../b"], "b", true),
            (&["a\nb*"], "a\nbc", true),
            (&["a|b*"], "bc", true),
            (&["a{2}*"], "aab", true),
            (&["a|b"], "a", false),
            (&["a{2}"], "aa", false),
            (&["[*]"], "/^[]", true),
        ] {
            let matcher = Matcher::new(patterns).expect("the pattern can be read");
            assert_eq!(
                matcher.matches_or_parent_matches(path),
                named,
                "{patterns:?} {path}"
            );
        }
    }

    #[test]
    fn broken_patterns_are_refused() {
        assert_eq!(Matcher::new(&["a", "!"]).err(), Some(Error::EmptyExclusion));
        assert_eq!(
            Matcher::new(&["["]).err(),
            Some(Error::BadPattern(BadPattern))
        );
        // What RE2 would take for a class of letters.
        let class = Matcher::new(&["[\\p{L}]"]).expect("it is read when something is looked for");
        assert!(!class.matches_or_parent_matches("a"));
        let late = Matcher::new(&["a", "x*[", "b"]).expect("only its start is read");
        assert!(!late.matches_or_parent_matches("b"));
        assert!(Matcher::new(&[" ", ""]).is_ok_and(|matcher| !matcher.exclusions()));
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(200);
        let path = "a/".repeat(200) + &"a".repeat(2_000);
        let matcher = Matcher::new(&[pattern, "**/x".repeat(50)]).expect("the pattern can be read");
        assert!(!matcher.matches_or_parent_matches(&path));
    }
}
