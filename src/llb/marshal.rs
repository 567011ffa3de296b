//! A graph to a definition: each op encoded once, after the ones it uses.
//!
//! Order, bytes and metadata are those of `client/llb/marshal.go` and `state.go`.

use std::{collections::BTreeMap, rc::Rc};

use prost::{Message, bytes::Bytes};

use crate::{
    llb::{
        caps,
        definition::{Definition, digest},
        graph::{Defaults, Graph, Input, Meta, Op, Operation, SourceMapId, Vertex},
        ops::Encoder,
        sourcemap::Collector,
    },
    proto::pb::{self, op},
};

/// The definition whose result is `input`. Of scratch it is empty.
pub fn marshal(graph: &Graph, input: Input, defaults: &Defaults<'_>) -> Definition {
    marshal_within(graph, input, defaults, &mut Vec::new())
}

/// The same, while the files in `describing` are being described themselves.
pub(super) fn marshal_within(
    graph: &Graph,
    input: Input,
    defaults: &Defaults<'_>,
    describing: &mut Vec<SourceMapId>,
) -> Definition {
    let Some(output) = graph.resolve(input) else {
        return Definition::default();
    };
    let mut marshaller = Marshaller {
        graph,
        defaults,
        names: vec![None; graph.vertices.len()],
        sources: Collector::new(graph),
        definition: Definition::default(),
    };
    marshaller.walk(output.vertex);
    marshaller.point_at(input);
    let mut definition = marshaller.definition;
    definition.source = Some(marshaller.sources.finish(defaults, describing));
    definition
}

struct Marshaller<'a> {
    graph: &'a Graph,
    defaults: &'a Defaults<'a>,
    /// The digest of each vertex, once it is encoded.
    names: Vec<Option<Rc<str>>>,
    sources: Collector<'a>,
    definition: Definition,
}

impl Marshaller<'_> {
    /// Encodes what `root` uses, and `root` last: each vertex when all of its inputs are done.
    fn walk(&mut self, root: u32) {
        let graph = self.graph;
        let inputs_of = |vertex: u32| graph.vertices[vertex as usize].inputs().into_iter();
        let mut waiting = vec![(root, inputs_of(root))];
        while let Some((vertex, inputs)) = waiting.last_mut() {
            match inputs.next() {
                Some(input) if self.names[input.vertex as usize].is_none() => {
                    waiting.push((input.vertex, inputs_of(input.vertex)));
                }
                Some(_) => {}
                None => {
                    let vertex = *vertex;
                    self.encode(vertex);
                    waiting.pop();
                }
            }
        }
    }

    fn encode(&mut self, at: u32) {
        let graph = self.graph;
        let (bytes, metadata, locations) = match &graph.vertices[at as usize] {
            // It has no bytes: whoever uses it looks behind it.
            Vertex::Slot(_) => return self.names[at as usize] = Some(Rc::from("")),
            Vertex::Op(op) => {
                let (bytes, caps) = self.bytes(op);
                (bytes, metadata(&op.meta, caps), &op.meta.locations)
            }
            Vertex::Foreign(foreign) => (
                foreign.bytes.clone(),
                foreign.metadata.clone(),
                &foreign.locations,
            ),
        };
        let name: Rc<str> = digest(&bytes).into();
        self.names[at as usize] = Some(Rc::clone(&name));
        self.sources.add(Rc::clone(&name), locations);
        // Two vertices can be one op. It is listed once, with what is known of both.
        let known = self.definition.metadata.entry(name.to_string());
        if let std::collections::btree_map::Entry::Vacant(_) = known {
            self.definition.ops.push(bytes);
        }
        merge(known.or_default(), metadata);
    }

    fn bytes(&self, op: &Op) -> (Bytes, BTreeMap<String, bool>) {
        let name = |input: Input| self.name(input);
        let mut encoder = Encoder::new(self.defaults, &name);
        let operation = op.operation.encode(&op.meta, &mut encoder);
        let platform = op.operation.depends_on_platform().then(|| {
            let own = op.meta.platform.as_ref();
            own.unwrap_or(self.defaults.platform).clone()
        });
        let rest = pb::Op {
            inputs: encoder.inputs,
            platform,
            constraints: Some(pb::WorkerConstraints {
                filter: op.meta.worker_filters.clone(),
            }),
            op: None,
        };
        (encode_op(&rest, operation), encoder.caps)
    }

    fn name(&self, input: Input) -> Option<pb::Input> {
        let output = self.graph.resolve(input)?;
        let digest = self.names[output.vertex as usize].as_deref()?;
        Some(pb::Input {
            digest: digest.to_owned(),
            index: output.index.into(),
        })
    }

    /// Adds the last op, whose metadata says what the metadata of all others needs.
    fn point_at(&mut self, input: Input) {
        let pointer = pb::Op {
            inputs: self.name(input).into_iter().collect(),
            ..Default::default()
        };
        let bytes = Bytes::from(pointer.encode_to_vec());

        let mut caps = BTreeMap::new();
        let mut needs = |capability: &str| caps.insert(capability.to_owned(), true);
        needs(caps::CONSTRAINTS);
        needs(caps::PLATFORM);
        for metadata in self.definition.metadata.values() {
            if metadata.ignore_cache {
                needs(caps::META_IGNORE_CACHE);
            }
            if !metadata.description.is_empty() {
                needs(caps::META_DESCRIPTION);
            }
            if metadata.export_cache.is_some() {
                needs(caps::META_EXPORT_CACHE);
            }
        }
        let metadata = pb::OpMetadata {
            caps,
            ..Default::default()
        };
        self.definition.metadata.insert(digest(&bytes), metadata);
        self.definition.ops.push(bytes);
    }
}

