//! The arena: ops, what they use, and what is known about them.

use std::borrow::Cow;

use prost::bytes::Bytes;

use crate::{
    golang::stray,
    llb::{
        foreign::Foreign,
        ops::{
            exec::{Exec, Mount},
            file::File,
            source::Source,
        },
    },
    proto::pb,
};

/// Ops and the outputs that join them.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    pub(super) vertices: Vec<Vertex>,
    pub(super) source_maps: Vec<SourceMap>,
}

/// One of the file systems that an op gives. It belongs to the [`Graph`] that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Output {
    pub(super) vertex: u32,
    pub(super) index: u32,
}

/// What an op uses: an output, or scratch, which is the empty file system.
pub type Input = Option<Output>;

/// What is known of an op besides what it does. Of all this only the platform and the worker
/// filters are part of its digest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// For what it runs; `None` is the platform of [`Defaults`]. Only processes and images have one.
    pub platform: Option<pb::Platform>,
    /// Which workers may run it.
    pub worker_filters: Vec<String>,
    /// Free text by key, each key once; `llb.customname` is what progress shows.
    pub description: Vec<(Cow<'static, str>, String)>,
    /// Run it even if its result is known.
    pub ignore_cache: bool,
    /// Whether its result goes with an exported cache; `None` leaves that to the export.
    pub export_cache: Option<bool>,
    /// Shown as one line with the others of its group.
    pub progress_group: Option<pb::ProgressGroup>,
    /// Limits of a process that are not part of the cache key.
    pub linux_resources: Option<pb::LinuxResources>,
    /// Where it is written.
    pub locations: Vec<Location>,
}

impl Meta {
    /// The key under which `description` holds the name that progress shows.
    pub const CUSTOM_NAME: &str = "llb.customname";

    /// The first and the last line of a file that it is written on.
    pub fn lines_in(&self, file: SourceMapId) -> Option<(u32, u32)> {
        let here = self.locations.iter().filter(|it| it.source_map == file);
        let ranges: Vec<&pb::Range> = here.flat_map(|it| &it.ranges).collect();
        let line = |position: &Option<pb::Position>| u32::try_from(position.as_ref()?.line).ok();
        let first = ranges.iter().filter_map(|it| line(&it.start)).min()?;
        let last = ranges.iter().filter_map(|it| line(&it.end)).max()?;
        Some((first, last))
    }

    /// Nothing but a name to show.
    pub fn named(name: impl Into<String>) -> Self {
        Self::default().name(name)
    }

    /// With a name to show.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.describe(Self::CUSTOM_NAME, name)
    }

    /// With this text in the place of what the key had.
    pub fn describe(mut self, key: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        let key = key.into();
        self.description.retain(|(known, _)| *known != key);
        self.description
            .push((key, stray::replaced(&text.into()).into_owned()));
        self
    }

    /// For a platform.
    pub fn on(self, platform: pb::Platform) -> Self {
        Self {
            platform: Some(platform),
            ..self
        }
    }

    /// With one more place where it is written.
    pub fn at(mut self, location: Location) -> Self {
        // Nearly always it is the only one.
        self.locations.reserve_exact(1);
        self.locations.push(location);
        self
    }
}

/// Lines of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// The file.
    pub source_map: SourceMapId,
    /// The lines.
    pub ranges: Vec<pb::Range>,
}

/// The range from one line to another, both counted from 1 and both inside.
pub fn lines(first: u32, last: u32) -> pb::Range {
    let position = |line: u32| pb::Position {
        line: i32::try_from(line).unwrap_or(i32::MAX),
        character: 0,
    };
    pb::Range {
        start: Some(position(first)),
        end: Some(position(last)),
    }
}

/// The lines of an instruction, both counted from 1 and both inside: a range a line, which is how the original writes them.
pub fn line_by_line(first: u32, last: u32) -> Vec<pb::Range> {
    (first..=last).map(|line| lines(line, line)).collect()
}

/// A file that ops are written in.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceMap {
    /// Its name.
    pub filename: String,
    /// Its language, as GitHub's linguist calls it.
    pub language: String,
    /// Its text.
    pub data: Bytes,
    /// What it was read from.
    pub origin: Origin,
}

