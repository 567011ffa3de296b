//! What a build asks of the planner.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    golang,
    instruction::CommandLine,
    llb::{self, exec, source::ResolveMode},
    proto::pb,
    reference::platform::Platform,
    stage::Contexts,
};

/// Everything outside the file that decides about ops.
pub struct Options<'a> {
    /// The platforms that the daemon builds on, the preferred one first.
    pub build_platforms: &'a [Platform],
    /// The platform that is built for.
    pub target_platform: &'a Platform,
    /// Whether nobody asked for a platform, so that a base image may decide.
    pub is_platform_implicit: bool,
    /// Whether progress names platforms, because the result holds several.
    pub is_multi_platform: bool,
    /// Which images to ask the registry for.
    pub resolve_mode: ResolveMode,
    /// The session whose client serves local contexts.
    pub session: &'a str,
    /// `context:NAME`, by name.
    pub contexts: &'a Contexts,
    /// The results of other builds that came with the request, by name, or why there are none.
    pub inputs: std::result::Result<&'a BTreeMap<String, pb::Definition>, &'a str>,
    /// `input-metadata:NAME`, by name of the input.
    pub input_metadata: &'a BTreeMap<String, String>,
    /// `local-sessionid:NAME`, by local name.
    pub local_sessions: &'a BTreeMap<String, String>,
    /// `sharedkey:localdir:NAME`, by name of the context.
    pub shared_keys: &'a BTreeMap<String, String>,
    /// `BUILDKIT_CACHE_MOUNT_NS`.
    pub cache_mount_namespace: &'a str,
    /// Which stages are built without the cache.
    pub no_cache: &'a NoCache,
    /// `--label`, by name.
    pub labels: &'a BTreeMap<String, String>,
    /// What every RUN gets.
    pub run: &'a RunSettings,
    /// What starts in the image whatever its Dockerfile says: as if written behind its last line.
    pub overrides: &'a Overrides,
    /// Whether the daemon has an LLB capability.
    pub capabilities: &'a dyn Fn(&str) -> bool,
    /// The Dockerfile, which ops are located in.
    pub file: &'a llb::SourceMap,
}

/// What starts in an image, if someone says it who does not write the Dockerfile.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `ENTRYPOINT`.
    pub entrypoint: Option<CommandLine>,
    /// `CMD`.
    pub cmd: Option<CommandLine>,
}

/// Settings of every RUN, from the frontend's options.
#[derive(Debug, Clone, Default)]
pub struct RunSettings {
    /// `add-hosts`.
    pub extra_hosts: Vec<(String, IpAddr)>,
    /// `shm-size`, in bytes; 0 is the daemon's default.
    pub shm_size: i64,
    /// `ulimit`.
    pub ulimits: Vec<golang::Ulimit>,
    /// `cgroup-parent`.
    pub cgroup_parent: String,
    /// `hostname`.
    pub hostname: String,
    /// `force-network-mode`.
    pub network: exec::NetMode,
    /// `memory` and its kin.
    pub resources: Option<pb::LinuxResources>,
    /// Proxies from the build arguments; not part of any cache key.
    pub proxy: Option<exec::ProxyEnv>,
}

/// Which stages are built without the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NoCache {
    /// The cache is used.
    #[default]
    No,
    /// No stage uses it.
    All,
    /// The stages of these names, case ignored, do not use it.
    Stages(Vec<String>),
}

impl NoCache {
    /// Whether the stage of this name is built without the cache.
    pub fn includes(&self, stage: &str) -> bool {
        match self {
            Self::No => false,
            Self::All => true,
            Self::Stages(names) => names.iter().any(|name| golang::equal_fold(name, stage)),
        }
    }
}

impl Options<'_> {
    /// The platform that was asked for, if one was.
    pub(super) fn requested_platform(&self) -> Option<&Platform> {
        (!self.is_platform_implicit).then_some(self.target_platform)
    }

    /// Whether the daemon's LLB knows `capability`.
    pub(super) fn supports(&self, capability: &str) -> bool {
        (self.capabilities)(capability)
    }
}

/// Hosts as ops carry them.
pub fn extra_hosts(hosts: &[(String, IpAddr)]) -> Vec<exec::HostIp> {
    hosts
        .iter()
        .map(|(host, ip)| exec::HostIp {
            host: host.clone(),
            ip: ip.to_string(),
        })
        .collect()
}
