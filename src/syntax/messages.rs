//! What the reader says. The sentences are those of `frontend/dockerfile/parser`.

use crate::{diagnostic::Diagnostic, golang, source::Lines, syntax::lines::LONGEST};

pub(super) fn wrong_escape(value: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "invalid escape token '{value}' does not match ` or \\"
    ))
}

pub(super) fn repeated_directive(name: &str) -> Diagnostic {
    Diagnostic::error(format!("only one {name} parser directive can be used"))
}

pub(super) fn empty_continuation(line: &str, number: u32) -> Diagnostic {
    Diagnostic::warning(format!("Empty continuation line found in: {line}"))
        .help("Empty continuation lines will become errors in a future release")
        .at(Lines::one(number))
}

pub(super) fn unterminated_heredoc() -> Diagnostic {
    Diagnostic::error("unterminated heredoc")
}

pub(super) fn no_instructions() -> Diagnostic {
    Diagnostic::error("file with no instructions")
}

pub(super) fn line_too_long() -> Diagnostic {
    Diagnostic::error(format!(
        "dockerfile line greater than max allowed size of {LONGEST}"
    ))
}

pub(super) fn not_all_strings() -> Diagnostic {
    Diagnostic::error("when using JSON array syntax, arrays must be comprised of strings only")
}

pub(super) fn two_arguments(keyword: &str) -> Diagnostic {
    Diagnostic::error(format!("{keyword} must have two arguments"))
}

pub(super) fn no_equals_sign(word: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "Syntax error - can't find = in {}. Must be of the form: name=value",
        golang::quote(word)
    ))
}
