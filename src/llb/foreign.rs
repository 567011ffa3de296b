//! Definitions that somebody else made: named contexts, and the frontend's own image.
//!
//! Their ops are kept byte for byte, because an op that is decoded and encoded again may lose what
//! this program does not know, and then has another name.

use std::collections::{BTreeMap, HashMap};

use prost::{Message, bytes::Bytes};

use crate::{
    llb::{
        definition::digest,
        graph::{Graph, Input, Location, Origin, Output, SourceMap, SourceMapId, Vertex},
    },
    proto::pb,
};

/// What is wrong with a definition. The sentences are those of `client/llb/definition.go`, where it
/// has one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It holds bytes that are no op.
    #[error("failed to parse llb proto op: {0}")]
    Parse(#[from] prost::DecodeError),
    /// Its last op does not point at a result.
    #[error("invalid definition op without a result")]
    NoResult,
    /// An op uses another that is not there.
    #[error("invalid definition op with unknown op {0:?}")]
    UnknownOp(String),
    /// Nothing is known about an op.
    #[error("invalid definition op with unknown metas {0:?}")]
    UnknownMetadata(String),
    /// An op uses an output that no op can have.
    #[error("invalid definition op with invalid index")]
    InvalidIndex,
    /// A location is in a file that is not there.
    #[error("failed to find source map with index {0}")]
    UnknownSourceMap(i32),
}

/// An op as it came.
#[derive(Clone, Debug)]
pub(super) struct Foreign {
    pub(super) bytes: Bytes,
    pub(super) metadata: pb::OpMetadata,
    pub(super) inputs: Vec<Output>,
    pub(super) locations: Vec<Location>,
}

impl Graph {
    /// Adds what a definition leads to and gives its result. A definition without ops is scratch.
    pub fn add_foreign(&mut self, definition: &pb::Definition) -> Result<Input, Error> {
        let ops = Ops::read(definition)?;
        let Some(result) = &ops.result else {
            return Ok(None);
        };
        let source_maps = self.add_foreign_source_maps(definition.source.as_ref());
        let locations = locations(definition.source.as_ref(), &source_maps)?;

        let mut made: HashMap<&str, Output> = HashMap::new();
        let mut waiting = vec![Waiting::new(&ops, &result.digest)?];
        while let Some(top) = waiting.last_mut() {
            if let Some(input) = top.op.inputs.get(top.inputs.len()) {
                match made.get(input.digest.as_str()) {
                    Some(output) => top.inputs.push(output_at(*output, input)?),
                    None => waiting.push(Waiting::new(&ops, &input.digest)?),
                }
            } else if let Some(done) = waiting.pop() {
                let digest = done.digest;
                let output = self.add_foreign_op(&ops, definition, &locations, done)?;
                made.insert(digest, output);
            }
        }
        let output = made.get(result.digest.as_str());
        output.map(|output| output_at(*output, result)).transpose()
    }

    fn add_foreign_op(
        &mut self,
        ops: &Ops<'_>,
        definition: &pb::Definition,
        locations: &BTreeMap<&str, Vec<Location>>,
        done: Waiting<'_>,
    ) -> Result<Output, Error> {
        let metadata = definition
            .metadata
            .get(done.digest)
            .ok_or_else(|| Error::UnknownMetadata(done.digest.to_owned()))?;
        let bytes = ops.find(done.digest)?.1;
        let foreign = Foreign {
            bytes: bytes.clone(),
            metadata: metadata.clone(),
            inputs: done.inputs,
            locations: locations.get(done.digest).cloned().unwrap_or_default(),
        };
        Ok(self.add(Vertex::Foreign(Box::new(foreign))))
    }

    fn add_foreign_source_maps(&mut self, source: Option<&pb::Source>) -> Vec<SourceMapId> {
        let infos = source.map(|source| source.infos.as_slice());
        infos
            .unwrap_or_default()
            .iter()
            .map(|info| {
                self.add_source_map(SourceMap {
                    filename: info.filename.clone(),
                    language: info.language.clone(),
                    data: info.data.clone(),
                    origin: match &info.definition {
                        Some(definition) => Origin::Definition(Box::new(definition.clone())),
                        None => Origin::Unknown,
                    },
                })
            })
            .collect()
    }
}

/// The ops of a definition by name.
struct Ops<'a> {
    by_digest: HashMap<String, (pb::Op, &'a Bytes)>,
    result: Option<pb::Input>,
}

impl<'a> Ops<'a> {
    fn read(definition: &'a pb::Definition) -> Result<Self, Error> {
        let mut by_digest = HashMap::with_capacity(definition.def.len());
        let mut last = None;
        for bytes in &definition.def {
            let op = pb::Op::decode(bytes.clone())?;
            last = Some(op.inputs.first().cloned());
            by_digest.insert(digest(bytes), (op, bytes));
        }
        Ok(Self {
            by_digest,
            result: last
                .map(|result| result.ok_or(Error::NoResult))
                .transpose()?,
        })
    }

