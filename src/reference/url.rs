//! URLs, as Go's `net/url` reads and writes them.
//!
//! Takes the text of a URL; gives its decoded parts, and writes it again as Go would, which for odd escapes is not
//! what was read. No URL standard fits: what the original accepts, refuses and rewrites reaches the ops.
//!
//! Decoded parts may hold any bytes, which a `String` cannot: bytes that are no UTF-8 are shown as U+FFFD. What is
//! written again keeps them.

use std::{collections::BTreeMap, fmt, net::Ipv6Addr};

use crate::golang;

/// A parsed URL (`url.URL`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Url {
    /// What stands before the first `:`, in lower case; empty when there is none.
    pub scheme: String,
    /// What follows the scheme when that is no path.
    pub opaque: String,
    /// What stands before `@`.
    pub user: Option<User>,
    /// Name or address, with its port.
    pub host: String,
    /// Decoded.
    pub path: String,
    /// What stands after `?`, as written.
    pub raw_query: String,
    /// What stands after `#`, decoded.
    pub fragment: String,
    /// Whether the URL ends in `?`.
    force_query: bool,
    /// Whether the scheme is followed by one slash.
    omit_host: bool,
    encoded: Encoded,
}

/// The user part of a URL, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What stands before `:`.
    pub name: String,
    /// What stands after `:`, if that is there.
    pub password: Option<String>,
}

/// What the URL is written with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Encoded {
    user: String,
    host: String,
    path: String,
    fragment: String,
}

/// The values of each key of a query, in the order they were written.
pub type Query = BTreeMap<String, Vec<String>>;

/// Why a text is no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse {}: {kind}", golang::quote(.url))]
pub struct Error {
    /// The text, without its fragment where that is not at fault.
    pub url: String,
    /// What is wrong with it.
    pub kind: ErrorKind,
}

/// What is wrong with a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// A byte below space, or DEL.
    #[error("net/url: invalid control character in URL")]
    Control,
    /// It begins with `:`.
    #[error("missing protocol scheme")]
    NoScheme,
    /// It could be taken for a scheme.
    #[error("first path segment in URL cannot contain colon")]
    ColonInFirstSegment,
    /// The part before `@` holds what it must not.
    #[error("net/url: invalid userinfo")]
    User,
    /// `[` inside a host, or an IPv4 address in brackets.
    #[error("invalid IP-literal")]
    IpLiteral,
    /// `[` alone.
    #[error("missing ']' in host")]
    NoBracket,
    /// No IPv6 address stands in the brackets.
    #[error("invalid host: ParseAddr({}): unable to parse IP", golang::quote(.0))]
    Address(String),
    /// What follows the host is no port.
    #[error("invalid port {} after host", golang::quote(.0))]
    Port(String),
    /// `%` without two hexadecimal digits, or in a host where it must not be.
    #[error("invalid URL escape {}", golang::quote(.0))]
    Escape(String),
    /// A character that no host has.
    #[error("invalid character {} in host name", golang::quote(.0))]
    HostCharacter(String),
}

/// Reads a URL, absolute or relative (`url.Parse`).
pub fn parse(text: &str) -> Result<Url, Error> {
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    let error = |url: &str, kind| Error {
        url: url.to_owned(),
        kind,
    };
    let mut url = without_fragment(before).map_err(|kind| error(before, kind))?;
    let decoded = unescape(fragment, Part::Fragment).map_err(|kind| error(text, kind))?;
    url.encoded.fragment = written(fragment, &decoded, Part::Fragment);
    url.fragment = lossy(decoded);
    Ok(url)
}

/// Reads a query: `key[=value]` separated by `&`. What is malformed is left out; the first fault is given beside the
/// rest (`url.ParseQuery`).
pub fn parse_query(text: &str) -> (Query, Option<QueryError>) {
    const PAIRS_MAX: usize = 10_000;
    let mut query = Query::new();
    let mut fault = None;
    if text.bytes().filter(|b| *b == b'&').count() >= PAIRS_MAX {
        return (query, Some(QueryError::TooMany));
    }
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            fault = Some(QueryError::Semicolon);
            continue;
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (unescape(key, Part::Query), unescape(value, Part::Query)) {
            (Ok(key), Ok(value)) => query.entry(lossy(key)).or_default().push(lossy(value)),
            (Err(kind), _) | (_, Err(kind)) => {
                fault.get_or_insert(QueryError::Escape(kind));
            }
        }
    }
    (query, fault)
}

