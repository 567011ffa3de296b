//! What both frontends are given, and its form as a folder.
//!
//! As a folder it is a case of `tests/parity`: a Dockerfile, its options, the files beside it. What such a folder cannot say, the
//! images above all, is in `case.json`, which holds everything again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::base64;
use crate::parity::cases;

/// A build that both frontends are asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) options: BTreeMap<String, String>,
    /// Files of local sources: the source's name, a slash, the path.
    #[serde(with = "base64::map")]
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Definitions that the caller hands over, by name.
    #[serde(with = "base64::map", default)]
    pub(super) inputs: BTreeMap<String, Vec<u8>>,
    /// Configs of images by reference; [`OTHERS`] stands for every other, and one without a config cannot be found.
    pub(super) images: BTreeMap<String, String>,
    /// The worker's.
    pub(super) platform: String,
}

/// Every image that is not named.
pub(super) const OTHERS: &str = "*";

/// What every image is unless the case says otherwise, for the platform that is asked for.
const IMAGE: &str = r#"{"architecture":"%ARCH%","os":"%OS%","variant":"%VARIANT%","rootfs":{"type":"layers","diff_ids":["unknown"]},"config":{"Env":["PATH=/usr/local/bin:/bin"]}}"#;

/// The option that says that the frontend was chosen already, and what it says where nothing else is said.
const CHOSEN: (&str, &str) = ("cmdline", "docker/dockerfile");

impl Case {
    /// A Dockerfile, and nothing else said.
    pub(super) fn new(dockerfile: impl Into<Vec<u8>>) -> Self {
        Self {
            options: BTreeMap::from([(CHOSEN.0.to_owned(), CHOSEN.1.to_owned())]),
            files: BTreeMap::from([("dockerfile/Dockerfile".to_owned(), dockerfile.into())]),
            inputs: BTreeMap::new(),
            images: BTreeMap::from([(OTHERS.to_owned(), IMAGE.to_owned())]),
            platform: "linux/amd64".to_owned(),
        }
    }

    /// The path of the Dockerfile, as in `files`.
    pub(super) fn main(&self) -> String {
        let option = |name: &str, default: &str| {
            let value = self.options.get(name);
            value.map_or(default, String::as_str).to_owned()
        };
        let (local, name) = (
            option("dockerfilekey", "dockerfile"),
            option("filename", "Dockerfile"),
        );
        // A download that is no archive is the Dockerfile, under the name that downloads have.
        let downloaded = format!("{local}/context");
        let context = option("context", "");
        if context.starts_with("http")
            && !context.contains(".git")
            && self.files.get(&downloaded).is_some_and(|it| !it.is_empty())
        {
            return downloaded;
        }
        let path = format!("{local}/{name}");
        match self.files.contains_key(&path) {
            true => path,
            false => format!("{local}/{}", name.to_lowercase()),
        }
    }

    /// The Dockerfile.
    pub(super) fn dockerfile(&self) -> &[u8] {
        self.files.get(&self.main()).map_or(&[], Vec::as_slice)
    }

    /// The same case of another Dockerfile.
    pub(super) fn with_dockerfile(&self, dockerfile: Vec<u8>) -> Self {
        let mut case = self.clone();
        case.files.insert(self.main(), dockerfile);
        case
    }

    /// Reads a folder of `tests/parity`, or one that [`Case::write`] wrote.
    pub(super) fn read(folder: &cases::Case) -> Result<Self> {
        let local = |name: &str| folder.locals.get(name).map(PathBuf::as_path);
        if let Some(exact) = local("context").map(|folder| folder.join("case.json"))
            && exact.is_file()
        {
            let text = fs::read_to_string(&exact)?;
            return serde_json::from_str(&text).with_context(|| exact.display().to_string());
        }
        let mut case = Self::new("");
        case.options.clone_from(&folder.options);
        case.files.clear();
        for (name, path) in &folder.locals {
            files_below(path, name, &mut case.files)?;
        }
        Ok(case)
    }

    /// Writes the case into a folder of its own.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let is_default =
            |(name, value): (&String, &String)| (name.as_str(), value.as_str()) == CHOSEN;
        let mut options: Vec<String> = self
            .options
            .iter()
            .filter(|option| !is_default(*option))
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        for (path, content) in &self.files {
            let (local, name) = path.split_once('/').unwrap_or(("", path));
            let is_main = matches!(local, "context" | "dockerfile");
            let file = match is_main {
                true => folder.join(name),
                false => folder.join(local).join(name),
            };
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            fs::write(file, content)?;
            if !is_main {
                options.push(format!("local:{local}={local}\n"));
            }
        }
        options.dedup();
        if !options.is_empty() {
            fs::write(folder.join("options"), options.concat())?;
        }
        let exact = serde_json::to_string_pretty(self)?;
        fs::write(folder.join("case.json"), exact + "\n")?;
        Ok(())
    }
}

/// Every file that a frontend could ask for.
fn files_below(folder: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let Some(last) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let name = format!("{name}/{last}");
        if path.is_dir() {
            files_below(&path, &name, files)?;
        } else if path.is_file() {
            files.insert(name, fs::read(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_case_reads_as_it_was() -> Result<()> {
        let mut case = Case::new(b"FROM a\nRUN \xff".as_slice());
        case.options.insert("target".into(), "x".into());
        case.files
            .insert("part/.dockerignore".into(), b"*".to_vec());
        let folder = std::env::temp_dir().join(format!("fuzz-case-{}", std::process::id()));
        case.write(&folder)?;
        let found = cases::find(std::slice::from_ref(&folder))?;
        let exact = Case::read(&found[0])?;
        fs::remove_file(folder.join("case.json"))?;
        let plain = Case::read(&found[0])?;
        fs::remove_dir_all(&folder)?;
        assert_eq!(exact, case);
        assert_eq!(plain.dockerfile(), case.dockerfile());
        assert_eq!(plain.options, case.options);
        assert_eq!(plain.files["part/.dockerignore"], b"*");
        Ok(())
    }
}
