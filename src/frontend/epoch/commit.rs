//! A commit as git keeps it: lines `name value`, an empty line, and what was said about it.

use crate::golang::{self, Timestamp};

/// Why bytes are no commit, in the sentences of the original.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// What every commit says is missing.
    #[error("invalid {kind} object: missing {header} header")]
    Missing {
        kind: &'static str,
        header: &'static str,
    },
    /// It is a tag.
    #[error("not a commit object")]
    Tag,
}

/// When a commit was made; `None` if that cannot be read.
pub(super) fn committed(object: &[u8]) -> Result<Option<Timestamp>, Error> {
    let text = String::from_utf8_lossy(object);
    let is_tag = text.starts_with("object ");
    let headers = headers(&text, is_tag);
    let (kind, required): (_, &[&'static str]) = match is_tag {
        true => ("tag", &["object", "type", "tag", "tagger"]),
        false => ("commit", &["tree", "author", "committer"]),
    };
    let value = |name: &str| headers.iter().find(|(known, _)| *known == name);
    for &header in required {
        if value(header).is_none() {
            return Err(Error::Missing { kind, header });
        }
    }
    match is_tag {
        true => Err(Error::Tag),
        false => Ok(value("committer").and_then(|(_, actor)| time(actor))),
    }
}

/// Names and values up to the empty line, without the signature of a commit.
fn headers(text: &str, is_tag: bool) -> Vec<(&str, &str)> {
    let mut headers = Vec::new();
    let mut in_signature = false;
    for line in text.split('\n').take_while(|line| !line.is_empty()) {
        let (name, value) = match line.split_once(' ') {
            Some((name, value)) => (name, Some(value)),
            None => (line, None),
        };
        if !is_tag && value.is_some() && matches!(name, "gpgsig" | "gpgsig-sha256") {
            in_signature = true;
            continue;
        }
        in_signature &= line.starts_with(' ');
        match value {
            Some(value) if !in_signature => headers.push((name, value)),
            _ => {}
        }
    }
    headers
}

/// The time after `name <address>`: seconds since 1970, and the distance of the place from UTC.
fn time(actor: &str) -> Option<Timestamp> {
    let (before, after) = actor.rsplit_once('>')?;
    if !before.contains('<') || after.contains('<') {
        return None;
    }
    let mut words = after.split_whitespace();
    let (seconds, zone) = (words.next()?, words.next()?);
    let seconds = golang::parse_int(seconds, 10, 64).ok()?;
    Some(Timestamp::from_unix(seconds).in_zone(minutes(zone)?))
}

/// `+0100`. What is no number in it is nothing.
fn minutes(zone: &str) -> Option<i32> {
    let sign = match zone.as_bytes() {
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let number = |digits: std::ops::Range<usize>| {
        let digits = zone
            .get(digits)
            .and_then(|digits| golang::atoi(digits).ok());
        digits
            .and_then(|number| i32::try_from(number).ok())
            .unwrap_or_default()
    };
    (zone.len() == 5).then(|| sign * (number(1..3) * 60 + number(3..5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_says_when_it_was_made() {
        for (committer, want) in [
            (
                "committer a <b> 1700000000 -0700",
                "2023-11-14T15:13:20-07:00",
            ),
            (
                "committer a > <b@c> -5 +0000 and more",
                "1969-12-31T23:59:55Z",
            ),
            ("committer a <b> 0 +xx30", "1970-01-01T00:30:00+00:30"),
            ("committer a <b> 1700000000", ""),
            ("committer a <b> 1700000000 UTC", ""),
            ("committer a <b> x +0000", ""),
            ("committer a", ""),
            ("committer a <b> <c 5 +0000", ""),
            (
                "gpgsig -----BEGIN\n \n committer a <b> 1 +0000\ncommitter a <b> 2 +0000",
                "1970-01-01T00:00:02Z",
            ),
        ] {
            let object = format!("tree 1\nparent 2\nauthor a <a> 1 +0000\n{committer}\n\nno\n");
            let time = committed(object.as_bytes()).unwrap();
            let time = time.map(|time| time.to_string()).unwrap_or_default();
            assert_eq!(time, want, "{committer}");
        }
        for (object, want) in [
            ("", "invalid commit object: missing tree header"),
            (
                "tree 1\nauthor a\n\ncommitter a <b> 1 +0000",
                "invalid commit object: missing committer header",
            ),
            (
                "object 1\ntype commit",
                "invalid tag object: missing tag header",
            ),
            ("object 1\ntype a\ntag b\ntagger c\n", "not a commit object"),
        ] {
            let error = committed(object.as_bytes()).expect_err(object);
            assert_eq!(error.to_string(), want);
        }
    }
}
