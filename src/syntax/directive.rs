//! Parser directives: `# syntax=`, `# escape=`, `# check=`.
//!
//! They are the first lines of a file; the first line that is not one ends them for good.
//! [`detect_syntax`] and [`check`] read them without reading the file, as the frontend needs them before it can.

use crate::{
    diagnostic::{Diagnostic, Result},
    source::Lines,
    syntax::{json, messages},
};

/// Which frontend a file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Syntax {
    /// The image: the value up to its first space.
    pub reference: String,
    /// The whole value.
    pub cmdline: String,
    /// Where it says so.
    pub lines: Lines,
}

/// Which lint rules a file wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `skip=…;error=…`: the value up to its first space, as the original cuts it.
    pub options: String,
    /// Where it says so.
    pub lines: Lines,
}

/// Finds `# syntax=image`; failing that, `// syntax=image` or `{"syntax": "image"}`.
///
/// A first line that begins with `#!` is skipped.
pub fn detect_syntax(bytes: &[u8]) -> Option<Syntax> {
    let text = String::from_utf8_lossy(bytes);
    let (text, skipped) = without_shebang(&text);
    let found =
        find(Name::Syntax, text, skipped, "#").or_else(|| find(Name::Syntax, text, skipped, "//"));
    if let Some((value, lines)) = found {
        return Some(Syntax {
            reference: first_word(value).to_owned(),
            cmdline: value.to_owned(),
            lines,
        });
    }
    let value = json::string_member(text, "syntax")?;
    Some(Syntax {
        reference: value.clone(),
        cmdline: value,
        lines: Lines::one(skipped),
    })
}

/// Finds `# check=…`. A first line that begins with `#!` is skipped.
pub fn check(bytes: &[u8]) -> Option<Check> {
    let text = String::from_utf8_lossy(bytes);
    let (text, skipped) = without_shebang(&text);
    let (value, lines) = find(Name::Check, text, skipped, "#")?;
    Some(Check {
        options: first_word(value).to_owned(),
        lines,
    })
}

/// Reads `check=…` from a comment that stands above one instruction: `# check=skip=StageNameCasing`.
pub fn check_in_comment(comment: &str) -> Option<String> {
    let found = Directives::default().read(comment, "").ok().flatten()?;
    (found.name == Name::Check).then(|| first_word(found.value).to_owned())
}

/// Everything after the byte order mark and the `#!` line, and how many lines that skipped.
fn without_shebang(text: &str) -> (&str, u32) {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    match text.starts_with("#!") {
        true => (text.split_once('\n').map_or("", |(_, rest)| rest), 1),
        false => (text, 0),
    }
}

/// The value of the directive with this name, after `skipped` other lines.
fn find<'s>(name: Name, text: &'s str, skipped: u32, sign: &str) -> Option<(&'s str, Lines)> {
    let mut directives = Directives::default();
    let mut found = None;
    for (number, line) in (skipped + 1..).zip(super::lines::PhysicalLines::new(text)) {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        // A directive that is written twice ends the search; what came before it counts.
        let Ok(Some(directive)) = directives.read(line, sign) else {
            break;
        };
        if directive.name == name {
            found = Some((directive.value, Lines::one(number)));
        }
    }
    found
}

fn first_word(value: &str) -> &str {
    value.split_once(' ').map_or(value, |(word, _)| word)
}

pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The lines at the top of a file, one after the other.
#[derive(Default)]
pub(super) struct Directives {
    seen: Vec<Name>,
    ended: bool,
}

pub(super) struct Directive<'s> {
    pub(super) name: Name,
    pub(super) value: &'s str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Syntax,
    Escape,
    Check,
}

impl Directives {
    /// `sign name = value`, unless a line before was something else.
    pub(super) fn read<'s>(&mut self, line: &'s str, sign: &str) -> Result<Option<Directive<'s>>> {
        if self.ended {
            return Ok(None);
        }
        let Some(directive) = line.strip_prefix(sign).and_then(directive) else {
            self.end();
            return Ok(None);
        };
        if self.seen.contains(&directive.name) {
            return Err(messages::repeated_directive(directive.name.as_str()).into());
        }
        self.seen.push(directive.name);
        Ok(Some(directive))
    }

    /// No line after this one is a directive.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }
}

