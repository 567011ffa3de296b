//! EXPOSE: ports and ranges of ports, each with its protocol.

use std::fmt::Write;

use crate::{
    diagnostic::{Diagnostic, Result},
    golang,
};

use super::facts::{Facts, Seen};

/// Ports in a row.
pub(super) struct Range {
    first: u16,
    last: u16,
    protocol: String,
}

impl Range {
    /// Each as `80/tcp`.
    pub(super) fn ports(&self) -> impl Iterator<Item = String> {
        let protocol = &self.protocol;
        (self.first..=self.last).map(move |port| format!("{port}/{protocol}"))
    }

    /// About how many bytes [`shown`] makes of them.
    pub(super) fn size(&self) -> usize {
        let count = usize::from(self.last - self.first) + 1;
        count * (" 65535/".len() + self.protocol.len())
    }
}

/// Every port, with a space between each two.
pub(super) fn shown(ranges: &[Range]) -> String {
    let mut shown = String::with_capacity(ranges.iter().map(Range::size).sum());
    for range in ranges {
        for port in range.first..=range.last {
            let space = if shown.is_empty() { "" } else { " " };
            // Writing to a string cannot fail.
            let _ = write!(shown, "{space}{port}/{}", range.protocol);
        }
    }
    shown
}

/// The ports of each word. Addresses and host ports are read, checked and left out.
pub(super) fn ranges(words: &[String], facts: &mut Facts) -> Result<Vec<Range>> {
    words.iter().map(|word| range_of(word, facts)).collect()
}

fn range_of(word: &str, facts: &mut Facts) -> Result<Range> {
    let (address, host, container) = parts(word);
    let (protocol, container) = protocol(container)
        .map_err(|why| error(format!("invalid port: {}: {why}", golang::quote(word))))?;
    facts.see(Seen::Port {
        word: word.to_owned(),
        protocol: protocol.to_owned(),
        is_mapped: !address.is_empty() || !host.is_empty(),
    });
    if !address.is_empty() {
        check_address(&address)?;
    }
    let Ok((first, last)) = range(container) else {
        return Err(error(format!("invalid containerPort: {container}")));
    };
    if !host.is_empty() {
        let Ok((host_first, host_last)) = range(host) else {
            return Err(error(format!("invalid hostPort: {host}")));
        };
        if last != first && last - first != host_last - host_first {
            return Err(error(format!(
                "invalid ranges specified for container and host Ports: {container} and {host}"
            )));
        }
    }
    Ok(Range {
        first,
        last,
        protocol: golang::to_lower(protocol),
    })
}

/// `address:host:container`, from the right.
fn parts(word: &str) -> (String, &str, &str) {
    let mut from_right = word.rsplitn(3, ':');
    let container = from_right.next().unwrap_or_default();
    let host = from_right.next().unwrap_or_default();
    let address = from_right.next().unwrap_or_default();
    (address.to_owned(), host, container)
}

/// The protocol as written, and what stands before it.
fn protocol(port: &str) -> std::result::Result<(&str, &str), String> {
    let (port, protocol) = port.split_once('/').unwrap_or((port, ""));
    if port.is_empty() {
        return Err("no port specified".to_owned());
    }
    match golang::to_lower(protocol).as_str() {
        "" => Ok(("tcp", port)),
        "tcp" | "udp" | "sctp" => Ok((protocol, port)),
        _ => Err(format!("invalid proto: {protocol}")),
    }
}

fn check_address(address: &str) -> Result<()> {
    let plain = match address.strip_prefix('[') {
        None => address,
        Some(rest) => bracketed(rest).map_err(|why| {
            error(format!(
                "invalid IP address {address}: address {address}:: {why}"
            ))
        })?,
    };
    match golang::parse_ip(plain) {
        _ if plain.is_empty() => Ok(()),
        Some(_) => Ok(()),
        None => Err(error(format!("invalid IP address: {plain}"))),
    }
}

/// The address of `[address]`, without its first bracket, or why there is none.
fn bracketed(rest: &str) -> std::result::Result<&str, &'static str> {
    match rest.split_once(']') {
        None => Err("missing ']' in address"),
        Some((inner, "")) if inner.contains('[') => Err("unexpected '[' in address"),
        Some((inner, "")) => Ok(inner),
        Some((_, more)) if more.starts_with(':') => Err("too many colons in address"),
        Some(_) => Err("missing port in address"),
    }
}

fn range(ports: &str) -> std::result::Result<(u16, u16), ()> {
    let number = |text: &str| -> std::result::Result<u16, ()> {
        let number = golang::parse_int(text, 10, 64).map_err(|_| ())?;
        u16::try_from(number).map_err(|_| ())
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last) = (number(first)?, number(last)?);
    if last < first {
        Err(())
    } else {
        Ok((first, last))
    }
}

fn error(message: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(message))
}
