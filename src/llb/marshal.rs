//! A graph to a definition: each op encoded once, after the ones it uses.
//!
//! Order, bytes and metadata are those of `client/llb/marshal.go` and `state.go`.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use prost::{
    Message,
    bytes::Bytes,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};

use crate::{
    llb::{
        caps,
        definition::{Definition, digest},
        graph::{Defaults, Graph, Input, Meta, Op, Operation, SourceMapId, Vertex},
        ops::{Encoder, Listed, Place},
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
        places: vec![None; graph.vertices.len()],
        listed: Vec::new(),
        by_name: HashMap::new(),
        sources: Collector::new(graph),
    };
    marshaller.walk(output.vertex);
    marshaller.finish(input, describing)
}

struct Marshaller<'a> {
    graph: &'a Graph,
    defaults: &'a Defaults<'a>,
    /// Where each vertex is listed, once it is encoded.
    places: Vec<Option<usize>>,
    listed: Vec<Encoded>,
    by_name: HashMap<Rc<str>, usize>,
    sources: Collector<'a>,
}

/// An op of the definition.
struct Encoded {
    /// Its digest.
    name: Rc<str>,
    bytes: Bytes,
    metadata: pb::OpMetadata,
    locations: Vec<pb::Location>,
}

impl Marshaller<'_> {
    /// Encodes what `root` uses, and `root` last: each vertex when all of its inputs are done.
    fn walk(&mut self, root: u32) {
        let graph = self.graph;
        let inputs_of = |vertex: u32| graph.vertices[vertex as usize].inputs().into_iter();
        let mut waiting = vec![(root, inputs_of(root))];
        while let Some((vertex, inputs)) = waiting.last_mut() {
            match inputs.next() {
                Some(input) if self.places[input.vertex as usize].is_none() => {
                    waiting.push((input.vertex, inputs_of(input.vertex)));
                }
                Some(_) => {}
                None => {
                    let vertex = *vertex as usize;
                    self.places[vertex] = Some(self.encode(&graph.vertices[vertex]));
                    waiting.pop();
                }
            }
        }
    }

    /// Lists a vertex, and gives its place.
    fn encode(&mut self, vertex: &Vertex) -> usize {
        let (bytes, metadata, locations) = match vertex {
            // It has no bytes: whoever uses it looks behind it.
            Vertex::Slot(_) => return usize::MAX,
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
        let locations = self.sources.locate(locations);
        let place = *self
            .by_name
            .entry(Rc::clone(&name))
            .or_insert(self.listed.len());
        match self.listed.get_mut(place) {
            // Two vertices can be one op. It is listed once, with what is known of both.
            Some(known) => {
                merge(&mut known.metadata, metadata);
                known.locations.extend(locations);
            }
            None => self.listed.push(Encoded {
                name,
                bytes,
                metadata,
                locations,
            }),
        }
        place
    }

    fn bytes(&self, op: &Op) -> (Bytes, BTreeMap<String, bool>) {
        let mut encoder = Encoder::new(self.defaults, self);
        let operation = op.operation.encode(&op.meta, &mut encoder);
        let environment = match &op.operation {
            Operation::Exec(exec) => exec.encode_env(&mut encoder),
            _ => Vec::new(),
        };
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
        let bytes = match operation {
            op::Op::Exec(exec) => encode_exec(&rest, exec, &environment),
            operation => encode_op(&rest, operation),
        };
        (bytes.into(), encoder.caps)
    }

    /// Adds the last op, which points at the result.
    fn finish(mut self, input: Input, describing: &mut Vec<SourceMapId>) -> Definition {
        let pointer = pb::Op {
            inputs: self
                .place(input)
                .map(|place| self.name(place))
                .into_iter()
                .collect(),
            ..Default::default()
        };
        let pointer = Bytes::from(pointer.encode_to_vec());
        let about_pointer = (digest(&pointer), self.needs_of_all());
        let ops = self
            .listed
            .iter_mut()
            .map(|op| std::mem::take(&mut op.bytes));
        let ops = ops.chain([pointer]).collect();
        // Sorted once, for two maps.
        self.listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let (metadata, locations): (Vec<_>, Vec<_>) = self
            .listed
            .into_iter()
            .map(|op| {
                let locations = pb::Locations {
                    locations: op.locations,
                };
                (
                    (op.name.to_string(), op.metadata),
                    (op.name.to_string(), locations),
                )
            })
            .unzip();
        let infos = self.sources.infos(self.defaults, describing);
        Definition {
            ops,
            metadata: metadata.into_iter().chain([about_pointer]).collect(),
            source: Some(pb::Source {
                infos,
                locations: locations.into_iter().collect(),
            }),
        }
    }

    /// What the metadata of the last op says: what that of all others needs.
    fn needs_of_all(&self) -> pb::OpMetadata {
        let any = |has: fn(&pb::OpMetadata) -> bool| self.listed.iter().any(|op| has(&op.metadata));
        let needs = [
            (caps::CONSTRAINTS, true),
            (caps::PLATFORM, true),
            (
                caps::META_IGNORE_CACHE,
                any(|metadata| metadata.ignore_cache),
            ),
            (
                caps::META_DESCRIPTION,
                any(|metadata| !metadata.description.is_empty()),
            ),
            (
                caps::META_EXPORT_CACHE,
                any(|metadata| metadata.export_cache.is_some()),
            ),
        ];
        let needed = needs.into_iter().filter(|(_, needed)| *needed);
        pb::OpMetadata {
            caps: needed
                .map(|(capability, _)| (capability.to_owned(), true))
                .collect(),
            ..Default::default()
        }
    }
}

