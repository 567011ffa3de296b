//! What marshalling gives: ops as bytes, what is known about them, and where they come from.

use std::{collections::BTreeMap, fmt::Write};

use prost::{Message, bytes::Bytes};
use sha2::{Digest, Sha256};

use crate::proto::pb;

/// A graph as the daemon takes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    /// The encoded ops, each after the ones it uses. The last one only points at the result.
    pub ops: Vec<Bytes>,
    /// By op digest.
    pub metadata: BTreeMap<String, pb::OpMetadata>,
    /// The lines of which files the ops come from. Absent for scratch.
    pub source: Option<pb::Source>,
}

impl Definition {
    /// The digest of the op that makes the result; of scratch there is none.
    pub fn head(&self) -> Option<String> {
        let last = pb::Op::decode(self.ops.last()?.clone()).ok()?;
        Some(last.inputs.into_iter().next()?.digest)
    }

    /// The first and the last line that an op is written on, if it is known.
    pub fn lines_of(&self, digest: &str) -> Option<(u32, u32)> {
        let locations = self.source.as_ref()?.locations.get(digest)?;
        let ranges = || {
            locations
                .locations
                .iter()
                .flat_map(|location| &location.ranges)
        };
        let line = |position: &Option<pb::Position>| u32::try_from(position.as_ref()?.line).ok();
        let first = ranges().filter_map(|range| line(&range.start)).min()?;
        let last = ranges().filter_map(|range| line(&range.end)).max()?;
        Some((first, last))
    }

    /// The message that carries this definition. The ops are shared, not copied.
    pub fn to_pb(&self) -> pb::Definition {
        pb::Definition {
            def: self.ops.clone(),
            metadata: self.metadata.clone(),
            source: self.source.clone(),
        }
    }
}

impl From<Definition> for pb::Definition {
    fn from(definition: Definition) -> Self {
        Self {
            def: definition.ops,
            metadata: definition.metadata,
            source: definition.source,
        }
    }
}

impl From<pb::Definition> for Definition {
    fn from(message: pb::Definition) -> Self {
        Self {
            ops: message.def,
            metadata: message.metadata,
            source: message.source,
        }
    }
}

/// The name of an op: `sha256:` and the digest of its bytes.
pub fn digest(bytes: &[u8]) -> String {
    let mut name = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}
