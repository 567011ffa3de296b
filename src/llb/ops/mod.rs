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
    /// Names an output by the digest of its op; scratch has no name.
    pub(super) name: &'a dyn Fn(Input) -> Option<pb::Input>,
    pub(super) inputs: Vec<pb::Input>,
    pub(super) caps: BTreeMap<String, bool>,
    known: HashMap<pb::Input, i64>,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(
        defaults: &'a Defaults<'a>,
        name: &'a dyn Fn(Input) -> Option<pb::Input>,
    ) -> Self {
        Self {
            defaults,
            name,
            inputs: Vec::new(),
            caps: BTreeMap::new(),
            known: HashMap::new(),
        }
    }

    /// The index of an input that the op may already have.
    fn share(&mut self, input: Input) -> i64 {
        let Some(name) = (self.name)(input) else {
            return NONE;
        };
        if let Some(&index) = self.known.get(&name) {
            return index;
        }
        let index = self.push(name.clone());
        self.known.insert(name, index);
        index
    }

    /// The index of an input of its own, even if the op has the same one already.
    pub(super) fn add(&mut self, input: Input) -> i64 {
        match (self.name)(input) {
            Some(name) => self.push(name),
            None => NONE,
        }
    }

    fn push(&mut self, name: pb::Input) -> i64 {
        let index = self.inputs.len() as i64;
        self.inputs.push(name);
        index
    }

    pub(super) fn needs(&mut self, capability: &str) {
        self.caps.insert(capability.to_owned(), true);
    }
}
