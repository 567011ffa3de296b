//! What was seen while the graph was made: for who looks at the file, not for who builds it.

use crate::expand::{Environment, Error, Expanded};

/// What the FROMs of a file asked for, and what there was.
#[derive(Debug, Default)]
pub struct Facts {
    /// The scope that FROM would have without any `--build-arg`; `None` if a default cannot be expanded.
    pub defaults: Option<Environment>,
    /// The scope that FROM has.
    pub arguments: Environment,
    /// Every FROM that was looked at, in order.
    pub stages: Vec<StageFacts>,
}

/// What became of the words of one FROM.
#[derive(Debug)]
pub struct StageFacts {
    /// The base; without a text if it could not be expanded.
    pub base: Expanded,
    /// `--platform`, likewise.
    pub platform: Option<Expanded>,
}

impl Facts {
    pub(super) fn base(&mut self, base: &Result<Expanded, Error>) {
        self.stages.push(StageFacts {
            base: expanded(base),
            platform: None,
        });
    }

    pub(super) fn platform(&mut self, platform: &Result<Expanded, Error>) {
        if let Some(stage) = self.stages.last_mut() {
            stage.platform = Some(expanded(platform));
        }
    }
}

/// The names that a word asked for are known even if it has a mistake.
fn expanded(word: &Result<Expanded, Error>) -> Expanded {
    match word {
        Ok(expanded) => expanded.clone(),
        Err(error) => Expanded {
            text: String::new(),
            matched: error.matched.clone(),
            unmatched: error.unmatched.clone(),
        },
    }
}
