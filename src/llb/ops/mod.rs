//! One file a kind of op: the values that describe it, and the message they encode to.

pub mod exec;
pub mod file;
pub mod source;

use std::collections::{BTreeMap, HashMap};

use crate::{
    llb::graph::{Defaults, Input},
    proto::pb,
};

/// No input, or no output.
pub(super) const NONE: i64 = -1;

/// What encoding an op can ask and say.
pub(super) struct Encoder<'a> {
    pub(super) defaults: &'a Defaults<'a>,
    /// The ops that may be used.
    listed: &'a dyn Listed,
    pub(super) inputs: Vec<pb::Input>,
    pub(super) caps: BTreeMap<String, bool>,
    known: HashMap<Place, i64>,
}

/// The place of an op in the list of those that are encoded, and which of its outputs. What is equal has one place.
pub(super) type Place = (usize, u32);

/// Ops that are encoded.
pub(super) trait Listed {
    /// Where an input is; scratch is nowhere.
    fn place(&self, input: Input) -> Option<Place>;
    /// How an op names what it uses.
    fn name(&self, place: Place) -> pb::Input;
}

impl<'a> Encoder<'a> {
    pub(super) fn new(defaults: &'a Defaults<'a>, listed: &'a dyn Listed) -> Self {
        Self {
            defaults,
            listed,
            inputs: Vec::new(),
            caps: BTreeMap::new(),
            known: HashMap::new(),
        }
    }

    /// The index of an input that the op may already have.
    fn share(&mut self, input: Input) -> i64 {
        let Some(place) = self.listed.place(input) else {
            return NONE;
        };
        if let Some(&index) = self.known.get(&place) {
            return index;
        }
        let index = self.push(place);
        self.known.insert(place, index);
        index
    }

    /// The index of an input of its own, even if the op has the same one already.
    pub(super) fn add(&mut self, input: Input) -> i64 {
        match self.listed.place(input) {
            Some(place) => self.push(place),
            None => NONE,
        }
    }

    fn push(&mut self, place: Place) -> i64 {
        let index = self.inputs.len() as i64;
        self.inputs.push(self.listed.name(place));
        index
    }

    pub(super) fn needs(&mut self, capability: &str) {
        self.caps.insert(capability.to_owned(), true);
    }
}
