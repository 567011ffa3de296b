//! The variables of a stage.

use std::{fmt, sync::Arc};

use crate::expand::{Scope, trie::Trie};

/// Variables in the order in which they were last set, as `llb.EnvList` keeps them.
///
/// To set a variable again moves it to the end: so it is there, and so it shows in the definition. A copy
/// costs nothing and shares what did not change; to set or to find a variable takes the same short time
/// however many there are. Only to list them sorts them.
#[derive(Clone, Default)]
pub struct Environment {
    variables: Trie<Variable>,
    count: usize,
    /// The turn of the next variable to be set.
    next: u64,
}

#[derive(Clone)]
struct Variable {
    value: Arc<str>,
    /// When it was set.
    turn: u64,
}

impl Environment {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a variable, as the last one (`EnvList.AddOrReplace`).
    pub fn set(&mut self, name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) {
        let name = name.into();
        let value = value.into();
        let turn = self.next;
        self.next += 1;
        self.count += usize::from(self.variables.get(&name).is_none());
        self.variables.insert(name, Variable { value, turn });
    }

    /// Sets a variable unless it is set, be it to nothing (`EnvList.SetDefault`).
    pub fn set_default(&mut self, name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) {
        let name = name.into();
        if self.get(&name).is_none() {
            self.set(name, value);
        }
    }

    /// Unsets a variable, and says whether it was set (`EnvList.Delete`).
    pub fn remove(&mut self, name: &str) -> bool {
        let was_set = self.variables.remove(name);
        self.count -= usize::from(was_set);
        was_set
    }

    /// The value of a variable (`EnvList.Get`).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|variable| &*variable.value)
    }

    /// Names and values, the variable last set at the end.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut variables = self.variables.entries();
        variables.sort_unstable_by_key(|(_, variable)| variable.turn);
        variables
            .into_iter()
            .map(|(name, variable)| (name, &*variable.value))
    }

    /// `NAME=value` of each, in order (`EnvList.ToArray`).
    pub fn to_vec(&self) -> Vec<String> {
        self.iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    /// How many variables are set.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no variable is set.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Scope for Environment {
    fn get(&self, name: &str) -> Option<&str> {
        self.get(name)
    }

    fn names(&self) -> Vec<String> {
        self.iter().map(|(name, _)| name.to_owned()).collect()
    }
}

/// Of two values for a name, the later one counts.
impl<N: Into<Arc<str>>, V: Into<Arc<str>>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let mut environment = Self::new();
        environment.extend(variables);
        environment
    }
}

impl<N: Into<Arc<str>>, V: Into<Arc<str>>> Extend<(N, V)> for Environment {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, variables: I) {
        for (name, value) in variables {
            self.set(name, value);
        }
    }
}

/// Two environments are equal when they list the same.
impl PartialEq for Environment {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Environment {}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_last_setting() {
        let mut environment = Environment::from_iter([("a", "1"), ("b", "2"), ("c", "3")]);
        environment.set("a", "4");
        assert!(environment.remove("b"));
        assert!(!environment.remove("b"));
        environment.set_default("c", "5");
        environment.set_default("d", "");
        assert_eq!(environment.to_vec(), ["c=3", "a=4", "d="]);
        environment.set("b", "6");
        assert_eq!(environment.names(), ["c", "a", "d", "b"]);
        assert_eq!(
            (environment.get("a"), environment.get("e")),
            (Some("4"), None)
        );
        assert_eq!(environment.len(), 4);
    }

    #[test]
    fn copies_go_their_own_ways() {
        let first: Environment = (0..1_000).map(|i| (format!("v{i}"), "old")).collect();
        let mut second = first.clone();
        for i in 0..1_000 {
            second.set(format!("v{i}"), "new");
            second.remove(&format!("v{}", i / 2));
        }
        assert_eq!(first.len(), 1_000);
        assert!(first.iter().all(|(_, value)| value == "old"));
        assert_eq!(
            second.to_vec(),
            (500..1_000)
                .map(|i| format!("v{i}=new"))
                .collect::<Vec<_>>()
        );
        (0..1_000).for_each(|i| assert_eq!(second.remove(&format!("v{i}")), i >= 500));
        assert!(second.is_empty());
        assert_eq!(second, Environment::new());
    }

    #[test]
    fn neither_many_variables_nor_many_copies_take_long() {
        // A second is enough; were copies copied, minutes would not be.
        let mut environment = Environment::new();
        let mut copies = Vec::new();
        for i in 0..50_000 {
            environment.set(format!("v{i}"), "x");
            copies.push(environment.clone());
        }
        assert_eq!(copies.iter().map(Environment::len).max(), Some(50_000));
    }
}
