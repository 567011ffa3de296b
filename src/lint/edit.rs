//! A change of a text that a program can make.
//!
//! Takes a file and edits of it; gives the file as it should be. Knows nothing of why.

use crate::{golang::stray, source::Source};

/// A piece of one line, and what should stand there instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// The line, from 1.
    pub line: u32,
    /// Where the piece begins in the line's text, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What should stand there; it may hold newlines.
    pub text: String,
}

/// The bytes of a file with all edits made. An edit that overlaps one before it, or is not in the file, is left out.
pub fn apply<'a>(source: &Source, edits: impl IntoIterator<Item = &'a Edit>) -> Vec<u8> {
    let mut edits: Vec<&Edit> = edits.into_iter().collect();
    edits.sort();
    edits.dedup();
    let mut edits = edits.into_iter().peekable();
    let mut text = String::with_capacity(source.text().len());
    for (number, whole) in (1..).zip(source.text().split_inclusive('\n')) {
        let mut written = 0;
        while let Some(edit) = edits.next_if(|edit| edit.line <= number) {
            let is_next = edit.line == number && written <= edit.start && edit.start <= edit.end;
            let (Some(before), Some(_)) = (
                whole.get(written..edit.start),
                whole.get(edit.start..edit.end),
            ) else {
                continue;
            };
            if is_next {
                text.push_str(before);
                text.push_str(&edit.text);
                written = edit.end;
            }
        }
        text.push_str(whole.get(written..).unwrap_or_default());
    }
    stray::encode(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_made_from_top_to_bottom_and_none_twice() {
        let edit = |line, start, end, text: &str| Edit {
            line,
            start,
            end,
            text: text.to_owned(),
        };
        let source = Source::new("Dockerfile", b"FROM a\r\n\xff ab\nRUN c".to_vec());
        let edits = [
            edit(3, 4, 5, "d"),
            edit(1, 0, 0, "# x\n"),
            edit(1, 5, 6, "b"),
            edit(1, 5, 6, "b"),
            edit(3, 4, 5, "e"),
            edit(3, 9, 10, ""),
            edit(9, 0, 1, ""),
        ];
        assert_eq!(apply(&source, &edits), b"# x\nFROM b\r\n\xff ab\nRUN d");
    }
}
