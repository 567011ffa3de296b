//! Secrets and the cache: when the value of a secret changes, the steps run again that mount it.
//!
//! For each secret one step runs in every build, and writes a fingerprint of the value. The steps that mount the secret
//! mount the fingerprint, too, and the daemon does the rest: what is mounted read-only counts by its contents.
//!
//! Takes a graph, gives what was added. A value is never here, nor a fingerprint: both stay with the daemon.

use std::collections::{BTreeMap, BTreeSet};

use fal_helper::{cli, fingerprint};

use crate::{
    llb::{
        self, Graph, Location, Meta, Output, Process, caps,
        exec::{ContentCache, Exec, Mount, MountKind, NetMode, Secret},
    },
    proto::pb,
};

use super::layers;

pub use fal_helper::{
    failure::Kind,
    fingerprint::{ABSENT_FILE, empty_key},
};

/// What a daemon must be able to do.
pub const CAPABILITY: &str = caps::EXEC_MOUNT_CONTENT_CACHE;

/// Where the user's steps see a fingerprint, followed by a number. One level deep: that is what BuildKit takes away again.
const MOUNTED: &str = "/.fal-secret-";
/// Where the step of a fingerprint has the value, the key that was given, and the folder with the daemon's own.
const VALUE: &str = "/.fal-value";
const KEY: &str = "/.fal-key";
const OWN_KEY: &str = "/.fal-own-key";
/// What the daemon's own key is kept under. The caches of Dockerfiles have a slash in their ids, so that no RUN can mount it.
const OWN_KEY_CACHE: &str = "fal-secret-cache-key";
/// The variable that keeps the steps of two builds apart.
pub(super) const BUILD: &str = "FAL_BUILD";

/// What the steps need to know.
#[derive(Debug)]
pub struct Fingerprints {
    /// The file system of the frontend's image, which holds the helper.
    pub helper: Output,
    /// The platform that the steps run on.
    pub build_platform: pb::Platform,
    /// What no other build has. Steps of two builds that look the same are one step to the daemon, and their results the same
    /// result, whatever the value was in each of them.
    pub build: String,
}

/// A secret that is watched.
#[derive(Debug)]
pub struct Watched {
    /// The name that the client knows it by.
    pub id: String,
    /// The folder with the fingerprint, or with [`ABSENT_FILE`].
    pub fingerprint: Output,
    /// Where it is mounted first.
    pub first_at: Option<Location>,
    /// The first step that runs without it, too, where it was not given.
    pub optional_at: Option<Location>,
}

/// Where secrets are mounted, if they are, whether they are watched or not.
pub fn first_use(graph: &Graph) -> Option<&[Location]> {
    let mut processes = graph.processes();
    let user = processes.find(|(_, exec, _)| !exec.secrets.is_empty());
    user.map(|(_, _, meta)| meta.locations.as_slice())
}

impl Fingerprints {
    /// Lets every process of a graph that mounts secrets run again when the value of one of them is another. Those for which that was done
    /// before stay as they are.
    pub fn watch(&self, graph: &mut Graph) -> Vec<Watched> {
        let users = users(graph);
        let watched: BTreeMap<String, Watched> = uses(graph)
            .into_iter()
            .map(|(id, used)| (id.clone(), self.step(graph, id, used)))
            .collect();
        for (process, ids) in users {
            let seen = ids.iter().filter_map(|id| watched.get(id));
            for (at, secret) in seen.enumerate() {
                let mut mount = Mount::bind(format!("{MOUNTED}{at}"), secret.fingerprint);
                mount.content_cache = ContentCache::On;
                graph.mount_into(process, mount);
            }
        }
        watched.into_values().collect()
    }

    /// Adds the step that writes the fingerprint of a secret.
    fn step(&self, graph: &mut Graph, id: String, used: Use) -> Watched {
        let exec = Exec {
            args: layers::command(cli::fingerprint_arguments(
                &id,
                VALUE,
                KEY,
                OWN_KEY,
                layers::OUT,
            )),
            env: [format!("{BUILD}={}", self.build).into()].into(),
            cwd: "/".to_owned(),
            network: NetMode::None,
            mounts: vec![
                layers::helper(self.helper),
                // Who makes the key puts it there at once, so nobody has to wait.
                Mount::cache(OWN_KEY, None, OWN_KEY_CACHE, pb::CacheSharingOpt::Shared),
                Mount::bind(layers::OUT, None),
            ],
            secrets: vec![secret(&id, VALUE), secret(fingerprint::KEY_SECRET, KEY)],
            ..Exec::default()
        };
        let mut meta =
            Meta::named(format!("[fal] look at the secret {id}")).on(self.build_platform.clone());
        meta.locations = used.first_at.iter().cloned().collect();
        // Its result is never looked for, because no other build has this step. To ignore the cache would not do: the daemon
        // empties the folders of such steps, and with them goes its own key. BuildKit 0.32 exports with `mode=max` what has
        // just run, whatever is said here; without the key it tells nothing.
        meta.export_cache = Some(false);
        Watched {
            id,
            fingerprint: layers::last_output(graph.add_exec(exec, meta)).unwrap_or(self.helper),
            first_at: used.first_at,
            optional_at: used.optional_at,
        }
    }
}

