//! Image references: `[domain/]path[:tag][@digest]`.
//!
//! The rules and texts of `github.com/distribution/reference`. What people write (`ubuntu`) is brought to its full
//! name (`docker.io/library/ubuntu`) by [`parse_normalized`], and back by [`Reference::familiar_string`].
//!
//! No separator of a reference may stand inside the part before it: there is no `@` but before the digest, and after
//! the last `/` no `:` but before the tag. So each part is cut out first and checked alone, in one pass over the text.

use std::fmt;

use crate::{golang, reference::digest};

/// The registry that a name without a domain means.
const DEFAULT_DOMAIN: &str = "docker.io";
/// What the default registry was called once; still accepted.
const LEGACY_DEFAULT_DOMAIN: &str = "index.docker.io";
/// The namespace of the default registry that is left out in speech.
const OFFICIAL_PREFIX: &str = "library/";
const DEFAULT_TAG: &str = "latest";
const PATH_LENGTH_MAX: usize = 255;
const TAG_LENGTH_MAX: usize = 128;
const DIGEST_HEX_LENGTH_MIN: usize = 32;

/// A checked reference to an image: only parsing makes one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is empty.
    #[error("repository name must have at least one component")]
    Empty,
    /// Some part breaks its grammar.
    #[error("invalid reference format")]
    Format,
    /// The reference would be well formed in lower case.
    #[error("repository name must be lowercase")]
    Uppercase,
    /// The path of a familiar name is not in lower case.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    UppercaseName(String),
    /// A name that could be taken for an image ID.
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    Identifier(String),
    /// The path is longer than registries accept.
    #[error("repository name must not be more than {PATH_LENGTH_MAX} characters")]
    TooLong,
    /// The tag to be added is none.
    #[error("invalid tag format")]
    Tag,
    /// The digest to be added is none.
    #[error("invalid digest format")]
    DigestFormat,
    /// The part after `@` has the form of a digest and is none.
    #[error(transparent)]
    Digest(#[from] digest::Error),
}

/// Reads a reference as people write it: without a domain it is one of Docker Hub, without a namespace an official one.
pub fn parse_normalized(text: &str) -> Result<Reference, Error> {
    if is_identifier(text) {
        return Err(Error::Identifier(text.to_owned()));
    }
    let (domain, remainder) = split_domain(text);
    let name = remainder
        .split_once(':')
        .map_or(remainder.as_str(), |(name, _)| name);
    if is_changed_by_lower_case(name) {
        return Err(Error::UppercaseName(name.to_owned()));
    }
    parse(&format!("{domain}/{remainder}"))
}

/// Reads a reference as it stands: nothing is filled in.
pub fn parse(text: &str) -> Result<Reference, Error> {
    let Some(parts) = Parts::of(text) else {
        return Err(if text.is_empty() {
            Error::Empty
        } else if Parts::of(&golang::to_lower(text)).is_some() {
            Error::Uppercase
        } else {
            Error::Format
        });
    };
    if parts.path.len() > PATH_LENGTH_MAX {
        return Err(Error::TooLong);
    }
    if let Some(digest) = parts.digest {
        digest::validate(digest)?;
    }
    Ok(Reference {
        domain: parts.domain.to_owned(),
        path: parts.path.to_owned(),
        tag: parts.tag.map(str::to_owned),
        digest: parts.digest.map(str::to_owned),
    })
}

impl Reference {
    /// The registry, with its port; empty where a plain [`parse`] found none.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository within the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Domain and path.
    pub fn name(&self) -> String {
        match self.domain.as_str() {
            "" => self.path.clone(),
            domain => format!("{domain}/{}", self.path),
        }
    }

