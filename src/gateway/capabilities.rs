//! What the daemon can do, as its first answer tells.

use std::collections::BTreeMap;

use crate::{
    gateway::error::{Error, Result},
    llb::caps,
    proto::{apicaps::ApiCap, frontend::PongResponse, types::WorkerRecord},
};

pub(super) const RETURN: &str = "return";
pub(super) const RETURN_MAP: &str = "returnmap";
pub(super) const REF_ARRAY: &str = "proto.refarray";
pub(super) const READ_DIR: &str = "readdir";
pub(super) const STAT_FILE: &str = "statfile";
/// The definitions that a caller hands over can be asked for.
pub const INPUTS: &str = "frontend.inputs";
pub(super) const SOLVE_EVALUATE: &str = "gateway.solve.evaluate";
pub(super) const EVALUATE: &str = "gateway.evaluate";
pub(super) const WARNINGS: &str = "gateway.warnings";
pub(super) const SOURCE_META_RESOLVER: &str = "source.metaresolver";

/// What every daemon could do before daemons said so. The list will not change.
const FIRST_FRONTEND: &[&str] = &[
    "solve.base",
    "solve.inlinereturn",
    "resolveimage",
    "readfile",
];

/// The same, of LLB.
const FIRST_LLB: &[&str] = &[
    caps::SOURCE_IMAGE,
    caps::SOURCE_LOCAL,
    caps::SOURCE_LOCAL_UNIQUE,
    caps::SOURCE_LOCAL_SESSION_ID,
    caps::SOURCE_LOCAL_INCLUDE_PATTERNS,
    caps::SOURCE_LOCAL_FOLLOW_PATHS,
    caps::SOURCE_LOCAL_EXCLUDE_PATTERNS,
    caps::SOURCE_LOCAL_SHARED_KEY_HINT,
    caps::SOURCE_GIT,
    caps::SOURCE_GIT_KEEP_DIR,
    caps::SOURCE_GIT_FULL_URL,
    caps::SOURCE_HTTP,
    caps::SOURCE_HTTP_CHECKSUM,
    caps::SOURCE_HTTP_PERM,
    caps::SOURCE_HTTP_UID_GID,
    "source.buildop.llbfilename",
    caps::EXEC_META_BASE,
    caps::EXEC_META_PROXY,
    caps::EXEC_MOUNT_BIND,
    caps::EXEC_MOUNT_CACHE,
    caps::EXEC_MOUNT_CACHE_SHARING,
    caps::EXEC_MOUNT_SELECTOR,
    caps::EXEC_MOUNT_TMPFS,
    caps::EXEC_MOUNT_SECRET,
    caps::CONSTRAINTS,
    caps::PLATFORM,
    caps::META_IGNORE_CACHE,
    caps::META_DESCRIPTION,
    caps::META_EXPORT_CACHE,
];

/// What the daemon can do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capabilities {
    /// What a frontend can ask of it.
    pub frontend: CapabilitySet,
    /// What an op can be.
    pub llb: CapabilitySet,
    /// What runs the ops; of the platforms of a worker, the first is its own.
    pub workers: Vec<WorkerRecord>,
}

impl Capabilities {
    /// Whether a daemon that can do this can do all that another can.
    pub fn includes(&self, other: &Self) -> bool {
        self.frontend.includes(&other.frontend) && self.llb.includes(&other.llb)
    }
}

impl From<PongResponse> for Capabilities {
    fn from(pong: PongResponse) -> Self {
        let or_first = |caps: Vec<ApiCap>, first: &[&str]| match caps.is_empty() {
            true => CapabilitySet::of(first),
            false => caps.into_iter().collect(),
        };
        Self {
            frontend: or_first(pong.frontend_api_caps, FIRST_FRONTEND),
            llb: or_first(pong.llb_caps, FIRST_LLB),
            workers: pong.workers,
        }
    }
}

/// Capabilities by name. A name that we do not know is none of our business: a newer daemon can do
/// more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CapabilitySet(BTreeMap<String, ApiCap>);

impl CapabilitySet {
    /// These, and no others.
    pub fn of(names: &[&str]) -> Self {
        let enabled = |name: &&str| ApiCap {
            id: (*name).to_owned(),
            enabled: true,
            ..Default::default()
        };
        names.iter().map(enabled).collect()
    }

    /// Whether the daemon can do it.
    pub fn supports(&self, name: &str) -> bool {
        self.0
            .get(name)
            .is_some_and(|capability| capability.enabled)
    }

    /// Whether the daemon can do all that is in another set.
    pub fn includes(&self, other: &Self) -> bool {
        let mut names = other.0.keys().filter(|name| other.supports(name));
        names.all(|name| self.supports(name))
    }

    /// Refuses with a sentence of the caller's, if the daemon cannot do it.
    pub fn require(&self, name: &str, sentence: &str) -> Result<()> {
        match self.supports(name) {
            true => Ok(()),
            false => Err(Error::new(sentence)),
        }
    }

    /// Refuses with the sentence that the original has for every capability.
    pub fn check(&self, name: &str) -> Result<()> {
        if self.supports(name) {
            return Ok(());
        }
        // The two spaces stand around the readable name, which no LLB capability of ours has.
        let feature = match name {
            caps::FILE_BASE => format!("requested prerelease feature {name} "),
            _ => format!("requested experimental feature {name} "),
        };
        Err(Error::new(match self.0.get(name) {
            None => {
                format!("{feature} is not supported by build server, please update buildkit")
            }
            Some(disabled) if disabled.disabled_reason_msg.is_empty() => {
                format!("{feature} has been disabled on the build server")
            }
            Some(disabled) => format!(
                "{feature} has been disabled on the build server: {}",
                disabled.disabled_reason_msg
            ),
        }))
    }
}

impl FromIterator<ApiCap> for CapabilitySet {
    fn from_iter<I: IntoIterator<Item = ApiCap>>(capabilities: I) -> Self {
        let named = capabilities.into_iter().map(|it| (it.id.clone(), it));
        Self(named.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_kept_and_what_is_disabled_is_not_supported() {
        let disabled = |id: &str, reason: &str| ApiCap {
            id: id.into(),
            disabled_reason_msg: reason.into(),
            ..Default::default()
        };
        let mut set = CapabilitySet::of(&["mergeop", "from.the.future"]);
        set.0.insert("diffop".into(), disabled("diffop", ""));
        set.0.insert("a".into(), disabled("a", "because"));
        assert!(set.supports("mergeop") && set.supports("from.the.future"));
        assert!(set.check("mergeop").is_ok());

        for (name, expected) in [
            (
                "diffop",
                "requested experimental feature diffop  has been disabled on the build server",
            ),
            (
                "a",
                "requested experimental feature a  has been disabled on the build server: because",
            ),
            (
                "file.base",
                "requested prerelease feature file.base  is not supported by build server, please update buildkit",
            ),
        ] {
            assert!(!set.supports(name));
            let error = set.check(name).expect_err(name);
            assert_eq!(error.message, expected);
        }
        let error = set.require("diffop", "needs BuildKit 0.11 or later");
        assert_eq!(error, Err(Error::new("needs BuildKit 0.11 or later")));
    }

    #[test]
    fn a_daemon_that_says_nothing_is_an_old_one() {
        let old = Capabilities::from(PongResponse::default());
        assert!(old.frontend.supports("readfile") && !old.frontend.supports(RETURN));
        assert!(old.llb.supports("exec.mount.ssh") != old.llb.supports("exec.mount.secret"));
    }
}
