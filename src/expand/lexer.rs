//! Reads a word once, from left to right, and writes the text.

use std::{
    collections::{BTreeSet, HashSet},
    iter::Peekable,
    mem,
    str::Chars,
};

use crate::{
    expand::{
        Budget, Error, Expanded, Expander, Reason, Scope,
        pattern::{self, Reach},
    },
    golang::{is_digit, is_letter},
};

/// How deep substitutions may stand in each other; each level costs a little of the stack.
const DEEPEST: usize = 100;

/// The scanner of the original drops it at the beginning.
const BYTE_ORDER_MARK: char = '\u{feff}';

pub(super) fn word(
    modes: &Expander,
    word: &str,
    scope: &dyn Scope,
    budget: &mut Budget,
) -> Result<Expanded, Error> {
    if !word.contains(|c| c == modes.escape || matches!(c, '$' | '\'' | '"' | BYTE_ORDER_MARK)) {
        return Ok(Expanded {
            text: word.to_owned(),
            ..Expanded::default()
        });
    }
    let mut lexer = Lexer::new(modes, word, scope, budget);
    match lexer.read(None, modes.raw_escapes) {
        Ok(text) => Ok(Expanded {
            text,
            matched: lexer.matched,
            unmatched: lexer.unmatched,
        }),
        Err(reason) => Err(lexer.error(word, reason)),
    }
}

pub(super) fn words(
    modes: &Expander,
    word: &str,
    scope: &dyn Scope,
    budget: &mut Budget,
) -> Result<Vec<String>, Error> {
    let mut lexer = Lexer::new(modes, word, scope, budget);
    lexer.words = Some(Words::default());
    match lexer.read(None, modes.raw_escapes) {
        Ok(_) => Ok(lexer.words.map(Words::finish).unwrap_or_default()),
        Err(reason) => Err(lexer.error(word, reason)),
    }
}

struct Lexer<'a> {
    modes: &'a Expander,
    scope: &'a dyn Scope,
    budget: &'a mut Budget,
    length: usize,
    chars: Peekable<Chars<'a>>,
    /// The words so far, when somebody wants them.
    words: Option<Words>,
    matched: BTreeSet<String>,
    unmatched: Vec<String>,
    /// The same, to look them up.
    seen_unmatched: HashSet<String>,
    /// Whether escape characters stay, here: inside of patterns they do.
    raw_escapes: bool,
    depth: usize,
}

impl<'a> Lexer<'a> {
    fn new(
        modes: &'a Expander,
        word: &'a str,
        scope: &'a dyn Scope,
        budget: &'a mut Budget,
    ) -> Self {
        let word = word.strip_prefix(BYTE_ORDER_MARK).unwrap_or(word);
        Self {
            modes,
            scope,
            budget,
            length: word.len(),
            chars: word.chars().peekable(),
            words: None,
            matched: BTreeSet::new(),
            unmatched: Vec::new(),
            seen_unmatched: HashSet::new(),
            raw_escapes: modes.raw_escapes,
            depth: 0,
        }
    }

