//! What the daemon tells a frontend through its environment.

use std::collections::BTreeMap;

use crate::reference::platform::{self, Platform};

/// The environment of the frontend's process, sorted out.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `BUILDKIT_FRONTEND_OPT_<n>=key=value`.
    pub options: BTreeMap<String, String>,
    /// `BUILDKIT_SESSION_ID`: the client's session.
    pub session: String,
    /// The platforms of the first worker of `BUILDKIT_WORKERS`.
    pub platforms: Vec<Platform>,
    /// `FAL_*`: the defaults that the frontend image carries.
    pub defaults: BTreeMap<String, String>,
}

/// A worker as `BUILDKIT_WORKERS` describes it.
#[derive(serde::Deserialize)]
struct Worker {
    #[serde(default)]
    platforms: Option<Vec<Platform>>,
}

impl Environment {
    /// Reads variables as `std::env::vars` gives them.
    pub fn read(variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            if name.starts_with("BUILDKIT_FRONTEND_OPT_") {
                if let Some((key, value)) = value.split_once('=') {
                    environment.options.insert(key.to_owned(), value.to_owned());
                }
            } else if name == "BUILDKIT_SESSION_ID" {
                environment.session = value;
            } else if name == "BUILDKIT_WORKERS" {
                environment.platforms = first_worker(&value);
            } else if name.starts_with("FAL_") {
                environment.defaults.insert(name, value);
            }
        }
        environment
    }

    /// The platform that the daemon builds on.
    pub(crate) fn build_platform(&self) -> Platform {
        let own = || platform::default_spec().normalize();
        self.platforms.first().cloned().unwrap_or_else(own)
    }

    /// Whether the daemon starts programs of a platform: its own, or one that the machine's kernel hands to an emulator. The
    /// helper is a program of the daemon's own platform, and what it starts is of the image's.
    pub(crate) fn runs(&self, platform: &Platform) -> bool {
        let own = [self.build_platform()];
        let all = own.iter().chain(&self.platforms);
        let kind = |it: &Platform| {
            let it = it.clone().normalize();
            (it.os, it.architecture)
        };
        let wanted = kind(platform);
        all.map(kind).any(|kind| kind == wanted)
    }
}

/// The platforms of the first worker; none when the list cannot be read.
fn first_worker(json: &str) -> Vec<Platform> {
    let workers: Vec<Worker> = serde_json::from_str(json).unwrap_or_default();
    workers
        .into_iter()
        .next()
        .and_then(|worker| worker.platforms)
        .unwrap_or_default()
}