/// What is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// More pairs than anyone needs.
    #[error("number of URL query parameters exceeded limit")]
    TooMany,
    /// `;` once separated pairs and no longer does.
    #[error("invalid semicolon separator in query")]
    Semicolon,
    /// A key or value is badly escaped.
    #[error(transparent)]
    Escape(ErrorKind),
}

/// Decodes `%xx` as in a segment of a path (`url.PathUnescape`).
pub fn path_unescape(text: &str) -> Result<String, ErrorKind> {
    unescape(text, Part::Segment).map(lossy)
}

impl Url {
    /// The pairs of the query that are well formed.
    pub fn query(&self) -> Query {
        parse_query(&self.raw_query).0
    }

    /// Without query and fragment. A lone `?` at the end stays, as it does in Go.
    #[must_use]
    pub fn without_options(mut self) -> Self {
        self.raw_query.clear();
        self.fragment.clear();
        self.encoded.fragment.clear();
        self
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if self.opaque.is_empty() {
            self.fmt_hierarchical(f)?;
        } else {
            f.write_str(&self.opaque)?;
        }
        if self.force_query || !self.raw_query.is_empty() {
            write!(f, "?{}", self.raw_query)?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", self.encoded.fragment)?;
        }
        Ok(())
    }
}

impl Url {
    /// `["//" [user "@"] host] path`
    fn fmt_hierarchical(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Encoded {
            user, host, path, ..
        } = &self.encoded;
        let has_authority = !host.is_empty() || self.user.is_some();
        let may_have_authority = has_authority || (!self.scheme.is_empty() && !self.omit_host);
        if may_have_authority && (has_authority || !path.is_empty()) {
            f.write_str("//")?;
            if self.user.is_some() {
                write!(f, "{user}@")?;
            }
            f.write_str(host)?;
        }
        if !host.is_empty() && !path.is_empty() && !path.starts_with('/') {
            f.write_str("/")?;
        }
        let is_relative = self.scheme.is_empty() && !has_authority;
        if is_relative && path.split('/').next().is_some_and(|s| s.contains(':')) {
            // Else it would be read as a scheme.
            f.write_str("./")?;
        }
        f.write_str(path)
    }
}

/// `[scheme ":"] ["//" authority] path ["?" query]`
fn without_fragment(text: &str) -> Result<Url, ErrorKind> {
    let mut url = Url::default();
    if text.bytes().any(|b| b.is_ascii_control()) {
        return Err(ErrorKind::Control);
    }
    let (scheme, rest) = split_scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    url.force_query = query.is_empty() && text.ends_with('?');
    url.raw_query = query.to_owned();
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_owned();
            return Ok(url);
        }
        if rest.split('/').next().is_some_and(|s| s.contains(':')) {
            return Err(ErrorKind::ColonInFirstSegment);
        }
    }
    let mut path = rest;
    let may_have_authority = !url.scheme.is_empty() || !rest.starts_with("///");
    if let Some(tail) = rest.strip_prefix("//").filter(|_| may_have_authority) {
        let (authority, after) = tail.split_at(tail.find('/').unwrap_or(tail.len()));
        read_authority(&mut url, authority)?;
        path = after;
    } else {
        url.omit_host = !url.scheme.is_empty() && rest.starts_with('/');
    }
    let decoded = unescape(path, Part::Path)?;
    url.encoded.path = written(path, &decoded, Part::Path);
    url.path = lossy(decoded);
    Ok(url)
}

/// `letter (letter | digit | "+" | "-" | ".")* ":"`, or no scheme at all.
fn split_scheme(text: &str) -> Result<(&str, &str), ErrorKind> {
    let is_scheme_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let Some((scheme, rest)) = text.split_once(':') else {
        return Ok(("", text));
    };
    if scheme.is_empty() {
        return Err(ErrorKind::NoScheme);
    }
    let is_scheme =
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(is_scheme_byte);
    Ok(if is_scheme {
        (scheme, rest)
    } else {
        ("", text)
    })
}

