//! A process in a container, after `client/llb/exec.go`.

use std::{borrow::Cow, sync::Arc};

use crate::{
    golang,
    llb::{
        caps,
        graph::Input,
        ops::{Encoder, NONE},
    },
    proto::pb,
};

pub use crate::proto::pb::{
    CdiDevice, HostIp, MountContentCache as ContentCache, NetMode, ProxyEnv, SecurityMode, Ulimit,
};

/// The search path of a process that has none, where the daemon does not set one.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const SSH_AUTH_SOCK: &str = "SSH_AUTH_SOCK";

impl ProxyEnv {
    /// What a build argument sets, if it is one of the proxies, whatever its case.
    pub fn named(&mut self, argument: &str) -> Option<&mut String> {
        match golang::to_lower(argument).as_str() {
            "http_proxy" => Some(&mut self.http_proxy),
            "https_proxy" => Some(&mut self.https_proxy),
            "ftp_proxy" => Some(&mut self.ftp_proxy),
            "no_proxy" => Some(&mut self.no_proxy),
            "all_proxy" => Some(&mut self.all_proxy),
            _ => None,
        }
    }
}

/// A process and what it sees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exec {
    /// The program and its arguments; at least one.
    pub args: Vec<String>,
    /// `KEY=value`, in the order in which the process gets them. Processes that get the same can share it.
    pub env: Arc<[Arc<str>]>,
    /// Its working directory; never empty.
    pub cwd: String,
    /// As whom it runs: names or numbers, `user:group`.
    pub user: String,
    /// The host name that it sees.
    pub hostname: String,
    /// The control group that its own is made in.
    pub cgroup_parent: String,
    /// Lines for `/etc/hosts`.
    pub extra_hosts: Vec<HostIp>,
    /// Its limits.
    pub ulimits: Vec<Ulimit>,
    /// The exit codes that are no failure; `None` is zero alone.
    pub valid_exit_codes: Option<Vec<i32>>,
    /// Proxies, which are not part of the cache key.
    pub proxy: Option<ProxyEnv>,
    /// Its network.
    pub network: NetMode,
    /// Its privileges.
    pub security: SecurityMode,
    /// Its root file system.
    pub root: Input,
    /// Whether the root cannot be written; then the root is its own output.
    pub readonly_root: bool,
    /// What else is mounted. The op holds mounts sorted by target.
    pub mounts: Vec<Mount>,
    /// Secrets, as files or variables.
    pub secrets: Vec<Secret>,
    /// Agents of the client, as sockets.
    pub ssh: Vec<Ssh>,
    /// Devices of the host.
    pub devices: Vec<CdiDevice>,
}

/// A file system at a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    /// The path.
    pub target: String,
    /// What is mounted; `None` is an empty file system.
    pub source: Input,
    /// The path within the source; empty is all.
    pub selector: String,
    /// Whether it cannot be written.
    pub readonly: bool,
    /// Writes are lost, and nothing can be made from it.
    pub no_output: bool,
    /// What kind of mount.
    pub kind: MountKind,
    /// Whether the contents of the source, rather than its history, are the cache key.
    pub content_cache: ContentCache,
}

/// What kind of mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountKind {
    /// The source itself.
    Bind,
    /// A directory that outlives the build. The id is not empty.
    Cache {
        /// Equal ids are one directory.
        id: String,
        /// What happens when two processes want it.
        sharing: pb::CacheSharingOpt,
    },
    /// Memory; the source does not matter.
    Tmpfs {
        /// In bytes; zero is no limit.
        size: i64,
    },
}

impl Mount {
    /// A source at a path, writable: what is written is an output of the process.
    pub fn bind(target: impl Into<String>, source: impl Into<Input>) -> Self {
        Self {
            target: target.into(),
            source: source.into(),
            selector: String::new(),
            readonly: false,
            no_output: false,
            kind: MountKind::Bind,
            content_cache: ContentCache::Default,
        }
    }

    /// A directory that outlives the build; `source` is what it holds at first.
    pub fn cache(
        target: impl Into<String>,
        source: impl Into<Input>,
        id: impl Into<String>,
        sharing: pb::CacheSharingOpt,
    ) -> Self {
        let kind = MountKind::Cache {
            id: id.into(),
            sharing,
        };
        Self {
            kind,
            ..Self::bind(target, source)
        }
    }

    /// Memory, up to `size` bytes, or without a limit if that is zero.
    pub fn tmpfs(target: impl Into<String>, size: i64) -> Self {
        Self {
            kind: MountKind::Tmpfs { size },
            ..Self::bind(target, None)
        }
    }

    /// The path within the source.
    pub fn select(self, selector: impl Into<String>) -> Self {
        Self {
            selector: selector.into(),
            ..self
        }
    }

    /// Without leave to write.
    pub fn readonly(self) -> Self {
        Self {
            readonly: true,
            ..self
        }
    }

    /// Whether what is written there is an output of the process.
    fn has_output(&self) -> bool {
        !self.no_output && !self.readonly && self.kind == MountKind::Bind
    }
}

