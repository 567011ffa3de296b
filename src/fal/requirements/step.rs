//! A layer of requirements as a step of a build.

use std::collections::BTreeSet;

use fal_helper::{
    cli,
    requirements::{CONTEXT, Requirements, Resolver, VERSION},
};

use crate::{
    fal::{
        layers::{self, Layers},
        options, secrets,
    },
    llb::{
        Graph, Input, Location, Output,
        exec::{Exec, Mount, NetMode, Secret},
    },
    proto::pb,
};

use super::Layer;

/// Where a step has the folder that outlives builds.
pub(super) const CACHE: &str = "/.fal-cache";
/// What the paths of secrets begin with.
const GIVEN: &str = "/.fal-given-";

/// A layer with all that its step needs.
#[derive(Debug)]
pub struct Step<'a> {
    /// What is installed.
    pub layer: &'a Layer,
    /// Who installs it.
    pub resolver: options::Resolver,
    /// What it needs of the context.
    pub context: Option<Output>,
    /// Where it was asked for.
    pub location: Location,
    /// Which of how many it is.
    pub number: (usize, usize),
    /// What keeps the caches of some builds apart from those of others.
    pub cache_namespace: &'a str,
}

/// What a step gives.
#[derive(Debug, Clone, Copy)]
pub struct Installed {
    /// The image.
    pub root: Input,
    /// The directory with the report, if the step has looked at what came of it.
    pub looked: Option<Output>,
}

/// What wheels are found out on.
#[derive(Debug, Clone, Copy)]
pub enum Ground {
    /// The image's base: what changes above it does not matter.
    Base,
    /// What became of it, as it is or was on the way, with regard to all that it has.
    Image(Input),
}

/// Adds the step that finds the wheels that layers come to, in a folder of its own; says why where it is known that they are not installed
/// so. `context` is what the layers need of it, and `stays` what is in the image and stays there, as `name==version`.
pub fn resolve(
    steps: &[Step<'_>],
    context: Option<Output>,
    ground: Ground,
    stays: Vec<String>,
    layers: &Layers,
    graph: &mut Graph,
) -> Result<Output, &'static str> {
    let mut lists: Vec<Requirements> = steps.iter().map(|step| step.wanted(layers)).collect();
    let (Some(first), Some(list)) = (steps.first(), lists.first_mut()) else {
        return Err("there are none");
    };
    list.constraints = stays;
    if first.resolver == options::Resolver::Pip {
        return Err("resolver=pip installs them all in one step");
    }
    let names: BTreeSet<&String> = steps.iter().flat_map(|step| &step.layer.secrets).collect();
    let from = context.map(|_| CONTEXT);
    let given = (!names.is_empty()).then_some(GIVEN);
    let args = cli::resolve_arguments(CACHE, from, given, layers::OUT, &lists);
    let mut mounts = vec![layers::helper(layers.helper), first.cache()];
    mounts.extend(context.map(mounted));
    mounts.push(Mount::bind(layers::OUT, None));
    let place = match ground {
        Ground::Base => layers.on_base().ok_or("FROM names no image")?,
        Ground::Image(image) => layers.on(image, false),
    };
    let (exec, mut meta) = layers.process(place, "resolve the requirements");
    let exec = layers.keep_caches(exec, &mut meta);
    let exec = Exec {
        args: layers::command(args),
        mounts,
        secrets: names.into_iter().map(|name| secret(name)).collect(),
        ..exec
    };
    meta.locations = vec![first.location.clone()];
    layers::last_output(graph.add_exec(exec, meta)).ok_or("they cannot be asked for")
}

/// Files of the context, as steps see them.
fn mounted(context: Output) -> Mount {
    Mount::bind(CONTEXT, context).readonly()
}

