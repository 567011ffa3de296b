//! What the ops behind an output take from some of the sources, and which secrets they mount.
//!
//! A source is often sent whole and used in part: which part stands in the ops that use it.

use std::collections::{BTreeSet, HashMap};

use crate::llb::{
    graph::{Graph, Input, Meta, Operation, Output, Vertex},
    ops::{
        exec::MountKind,
        file::{Action, Copy},
        source::Source,
    },
};

/// What ops use.
#[derive(Debug, Default)]
pub struct Uses<'a> {
    /// What is read of the sources, with the place of each among those that were asked about.
    pub reads: Vec<(usize, Read<'a>)>,
    /// The sources that nobody asked about, with what is known of an op that uses them.
    pub others: Vec<(&'a Source, Option<&'a Meta>)>,
    /// The ids of the secrets that processes mount.
    pub secrets: BTreeSet<&'a str>,
}

/// What an op reads of a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Read<'a> {
    /// What a copy selects.
    Copy(&'a Copy),
    /// What stands at a path; an empty one is the root.
    Path(&'a str),
}

impl Graph {
    /// What everything behind `output` uses of `sources`. What those are made of does not count.
    pub fn used_by(&self, output: Input, sources: &[Output]) -> Uses<'_> {
        let places: HashMap<Output, usize> = (0..)
            .zip(sources)
            .filter_map(|(place, source)| Some((self.resolve(Some(*source))?, place)))
            .collect();
        let place = |input: Input| places.get(&self.resolve(input)?).copied();
        let mut uses = Uses::default();
        let mut seen = vec![false; self.vertices.len()];
        let start = self.resolve(output).map(|output| (output, None));
        let mut open: Vec<(Output, Option<&Meta>)> = start.into_iter().collect();
        uses.reads
            .extend(place(output).map(|place| (place, Read::Path(""))));
        while let Some((output, user)) = open.pop() {
            let output = self.resolve(Some(output)).unwrap_or(output);
            if places.contains_key(&output) {
                continue;
            }
            if std::mem::replace(&mut seen[output.vertex as usize], true) {
                continue;
            }
            let vertex = &self.vertices[output.vertex as usize];
            let meta = match vertex {
                Vertex::Op(op) => Some(&op.meta),
                _ => user,
            };
            open.extend(vertex.inputs().into_iter().map(|input| (input, meta)));
            let Vertex::Op(op) = vertex else { continue };
            let mut read = |input: Input, read| {
                uses.reads.extend(place(input).map(|place| (place, read)));
            };
            match &op.operation {
                Operation::Source(source) => uses.others.push((source, user)),
                Operation::Exec(exec) => {
                    read(exec.root, Read::Path(""));
                    for mount in &exec.mounts {
                        if !matches!(mount.kind, MountKind::Tmpfs { .. }) {
                            read(mount.source, Read::Path(&mount.selector));
                        }
                    }
                    let ids = exec.secrets.iter().map(|secret| secret.id.as_str());
                    uses.secrets.extend(ids);
                }
                Operation::File(file) => {
                    read(file.base, Read::Path(""));
                    for action in &file.actions {
                        if let Action::Copy(copy) = action {
                            read(copy.source, Read::Copy(copy));
                        }
                    }
                }
                Operation::Merge(_) | Operation::Diff { .. } | Operation::Passthrough(_) => {
                    for input in op.operation.inputs() {
                        read(Some(input), Read::Path(""));
                    }
                }
            }
        }
        uses
    }
}
