//! Versions and ranges of Python distributions, as PEP 440 orders them.
//!
//! Takes text from metadata and from the frontend's table; gives order and membership. Pre-releases are
//! members like any other version: what is installed is installed.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// What cannot be read as a version or as a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a version or a range of versions", self.0)
    }
}

impl std::error::Error for Unreadable {}

/// A version: `[N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local]`.
#[derive(Clone, Debug)]
pub struct Version {
    epoch: u64,
    /// Without trailing zeros, so that `1.0` and `1` are equal.
    release: Vec<u64>,
    pre: Option<(Stage, u64)>,
    post: Option<u64>,
    dev: Option<u64>,
    local: Vec<Segment>,
}

/// Before a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Alpha,
    Beta,
    Candidate,
}

/// A part of a local version label; numbers stand after words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Word(String),
    Number(u64),
}

impl FromStr for Version {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        Reader::new(text)
            .version()
            .ok_or_else(|| Unreadable(text.to_owned()))
    }
}

impl Version {
    /// What orders: a development release comes first, then pre-releases, the release, post-releases.
    fn key(&self) -> (u64, &[u64], PreKey, Option<u64>, DevKey, &[Segment]) {
        let pre = match (self.pre, self.post, self.dev) {
            (Some((stage, number)), ..) => PreKey::Pre(stage, number),
            (None, None, Some(_)) => PreKey::Development,
            (None, ..) => PreKey::Release,
        };
        let dev = self.dev.map_or(DevKey::None, DevKey::Dev);
        (self.epoch, &self.release, pre, self.post, dev, &self.local)
    }

    fn without_local(&self) -> Self {
        Self {
            local: Vec::new(),
            ..self.clone()
        }
    }

    fn is_same_release(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.release == other.release
    }

    fn is_before_release(&self) -> bool {
        self.pre.is_some() || self.dev.is_some()
    }

