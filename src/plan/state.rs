//! A stage while it is planned.

use std::collections::HashSet;

use crate::{expand::Environment, image, llb, reference::platform::Platform};

/// What the next command of a stage starts from. Cloning is cheap where it matters: a stage is cloned once for each stage based on it.
#[derive(Debug, Clone, Default)]
pub(super) struct StageState {
    /// The file system so far.
    pub(super) output: llb::Input,
    /// The platform that `output` carries to the ops on it; scratch carries none until something is made on it.
    pub(super) output_platform: Option<Platform>,
    /// Environment of commands: ENV and ARG.
    pub(super) environment: Environment,
    /// Where commands run; empty until the stage begins.
    pub(super) directory: String,
    /// As whom commands run; empty is root.
    pub(super) user: String,
    /// The image config so far.
    pub(super) image: image::Config,
    /// The config of the base image as it was found.
    pub(super) base_image: Option<image::Config>,
    /// The platform of the stage.
    pub(super) platform: Option<Platform>,
    /// The ARGs declared so far, for history.
    pub(super) declared: Vec<Declared>,
    /// The names of `declared`.
    pub(super) declared_names: HashSet<String>,
    /// Which set of read paths the stage's root has.
    pub(super) reads: usize,
    /// How progress names the stage.
    pub(super) label: String,
    /// The number of the step that was named last.
    pub(super) step: usize,
    /// How many steps progress counts.
    pub(super) step_count: usize,
    /// Whether the command at hand comes from an ONBUILD.
    pub(super) is_trigger: bool,
    /// Whether the stage is built without the cache.
    pub(super) ignore_cache: bool,
    /// Whether CMD was set in this stage, so that ENTRYPOINT keeps it.
    pub(super) has_cmd: bool,
    /// Whether this stage, or one below it, has a WORKDIR.
    pub(super) has_directory: bool,
    /// Whether nothing is left to plan.
    pub(super) is_done: bool,
    /// Seconds since 1970, for history and directories.
    pub(super) epoch: Option<i64>,
}

/// An ARG of a stage, as history shows it when the variable is not set.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

impl StageState {
    /// A stage that begins where `base` ended. What progress shows stays the stage's own.
    pub(super) fn based_on(base: &Self, own: &Self) -> Self {
        let mut image = base.image.clone();
        // Triggers fire in the next stage only.
        image.config.on_build.clear();
        Self {
            image,
            base_image: base.base_image.clone(),
            label: own.label.clone(),
            step: own.step,
            step_count: own.step_count,
            has_cmd: false,
            is_done: own.is_done,
            ..base.clone()
        }
    }

    /// Adds a line of history.
    pub(super) fn commit(&mut self, created_by: String, has_layer: bool) {
        self.image.history.push(image::History {
            created: self.epoch.map(image::Timestamp::from_unix),
            created_by,
            comment: "buildkit.dockerfile.v0".to_owned(),
            empty_layer: !has_layer,
            ..image::History::default()
        });
    }
}
