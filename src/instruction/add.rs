//! `ADD [flags] source… destination`

use crate::{
    diagnostic::Result,
    instruction::{
        flags::{Flag, Flags},
        transfer::Transfer,
    },
    syntax::ast,
};

const FLAGS: [Flag; 7] = [
    Flag::text("chown"),
    Flag::text("chmod"),
    Flag::switch("link"),
    Flag::switch("keep-git-dir"),
    Flag::text("checksum"),
    Flag::switch("unpack"),
    Flag::list("exclude"),
];

/// Copies from the context, from the network or from a repository, and unpacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Add {
    /// What goes where.
    pub transfer: Transfer,
    /// `--chown`; may hold variables.
    pub chown: Option<String>,
    /// `--chmod`; may hold variables.
    pub chmod: Option<String>,
    /// `--checksum`; may hold variables.
    pub checksum: Option<String>,
    /// `--link`
    pub link: bool,
    /// `--exclude`, each.
    pub excludes: Vec<String>,
    /// `--keep-git-dir`
    pub keep_git_dir: Option<bool>,
    /// `--unpack`
    pub unpack: Option<bool>,
}

impl Add {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        Transfer::arguments(written, "ADD")?;
        let flags = Flags::read(&written.flags, &FLAGS)?;
        Ok(Self {
            transfer: Transfer::read(written, "ADD")?,
            chown: flags.text("chown"),
            chmod: flags.text("chmod"),
            checksum: flags.text("checksum"),
            link: flags.switch("link").unwrap_or(false),
            excludes: flags.list("exclude"),
            keep_git_dir: flags.switch("keep-git-dir"),
            unpack: flags.switch("unpack"),
        })
    }
}
