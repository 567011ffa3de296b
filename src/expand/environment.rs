//! The variables of a stage.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use crate::expand::{
    Scope,
    trie::{Named, Trie},
};

/// Variables in the order in which they were last set, as `llb.EnvList` keeps them, with `NAME=value` of each.
pub type Listing = Arc<[Arc<str>]>;

/// The variables of a stage.
///
/// To set a variable again moves it to the end: so it is there, and so it shows in the definition. What ENV sets is kept in the image
/// as well, and every stage that begins with the image sets it again. A copy costs nothing and shares what did not change; to set or to
/// find a variable takes the same short time however many there are, and so does to begin a stage. Only to list them sorts them.
#[derive(Clone, Default)]
pub struct Environment {
    variables: Trie<Variable>,
    count: usize,
    /// The turn of the next variable to be set.
    next: u64,
    /// What was set before this turn and is kept was set again since.
    begun: u64,
    listing: OnceLock<Listing>,
}

#[derive(Clone)]
struct Variable {
    /// How long the name is.
    name: usize,
    set: Setting,
    /// As the image has it.
    kept: Option<Setting>,
}

#[derive(Clone)]
struct Setting {
    /// `NAME=value`
    pair: Arc<str>,
    /// When it was set; of what is kept, when that was first.
    turn: u64,
}

impl Environment {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a variable, as the last one (`EnvList.AddOrReplace`).
    pub fn set(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        self.change(name.as_ref(), value.as_ref(), |old, new| Variable {
            set: new,
            ..old
        });
    }

    /// Sets a variable, as the last one, and keeps it: as ENV does.
    pub fn keep(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        self.change(name.as_ref(), value.as_ref(), |old, new| {
            let turn = old.kept.map_or(new.turn, |kept| kept.turn);
            let kept = Some(Setting {
                turn,
                ..new.clone()
            });
            Variable {
                set: new,
                kept,
                ..old
            }
        });
    }

    /// Begins a stage: what is kept is set again, in the order in which it came to the image.
    pub fn begin(&mut self) {
        self.begun = self.next;
        self.listing.take();
    }

    /// Sets a variable unless it is set, be it to nothing (`EnvList.SetDefault`).
    pub fn set_default(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        if self.get(name.as_ref()).is_none() {
            self.set(name, value);
        }
    }

    /// Unsets a variable, and says whether it was set (`EnvList.Delete`).
    pub fn remove(&mut self, name: &str) -> bool {
        self.listing.take();
        let was_set = self.variables.remove(name);
        self.count -= usize::from(was_set);
        was_set
    }

    /// The value of a variable (`EnvList.Get`).
    pub fn get(&self, name: &str) -> Option<&str> {
        let variable = self.variables.get(name)?;
        variable.value(&self.now(variable).1.pair)
    }

    /// Names and values, the variable last set at the end.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let sorted = self.sorted().into_iter();
        sorted.filter_map(|(variable, now)| Some((variable.name(), variable.value(&now.pair)?)))
    }

    /// The same as one value (`EnvList.ToArray`). To ask again costs nothing until something changes.
    pub fn list(&self) -> Listing {
        let list = || {
            let sorted = self.sorted().into_iter();
            sorted.map(|(_, now)| Arc::clone(&now.pair)).collect()
        };
        Arc::clone(self.listing.get_or_init(list))
    }

    /// Names and values of what is kept, in the order in which it came to the image.
    pub fn kept(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.variables.entries().into_iter();
        let mut kept: Vec<_> = entries
            .filter_map(|variable| Some((variable, variable.kept.as_ref()?)))
            .collect();
        kept.sort_unstable_by_key(|(_, kept)| kept.turn);
        let kept = kept.into_iter();
        kept.filter_map(|(variable, kept)| Some((variable.name(), variable.value(&kept.pair)?)))
    }

    /// How many variables are set.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no variable is set.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn change(
        &mut self,
        name: &str,
        value: &str,
        change: impl FnOnce(Variable, Setting) -> Variable,
    ) {
        let new = Setting {
            pair: [name, "=", value].concat().into(),
            turn: self.next,
        };
        self.next += 1;
        self.listing.take();
        let is_new = self.variables.insert(name, |old| {
            let old = old.cloned().unwrap_or_else(|| Variable {
                name: name.len(),
                set: new.clone(),
                kept: None,
            });
            change(old, new)
        });
        self.count += usize::from(is_new);
    }

    /// What is in force of a variable, after where it stands.
    fn now<'v>(&self, variable: &'v Variable) -> ((Place, u64), &'v Setting) {
        match &variable.kept {
            _ if variable.set.turn >= self.begun => {
                ((Place::Since, variable.set.turn), &variable.set)
            }
            Some(kept) => ((Place::Begun, kept.turn), kept),
            None => ((Place::Before, variable.set.turn), &variable.set),
        }
    }

    fn sorted(&self) -> Vec<(&Variable, &Setting)> {
        let entries = self.variables.entries().into_iter();
        let mut sorted: Vec<_> = entries
            .map(|variable| (self.now(variable), variable))
            .collect();
        sorted.sort_unstable_by_key(|((place, _), _)| *place);
        let sorted = sorted.into_iter();
        sorted.map(|((_, now), variable)| (variable, now)).collect()
    }
}

