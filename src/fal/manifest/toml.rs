//! TOML to values with their places.

use toml::de::{DeTable, DeValue};

use super::{
    file::{File, Mistake},
    messages,
    value::{Entry, Item, Value},
};

/// Reads a file.
pub(super) fn read(file: &File<'_>) -> Result<Vec<Entry>, Box<Mistake>> {
    match DeTable::parse(file.text) {
        Ok(table) => Ok(entries(table.into_inner())),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            // What it says is about the notation, and quotes nothing of the file.
            let why = messages::no_toml(error.message().trim(), file.line(at));
            Err(file.hidden(at, why))
        }
    }
}

/// Whether a line is `key = value`, and no instruction of a Dockerfile: those have a blank behind their first word, and no `=` there.
pub(super) fn is_assignment(line: &str) -> bool {
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "._-\"' \t".contains(c);
    let Some((key, _)) = line.split_once('=') else {
        return false;
    };
    let key = key.trim();
    let is_quoted = key.starts_with(['"', '\'']);
    let is_one_word = !key.contains([' ', '\t']);
    !key.is_empty() && key.chars().all(is_of_key) && (is_quoted || is_one_word)
}

/// In the order of the file. The reader stops at a depth of its own, so this does not go deeper.
fn entries(table: DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .into_iter()
        .map(|(key, value)| Entry {
            key_span: key.span(),
            key: key.into_inner().into_owned(),
            item: item(value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}

fn item(value: toml::Spanned<DeValue<'_>>) -> Item {
    let span = value.span();
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(value) => Value::Bool(value),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other, Value::Integer),
        DeValue::Array(items) => Value::List(items.into_iter().map(item).collect()),
        DeValue::Table(table) => Value::Table(entries(table)),
        DeValue::Float(_) | DeValue::Datetime(_) => Value::Other,
    };
    Item { value, span }
}
