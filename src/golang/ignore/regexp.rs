//! Regular expressions, as far as the patterns of an ignore file can become some.
//!
//! The syntax is RE2's: literals, `.`, classes, escapes, `*`, `{2,3}`, `|`, and the group `(.*/)?`. As
//! nothing nests, an expression is a row of places, and a match moves a set of places along the text:
//! the time is that of the text times the expression, whatever they hold.
//! Left out is `\p`, the classes of Unicode, which here counts as an expression that cannot be compiled.

/// A compiled expression: any of its alternatives may match.
#[derive(Debug, Clone)]
pub(super) struct Regexp {
    alternatives: Vec<Row>,
}

/// One alternative.
#[derive(Debug, Clone, Default)]
struct Row {
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
    /// One character of the set, or none.
    Maybe(Set),
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

/// As the original, we refuse an expression that grows beyond this many places.
const TOO_LARGE: usize = 3_000_000;

impl Regexp {
    /// Compiles the expression, or finds that it is none.
    pub(super) fn new(expression: &str) -> Option<Self> {
        let mut reader = Reader { rest: expression };
        let mut alternatives = vec![reader.row()?];
        while reader.eat("|") {
            alternatives.push(reader.row()?);
        }
        Some(Self { alternatives })
    }

    /// Whether the text holds a match; an expression that wants all of it says so with `^` and `$`.
    pub(super) fn matches(&self, text: &str, ends: Ends) -> bool {
        self.alternatives.iter().any(|row| row.matches(text, ends))
    }
}

impl Row {
    fn matches(&self, text: &str, ends: Ends) -> bool {
        let end = self.places.len();
        let is_anchored = matches!(
            self.places.first(),
            Some(Place::Assertion(Assertion::Begin))
        );
        let mut reached = vec![false; end + 1];
        let mut previous = None;
        for c in text.chars() {
            reached[0] |= !is_anchored || previous.is_none();
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
            if is_anchored && !reached.contains(&true) {
                return false;
            }
            previous = Some(c);
        }
        reached[0] |= !is_anchored || previous.is_none();
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
                Place::Maybe(_) | Place::Many(_) => reached[at + 1] = true,
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
                Place::One(set) | Place::Maybe(set) => moved[at + 1] |= set.contains(c),
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

    /// Adds a part as often as it is wanted.
    fn push(&mut self, atom: Atom, times: Times) -> Option<()> {
        match atom {
            Atom::Set(set) => {
                let optional = times.most.map_or(0, |most| most - times.least);
                let wanted = [
                    (times.least, Place::One as fn(Set) -> Place),
                    (optional, Place::Maybe),
                ];
                for (count, place) in wanted {
                    if self.places.len() + count > TOO_LARGE {
                        return None;
                    }
                    self.places.extend((0..count).map(|_| place(set.clone())));
                }
                if times.most.is_none() {
                    self.places.push(Place::Many(set));
                }
            }
            // What reads nothing holds as well once as often, and need not hold at all to be there no times.
            Atom::Assertion(assertion) => {
                let wanted = times.least > 0;
                self.places
                    .extend(wanted.then_some(Place::Assertion(assertion)));
            }
        }
        Some(())
    }
}

/// What a repetition can follow.
enum Atom {
    Set(Set),
    Assertion(Assertion),
}

/// How often; without a `most`, without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Times {
    least: usize,
    most: Option<usize>,
}

impl Times {
    const ONCE: Self = Self {
        least: 1,
        most: Some(1),
    };
    const ANY: Self = Self {
        least: 0,
        most: None,
    };
    /// The largest number that RE2 lets stand between braces.
    const LIMIT: usize = 1000;
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

    /// One alternative: everything up to the end, or up to a `|`.
    fn row(&mut self) -> Option<Row> {
        let mut row = Row::default();
        if self.braces()?.is_some() {
            // There is nothing to repeat.
            return None;
        }
        while let Some(c) = self.peek().filter(|&c| c != '|') {
            if self.eat("(.*/)?") {
                row.places.extend([Place::Folders, Place::Folder]);
            } else if self.eat("\\Q") {
                self.quoted(&mut row)?;
                continue;
            } else {
                self.next();
                let atom = match c {
                    '^' => Atom::Assertion(Assertion::Begin),
                    '$' => Atom::Assertion(Assertion::End),
                    '.' => Atom::Set(Set::single('\n').negate()),
                    '[' => Atom::Set(self.class()?),
                    '\\' => self.escape()?,
                    _ => Atom::Set(Set::single(c)),
                };
                let times = match self.eat("*") {
                    true => Times::ANY,
                    false => self.braces()?.unwrap_or(Times::ONCE),
                };
                row.push(atom, times)?;
                if times == Times::ONCE {
                    continue;
                }
            }
            if self.braces()?.is_some() {
                // Repetitions do not follow each other.
                return None;
            }
        }
        Some(row)
    }

    /// `\Q` has been read: everything is literal up to `\E`, or to the end.
    fn quoted(&mut self, row: &mut Row) -> Option<()> {
        let (literal, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
        self.rest = rest;
        let mut chars = literal.chars().peekable();
        while let Some(c) = chars.next() {
            // A repetition behind the quotation is of its last character.
            let times = match chars.peek() {
                None => self.braces()?,
                Some(_) => None,
            };
            let literal = Atom::Set(Set::single(c));
            row.push(literal, times.unwrap_or(Times::ONCE))?;
        }
        Some(())
    }

    /// `{2}`, `{2,}`, `{2,3}`; any other brace is a literal. Numbers out of range, or of order, break the expression.
    fn braces(&mut self) -> Option<Option<Times>> {
        let Some((inside, rest)) = self.rest.strip_prefix('{').and_then(|r| r.split_once('}'))
        else {
            return Some(None);
        };
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            (is_number && (digits == "0" || !digits.starts_with('0')))
                .then(|| digits.parse().unwrap_or(usize::MAX))
        };
        let (least, most) = match inside.split_once(',') {
            None => (number(inside), number(inside).map(Some)),
            Some((least, "")) => (number(least), Some(None)),
            Some((least, most)) => (number(least), number(most).map(Some)),
        };
        let (Some(least), Some(most)) = (least, most) else {
            return Some(None);
        };
        self.rest = rest;
        let in_order = least <= most.unwrap_or(least);
        let in_range = most.unwrap_or(least) <= Times::LIMIT;
        (in_order && in_range).then_some(Some(Times { least, most }))
    }

    /// What a backslash outside of brackets means.
    fn escape(&mut self) -> Option<Atom> {
        let assertion = match self.peek()? {
            'A' => Assertion::Begin,
            'z' => Assertion::End,
            'b' => Assertion::WordBoundary,
            'B' => Assertion::NoWordBoundary,
            _ => {
                return match self.perl_class() {
                    Some(set) => Some(Atom::Set(set)),
                    None => self.escaped_char().map(Set::single).map(Atom::Set),
                };
            }
        };
        self.next();
        Some(Atom::Assertion(assertion))
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

    /// Two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<char> {
        if !self.eat("{") {
            let high = self.next()?.to_digit(16)?;
            let low = self.next()?.to_digit(16)?;
            return char::from_u32(high * 16 + low);
        }
        let (digits, rest) = self.rest.split_once('}')?;
        self.rest = rest;
        let code = digits.chars().try_fold(0u32, |code, c| {
            let code = code.checked_mul(16)?.checked_add(c.to_digit(16)?)?;
            Some(code).filter(|&code| code <= u32::from(char::MAX))
        });
        char::from_u32(code.filter(|_| !digits.is_empty())?)
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