    fn error(self, word: &str, reason: Reason) -> Error {
        Error {
            word: word.to_owned(),
            reason: Box::new(reason),
            matched: self.matched,
            unmatched: self.unmatched,
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().copied()
    }

    /// Expands up to the character that ends it, or to the end of the word.
    fn read(&mut self, stop: Option<char>, raw_escapes: bool) -> Result<String, Reason> {
        if self.depth > DEEPEST {
            return Err(Reason::TooDeep(DEEPEST));
        }
        if let Some(words) = &mut self.words {
            // The original has one buffer for the word begun outside and the one in here.
            words.current.clear();
        }
        let raw_escapes_outside = mem::replace(&mut self.raw_escapes, raw_escapes);
        self.depth += 1;
        let text = self.pieces(stop);
        self.depth -= 1;
        self.raw_escapes = raw_escapes_outside;
        text
    }

    fn pieces(&mut self, stop: Option<char>) -> Result<String, Reason> {
        let quotes = !self.modes.skip_quotes;
        // The text of a whole word is about as long as the word.
        let mut text = String::with_capacity(if self.depth == 1 { self.length } else { 0 });
        while let Some(c) = self.peek() {
            if Some(c) == stop {
                self.chars.next();
                return Ok(text);
            }
            let is_value = c == '$';
            let piece = match c {
                '$' => self.dollar()?,
                '<' => self.less_than(),
                '\'' if quotes => self.single_quotes()?,
                '"' if quotes => self.double_quotes()?,
                _ => {
                    self.plain(&mut text);
                    continue;
                }
            };
            match self.open_words() {
                Some(words) if is_value => piece.chars().for_each(|c| words.add(c)),
                Some(words) => words.add_quoted(&piece),
                None => {}
            }
            self.append(&mut text, &piece)?;
        }
        match stop {
            None => Ok(text),
            Some(_) => Err(Reason::MissingBrace),
        }
    }

    /// Adds what was made of something to a text.
    fn append(&mut self, text: &mut String, piece: &str) -> Result<(), Reason> {
        self.budget.spend(piece.len())?;
        text.push_str(piece);
        Ok(())
    }

    /// The words, unless this is inside of a substitution: its text becomes words when it is a value.
    fn open_words(&mut self) -> Option<&mut Words> {
        self.words.as_mut().filter(|_| self.depth == 1)
    }

    /// A character that means itself, or an escape and the character behind it.
    fn plain(&mut self, text: &mut String) {
        let Some(c) = self.chars.next() else { return };
        if c != self.modes.escape {
            text.push(c);
            if let Some(words) = self.open_words() {
                words.add(c);
            }
            return;
        }
        let kept = Some(c).filter(|_| self.raw_escapes);
        for c in kept.into_iter().chain(self.chars.next()) {
            text.push(c);
            if let Some(words) = self.open_words() {
                words.add_quoted_char(c);
            }
        }
    }

    /// `<`, or `<<` with the spaces behind it: what may begin a heredoc stays one word.
    fn less_than(&mut self) -> String {
        let mut text = String::from("<");
        self.chars.next();
        if self.chars.next_if_eq(&'<').is_some() {
            text.push('<');
            while let Some(space) = self.chars.next_if(|c| matches!(c, ' ' | '\t' | '\r')) {
                text.push(space);
            }
        }
        text
    }

    /// `'…'`: nothing inside has a meaning.
    fn single_quotes(&mut self) -> Result<String, Reason> {
        let mut text = String::new();
        self.quote(&mut text);
        loop {
            match self.peek() {
                None => return Err(Reason::SingleQuote),
                Some('\'') => {
                    self.quote(&mut text);
                    return Ok(text);
                }
                Some(_) => text.extend(self.chars.next()),
            }
        }
    }

    /// `"…"`: variables are expanded, and an escape counts before `"`, `$` and itself.
    fn double_quotes(&mut self) -> Result<String, Reason> {
        let escape = self.modes.escape;
        let mut text = String::new();
        self.quote(&mut text);
        loop {
            match self.peek() {
                None => return Err(Reason::DoubleQuote),
                Some('"') => {
                    self.quote(&mut text);
                    return Ok(text);
                }
                Some('$') => {
                    let value = self.dollar()?;
                    self.append(&mut text, &value)?;
                }
                Some(c) if c == escape => {
                    self.chars.next();
                    text.extend(Some(escape).filter(|_| self.raw_escapes));
                    match self.chars.next_if(|&c| c == '"' || c == '$' || c == escape) {
                        Some(escaped) => text.push(escaped),
                        None if self.peek().is_none() => return Err(Reason::DoubleQuote),
                        None => text.push(escape),
                    }
                }
                Some(_) => text.extend(self.chars.next()),
            }
        }
    }

    fn quote(&mut self, text: &mut String) {
        let quote = self.chars.next();
        text.extend(quote.filter(|_| self.modes.raw_quotes));
    }

    /// `$name` or `${…}`; a dollar before anything else is a dollar.
    fn dollar(&mut self) -> Result<String, Reason> {
        self.chars.next();
        if self.chars.next_if_eq(&'{').is_some() {
            return self.braces();
        }
        let name = self.name();
        if name.is_empty() {
            return Ok("$".to_owned());
        }
        Ok(match self.value(&name) {
            None if self.modes.skip_unset => format!("${name}"),
            value => value.unwrap_or_default().to_owned(),
        })
    }

    /// `${` has been read.
    fn braces(&mut self) -> Result<String, Reason> {
        match self.peek() {
            None => return Err(Reason::MissingBrace),
            Some('{' | '}' | ':') => return Err(Reason::BadSubstitution),
            Some(_) => {}
        }
        let name = self.name();
        match self.chars.next() {
            Some('}') => Ok(match self.value(&name) {
                None if self.modes.skip_unset => format!("${{{name}}}"),
                value => value.unwrap_or_default().to_owned(),
            }),
            Some('/') => self.replacement(&name),
            Some(':') => {
                let modifier = self.chars.next();
                self.modified(&name, true, modifier)
            }
            Some(modifier @ ('+' | '-' | '?' | '#' | '%')) => {
                self.modified(&name, false, Some(modifier))
            }
            other => Err(unsupported("", other)),
        }
    }

    /// `${name:-word}` and its relatives, with the modifier read; with a colon, empty is as good as unset.
    fn modified(
        &mut self,
        name: &str,
        colon: bool,
        modifier: Option<char>,
    ) -> Result<String, Reason> {
        let is_pattern = matches!(modifier, Some('#' | '%'));
        let colon_text = if colon { ":" } else { "" };
        if colon && is_pattern {
            return Err(unsupported(colon_text, modifier));
        }
        let word = self.enclosed('}', is_pattern, Reason::MissingBrace)?;
        let skip_unset = self.modes.skip_unset;
        let value = self.value(name);
        if skip_unset && value.is_none() {
            let modifier = modifier.unwrap_or(char::REPLACEMENT_CHARACTER);
            return Ok(format!("${{{name}{colon_text}{modifier}{word}}}"));
        }
        let present = value.filter(|value| !colon || !value.is_empty());
        match modifier {
            Some('-') => Ok(present.map_or(word, str::to_owned)),
            Some('+') => Ok(present.map_or_else(String::new, |_| word)),
            Some('?') => match (present, value) {
                (Some(present), _) => Ok(present.to_owned()),
                (None, Some(_)) => Err(required(name, word, "is not allowed to be empty")),
                (None, None) => Err(required(name, word, "is not allowed to be unset")),
            },
            Some(side @ ('#' | '%')) => {
                let value = value.unwrap_or_default();
                let (reach, pattern) = match word.strip_prefix(side) {
                    Some(pattern) => (Reach::Longest, pattern),
                    None => (Reach::Shortest, word.as_str()),
                };
                match side {
                    '#' => pattern::without_prefix(value, pattern, reach, self.budget),
                    _ => pattern::without_suffix(value, pattern, reach, self.budget),
                }
            }
            other => Err(unsupported(colon_text, other)),
        }
    }

    /// `${name/pattern/text}` or `${name//pattern/text}`, the first slash having been read.
    fn replacement(&mut self, name: &str) -> Result<String, Reason> {
        let everywhere = self.chars.next_if_eq(&'/').is_some();
        let pattern = self.enclosed('/', true, Reason::MissingSlash)?;
        let text = self.enclosed('}', true, Reason::MissingBrace)?;
        let skip_unset = self.modes.skip_unset;
        match self.value(name) {
            // One slash is lost of two, as in the original.
            None if skip_unset => Ok(format!("${{{name}/{pattern}/{text}}}")),
            value => {
                let replace = match everywhere {
                    true => pattern::replace_all,
                    false => pattern::replace_first,
                };
                replace(value.unwrap_or_default(), &pattern, &text, self.budget)
            }
        }
    }

    /// Expands up to the character that closes it.
    ///
    /// Whatever is wrong: when nothing follows, the complaint is that it is not closed.
    fn enclosed(
        &mut self,
        close: char,
        raw_escapes: bool,
        unclosed: Reason,
    ) -> Result<String, Reason> {
        let text = self.read(Some(close), raw_escapes);
        match text {
            Err(_) if self.peek().is_none() => Err(unclosed),
            text => text,
        }
    }

    /// Digits; or one special parameter; or letters, digits and underscores, which do not begin with a digit.
    fn name(&mut self) -> String {
        let mut name = String::new();
        match self.peek() {
            Some(c) if is_digit(c) => {
                while let Some(digit) = self.chars.next_if(|&c| is_digit(c)) {
                    name.push(digit);
                }
            }
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => name.extend(self.chars.next()),
            _ => {
                let belongs = |c: &char| is_letter(*c) || is_digit(*c) || *c == '_';
                while let Some(c) = self.chars.next_if(belongs) {
                    name.push(c);
                }
            }
        }
        name
    }

    /// The value of the variable; that it was asked for is noted.
    fn value(&mut self, name: &str) -> Option<&'a str> {
        let value = self.scope.get(name);
        if value.is_none() {
            if self.seen_unmatched.insert(name.to_owned()) {
                self.unmatched.push(name.to_owned());
            }
        } else if !self.matched.contains(name) {
            self.matched.insert(name.to_owned());
        }
        value
    }
}

