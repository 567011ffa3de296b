//! JSON to values with their places.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    file::{File, Mistake},
    messages,
    value::{Entry, Item, Value},
};

/// No key that anyone asks for stands deeper. Each level is read once more.
const DEEPEST: usize = 4;

/// Reads a file that holds one object.
pub(super) fn read(file: &File<'_>) -> Result<Vec<Entry>, Box<Mistake>> {
    let raw: &RawValue = serde_json::from_str(file.text.trim_start_matches('\u{feff}'))
        .map_err(|error| broken(file, &error))?;
    match item(file, raw, DEEPEST)?.value {
        Value::Table(entries) => Ok(entries),
        _ => Err(file.mistake(messages::no_object())),
    }
}

fn broken(file: &File<'_>, error: &serde_json::Error) -> Box<Mistake> {
    let number = u32::try_from(error.line()).unwrap_or(1);
    let at = file
        .text
        .split_inclusive('\n')
        .take(number.saturating_sub(1) as usize)
        .map(str::len)
        .sum();
    file.hidden(at, messages::no_json(&error.to_string()))
}

fn item(file: &File<'_>, raw: &RawValue, depth: usize) -> Result<Item, Box<Mistake>> {
    let text = raw.get();
    let span = span(file, text);
    // The whole is JSON, so what begins like something is that.
    let value = match text.as_bytes().first() {
        Some(b'{') if depth > 0 => Value::Table(table(file, text, &span, depth)?),
        Some(b'[') if depth > 0 => {
            let items: Vec<&RawValue> =
                serde_json::from_str(text).map_err(|error| broken(file, &error))?;
            let items = items.into_iter().map(|raw| item(file, raw, depth - 1));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Some(b'"') => match serde_json::from_str(text) {
            Ok(text) => Value::Text(text),
            Err(_) => return Err(file.hidden(span.start, messages::no_character())),
        },
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') => Value::Null,
        _ => text.parse().map_or(Value::Other, Value::Integer),
    };
    Ok(Item { value, span })
}

fn table(
    file: &File<'_>,
    text: &str,
    span: &Range<usize>,
    depth: usize,
) -> Result<Vec<Entry>, Box<Mistake>> {
    let members: Members<'_> = serde_json::from_str(text)
        .map_err(|_| file.hidden(span.start, messages::no_character()))?;
    let mut entries: Vec<Entry> = Vec::with_capacity(members.0.len());
    let mut seen = std::collections::BTreeSet::new();
    let mut end = span.start + 1;
    for (key, raw) in members.0 {
        let item = item(file, raw, depth - 1)?;
        let before = file.text.get(end..item.span.start).unwrap_or_default();
        let start = end + before.find('"').unwrap_or_default();
        let length = before.trim_end_matches([':', ' ', '\t', '\r', '\n']).len();
        let key_span = start..(end + length).max(start);
        end = item.span.end;
        let is_new = seen.insert(key.clone());
        let entry = Entry {
            key,
            key_span,
            item,
        };
        if !is_new {
            let twice = messages::given_twice(&entry.key);
            return Err(Box::new(file.key(&entry).mistake(twice)));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Where a part of the file's text stands in it.
fn span(file: &File<'_>, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(file.text.as_ptr() as usize);
    start..start + part.len()
}

/// The members of an object as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