/// How a secret is used.
#[derive(Default)]
struct Use {
    first_at: Option<Location>,
    optional_at: Option<Location>,
}

fn uses(graph: &Graph) -> BTreeMap<String, Use> {
    let mut uses: BTreeMap<String, Use> = BTreeMap::new();
    for (_, exec, meta) in graph.processes().filter(|(_, exec, _)| is_new(exec)) {
        for secret in &exec.secrets {
            let used = uses.entry(secret.id.clone()).or_insert_with(|| Use {
                first_at: meta.locations.first().cloned(),
                optional_at: None,
            });
            if secret.optional && used.optional_at.is_none() {
                used.optional_at = meta.locations.first().cloned();
            }
        }
    }
    uses
}

/// The processes that mount secrets, and which.
fn users(graph: &Graph) -> Vec<(Process, BTreeSet<String>)> {
    let ids = |exec: &Exec| exec.secrets.iter().map(|it| it.id.clone()).collect();
    graph
        .processes()
        .filter(|(_, exec, _)| is_new(exec))
        .map(|(process, exec, _)| (process, ids(exec)))
        .collect()
}

/// Whether a process mounts secrets that are not watched for it yet. What is mounted for that is nothing that a Dockerfile can say.
fn is_new(exec: &Exec) -> bool {
    let is_ours = |mount: &Mount| match &mount.kind {
        MountKind::Cache { id, .. } => id == OWN_KEY_CACHE,
        _ => mount.content_cache == ContentCache::On && mount.target.starts_with(MOUNTED),
    };
    !exec.secrets.is_empty() && !exec.mounts.iter().any(is_ours)
}

/// A secret as a step of ours sees it: a file, if it was given. Who needs it fails in a step of its own.
fn secret(id: &str, target: &str) -> Secret {
    Secret {
        id: id.to_owned(),
        target: Some(target.to_owned()),
        env: None,
        uid: 0,
        gid: 0,
        mode: 0o400,
        optional: true,
    }
}