/// Where the word ends, the original shows the character that Go takes for no character.
fn unsupported(colon: &str, modifier: Option<char>) -> Reason {
    let modifier = modifier.unwrap_or(char::REPLACEMENT_CHARACTER);
    Reason::UnsupportedModifier(format!("{colon}{modifier}"))
}

fn required(name: &str, message: String, default: &str) -> Reason {
    Reason::Required {
        name: name.to_owned(),
        message: match message.is_empty() {
            true => default.to_owned(),
            false => message,
        },
    }
}

/// Words, split at spaces.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    current: String,
    /// Stays true for a word that turned out empty, as `""` is; such a word is not kept.
    is_open: bool,
}

impl Words {
    fn add(&mut self, c: char) {
        if !c.is_whitespace() {
            self.add_quoted_char(c);
        } else if self.is_open && !self.current.is_empty() {
            self.done.push(mem::take(&mut self.current));
            self.is_open = false;
        }
    }

    fn add_quoted_char(&mut self, c: char) {
        self.current.push(c);
        self.is_open = true;
    }

    fn add_quoted(&mut self, text: &str) {
        self.current.push_str(text);
        self.is_open = true;
    }

    fn finish(mut self) -> Vec<String> {
        if !self.current.is_empty() {
            self.done.push(self.current);
        }
        self.done
    }
}
