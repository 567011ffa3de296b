//! Regular expressions, as far as the patterns of an ignore file can become some.
//!
//! The syntax is RE2's: literals, `.`, classes, escapes, `*`, and the group `(.*/)?`. There is no
//! alternation and nothing nests, so an expression is a row of places, and a match moves a set of places
//! along the text: the time is that of the text times the expression, whatever they hold.
//! Left out is `\p`, the classes of Unicode, which here counts as an expression that cannot be compiled.

/// A compiled expression.
#[derive(Debug, Clone)]
pub(super) struct Regexp {
    places: Vec<Place>,
}

/// What counts as the end of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Its end.
    Last,
    /// Its end, and any slash: as if each folder on the way had been asked about alone.
    EachFolder,
}

/// What leads from a place to the next.
#[derive(Debug, Clone)]
enum Place {
    /// One character of the set.
    One(Set),
    /// Any number of characters of the set.
    Many(Set),
    /// `(.*/)?`: nothing, or anything up to a slash; the place behind it is [`Place::Folder`].
    Folders,
    /// Inside of `(.*/)?`.
    Folder,
    /// Nothing, if this holds.
    Assertion(Assertion),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Assertion {
    Begin,
    End,
    WordBoundary,
    NoWordBoundary,
}

/// Characters: those inside of the ranges, or all others.
#[derive(Debug, Clone, Default)]
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Regexp {
    /// Compiles the expression, or finds that it is none.
    pub(super) fn new(expression: &str) -> Option<Self> {
        let mut places = Vec::new();
        let mut reader = Reader { rest: expression };
        while let Some(c) = reader.next() {
            match c {
                '^' => places.push(Place::Assertion(Assertion::Begin)),
                '$' => places.push(Place::Assertion(Assertion::End)),
                '(' => {
                    reader.eat(".*/)?").then_some(())?;
                    places.extend([Place::Folders, Place::Folder]);
                }
                '.' => {
                    let any = Set::single('\n').negate();
                    places.push(reader.repeated(any));
                }
                '[' => {
                    let class = reader.class()?;
                    places.push(reader.repeated(class));
                }
                '\\' => reader.escape(&mut places)?,
                _ => places.push(reader.repeated(Set::single(c))),
            }
        }
        Some(Self { places })
    }

    /// Whether the start of the text matches; an expression that wants all of it says so with `$`.
    pub(super) fn matches(&self, text: &str, ends: Ends) -> bool {
        let end = self.places.len();
        let mut reached = vec![false; end + 1];
        reached[0] = true;
        let mut previous = None;
        for c in text.chars() {
            if c == '/' && ends == Ends::EachFolder {
                let mut stopped = reached.clone();
                self.spread(&mut stopped, previous, None);
                if stopped[end] {
                    return true;
                }
            }
            self.spread(&mut reached, previous, Some(c));
            if reached[end] {
                return true;
            }
            self.advance(&mut reached, c);
            if !reached.contains(&true) {
                return false;
            }
            previous = Some(c);
        }
        self.spread(&mut reached, previous, None);
        reached[end]
    }

    /// Adds the places that are reached without reading anything, between these two characters.
    fn spread(&self, reached: &mut [bool], previous: Option<char>, next: Option<char>) {
        for (at, place) in self.places.iter().enumerate() {
            if !reached[at] {
                continue;
            }
            match place {
                Place::One(_) | Place::Folder => {}
                Place::Many(_) => reached[at + 1] = true,
                Place::Folders => {
                    reached[at + 1] = true;
                    reached[at + 2] = true;
                }
                Place::Assertion(assertion) => {
                    reached[at + 1] |= assertion.holds(previous, next);
                }
            }
        }
    }

    /// Moves on by one character.
    fn advance(&self, reached: &mut Vec<bool>, c: char) {
        let mut moved = vec![false; reached.len()];
        for (at, place) in self.places.iter().enumerate() {
            if !reached[at] {
                continue;
            }
            match place {
                Place::One(set) => moved[at + 1] |= set.contains(c),
                Place::Many(set) => moved[at] |= set.contains(c),
                Place::Folder => {
                    moved[at] |= c != '\n';
                    moved[at + 1] |= c == '/';
                }
                Place::Folders | Place::Assertion(_) => {}
            }
        }
        *reached = moved;
    }
}

impl Assertion {
    fn holds(self, previous: Option<char>, next: Option<char>) -> bool {
        let in_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        match self {
            Assertion::Begin => previous.is_none(),
            Assertion::End => next.is_none(),
            Assertion::WordBoundary => in_word(previous) != in_word(next),
            Assertion::NoWordBoundary => in_word(previous) == in_word(next),
        }
    }
}

impl Set {
    fn single(c: char) -> Self {
        Self {
            negated: false,
            ranges: vec![(c, c)],
        }
    }

    fn negate(mut self) -> Self {
        self.negated = !self.negated;
        self
    }

    fn contains(&self, c: char) -> bool {
        let inside = self.ranges.iter().any(|&(low, high)| low <= c && c <= high);
        inside != self.negated
    }

