//! What commands do to the config of an image.
//!
//! It is put off until the end: only the target's image has a config, and a stage costs no more for all that the stages below it did.

use crate::image;

/// What the commands of one stage did.
#[derive(Default)]
pub(super) struct Changes {
    settings: Vec<Setting>,
    /// Names and values of ENV.
    variables: Vec<(String, String)>,
    history: Vec<image::History>,
    /// How long the history became since somebody asked.
    grown: usize,
}

type Setting = Box<dyn FnOnce(&mut image::Config) + Send + Sync>;

impl Changes {
    /// Adds one that is neither a variable nor history.
    pub(super) fn add(&mut self, setting: impl FnOnce(&mut image::Config) + Send + Sync + 'static) {
        self.settings.push(Box::new(setting));
    }

    pub(super) fn set_variable(&mut self, name: String, value: String) {
        self.variables.push((name, value));
    }

    pub(super) fn commit(&mut self, line: image::History) {
        self.grown += line.created_by.len();
        self.history.push(line);
    }

    /// How long the history became since this was asked last.
    pub(super) fn grown(&mut self) -> usize {
        std::mem::take(&mut self.grown)
    }

    /// Names and values of ENV, in order.
    pub(super) fn variables(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Makes the changes of stages that stand on each other, the lowest first.
    pub(super) fn apply(stages: Vec<Self>, image: &mut image::Config) {
        image
            .config
            .set_env(stages.iter().flat_map(Self::variables));
        for stage in stages {
            // Triggers fire in the next stage only.
            image.config.on_build.clear();
            for setting in stage.settings {
                setting(image);
            }
            image.history.extend(stage.history);
        }
    }
}
