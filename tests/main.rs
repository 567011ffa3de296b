//! The one test binary.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads what it is about, and stops where the world is not as it must be"
)]

mod architecture; // rooms import only what stands above them
mod documents; // what the documents say of the repository
mod fal; // what `mode=app` does to a definition
mod e2e; // whole builds, on the real stack that `cargo xtask test` starts
mod frontend; // options and files to a result, without a daemon
mod key; // the encoding of `fal.key`
mod gateway; // the client against a daemon at the other end of real pipes
mod lints; // what the rules of fal say
mod hostile; // small files that ask for much
mod syntax; // the original's own Dockerfiles
