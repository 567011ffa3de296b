//! What a value must be, in the words of fal's SDK and tool.

use std::collections::BTreeMap;

use crate::{diagnostic::Diagnostic, golang};

use super::{
    Command,
    file::{File, Mistake},
    messages,
    value::{Entry, Item, find},
};

pub(super) type Result<T> = std::result::Result<T, Box<Mistake>>;

/// Some entries of a file, and what is said of them.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) file: &'a File<'a>,
    pub(super) entries: &'a [Entry],
}

impl<'a> Table<'a> {
    /// The entry of a key. JSON's `null` says nothing.
    pub(super) fn get(&self, key: &str) -> Option<&'a Entry> {
        let entry = find(self.entries, key)?;
        (!matches!(entry.item.value, super::value::Value::Null)).then_some(entry)
    }

    /// What `read` makes of the value, or an error that says `otherwise`.
    pub(super) fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'a Item) -> Option<T>,
        otherwise: impl Into<String>,
    ) -> Result<Option<T>> {
        let Some(entry) = self.get(key) else {
            return Ok(None);
        };
        match read(&entry.item) {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong(entry, otherwise)),
        }
    }

    /// Something wrong with the value of a key.
    pub(super) fn wrong(&self, entry: &Entry, sentence: impl Into<String>) -> Box<Mistake> {
        self.wrongly(entry, Diagnostic::error(sentence.into()))
    }

    pub(super) fn wrongly(&self, entry: &Entry, diagnostic: Diagnostic) -> Box<Mistake> {
        Box::new(self.file.key(entry).mistake(diagnostic))
    }

    pub(super) fn text(&self, key: &str, otherwise: impl Into<String>) -> Result<Option<&'a str>> {
        self.read(key, Item::text, otherwise)
    }

    pub(super) fn text_list(&self, key: &str, shown: &str) -> Result<Option<Vec<String>>> {
        let otherwise = format!("{shown} must be a list of strings.");
        self.read(key, Item::texts, otherwise)
    }

    pub(super) fn integer(&self, key: &str, shown: &str) -> Result<Option<i64>> {
        self.read(key, Item::integer, format!("{shown} must be an integer."))
    }

    pub(super) fn boolean(&self, key: &str, shown: &str) -> Result<Option<bool>> {
        self.read(key, Item::bool, format!("{shown} must be a boolean."))
    }

    /// `ENTRYPOINT` and `CMD`, as they can be overridden.
    pub(super) fn command(&self, key: &str) -> Result<Option<Command>> {
        let read = |item: &Item| match item.text() {
            Some(line) => Some(Command::Line(line.to_owned())),
            None => item.texts().map(Command::Words),
        };
        let otherwise = format!("{key} must be a string or list of strings.");
        self.read(key, read, otherwise)
    }

    /// Values for `ARG`.
    pub(super) fn build_args(&self) -> Result<BTreeMap<String, String>> {
        let pair = |entry: &Entry| Some((entry.key.clone(), entry.item.text()?.to_owned()));
        let read = |item: &'a Item| item.table()?.iter().map(pair).collect();
        let arguments = self.read("build_args", read, messages::BUILD_ARGS)?;
        Ok(arguments.unwrap_or_default())
    }

    /// Fails for the first key that is none of `known`; `sentence` says of it what fal says.
    pub(super) fn refuse_unknown(
        &self,
        known: &[&str],
        sentence: impl FnOnce(&str) -> String,
    ) -> Result<()> {
        let is_unknown = |entry: &&Entry| !known.contains(&entry.key.as_str());
        let Some(entry) = self.entries.iter().find(is_unknown) else {
            return Ok(());
        };
        let nearest = golang::nearest(&entry.key, known.iter().copied(), false);
        let quoted = format!("'{}'", entry.key);
        let unknown = Diagnostic::error(sentence(&quoted)).suggest(nearest);
        Err(self.wrongly(entry, unknown))
    }
}
