//! entry_points.txt to the scripts that an installer makes.
//!
//! Takes its bytes; gives what each script of `console_scripts` and `gui_scripts` calls, by its name. It is read line by line, as
//! `importlib.metadata` does: what else stands there is no matter of an installer's. A name that is there twice is what the
//! latter says, and a graphical script wins over another, as with pip.

use std::collections::BTreeMap;

use crate::wheel::messages::{self, Flaw};

/// What a script calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// The module, with dots.
    pub(super) module: String,
    /// The object in it, with dots.
    pub(super) object: String,
}

/// Scripts by their names.
pub(super) type Scripts = BTreeMap<String, Call>;

/// No file has a longer name, as Linux has it.
const MOST_NAME: usize = 255;

/// Reads the scripts.
pub(super) fn read(bytes: &[u8]) -> Result<Scripts, Flaw> {
    let text = std::str::from_utf8(bytes).map_err(|_| messages::not_text("entry_points.txt"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut console, mut graphical) = (Scripts::new(), Scripts::new());
    let mut group: Option<&mut Scripts> = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            group = match name.trim() {
                "console_scripts" => Some(&mut console),
                "gui_scripts" => Some(&mut graphical),
                _ => None,
            };
        } else if let Some(scripts) = &mut group {
            let (name, call) = script(line)?;
            scripts.insert(name, call);
        }
    }
    console.extend(graphical);
    Ok(console)
}

/// `name = module:object [extra, extra]`
fn script(line: &str) -> Result<(String, Call), Flaw> {
    let wrong = |why| messages::bad_entry_point(line, why);
    let (name, value) = line.split_once('=').ok_or_else(|| wrong("has no `=`"))?;
    let (name, value) = (name.trim(), value.trim());
    let is_file = !matches!(name, "" | "." | "..")
        && name.len() <= MOST_NAME
        && !name.contains(|letter: char| "/\\".contains(letter) || letter.is_control());
    if !is_file {
        return Err(wrong("has a name that is not that of a file"));
    }
    let called = match value.split_once('[') {
        Some((called, extras)) if extras.ends_with(']') => called.trim_end(),
        Some(_) => return Err(wrong("has a bracket that is not closed")),
        None => value,
    };
    let (module, object) = called
        .split_once(':')
        .ok_or_else(|| wrong("does not say what is called"))?;
    let (module, object) = (module.trim(), object.trim());
    if !is_dotted(module) || !is_dotted(object) {
        return Err(wrong("calls what cannot be a name in Python"));
    }
    let call = Call {
        module: module.to_owned(),
        object: object.to_owned(),
    };
    Ok((name.to_owned(), call))
}

/// Identifiers with dots between them.
fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| {
        let begins = part.starts_with(|first: char| first == '_' || first.is_alphabetic());
        begins
            && part
                .chars()
                .all(|letter| letter == '_' || letter.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_line_by_line() {
        let text = "# a comment\r\n; another\r\n[console_scripts]\r\n  one=a.b:c\r\n\ttwo two = a : b.c [x, y]\r\n\
                    one = d:e\r\nboth = a:b\r\n\r\n[ gui_scripts ]\r\nboth = g:h\r\n[other]\r\nno equals sign\r\nx = ../y\r\n";
        let scripts = read(text.as_bytes()).expect("scripts");
        let told: Vec<String> = scripts
            .iter()
            .map(|(name, call)| format!("{name} {}:{}", call.module, call.object))
            .collect();
        assert_eq!(told, ["both g:h", "one d:e", "two two a:b.c"]);
        assert_eq!(read(b"x\n[other]\n").expect("none"), Scripts::new());
    }

    #[test]
    fn what_cannot_be_a_script_is_refused() {
        for (line, why) in [
            ("name", "has no `=`"),
            ("= a:b", "name that is not that of a file"),
            (".. = a:b", "name that is not that of a file"),
            ("../x = a:b", "name that is not that of a file"),
            ("a\\x = a:b", "name that is not that of a file"),
            ("x = a", "does not say what is called"),
            ("x = a:b [y", "bracket that is not closed"),
            ("x = :b", "cannot be a name in Python"),
            ("x = a:", "cannot be a name in Python"),
            ("x = a..b:c", "cannot be a name in Python"),
            ("x = a:b()", "cannot be a name in Python"),
            ("x = a;b:c", "cannot be a name in Python"),
            ("x = a b:c", "cannot be a name in Python"),
            ("x = 1a:c", "cannot be a name in Python"),
        ] {
            let flaw = read(format!("[console_scripts]\n{line}\n").as_bytes()).expect_err(line);
            assert!(flaw.0.contains(why), "{line}: {}", flaw.0);
        }
    }
}