/// What a file of a source map was read from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// Nothing that is known.
    Unknown,
    /// Something in the graph.
    Input(Input),
    /// A definition of somebody else's.
    Definition(Box<pb::Definition>),
}

/// A [`SourceMap`] of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceMapId(pub(super) u32);

/// What every op takes that says nothing else.
#[derive(Clone, Copy)]
pub struct Defaults<'a> {
    /// The platform of an op that has none.
    pub platform: &'a pb::Platform,
    /// Whether the daemon has an LLB capability.
    pub capabilities: &'a dyn Fn(&str) -> bool,
}

/// What a process gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutputs {
    /// Its root file system; one that cannot be written is what it was before.
    pub root: Input,
    /// Of each mount, in the order in which they were given, what was written. `None` where nothing
    /// is kept: of caches, of memory and of what cannot be written.
    pub mounts: Vec<Option<Output>>,
}

/// A process of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(u32);

/// An input of a passthrough op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassthroughInput {
    /// What must be there.
    pub input: Input,
    /// Whether it is an output, too.
    pub output: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Vertex {
    Op(Box<Op>),
    /// An op that somebody else encoded.
    Foreign(Box<Foreign>),
    /// What an output stands for that was described after it was used.
    Slot(Input),
}

#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) operation: Operation,
    pub(super) meta: Meta,
}

#[derive(Clone, Debug)]
pub(super) enum Operation {
    Source(Source),
    Exec(Box<Exec>),
    File(File),
    Merge(Vec<Output>),
    Diff { lower: Output, upper: Input },
    Passthrough(Passthrough),
}

#[derive(Clone, Debug)]
pub(super) struct Passthrough {
    pub(super) id: String,
    pub(super) inputs: Vec<Output>,
    /// Which inputs are outputs.
    pub(super) outputs: Vec<i64>,
}

impl Graph {
    /// A graph without ops.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something from outside.
    pub fn add_source(&mut self, source: impl Into<Source>, meta: Meta) -> Output {
        self.add_op(Operation::Source(source.into()), meta)
    }

    /// A process.
    pub fn add_exec(&mut self, exec: Exec, meta: Meta) -> ExecOutputs {
        let root = exec.root;
        let indexes = exec.outputs();
        let first = self.add_op(Operation::Exec(Box::new(exec)), meta);
        let mut outputs = indexes
            .into_iter()
            .map(|index| index.map(|index| Output { index, ..first }));
        ExecOutputs {
            root: outputs.next().flatten().or(root),
            mounts: outputs.collect(),
        }
    }

    /// The processes, in the order in which they were added, with what is known of them. Those of others are not known.
    pub fn processes(&self) -> impl Iterator<Item = (Process, &Exec, &Meta)> {
        (0..)
            .zip(&self.vertices)
            .filter_map(|(vertex, known)| match known {
                Vertex::Op(op) => match &op.operation {
                    Operation::Exec(exec) => Some((Process(vertex), &**exec, &op.meta)),
                    _ => None,
                },
                _ => None,
            })
    }

    /// Mounts something into a process that is there already, read-only: its outputs stay what they are. What is made by the
    /// process cannot be mounted into it.
    pub fn mount_into(&mut self, process: Process, mount: Mount) {
        if let Vertex::Op(op) = &mut self.vertices[process.0 as usize]
            && let Operation::Exec(exec) = &mut op.operation
        {
            exec.mounts.push(mount.readonly());
        }
    }

    /// Changes without a process.
    pub fn add_file(&mut self, file: File, meta: Meta) -> Output {
        self.add_op(Operation::File(file), meta)
    }

    /// File systems on top of each other, the first one lowest. Scratch changes nothing, and of one
    /// that is not scratch no op is made.
    pub fn merge(&mut self, inputs: &[Input], meta: Meta) -> Input {
        let inputs: Vec<Output> = inputs.iter().copied().flatten().collect();
        match inputs[..] {
            [] => None,
            [only] => Some(only),
            _ => Some(self.add_op(Operation::Merge(inputs), meta)),
        }
    }

