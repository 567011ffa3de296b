//! What fal requires of an image.
//!
//! Takes what a user asked for, in the Dockerfile or beside it; gives the layers and checks that make the image run on
//! fal. Knows nothing of the daemon.

pub mod key; // a name of what a build would give
pub mod layers; // what is added to the target
pub mod lint; // what could be better, for fal
pub mod manifest; // what a build can begin with instead of a Dockerfile
pub mod options; // what was asked for
pub mod pins; // what fal asks for, with its date
pub mod registries; // what fal needs to pull an image
pub mod requirements; // what is installed before that
pub mod secrets; // what runs again when a secret changes

mod request; // what the helper is asked
mod token; // what tokens look like

pub use options::{Given, Options, read};
