//! RUN --mount: what a process sees besides the stage's own files.

use crate::{
    diagnostic::Result,
    golang::path,
    instruction::{
        Run,
        run::{self, Mount, MountKind, Sharing},
    },
    llb::{
        Input, Meta, Output,
        exec::{self, Exec, Secret, Ssh},
        file::{Chown, File, Mkdir, User},
    },
    proto::pb::CacheSharingOpt,
    stage::{Command, SCRATCH, StageId},
};

use super::{Planner, facts::Seen, messages, state::StageState, words::Words};

impl Planner<'_> {
    /// The mounts of a RUN, their variables replaced.
    pub(super) fn mounts_of(&mut self, state: &StageState, run: &Run) -> Result<Vec<Mount>> {
        let mut words = Words::new(&self.expander, state, self.facts, &mut self.budget);
        run::mounts(&run.mounts, |word| words.word(word))
    }

    /// Adds the mounts to a process, in the order written.
    pub(super) fn mount(
        &mut self,
        state: &mut StageState,
        command: &Command,
        mounts: &[Mount],
        exec: &mut Exec,
    ) -> Result<()> {
        for (place, mount) in mounts.iter().enumerate() {
            match mount.kind {
                MountKind::Secret => {
                    let secret = secret(mount)?;
                    self.facts.see(Seen::Secret {
                        id: secret.id.clone(),
                        is_required: mount.required,
                    });
                    exec.secrets.push(secret);
                }
                MountKind::Ssh => {
                    let ssh = ssh(mount)?;
                    let default = "default".to_owned();
                    self.facts.see(Seen::Ssh {
                        id: mount.cache_id.clone().unwrap_or(default),
                        is_required: mount.required,
                    });
                    exec.ssh.push(ssh);
                }
                _ => {
                    let source = command.sources.get(place).copied();
                    let added = self.file_mount(state, source, mount)?;
                    exec.mounts.push(added);
                }
            }
        }
        Ok(())
    }

    /// A bind, cache or tmpfs mount.
    fn file_mount(
        &mut self,
        state: &StageState,
        source: Option<StageId>,
        mount: &Mount,
    ) -> Result<exec::Mount> {
        // A cache without a source starts empty, or from a stage that is named `scratch`.
        let from = match (mount.from.as_deref(), mount.kind) {
            (None, MountKind::Cache) => Some(SCRATCH),
            (from, _) => from,
        };
        let source = source.filter(|_| from.is_some());
        let written_target = mount.target.as_deref().unwrap_or_default();
        let written_source = mount.source.as_deref().unwrap_or_default();
        let mut input = match source {
            None => Some(self.context),
            Some(source) => self.source(state, source).ok_or_else(|| {
                messages::mount_from_later(from.unwrap_or_default(), written_target)
            })?,
        };
        let target = target(state, written_target)?;
        self.spend(target.len())?;
        let directory = path::join(&["/", written_source]);
        let mut selector = String::new();
        if mount.kind == MountKind::Tmpfs {
            input = None;
        }
        if directory != "/" {
            selector = directory.clone();
        } else if mount.uid.is_some() || mount.gid.is_some() || mount.mode.is_some() {
            input = Some(self.owned_cache(input, mount));
            selector = "/cache".to_owned();
        }
        let mut added = match mount.kind {
            MountKind::Tmpfs => exec::Mount::tmpfs(target, mount.size_limit),
            MountKind::Cache => {
                let id = mount
                    .cache_id
                    .clone()
                    .unwrap_or_else(|| path::clean(written_target));
                self.facts.see(Seen::Cache { id: id.clone() });
                let id = format!("{}/{id}", self.options.cache_mount_namespace);
                exec::Mount::cache(target, input, id, sharing(mount.sharing))
            }
            _ => exec::Mount::bind(target, input),
        };
        if mount.read_only {
            added.readonly = true;
        } else if mount.kind == MountKind::Bind
            && self.options.supports("exec.mount.bind.readwrite-nooutput")
        {
            added.no_output = true;
        }
        match source {
            None => self.reads_context(written_source),
            Some(source) => self.reads(source, written_source),
        }
        Ok(added.select(selector))
    }

    /// A cache directory with the owner and mode that were asked for.
    fn owned_cache(&mut self, input: Input, mount: &Mount) -> Output {
        let id = |id: Option<u64>| Some(User::Id(id.unwrap_or(0) as u32));
        let directory = Mkdir {
            path: "/cache".to_owned(),
            mode: mount.mode.unwrap_or(0o755) as u32,
            owner: Some(Chown {
                user: id(mount.uid),
                group: id(mount.gid),
            }),
            ..Mkdir::default()
        };
        self.llb.add_file(
            File::new(input, directory),
            Meta::named("[internal] setting cache mount permissions"),
        )
    }
}

/// Where a mount appears: absolute, or relative to WORKDIR.
fn target(state: &StageState, written: &str) -> Result<String> {
    let target = match path::clean(written).starts_with('/') {
        true => written.to_owned(),
        false => path::join(&["/", &state.directory, written]),
    };
    match target.as_str() {
        "/" => Err(messages::bad_mount_target(&target)),
        _ => Ok(target),
    }
}

fn sharing(sharing: Option<Sharing>) -> CacheSharingOpt {
    match sharing {
        None | Some(Sharing::Shared) => CacheSharingOpt::Shared,
        Some(Sharing::Private) => CacheSharingOpt::Private,
        Some(Sharing::Locked) => CacheSharingOpt::Locked,
    }
}

/// A secret, as a file, as a variable, or as both. Its value is never here: the daemon asks the client.
fn secret(mount: &Mount) -> Result<Secret> {
    let id = match (
        mount.source.as_ref().or(mount.cache_id.as_ref()),
        &mount.target,
    ) {
        (None, None) => return Err(messages::secret_without_name()),
        (None, Some(target)) => path::base(target).to_owned(),
        (Some(id), _) => id.clone(),
    };
    let target = match (&mount.target, &mount.env) {
        (None, Some(_)) => None,
        (None, None) => Some(format!("/run/secrets/{}", path::base(&id))),
        (Some(target), _) => Some(target.clone()),
    };
    let (uid, gid, mode) = owner(mount, 0o400);
    Ok(Secret {
        id,
        target,
        env: mount.env.clone(),
        optional: !mount.required,
        uid,
        gid,
        mode,
    })
}

fn ssh(mount: &Mount) -> Result<Ssh> {
    if mount.source.is_some() {
        return Err(messages::ssh_source());
    }
    let (uid, gid, mode) = owner(mount, 0o600);
    Ok(Ssh {
        id: mount.cache_id.clone().unwrap_or_default(),
        target: mount.target.clone().unwrap_or_default(),
        optional: !mount.required,
        uid,
        gid,
        mode,
    })
}

/// Owner and mode; once one is written the others have their defaults.
fn owner(mount: &Mount, default_mode: u32) -> (u32, u32, u32) {
    let number = |value: Option<u64>, default| value.map_or(default, |value| value as u32);
    (
        number(mount.uid, 0),
        number(mount.gid, 0),
        number(mount.mode, default_mode),
    )
}
