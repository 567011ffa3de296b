//! `RUN [flags] command`
//!
//! The values of `--mount` may hold variables: [`mounts`] reads them when those are known.

mod device;
mod fields; // what `--mount` and `--device` have in common
mod mount;

pub use self::{
    device::Device,
    mount::{Mount, MountKind, Sharing, WrittenMount},
};

use crate::{
    diagnostic::Result,
    instruction::{
        CommandLine, InlineFile,
        flags::{Flag, Flags},
        messages,
    },
    syntax::ast,
};

const FLAGS: [Flag; 4] = [
    Flag::list("device"),
    Flag::list("mount"),
    Flag::text("network"),
    Flag::text("security"),
];

/// Runs a command in the stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The command; the shell replaces what variables it holds.
    pub command: CommandLine,
    /// The here-documents of the line.
    pub heredocs: Vec<InlineFile>,
    /// `--mount`, each.
    pub mounts: Vec<WrittenMount>,
    /// `--device`, each.
    pub devices: Vec<Device>,
    /// `--network`
    pub network: Network,
    /// `--security`
    pub security: Security,
}

/// What the command can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// What the build gives.
    #[default]
    Default,
    /// Nothing.
    None,
    /// What the daemon can reach.
    Host,
}

/// What the command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// What a container may.
    #[default]
    Sandbox,
    /// Everything.
    Insecure,
}

/// Reads the mounts of a `RUN`, replacing the variables in their values with `expand`.
pub fn mounts(
    written: &[WrittenMount],
    mut expand: impl FnMut(&str) -> Result<String>,
) -> Result<Vec<Mount>> {
    let mounts = written.iter();
    mounts.map(|mount| mount.read(&mut expand)).collect()
}

impl Run {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        let flags = Flags::read(&written.flags, &FLAGS)?;
        let devices = flags.list("device");
        let devices: Result<_> = devices.iter().map(|text| Device::read(text)).collect();
        let devices = devices?;
        let mounts: Result<_> = flags
            .list("mount")
            .into_iter()
            .map(WrittenMount::new)
            .collect();
        Ok(Self {
            command: CommandLine::read(&written.arguments),
            heredocs: written.heredocs.iter().map(InlineFile::from).collect(),
            mounts: mounts?,
            devices,
            network: Network::read(flags.value("network"))?,
            security: Security::read(flags.value("security"))?,
        })
    }
}

impl Network {
    fn read(value: Option<&str>) -> Result<Self> {
        match value {
            None | Some("default") => Ok(Self::Default),
            Some("none") => Ok(Self::None),
            Some("host") => Ok(Self::Host),
            Some(value) => Err(messages::wrong_network(value).into()),
        }
    }
}

impl Security {
    fn read(value: Option<&str>) -> Result<Self> {
        match value {
            None | Some("sandbox") => Ok(Self::Sandbox),
            Some("insecure") => Ok(Self::Insecure),
            Some(value) => Err(messages::wrong_security(value).into()),
        }
    }
}
