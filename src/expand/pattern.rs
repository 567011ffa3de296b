//! The patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`.
//!
//! `*` is any text within a line, `?` any character but a newline: the original makes a regular
//! expression of the pattern, and this is what its dots do. Brackets have no meaning.
//!
//! Nothing is tried twice. Between two stars stands a piece of fixed length, and taking the first place
//! where a piece fits never loses a match: whatever could follow a later place can follow an earlier
//! one, because the star between reaches over it. So all pieces but the last go to their first place,
//! and the last goes to its first or its last, whichever makes the match as short or long as wanted.
//! Each piece reads the value once, or once for each of its characters: that is what the budget is asked for.

use std::mem;

use crate::{
    expand::{Budget, Overgrown, Reason},
    golang::{is_digit, is_letter},
};

/// How much a star takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Shortest,
    Longest,
}

/// The value without the start that fits.
pub(super) fn without_prefix(
    value: &str,
    pattern: &str,
    reach: Reach,
    budget: &mut Budget,
) -> Result<String, Reason> {
    let pattern = Pattern::read(pattern)?;
    pattern.pay(value, budget)?;
    let rest = match pattern.at_start(value, reach) {
        Some(end) => value.get(end..).unwrap_or_default(),
        None => value,
    };
    Ok(rest.to_owned())
}

/// The value without the end that fits: that is the start, seen from the other side.
pub(super) fn without_suffix(
    value: &str,
    pattern: &str,
    reach: Reach,
    budget: &mut Budget,
) -> Result<String, Reason> {
    budget.spend(value.len())?;
    let value: String = value.chars().rev().collect();
    let rest = without_prefix(&value, &backwards(pattern), reach, budget)?;
    Ok(rest.chars().rev().collect())
}

/// The value with another text in the first, longest place that fits.
pub(super) fn replace_first(
    value: &str,
    pattern: &str,
    text: &str,
    budget: &mut Budget,
) -> Result<String, Reason> {
    let pattern = Pattern::read(pattern)?;
    pattern.pay(value, budget)?;
    let parts = pattern
        .find(value, 0)
        .and_then(|(start, end)| Some((value.get(..start)?, value.get(end..)?)));
    let Some((before, after)) = parts else {
        return Ok(value.to_owned());
    };
    Ok([before, text, after].concat())
}

/// The value with another text in all places that fit.
///
/// The text is a template of Go's `regexp`: `$0` is what was found, other names are empty, `$$` is a dollar.
pub(super) fn replace_all(
    value: &str,
    pattern: &str,
    text: &str,
    budget: &mut Budget,
) -> Result<String, Reason> {
    let pattern = Pattern::read(pattern)?;
    pattern.pay(value, budget)?;
    let template = read_template(text);
    let mut replaced = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some((start, end)) = pattern.find(value, from) {
        replaced += value.get(copied..start).unwrap_or_default();
        // Nothing, right behind a match, is no further match.
        if end > copied || start == 0 {
            for part in &template {
                let part = match part {
                    Part::Text(text) => text,
                    Part::Match => value.get(start..end).unwrap_or_default(),
                };
                budget.spend(part.len())?;
                replaced += part;
            }
        }
        copied = end;
        match value.get(from..).and_then(|rest| rest.chars().next()) {
            Some(c) if from + c.len_utf8() > end => from += c.len_utf8(),
            None => break,
            Some(_) => from = end,
        }
    }
    replaced += value.get(copied..).unwrap_or_default();
    Ok(replaced)
}

enum Part<'a> {
    Text(&'a str),
    Match,
}

fn read_template(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        parts.push(Part::Text(before));
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            parts.push(Part::Text("$"));
            rest = after;
        } else if let Some((name, after)) = split_name(rest) {
            parts.extend((name == "0").then_some(Part::Match));
            rest = after;
        } else {
            parts.push(Part::Text("$"));
        }
    }
    parts.push(Part::Text(rest));
    // Each part costs its text, so none is left that costs nothing.
    parts.retain(|part| !matches!(part, Part::Text("")));
    parts
}

/// `name` or `{name}`, and what follows.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let (is_braced, inside) = match text.strip_prefix('{') {
        Some(inside) => (true, inside),
        None => (false, text),
    };
    let end = inside.find(|c| !(is_letter(c) || is_digit(c) || c == '_'));
    let (name, after) = inside.split_at(end.unwrap_or(inside.len()));
    let after = match is_braced {
        true => after.strip_prefix('}')?,
        false => after,
    };
    (!name.is_empty()).then_some((name, after))
}

/// The pattern from its end to its start, with every escape still before what it escapes.
fn backwards(pattern: &str) -> String {
    let mut pieces = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        pieces.extend(match (c, rest.clone().next()) {
            ('\\', Some(escaped)) => {
                rest.next();
                [Some(escaped), Some('\\')]
            }
            _ => [Some(c), None],
        });
    }
    pieces.into_iter().flatten().rev().collect()
}

/// Pieces with a star between each two.
struct Pattern {
    first: Piece,
    others: Vec<Piece>,
}

/// Characters in a row, none of them a star.
struct Piece {
    units: Vec<Unit>,
    /// The same as text, if no `?` is in it: then the search is the standard library's, which is linear.
    literal: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Char(char),
    /// `?`
    Any,
}