    fn find(&self, digest: &str) -> Result<&(pb::Op, &'a Bytes), Error> {
        self.by_digest
            .get(digest)
            .ok_or_else(|| Error::UnknownOp(digest.to_owned()))
    }
}

/// An op whose inputs are being added.
struct Waiting<'a> {
    digest: &'a str,
    op: &'a pb::Op,
    inputs: Vec<Output>,
}

impl<'a> Waiting<'a> {
    fn new(ops: &'a Ops<'_>, digest: &'a str) -> Result<Self, Error> {
        let (op, _) = ops.find(digest)?;
        Ok(Self {
            digest,
            op,
            inputs: Vec::with_capacity(op.inputs.len()),
        })
    }
}

fn output_at(output: Output, input: &pb::Input) -> Result<Output, Error> {
    let index = u32::try_from(input.index).map_err(|_| Error::InvalidIndex)?;
    Ok(Output { index, ..output })
}

fn locations<'a>(
    source: Option<&'a pb::Source>,
    source_maps: &[SourceMapId],
) -> Result<BTreeMap<&'a str, Vec<Location>>, Error> {
    let mut by_digest = BTreeMap::new();
    for (digest, listed) in source.iter().flat_map(|source| &source.locations) {
        let mut found = Vec::with_capacity(listed.locations.len());
        for location in &listed.locations {
            let source_map = usize::try_from(location.source_index)
                .ok()
                .and_then(|at| source_maps.get(at))
                .ok_or(Error::UnknownSourceMap(location.source_index))?;
            found.push(Location {
                source_map: *source_map,
                ranges: location.ranges.clone(),
            });
        }
        by_digest.insert(digest.as_str(), found);
    }
    Ok(by_digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llb::{Defaults, marshal};

    #[test]
    fn what_is_broken_is_refused() {
        let definition = |ops: &[pb::Op], known: &[&pb::Op]| pb::Definition {
            def: ops.iter().map(bytes).collect(),
            metadata: known
                .iter()
                .map(|op| (digest(&bytes(op)), pb::OpMetadata::default()))
                .collect(),
            source: None,
        };
        let source = op(&[]);
        let pointer = |index| op(&[(digest(&bytes(&source)), index)]);
        let dangling = op(&[("sha256:x".into(), 0)]);
        let located = pb::Definition {
            source: Some(pb::Source {
                locations: [(
                    digest(&bytes(&source)),
                    pb::Locations {
                        locations: vec![pb::Location {
                            source_index: 1,
                            ranges: vec![],
                        }],
                    },
                )]
                .into(),
                infos: vec![pb::SourceInfo::default()],
            }),
            ..definition(&[source.clone(), pointer(0)], &[&source])
        };
        let garbage = pb::Definition {
            def: vec![Bytes::from_static(b"\xff")],
            ..Default::default()
        };

        for (definition, expected) in [
            (garbage, "failed to parse llb proto op: "),
            (
                definition(&[op(&[])], &[]),
                "invalid definition op without a result",
            ),
            (
                definition(&[dangling], &[]),
                "invalid definition op with unknown op \"sha256:x\"",
            ),
            (
                definition(&[source.clone(), pointer(0)], &[]),
                "invalid definition op with unknown metas ",
            ),
            (
                definition(&[source.clone(), pointer(-1)], &[&source]),
                "invalid definition op with invalid index",
            ),
            (located, "failed to find source map with index 1"),
        ] {
            let error = Graph::new().add_foreign(&definition).map(drop);
            let error = error.expect_err(expected).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn no_ops_are_scratch() {
        let added = Graph::new().add_foreign(&pb::Definition::default());
        assert!(matches!(added, Ok(None)), "{added:?}");
    }

    #[test]
    fn what_is_not_understood_is_kept() {
        // Field 99 of an op, which no release has.
        let source = Bytes::from_static(b"\x9a\x06\x03new");
        let pointer = bytes(&op(&[(digest(&source), 3)]));
        let theirs = pb::Definition {
            def: vec![source.clone(), pointer.clone()],
            metadata: [(digest(&source), pb::OpMetadata::default())].into(),
            source: None,
        };
        let mut graph = Graph::new();
        let input = graph.add_foreign(&theirs).expect("a definition");
        let defaults = Defaults {
            platform: &pb::Platform::default(),
            capabilities: &|_| true,
        };
        assert_eq!(marshal(&graph, input, &defaults).ops, [source, pointer]);
    }

    fn op(inputs: &[(String, i64)]) -> pb::Op {
        let inputs = inputs.iter().cloned();
        pb::Op {
            inputs: inputs
                .map(|(digest, index)| pb::Input { digest, index })
                .collect(),
            ..Default::default()
        }
    }

    fn bytes(op: &pb::Op) -> Bytes {
        op.encode_to_vec().into()
    }
}
