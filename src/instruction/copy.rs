//! `COPY [flags] source… destination`

use crate::{
    diagnostic::Result,
    instruction::{
        flags::{Flag, Flags},
        transfer::Transfer,
    },
    syntax::ast,
};

const FLAGS: [Flag; 6] = [
    Flag::text("chown"),
    Flag::text("from"),
    Flag::text("chmod"),
    Flag::switch("link"),
    Flag::list("exclude"),
    Flag::switch("parents"),
];

/// Copies from the context, from a stage or from an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What goes where.
    pub transfer: Transfer,
    /// `--from`: a stage, its number, a named context or an image. Holds no variable that would be replaced.
    pub from: Option<String>,
    /// `--chown`; may hold variables.
    pub chown: Option<String>,
    /// `--chmod`; may hold variables.
    pub chmod: Option<String>,
    /// `--link`
    pub link: bool,
    /// `--exclude`, each.
    pub excludes: Vec<String>,
    /// `--parents`
    pub parents: bool,
}

impl Copy {
    pub(super) fn read(written: &ast::Instruction) -> Result<Self> {
        Transfer::arguments(written, "COPY")?;
        let flags = Flags::read(&written.flags, &FLAGS)?;
        Ok(Self {
            transfer: Transfer::read(written, "COPY")?,
            from: flags.text("from"),
            chown: flags.text("chown"),
            chmod: flags.text("chmod"),
            link: flags.switch("link").unwrap_or(false),
            excludes: flags.list("exclude"),
            parents: flags.switch("parents").unwrap_or(false),
        })
    }
}
