//! Folders to cases.
//!
//! A case is a folder that holds a `Dockerfile`, or a file `options`. The folder itself is the
//! build context. `options` has one frontend option a line, `key=value` as after `--opt`;
//! `local:NAME=FOLDER` offers a folder of the case as a local source; `#` begins a comment.
//! `differs` and `fails` declare what the two frontends do not say alike, and how the build fails.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::declared::Declared;

/// One Dockerfile with everything that is given to the frontends, as `convert` reads it.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) locals: BTreeMap<String, PathBuf>,
    /// Who builds first, and so whose layers the other finds in the cache: every second time ours.
    pub(super) ours_first: bool,
    #[serde(skip)]
    pub(super) declared: Declared,
}

/// The cases below `folders`, in the order of their names.
pub(crate) fn find(folders: &[PathBuf]) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for folder in folders {
        let before = cases.len();
        walk(folder, &mut cases)?;
        if cases.len() == before {
            bail!(
                "{} holds no case: no file is named Dockerfile or options",
                folder.display()
            );
        }
    }
    for (number, case) in cases.iter_mut().enumerate() {
        case.ours_first = number % 2 == 1;
    }
    Ok(cases)
}

fn walk(folder: &Path, cases: &mut Vec<Case>) -> Result<()> {
    if folder.join("Dockerfile").is_file() || folder.join("options").is_file() {
        cases.push(case(folder)?);
        return Ok(());
    }
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders.iter().try_for_each(|folder| walk(folder, cases))
}

fn case(folder: &Path) -> Result<Case> {
    let folder = folder.canonicalize()?;
    let written = fs::read_to_string(folder.join("options")).unwrap_or_default();
    let (options, mut locals) =
        options(&written).with_context(|| folder.join("options").display().to_string())?;
    for path in locals.values_mut() {
        *path = folder.join(&path);
    }
    for name in ["context", "dockerfile"] {
        locals
            .entry(name.to_owned())
            .or_insert_with(|| folder.clone());
    }
    let root = crate::workspace::root();
    let name = folder.strip_prefix(&root).unwrap_or(&folder);
    Ok(Case {
        name: name.display().to_string(),
        options,
        locals,
        ours_first: false,
        declared: Declared::of(&folder)?,
    })
}

type Options = (BTreeMap<String, String>, BTreeMap<String, PathBuf>);

fn options(written: &str) -> Result<Options> {
    // A frontend that was already chosen is told so by the line that chose it: then a
    // `# syntax=` line of the case is read, and not followed to an image that is not here.
    let mut options = BTreeMap::from([("cmdline".to_owned(), "docker/dockerfile".to_owned())]);
    let mut locals = BTreeMap::new();
    let lines = written
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    for line in lines {
        let (key, value) = line
            .split_once('=')
            .with_context(|| format!("no `=` in {line:?}"))?;
        match key.strip_prefix("local:") {
            Some(name) => locals.insert(name.to_owned(), value.into()).map(drop),
            None => options.insert(key.to_owned(), value.to_owned()).map(drop),
        };
    }
    Ok((options, locals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_options_file_gives_options_and_local_sources() -> Result<()> {
        let (options, locals) = options("# why\n\ntarget=a\nbuild-arg:X=1=2\nlocal:src=sub\n")?;
        assert_eq!(options["target"], "a");
        assert_eq!(options["build-arg:X"], "1=2");
        assert_eq!(locals["src"], PathBuf::from("sub"));
        Ok(())
    }

    #[test]
    fn a_line_without_a_value_is_refused() {
        assert!(options("target").is_err());
    }
}
