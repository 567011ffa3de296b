//! File modes as `chmod` takes them, by the rules of `tonistiigi/dchapes-mode`.
//!
//! The daemon applies a mode; here it only has to be one.

use crate::golang::parse_int;

/// A text that is no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModeError {
    /// It begins with a digit, but is no octal number of 16 bits: the sentence of `strconv`.
    #[error("{0}")]
    Number(String),
    /// It is a number with bits that no mode has, or it breaks the grammar of symbolic modes.
    #[error("invalid syntax")]
    Syntax,
}

impl ModeError {
    /// Whether the number itself could not be read (Go's `*strconv.NumError`).
    pub fn is_numeric(&self) -> bool {
        matches!(self, ModeError::Number(_))
    }
}

/// Checks `755`, `u=rwx,go=rx`, `a+X,g=u-w` (`mode.Parse`).
pub fn parse(mode: &str) -> Result<(), ModeError> {
    match mode.starts_with(|c: char| c.is_ascii_digit()) {
        true => octal(mode),
        false => mode.split(',').try_for_each(clause),
    }
}

fn octal(mode: &str) -> Result<(), ModeError> {
    match parse_int(mode, 8, 16).map_err(ModeError::Number)? {
        0..=0o7777 => Ok(()),
        _ => Err(ModeError::Syntax),
    }
}

/// `[augo]* ( [+-=] [rstwXxugo]* )+`
fn clause(clause: &str) -> Result<(), ModeError> {
    let actions = clause.trim_start_matches(['a', 'u', 'g', 'o']);
    let is_action = |c: char| matches!(c, '+' | '-' | '=');
    let is_permission = |c: char| matches!(c, 'r' | 's' | 't' | 'w' | 'X' | 'x' | 'u' | 'g' | 'o');
    match actions.starts_with(is_action)
        && actions.chars().all(|c| is_action(c) || is_permission(c))
    {
        true => Ok(()),
        false => Err(ModeError::Syntax),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_recognized() {
        for mode in [
            "0",
            "755",
            "7777",
            "u=rwx,go=rx",
            "+X",
            "a=",
            "go=u-w",
            "u+s+t",
            "=",
            "go-rwx+r",
        ] {
            assert_eq!(parse(mode), Ok(()), "{mode}");
        }
        for mode in ["", "u", ",", "u+x,", "rwx", "u+x g", "u+é", "17777", "u~x"] {
            assert_eq!(parse(mode), Err(ModeError::Syntax), "{mode}");
        }
        for mode in ["8", "0x1", "777777", "75a"] {
            assert!(parse(mode).is_err_and(|error| error.is_numeric()), "{mode}");
        }
    }
}
