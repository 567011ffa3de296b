//! "Did you mean …?", within limits.

use std::collections::HashSet;

use crate::{
    expand::{Environment, Scope},
    golang,
};

/// How many names are compared for the suggestions of one file. Nobody writes a file that needs more; where thousands of names are
/// looked for among thousands, the last of them are reported without a suggestion.
const COMPARISONS: usize = 1 << 20;

/// Finds the names that were probably meant.
pub(super) struct Suggestions {
    left: usize,
}

impl Suggestions {
    pub(super) fn new() -> Self {
        Self { left: COMPARISONS }
    }

    /// The variable that was probably meant by `name`.
    pub(super) fn variable(&mut self, name: &str, scope: &Environment) -> Option<String> {
        self.left = self.left.checked_sub(scope.len())?;
        let names = scope.names();
        golang::nearest(name, names.iter().map(String::as_str), true)
    }

    /// The name of a list that was probably meant by `name`.
    pub(super) fn of(&mut self, name: &str, names: &[String]) -> Option<String> {
        self.left = self.left.checked_sub(names.len())?;
        golang::nearest(name, names.iter().map(String::as_str), true)
    }
}

/// Names to choose from, each once.
pub(super) struct Names {
    pub(super) list: Vec<String>,
    known: HashSet<String>,
}

impl Names {
    pub(super) fn contain(&self, name: &str) -> bool {
        self.known.contains(name)
    }
}

impl FromIterator<String> for Names {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        let mut known = HashSet::new();
        let list = names
            .into_iter()
            .filter(|name| known.insert(name.clone()))
            .collect();
        Self { list, known }
    }
}
