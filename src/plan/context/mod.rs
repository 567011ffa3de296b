//! Contexts: the main one, and the named ones that stand in for stages and images.

mod main; // what COPY reads
mod named; // what `--build-context` puts in the place of an image or a stage
mod origin; // where a named context comes from

pub use main::{MainContext, Remote};
pub(super) use named::{PendingLocal, load, query};
