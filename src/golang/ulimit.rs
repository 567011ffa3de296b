//! Limits of processes as `docker/go-units` reads them.

use std::fmt;

use crate::golang::parse_int;

/// The limits that have a name; `as` is left out there too.
const NAMES: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// No limit at all.
const UNLIMITED: i64 = -1;

/// What a process may use of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    /// Which resource, such as `nofile`.
    pub name: String,
    /// What holds now; -1 is no limit.
    pub soft: i64,
    /// How far the process itself may raise it; -1 is no limit.
    pub hard: i64,
}

impl fmt::Display for Ulimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}:{}", self.name, self.soft, self.hard)
    }
}

/// `nofile=1024` or `nofile=1024:2048` (`units.ParseUlimit`); without a hard limit the soft one is both.
pub fn parse_ulimit(text: &str) -> Result<Ulimit, String> {
    let Some((name, limits)) = text.split_once('=') else {
        return Err(format!("invalid ulimit argument: {text}"));
    };
    if !NAMES.contains(&name) {
        return Err(format!("invalid ulimit type: {name}"));
    }
    let (soft, hard) = match limits.split_once(':') {
        None => {
            let both = parse_int(limits, 10, 64)?;
            (both, both)
        }
        Some((_, hard)) if hard.contains(':') => {
            return Err(format!(
                "too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`"
            ));
        }
        Some((soft, hard)) => {
            let hard = parse_int(hard, 10, 64)?;
            (parse_int(soft, 10, 64)?, hard)
        }
    };
    const ORDER: &str = "ulimit soft limit must be less than or equal to hard limit:";
    match (soft, hard) {
        (_, UNLIMITED) => {}
        (UNLIMITED, _) => return Err(format!("{ORDER} soft: -1 (unlimited), hard: {hard}")),
        _ if soft > hard => return Err(format!("{ORDER} {soft} > {hard}")),
        _ => {}
    }
    Ok(Ulimit {
        name: name.to_owned(),
        soft,
        hard,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        for (text, printed) in [
            ("nofile=512", "nofile=512:512"),
            ("nofile=512:1024", "nofile=512:1024"),
            ("core=-1", "core=-1:-1"),
            ("core=5:-1", "core=5:-1"),
        ] {
            assert_eq!(
                parse_ulimit(text).map(|limit| limit.to_string()).as_deref(),
                Ok(printed)
            );
        }
    }

    #[test]
    fn complaints_are_those_of_go() {
        const ORDER: &str = "ulimit soft limit must be less than or equal to hard limit:";
        for (text, complaint) in [
            ("nofile", "invalid ulimit argument: nofile".to_owned()),
            ("as=1", "invalid ulimit type: as".to_owned()),
            ("nofile=2:1", format!("{ORDER} 2 > 1")),
            (
                "nofile=-1:1",
                format!("{ORDER} soft: -1 (unlimited), hard: 1"),
            ),
            (
                "nofile=a:b",
                r#"strconv.ParseInt: parsing "b": invalid syntax"#.to_owned(),
            ),
            (
                "nofile=1:2:3",
                "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`"
                    .to_owned(),
            ),
        ] {
            assert_eq!(parse_ulimit(text), Err(complaint), "{text}");
        }
    }
}