    fn starts_with(&self, epoch: u64, release: &[u64]) -> bool {
        self.epoch == epoch
            && release
                .iter()
                .enumerate()
                .all(|(at, part)| self.release.get(at).copied().unwrap_or(0) == *part)
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum PreKey {
    Development,
    Pre(Stage, u64),
    Release,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum DevKey {
    Dev(u64),
    None,
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// A range: clauses joined by commas, all of which hold. No clause at all takes every version.
#[derive(Clone, Debug)]
pub struct Range {
    clauses: Vec<Clause>,
}

#[derive(Clone, Debug)]
enum Clause {
    Equal(Version),
    NotEqual(Version),
    Prefix {
        epoch: u64,
        release: Vec<u64>,
    },
    NotPrefix {
        epoch: u64,
        release: Vec<u64>,
    },
    AtLeast(Version),
    AtMost(Version),
    Below(Version),
    Above(Version),
    Compatible {
        least: Version,
        epoch: u64,
        release: Vec<u64>,
    },
    Arbitrary(String),
}

impl Range {
    /// Whether an installed version, as its metadata writes it, is in the range.
    ///
    /// What is no version at all is in no range but the one that takes everything.
    pub fn takes(&self, version: &str) -> bool {
        if self.clauses.is_empty() {
            return true;
        }
        let parsed = version.parse().ok();
        self.clauses
            .iter()
            .all(|clause| clause.holds(version, parsed.as_ref()))
    }
}

impl Clause {
    fn holds(&self, text: &str, version: Option<&Version>) -> bool {
        if let Self::Arbitrary(wanted) = self {
            return text.trim().eq_ignore_ascii_case(wanted);
        }
        let Some(version) = version else { return false };
        let public = version.without_local();
        match self {
            Self::Equal(wanted) if wanted.local.is_empty() => public == *wanted,
            Self::Equal(wanted) => version == wanted,
            Self::NotEqual(wanted) if wanted.local.is_empty() => public != *wanted,
            Self::NotEqual(wanted) => version != wanted,
            Self::Prefix { epoch, release } => version.starts_with(*epoch, release),
            Self::NotPrefix { epoch, release } => !version.starts_with(*epoch, release),
            Self::AtLeast(bound) => public >= *bound,
            Self::AtMost(bound) => public <= *bound,
            // `<1.0` does not mean 1.0rc1, and `>1.0` does not mean 1.0.post1.
            Self::Below(bound) => {
                public < *bound
                    && (bound.is_before_release()
                        || !(public.is_before_release() && public.is_same_release(bound)))
            }
            Self::Above(bound) => {
                public > *bound
                    && (bound.post.is_some()
                        || !(public.post.is_some() && public.is_same_release(bound)))
            }
            Self::Compatible {
                least,
                epoch,
                release,
            } => public >= *least && version.starts_with(*epoch, release),
            Self::Arbitrary(_) => false,
        }
    }
}

impl FromStr for Range {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let clauses = text
            .split(',')
            .map(str::trim)
            .filter(|clause| !clause.is_empty());
        Ok(Self {
            clauses: clauses.map(clause).collect::<Result<_, _>>()?,
        })
    }
}

fn clause(text: &str) -> Result<Clause, Unreadable> {
    const OPERATORS: &[&str] = &["===", "==", "!=", ">=", "<=", "~=", "<", ">"];
    let unreadable = || Unreadable(text.to_owned());
    let (operator, rest) = OPERATORS
        .iter()
        .find_map(|operator| Some((*operator, text.strip_prefix(operator)?.trim())))
        .ok_or_else(unreadable)?;

    if operator == "===" {
        return if rest.is_empty() {
            Err(unreadable())
        } else {
            Ok(Clause::Arbitrary(rest.to_owned()))
        };
    }
    if let Some(prefix) = rest.strip_suffix(".*") {
        let (epoch, release) = Reader::new(prefix).prefix().ok_or_else(unreadable)?;
        return match operator {
            "==" => Ok(Clause::Prefix { epoch, release }),
            "!=" => Ok(Clause::NotPrefix { epoch, release }),
            _ => Err(unreadable()),
        };
    }
    let version: Version = rest.parse()?;
    Ok(match operator {
        "==" => Clause::Equal(version),
        "!=" => Clause::NotEqual(version),
        ">=" => Clause::AtLeast(version),
        "<=" => Clause::AtMost(version),
        "<" => Clause::Below(version),
        ">" => Clause::Above(version),
        _ => compatible(rest, version).ok_or_else(unreadable)?,
    })
}

/// `~=1.4.2` is `>=1.4.2,==1.4.*`; the zeros that are written count.
fn compatible(text: &str, least: Version) -> Option<Clause> {
    let (epoch, mut release) = Reader::new(text).leading_release()?;
    if release.len() < 2 {
        return None;
    }
    release.pop();
    Some(Clause::Compatible {
        least,
        epoch,
        release,
    })
}

/// Reads a version from left to right.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let text = text.trim();
        Self {
            rest: text.strip_prefix(['v', 'V']).unwrap_or(text),
        }
    }

    fn version(mut self) -> Option<Version> {
        let (epoch, mut release) = self.epoch_and_release()?;
        while release.last() == Some(&0) {
            release.pop();
        }
        let pre = self.pre();
        let post = self.post();
        let dev = self.word(&["dev"]).map(|()| self.optional_number());
        let local = self.local()?;
        self.rest.is_empty().then_some(Version {
            epoch,
            release,
            pre,
            post,
            dev,
            local,
        })
    }

    fn prefix(mut self) -> Option<(u64, Vec<u64>)> {
        let read = self.epoch_and_release()?;
        self.rest.is_empty().then_some(read)
    }

    fn leading_release(mut self) -> Option<(u64, Vec<u64>)> {
        self.epoch_and_release()
    }

    fn epoch_and_release(&mut self) -> Option<(u64, Vec<u64>)> {
        let mut first = self.number()?;
        let mut epoch = 0;
        if self.eat('!') {
            epoch = first;
            first = self.number()?;
        }
        let mut release = vec![first];
        while self.rest.starts_with('.')
            && self
                .rest
                .get(1..2)
                .is_some_and(|next| next.as_bytes()[0].is_ascii_digit())
        {
            self.eat('.');
            release.push(self.number()?);
        }
        Some((epoch, release))
    }

    fn pre(&mut self) -> Option<(Stage, u64)> {
        const WORDS: &[(&[&str], Stage)] = &[
            (&["alpha", "a"], Stage::Alpha),
            (&["beta", "b"], Stage::Beta),
            (&["rc", "c", "preview", "pre"], Stage::Candidate),
        ];
        let stage = WORDS
            .iter()
            .find_map(|(words, stage)| self.word(words).map(|()| *stage))?;
        Some((stage, self.optional_number()))
    }

    /// `.post1`, `-r2`, or the implicit `-3`.
    fn post(&mut self) -> Option<u64> {
        if self.word(&["post", "rev", "r"]).is_some() {
            return Some(self.optional_number());
        }
        let before = self.rest;
        if self.eat('-')
            && let Some(number) = self.number()
        {
            return Some(number);
        }
        self.rest = before;
        None
    }

    fn local(&mut self) -> Option<Vec<Segment>> {
        if !self.eat('+') {
            return Some(Vec::new());
        }
        let label = std::mem::take(&mut self.rest);
        label
            .split(['.', '-', '_'])
            .map(|part| {
                let plain =
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
                plain.then(|| match part.parse() {
                    Ok(number) => Segment::Number(number),
                    Err(_) => Segment::Word(part.to_ascii_lowercase()),
                })
            })
            .collect()
    }

    /// One of `words`, whatever its case, after an optional separator; the longest must come first.
    fn word(&mut self, words: &[&str]) -> Option<()> {
        let start = self.rest.strip_prefix(['.', '-', '_']).unwrap_or(self.rest);
        let word = words.iter().find(|word| {
            start
                .get(..word.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(word))
        })?;
        self.rest = start.get(word.len()..)?;
        Some(())
    }

    fn optional_number(&mut self) -> u64 {
        let before = self.rest;
        if !self.rest.starts_with(|first: char| first.is_ascii_digit()) {
            let stripped = self.rest.strip_prefix(['.', '-', '_']).unwrap_or(self.rest);
            if stripped.starts_with(|first: char| first.is_ascii_digit()) {
                self.rest = stripped;
            }
        }
        self.number().unwrap_or_else(|| {
            self.rest = before;
            0
        })
    }

    fn number(&mut self) -> Option<u64> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        let number = number.parse().ok()?;
        self.rest = rest;
        Some(number)
    }

