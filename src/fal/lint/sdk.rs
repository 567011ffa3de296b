//! Which files fal's SDK finds in a Dockerfile.
//!
//! Takes the text; gives, for each line that the SDK takes for a COPY or an ADD, what it makes of it. It does not read Dockerfiles as
//! BuildKit does: it looks for lines that begin with one of the words, wherever they stand, and takes flags away by a pattern. Only
//! what it finds is sent to the builder, so its mistakes are repeated here, one by one; `tests/lints/sdk.py` asks the SDK itself.
//!
//! As of fal 1.83.0, `fal/container.py`. A carriage return before a newline is dropped, as Python does where it reads a file.

/// A line that begins with COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it begins, from 1.
    pub line: u32,
    /// What is made of it.
    pub reading: Reading,
}

/// What the SDK makes of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It names these files of the context.
    Sources(Vec<String>),
    /// It names none: it begins with `--from`, or has an address somewhere.
    None,
    /// The words cannot be told apart; a warning is printed, and the line is skipped.
    Unreadable,
}

/// Everything that the SDK finds in a text.
pub fn find(text: &str) -> Vec<Found> {
    let text = text.replace("\r\n", "\n");
    let lines = joined(&text);
    let found = lines.iter().filter_map(|(line, text)| {
        let (is_copy, rest) = instruction(text)?;
        let reading = read(is_copy, rest);
        Some(Found {
            line: *line,
            reading,
        })
    });
    found.collect()
}

/// Lines with their numbers; a backslash at the end of one joins it with the next, empty lines between them and all.
fn joined(text: &str) -> Vec<(u32, String)> {
    let mut lines = vec![(1, String::new())];
    let mut number = 1;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let last = match lines.last_mut() {
            Some((_, line)) => line,
            None => break,
        };
        match c {
            '\\' if characters.next_if_eq(&'\n').is_some() => {
                number += 1;
                last.push(' ');
                while let Some(blank) = characters.next_if(|c| c.is_whitespace()) {
                    number += u32::from(blank == '\n');
                }
            }
            '\n' => {
                number += 1;
                lines.push((number, String::new()));
            }
            c => last.push(c),
        }
    }
    lines
}

/// Whether it is a COPY, and what follows the word.
fn instruction(line: &str) -> Option<(bool, &str)> {
    let (is_copy, rest) = ["COPY", "ADD"].into_iter().find_map(|keyword| {
        let (word, rest) = line.split_at_checked(keyword.len())?;
        word.eq_ignore_ascii_case(keyword)
            .then_some((keyword == "COPY", rest))
    })?;
    let is_word = rest.starts_with(char::is_whitespace);
    let rest = rest.trim();
    // A backslash at the end of the file, where nothing follows.
    let rest = rest
        .strip_suffix('\\')
        .filter(|_| line.ends_with('\\'))
        .unwrap_or(rest);
    (is_word && !rest.is_empty()).then_some((is_copy, rest.trim()))
}

fn read(is_copy: bool, rest: &str) -> Reading {
    let lower = rest.to_ascii_lowercase();
    let is_address = || lower.contains("http://") || lower.contains("https://");
    let is_elsewhere = match is_copy {
        true => lower.starts_with("--from="),
        false => is_address(),
    };
    if is_elsewhere {
        return Reading::None;
    }
    let words = without_flags(rest);
    let words = words.trim();
    let words = match words.ends_with(']') {
        true => serde_json::from_str::<Vec<String>>(words).ok(),
        false => split(words),
    };
    let Some(mut words) = words else {
        return Reading::Unreadable;
    };
    words.pop();
    let relative = words.iter().map(|it| it.trim_start_matches('/').to_owned());
    match relative.collect::<Vec<_>>() {
        sources if sources.is_empty() => Reading::None,
        sources => Reading::Sources(sources),
    }
}

/// Takes away `--word` and `--word=value`, wherever they stand; a value ends at a blank, quotes or not.
fn without_flags(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("--") {
        let (before, flag) = rest.split_at(at);
        let after = &flag[2..];
        let value = after.trim_start_matches(is_word);
        if value.len() == after.len() {
            // One dash further on may be where a flag begins.
            kept.push_str(before);
            kept.push('-');
            rest = &flag[1..];
            continue;
        }
        kept.push_str(before);
        rest = match value.strip_prefix('=') {
            Some(value) => {
                let end = |c: char| c.is_whitespace() || c == ']';
                let left = &value[value.find(end).unwrap_or(value.len())..];
                match left.len() == value.len() {
                    true => &flag[flag.len() - value.len() - 1..],
                    false => left,
                }
            }
            None => value,
        };
    }
    kept.push_str(rest);
    kept
}

/// Words as Python's `shlex.split` tells them apart; `None` where a quote is open.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some('"'), '\\') => {
                let next = characters.next()?;
                let word = word.get_or_insert_default();
                if !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().push(characters.next()?),
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}