    /// Adds another set; of a negated one, all characters that it leaves.
    fn extend(&mut self, other: Set) {
        match other.negated {
            false => self.ranges.extend(other.ranges),
            true => self.ranges.extend(complement(other.ranges)),
        }
    }
}

fn complement(mut ranges: Vec<(char, char)>) -> Vec<(char, char)> {
    ranges.sort_unstable();
    let mut left = Vec::new();
    let mut start = Some('\0');
    for (low, high) in ranges {
        let Some(from) = start else { break };
        if let Some(last) = before(low).filter(|&last| from <= last) {
            left.push((from, last));
        }
        start = after(high).map(|next| next.max(from));
    }
    left.extend(start.map(|from| (from, char::MAX)));
    left
}

fn before(c: char) -> Option<char> {
    ('\0'..c).next_back()
}

fn after(c: char) -> Option<char> {
    (c..=char::MAX).nth(1)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The set, once, or as often as it goes when a star follows.
    fn repeated(&mut self, set: Set) -> Place {
        match self.eat("*") {
            true => Place::Many(set),
            false => Place::One(set),
        }
    }

    /// What a backslash outside of brackets means.
    fn escape(&mut self, places: &mut Vec<Place>) -> Option<()> {
        let assertion = match self.peek()? {
            'A' => Some(Assertion::Begin),
            'z' => Some(Assertion::End),
            'b' => Some(Assertion::WordBoundary),
            'B' => Some(Assertion::NoWordBoundary),
            'Q' => {
                self.next();
                self.quoted(places);
                return Some(());
            }
            _ => None,
        };
        match assertion {
            Some(assertion) => {
                self.next();
                places.push(Place::Assertion(assertion));
            }
            None => {
                let set = match self.perl_class() {
                    Some(set) => set,
                    None => Set::single(self.escaped_char()?),
                };
                let place = self.repeated(set);
                places.push(place);
            }
        }
        Some(())
    }

    /// `\Q` has been read: everything is literal up to `\E`, or to the end.
    fn quoted(&mut self, places: &mut Vec<Place>) {
        while !self.rest.is_empty() && !self.eat("\\E") {
            places.extend(self.next().map(|c| Place::One(Set::single(c))));
        }
    }

    /// The letter of `\d`, `\s`, `\w`, or of one of their opposites.
    fn perl_class(&mut self) -> Option<Set> {
        let letter = self.peek()?;
        let ranges: &[(char, char)] = match letter.to_ascii_lowercase() {
            'd' => &[('0', '9')],
            's' => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
            'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            _ => return None,
        };
        self.next();
        Some(Set {
            negated: letter.is_ascii_uppercase(),
            ranges: ranges.to_vec(),
        })
    }

    /// What stands behind a backslash, when it is a character.
    fn escaped_char(&mut self) -> Option<char> {
        let c = self.next()?;
        match c {
            '0' => self.octal(0),
            '1'..='7' if matches!(self.peek(), Some('0'..='7')) => self.octal(c.to_digit(8)?),
            'x' => self.hexadecimal(),
            'a' => Some('\x07'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            _ => Some(c).filter(|c| c.is_ascii() && !c.is_ascii_alphanumeric()),
        }
    }

    /// Up to two more octal digits.
    fn octal(&mut self, first: u32) -> Option<char> {
        let mut code = first;
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else {
                break;
            };
            self.next();
            code = code * 8 + digit;
        }
        char::from_u32(code)
    }

    /// Two digits; the form in braces cannot come from a pattern, whose braces are escaped.
    fn hexadecimal(&mut self) -> Option<char> {
        let high = self.next()?.to_digit(16)?;
        let low = self.next()?.to_digit(16)?;
        char::from_u32(high * 16 + low)
    }

    /// `[` has been read.
    fn class(&mut self) -> Option<Set> {
        let mut set = Set {
            negated: self.eat("^"),
            ranges: Vec::new(),
        };
        let mut is_first = true;
        while is_first || self.peek() != Some(']') {
            is_first = false;
            if let Some(named) = self.named_class() {
                set.extend(named?);
                continue;
            }
            if self.rest.starts_with('\\') {
                let behind = self.rest;
                self.next();
                match self.perl_class() {
                    Some(class) => {
                        set.extend(class);
                        continue;
                    }
                    None => self.rest = behind,
                }
            }
            let low = self.class_char()?;
            let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]");
            // A dash at the very end belongs to a class that is never closed.
            let high = match is_range && self.rest.len() > 1 {
                true => {
                    self.next();
                    self.class_char()?
                }
                false => low,
            };
            if high < low {
                return None;
            }
            set.ranges.push((low, high));
        }
        self.next();
        Some(set)
    }

    fn class_char(&mut self) -> Option<char> {
        match self.next()? {
            '\\' => self.escaped_char(),
            c => Some(c),
        }
    }

    /// `[:alpha:]` inside of brackets; the inner `None` is for names that do not exist.
    fn named_class(&mut self) -> Option<Option<Set>> {
        let (name, rest) = self.rest.strip_prefix("[:")?.split_once(":]")?;
        self.rest = rest;
        let (negated, name) = match name.strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let ranges: &[(char, char)] = match name {
            "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
            "alpha" => &[('A', 'Z'), ('a', 'z')],
            "ascii" => &[('\0', '\x7f')],
            "blank" => &[('\t', '\t'), (' ', ' ')],
            "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
            "digit" => &[('0', '9')],
            "graph" => &[('!', '~')],
            "lower" => &[('a', 'z')],
            "print" => &[(' ', '~')],
            "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
            "space" => &[('\t', '\r'), (' ', ' ')],
            "upper" => &[('A', 'Z')],
            "word" => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
            _ => return Some(None),
        };
        Some(Some(Set {
            negated,
            ranges: ranges.to_vec(),
        }))
    }
}
