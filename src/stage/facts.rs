//! What was seen while the graph was made: for who looks at the file, not for who builds it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    expand::{Environment, Error, Expanded},
    source::Lines,
};

use super::StageId;

/// What the FROMs of a file asked for, and what there was.
#[derive(Debug, Default)]
pub struct Facts {
    /// The scope that FROM would have without any `--build-arg`; `None` if a default cannot be expanded.
    pub defaults: Option<Environment>,
    /// The scope that FROM has.
    pub arguments: Environment,
    /// Every ARG before the first FROM, by name, as it was declared last.
    pub declared: BTreeMap<String, DeclaredFacts>,
    /// Every FROM that was looked at, in order.
    pub stages: Vec<StageFacts>,
}

/// What became of an ARG before the first FROM.
#[derive(Debug, Default)]
pub struct DeclaredFacts {
    /// Its value; `None` if it has none.
    pub value: Option<String>,
    /// The variables that its default is made of, also by way of an earlier ARG of the same name.
    pub needs: BTreeSet<String>,
    /// What a comment says of it.
    pub description: Option<String>,
    /// Where it stands.
    pub lines: Lines,
    /// How many declarations stand before it.
    pub place: usize,
}

/// What became of the words of one FROM.
#[derive(Debug)]
pub struct StageFacts {
    /// The base; without a text if it could not be expanded.
    pub base: Expanded,
    /// `--platform`, likewise.
    pub platform: Option<Expanded>,
    /// The earlier stage that the base names.
    pub on: Option<StageId>,
    /// Whether a named context stands in for the stage, so that it does not begin with its base.
    pub is_replaced: bool,
}

impl Facts {
    pub(super) fn base(&mut self, base: &Result<Expanded, Error>) {
        self.stages.push(StageFacts {
            base: expanded(base),
            platform: None,
            on: None,
            is_replaced: false,
        });
    }

    pub(super) fn platform(&mut self, platform: &Result<Expanded, Error>) {
        if let Some(stage) = self.stages.last_mut() {
            stage.platform = Some(expanded(platform));
        }
    }

    pub(super) fn begins(&mut self, on: Option<StageId>, is_replaced: bool) {
        if let Some(stage) = self.stages.last_mut() {
            stage.on = on;
            stage.is_replaced = is_replaced;
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