    fn eat(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order that PEP 440 gives as its example, and more.
    const ASCENDING: &[&str] = &[
        "1.dev0",
        "1.0.dev456",
        "1.0a1",
        "1.0a2.dev456",
        "1.0a12.dev456",
        "1.0a12",
        "1.0b1.dev456",
        "1.0b2",
        "1.0b2.post345.dev456",
        "1.0b2.post345",
        "1.0rc1.dev456",
        "1.0rc1",
        "1.0",
        "1.0+abc.5",
        "1.0+abc.7",
        "1.0+5",
        "1.0.post456.dev34",
        "1.0.post456",
        "1.0.15",
        "1.1.dev1",
        "1.2",
        "1.10",
        "1!0.1",
    ];

    #[test]
    fn order() {
        let versions: Vec<Version> = ASCENDING
            .iter()
            .map(|text| text.parse().expect(text))
            .collect();
        for (at, low) in versions.iter().enumerate() {
            for high in versions.iter().skip(at + 1) {
                assert!(low < high, "{low:?} < {high:?}");
            }
        }
    }

    #[test]
    fn spellings_of_one_version() {
        for (left, right) in [
            ("1.0", "1"),
            ("v1.0.0", "1"),
            ("1.0RC1", "1.0c1"),
            ("1.0-alpha.1", "1a1"),
            ("1.0-1", "1.0.post1"),
            ("1.0.rev2", "1.0.post2"),
            ("1.0_dev", "1.0.dev0"),
            (" 2.10.6 ", "2.10.6"),
            ("1.0+UBUNTU.1", "1.0+ubuntu-1"),
        ] {
            assert_eq!(
                left.parse::<Version>().expect(left),
                right.parse().expect(right),
                "{left} is {right}"
            );
        }
        for text in [
            "",
            "one",
            "1..2",
            "1.0+",
            "1.0+a..b",
            "1.0 2",
            "1.é",
            "99999999999999999999999",
            "1.0junk",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text:?} is no version");
        }
    }

    #[test]
    fn ranges() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("", &["1.0", "junk"], &[]),
            (
                "==4.25.1",
                &["4.25.1", "4.25.1.0", "4.25.1+local"],
                &["4.25.2", "junk"],
            ),
            ("==4.25.1+a", &["4.25.1+a"], &["4.25.1"]),
            (
                "==2.*",
                &["2.0", "2.14.3", "2.0rc1"],
                &["3.0", "1.9", "20.1"],
            ),
            ("==2.0.*", &["2", "2.0.9"], &["2.1"]),
            (
                ">=2.5,<3",
                &["2.5", "2.14.3"],
                &["2.4.9", "3.0", "3.0rc1", "3.1"],
            ),
            ("<3.0rc2", &["3.0rc1"], &["3.0rc2", "3.0"]),
            ("!=2.0,!=2.1.*", &["2.2", "2.0.1"], &["2.0.0", "2.1.5"]),
            (
                ">1.7",
                &["1.7.1", "1.8"],
                &["1.7", "1.7.post1", "1.7+local"],
            ),
            (">1.7.post1", &["1.7.post2"], &["1.7.post1"]),
            ("<=1.7", &["1.7", "1.7+x"], &["1.7.1"]),
            ("~=1.4.2", &["1.4.2", "1.4.9"], &["1.5", "1.4.1"]),
            ("~=2.0", &["2.0", "2.9"], &["3.0"]),
            ("===1.0-weird", &["1.0-WEIRD"], &["1.0"]),
            (" >= 1.0 , < 2 ", &["1.5"], &["2"]),
        ];
        for (range, members, others) in cases {
            let parsed: Range = range.parse().expect(range);
            for version in *members {
                assert!(parsed.takes(version), "{range} takes {version}");
            }
            for version in *others {
                assert!(!parsed.takes(version), "{range} does not take {version}");
            }
        }
        for text in ["1.0", "=1", ">=", "~=1", ">=1.*", "==", "===", "==1.x.*"] {
            assert!(text.parse::<Range>().is_err(), "{text:?} is no range");
        }
    }
}
