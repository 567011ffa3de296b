//! Which named context stands in for a stage or an image.

use std::collections::BTreeMap;

use crate::{
    diagnostic::Result,
    golang,
    reference::{image, platform::Platform},
};

use super::{SCRATCH, messages};

/// The named contexts of a build: `--build-context NAME=VALUE`, the name possibly followed by `::PLATFORM`.
#[derive(Debug, Clone, Default)]
pub struct Contexts {
    /// Values by name, as the options give them.
    values: BTreeMap<String, String>,
}

/// A named context that a build uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedContext {
    /// The familiar name that was looked up.
    pub name: String,
    /// The name under which it is given, with the platform where it has one.
    pub key: String,
    /// Where it comes from, such as `docker-image://alpine` or `local:files`.
    pub value: String,
}

impl Contexts {
    /// The contexts of these names and values.
    pub fn new(values: BTreeMap<String, String>) -> Self {
        Self { values }
    }

    /// The context that stands in for `name`: one for the platform before one for all.
    ///
    /// `scratch` and `context` are never replaced. Names are compared in their familiar form, `:latest` left out.
    pub fn find(
        &self,
        name: &str,
        platform: Option<&Platform>,
        default: &Platform,
    ) -> Result<Option<NamedContext>> {
        if golang::equal_fold(name, SCRATCH) || golang::equal_fold(name, "context") {
            return Ok(None);
        }
        self.named(name, platform.unwrap_or(default))
    }

    /// The context of this name, whatever the name: one for the platform before one for all.
    pub(super) fn named(&self, name: &str, platform: &Platform) -> Result<Option<NamedContext>> {
        let reference = image::parse_normalized(name)
            .map_err(|error| messages::bad_context_name(name, &error))?;
        if self.values.is_empty() {
            return Ok(None);
        }
        let familiar = reference.familiar_string();
        let name = familiar.strip_suffix(":latest").unwrap_or(&familiar);
        let platform = platform.clone().normalize().format_all();
        let keys = [format!("{name}::{platform}"), name.to_owned()];
        let found = keys.into_iter().find_map(|key| {
            let value = self.values.get(&key)?.clone();
            Some(NamedContext {
                name: name.to_owned(),
                key,
                value,
            })
        });
        Ok(found)
    }
}
