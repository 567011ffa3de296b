//! Installs one layer of the user's requirements.
//!
//! Takes the image's root and what is wanted; finds the Python that fal will run as a look finds it, and has uv or pip install
//! into it. Nothing else is changed: caches are elsewhere, and what an installer leaves beside the packages is put back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::imports;
use super::installer::{self, Installer, Layer, NoUv, Place, Target};
use super::locks;
use super::records::Records;
use super::runtime::TRACES;
use super::secrets::Secrets;
use super::traces::Traces;
use super::{Scratch, messages};
use crate::environment::Environment;
use crate::failure::{Failure, Kind};
use crate::look::{ImageFacts, look};
use crate::package_manager::{COMMON_TRACES, with_default};
use crate::report::Python;
use crate::requirements::{CONTEXT, Requirements, Resolver};
use crate::root::Root;

/// Where a step has what is not the image's.
pub struct Places {
    /// A folder that outlives builds.
    pub cache: PathBuf,
    /// What is needed of the context.
    pub context: Option<PathBuf>,
    /// What the paths of secrets begin with.
    pub given: Option<PathBuf>,
}

/// Installs what is wanted, and says who did. `given` are the variables of this process.
pub fn install(
    root: &Root,
    wanted: &Requirements,
    places: &Places,
    given: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<String, Failure> {
    in_image(root, wanted, places, given, |installation| {
        let records = Records::of(installation.site);
        let installed = installation.run()?;
        let mask = installation.secrets.mask();
        let prefix = &installation.target.python.prefix;
        records
            .hide_in_later(installation.site, &mask)
            .map_err(|error| messages::io("write records below", prefix, &error))?;
        Ok(installed)
    })
}

/// Does something with the Python that fal will run, started once, and takes away what it left.
pub(super) fn in_image<T>(
    root: &Root,
    wanted: &Requirements,
    places: &Places,
    given: impl IntoIterator<Item = (OsString, OsString)>,
    work: impl FnOnce(&Installation<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let looked = look(root, &wanted.look());
    let python = match (looked.failure, looked.python) {
        (Some(failure), _) => return Err(failure),
        (None, Some(python)) => startable(root, python),
        // A look at an app finds one of them.
        (None, None) => return Err(Failure::new(Kind::NoPython, "the image has no Python")),
    };
    let secrets = match &places.given {
        Some(prefix) => Secrets::read(prefix, &wanted.secrets)?,
        None => Secrets::default(),
    };
    let path = ImageFacts::new(root, &wanted.image).path;
    let lock = python.prefix.join(".lock");
    let usual = COMMON_TRACES.iter().chain(TRACES).map(Path::new);
    let traces = Traces::around(root, &python, usual.chain([lock.as_path()]));
    let scratch = Scratch::new(root)
        .map_err(|error| messages::io("make a folder in", Path::new("/tmp"), &error))?;
    let environment = Environment::new(given, &with_default(&path))
        .with("TMPDIR", &scratch.path)
        .with("PYTHONDONTWRITEBYTECODE", "1");
    let (itself, environment) = imports::start(&python.executable, environment)?;
    let done = work(&Installation {
        wanted,
        places,
        secrets,
        site: &itself.site(),
        target: Target {
            root,
            python: &python,
            stdlib: &itself.stdlib,
            path: &path,
            wheels: None,
            scratch: &scratch.path,
            environment: &environment,
        },
    })?;
    drop(scratch);
    traces.restore();
    Ok(done)
}

/// The name that fal will start may be one that is linked later.
pub(super) fn startable(root: &Root, mut python: Python) -> Python {
    if !root.is_file(&python.executable) {
        python.executable = python.command.clone();
    }
    python
}

/// What is done, and with what.
pub(super) struct Installation<'a> {
    pub(super) wanted: &'a Requirements,
    pub(super) places: &'a Places,
    pub(super) secrets: Secrets,
    /// The folders that Python has packages in.
    site: &'a [PathBuf],
    pub(super) target: Target<'a>,
}

impl Installation<'_> {
    fn run(&self) -> Result<String, Failure> {
        let context = self.context()?;
        let filled = self.arguments(&context);
        let installer = self.installer(&filled)?;
        let cache = self.cache()?;
        let layer = Layer {
            cache: &cache,
            folder: &self.folder(&context),
            arguments: &filled,
            secrets: &self.secrets,
        };
        let mut arguments = locks::ready(self, &installer, &layer)?.arguments;
        arguments.retain(|argument| !(installer.is_pip() && is_of_uv(argument)));
        let python = &self.target.python.executable;
        let outcome = installer
            .install_layer(
                &Place {
                    root: self.target.root,
                    python,
                    site: self.site,
                },
                &Layer {
                    arguments: &arguments,
                    ..layer
                },
            )
            .map_err(|error| messages::io("start the installer of", python, &error))?;
        match outcome.success() {
            true => Ok(format!(
                "requirements are installed in {} with {}",
                self.target.python.prefix.display(),
                installer.name
            )),
            false => Err(messages::requirements_failed(&installer.name, &outcome)),
        }
    }

    /// The arguments, with the values of secrets and paths of the context.
    pub(super) fn arguments(&self, context: &Path) -> Vec<String> {
        let arguments = self.wanted.arguments.iter();
        let filled = arguments.map(|argument| self.secrets.fill(&moved(argument, context)));
        filled.collect()
    }

    /// Where relative paths begin.
    pub(super) fn folder(&self, context: &Path) -> PathBuf {
        let folder = context.join(&self.wanted.folder);
        match folder.is_dir() {
            true => folder,
            false => PathBuf::from("/"),
        }
    }

    /// The commits of repositories that files name by a branch.
    pub(super) fn commits(&self) -> &BTreeMap<String, String> {
        &self.wanted.commits
    }

    pub(super) fn installer(&self, arguments: &[String]) -> Result<Installer, Failure> {
        let python = self.target.python;
        let none = || messages::no_installer_of_requirements(python, self.wanted.resolver);
        match self.wanted.resolver {
            Resolver::Pip => installer::choose_pip(&self.target).ok_or_else(none),
            Resolver::Uv => {
                let mask = self.secrets.mask();
                let index = index(arguments);
                installer::choose_uv(&self.target, &self.places.cache, index, &mask).map_err(
                    |why| match why {
                        NoUv::NoPip => none(),
                        NoUv::NotFetched(pip, outcome) => messages::uv_not_fetched(&pip, &outcome),
                        NoUv::DoesNotStart => messages::uv_does_not_start(),
                        NoUv::Other(pip) => messages::other_uv(&pip),
                        NoUv::File(error) => {
                            messages::io("write below", &self.places.cache, &error)
                        }
                    },
                )
            }
        }
    }

    /// What the installer keeps, beside what is kept of the installer.
    pub(super) fn cache(&self) -> Result<PathBuf, Failure> {
        let cache = self.places.cache.join("cache");
        fs::create_dir_all(&cache).map_err(|error| messages::io("make", &cache, &error))?;
        Ok(cache)
    }

    /// Where the files of the context are: as they are mounted, or copied to where a build can write beside them.
    pub(super) fn context(&self) -> Result<PathBuf, Failure> {
        let Some(mounted) = &self.places.context else {
            return Ok(PathBuf::from(CONTEXT));
        };
        if !self.wanted.builds {
            return Ok(mounted.clone());
        }
        let copied = self.target.scratch.join("context");
        copy(mounted, &copied).map_err(|error| messages::io("copy", mounted, &error))?;
        Ok(copied)
    }
}

