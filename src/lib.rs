//! Turns a Dockerfile into a BuildKit definition.
//!
//! ```text
//! bytes → syntax → instruction → stage → plan → llb → gateway → image
//! ```
//!
//! Everything left of `gateway` is a function of its input: no clock, no files, no network.

pub mod golang; // what Go's libraries make of a text
pub mod source; // a named text
pub mod diagnostic; // what is wrong with it
pub mod expand; // variables in words
pub mod syntax; // text to instructions as written
pub mod reference; // names of images, repositories, platforms
pub mod instruction; // instructions, checked
pub mod stage; // the graph of stages
pub mod image; // the image config
pub mod proto; // the wire, as generated
pub mod llb; // ops and definitions
pub mod plan; // stages to ops
pub mod lint; // what could be better
pub mod subrequest; // the answers to questions about a build
#[cfg(feature = "gateway")]
pub mod gateway; // the daemon
pub mod fal; // what fal requires
#[cfg(feature = "gateway")]
pub mod frontend; // options to result
pub mod cli; // `fal-image`
