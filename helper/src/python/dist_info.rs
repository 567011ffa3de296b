//! What is installed for a Python, read without starting it.
//!
//! Takes directories in the order of `sys.path`; gives the first version of each name. Wheels leave `*.dist-info`,
//! distribution packages and old setups leave `*.egg-info` (a directory or a file). An entry whose metadata is
//! missing, no regular file, or without a version is not an installation. `.pth` files are not followed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::python::version::Version;
use crate::root::Root;

/// No honest site directory has more entries.
const MAX_ENTRIES: usize = 200_000;
/// A name has one entry, or two after an upgrade that was cut short; of more than this in all, the rest is passed over.
const MAX_METADATA: usize = 256;
/// The headers stand at the top of the metadata; descriptions may be long.
const METADATA_LIMIT: u64 = 256 * 1024;
/// A list of files has a line for each.
const RECORD_LIMIT: u64 = 64 * 1024 * 1024;

/// One distribution that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// As its metadata writes it.
    pub version: String,
    /// The directory of `sys.path` that holds it.
    pub location: PathBuf,
}

/// The distributions called `names`, by normalised name; what is not installed is absent.
pub fn installed(
    root: &Root,
    directories: &[PathBuf],
    names: &[String],
) -> BTreeMap<String, Distribution> {
    let names: Vec<String> = names.iter().map(|name| normalise(name)).collect();
    let mut found = BTreeMap::new();
    let mut left = MAX_METADATA;
    for directory in directories {
        let Ok(entries) = root.list(directory, MAX_ENTRIES) else {
            continue;
        };
        let mut here: BTreeMap<String, Distribution> = BTreeMap::new();
        for entry in entries {
            let Some((name, metadata)) = entry
                .to_str()
                .and_then(|entry| describe(root, directory, entry))
            else {
                continue;
            };
            if !names.contains(&name) || left == 0 {
                continue;
            }
            left -= 1;
            let Some(version) = root
                .read_text(&metadata, METADATA_LIMIT)
                .ok()
                .and_then(|text| version(&text))
            else {
                continue;
            };
            // An upgrade that was cut short leaves two entries; the newer one is what was meant.
            if here
                .get(&name)
                .is_none_or(|other| is_older(&other.version, &version))
            {
                here.insert(
                    name,
                    Distribution {
                        version,
                        location: directory.clone(),
                    },
                );
            }
        }
        for (name, distribution) in here {
            found.entry(name).or_insert(distribution);
        }
    }
    found
}

/// The entries of a directory that speak of distributions, by normalised name, whatever is in them.
pub fn records(root: &Root, directory: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut records: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let Ok(resolved) = root.resolve(directory) else {
        return records;
    };
    for entry in root.list(directory, MAX_ENTRIES).unwrap_or_default() {
        let described = entry
            .to_str()
            .and_then(|entry| describe(root, directory, entry));
        if let Some((name, _)) = described {
            let of_name = records.entry(name).or_default();
            of_name.push(resolved.path.join(entry));
        }
    }
    records
}

/// The version that the name of a record speaks of.
pub fn version_of(record: &Path) -> Option<&str> {
    let entry = record.file_name()?.to_str()?;
    match entry.strip_suffix(".dist-info") {
        Some(stem) => Some(stem.rsplit_once('-')?.1),
        None => entry.strip_suffix(".egg-info")?.split('-').nth(1),
    }
}

/// Whether a record lists the files of its distribution, so that these can be removed. Those of distributions' packages list none, and
/// neither do old setups.
pub fn lists_files(root: &Root, record: &Path) -> bool {
    let is = |path: &Path, is: fn(&std::fs::Metadata) -> bool| {
        root.entry(path).is_ok_and(|found| is(&found.metadata))
    };
    record.extension() == Some(OsStr::new("dist-info"))
        && is(record, std::fs::Metadata::is_dir)
        && is(&record.join("RECORD"), |it| {
            it.is_file() && it.len() <= RECORD_LIMIT
        })
}

/// The files that a record lists, as it writes them: relative to the folder that it is in.
pub fn listed(root: &Root, record: &Path) -> io::Result<Vec<PathBuf>> {
    if !lists_files(root, record) {
        return Err(io::Error::other("it has no RECORD"));
    }
    let text = root.read_start(&record.join("RECORD"), RECORD_LIMIT)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_slice());
    let mut paths = Vec::new();
    for row in reader.byte_records() {
        let row = row.map_err(io::Error::other)?;
        let path = row.get(0).filter(|path| !path.is_empty());
        paths.extend(path.map(|path| PathBuf::from(OsStr::from_bytes(path))));
    }
    Ok(paths)
}

