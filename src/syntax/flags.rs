//! What stands between the keyword and the arguments.
//!
//! Takes a logical line; gives the keyword, the flags, and the rest.

/// A logical line in its three parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'s> {
    pub(super) keyword: &'s str,
    pub(super) flags: Vec<String>,
    pub(super) rest: &'s str,
}

/// `keyword flag* rest`
pub(super) fn split<'s>(line: &'s str, escape: char) -> Parts<'s> {
    let line = line.trim();
    let Some((keyword, after)) = line.split_once(BLANKS) else {
        return Parts {
            keyword: line,
            flags: Vec::new(),
            rest: "",
        };
    };
    let (flags, rest) = flags(after.trim_start_matches(BLANKS), escape);
    Parts {
        keyword,
        flags,
        rest: rest.trim(),
    }
}

/// What separates words: `[\t\v\f\r ]`.
pub(super) const BLANKS: [char; 5] = ['\t', '\u{b}', '\u{c}', '\r', ' '];

/// The words that begin with `--`, up to a word that does not, or to `--` itself, which is dropped.
///
/// Quotes and escapes are resolved. The original does this byte by byte, which garbles every letter
/// beyond ASCII; ours keeps them.
fn flags(text: &str, escape: char) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
        if !rest.starts_with("--") {
            return (flags, rest);
        }
        let (flag, length) = flag(rest, escape);
        rest = rest.get(length..).unwrap_or_default();
        if flag == "--" {
            return (flags, rest);
        }
        flags.push(flag);
    }
}

/// The first word without its quotes and escapes, and how long it is with them.
fn flag(text: &str, escape: char) -> (String, usize) {
    let mut flag = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && (c.is_ascii_whitespace() || c == '\u{b}') {
            return (flag, at);
        } else if quote.is_none() && matches!(c, '"' | '\'') {
            quote = Some(c);
        } else if c == escape {
            // At the end of the line there is nothing to escape.
            flag.extend(chars.next().map(|(_, escaped)| escaped));
        } else {
            flag.push(c);
        }
    }
    (flag, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_keyword_flags_and_rest() {
        let cases: &[(&str, &str, &[&str], &str)] = &[
            ("RUN", "RUN", &[], ""),
            (" RUN\t a  b ", "RUN", &[], "a  b"),
            ("COPY --a --b=c d --e", "COPY", &["--a", "--b=c"], "d --e"),
            ("COPY --a -- --b", "COPY", &["--a"], "--b"),
            ("COPY --", "COPY", &[], ""),
            ("COPY --\"\" --b", "COPY", &[], "--b"),
            ("COPY --a", "COPY", &["--a"], ""),
            (r#"RUN --a="b 'c" d"#, "RUN", &["--a=b 'c"], "d"),
            (r#"RUN --a='b\'c' d"#, "RUN", &["--a=b'c"], "d"),
            (r"RUN --a=b\ c\\d e", "RUN", &[r"--a=b c\d"], "e"),
            (r"RUN --a\", "RUN", &["--a"], ""),
            (r#"RUN --a="b"#, "RUN", &["--a=b"], ""),
            (
                "COPY --exclude=é.txt --chown=à a b",
                "COPY",
                &["--exclude=é.txt", "--chown=à"],
                "a b",
            ),
            ("RUN - --a", "RUN", &[], "- --a"),
        ];
        for (line, keyword, flags, rest) in cases {
            let parts = split(line, '\\');
            assert_eq!(parts.keyword, *keyword, "{line}");
            assert_eq!(parts.flags, *flags, "{line}");
            assert_eq!(parts.rest, *rest, "{line}");
        }
        assert_eq!(split("COPY --a=`  b", '`').flags, ["--a= "]);
    }
}
