//! Which of the file systems that lead to an output stay the same when somebody's files change.

use prost::Message;

use crate::{
    llb::graph::{Graph, Input, Operation, Output, Vertex},
    proto::pb,
};

impl Graph {
    /// The last file system on the way to `output`, each made from the one before, that has nothing of a client's folder or of `moving`;
    /// scratch where there is none.
    pub fn steady(&self, output: Input, moving: Output) -> Input {
        let moves = self.moves(moving);
        let mut at = self.resolve(output);
        while let Some(output) = at
            && moves[output.vertex as usize]
        {
            at = self.resolve(self.below(output));
        }
        at
    }

    /// For each op, whether a client's folder or `moving` is behind it.
    fn moves(&self, moving: Output) -> Vec<bool> {
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); self.vertices.len()];
        let mut open = vec![moving.vertex as usize];
        for (at, vertex) in self.vertices.iter().enumerate() {
            for input in vertex.inputs() {
                users[input.vertex as usize].push(at);
            }
            open.extend(vertex.is_folder().then_some(at));
        }
        let mut moves = vec![false; self.vertices.len()];
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut moves[at], true) {
                open.append(&mut users[at]);
            }
        }
        moves
    }

    /// What an output was made from, if its op changes a file system.
    fn below(&self, output: Output) -> Input {
        let Vertex::Op(op) = &self.vertices[output.vertex as usize] else {
            return None;
        };
        match &op.operation {
            Operation::Exec(exec) => {
                let root = exec.outputs().into_iter().next().flatten();
                exec.root.filter(|_| root == Some(output.index))
            }
            Operation::File(file) => file.base,
            Operation::Merge(inputs) => inputs.first().copied(),
            Operation::Source(_) | Operation::Diff { .. } | Operation::Passthrough(_) => None,
        }
    }
}

impl Vertex {
    /// Whether it is a folder of a client's.
    fn is_folder(&self) -> bool {
        let is_local = |identifier: &str| identifier.starts_with("local://");
        match self {
            Self::Op(op) => match &op.operation {
                Operation::Source(source) => is_local(&source.identifier),
                _ => false,
            },
            Self::Foreign(foreign) => match pb::Op::decode(foreign.bytes.clone()) {
                Ok(op) => match op.op {
                    Some(pb::op::Op::Source(source)) => is_local(&source.identifier),
                    _ => false,
                },
                Err(_) => true,
            },
            Self::Slot(_) => false,
        }
    }
}
