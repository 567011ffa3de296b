//! Turns a Dockerfile into a BuildKit definition.
//!
//! ```text
//! bytes → syntax → instruction → stage → plan → llb → gateway → image
//! ```
//!
//! Everything left of `gateway` is a function of its input: no clock, no files, no network.

pub mod golang;
pub mod source;
pub mod diagnostic;
pub mod syntax;
pub mod expand;
pub mod reference;
pub mod instruction;
pub mod stage;
pub mod image;
pub mod proto;
pub mod llb;
pub mod plan;
#[cfg(feature = "gateway")]
pub mod gateway;
pub mod fal;
#[cfg(feature = "gateway")]
pub mod frontend;
pub mod cli;
