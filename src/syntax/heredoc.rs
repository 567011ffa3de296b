//! Here-documents: the word that opens one, and the tabs of its body.
//!
//! A word opens one when it reads `[digits]<<[-][blanks]NAME`. Where words begin and end on a line is for the
//! original's shell lexer to say, run with no variable set and told to leave unset ones alone; the lexer below
//! is that case of it. Its escape character is `\` whatever `# escape=` says.

use crate::{golang, syntax::ast::Heredoc};

/// Reads a word such as `<<EOF`, `<<-EOF`, `3<<"EOF"`. The content is empty.
///
/// This is the original's `MustParseHeredoc`.
pub fn parse_word(word: &str) -> Option<Heredoc> {
    opening(word).ok().flatten()
}

/// Strips the tabs at the beginning of every line, as `<<-` asks.
pub fn chomp(content: &str) -> String {
    let lines = content.split_inclusive('\n');
    lines.map(|line| line.trim_start_matches('\t')).collect()
}

/// The here-documents that `line` opens, in order. A line that the lexer cannot read opens none.
pub(super) fn openings(line: &str) -> Result<Vec<Heredoc>, String> {
    let raw = Modes {
        quotes: true,
        escapes: true,
    };
    let words = words(line, raw).unwrap_or_default();
    let openings = words.iter().map(|word| opening(word));
    openings.filter_map(Result::transpose).collect()
}

/// `[digits]<<[-][blanks]NAME`
fn opening(word: &str) -> Result<Option<Heredoc>, String> {
    let Some((digits, rest)) = word.split_once("<<") else {
        return Ok(None);
    };
    let (chomp, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let rest = rest.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number || rest.is_empty() || rest.contains('<') {
        return Ok(None);
    }
    Ok(name(rest)?.map(|(name, expand)| Heredoc {
        name,
        // No number is 0, and one that is too large is the largest.
        file_descriptor: if digits.is_empty() {
            0
        } else {
            digits.parse().unwrap_or(u32::MAX)
        },
        expand,
        chomp,
        content: String::new(),
    }))
}

/// The name without its quotes, and whether there were none; nothing when it is not one word.
fn name(text: &str) -> Result<Option<(String, bool)>, String> {
    let plain = words(text, Modes::default())?;
    let [name] = plain.as_slice() else {
        return Ok(None);
    };
    let quoted = words(
        text,
        Modes {
            quotes: true,
            ..Modes::default()
        },
    )?;
    let [as_written] = quoted.as_slice() else {
        return Err(format!(
            "internal lexing of heredoc produced inconsistent results: {text}"
        ));
    };
    Ok(Some((name.clone(), quotes(name) == quotes(as_written))))
}

fn quotes(text: &str) -> usize {
    text.matches(['\'', '"']).count()
}

/// What stays in the words.
#[derive(Clone, Copy, Default)]
struct Modes {
    /// The quotes themselves.
    quotes: bool,
    /// Escape characters.
    escapes: bool,
}

/// Splits `text` into words.
fn words(text: &str, modes: Modes) -> Result<Vec<String>, String> {
    let mut lexer = Lexer {
        // Go's scanner drops a byte order mark at the beginning.
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        modes,
        open: Vec::new(),
        construct: String::new(),
        word: String::new(),
        in_word: false,
        words: Vec::new(),
    };
    match lexer.run() {
        Ok(()) => Ok(lexer.words),
        Err(error) => Err(format!(
            "failed to process {}: {}",
            golang::quote(text),
            lexer.outermost(error)
        )),
    }
}

struct Lexer<'s> {
    rest: &'s str,
    modes: Modes,
    /// What was begun and not ended, outermost first. Here the original recurses.
    open: Vec<Open>,
    /// The text of what `open` began.
    construct: String,
    word: String,
    in_word: bool,
    words: Vec<String>,
}

#[derive(Clone, Copy)]
enum Open {
    /// `"…"`
    Quote,
    /// `${name-…}`, the part before `}`; `raw` when escape characters stay.
    Substitute { raw: bool },
    /// `${name/…`, the part before the second `/`.
    Pattern,
}

