//! The words of a command, and the variables in them.

use crate::{
    diagnostic::Result,
    expand::{Budget, Error, Expanded, Expander},
};

use super::{
    facts::{Facts, Seen},
    messages, scan,
    state::StageState,
};

/// Replaces the variables of one command's words, and notes the names that nobody set.
pub(super) struct Words<'a> {
    expander: &'a Expander,
    state: &'a StageState,
    facts: &'a mut Facts,
    budget: &'a mut Budget,
}

impl<'a> Words<'a> {
    /// Words that see what is set in `state`.
    pub(super) fn new(
        expander: &'a Expander,
        state: &'a StageState,
        facts: &'a mut Facts,
        budget: &'a mut Budget,
    ) -> Self {
        Self {
            expander,
            state,
            facts,
            budget,
        }
    }

    /// One word, which keeps its spaces.
    pub(super) fn word(&mut self, word: &str) -> Result<String> {
        let expanded = self
            .expander
            .word(word, &self.state.environment, self.budget);
        self.noted(expanded)
    }

    /// One word that may not be there.
    pub(super) fn optional(&mut self, word: Option<&str>) -> Result<String> {
        self.word(word.unwrap_or_default())
    }

    /// The body of a heredoc: quotes stay, and the escape character is always `\`. Several documents can have the same.
    pub(super) fn body(&mut self, body: &str) -> Result<String> {
        self.budget.spend(body.len()).map_err(messages::overgrown)?;
        let expander = Expander {
            skip_quotes: true,
            ..Expander::new('\\')
        };
        let expanded = expander.word(body, &self.state.environment, self.budget);
        self.noted(expanded)
    }

    fn noted(&mut self, expanded: std::result::Result<Expanded, Error>) -> Result<String> {
        match expanded {
            Ok(expanded) => {
                self.note(expanded.unmatched);
                Ok(expanded.text)
            }
            Err(mut error) => {
                self.note(std::mem::take(&mut error.unmatched));
                Err(messages::expansion(error))
            }
        }
    }

    /// An ARG without a value is not set, but meant.
    fn note(&mut self, unset: Vec<String>) {
        let is_meant =
            |name: &str| self.state.declared.get(name).is_some() || scan::ARGUMENTS.contains(&name);
        let names: Vec<_> = unset.into_iter().filter(|name| !is_meant(name)).collect();
        if !names.is_empty() {
            let scope = self.state.environment.clone();
            self.facts.see(Seen::Unset { names, scope });
        }
    }
}