/// When a variable was set, by the beginning of the stage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Before,
    Begun,
    Since,
}

impl Variable {
    /// The value in a pair of this variable.
    fn value<'p>(&self, pair: &'p str) -> Option<&'p str> {
        pair.get(self.name + 1..)
    }
}

impl Named for Variable {
    fn name(&self) -> &str {
        self.set.pair.get(..self.name).unwrap_or_default()
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
impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let mut environment = Self::new();
        environment.extend(variables);
        environment
    }
}

impl<N: AsRef<str>, V: AsRef<str>> Extend<(N, V)> for Environment {
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
    use proptest::prelude::*;

    use super::*;

    fn listed(environment: &Environment) -> Vec<String> {
        environment
            .list()
            .iter()
            .map(|pair| pair.to_string())
            .collect()
    }

    /// What happens to an environment.
    #[derive(Debug, Clone)]
    enum Event {
        Set(u8, u8),
        Keep(u8, u8),
        Begin,
    }

    /// The same, done as the original does it: the image has a list, and to begin is to set all of it.
    fn plainly(events: &[Event]) -> Vec<(String, String)> {
        let mut image: Vec<(String, String)> = Vec::new();
        let mut variables: Vec<(String, String)> = Vec::new();
        let set = |variables: &mut Vec<(String, String)>, pair: &(String, String)| {
            variables.retain(|(name, _)| *name != pair.0);
            variables.push(pair.clone());
        };
        for event in events {
            match event {
                Event::Set(name, value) => {
                    set(&mut variables, &(name.to_string(), value.to_string()));
                }
                Event::Keep(name, value) => {
                    let pair = (name.to_string(), value.to_string());
                    set(&mut variables, &pair);
                    match image.iter_mut().find(|(name, _)| *name == pair.0) {
                        Some(old) => *old = pair,
                        None => image.push(pair),
                    }
                }
                Event::Begin => image.iter().for_each(|pair| set(&mut variables, pair)),
            }
        }
        variables
    }

    proptest! {
        #[test]
        fn stages_begin_with_what_the_image_has(
            events in prop::collection::vec(prop_oneof![
                (0..5_u8, 0..9_u8).prop_map(|(name, value)| Event::Set(name, value)),
                (0..5_u8, 0..9_u8).prop_map(|(name, value)| Event::Keep(name, value)),
                Just(Event::Begin),
            ], 0..20),
        ) {
            let mut environment = Environment::new();
            for event in &events {
                match event {
                    Event::Set(name, value) => environment.set(name.to_string(), value.to_string()),
                    Event::Keep(name, value) => environment.keep(name.to_string(), value.to_string()),
                    Event::Begin => environment.begin(),
                }
                environment.list();
            }
            let plain = plainly(&events);
            let pairs: Vec<_> = plain.iter().map(|(name, value)| format!("{name}={value}")).collect();
            prop_assert_eq!(listed(&environment), pairs);
            for (name, value) in &plain {
                prop_assert_eq!(environment.get(name), Some(value.as_str()));
            }
        }
    }

    #[test]
    fn what_is_kept_stays_in_its_place() {
        let mut environment = Environment::new();
        environment.keep("a", "1");
        environment.set("b", "2");
        environment.keep("c", "3");
        environment.keep("a", "4");
        environment.set("a", "5");
        assert_eq!(listed(&environment), ["b=2", "c=3", "a=5"]);
        let kept: Vec<_> = environment.kept().collect();
        assert_eq!(kept, [("a", "4"), ("c", "3")]);
    }

    #[test]
    fn the_order_is_that_of_the_last_setting() {
        let mut environment = Environment::from_iter([("a", "1"), ("b", "2"), ("c", "3")]);
        environment.set("a", "4");
        assert!(environment.remove("b"));
        assert!(!environment.remove("b"));
        environment.set_default("c", "5");
        environment.set_default("d", "");
        assert_eq!(listed(&environment), ["c=3", "a=4", "d="]);
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
            listed(&second),
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
        for copy in &mut copies {
            copy.begin();
        }
        assert_eq!(copies.iter().map(Environment::len).max(), Some(50_000));
    }
}