impl Pattern {
    fn read(pattern: &str) -> Result<Self, Reason> {
        // The scanner of the original drops a byte order mark.
        let text = pattern.strip_prefix('\u{feff}').unwrap_or(pattern);
        let mut others = Vec::new();
        let mut units = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let unit = match c {
                '*' => {
                    others.push(Piece::new(mem::take(&mut units)));
                    continue;
                }
                '?' => Unit::Any,
                // These had to be escaped to stand here at all.
                '\\' if matches!(chars.peek(), Some('}' | '/')) => continue,
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '?' | '\\')) => Unit::Char(escaped),
                    other => {
                        return Err(Reason::InvalidPattern {
                            pattern: pattern.to_owned(),
                            escaped: other.unwrap_or(char::REPLACEMENT_CHARACTER),
                        });
                    }
                },
                _ => Unit::Char(c),
            };
            units.push(unit);
        }
        others.push(Piece::new(units));
        let first = others.remove(0);
        Ok(Self { first, others })
    }

    /// Pays for looking for the pattern all over a value.
    fn pay(&self, value: &str, budget: &mut Budget) -> Result<(), Overgrown> {
        let pieces = std::iter::once(&self.first).chain(&self.others);
        let passes: usize = pieces.map(Piece::passes).sum();
        budget.spend(value.len().saturating_mul(passes))
    }

    /// The end of the match that begins with the text.
    fn at_start(&self, text: &str, reach: Reach) -> Option<usize> {
        let end = self.first.fits(text)?;
        self.finish(text, end, reach)
    }

    /// The first, longest match at or behind `from`.
    fn find(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let mut from = from;
        loop {
            let (start, end) = self.first.first_place(text, from)?;
            if let Some(end) = self.finish(text, end, Reach::Longest) {
                return Some((start, end));
            }
            // What could not follow here cannot follow any later place of this line either.
            let line_end = end_of_line(text, end);
            if line_end == text.len() {
                return None;
            }
            let longest = match self.first.crosses_lines() {
                true => self.first.units.len() * 4,
                false => 0,
            };
            from = (line_end + 1).saturating_sub(longest).max(start + 1);
            while !text.is_char_boundary(from) {
                from += 1;
            }
        }
    }

    /// The end of the match whose first piece ends here.
    fn finish(&self, text: &str, end: usize, reach: Reach) -> Option<usize> {
        let mut end = end;
        let last = self.others.len().saturating_sub(1);
        for (number, piece) in self.others.iter().enumerate() {
            let reach = match number == last {
                true => reach,
                false => Reach::Shortest,
            };
            end = piece.place_behind_star(text, end, reach)?;
        }
        Some(end)
    }
}

impl Piece {
    fn new(units: Vec<Unit>) -> Self {
        let characters = units.iter().map(|unit| match unit {
            Unit::Char(c) => Some(*c),
            Unit::Any => None,
        });
        Self {
            literal: characters.collect(),
            units,
        }
    }

    /// How often each byte of a text is read at most, to find the piece in it.
    fn passes(&self) -> usize {
        match self.literal {
            Some(_) if !self.crosses_lines() => 1,
            _ => self.units.len(),
        }
    }

    fn crosses_lines(&self) -> bool {
        self.units.contains(&Unit::Char('\n'))
    }

    /// The end of the piece if the text begins with it.
    fn fits(&self, text: &str) -> Option<usize> {
        let mut chars = text.chars();
        for unit in &self.units {
            let c = chars.next()?;
            let fits = match unit {
                Unit::Char(wanted) => *wanted == c,
                Unit::Any => c != '\n',
            };
            if !fits {
                return None;
            }
        }
        Some(text.len() - chars.as_str().len())
    }

    /// Where the piece stands for the first time, at or behind `from`.
    fn first_place(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let rest = text.get(from..)?;
        if let Some(literal) = &self.literal {
            let start = from + rest.find(literal)?;
            return Some((start, start + literal.len()));
        }
        // A pattern with `?` has at least one unit, so there is no match in nothing.
        rest.char_indices().find_map(|(at, _)| {
            let end = self.fits(rest.get(at..)?)?;
            Some((from + at, from + at + end))
        })
    }

    /// Where the piece ends when a star begins at `from`: the star stays in its line.
    fn place_behind_star(&self, text: &str, from: usize, reach: Reach) -> Option<usize> {
        let line_end = end_of_line(text, from);
        let line = text.get(from..line_end)?;
        let place = |at: usize| Some(at + self.fits(text.get(at..)?)?);
        if let Some(before) = self.units.iter().position(|&u| u == Unit::Char('\n')) {
            // The only newline that it can reach is the next one.
            let start = match before.checked_sub(1) {
                None => line.len(),
                Some(last) => line.char_indices().rev().nth(last)?.0,
            };
            return place(from + start);
        }
        if let Some(literal) = &self.literal {
            let start = match reach {
                Reach::Shortest => line.find(literal)?,
                Reach::Longest => line.rfind(literal)?,
            };
            return Some(from + start + literal.len());
        }
        let mut starts = line.char_indices().map(|(at, _)| from + at);
        match reach {
            Reach::Shortest => starts.find_map(place),
            Reach::Longest => starts.rev().find_map(place),
        }
    }
}

fn end_of_line(text: &str, from: usize) -> usize {
    text.get(from..)
        .and_then(|rest| rest.find('\n'))
        .map_or(text.len(), |at| from + at)
}
