//! As much of a requirements file as has to be known before it is handed to an installer: which files it names, which secrets,
//! which repositories. Everything else the installer reads itself.

use crate::golang::path;

use super::{Layer, Mistake, arguments, inside, messages, text};

/// What uv puts in itself.
const OF_UV: &str = "PROJECT_ROOT";

/// Notes what a file says; gives the requirements files that it names.
pub(super) fn read(layer: &mut Layer, file: &str, text: &str) -> Result<Vec<String>, Mistake> {
    let mut named = Vec::new();
    for (number, line) in lines(text) {
        line_of(layer, file, &line, &mut named)
            .map_err(|mistake| messages::in_file(file, number, mistake))?;
    }
    Ok(named)
}

fn line_of(
    layer: &mut Layer,
    file: &str,
    line: &str,
    named: &mut Vec<String>,
) -> Result<(), Mistake> {
    layer.note(line)?;
    // pip and uv replace nothing else.
    let is_replaced = |name: &&str| {
        let is_upper =
            |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        name.bytes().all(is_upper) && *name != OF_UV
    };
    layer
        .secrets
        .extend(text::names(line).filter(is_replaced).map(str::to_owned));
    // A file is looked for beside the one that names it; what else is a path begins where the installer runs.
    let beside = path::dir(file);
    if !line.starts_with('-') {
        // What follows a variable, only the installer knows.
        if let Some(found) = text::path(line).filter(|it| !it.path.contains("${")) {
            let folder = layer.folder.clone();
            layer.bring(&folder, found.path)?;
        }
        return Ok(());
    }
    match arguments::of_line(line) {
        arguments::Line::Editable => return Err(messages::editable()),
        arguments::Line::File(written) => named.extend(inside(&beside, written)?),
        arguments::Line::Folder(written) => layer.paths.extend(inside(&beside, written)?),
        arguments::Line::Other => {}
    }
    Ok(())
}

/// Lines with their numbers: what ends with a backslash goes on, and a comment begins at `#` behind a blank.
fn lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut physical = (1..).zip(text.lines());
    std::iter::from_fn(move || {
        let (number, first) = physical.next()?;
        let mut line = String::new();
        let mut next = Some(first);
        while let Some(part) = next {
            let is_comment = part.trim_start().starts_with('#');
            match part.strip_suffix('\\').filter(|_| !is_comment) {
                Some(part) => {
                    line.push_str(part);
                    next = physical.next().map(|(_, part)| part);
                }
                None => {
                    // A comment ends what goes on.
                    if !is_comment {
                        line.push_str(part);
                    }
                    next = None;
                }
            }
        }
        Some((number, without_comment(&line).trim().to_owned()))
    })
    .filter(|(_, line)| !line.is_empty())
}

fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| {
        let before = line.get(..*at).unwrap_or_default();
        before.is_empty() || before.ends_with(char::is_whitespace)
    };
    let comment = line.match_indices('#').map(|(at, _)| at).find(begins);
    comment.and_then(|at| line.get(..at)).unwrap_or(line)
}