const ESCAPE: char = '\\';

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), String> {
        loop {
            match self.open.last() {
                Some(Open::Quote) => self.in_quote()?,
                Some(Open::Substitute { .. }) => self.in_braces('}')?,
                Some(Open::Pattern) => self.in_braces('/')?,
                None if self.rest.is_empty() => break,
                None => self.at_top()?,
            }
        }
        self.end_word();
        Ok(())
    }

    /// One step outside of everything, where blanks end a word.
    fn at_top(&mut self) -> Result<(), String> {
        match self.next() {
            Some('$') => self.dollar()?,
            Some('\'') => self.single_quote()?,
            Some('"') => self.double_quote(),
            Some('<') => self.less_than(),
            Some(ESCAPE) => {
                if self.modes.escapes {
                    self.add(ESCAPE);
                }
                if let Some(c) = self.next() {
                    self.add(c);
                }
            }
            Some(c) => self.add_or_split(c),
            None => {}
        }
        if self.open.is_empty() {
            self.end_construct();
        }
        Ok(())
    }

    /// `<<` with the blanks after it belongs to the word that follows.
    fn less_than(&mut self) {
        self.add('<');
        if let Some(rest) = self.rest.strip_prefix('<') {
            self.add('<');
            self.rest = rest;
            while let Some(blank) = self.peek().filter(|c| matches!(c, '\t' | '\r' | ' ')) {
                self.next();
                self.add(blank);
            }
        }
    }

    /// One step inside `${…}`, up to `stop`.
    fn in_braces(&mut self, stop: char) -> Result<(), String> {
        match self.next() {
            Some(c) if c == stop => self.close(),
            Some('$') => self.dollar()?,
            Some('\'') => self.single_quote()?,
            Some('"') => self.double_quote(),
            Some(ESCAPE) => {
                if self.keeps_escapes() {
                    self.construct.push(ESCAPE);
                }
                match self.next() {
                    Some(c) => self.construct.push(c),
                    None => return Err(unfinished(stop)),
                }
            }
            Some(c) => self.construct.push(c),
            None => return Err(unfinished(stop)),
        }
        Ok(())
    }

    /// One step inside `"…"`.
    fn in_quote(&mut self) -> Result<(), String> {
        match self.next() {
            Some('"') => self.close(),
            Some('$') => self.dollar()?,
            Some(ESCAPE) => {
                if self.keeps_escapes() {
                    self.construct.push(ESCAPE);
                }
                match self.peek() {
                    None => {}
                    Some(c @ ('"' | '$' | ESCAPE)) => {
                        self.next();
                        self.construct.push(c);
                    }
                    Some(_) => self.construct.push(ESCAPE),
                }
            }
            Some(c) => self.construct.push(c),
            None => return Err(unfinished("double-quote")),
        }
        Ok(())
    }

    /// What follows a `$`.
    fn dollar(&mut self) -> Result<(), String> {
        self.construct.push('$');
        let Some(rest) = self.rest.strip_prefix('{') else {
            // A name after it is text like any other; `$$` is a name too.
            if let Some(rest) = self.rest.strip_prefix('$') {
                self.rest = rest;
                self.construct.push('$');
            }
            return Ok(());
        };
        self.rest = rest;
        self.construct.push('{');
        match self.peek() {
            None => return Err("syntax error: missing '}'".to_owned()),
            Some('{' | '}' | ':') => return Err("syntax error: bad substitution".to_owned()),
            Some(_) => self.name(),
        }
        self.modifier()
    }

    /// What follows the name in `${name…`: the end, or how to change the value.
    fn modifier(&mut self) -> Result<(), String> {
        let c = self.next();
        self.construct.extend(c);
        let open = match c {
            Some('}') => return Ok(()),
            Some('+' | '-' | '?') => Open::Substitute { raw: false },
            Some('#' | '%') => Open::Substitute { raw: true },
            Some('/') => {
                self.rest = self.rest.strip_prefix('/').unwrap_or(self.rest);
                Open::Pattern
            }
            Some(':') => match self.next() {
                Some(c @ ('#' | '%')) => return Err(unsupported(&[':', c])),
                c => {
                    self.construct.extend(c);
                    Open::Substitute { raw: false }
                }
            },
            c => return Err(unsupported(&[c.unwrap_or(char::REPLACEMENT_CHARACTER)])),
        };
        self.open.push(open);
        // The original has one buffer for words on every level: what the word held is lost.
        self.word.clear();
        Ok(())
    }

    /// Digits, or one special character, or letters and digits.
    fn name(&mut self) {
        let is_word = |c: char| golang::is_letter(c) || golang::is_digit(c) || c == '_';
        let length = match self.peek() {
            Some(c) if golang::is_digit(c) => self.rest.find(|c: char| !golang::is_digit(c)),
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => Some(1),
            _ => self.rest.find(|c| !is_word(c)),
        };
        let (name, rest) = self.rest.split_at(length.unwrap_or(self.rest.len()));
        self.construct.push_str(name);
        self.rest = rest;
    }

    /// `'…'`: nothing inside means anything.
    fn single_quote(&mut self) -> Result<(), String> {
        let Some((text, rest)) = self.rest.split_once('\'') else {
            self.rest = "";
            return Err(unfinished("single-quote"));
        };
        self.rest = rest;
        let quote = if self.modes.quotes { "'" } else { "" };
        for part in [quote, text, quote] {
            match self.open.is_empty() {
                true => self.word.push_str(part),
                false => self.construct.push_str(part),
            }
        }
        self.in_word |= self.open.is_empty();
        Ok(())
    }

    fn double_quote(&mut self) {
        self.open.push(Open::Quote);
        if self.modes.quotes {
            self.construct.push('"');
        }
    }

    /// Ends the innermost of what is open.
    fn close(&mut self) {
        let closed = self.open.pop();
        match closed {
            Some(Open::Quote) if self.modes.quotes => self.construct.push('"'),
            Some(Open::Quote) | None => {}
            Some(Open::Substitute { .. }) => self.construct.push('}'),
            Some(Open::Pattern) => {
                self.construct.push('/');
                self.open.push(Open::Substitute { raw: true });
            }
        }
        if !self.open.is_empty() {
            return;
        }
        match closed {
            Some(Open::Quote) => {
                self.word.push_str(&std::mem::take(&mut self.construct));
                self.in_word = true;
            }
            _ => self.end_construct(),
        }
    }

    /// Adds the text of a `$…`; blanks in it end words.
    fn end_construct(&mut self) {
        for c in std::mem::take(&mut self.construct).chars() {
            self.add_or_split(c);
        }
    }

    fn add(&mut self, c: char) {
        self.word.push(c);
        self.in_word = true;
    }

    fn add_or_split(&mut self, c: char) {
        if !c.is_whitespace() {
            self.add(c);
        } else if self.in_word {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        if !self.word.is_empty() {
            self.words.push(std::mem::take(&mut self.word));
            self.in_word = false;
        }
    }

    /// Whether escape characters stay: the innermost `${…}` decides.
    fn keeps_escapes(&self) -> bool {
        let decides = |open: &Open| match open {
            Open::Quote => None,
            Open::Substitute { raw } => Some(*raw),
            Open::Pattern => Some(true),
        };
        let innermost = self.open.iter().rev().find_map(decides);
        innermost.unwrap_or(self.modes.escapes)
    }

    /// An error at the end of the text is told by whichever `${…}` was begun first.
    fn outermost(&self, error: String) -> String {
        let braces = self.open.iter().find(|open| !matches!(open, Open::Quote));
        match braces {
            Some(Open::Pattern) if self.rest.is_empty() => {
                "syntax error: missing '/' in ${}".to_owned()
            }
            Some(_) if self.rest.is_empty() => "syntax error: missing '}'".to_owned(),
            _ => error,
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }
}

fn unfinished(what: impl std::fmt::Display) -> String {
    format!("unexpected end of statement while looking for matching {what}")
}

fn unsupported(modifier: &[char]) -> String {
    let modifier: String = modifier.iter().collect();
    format!("unsupported modifier ({modifier}) in substitution")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name` for one whose content is expanded, `'name'` for one whose is not; `-` before it when tabs go,
    /// the number when there is one.
    fn summary(heredoc: &Heredoc) -> String {
        let number = match heredoc.file_descriptor {
            0 => String::new(),
            number => number.to_string(),
        };
        let dash = if heredoc.chomp { "-" } else { "" };
        let quote = if heredoc.expand { "" } else { "'" };
        format!("{number}{dash}{quote}{}{quote}", heredoc.name)
    }

    #[test]
    fn a_word_opens_a_heredoc_when_it_looks_like_one() {
        let cases = [
            ("<<EOF", Some("EOF")),
            ("<<-EOF", Some("-EOF")),
            ("<< EOF", Some("EOF")),
            ("3<<EOF", Some("3EOF")),
            ("99999999999999999999<<EOF", Some("4294967295EOF")),
            ("<<'EOF'", Some("'EOF'")),
            ("<<\"E F\"", Some("'E F'")),
            ("<<E\"O\"F", Some("'EOF'")),
            (r"<<E\'F", Some("E'F")),
            ("<<$X", Some("$X")),
            ("<<\u{feff}EOF", Some("EOF")),
            ("<<", None),
            ("<<-", None),
            ("<<''", None),
            ("<<EOF cat", None),
            ("<<'' a", None),
            ("<<EOF<", None),
            ("<<<EOF", None),
            ("x<<EOF", None),
            ("<EOF", None),
            ("<<'EOF", None),
        ];
        for (word, expected) in cases {
            let found = parse_word(word).as_ref().map(summary);
            assert_eq!(found.as_deref(), expected, "{word}");
        }
    }

    #[test]
    fn a_line_opens_what_its_words_open() {
        let cases = [
            ("RUN <<EOF", "EOF"),
            ("COPY <<a <<-'b' 3<<c /x", "a -'b' 3c"),
            ("RUN cat <<EOF && cat << 'A B'", "EOF 'A B'"),
            ("RUN cat<<EOF", ""),
            ("RUN '<<EOF' \"<<EOF\" \\<<EOF", ""),
            ("RUN <<<EOF", ""),
            ("RUN 'it <<EOF", ""),
            ("RUN ${x <<EOF", ""),
            ("RUN ${x:-y} $y $$ <<EOF", "EOF"),
            // What the original's lexer loses and makes of braces.
            ("RUN <<E${x:-y}", ""),
            ("RUN ${x:-a <<EOF}", "EOF}"),
            (r#"RUN ${x:-a <<"b\n"}"#, "'b\\n}'"),
        ];
        for (line, expected) in cases {
            let found: Vec<_> = openings(line).unwrap().iter().map(summary).collect();
            assert_eq!(found.join(" "), expected, "{line}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_read_is_told_as_the_lexer_tells_it() {
        let cases = [
            (
                r#"RUN ${x:-a <<\"b}"#,
                r#"failed to process "\"b}": unexpected end of statement while looking for matching double-quote"#,
            ),
            (
                r"RUN ${x:-a <<\'b}",
                r#"failed to process "'b}": unexpected end of statement while looking for matching single-quote"#,
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(openings(line).err().unwrap_or_default(), expected, "{line}");
        }
        let errors = [
            ("${", "syntax error: missing '}'"),
            ("${}", "syntax error: bad substitution"),
            ("${x", "unsupported modifier (\u{fffd}) in substitution"),
            ("${x!}", "unsupported modifier (!) in substitution"),
            ("${x:#y}", "unsupported modifier (:#) in substitution"),
            ("${x:", "syntax error: missing '}'"),
            ("${x-${y", "syntax error: missing '}'"),
            ("${x-${}}", "syntax error: bad substitution"),
            ("${x/y", "syntax error: missing '/' in ${}"),
            ("${x/y/'", "syntax error: missing '}'"),
        ];
        for (text, expected) in errors {
            let told = words(text, Modes::default()).unwrap_err();
            assert_eq!(told, format!("failed to process \"{text}\": {expected}"));
        }
    }

    #[test]
    fn chomp_strips_the_tabs_of_every_line() {
        assert_eq!(chomp("\t\ta\tb\n c\n\t\n\td"), "a\tb\n c\n\nd");
        assert_eq!(chomp(""), "");
    }
}