impl Listed for Marshaller<'_> {
    fn place(&self, input: Input) -> Option<Place> {
        let output = self.graph.resolve(input)?;
        let op = self.places[output.vertex as usize]?;
        Some((op, output.index))
    }

    fn name(&self, (op, index): Place) -> pb::Input {
        let op = self.listed.get(op);
        pb::Input {
            digest: op.map(|op| op.name.to_string()).unwrap_or_default(),
            index: index.into(),
        }
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
fn encode_op(rest: &pb::Op, operation: op::Op) -> Vec<u8> {
    let operation = pb::Op {
        op: Some(operation),
        ..Default::default()
    };
    let mut bytes = Vec::with_capacity(rest.encoded_len() + operation.encoded_len());
    write(rest, &mut bytes);
    write(&operation, &mut bytes);
    bytes
}

/// The same for a process. Its environment is by far its longest part, and is written from where it
/// is instead of being copied into a message first.
fn encode_exec(rest: &pb::Op, mut exec: pb::ExecOp, environment: &[Cow<'_, str>]) -> Vec<u8> {
    // Field numbers in `ops.proto`.
    const EXEC: u32 = 2;
    const META: u32 = 1;
    const ENV: u32 = 2;
    let mut after = exec.meta.take().unwrap_or_default();
    let before = pb::Meta {
        args: std::mem::take(&mut after.args),
        ..Default::default()
    };
    let with_head = |field, length| key_len(field) + encoded_len_varint(length as u64) + length;
    let environment_length = environment.iter().map(|pair| with_head(ENV, pair.len()));
    let meta_length =
        before.encoded_len() + environment_length.sum::<usize>() + after.encoded_len();
    let exec_length = with_head(META, meta_length) + exec.encoded_len();

    let mut bytes = Vec::with_capacity(rest.encoded_len() + with_head(EXEC, exec_length));
    let head = |field, length, bytes: &mut Vec<u8>| {
        encode_key(field, WireType::LengthDelimited, bytes);
        encode_varint(length as u64, bytes);
    };
    write(rest, &mut bytes);
    head(EXEC, exec_length, &mut bytes);
    head(META, meta_length, &mut bytes);
    write(&before, &mut bytes);
    for pair in environment {
        head(ENV, pair.len(), &mut bytes);
        bytes.extend_from_slice(pair.as_bytes());
    }
    write(&after, &mut bytes);
    write(&exec, &mut bytes);
    bytes
}

fn write(message: &impl Message, bytes: &mut Vec<u8>) {
    // A vector takes everything.
    let _ = message.encode(bytes);
}

fn metadata(meta: &Meta, caps: BTreeMap<String, bool>) -> pb::OpMetadata {
    pb::OpMetadata {
        ignore_cache: meta.ignore_cache,
        description: meta
            .description
            .iter()
            .map(|(key, text)| (key.clone().into_owned(), text.clone()))
            .collect(),
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
