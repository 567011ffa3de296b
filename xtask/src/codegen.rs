//! `proto/*.proto` to `src/proto/*.rs`, without a protoc binary.
//!
//! The output is committed, so that nobody needs this to build. Running it again on the same input
//! changes nothing, which is how CI sees that the two folders belong together.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// The calls need tonic; the messages do not.
const SERVICE_GATE: &str = "#[cfg(feature = \"gateway\")]";

/// Writes `src/proto` again, all but its `mod.rs`.
pub(crate) fn codegen() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the xtask package stands in no workspace")?;
    let descriptors = protox::compile(files(&root.join("proto"), "proto")?, [root.join("proto")])
        .context("reading proto/")?;

    let out = root.join("src/proto");
    let mut messages = tonic_prost_build::Config::new();
    // Maps in key order and contents that can be shared: equal messages are equal bytes, and a
    // definition can be sent twice without being copied twice.
    messages.btree_map(["."]).bytes(["."]);
    tonic_prost_build::configure()
        .build_transport(false)
        .client_mod_attribute(".", SERVICE_GATE)
        .server_mod_attribute(".", SERVICE_GATE)
        .out_dir(&out)
        .compile_fds_with_config(descriptors, messages)
        .context("writing src/proto/")?;
    format(&files(&out, "rs")?)
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn format(files: &[PathBuf]) -> Result<()> {
    let status = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .args(files)
        .status()
        .context("starting rustfmt")?;
    ensure!(status.success(), "rustfmt failed on the generated files");
    Ok(())
}