/// A secret of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// The name that the client knows it by.
    pub id: String,
    /// The path of a file that holds it.
    pub target: Option<String>,
    /// The name of a variable that holds it.
    pub env: Option<String>,
    /// Owner of the file.
    pub uid: u32,
    /// Group of the file.
    pub gid: u32,
    /// Permission bits of the file.
    pub mode: u32,
    /// The client may have no such secret.
    pub optional: bool,
}

/// An SSH agent of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// The name that the client knows it by; empty is `default`.
    pub id: String,
    /// The path of the socket; empty is `/run/buildkit/ssh_agent.` and its number.
    pub target: String,
    /// Owner of the socket.
    pub uid: u32,
    /// Group of the socket.
    pub gid: u32,
    /// Permission bits of the socket.
    pub mode: u32,
    /// The client may have no such agent.
    pub optional: bool,
}

impl Exec {
    /// The sources in the order in which the original looks at them.
    pub(in crate::llb) fn inputs(&self) -> impl Iterator<Item = Input> {
        self.sorted_mounts().into_iter().map(|mount| mount.source)
    }

    /// Which output of the op each mount is: that of the root first, then those of `mounts`.
    pub(in crate::llb) fn outputs(&self) -> Vec<Option<u32>> {
        let mut outputs = vec![None; self.mounts.len() + 1];
        let mut next = 0;
        for mount in self.sorted_mounts() {
            if mount.has_output {
                outputs[mount.place] = Some(next);
                next += 1;
            }
        }
        outputs
    }

    /// The root and the other mounts, by target. Mounts with one target keep their order, which the
    /// original promises for no more than twelve mounts.
    fn sorted_mounts(&self) -> Vec<Placed<'_>> {
        let root = Placed {
            place: 0,
            target: "/",
            source: self.root,
            has_output: !self.readonly_root,
            mount: None,
        };
        let others = self.mounts.iter().enumerate().map(|(at, mount)| Placed {
            place: at + 1,
            target: &mount.target,
            source: match mount.kind {
                MountKind::Tmpfs { .. } => None,
                _ => mount.source,
            },
            has_output: mount.has_output(),
            mount: Some(mount),
        });
        let mut sorted: Vec<_> = std::iter::once(root).chain(others).collect();
        sorted.sort_by_key(|mount| mount.target);
        sorted
    }

    pub(in crate::llb) fn encode(
        &self,
        limits_resources: bool,
        encoder: &mut Encoder<'_>,
    ) -> pb::ExecOp {
        encoder.needs(caps::EXEC_META_BASE);
        if limits_resources {
            encoder.needs(caps::EXEC_META_LINUX_RESOURCES);
        }
        if self.network != NetMode::Unset {
            encoder.needs(caps::EXEC_META_NETWORK);
        }
        if self.security != SecurityMode::Sandbox {
            encoder.needs(caps::EXEC_META_SECURITY);
        }
        if !self.devices.is_empty() {
            encoder.needs(caps::EXEC_META_CDI);
        }
        let mut mounts = self.encode_mounts(encoder);
        mounts.extend(self.encode_secrets(encoder));
        mounts.extend(self.encode_ssh(encoder));
        pb::ExecOp {
            meta: Some(self.encode_meta(encoder)),
            mounts,
            network: self.network.into(),
            security: self.security.into(),
            secretenv: self.secret_env(),
            cdi_devices: self.devices.clone(),
        }
    }

    fn encode_meta(&self, encoder: &mut Encoder<'_>) -> pb::Meta {
        if self.valid_exit_codes.is_some() {
            encoder.needs(caps::EXEC_VALID_EXIT_CODE);
        }
        if !self.ulimits.is_empty() {
            encoder.needs(caps::EXEC_META_ULIMIT);
        }
        if self.proxy.is_some() {
            encoder.needs(caps::EXEC_META_PROXY);
        }
        pb::Meta {
            args: self.args.clone(),
            // Written by itself: see `Exec::encode_env`.
            env: Vec::new(),
            cwd: self.cwd.clone(),
            user: self.user.clone(),
            proxy_env: self.proxy.clone(),
            extra_hosts: self.extra_hosts.clone(),
            hostname: self.hostname.clone(),
            ulimit: self.ulimits.clone(),
            cgroup_parent: self.cgroup_parent.clone(),
            remove_mount_stubs_recursive: true,
            valid_exit_codes: self.valid_exit_codes.clone().unwrap_or_default(),
        }
    }

    /// The environment, which is no part of what [`Exec::encode`] gives.
    pub(in crate::llb) fn encode_env(&self, encoder: &mut Encoder<'_>) -> Vec<Cow<'_, str>> {
        let pairs = self.env.iter().map(|pair| Cow::Borrowed(&**pair));
        let mut env = pairs.collect();
        if let Some(ssh) = self.ssh.first() {
            set_default(&mut env, SSH_AUTH_SOCK, &ssh.target(0));
        }
        if (encoder.defaults.capabilities)(caps::EXEC_META_SETS_DEFAULT_PATH) {
            encoder.needs(caps::EXEC_META_SETS_DEFAULT_PATH);
        } else if encoder.defaults.platform.os != "windows" {
            set_default(&mut env, "PATH", DEFAULT_PATH);
        }
        env
    }

    fn encode_mounts(&self, encoder: &mut Encoder<'_>) -> Vec<pb::Mount> {
        let mut next_output = 0;
        let mut encoded = Vec::with_capacity(self.mounts.len() + 1);
        for placed in self.sorted_mounts() {
            let input = encoder.share(placed.source);
            let mut message = pb::Mount {
                input,
                dest: placed.target.to_owned(),
                output: NONE,
                ..Default::default()
            };
            if placed.has_output {
                message.output = next_output;
                next_output += 1;
            }
            match placed.mount {
                Some(mount) => mount.encode(&mut message, encoder),
                None => {
                    message.readonly = self.readonly_root;
                    if input != NONE {
                        encoder.needs(caps::EXEC_MOUNT_BIND);
                    }
                }
            }
            encoded.push(message);
        }
        encoded
    }

    fn encode_secrets(&self, encoder: &mut Encoder<'_>) -> impl Iterator<Item = pb::Mount> {
        if !self.secrets.is_empty() {
            encoder.needs(caps::EXEC_MOUNT_SECRET);
        }
        if self.secrets.iter().any(|secret| secret.env.is_some()) {
            encoder.needs(caps::EXEC_SECRET_ENV);
        }
        self.secrets.iter().filter_map(|secret| {
            Some(pb::Mount {
                input: NONE,
                dest: secret.target.clone()?,
                mount_type: pb::MountType::Secret.into(),
                secret_opt: Some(pb::SecretOpt {
                    id: secret.id.clone(),
                    uid: secret.uid,
                    gid: secret.gid,
                    mode: secret.mode,
                    optional: secret.optional,
                }),
                ..Default::default()
            })
        })
    }

    fn encode_ssh(&self, encoder: &mut Encoder<'_>) -> impl Iterator<Item = pb::Mount> {
        if !self.ssh.is_empty() {
            encoder.needs(caps::EXEC_MOUNT_SSH);
        }
        self.ssh.iter().enumerate().map(|(at, ssh)| pb::Mount {
            input: NONE,
            dest: ssh.target(at),
            mount_type: pb::MountType::Ssh.into(),
            ssh_opt: Some(pb::SshOpt {
                id: ssh.id.clone(),
                uid: ssh.uid,
                gid: ssh.gid,
                mode: ssh.mode,
                optional: ssh.optional,
            }),
            ..Default::default()
        })
    }

    fn secret_env(&self) -> Vec<pb::SecretEnv> {
        self.secrets
            .iter()
            .filter_map(|secret| {
                Some(pb::SecretEnv {
                    id: secret.id.clone(),
                    name: secret.env.clone()?,
                    optional: secret.optional,
                })
            })
            .collect()
    }
}

