//! A stage while it is planned.

use std::sync::Arc;

use crate::{expand::Environment, golang::Timestamp, image, llb, reference::platform::Platform};

use super::{changes::Changes, scan::Asked};

/// What the next command of a stage starts from, and what the commands of the stage did to the image.
#[derive(Default)]
pub(super) struct StageState {
    /// The file system so far.
    pub(super) output: llb::Input,
    /// The file system that the stage begins with, or that the stages below it do: an image, or a context in its place.
    pub(super) base: llb::Input,
    /// The platform that `output` carries to the ops on it; scratch, and what is made on it, carries none.
    pub(super) output_platform: Option<Platform>,
    /// Environment of commands: ENV and ARG.
    pub(super) environment: Environment,
    /// Where commands run; empty until the stage begins.
    pub(super) directory: String,
    /// As whom commands run; empty is root.
    pub(super) user: String,
    /// What runs the commands that are lines; empty is the platform's own.
    pub(super) shell: Arc<[String]>,
    /// The config of the image that the stage begins with, or that the stages below it do.
    pub(super) image: Arc<image::Config>,
    /// The same as it was found, if it was asked for.
    pub(super) base_image: Option<Arc<image::Config>>,
    /// What this stage does to the config.
    pub(super) changes: Changes,
    /// Whether the image has variables that cannot be told apart by their names. Then each stage sets all of them again.
    pub(super) has_odd_variables: bool,
    /// ONBUILD of the image, until it fires.
    pub(super) triggers: Vec<String>,
    /// The platform of the stage.
    pub(super) platform: Option<Platform>,
    /// The ARGs declared so far with their values, for history.
    pub(super) declared: Environment,
    /// What the ARGs ask of the scanner of an SBOM.
    pub(super) scan: Asked,
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
    /// Whether commands can run in it, or stages stand on it.
    pub(super) has_begun: bool,
    /// Whether its commands were planned; those of a stage that a named context stands in for are not.
    pub(super) is_planned: bool,
    /// Whether nothing is left to plan.
    pub(super) is_done: bool,
    /// For history and directories.
    pub(super) epoch: Option<Timestamp>,
}

impl StageState {
    /// Begins where `base` ended. What progress shows stays the stage's own.
    pub(super) fn stand_on(&mut self, base: &Self) {
        self.output = base.output;
        self.base = base.base;
        self.output_platform.clone_from(&base.output_platform);
        self.environment = base.environment.clone();
        self.directory.clone_from(&base.directory);
        self.user.clone_from(&base.user);
        self.shell = Arc::clone(&base.shell);
        self.image = Arc::clone(&base.image);
        self.base_image.clone_from(&base.base_image);
        self.has_odd_variables = base.has_odd_variables;
        self.platform.clone_from(&base.platform);
        self.declared = base.declared.clone();
        self.scan = base.scan.clone();
        self.has_directory = base.has_directory;
        self.has_begun = base.has_begun;
    }

    /// Adds a line of history.
    pub(super) fn commit(&mut self, created_by: String, has_layer: bool) {
        self.changes.commit(image::History {
            created: self.epoch,
            created_by,
            comment: "buildkit.dockerfile.v0".to_owned(),
            empty_layer: !has_layer,
            ..image::History::default()
        });
    }
}
