//! Lock files: a `pylock.toml` (PEP 751) and a `uv.lock`.
//!
//! uv installs what is in them. Here is read what has to be known before that: what else of the context they need, and whether one is the
//! lock that an earlier build gave, of which nothing has to be found out any more.

use std::collections::{BTreeMap, BTreeSet};

use fal_helper::lock::{Kind, Lock};
use toml::de::{DeTable, DeValue};

use crate::golang::path;

use super::{Layer, Mistake, arguments, inside, messages};

/// The file beside a `uv.lock` that it is the lock of.
const PROJECT: &str = "pyproject.toml";
/// Flags with which a `uv.lock` is not that of the project beside it alone.
const OF_ALL: [&str; 2] = ["--package", "--all-packages"];
/// What flags begin with that bring groups of a project, which are else left out.
const GROUPS: [&str; 4] = ["--group", "--only-group", "--all-groups", "--dev"];

/// Notes what a lock file needs; gives the files that have to be there. Nothing if this is no lock file, and no file of one.
pub(super) fn read(
    layer: &mut Layer,
    file: &str,
    text: &str,
) -> Option<Result<Vec<String>, Mistake>> {
    let kind = Kind::of(file);
    if kind.is_none() && !is_project(layer, file) {
        return None;
    }
    let refused = (1..).zip(text.lines()).find_map(|(number, line)| {
        let mistake = super::refuse_credential(line).err()?;
        Some(messages::in_file(file, number, mistake))
    });
    if let Some(refused) = refused {
        return Some(Err(refused));
    }
    Some(match kind {
        None => Ok(Vec::new()),
        Some(Kind::Pylock) => pylock(layer, file, text),
        Some(Kind::Uv) => uv_lock(layer, file, text),
    })
}

/// Whether a file is a project's of a `uv.lock`.
pub(super) fn is_project(layer: &Layer, file: &str) -> bool {
    path::base(file) == PROJECT && arguments::names_uv_lock(&layer.arguments)
}

fn pylock(layer: &mut Layer, file: &str, text: &str) -> Result<Vec<String>, Mistake> {
    let table = parse(file, text)?;
    if Lock::is_complete(text) {
        let lock = Lock::parse(text).map_err(|why| messages::no_lock_of_ours(file, &why))?;
        layer.given = layer.is_only(file).then(|| Box::new(lock));
    }
    let beside = path::dir(file);
    for package in tables(&table, "packages") {
        let alone = ["directory", "archive", "sdist"].into_iter();
        let alone = alone.filter_map(|key| table_of(package, key));
        let paths = alone.chain(tables(package, "wheels"));
        for path in paths.filter_map(|source| text_of(source, "path")) {
            layer.bring(&beside, path)?;
        }
    }
    Ok(Vec::new())
}

/// What is at a path beside a `uv.lock`.
enum Local<'a> {
    /// A project whose dependencies are locked, and which is not installed itself.
    Virtual(&'a str),
    /// A project.
    Project(&'a str),
    /// A distribution.
    Archive(&'a str),
}

fn uv_lock(layer: &mut Layer, file: &str, text: &str) -> Result<Vec<String>, Mistake> {
    let table = parse(file, text)?;
    let beside = path::dir(file);
    let packages: Vec<_> = tables(&table, "package").collect();
    let needed = needed(&packages, &layer.arguments);
    let mut named = BTreeSet::from([path::join(&[&beside, PROJECT])]);
    for package in packages {
        let is_needed = text_of(package, "name").is_some_and(|name| needed.contains(name));
        match local(package) {
            Some(Local::Virtual(path)) => named.extend(project(&beside, path)?),
            Some(Local::Project(path)) => {
                named.extend(project(&beside, path)?);
                if is_needed && path != "." {
                    layer.bring(&beside, path)?;
                }
            }
            Some(Local::Archive(path)) if is_needed => drop(layer.bring(&beside, path)?),
            Some(Local::Archive(_)) | None => {}
        }
    }
    Ok(named.into_iter().collect())
}

/// The `pyproject.toml` of a folder.
fn project(beside: &str, folder: &str) -> Result<Option<String>, Mistake> {
    inside(beside, &path::join(&[folder, PROJECT]))
}

fn local<'a>(package: &'a DeTable<'_>) -> Option<Local<'a>> {
    let source = table_of(package, "source")?;
    let at = |key: &str| text_of(source, key);
    at("virtual")
        .map(Local::Virtual)
        .or_else(|| at("editable").or(at("directory")).map(Local::Project))
        .or_else(|| at("path").map(Local::Archive))
}

/// The names of the packages that the project beside the lock needs, groups of which only count if they are asked for; of all if there is
/// no such project.
fn needed<'a>(packages: &[&'a DeTable<'_>], arguments: &[String]) -> BTreeSet<&'a str> {
    let has = |flags: &[&str]| arguments.iter().any(|it| flags.contains(&it.as_str()));
    let keys = match has(&GROUPS) {
        true => &["optional-dependencies", "dev-dependencies"][..],
        false => &["optional-dependencies"],
    };
    let by_name: BTreeMap<&str, &DeTable<'_>> = packages
        .iter()
        .filter_map(|package| Some((text_of(package, "name")?, *package)))
        .collect();
    let is_top = |package: &DeTable<'_>| {
        matches!(
            local(package),
            Some(Local::Virtual(".") | Local::Project("."))
        )
    };
    let tops = by_name.iter().filter(|(_, package)| is_top(package));
    let mut pending: Vec<&str> = tops.map(|(name, _)| *name).collect();
    if pending.is_empty() || has(&OF_ALL) {
        pending = by_name.keys().copied().collect();
    }
    let mut seen = BTreeSet::new();
    while let Some(name) = pending.pop() {
        let Some(package) = by_name.get(name).filter(|_| seen.insert(name)) else {
            continue;
        };
        let plain = tables(package, "dependencies");
        let grouped = keys.iter().filter_map(|key| table_of(package, key));
        let grouped = grouped
            .flat_map(|groups| groups.values())
            .flat_map(tables_in);
        pending.extend(plain.chain(grouped).filter_map(|it| text_of(it, "name")));
    }
    seen
}

fn parse<'a>(file: &str, text: &'a str) -> Result<DeTable<'a>, Mistake> {
    match DeTable::parse(text) {
        Ok(table) => Ok(table.into_inner()),
        Err(error) => Err(messages::no_toml(file, error.message().trim())),
    }
}

fn text_of<'a>(table: &'a DeTable<'_>, key: &str) -> Option<&'a str> {
    table.get(key)?.get_ref().as_str()
}

fn table_of<'a, 'i>(table: &'a DeTable<'i>, key: &str) -> Option<&'a DeTable<'i>> {
    table.get(key)?.get_ref().as_table()
}

fn tables<'a, 'i>(
    table: &'a DeTable<'i>,
    key: &str,
) -> impl Iterator<Item = &'a DeTable<'i>> + use<'a, 'i> {
    table.get(key).into_iter().flat_map(tables_in)
}

fn tables_in<'a, 'i>(
    list: &'a toml::Spanned<DeValue<'i>>,
) -> impl Iterator<Item = &'a DeTable<'i>> + use<'a, 'i> {
    let items = list.get_ref().as_array().into_iter().flatten();
    items.filter_map(|item| item.get_ref().as_table())
}