    /// What stands after `:`.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// What stands after `@`.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// With the tag `latest` if there is neither tag nor digest.
    #[must_use]
    pub fn tag_name_only(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    /// With another tag.
    pub fn with_tag(mut self, tag: &str) -> Result<Self, Error> {
        if !is_tag(tag) {
            return Err(Error::Tag);
        }
        self.tag = Some(tag.to_owned());
        Ok(self)
    }

    /// With another digest. Its form is looked at; its algorithm may be unknown.
    pub fn with_digest(mut self, digest: &str) -> Result<Self, Error> {
        if !is_digest(digest) {
            return Err(Error::DigestFormat);
        }
        self.digest = Some(digest.to_owned());
        Ok(self)
    }

    /// Without tag and digest.
    #[must_use]
    pub fn trim(mut self) -> Self {
        self.tag = None;
        self.digest = None;
        self
    }

    /// The name as people say it: without what [`parse_normalized`] fills in.
    pub fn familiar_name(&self) -> String {
        self.familiar().name()
    }

    /// The whole reference as people say it.
    pub fn familiar_string(&self) -> String {
        self.familiar().to_string()
    }

    fn familiar(&self) -> Self {
        let mut familiar = self.clone();
        if familiar.domain == DEFAULT_DOMAIN {
            familiar.domain.clear();
            if let Some(official) = self.path.strip_prefix(OFFICIAL_PREFIX)
                && !official.contains('/')
            {
                familiar.path = official.to_owned();
            }
        }
        familiar
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Domain and remainder of a name as written. The first component is a domain if it looks like one.
fn split_domain(text: &str) -> (&str, String) {
    let (domain, remainder) = match text.split_once('/') {
        None => (DEFAULT_DOMAIN, text),
        Some(("localhost", remainder)) => ("localhost", remainder),
        Some((LEGACY_DEFAULT_DOMAIN, remainder)) => (DEFAULT_DOMAIN, remainder),
        Some((first, remainder)) if first.contains(['.', ':']) => (first, remainder),
        // A namespace is never written in upper case, so this is no namespace.
        Some((first, remainder)) if is_changed_by_lower_case(first) => (first, remainder),
        Some(_) => (DEFAULT_DOMAIN, text),
    };
    if domain == DEFAULT_DOMAIN && !remainder.contains('/') {
        return (domain, format!("{OFFICIAL_PREFIX}{remainder}"));
    }
    (domain, remainder.to_owned())
}

/// What [`Reference`] owns, borrowed from a text that obeys the grammar.
struct Parts<'a> {
    domain: &'a str,
    path: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// `name [":" tag] ["@" digest]`
    fn of(text: &'a str) -> Option<Self> {
        let (text, digest) = cut(text, 0, '@');
        let last_component = text.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = cut(text, last_component, ':');
        if !tag.is_none_or(is_tag) || !digest.is_none_or(is_digest) {
            return None;
        }
        let (domain, path) = domain_and_path(name)?;
        Some(Self {
            domain,
            path,
            tag,
            digest,
        })
    }
}

/// Splits at the first `separator` at or behind `start`.
fn cut(text: &str, start: usize, separator: char) -> (&str, Option<&str>) {
    let Some(found) = text.get(start..).and_then(|tail| tail.find(separator)) else {
        return (text, None);
    };
    let at = start + found;
    match (text.get(..at), text.get(at + separator.len_utf8()..)) {
        (Some(head), Some(tail)) => (head, Some(tail)),
        _ => (text, None),
    }
}

/// `[domain "/"] component ("/" component)*`. What can be a domain is one, as long as a component is left.
fn domain_and_path(name: &str) -> Option<(&str, &str)> {
    let (domain, path) = match name.split_once('/') {
        Some((first, rest)) if is_domain(first) => (first, rest),
        _ => ("", name),
    };
    path.split('/')
        .all(is_path_component)
        .then_some((domain, path))
}

/// `host [":" digits]`, where the host is a name of labels or an IPv6 address in brackets.
fn is_domain(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(address, port)| {
            !address.is_empty()
                && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
                && (port.is_empty() || port.strip_prefix(':').is_some_and(is_digits))
        });
    }
    let (host, port) = cut(text, 0, ':');
    port.is_none_or(is_digits) && host.split('.').all(is_label)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Letters, digits and, inside, dashes.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Words of lower case letters and digits, joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let is_word_byte = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut rest = text.as_bytes();
    loop {
        let word = rest.iter().take_while(|b| is_word_byte(b)).count();
        if word == 0 {
            return false;
        }
        rest = rest.get(word..).unwrap_or_default();
        let separator = rest.iter().take_while(|b| !is_word_byte(b)).count();
        match rest.get(..separator) {
            Some(b"") => return true,
            Some(b"." | b"_" | b"__") => {}
            Some(dashes) if dashes.iter().all(|b| *b == b'-') => {}
            _ => return false,
        }
        rest = rest.get(separator..).unwrap_or_default();
    }
}