/// A mount in its sorted place; the root has no [`Mount`] of its own.
struct Placed<'a> {
    place: usize,
    target: &'a str,
    source: Input,
    has_output: bool,
    mount: Option<&'a Mount>,
}

impl Mount {
    fn encode(&self, message: &mut pb::Mount, encoder: &mut Encoder<'_>) {
        message.selector = self.selector.clone();
        message.readonly = self.readonly;
        message.content_cache = self.content_cache.into();
        if !self.selector.is_empty() {
            encoder.needs(caps::EXEC_MOUNT_SELECTOR);
        }
        if self.content_cache != ContentCache::Default {
            encoder.needs(caps::EXEC_MOUNT_CONTENT_CACHE);
        }
        match &self.kind {
            MountKind::Bind if message.input != NONE => encoder.needs(caps::EXEC_MOUNT_BIND),
            MountKind::Bind => {}
            MountKind::Cache { id, sharing } => {
                message.mount_type = pb::MountType::Cache.into();
                message.cache_opt = Some(pb::CacheOpt {
                    id: id.clone(),
                    sharing: (*sharing).into(),
                });
                encoder.needs(caps::EXEC_MOUNT_CACHE);
                encoder.needs(caps::EXEC_MOUNT_CACHE_SHARING);
            }
            MountKind::Tmpfs { size } => {
                message.mount_type = pb::MountType::Tmpfs.into();
                message.tmpfs_opt = Some(pb::TmpfsOpt { size: *size });
                encoder.needs(caps::EXEC_MOUNT_TMPFS);
                if *size > 0 {
                    encoder.needs(caps::EXEC_MOUNT_TMPFS_SIZE);
                }
            }
        }
    }
}

impl Ssh {
    fn target(&self, at: usize) -> String {
        match self.target.as_str() {
            "" => format!("/run/buildkit/ssh_agent.{at}"),
            target => target.to_owned(),
        }
    }
}

fn set_default(env: &mut Vec<Cow<'_, str>>, key: &str, value: &str) {
    let names_key = |pair: &Cow<str>| pair.split_once('=').is_some_and(|(name, _)| name == key);
    if !env.iter().any(names_key) {
        env.push(format!("{key}={value}").into());
    }
}
