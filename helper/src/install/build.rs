//! A source distribution, a folder or a repository → a wheel, by the build backend that it names.
//!
//! uv brings what the backend needs, into an environment of its own. What is built is the distribution that was meant, or it is a
//! failure. Nothing is installed, and no source is written to.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::installer::Layer;
use super::requirements::{Installation, Places, copy, in_image};
use super::{checkout, messages};
use crate::build::{Build, From};
use crate::failure::Failure;
use crate::root::Root;
use crate::wheel;

/// Builds a wheel into `out`, from what is in `source`. Says who did.
pub fn build(
    root: &Root,
    wanted: &Build,
    cache: &Path,
    source: Option<&Path>,
    out: &Path,
    given: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<String, Failure> {
    let places = Places {
        cache: cache.to_owned(),
        context: source.map(Path::to_owned),
        given: None,
    };
    in_image(root, &wanted.requirements(), &places, given, |it| {
        run(it, wanted, source, out)
    })
}

fn run(
    installation: &Installation<'_>,
    wanted: &Build,
    source: Option<&Path>,
    out: &Path,
) -> Result<String, Failure> {
    let target = &installation.target;
    let mounted = || source.ok_or_else(messages::nothing_to_build);
    let from = match &wanted.from {
        From::File(name) => mounted()?.join(name),
        From::Folder => {
            let (mounted, copied) = (mounted()?, target.scratch.join("source"));
            copy(mounted, &copied).map_err(|error| messages::io("copy", mounted, &error))?;
            copied
        }
        From::Git(git) => {
            let folder = target.scratch.join("source");
            checkout::checkout(target, git, &folder)?;
            folder.join(&git.subdirectory)
        }
    };
    let installer = installation.installer(&wanted.flags)?;
    let python = &target.python.executable;
    let built = target.scratch.join("built");
    let outcome = installer
        .build(
            python,
            &Layer {
                cache: &installation.cache()?,
                folder: Path::new("/"),
                arguments: &wanted.flags,
                secrets: &installation.secrets,
            },
            &from,
            &built,
        )
        .map_err(|error| messages::io("start the installer of", python, &error))?;
    if !outcome.success() {
        return Err(messages::not_built(
            &installer.name,
            &wanted.wheel,
            &outcome,
        ));
    }
    let (path, file) = wheel::built(&built, &wanted.wheel)?;
    copy_out(&path, &out.join(&file))?;
    Ok(format!("{} built {file}", installer.name))
}

fn copy_out(from: &Path, to: &PathBuf) -> Result<(), Failure> {
    let copied = fs::copy(from, to).map(drop);
    copied.map_err(|error| messages::io("write", to, &error))
}