/// `[A-Za-z0-9_] [A-Za-z0-9_.-]{0,127}`
fn is_tag(text: &str) -> bool {
    text.len() <= TAG_LENGTH_MAX
        && !text.is_empty()
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// `letter-word ([-_+.] letter-word)* ":" hex{32,}`. The algorithm is not looked at here.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else {
        return false;
    };
    encoded.len() >= DIGEST_HEX_LENGTH_MIN
        && encoded.bytes().all(|b| b.is_ascii_hexdigit())
        && algorithm.split(['-', '_', '+', '.']).all(|word| {
            word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

/// Whether the text is what an image ID looks like.
fn is_identifier(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(digest::is_lower_hex)
}

fn is_changed_by_lower_case(text: &str) -> bool {
    golang::to_lower(text) != text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn what_people_write_becomes_a_full_name_and_back() {
        for (written, full, familiar) in [
            ("ubuntu", "docker.io/library/ubuntu", "ubuntu"),
            (
                "ubuntu:24.04",
                "docker.io/library/ubuntu:24.04",
                "ubuntu:24.04",
            ),
            ("docker.io/ubuntu", "docker.io/library/ubuntu", "ubuntu"),
            ("index.docker.io/a/b:c", "docker.io/a/b:c", "a/b:c"),
            (
                "library/distros/x",
                "docker.io/library/distros/x",
                "library/distros/x",
            ),
            ("localhost/a", "localhost/a", "localhost/a"),
            (
                "localhost:5000/a:b",
                "localhost:5000/a:b",
                "localhost:5000/a:b",
            ),
            ("a:5000/b", "a:5000/b", "a:5000/b"),
            ("EXAMPLE/foo:1", "EXAMPLE/foo:1", "EXAMPLE/foo:1"),
            (
                "[2001:db8::1]:5000/repo",
                "[2001:db8::1]:5000/repo",
                "[2001:db8::1]:5000/repo",
            ),
            (
                "a__b/c-----d.e_f",
                "docker.io/a__b/c-----d.e_f",
                "a__b/c-----d.e_f",
            ),
        ] {
            let reference = parse_normalized(written).expect(written);
            assert_eq!(reference.to_string(), full);
            assert_eq!(reference.familiar_string(), familiar);
        }
    }

    #[test]
    fn a_fault_is_named_as_the_original_names_it() {
        let long = format!("a/{}", "a".repeat(256));
        let no_sha = format!("a@sha1:{HEX}");
        let short = format!("a@sha256:{}", &HEX[..40]);
        let tag = format!("a:{}", "t".repeat(129));
        for (written, want) in [
            (
                HEX,
                format!(
                    "invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"
                )
                .as_str(),
            ),
            (
                "Ubuntu",
                "invalid reference format: repository name (library/Ubuntu) must be lowercase",
            ),
            (
                "a/B:c",
                "invalid reference format: repository name (a/B) must be lowercase",
            ),
            ("", "invalid reference format"),
            ("a//b", "invalid reference format"),
            ("a___b", "invalid reference format"),
            ("a.-b", "invalid reference format"),
            ("-a.com/b", "invalid reference format"),
            ("https://a/b", "invalid reference format"),
            ("a@sha256:00", "invalid reference format"),
            ("ü", "invalid reference format"),
            (&tag, "invalid reference format"),
            (
                &long,
                "repository name must not be more than 255 characters",
            ),
            (&no_sha, "unsupported digest algorithm"),
            (&short, "invalid checksum digest length"),
        ] {
            assert_eq!(
                parse_normalized(written).map_err(|e| e.to_string()),
                Err(want.to_owned()),
                "{written}"
            );
        }
        assert_eq!(parse(""), Err(Error::Empty));
        assert_eq!(parse("a.io/B"), Err(Error::Uppercase));
    }

    #[test]
    fn a_plain_parse_fills_nothing_in() {
        let reference = parse("store/x:tag").expect("a reference");
        assert_eq!(
            (reference.domain(), reference.path(), reference.tag()),
            ("store", "x", Some("tag"))
        );
        assert_eq!(parse("a_b/c").expect("a reference").domain(), "");
    }

    #[test]
    fn latest_is_added_to_a_bare_name_only() {
        let tagged = |text: &str| parse_normalized(text).map(|r| r.tag_name_only().to_string());
        assert_eq!(tagged("a").as_deref(), Ok("docker.io/library/a:latest"));
        assert_eq!(tagged("a:b").as_deref(), Ok("docker.io/library/a:b"));
        let digested = format!("a@sha256:{HEX}");
        assert_eq!(
            tagged(&digested),
            Ok(format!("docker.io/library/{digested}"))
        );
    }

    #[test]
    fn tag_and_digest_are_replaced_by_well_formed_ones() {
        let reference = parse_normalized("a:b").expect("a reference");
        let digest = format!("sha256:{HEX}");
        let both = reference.clone().with_digest(&digest).expect("a digest");
        assert_eq!(both.to_string(), format!("docker.io/library/a:b@{digest}"));
        assert_eq!(both.clone().trim().to_string(), "docker.io/library/a");
        assert_eq!(
            both.with_tag("c").map(|r| r.familiar_string()),
            Ok(format!("a:c@{digest}"))
        );
        assert_eq!(reference.clone().with_digest("x"), Err(Error::DigestFormat));
        assert_eq!(reference.with_tag(".x"), Err(Error::Tag));
    }

    proptest! {
        #[test]
        fn a_full_name_is_read_as_it_is_written(
            text in "([a-zA-Z0-9.:_-]{1,9}/){0,3}[a-z0-9._-]{1,9}(:[a-z0-9._-]{1,9})?(@sha256:[a-f0-9]{64})?",
            any in ".*",
        ) {
            if let Ok(reference) = parse_normalized(&text) {
                prop_assert_eq!(parse(&reference.to_string()), Ok(reference));
            }
            let _ = parse_normalized(&any);
        }
    }
}