/// An argument with the context where it is.
fn moved(argument: &str, context: &Path) -> String {
    argument.replace(CONTEXT, &context.to_string_lossy())
}

/// pip makes byte code unless it is told not to.
fn is_of_uv(argument: &str) -> bool {
    argument == "--compile-bytecode"
}

/// The index that stands in the place of the usual one.
fn index(arguments: &[String]) -> Option<&str> {
    const NAMES: [&str; 3] = ["--index-url", "-i", "--default-index"];
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if NAMES.contains(&argument.as_str()) {
            return arguments.next().map(String::as_str);
        }
        if let Some((name, value)) = argument.split_once('=')
            && NAMES.contains(&name)
        {
            return Some(value);
        }
    }
    None
}

/// Copies a folder: files, folders and links, and nothing else that may lie there.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut pending = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = pending.pop() {
        let metadata = fs::symlink_metadata(&from)?;
        if metadata.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else if metadata.is_dir() {
            fs::create_dir_all(&to)?;
            for entry in fs::read_dir(&from)? {
                let entry = entry?;
                pending.push((entry.path(), to.join(entry.file_name())));
            }
        } else if metadata.is_file() {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_follow_the_context_and_name_their_index() {
        let context = Path::new("/tmp/x/context");
        for (argument, want) in [
            ("/.fal-context/pkg[a]", "/tmp/x/context/pkg[a]"),
            ("/.fal-context", "/tmp/x/context"),
            (
                "a[b] @ file:///.fal-context/a",
                "a[b] @ file:///tmp/x/context/a",
            ),
            (
                "--find-links=/.fal-context/wheels",
                "--find-links=/tmp/x/context/wheels",
            ),
            ("numpy", "numpy"),
        ] {
            assert_eq!(moved(argument, context), want);
        }
        for (arguments, want) in [
            (vec!["numpy", "--index-url", "https://a"], Some("https://a")),
            (vec!["-i", "https://a", "numpy"], Some("https://a")),
            (vec!["--index-url=https://a?b=c"], Some("https://a?b=c")),
            (vec!["numpy==1", "--extra-index-url", "https://a"], None),
        ] {
            let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
            assert_eq!(index(&arguments), want);
        }
    }

    #[test]
    fn a_copy_has_files_folders_and_links() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        fs::create_dir_all(from.join("deep")).expect("folders");
        fs::write(from.join("deep/file"), "x").expect("a file");
        symlink("deep/file", from.join("link")).expect("a link");
        copy(&from, &to).expect("a copy");
        assert_eq!(fs::read_to_string(to.join("link")).expect("a file"), "x");
        assert!(
            fs::symlink_metadata(to.join("link"))
                .expect("a link")
                .is_symlink()
        );
    }
}
