//! Ops and the definition they marshal to.
//!
//! Takes sources, processes and file actions, joined by their outputs, and gives the bytes, digests,
//! metadata and source map that BuildKit solves. Knows nothing of Dockerfiles and of gRPC.
//!
//! ```text
//! Graph::add_… → Output … → marshal(&graph, output, &defaults) → Definition
//! ```
//!
//! A [`Graph`] is an arena: of what is added nothing is changed but that a process gets more mounts and
//! a slot its input, so nothing here recurses and a chain of any length is walked in linear time. Bytes and order are
//! those of the Go original's `client/llb` (BuildKit v0.32.2), which is what makes two frontends
//! share one build cache; `testdata` holds digests that the original made.

pub use definition::{Definition, digest, for_the_wire};
pub use foreign::Error;
pub use graph::{
    Defaults, ExecOutputs, Graph, Input, Location, Meta, Origin, Output, PassthroughInput, Process,
    SourceMap, SourceMapId, line_by_line, lines,
};
pub use json::convert_llb_json;
pub use marshal::marshal;
pub use ops::{exec, file, source};
pub use print::print;
pub use uses::{Read, Uses};

pub mod caps;
pub mod json;

mod definition;
mod foreign;
mod graph;
mod marshal;
mod ops;
mod path;
mod print;
mod sourcemap;
mod steady;
mod uses;

#[cfg(test)]
mod tests;
