//! The registry that stands in for docker.io in the tests.
//!
//! They run it themselves, over a folder that we fill: an image that is there already is not
//! fetched from elsewhere.

use std::{fs, path::PathBuf};

use anyhow::Result;

use crate::{
    base_images::{self, ALPINE, BUSYBOX, BaseImage, DEBIAN_SLIM},
    stack::{self, Stack},
};

/// What the tests build from, and our image that answers to the name. hellofs would be a file
/// system in user space; the test about it fails without, and the others want it to be there.
const IMAGES: [(&BaseImage, &[&str]); 3] = [
    (
        &BUSYBOX,
        &[
            "library/busybox:latest",
            "library/busybox:stable-musl",
            "tonistiigi/hellofs:latest",
        ],
    ),
    (&ALPINE, &["library/alpine:latest"]),
    (&DEBIAN_SLIM, &["amd64/debian:bullseye-20230109-slim"]),
];

/// The filled folder.
pub(super) fn fill(stack: &Stack) -> Result<PathBuf> {
    let folder = super::folder().join("mirror");
    let stamp = folder.join("images.stamp");
    let recipe = format!("{IMAGES:?} {}", base_images::recipe()?);
    if fs::read_to_string(&stamp).is_ok_and(|made| made == recipe) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    // The tests' registry keeps its images in `data`.
    let storage = folder.join("data");
    fs::create_dir_all(&storage)?;
    stack::registry::during(&storage, |registry| {
        for (image, names) in IMAGES {
            eprintln!("xtask: making the tests' image {}", names[0]);
            let names: Vec<String> = names
                .iter()
                .map(|name| format!("{registry}/{name}"))
                .collect();
            image.push_as(&stack.buildkit(), &names)?;
        }
        Ok(())
    })?;
    fs::write(stamp, recipe)?;
    Ok(folder)
}