/// A name as the index compares it (PEP 503).
pub fn normalise(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !normal.is_empty() {
            normal.push('-');
        }
        normal.push_str(&part.to_ascii_lowercase());
    }
    normal
}

/// The name that an entry of a site directory speaks of, and the file that holds its metadata.
fn describe(root: &Root, directory: &Path, entry: &str) -> Option<(String, PathBuf)> {
    let path = directory.join(entry);
    if let Some(stem) = entry.strip_suffix(".dist-info") {
        let (name, _version) = stem.rsplit_once('-')?;
        return Some((normalise(name), path.join("METADATA")));
    }
    let stem = entry.strip_suffix(".egg-info")?;
    // `name-version-py3.11-platform`, or the name alone.
    let name = stem.split_once('-').map_or(stem, |(name, _)| name);
    let metadata = if root.is_dir(&path) {
        path.join("PKG-INFO")
    } else {
        path
    };
    Some((normalise(name), metadata))
}

fn version(metadata: &str) -> Option<String> {
    let headers = metadata.lines().take_while(|line| !line.trim().is_empty());
    let value = headers
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case("version"))?
        .1;
    let value = value.trim();
    let sane = !value.is_empty()
        && value.len() <= 128
        && value.bytes().all(|byte| byte.is_ascii_graphic());
    sane.then(|| value.to_owned())
}

fn is_older(one: &str, other: &str) -> bool {
    match (one.parse::<Version>(), other.parse::<Version>()) {
        (Ok(one), Ok(other)) => one < other,
        (Err(_), Ok(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names() {
        for (written, normal) in [
            ("Foo.Bar", "foo-bar"),
            ("foo__bar-", "foo-bar"),
            ("boto3", "boto3"),
            ("ruamel.yaml", "ruamel-yaml"),
        ] {
            assert_eq!(normalise(written), normal);
        }
    }

    #[test]
    fn versions_of_entries() {
        for (entry, version) in [
            ("typing_extensions-4.12.2.dist-info", Some("4.12.2")),
            ("torch-2.6.0+cu124.dist-info", Some("2.6.0+cu124")),
            ("six-1.16.0-py3.11.egg-info", Some("1.16.0")),
            ("six-1.16.0.egg-info", Some("1.16.0")),
            ("six.egg-info", None),
            ("six.dist-info", None),
            ("six", None),
        ] {
            let record = Path::new("/site").join(entry);
            let found = version_of(&record);
            assert_eq!(found, version, "{entry}");
        }
    }

    #[test]
    fn what_counts_as_installed() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        };
        write(
            "local/pydantic-2.10.6.dist-info/METADATA",
            "Metadata-Version: 2.3\nName: pydantic\nVersion: 2.10.6\n\nVersion: 9\n",
        );
        write(
            "dist/pydantic-1.10.4.egg-info/PKG-INFO",
            "Name: pydantic\nVersion: 1.10.4\n",
        );
        write(
            "dist/protobuf-3.21.12.egg-info/PKG-INFO",
            "Name: protobuf\r\nVersion: 3.21.12\r\n",
        );
        write(
            "dist/Some_Name-1.0-py3.11.egg-info",
            "Name: Some.Name\nVersion: 1.0\n",
        );
        write("dist/boto3-1.0.dist-info/RECORD", "");
        write("dist/twice-1.9.dist-info/METADATA", "Version: 1.9\n");
        write("dist/twice-1.10.dist-info/METADATA", "Version: 1.10\n");
        write(
            "dist/liar-1.0.dist-info/METADATA",
            "Name: liar\nVersion: 1.0\u{1b}[2J\n",
        );
        fs::create_dir_all(folder.path().join("dist/pipe-1.0.dist-info")).expect("folders");
        let fifo = folder.path().join("dist/pipe-1.0.dist-info/METADATA");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(fifo)
                .status()
                .expect("mkfifo")
                .success()
        );

        let root = Root::new(folder.path());
        let directories = ["/absent", "/local", "/dist"].map(PathBuf::from);
        let names = [
            "Pydantic",
            "protobuf",
            "some-name",
            "boto3",
            "twice",
            "liar",
            "pipe",
        ]
        .map(String::from);
        let found = installed(&root, &directories, &names);
        let found: Vec<(&str, &str, &str)> = found
            .iter()
            .map(|(name, it)| {
                (
                    name.as_str(),
                    it.version.as_str(),
                    it.location.to_str().expect("text"),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("protobuf", "3.21.12", "/dist"),
                ("pydantic", "2.10.6", "/local"),
                ("some-name", "1.0", "/dist"),
                ("twice", "1.10", "/dist"),
            ]
        );
    }
}