/// `[user [":" password] "@"] host`
fn read_authority(url: &mut Url, text: &str) -> Result<(), ErrorKind> {
    let (user, host) = match text.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, text),
    };
    let host = unescape_host(&url.scheme, host)?;
    url.encoded.host = escape(&host, Part::Host);
    url.host = lossy(host);
    let Some(user) = user else {
        return Ok(());
    };
    if !user.bytes().all(is_user_byte) {
        return Err(ErrorKind::User);
    }
    let (name, password) = match user.split_once(':') {
        Some((name, password)) => (name, Some(password)),
        None => (user, None),
    };
    let name = unescape(name, Part::User)?;
    url.encoded.user = escape(&name, Part::User);
    let password = password
        .map(|text| unescape(text, Part::User))
        .transpose()?;
    if let Some(password) = &password {
        url.encoded.user.push(':');
        url.encoded.user.push_str(&escape(password, Part::User));
    }
    url.user = Some(User {
        name: lossy(name),
        password: password.map(lossy),
    });
    Ok(())
}

fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte)
}

/// `name [":" port]` | `"[" IPv6 address "]" [":" port]`
fn unescape_host(scheme: &str, host: &str) -> Result<Vec<u8>, ErrorKind> {
    match host.rfind('[') {
        Some(0) => return unescape_ip_literal(host),
        Some(_) => return Err(ErrorKind::IpLiteral),
        None => {}
    }
    // Lists of hosts with ports are known from database URLs: only http is strict about one colon.
    let colon = match scheme {
        "http" | "https" => host.find(':'),
        _ => host.rfind(':'),
    };
    check_port(colon.and_then(|at| host.get(at..)).unwrap_or_default())?;
    unescape(host, Part::Host)
}

fn unescape_ip_literal(host: &str) -> Result<Vec<u8>, ErrorKind> {
    let (inside, port) = host
        .strip_prefix('[')
        .and_then(|rest| rest.rsplit_once(']'))
        .ok_or(ErrorKind::NoBracket)?;
    check_port(port)?;
    // `%25` begins a zone, in which other characters are allowed.
    let (address, zone) = inside.split_at(inside.find("%25").unwrap_or(inside.len()));
    let mut literal = unescape(address, Part::Host)?;
    literal.extend(unescape(zone, Part::Zone)?);
    check_ip6(&literal)?;
    literal.insert(0, b'[');
    literal.push(b']');
    literal.extend(port.bytes());
    Ok(literal)
}

/// `""` or `":" digit*`
fn check_port(text: &str) -> Result<(), ErrorKind> {
    let is_port = |text: &str| {
        text.strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    };
    match text.is_empty() || is_port(text) {
        true => Ok(()),
        false => Err(ErrorKind::Port(text.to_owned())),
    }
}

/// What `netip.ParseAddr` takes for an address that is not IPv4: `address ["%" zone]`.
fn check_ip6(literal: &[u8]) -> Result<(), ErrorKind> {
    let text = String::from_utf8_lossy(literal);
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text.as_ref(), None),
    };
    if zone.is_none() && address.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err(ErrorKind::IpLiteral);
    }
    match address.parse::<Ipv6Addr>() {
        Ok(_) if zone != Some("") => Ok(()),
        _ => Err(ErrorKind::Address(text.into_owned())),
    }
}

/// A part of a URL: each leaves other characters as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Segment,
    Host,
    Zone,
    User,
    Query,
    Fragment,
}

impl Part {
    /// Whether `byte` is written as `%xx` here.
    fn escapes(self, byte: u8) -> bool {
        let kept: &[u8] = match self {
            Self::Path => b"$&+,/:;=@",
            Self::Segment => b"$&+:=@",
            Self::Host | Self::Zone => b"!$&'()*+,;=:[]<>\"",
            Self::User => b"$&+,;=",
            Self::Query => b"",
            Self::Fragment => b"$&+,/:;=?@!()*",
        };
        !(byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || kept.contains(&byte))
    }
}

/// How a part that was read is written: as it was read, if that is a valid way.
fn written(read: &str, decoded: &[u8], part: Part) -> String {
    let is_valid = |b: u8| !part.escapes(b) || b"!$&'()*+,;=:@[]%".contains(&b);
    match read.bytes().all(is_valid) {
        true => read.to_owned(),
        false => escape(decoded, part),
    }
}

fn escape(bytes: &[u8], part: Part) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match part.escapes(byte) {
            true => text.push_str(&format!("%{byte:02X}")),
            false => text.push(char::from(byte)),
        }
    }
    text
}

fn unescape(text: &str, part: Part) -> Result<Vec<u8>, ErrorKind> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        at += 1;
        match byte {
            b'%' => {
                bytes.push(unescape_byte(text, at, part)?);
                at += 2;
            }
            b'+' if part == Part::Query => bytes.push(b' '),
            _ if matches!(part, Part::Host | Part::Zone)
                && byte.is_ascii()
                && part.escapes(byte) =>
            {
                return Err(ErrorKind::HostCharacter(char::from(byte).to_string()));
            }
            _ => bytes.push(byte),
        }
    }
    Ok(bytes)
}

