//! What fal requires of an image.
//!
//! Takes what a user asked for, in the Dockerfile or beside it; gives the layers and checks that make the image run on
//! fal. Knows nothing of the daemon.

pub mod key; // a name of what a build would give
pub mod layers; // what is added to the target
pub mod manifest; // what a build can begin with instead of a Dockerfile
pub mod options; // what was asked for
pub mod pins; // what fal asks for, with its date
pub mod requirements; // what is installed before that
pub mod secrets; // what runs again when a secret changes

mod request; // what the helper is asked

pub use options::{Given, Options, read};
