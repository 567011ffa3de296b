//! What a user wants to have installed, layer by layer.
//!
//! Takes the option `requirements` or what a `pyproject.toml` says, and the requirements files that these name; gives a [`Layer`]
//! each, with all that has to come from elsewhere: files of the context, secrets, commits. How a layer becomes a step is in `step`
//! alone.

use std::collections::{BTreeMap, BTreeSet};

use fal_helper::{lock::Lock, requirements::CONTEXT};

use crate::{
    diagnostic::{self, Diagnostic},
    golang::path,
    source::Lines,
};

use super::{
    manifest,
    options::{Given, Options},
};

mod arguments; // what installers take
mod file; // as much of a requirements file as has to be known
mod lock_file; // the same of lock files
mod messages;
mod step; // a layer as a step of a build
mod wheels; // a layer as wheels, each from where it is
mod text; // what stands in the text of a requirement
mod words; // one line, to requirements

pub use messages::{
    absent_secret, cannot_run, failed, not_fetched, other_lock, other_wheel, unresolved,
};
pub use step::{Ground, Step, resolve};
pub use text::Repository;
pub(in crate::fal) use text::has_credential;
pub use wheels::{Brought, MOST_LAYERS, Sharing, Wheels, least};

/// How many requirements files a layer can have.
const MOST_FILES: usize = 200;

/// What is said where a URL has a credential.
pub(super) fn credential() -> Diagnostic {
    messages::credential().diagnostic
}

/// One layer as it was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    arguments: Vec<String>,
    /// The folder of the context that relative paths begin in; empty is the context itself.
    folder: String,
    /// Where it was asked for.
    pub place: Place,
}

/// Where a layer was asked for.
#[derive(Debug, Clone, Default)]
pub enum Place {
    /// In no file.
    #[default]
    Nowhere,
    /// In the Dockerfile.
    Lines(Lines),
    /// In a `pyproject.toml`.
    Manifest(Box<manifest::Place>),
}

/// What one step installs.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    /// As the installer takes them. Paths of the context begin with [`fal_helper::requirements::CONTEXT`].
    pub arguments: Vec<String>,
    /// The folder of the context that relative paths begin in.
    pub folder: String,
    /// The requirements files of the context that it reads.
    pub files: BTreeSet<String>,
    /// What else it needs of the context; `.` is all of it.
    pub paths: BTreeSet<String>,
    /// Whether something of the context is built.
    pub builds: bool,
    /// The names of `${NAME}`.
    pub secrets: BTreeSet<String>,
    /// The repositories whose commit is not said.
    pub repositories: BTreeSet<Repository>,
    /// The commits of those that files name.
    pub commits: BTreeMap<String, String>,
    /// The commits of those that the arguments name, and are pinned to there.
    pub pinned: BTreeMap<String, String>,
    /// The lock of an earlier build, if that is all that it installs.
    pub given: Option<Box<Lock>>,
    /// Where it was asked for.
    pub place: Place,
}

/// What is wrong with requirements, in a sentence. Of what is wrong nothing is shown where it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The sentence.
    pub diagnostic: Diagnostic,
    /// Whether the line must not be shown either.
    pub is_secret: bool,
}

/// Fails for a credential that is written out in the options of a file, whatever else is wrong with them. This is asked before anything is
/// said of a file: what is said is shown with lines of it.
pub fn refuse_written_credentials(given: &Given<'_>, file: &str) -> diagnostic::Result<()> {
    match given.written().find(|(_, text)| has_credential(text)) {
        None => Ok(()),
        Some((lines, _)) => {
            let line = format!("line {} of {file}", lines.start);
            Err(Box::new(credential().context(&line)))
        }
    }
}

/// What was asked for, in order. `file` is the `pyproject.toml`.
pub fn asked(options: &Options, file: &str, of_manifest: &[manifest::Requirements]) -> Vec<Asked> {
    let is_stronger = options.origin("requirements") > super::options::Origin::Manifest;
    let of_manifest: Vec<Asked> = of_manifest
        .iter()
        .map(|layer| Asked {
            arguments: layer
                .items
                .iter()
                .flat_map(|item| arguments::of_item(item))
                .collect(),
            folder: below(&path::join(&[
                &path::dir(file),
                layer.folder.as_deref().unwrap_or_default(),
            ])),
            place: Place::Manifest(Box::new(layer.place.clone())),
        })
        .filter(|layer| !layer.arguments.is_empty())
        .collect();
    if !is_stronger && !of_manifest.is_empty() {
        return of_manifest;
    }
    let layers = options.requirements.iter().map(|layer| Asked {
        arguments: arguments::of_option(&layer.text),
        folder: String::new(),
        place: match layer.origin.lines() {
            Some(lines) => Place::Lines(lines),
            None => Place::Nowhere,
        },
    });
    layers.filter(|layer| !layer.arguments.is_empty()).collect()
}