/// `name = value`, blanks around each. The name is known, whatever its case; the value is not empty.
fn directive(text: &str) -> Option<Directive<'_>> {
    let (name, rest) = text.trim_start().split_once('=')?;
    let name = Name::read(name.trim_end_matches(BLANKS))?;
    let value = rest.trim_matches(BLANKS);
    if !value.is_empty() {
        return Some(Directive { name, value });
    }
    // Of nothing but blanks, the original's regular expression takes the last for the value.
    let last = rest.char_indices().next_back()?.0;
    let value = rest.get(last..)?;
    Some(Directive { name, value })
}

/// `\s` of Go's regular expressions.
const BLANKS: [char; 5] = ['\t', '\n', '\u{c}', '\r', ' '];

impl Name {
    fn read(name: &str) -> Option<Self> {
        let all = [Self::Syntax, Self::Escape, Self::Check];
        all.into_iter()
            .find(|one| name.eq_ignore_ascii_case(one.as_str()))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Escape => "escape",
            Self::Check => "check",
        }
    }
}

/// Reads what `# escape=` may say.
pub(super) fn escape(value: &str) -> std::result::Result<char, Diagnostic> {
    match value {
        "\\" => Ok('\\'),
        "`" => Ok('`'),
        _ => Err(messages::wrong_escape(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frontend_is_found_in_every_form_it_is_written_in() {
        let cases = [
            ("# syntax=a/b:1", Some(("a/b:1", "a/b:1", 1))),
            (
                "#syntax = a/b  c d \r\nFROM x",
                Some(("a/b", "a/b  c d", 1)),
            ),
            ("# escape=`\n# SYNTAX=a", Some(("a", "a", 2))),
            ("\u{feff}# syntax=a", Some(("a", "a", 1))),
            ("#!/usr/bin/env x\n# syntax=a", Some(("a", "a", 2))),
            ("// syntax=a", Some(("a", "a", 1))),
            ("#!x\n// check=b\n// syntax=a", Some(("a", "a", 3))),
            (
                r#" {"x": [1, {}], "syntax": "a b"} "#,
                Some(("a b", "a b", 0)),
            ),
            ("#!x\n{\"syntax\": \"a\"}", Some(("a", "a", 1))),
            (r#"{"syntax": "a", "syntax": "b"}"#, Some(("b", "b", 0))),
            (r#"{"syntax": "a"} x"#, None),
            (r#"{"syntax": 1}"#, None),
            (r#"{"x": {"syntax": "a"}}"#, None),
            (r#"["syntax", "a"]"#, None),
            (" # syntax=a", None),
            ("\n# syntax=a", None),
            ("# hello\n# syntax=a", None),
            ("# hello=1\n# syntax=a", None),
            ("# escape=`\n# escape=`\n# syntax=a", None),
            ("# syntax=", None),
            ("# syntax=a\n# syntax=b", Some(("a", "a", 1))),
            ("# syntax =  ", Some(("", " ", 1))),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = detect_syntax(text.as_bytes());
            let found = found.as_ref();
            let found = found.map(|it| (&*it.reference, &*it.cmdline, it.lines.start));
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn rules_are_chosen_for_a_file_or_for_one_instruction() {
        let found = check(b"# syntax=x\n# check=skip=A; error=true\n");
        let expected = Check {
            options: "skip=A;".to_owned(),
            lines: Lines::one(2),
        };
        assert_eq!(found, Some(expected));
        assert_eq!(check(b"// check=skip=A"), None);
        assert_eq!(
            check_in_comment("check=skip=A ok").as_deref(),
            Some("skip=A")
        );
        assert_eq!(
            check_in_comment("Check = skip=A").as_deref(),
            Some("skip=A")
        );
        assert_eq!(check_in_comment("escape=`"), None);
        assert_eq!(check_in_comment("see check=skip=A"), None);
    }
}
