//! `secrets` and `registries`: where values come from. The values themselves are refused.

use super::{
    Registry, Secret,
    checks::{Result, Table},
    messages,
    value::{Entry, Item, find},
};

/// Fails for a value that stands in the file itself. Nothing else is looked at, so this can be asked before anything is said of a file.
pub(super) fn refuse_values(image: Table<'_>) -> Result<()> {
    for entry in entries(image, "secrets") {
        if reference(&entry.item).is_none() {
            return Err(image.wrongly(entry, messages::literal_secret(&entry.key)));
        }
    }
    for registry in entries(image, "registries") {
        let members = registry.item.table().unwrap_or_default();
        // A user name is no secret, and is written out in fal's own examples.
        let is_literal =
            |entry: &&Entry| entry.key != "username" && reference(&entry.item).is_none();
        if let Some(literal) = members.iter().find(is_literal) {
            let sentence = messages::literal_password(&literal.key, &registry.key);
            return Err(image.wrongly(literal, sentence));
        }
    }
    Ok(())
}

/// The secrets of the build.
pub(super) fn secrets(image: Table<'_>) -> Result<Vec<Secret>> {
    let secret = |entry: &Entry| {
        Some(Secret {
            id: entry.key.clone(),
            from: reference(&entry.item)?.to_owned(),
        })
    };
    let read = |item: &Item| item.table()?.iter().map(secret).collect();
    let secrets = image.read("secrets", read, messages::SECRETS)?;
    Ok(secrets.unwrap_or_default())
}

/// The registries of the build; `not_tables` and `not_table` are what fal says when they are none.
pub(super) fn registries(
    image: Table<'_>,
    not_tables: &str,
    not_table: &str,
) -> Result<Vec<Registry>> {
    let Some(hosts) = image.read("registries", Item::table, not_tables)? else {
        return Ok(Vec::new());
    };
    let registry = |entry: &Entry| {
        let Some(members) = entry.item.table() else {
            return Err(image.wrong(entry, not_table));
        };
        let text = |key: &str| find(members, key).map(|entry| &entry.item);
        let (Some(username), Some(password)) = (text("username"), text("password")) else {
            return Err(image.wrong(entry, messages::NO_CREDENTIALS));
        };
        match (username.text(), reference(password)) {
            (Some(username), Some(password)) => Ok(Registry {
                host: entry.key.clone(),
                username: username.to_owned(),
                password_from: password.to_owned(),
            }),
            _ => Err(image.wrong(entry, messages::CREDENTIALS)),
        }
    };
    hosts.iter().map(registry).collect()
}

fn entries<'a>(image: Table<'a>, key: &str) -> &'a [Entry] {
    let table = image.get(key).and_then(|entry| entry.item.table());
    table.unwrap_or_default()
}

/// The NAME of `$NAME`. `$$` is a dollar, and begins a value.
fn reference(item: &Item) -> Option<&str> {
    let name = item.text()?.strip_prefix('$')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}