impl Asked {
    /// What is known of the layer before any file is read.
    pub fn read(&self) -> Result<Layer, Mistake> {
        arguments::read(self)
    }
}

impl Layer {
    /// Requirements that nobody wrote, and that come from an index.
    pub fn of(requirements: Vec<String>) -> Self {
        Self {
            arguments: requirements,
            ..Self::default()
        }
    }

    /// Takes in what a requirements file says; gives the files that it names. Each of them is in [`Layer::files`] from then on.
    pub fn take(&mut self, file: &str, text: &str) -> Result<Vec<String>, Mistake> {
        let mut named = match lock_file::read(self, file, text) {
            Some(named) => named?,
            None => file::read(self, file, text)?,
        };
        named.retain(|name| self.files.insert(name.clone()));
        self.check_files()?;
        Ok(named)
    }

    /// What is said where one of its files is not there.
    pub fn unreadable(&self, file: &str) -> Diagnostic {
        match lock_file::is_project(self, file) {
            true => messages::no_project(file),
            false => messages::unreadable(file),
        }
    }

    /// Each file is asked for, and each may name more.
    fn check_files(&self) -> Result<(), Mistake> {
        match self.files.len() > MOST_FILES {
            true => Err(messages::too_many_files(MOST_FILES)),
            false => Ok(()),
        }
    }

    /// Says which commit each repository is at: in the arguments themselves, and beside them for what files name.
    pub fn pin(&mut self, mut commits: BTreeMap<Repository, String>) {
        for argument in &mut self.arguments {
            if let text::Git::Repository(found) = text::git(argument)
                && let Some(commit) = commits.get(&found)
            {
                *argument = argument.replacen(&found.written, &found.at(commit), 1);
                self.pinned.insert(found.written, commit.clone());
            }
        }
        commits.retain(|repository, _| !self.pinned.contains_key(&repository.written));
        let others = commits.into_iter();
        self.commits = others.map(|(it, commit)| (it.written, commit)).collect();
    }

    /// The paths of the context that the step needs.
    pub fn needed(&self) -> impl Iterator<Item = &String> {
        self.files.iter().chain(&self.paths)
    }

    /// The arguments with `.` for the context: where the step has it is nobody's business. A path keeps its `./`, without which it could be
    /// the name of a package.
    pub fn words(&self) -> impl Iterator<Item = String> {
        let arguments = self.arguments.iter();
        arguments.map(|argument| argument.replace(CONTEXT, "."))
    }

    /// The requirements as a person writes them, for the history of the image.
    pub fn shown(&self) -> String {
        self.words().collect::<Vec<_>>().join(" ")
    }

    /// What the text of a requirement brings, wherever it stands.
    fn note(&mut self, text: &str) -> Result<(), Mistake> {
        refuse_credential(text)?;
        match text::git(text) {
            text::Git::Repository(repository) => {
                self.repositories.insert(repository);
            }
            text::Git::Ssh => return Err(messages::ssh()),
            text::Git::None | text::Git::Settled => {}
        }
        Ok(())
    }

    /// Brings a path of the context that begins in `folder`, whose file or folder may be built; gives it as the context has it.
    /// One that is absolute is the image's.
    fn bring(&mut self, folder: &str, written: &str) -> Result<Option<String>, Mistake> {
        let found = inside(folder, written)?;
        if let Some(path) = &found {
            self.builds |= !path.ends_with(".whl");
            self.paths.insert(path.clone());
        }
        Ok(found)
    }
}

fn refuse_credential(text: &str) -> Result<(), Mistake> {
    match text::has_credential(text) {
        true => Err(messages::credential()),
        false => Ok(()),
    }
}

/// Patterns of what is not sent, but for the files that requirements name: these count whatever is ignored, as the Dockerfile itself does.
pub fn ignored_but_for(named: &BTreeSet<String>, ignored: &[String]) -> Vec<String> {
    let is_plain = |name: &&String| !name.contains(['*', '?', '[', '\\']);
    let named = named.iter().filter(is_plain);
    let named = named.map(|name| format!("!{name}"));
    ignored.iter().cloned().chain(named).collect()
}

/// A path in the context; `None` if it is one of the image.
fn inside(folder: &str, written: &str) -> Result<Option<String>, Mistake> {
    if path::is_abs(written) {
        return Ok(None);
    }
    let joined = path::join(&[folder, written]);
    match joined == ".." || joined.starts_with("../") {
        true => Err(messages::outside(written)),
        false if joined.is_empty() => Ok(Some(".".to_owned())),
        false => Ok(Some(joined)),
    }
}

/// A folder without the `.` that says nothing.
fn below(folder: &str) -> String {
    match folder {
        "." => String::new(),
        folder => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests;