/// What tells a build from others, as far as steps may tell: the session of its client, without its name.
pub fn build_of(session: &str) -> String {
    llb::digest(session.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message;

    use super::*;
    use crate::llb::{Defaults, Definition, Input, SourceMap, SourceMapId, source::Image};

    const HELPER: &str = "frontend";

    /// A graph of processes, each on the one before, that mount these secrets: `id`, or `id!` where it is required.
    fn graph(processes: &[&[&str]]) -> (Graph, Input, Output) {
        let mut graph = Graph::new();
        let file = graph.add_source_map(SourceMap {
            filename: "Dockerfile".to_owned(),
            language: String::new(),
            data: Default::default(),
            origin: llb::Origin::Unknown,
        });
        let image = |reference: &str| Image {
            reference: reference.to_owned(),
            ..Image::default()
        };
        let mut root = Some(graph.add_source(image("base"), Meta::default()));
        for (line, secrets) in (1..).zip(processes) {
            let secrets = secrets.iter().map(|id| Secret {
                optional: !id.ends_with('!'),
                ..secret(id.trim_end_matches('!'), "/run/x")
            });
            let exec = Exec {
                args: vec![format!("step {line}")],
                cwd: "/".to_owned(),
                root,
                secrets: secrets.collect(),
                ..Exec::default()
            };
            root = graph
                .add_exec(exec, Meta::default().at(at(file, line)))
                .root;
        }
        let helper = graph.add_source(image(HELPER), Meta::default());
        (graph, root, helper)
    }

    fn at(source_map: SourceMapId, line: u32) -> Location {
        Location {
            source_map,
            ranges: vec![llb::lines(line, line)],
        }
    }

    fn watch(graph: &mut Graph, helper: Output, build: &str) -> Vec<Watched> {
        let fingerprints = Fingerprints {
            helper,
            build_platform: pb::Platform::default(),
            build: build.to_owned(),
        };
        fingerprints.watch(graph)
    }

    fn definition(graph: &Graph, input: Input) -> Definition {
        let defaults = Defaults {
            platform: &pb::Platform::default(),
            capabilities: &|_| true,
        };
        llb::marshal(graph, input, &defaults)
    }

    /// The processes of a definition: what each runs, and what of ours it mounts.
    fn processes(definition: &Definition) -> Vec<(String, BTreeMap<String, String>)> {
        let decoded = definition.ops.iter().map(|op| pb::Op::decode(op.clone()));
        let ops: Vec<pb::Op> = decoded.map(|op| op.expect("an op")).collect();
        let by_name: BTreeMap<_, _> = definition
            .ops
            .iter()
            .map(|op| llb::digest(op))
            .zip(&ops)
            .collect();
        let exec = |op: &pb::Op| match &op.op {
            Some(pb::op::Op::Exec(exec)) => Some(exec.clone()),
            _ => None,
        };
        let args = |op: &pb::Op| exec(op).map(|exec| exec.meta.unwrap_or_default().args.join(" "));
        let seen = |op: &pb::Op| {
            let mounts = exec(op)?.mounts.into_iter();
            let ours = mounts.filter(|mount| mount.dest.starts_with(MOUNTED));
            let ours = ours.map(|mount| {
                assert!(mount.readonly && mount.output == -1);
                assert_eq!(mount.content_cache, i32::from(ContentCache::On));
                let input = &op.inputs[mount.input as usize];
                (mount.dest, args(by_name[&input.digest]).expect("a step"))
            });
            Some((args(op)?, ours.collect()))
        };
        ops.iter().filter_map(seen).collect()
    }

    #[test]
    fn who_mounts_a_secret_mounts_its_fingerprint_and_nobody_else_does() {
        let (mut graph, root, helper) = graph(&[&[], &["b", "a!", "b"], &["a"]]);
        let plain = definition(&graph, root);
        let watched = watch(&mut graph, helper, "1");
        let ours = definition(&graph, root);
        let step = |id: &str| {
            format!(
                "/.fal-helper fingerprint --id {id} --secret {VALUE} --key {KEY} --own-key {OWN_KEY} --out /.fal-out"
            )
        };
        let mounts = |ids: &[&str]| -> BTreeMap<String, String> {
            let mounts = ids.iter().enumerate();
            mounts
                .map(|(at, id)| (format!("{MOUNTED}{at}"), step(id)))
                .collect()
        };
        let mut found = processes(&ours);
        found.sort();
        assert_eq!(
            found,
            [
                (step("a"), mounts(&[])),
                (step("b"), mounts(&[])),
                ("step 1".to_owned(), mounts(&[])),
                ("step 2".to_owned(), mounts(&["a", "b"])),
                ("step 3".to_owned(), mounts(&["a"])),
            ]
        );
        // The base and the first step are what they were.
        assert_eq!(plain.ops[..2], ours.ops[..2]);
        let told: Vec<_> = watched
            .iter()
            .map(|it| {
                (
                    it.id.as_str(),
                    it.optional_at.as_ref().map(|at| at.ranges.clone()),
                )
            })
            .collect();
        let line = |line| Some(vec![llb::lines(line, line)]);
        assert_eq!(told, [("a", line(3)), ("b", line(2))]);
    }

    #[test]
    fn a_process_that_comes_later_is_watched_like_those_before() {
        let (mut graph, root, helper) = graph(&[&["a"]]);
        watch(&mut graph, helper, "1");
        let once = definition(&graph, root);
        assert!(watch(&mut graph, helper, "1").is_empty());
        assert_eq!(definition(&graph, root).ops, once.ops);
        let exec = Exec {
            args: vec!["later".to_owned()],
            cwd: "/".to_owned(),
            root,
            secrets: vec![secret("a", "/run/x")],
            ..Exec::default()
        };
        let root = graph.add_exec(exec, Meta::default()).root;
        assert_eq!(watch(&mut graph, helper, "1").len(), 1);
        let mut found = processes(&definition(&graph, root));
        found.sort();
        let [look, (later, seen), (first, also)] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!((later.as_str(), first.as_str()), ("later", "step 1"));
        let want = [(format!("{MOUNTED}0"), look.0.clone())].into();
        assert_eq!((seen, also), (&want, &want));
    }

    #[test]
    fn two_builds_share_no_step_and_no_result_of_one_is_kept() {
        let steps = |build: &str| {
            let (mut graph, root, helper) = graph(&[&["a"]]);
            let watched = watch(&mut graph, helper, build);
            let step = definition(&graph, Some(watched[0].fingerprint));
            let name = step.head().expect("a step");
            let metadata = &step.metadata[&name];
            // The daemon would empty the folder of its own key.
            assert!(!metadata.ignore_cache);
            assert_eq!(
                metadata.export_cache,
                Some(pb::ExportCache { value: false })
            );
            // Every process is in there.
            assert_eq!(definition(&graph, root).ops.len(), 5);
            name
        };
        assert_eq!(steps("1"), steps("1"));
        assert_ne!(steps("1"), steps("2"));
    }

    #[test]
    fn the_key_of_the_daemon_cannot_be_mounted_by_a_dockerfile() {
        // Its caches are named `namespace/id`.
        assert!(!OWN_KEY_CACHE.contains('/'));
    }

    #[test]
    fn a_graph_without_secrets_stays_what_it_was() {
        let (mut graph, root, helper) = graph(&[&[], &[]]);
        let plain = definition(&graph, root);
        assert!(first_use(&graph).is_none());
        assert!(watch(&mut graph, helper, "1").is_empty());
        assert_eq!(definition(&graph, root).ops, plain.ops);
    }
}