impl Step<'_> {
    /// Adds the step to a graph.
    pub fn add(&self, layers: &Layers, graph: &mut Graph, image: Input) -> Installed {
        let wanted = self.wanted(layers);
        let mut mounts = vec![layers::helper(layers.helper), self.cache()];
        mounts.extend(self.context.map(mounted));
        let looks = self.looks(layers, &wanted);
        mounts.extend(looks.then(|| Mount::bind(layers::OUT, None)));
        let shown = match self.number {
            (_, 1) => "install requirements".to_owned(),
            (number, count) => format!("install requirements ({number}/{count})"),
        };
        // What requirements need in their turn has no exact version.
        let (exec, mut meta) = layers.process(layers.on(image, false), &shown);
        let exec = layers.keep_caches(exec, &mut meta);
        let exec = Exec {
            args: self.command(layers, &wanted),
            mounts,
            secrets: wanted.secrets.iter().map(|name| secret(name)).collect(),
            ..exec
        };
        meta.locations = vec![self.location.clone()];
        let outputs = graph.add_exec(exec, meta);
        Installed {
            root: outputs.root,
            looked: layers::last_output(outputs).filter(|_| looks),
        }
    }

    /// Whether a look at what came of it would ask no more than the step knows: then it looks itself, and saves a step the start.
    fn looks(&self, layers: &Layers, wanted: &Requirements) -> bool {
        let (number, count) = self.number;
        number == count && wanted.look() == layers.request
    }

    /// Where it was asked for.
    pub fn location(&self) -> Location {
        self.location.clone()
    }

    /// Adds the step that takes out what this has left where it failed, in a folder of its own: for this build alone, so that what is
    /// found is not found again.
    pub fn said(&self, layers: &Layers, graph: &mut Graph) -> Option<Output> {
        let names = vec![self.wanted(layers).said()];
        said(layers, graph, self.cache(), names)
    }

    /// What it starts: by this its op is told from others.
    pub fn arguments(&self, layers: &Layers) -> Vec<String> {
        self.command(layers, &self.wanted(layers))
    }

    fn command(&self, layers: &Layers, wanted: &Requirements) -> Vec<String> {
        let given = (!wanted.secrets.is_empty()).then_some(GIVEN);
        let context = self.context.map(|_| CONTEXT);
        let out = self.looks(layers, wanted).then_some(layers::OUT);
        let arguments = cli::requirements_arguments(CACHE, context, given, out, wanted);
        layers::command(arguments)
    }

    fn wanted(&self, layers: &Layers) -> Requirements {
        let layer = self.layer;
        Requirements {
            version: VERSION,
            resolver: match self.resolver {
                options::Resolver::Uv => Resolver::Uv,
                options::Resolver::Pip => Resolver::Pip,
            },
            python: layers.request.python,
            arguments: layer.arguments.clone(),
            folder: layer.folder.clone(),
            builds: layer.builds,
            secrets: layer.secrets.iter().cloned().collect(),
            constraints: Vec::new(),
            commits: layer.commits.clone(),
            image: layers.request.image.clone(),
        }
    }

    fn cache(&self) -> Mount {
        cache(self.resolver, self.cache_namespace)
    }
}

/// What an installer keeps. uv shares it with others of its kind. pip puts what it built there piece by piece, so that only one may have it.
pub(super) fn cache(resolver: options::Resolver, namespace: &str) -> Mount {
    let (name, sharing) = match resolver {
        options::Resolver::Uv => ("fal-uv", pb::CacheSharingOpt::Shared),
        options::Resolver::Pip => ("fal-pip", pb::CacheSharingOpt::Locked),
    };
    Mount::cache(CACHE, None, cache_id(name, namespace), sharing)
}

/// The step that takes out the first of what steps have left under these names.
pub(super) fn said(
    layers: &Layers,
    graph: &mut Graph,
    cache: Mount,
    names: Vec<String>,
) -> Option<Output> {
    let exec = Exec {
        args: layers::command(cli::said_arguments(CACHE, layers::OUT, names)),
        env: [format!("{}={}", secrets::BUILD, layers.build).into()].into(),
        cwd: "/".to_owned(),
        network: NetMode::None,
        mounts: vec![
            layers::helper(layers.helper),
            cache,
            Mount::bind(layers::OUT, None),
        ],
        ..Exec::default()
    };
    let mut meta = layers.meta(
        "look why requirements were not installed",
        &layers.build_platform,
    );
    meta.export_cache = Some(false);
    meta.ignore_cache = false;
    layers::last_output(graph.add_exec(exec, meta))
}

/// What a cache is called: otherwise in every namespace. Caches of Dockerfiles have a slash in their ids: no RUN can mount these.
fn cache_id(name: &str, namespace: &str) -> String {
    match namespace {
        "" => name.to_owned(),
        namespace => {
            let namespace = namespace.replace('%', "%25").replace('/', "%2F");
            format!("{name}-{namespace}")
        }
    }
}

/// A secret as a file; without it the step does not begin.
fn secret(name: &str) -> Secret {
    Secret {
        id: name.to_owned(),
        target: Some(format!("{GIVEN}{name}")),
        env: None,
        uid: 0,
        gid: 0,
        mode: 0o400,
        optional: false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_namespace_has_a_cache_of_its_own() {
        assert_eq!(cache_id("fal-uv", ""), "fal-uv");
        assert_eq!(cache_id("fal-uv", "a-b"), "fal-uv-a-b");
        let namespaces = ["", "a/b", "a-b", "a%2Fb", "a%252Fb", "a%b", "/", "-", "%"];
        let ids: HashSet<String> = namespaces.map(|it| cache_id("fal-uv", it)).into();
        assert_eq!(ids.len(), namespaces.len());
        assert!(!ids.iter().any(|id| id.contains('/')), "{ids:?}");
    }
}
