//! The answers to subrequests: questions about a build instead of a build.
//!
//! Takes what was read of a file and what `stage`, `plan` and `lint` saw of it; gives the texts of an [`Answer`], which are those of
//! `frontend/subrequests` in BuildKit. Knows nothing of gRPC: how a request comes and an answer goes is not its concern.
//!
//! One file a subrequest, with its entry in [`ALL`].

mod convert_llb;
mod describe;
mod key;
mod lint;
mod outline;
mod places; // lines of the file, as the answers write them
mod targets;

#[cfg(test)]
mod tests;

pub use convert_llb::converted;
pub use describe::describe;
pub use key::keyed;
pub use lint::{Mistake, linted};
pub use outline::{Layer, Subject, outline};
pub use targets::targets;

/// Every subrequest of any Dockerfile, in the order of `describe`.
pub const ALL: [&Subrequest; 5] = [
    &outline::OUTLINE,
    &targets::TARGETS,
    &lint::LINT,
    &convert_llb::CONVERT_LLB,
    &describe::DESCRIBE,
];

/// Those about what is done for fal, which stand behind the others.
pub const FAL: [&Subrequest; 1] = [&key::KEY];

/// The question of this name.
pub fn find(name: &str) -> Option<Question> {
    let mut all = ALL.iter().chain(&FAL);
    let found = all.find(|subrequest| subrequest.name == name);
    found.map(|subrequest| subrequest.question)
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// What a target can be given.
    Outline,
    /// Which targets there are.
    Targets,
    /// What could be better.
    Lint,
    /// The definition.
    ConvertLlb,
    /// Which questions there are.
    Describe,
    /// What the result is called.
    Key,
}

/// A subrequest, as `describe` lists it.
#[derive(Debug)]
pub struct Subrequest {
    /// What it asks.
    pub question: Question,
    /// Its name, as it is asked for.
    pub name: &'static str,
    /// The version of its answer.
    pub version: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The options that it knows beside those of a build; `None` if it does not say.
    options: Option<&'static [Named]>,
    /// The texts of its answer.
    metadata: &'static [Named],
}

/// Something with a name.
#[derive(Debug, serde::Serialize)]
struct Named {
    name: &'static str,
    description: &'static str,
}

impl Named {
    /// What needs no description.
    const fn plain(name: &'static str) -> Self {
        let description = "";
        Self { name, description }
    }
}

const JSON: &str = "result.json";
const TEXT: &str = "result.txt";
const STATUS: &str = "result.statuscode";

/// What a subrequest gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its texts, by name. A text may show the file, which may be no UTF-8.
    pub metadata: Vec<(&'static str, Vec<u8>)>,
}

impl Answer {
    fn new(subrequest: &Subrequest, json: String) -> Self {
        let version = ("version", subrequest.version.into());
        let metadata = vec![(JSON, json.into_bytes()), version];
        Self { metadata }
    }

    fn with(mut self, name: &'static str, text: impl Into<Vec<u8>>) -> Self {
        self.metadata.push((name, text.into()));
        self
    }
}