    /// What leads from `lower` to `upper`. From scratch, that is `upper`, and no op is made.
    pub fn diff(&mut self, lower: Input, upper: Input, meta: Meta) -> Input {
        match lower {
            None => upper,
            Some(lower) => Some(self.add_op(Operation::Diff { lower, upper }, meta)),
        }
    }

    /// Some of the inputs, once all of them are there. Gives an output for each input that is said
    /// to be one and is not scratch; there must be one.
    pub fn passthrough(
        &mut self,
        id: impl Into<String>,
        inputs: &[PassthroughInput],
        meta: Meta,
    ) -> Vec<Output> {
        let mut op = Passthrough {
            id: id.into(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        for passed in inputs {
            let Some(input) = passed.input else { continue };
            if passed.output {
                op.outputs.push(op.inputs.len() as i64);
            }
            op.inputs.push(input);
        }
        let count = op.outputs.len() as u32;
        let first = self.add_op(Operation::Passthrough(op), meta);
        (0..count).map(|index| Output { index, ..first }).collect()
    }

    /// An output that can be used now and is described later, by [`Graph::bind`]. Until then it is
    /// scratch.
    pub fn slot(&mut self) -> Output {
        self.add(Vertex::Slot(None))
    }

    /// Says what a slot is. What is made from the slot cannot become the slot: that is a mistake of
    /// the caller's, and changes nothing.
    pub fn bind(&mut self, slot: Output, input: impl Into<Input>) {
        let input = input.into();
        if input.is_some_and(|input| self.uses(input, slot)) {
            debug_assert!(false, "a slot is bound to what is made from it");
            return;
        }
        if let Vertex::Slot(bound) = &mut self.vertices[slot.vertex as usize] {
            *bound = input;
        }
    }

    /// A file for the [`Location`]s of ops.
    pub fn add_source_map(&mut self, source_map: SourceMap) -> SourceMapId {
        let id = SourceMapId(self.source_maps.len() as u32);
        self.source_maps.push(source_map);
        id
    }

    pub(super) fn add(&mut self, vertex: Vertex) -> Output {
        let output = Output {
            vertex: self.vertices.len() as u32,
            index: 0,
        };
        self.vertices.push(vertex);
        output
    }

    fn add_op(&mut self, operation: Operation, meta: Meta) -> Output {
        self.add(Vertex::Op(Box::new(Op { operation, meta })))
    }

    /// What stands behind the slots, if `input` is one.
    pub(super) fn resolve(&self, input: Input) -> Input {
        let mut output = input?;
        while let Vertex::Slot(bound) = &self.vertices[output.vertex as usize] {
            output = (*bound)?;
        }
        Some(output)
    }

    fn uses(&self, output: Output, wanted: Output) -> bool {
        let mut seen = vec![false; self.vertices.len()];
        let mut waiting = vec![output.vertex];
        while let Some(vertex) = waiting.pop() {
            if vertex == wanted.vertex {
                return true;
            }
            if std::mem::replace(&mut seen[vertex as usize], true) {
                continue;
            }
            let inputs = self.vertices[vertex as usize].inputs();
            waiting.extend(inputs.into_iter().map(|input| input.vertex));
        }
        false
    }
}

impl Vertex {
    /// What the op uses, in the order in which the original walks it.
    pub(super) fn inputs(&self) -> Vec<Output> {
        match self {
            Self::Op(op) => op.operation.inputs(),
            Self::Foreign(foreign) => foreign.inputs.clone(),
            Self::Slot(bound) => bound.iter().copied().collect(),
        }
    }
}

impl Operation {
    pub(super) fn inputs(&self) -> Vec<Output> {
        match self {
            Self::Source(_) => Vec::new(),
            Self::Exec(exec) => exec.inputs().flatten().collect(),
            Self::File(file) => file.inputs().flatten().collect(),
            Self::Merge(inputs) => inputs.clone(),
            Self::Diff { lower, upper } => std::iter::once(*lower).chain(*upper).collect(),
            Self::Passthrough(op) => op.inputs.clone(),
        }
    }
}