/// The byte that the two digits at `at` stand for, if `part` may have it escaped.
fn unescape_byte(text: &str, at: usize, part: Part) -> Result<u8, ErrorKind> {
    let digits = text.as_bytes().get(at..at + 2);
    let error = || {
        let escape = text.as_bytes().iter().skip(at - 1).take(3).copied();
        ErrorKind::Escape(lossy(escape.collect()))
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let Some((Some(high), Some(low))) = digits.map(|d| match d {
        [high, low] => (digit(*high), digit(*low)),
        _ => (None, None),
    }) else {
        return Err(error());
    };
    let byte = u8::try_from(high * 16 + low).unwrap_or_default();
    let is_allowed = match part {
        // A host is escaped where it is not ASCII, and nowhere else.
        Part::Host => byte == b'%' || !byte.is_ascii(),
        Part::Zone => byte == b'%' || byte == b' ' || !Part::Host.escapes(byte),
        _ => true,
    };
    if is_allowed { Ok(byte) } else { Err(error()) }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_written_as_go_writes_it() {
        for (read, written) in [
            (
                "HTTPS://u:p@Host:80/a b?q#f g",
                "https://u:p@Host:80/a%20b?q#f%20g",
            ),
            ("http://h/a%2fb", "http://h/a%2fb"),
            ("http://h/%c3%a9", "http://h/%c3%a9"),
            ("http://h/é", "http://h/%C3%A9"),
            ("http://h/%ff|", "http://h/%FF%7C"),
            ("http://u%40x@h", "http://u%40x@h"),
            ("http://[::1]:80/", "http://[::1]:80/"),
            ("http://h?", "http://h?"),
            ("file:/a", "file:/a"),
            ("file:///a", "file:///a"),
            ("mailto:a@b", "mailto:a@b"),
            ("a/b:c", "a/b:c"),
            ("//h/a", "//h/a"),
            ("///a", "///a"),
            ("*", "*"),
        ] {
            assert_eq!(
                parse(read).map(|url| url.to_string()).as_deref(),
                Ok(written)
            );
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for (text, want) in [
            (
                "http://h/%zz",
                "parse \"http://h/%zz\": invalid URL escape \"%zz\"",
            ),
            (
                "http://h/%a",
                "parse \"http://h/%a\": invalid URL escape \"%a\"",
            ),
            (
                "http://h%41/",
                "parse \"http://h%41/\": invalid URL escape \"%41\"",
            ),
            (
                "http://h/#%",
                "parse \"http://h/#%\": invalid URL escape \"%\"",
            ),
            (
                "http://a b/",
                "parse \"http://a b/\": invalid character \" \" in host name",
            ),
            (
                "http://a:b/",
                "parse \"http://a:b/\": invalid port \":b\" after host",
            ),
            (
                "http://a:1:2/",
                "parse \"http://a:1:2/\": invalid port \":1:2\" after host",
            ),
            (
                "http://[1.2.3.4]/",
                "parse \"http://[1.2.3.4]/\": invalid IP-literal",
            ),
            (
                "http://[::1/",
                "parse \"http://[::1/\": missing ']' in host",
            ),
            ("http://a[b]/", "parse \"http://a[b]/\": invalid IP-literal"),
            (
                "http://é@h/",
                "parse \"http://é@h/\": net/url: invalid userinfo",
            ),
            (
                "a:b/c:d\u{1}",
                "parse \"a:b/c:d\\x01\": net/url: invalid control character in URL",
            ),
            (
                "1:b",
                "parse \"1:b\": first path segment in URL cannot contain colon",
            ),
            (":b", "parse \":b\": missing protocol scheme"),
        ] {
            assert_eq!(parse(text).map_err(|e| e.to_string()), Err(want.to_owned()));
        }
    }

    #[test]
    fn malformed_pairs_of_a_query_are_left_out() {
        let (query, fault) = parse_query("a=1&&b=%zz&a=2+3&c;d=4&e");
        let pairs: Vec<_> = query
            .iter()
            .map(|(k, v)| (k.as_str(), v.join(",")))
            .collect();
        assert_eq!(pairs, [("a", "1,2 3".into()), ("e", String::new())]);
        assert_eq!(fault, Some(QueryError::Semicolon));
        assert!(parse_query(&"&".repeat(10_000)).0.is_empty());
    }
}
