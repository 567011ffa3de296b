//! What else than a Dockerfile a build can begin with: a `ContainerImage` of fal's SDK as JSON, and `pyproject.toml`.
//!
//! Takes the bytes of the file that was named; gives one [`Manifest`] for both, or a [`Mistake`] with as much of the file as may be
//! shown. Knows nothing of what a Dockerfile says, and reads no other file.
//!
//! Such a file may hold secrets, and what is attached to ops, warnings and errors travels. So nothing here gives the file away: what is
//! shown of it is a copy of the same lines that is empty but for the key in question, and for its value where fal's documentation says
//! what that is, and it is no secret.

use std::collections::BTreeMap;

use crate::{diagnostic::Diagnostic, instruction::CommandLine, source::Source};

mod checks; // what a value must be
mod container_image; // what the SDK's `to_dict` gives
mod credentials; // `secrets` and `registries`
mod file; // the text, and what is shown of it
mod ignore; // gitignore's regular expressions as Docker's patterns
mod json;
mod messages;
mod pyproject; // what fal's own tool reads
mod toml;
mod value; // values with their places

pub use file::{Mistake, Place};

/// What a file says of a build, whichever kind it is of.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// What is built.
    pub dockerfile: Dockerfile,
    /// The fal options that follow from it, as keys of [`super::options::KEYS`] and their values.
    pub options: Vec<(&'static str, String)>,
    /// Values for `ARG`; what the client says is stronger.
    pub build_args: BTreeMap<String, String>,
    /// The secrets of `RUN --mount=type=secret`, in the order of the file.
    pub secrets: Vec<Secret>,
    /// Who may pull from where, in the order of the file.
    pub registries: Vec<Registry>,
    /// Which files of the context are not sent, as Docker's patterns, where the file says it.
    pub ignore: Option<Vec<String>>,
    /// The folder of the context, as written. Which folder it is, the client decides.
    pub context_dir: Option<String>,
    /// What starts in the image instead of its `ENTRYPOINT`.
    pub entrypoint: Option<Command>,
    /// What starts in the image instead of its `CMD`.
    pub cmd: Option<Command>,
    /// What is installed after the last instruction: a layer each, in order.
    pub requirements: Vec<Requirements>,
    /// Whether the option `target` chose the app, and means no stage.
    pub target_is_app: bool,
    /// What was not honoured.
    pub warnings: Vec<Mistake>,
}

/// Where the Dockerfile is.
#[derive(Debug, Clone)]
pub enum Dockerfile {
    /// In the file itself, under a name of its own.
    Within {
        /// `image.json:dockerfile_str`
        name: String,
        /// What is built.
        text: String,
    },
    /// In another file.
    Beside {
        /// Its path, from the folder of this one or absolute.
        path: String,
        /// Who names the path: `App my-app`.
        owner: String,
        /// Where it is named.
        place: Place,
    },
    /// Nowhere: the file names a base image.
    Made {
        /// Instructions, on the lines that they follow from.
        text: String,
        /// What is shown of the file on these lines.
        shown: Source,
    },
}

/// A secret of a build, by the id that a mount names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// What `--mount=type=secret,id=` names.
    pub id: String,
    /// Where the value comes from: the NAME of `$NAME`.
    pub from: String,
}

/// The credentials for one registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// As written: `https://index.docker.io/v1/`, `ghcr.io`.
    pub host: String,
    /// `AWS`, `_json_key_base64`, a name, or `$NAME`.
    pub username: String,
    /// Where the password comes from: the NAME of `$NAME`.
    pub password_from: String,
}

/// What starts in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A line for the shell.
    Line(String),
    /// A program and its arguments; none of either takes away what the image says.
    Words(Vec<String>),
}

/// One layer of requirements.
#[derive(Debug, Clone)]
pub struct Requirements {
    /// As the installer takes them, one argument each; flags are items too.
    pub items: Vec<String>,
    /// The folder that paths among them start in, as written; that of the file if nothing is.
    pub folder: Option<String>,
    /// Where they are asked for.
    pub place: Place,
}

/// What a file is that is no Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A `ContainerImage`, as JSON.
    ContainerImage,
    /// `pyproject.toml`.
    Pyproject,
}

/// What is said of a Dockerfile that is empty.
pub fn empty_dockerfile() -> Diagnostic {
    Diagnostic::error(messages::NO_DOCKERFILE)
}

impl Kind {
    /// What the file is, if it is no Dockerfile.
    ///
    /// No Dockerfile begins as JSON or TOML do. What begins so and has neither the words nor the name is still read as a Dockerfile, so
    /// that a broken one is told to be that.
    pub fn of(name: &str, bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        if text.trim_start().starts_with('{') {
            let is_ours = text.contains("\"dockerfile_str\"") || name.ends_with(".json");
            return is_ours.then_some(Self::ContainerImage);
        }
        let is_said = |line: &&str| !line.is_empty() && !line.starts_with('#');
        let first = text.lines().map(str::trim).find(is_said)?;
        let is_toml = first.starts_with('[') || toml::is_assignment(first);
        let is_ours = || {
            let names_fal = |line: &str| line.contains("tool") && line.contains("fal");
            text.lines().any(names_fal) || name.ends_with(".toml")
        };
        (is_toml && is_ours()).then_some(Self::Pyproject)
    }

    /// Reads a file of this kind.
    ///
    /// `target` is the option of this name, which chooses among the apps of a `pyproject.toml`.
    pub fn read(
        self,
        name: &str,
        bytes: &[u8],
        target: Option<&str>,
    ) -> Result<Manifest, Box<Mistake>> {
        let file = file::File::new(name, bytes)?;
        match self {
            Self::ContainerImage => container_image::read(&file),
            Self::Pyproject => pyproject::read(&file, target),
        }
    }
}

impl Manifest {
    fn new(dockerfile: Dockerfile) -> Self {
        Self {
            dockerfile,
            options: Vec::new(),
            build_args: BTreeMap::new(),
            secrets: Vec::new(),
            registries: Vec::new(),
            ignore: None,
            context_dir: None,
            entrypoint: None,
            cmd: None,
            requirements: Vec::new(),
            target_is_app: false,
            warnings: Vec::new(),
        }
    }
}

impl Command {
    /// The same as an instruction has it. Nothing to start is a list of nothing, in both forms.
    pub fn line(&self) -> CommandLine {
        let (args, shell_form) = match self {
            Self::Line(line) if line.is_empty() => (Vec::new(), false),
            Self::Line(line) => (vec![line.clone()], true),
            Self::Words(words) => (words.clone(), false),
        };
        CommandLine { args, shell_form }
    }
}
