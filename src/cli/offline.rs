//! A whole conversion that asks nobody.
//!
//! Takes a Dockerfile; gives its plan, with every base image counted as one with a single layer and an empty config, or what could be
//! better in it. What the command line shows, and what tests and benchmarks convert with, where no daemon is.

use std::collections::{BTreeMap, HashMap};

use crate::{
    diagnostic::{Diagnostic, Result},
    fal,
    instruction::{self, Dockerfile},
    lint::{self, Config, Subject, Warning},
    llb::{self, Definition, Graph, Input, Origin, SourceMap, source::ResolveMode},
    plan::{
        self, Answer, Bases, Known, MainContext, NoCache, Plan, Resolution, RunSettings, Step,
        Wanted,
    },
    reference::platform,
    source::Source,
    stage::{self, Contexts},
    syntax::{self, ast},
};

/// A Dockerfile, converted.
pub struct Converted {
    /// Its ops and its image config.
    pub plan: Plan,
    /// What it asks of the fal layers, which are not in the plan.
    pub fal: fal::Options,
}

/// Converts a Dockerfile for the platform that this runs on.
pub fn convert(
    source: &Source,
    target: Option<&str>,
    build_args: &BTreeMap<String, String>,
) -> Result<Converted> {
    let wanted = Wish {
        target,
        build_args,
        ignore: &[],
        all_stages: false,
    };
    converted(source, &wanted, &mut Seen::default())
}

/// A Dockerfile, looked at.
pub struct Linted {
    /// What could be better. Of base images nothing is known, so nothing is said.
    pub warnings: Vec<Warning>,
    /// Why it cannot be built, if it cannot.
    pub mistake: Option<Box<Diagnostic>>,
}

/// Looks at a Dockerfile: at what the target needs, or at every stage if none is named. `ignore` are the patterns of the context.
pub fn lint(
    source: &Source,
    target: Option<&str>,
    build_args: &BTreeMap<String, String>,
    ignore: &[String],
) -> Linted {
    let mut seen = Seen::default();
    let wanted = Wish {
        target,
        build_args,
        ignore,
        all_stages: target.is_none(),
    };
    let mistake = converted(source, &wanted, &mut seen).err();
    // They are made up, platform and all.
    seen.plan.bases.clear();
    let Some(file) = &seen.file else {
        return Linted {
            warnings: Vec::new(),
            mistake,
        };
    };
    let warnings = lint::check(&Subject {
        file,
        diagnostics: &seen.diagnostics,
        dockerfile: seen.dockerfile.as_ref(),
        stages: &seen.stages,
        plan: &seen.plan,
        ignore,
        config: &seen.config,
    });
    let violation = || lint::violation(&warnings, &seen.config).map(Box::new);
    let mistake = mistake.or_else(violation);
    Linted { warnings, mistake }
}

/// What is asked of a conversion.
struct Wish<'a> {
    target: Option<&'a str>,
    build_args: &'a BTreeMap<String, String>,
    ignore: &'a [String],
    all_stages: bool,
}

/// What a conversion came by, as far as it went.
#[derive(Default)]
struct Seen {
    config: Config,
    diagnostics: Vec<Diagnostic>,
    file: Option<ast::File>,
    dockerfile: Option<Dockerfile>,
    stages: stage::Facts,
    plan: plan::Facts,
}

fn converted(source: &Source, wish: &Wish<'_>, seen: &mut Seen) -> Result<Converted> {
    seen.config = Config::of_file(&source.bytes)?;
    let parsed = syntax::parse(source);
    seen.diagnostics = parsed.diagnostics.clone();
    let file = seen.file.insert(parsed.into_result()?);
    let dockerfile = seen.dockerfile.insert(instruction::read(file)?);
    let nothing = BTreeMap::new();
    let fal = fal::read(&fal::Given {
        comments: &file.comments,
        options: &nothing,
        build_arguments: wish.build_args,
        environment: &nothing,
    })?;
    let own = platform::default_spec().normalize();
    let contexts = Contexts::default();
    let mut graph = stage::graph_with_facts(
        dockerfile,
        file.escape,
        &stage::Options {
            target: wish.target,
            build_args: wish.build_args,
            build_platform: &own,
            target_platform: &own,
            contexts: &contexts,
        },
        &mut seen.stages,
    )?;
    graph.all_stages = wish.all_stages;
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
    let main = MainContext::Local {
        name: "context".to_owned(),
        session: String::new(),
        excludes: wish.ignore.to_vec(),
    };
    let bases = bases(graph, &options)?;
    let plan = plan::build_with_facts(bases, &options, &main, &mut seen.plan)?;
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

fn bases(graph: stage::Graph, options: &plan::Options<'_>) -> Result<Bases> {
    let mut known: Known = HashMap::new();
    let mut resolution = Resolution::new(graph, options);
    loop {
        match resolution.step(&known)? {
            Step::Done(bases) => return Ok(*bases),
            Step::Need(goes_on, queries) => {
                known.extend(
                    queries
                        .into_iter()
                        .map(|query| (query.wanted.clone(), answer(query.wanted))),
                );
                resolution = *goes_on;
            }
        }
    }
}

fn answer(wanted: Wanted) -> Answer {
    const CONFIG: &str =
        r#"{"rootfs":{"type":"layers","diff_ids":["unknown"]},"config":{"WorkingDir":"/"}}"#;
    match wanted {
        Wanted::Image { reference, .. } | Wanted::OciLayout { reference, .. } => Answer::Image {
            reference,
            digest: String::new(),
            config: CONFIG.into(),
        },
        Wanted::Ignore { .. } | Wanted::Plain(_) => Answer::Ignore(Vec::new()),
    }
}
