//! A whole conversion that asks nobody.
//!
//! Takes a Dockerfile; gives its plan, with the same config for every base image: a single layer and nothing set, unless the caller
//! says otherwise. What the command line shows, and what tests and benchmarks convert with, where no daemon is.

use std::collections::{BTreeMap, HashMap};

use crate::{
    diagnostic::Result,
    fal, instruction,
    llb::{self, Definition, Graph, Input, Origin, SourceMap, source::ResolveMode},
    plan::{
        self, Answer, Bases, Known, MainContext, NoCache, Plan, Resolution, RunSettings, Step,
        Wanted,
    },
    reference::platform,
    source::Source,
    stage::{self, Contexts},
    syntax,
};

/// A Dockerfile, converted.
pub struct Converted {
    /// Its ops and its image config.
    pub plan: Plan,
    /// What it asks of the fal layers, which are not in the plan.
    pub fal: fal::Options,
}

/// What a conversion is told, as there is nobody to ask.
pub struct World {
    /// The config of every base image, JSON.
    pub image: Vec<u8>,
    /// The main context.
    pub context: MainContext,
}

impl Default for World {
    fn default() -> Self {
        let image = r#"{"rootfs":{"type":"layers","diff_ids":["unknown"]},"config":{}}"#;
        Self {
            image: image.into(),
            context: MainContext::Local {
                name: "context".to_owned(),
                session: String::new(),
                excludes: Vec::new(),
            },
        }
    }
}

/// Converts a Dockerfile for the platform that this runs on.
pub fn convert(
    source: &Source,
    target: Option<&str>,
    build_args: &BTreeMap<String, String>,
) -> Result<Converted> {
    convert_in(&World::default(), source, target, build_args)
}

/// The same in a world of the caller's.
pub fn convert_in(
    world: &World,
    source: &Source,
    target: Option<&str>,
    build_args: &BTreeMap<String, String>,
) -> Result<Converted> {
    let parsed = syntax::parse(source);
    let (comments, escape) = (parsed.file.comments.clone(), parsed.file.escape);
    let dockerfile = instruction::read(&parsed.into_result()?)?;
    let nothing = BTreeMap::new();
    let fal = fal::read(&fal::Given {
        comments: &comments,
        options: &nothing,
        build_arguments: build_args,
        environment: &nothing,
    })?;
    let own = platform::default_spec().normalize();
    let contexts = Contexts::default();
    let graph = stage::graph(
        &dockerfile,
        escape,
        &stage::Options {
            target,
            build_args,
            build_platform: &own,
            target_platform: &own,
            contexts: &contexts,
        },
    )?;
    let options = plan::Options {
        build_platforms: std::slice::from_ref(&own),
        target_platform: &own,
        is_platform_implicit: true,
        is_multi_platform: false,
        resolve_mode: ResolveMode::Default,
        session: "",
        contexts: &contexts,
        local_sessions: &nothing,
        shared_keys: &nothing,
        cache_mount_namespace: "",
        no_cache: &NoCache::No,
        labels: &nothing,
        run: &RunSettings::default(),
        capabilities: &|_| true,
        file: &SourceMap {
            filename: source.name.clone(),
            language: "Dockerfile".to_owned(),
            data: source.bytes.clone().into(),
            origin: Origin::Unknown,
        },
    };
    let bases = bases(graph, &options, &world.image)?;
    let plan = plan::build(bases, &options, &world.context)?;
    Ok(Converted { plan, fal })
}

/// The definition of an output, for a daemon that can do everything.
pub fn definition(graph: &Graph, output: Input) -> Definition {
    let platform = plan::op_platform(&platform::default_spec().normalize());
    let defaults = llb::Defaults {
        platform: &platform,
        capabilities: &|_| true,
    };
    llb::marshal(graph, output, &defaults)
}

fn bases(graph: stage::Graph, options: &plan::Options<'_>, image: &[u8]) -> Result<Bases> {
    let mut known: Known = HashMap::new();
    let mut resolution = Resolution::new(graph, options);
    loop {
        match resolution.step(&known)? {
            Step::Done(bases) => return Ok(*bases),
            Step::Need(goes_on, queries) => {
                known.extend(
                    queries
                        .into_iter()
                        .map(|query| (query.wanted.clone(), answer(query.wanted, image))),
                );
                resolution = *goes_on;
            }
        }
    }
}

fn answer(wanted: Wanted, image: &[u8]) -> Answer {
    match wanted {
        Wanted::Image { reference, .. } | Wanted::OciLayout { reference, .. } => Answer::Image {
            reference,
            digest: String::new(),
            config: image.to_vec(),
        },
        Wanted::Ignore { .. } | Wanted::Plain(_) => Answer::Ignore(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_run_in_the_root_of_an_image_that_names_no_directory() {
        let source = Source::new("Dockerfile", "FROM a\nRUN b\nCOPY c .\nWORKDIR d\nRUN e");
        let converted = convert(&source, None, &BTreeMap::new()).expect("a plan");
        let plan = converted.plan;
        let ops = llb::print(&definition(&plan.llb, plan.output));
        assert!(ops.contains("mkdir /d"), "{ops}");
    }
}
