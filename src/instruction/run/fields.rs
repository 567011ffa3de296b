//! `key=value,key=value`: the language of `--mount` and `--device`.

use crate::{
    diagnostic::{Diagnostic, Result},
    golang,
    instruction::messages,
};

/// One field.
pub(super) struct Field {
    /// As it is written.
    pub(super) text: String,
    /// What stands before the `=`, in lower case.
    pub(super) key: String,
    /// What stands after it, if there is one.
    pub(super) value: Option<String>,
}

/// The fields of a flag's value; `what` is the plural that an error has for them.
pub(super) fn split(value: &str, what: &str) -> Result<Vec<Field>> {
    let wrapped = |error| Diagnostic::error(error).context(&format!("failed to parse csv {what}"));
    let fields = golang::csv::fields(value).map_err(wrapped)?;
    Ok(fields.into_iter().map(Field::new).collect())
}

impl Field {
    fn new(text: String) -> Self {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text.as_str(), None),
        };
        Self {
            key: golang::to_lower(key),
            value,
            text,
        }
    }
}

/// `true`, `false`, and what else Go takes for a boolean.
pub(super) fn boolean(key: &str, value: &str) -> Result<bool> {
    Ok(golang::parse_bool(value).ok_or_else(|| messages::wrong_value(key, value))?)
}