impl Operation {
    /// Only what runs or what differs by platform says which one; the same copy is the same op
    /// everywhere.
    fn depends_on_platform(&self) -> bool {
        match self {
            Self::Source(source) => source.depends_on_platform(),
            Self::Exec(_) => true,
            Self::File(_) | Self::Merge(_) | Self::Diff { .. } | Self::Passthrough(_) => false,
        }
    }

    fn encode(&self, meta: &Meta, encoder: &mut Encoder<'_>) -> op::Op {
        match self {
            Self::Source(source) => {
                for capability in &source.capabilities {
                    encoder.needs(capability);
                }
                op::Op::Source(source.to_pb())
            }
            Self::Exec(exec) => op::Op::Exec(exec.encode(meta.linux_resources.is_some(), encoder)),
            Self::File(file) => op::Op::File(file.encode(encoder)),
            Self::Merge(inputs) => {
                encoder.needs(caps::MERGE_OP);
                let inputs = inputs.iter().map(|input| pb::MergeInput {
                    input: encoder.add(Some(*input)),
                });
                op::Op::Merge(pb::MergeOp {
                    inputs: inputs.collect(),
                })
            }
            Self::Diff { lower, upper } => {
                encoder.needs(caps::DIFF_OP);
                op::Op::Diff(pb::DiffOp {
                    lower: Some(pb::LowerDiffInput {
                        input: encoder.add(Some(*lower)),
                    }),
                    upper: Some(pb::UpperDiffInput {
                        input: encoder.add(*upper),
                    }),
                })
            }
            Self::Passthrough(passthrough) => {
                encoder.needs(caps::PASSTHROUGH_OP);
                for input in &passthrough.inputs {
                    encoder.add(Some(*input));
                }
                op::Op::Passthrough(pb::PassthroughOp {
                    id: passthrough.id.clone(),
                    outputs: passthrough.outputs.clone(),
                })
            }
        }
    }
}

/// Go writes the member of a oneof after every other field, whatever its number. One message after
/// another is one message, so two of them give that order.
fn encode_op(rest: &pb::Op, operation: op::Op) -> Bytes {
    let operation = pb::Op {
        op: Some(operation),
        ..Default::default()
    };
    let mut bytes = Vec::with_capacity(rest.encoded_len() + operation.encoded_len());
    for message in [rest, &operation] {
        // A vector takes everything.
        let _ = message.encode(&mut bytes);
    }
    bytes.into()
}

fn metadata(meta: &Meta, caps: BTreeMap<String, bool>) -> pb::OpMetadata {
    pb::OpMetadata {
        ignore_cache: meta.ignore_cache,
        description: meta.description.clone(),
        export_cache: meta.export_cache.map(|value| pb::ExportCache { value }),
        caps,
        progress_group: meta.progress_group.clone(),
        linux_resources: meta.linux_resources.clone(),
    }
}

/// What is said later wins, where only one thing can be said.
fn merge(known: &mut pb::OpMetadata, said: pb::OpMetadata) {
    known.ignore_cache |= said.ignore_cache;
    known.description.extend(said.description);
    known.export_cache = said.export_cache.or(known.export_cache);
    known
        .caps
        .extend(said.caps.into_keys().map(|it| (it, true)));
    known.progress_group = said.progress_group.or(known.progress_group.take());
    known.linux_resources = said.linux_resources.or(known.linux_resources.take());
}
