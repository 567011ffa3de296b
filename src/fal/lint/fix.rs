//! Places in the text that can be changed.
//!
//! Takes lines and what stands on them; gives edits, and none where it is not plain which piece is meant.

use crate::{lint::Edit, source::Lines};

use super::View;

/// Puts `text` in the place of `piece`, which stands on these lines exactly once.
pub(super) fn replace(view: &View<'_>, lines: Lines, piece: &str, text: &str) -> Vec<Edit> {
    match everywhere(view, lines, piece, text).as_slice() {
        [only] => vec![only.clone()],
        _ => Vec::new(),
    }
}

/// Puts `text` in the place of every `piece` on these lines, outside of comments.
pub(super) fn everywhere(view: &View<'_>, lines: Lines, piece: &str, text: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    for number in lines.start..=lines.end {
        let line = view.source.line(number).unwrap_or_default();
        let left = view.searching.get().saturating_sub(line.len() + 1);
        view.searching.set(left);
        if left == 0 {
            return Vec::new();
        }
        if piece.is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        edits.extend(line.match_indices(piece).map(|(start, _)| Edit {
            line: number,
            start,
            end: start + piece.len(),
            text: text.to_owned(),
        }));
    }
    edits
}

/// Takes every word away that is `flag`, with a blank beside it.
pub(super) fn without_flag(view: &View<'_>, lines: Lines, flag: &str) -> Vec<Edit> {
    let is_end = |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii_whitespace());
    let found = everywhere(view, lines, &format!(" {flag}"), "");
    let is_word = |edit: &Edit| {
        let line = view.source.line(edit.line).unwrap_or_default();
        is_end(line.as_bytes().get(edit.end))
    };
    found.into_iter().filter(is_word).collect()
}

/// Puts `text` at the end of the last of these lines.
pub(super) fn append(view: &View<'_>, lines: Lines, text: &str) -> Vec<Edit> {
    let line = view.source.line(lines.end).unwrap_or_default();
    let end = line.trim_end().len();
    vec![Edit {
        line: lines.end,
        start: end,
        end,
        text: text.to_owned(),
    }]
}

/// Takes the blanks away that a line begins with.
pub(super) fn dedent(view: &View<'_>, line: u32) -> Vec<Edit> {
    let text = view.source.line(line).unwrap_or_default();
    vec![Edit {
        line,
        start: 0,
        end: text.len() - text.trim_start().len(),
        text: String::new(),
    }]
}
