//! What marshalling gives: ops as bytes, what is known about them, and where they come from.

use std::collections::BTreeMap;

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

    /// The digest of the first op that runs a command without words.
    pub fn runs_nothing(&self) -> Option<String> {
        let is_empty = |op: &&Bytes| match pb::Op::decode((*op).clone()).map(|op| op.op) {
            Ok(Some(pb::op::Op::Exec(exec))) => exec.meta.is_none_or(|meta| meta.args.is_empty()),
            _ => false,
        };
        self.ops.iter().find(is_empty).map(|op| digest(op))
    }

    /// The message that carries this definition. The ops are shared, not copied.
    pub fn to_pb(&self) -> pb::Definition {
        self.clone().into()
    }
}

/// Leaves the ops that are written nowhere out of a source map, and out of those of the definitions in it.
///
/// prost writes an empty value of a map as no value, which a daemon reads as a nil pointer and does not survive; an entry that is
/// not there at all it takes.
pub fn for_the_wire(mut definition: pb::Definition) -> pb::Definition {
    let mut open = vec![&mut definition];
    while let Some(definition) = open.pop() {
        let Some(source) = &mut definition.source else {
            continue;
        };
        source
            .locations
            .retain(|_, locations| !locations.locations.is_empty());
        open.extend(
            source
                .infos
                .iter_mut()
                .filter_map(|info| info.definition.as_mut()),
        );
    }
    definition
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
    const PREFIX: &str = "sha256:";
    let hash = Sha256::digest(bytes);
    let mut name = String::with_capacity(PREFIX.len() + 2 * hash.len());
    name.push_str(PREFIX);
    for nibble in hash.iter().flat_map(|byte| [byte >> 4, byte & 0xf]) {
        name.push(char::from_digit(nibble.into(), 16).unwrap_or_default());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(files: &[i32], definition: Option<pb::Definition>) -> pb::Definition {
        let locations = files.iter().map(|file| pb::Location {
            source_index: *file,
            ..pb::Location::default()
        });
        let locations = [
            ("written".to_owned(), locations.collect()),
            ("nowhere".to_owned(), Vec::new()),
        ];
        let locations = locations.map(|(op, locations)| (op, pb::Locations { locations }));
        let info = pb::SourceInfo {
            definition,
            ..pb::SourceInfo::default()
        };
        pb::Definition {
            source: Some(pb::Source {
                locations: locations.into(),
                infos: vec![info],
            }),
            ..pb::Definition::default()
        }
    }

    #[test]
    fn an_op_that_no_line_stands_for_has_no_entry_on_the_wire() {
        let sent = for_the_wire(located(&[1], Some(located(&[2], None))));
        let source = sent.source.expect("a source map");
        let file = source.infos[0].definition.clone().expect("a definition");
        for source in [source, file.source.expect("a source map")] {
            let ops: Vec<&str> = source.locations.keys().map(String::as_str).collect();
            assert_eq!(ops, ["written"]);
        }
    }
}
