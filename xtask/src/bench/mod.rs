//! How long ours takes, and how long the original takes for the same.

mod conversion; // from the bytes of a Dockerfile to those of the definition, without a daemon
mod requirements; // what users want to have installed, beside the ways they have without us
mod shapes; // the Dockerfiles of the conversion
mod waits; // the answers of the daemon that a frontend waits for

use anyhow::Result;

/// What to measure.
#[derive(clap::Subcommand)]
pub(crate) enum Arguments {
    /// Converting Dockerfiles and marshalling what they become, beside the original
    Conversion(conversion::Arguments),
    /// Installing requirements, beside pip and uv in a RUN
    Requirements(requirements::Arguments),
    /// How many answers of the daemon a frontend waits for, beside the original
    Waits(waits::Arguments),
}

/// `cargo xtask bench`
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match arguments {
        Arguments::Conversion(arguments) => conversion::run(arguments),
        Arguments::Requirements(arguments) => requirements::run(arguments),
        Arguments::Waits(arguments) => waits::run(arguments),
    }
}
