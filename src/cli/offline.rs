//! A whole conversion that asks nobody.
//!
//! Takes a Dockerfile; gives its plan, or what could be better in it. Every base image has the same config: a single layer and nothing
//! set, unless the caller says otherwise. What the command line shows, and what tests and benchmarks convert with, where no daemon is.

use std::collections::{BTreeMap, HashMap};

use crate::{
    diagnostic::{Diagnostic, Result},
    fal::{
        self,
        key::{Build, Question},
        requirements::Layer,
    },
    instruction::{self, Dockerfile},
    lint::{self, Config, Subject, Warning},
    llb::{self, Definition, Graph, Input, Origin, SourceMap, source::ResolveMode},
    plan::{
        self, Answer, Bases, Known, MainContext, NoCache, Overrides, Plan, Resolution, RunSettings,
        Step, Wanted,
    },
    reference::platform::{self, Platform},
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

/// What a conversion is told, as there is nobody to ask.
pub struct World {
    /// The config of every base image, JSON.
    pub image: Vec<u8>,
    /// The main context.
    pub context: MainContext,
    /// The fal options that follow from a file that is no Dockerfile.
    pub options: Vec<(&'static str, String)>,
    /// What starts in the image whatever the Dockerfile says.
    pub overrides: Overrides,
    /// The platform that is built for; without one, that on which this runs.
    pub platform: Option<Platform>,
    /// The digests of base images, by their full names with the tag.
    pub digests: BTreeMap<String, String>,
    /// Whether base images are what they are said to be, and not made up.
    pub are_images_known: bool,
}

impl World {
    /// Images with a single layer and nothing set, and a local context with these ignore patterns.
    pub fn plain(ignore: &[String]) -> Self {
        let image = r#"{"rootfs":{"type":"layers","diff_ids":["unknown"]},"config":{}}"#;
        Self {
            image: image.into(),
            context: MainContext::Local {
                name: "context".to_owned(),
                session: String::new(),
                excludes: ignore.to_vec(),
            },
            options: Vec::new(),
            overrides: Overrides::default(),
            platform: None,
            digests: BTreeMap::new(),
            are_images_known: false,
        }
    }
}

/// Converts a Dockerfile for the platform that this runs on.
pub fn convert(
    source: &Source,
    target: Option<&str>,
    build_args: &BTreeMap<String, String>,
) -> Result<Converted> {
    convert_in(&World::plain(&[]), source, target, build_args)
}

/// The same in a world of the caller's.
pub fn convert_in(
    world: &World,
    source: &Source,
    target: Option<&str>,
    build_args: &BTreeMap<String, String>,
) -> Result<Converted> {
    let wanted = Wish {
        target,
        build_args,
        world,
        all_stages: false,
    };
    converted(source, &wanted, &mut Seen::default())
}

/// A Dockerfile, looked at.
pub struct Linted {
    /// What could be better. Of base images nothing is known, so nothing is said.
    pub warnings: Vec<Warning>,
    /// Which options will not do what they say.
    pub of_options: Vec<Diagnostic>,
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
    lint_in(&World::plain(ignore), source, target, build_args)
}

/// The same in a world of the caller's.
pub fn lint_in(
    world: &World,
    source: &Source,
    target: Option<&str>,
    build_args: &BTreeMap<String, String>,
) -> Linted {
    let mut seen = Seen::default();
    let wanted = Wish {
        target,
        build_args,
        world,
        all_stages: target.is_none(),
    };
    let mistake = converted(source, &wanted, &mut seen)
        .and_then(|converted| checked(&converted.plan))
        .err();
    let options = seen.fal.as_ref().filter(|options| options.adds_layers());
    let unsupported = || options.and_then(fal::Options::unsupported).map(Box::new);
    let mistake = mistake.or_else(unsupported);
    if !world.are_images_known {
        // They are made up, platform and all.
        seen.plan.bases.clear();
    }
    let Some(file) = &seen.file else {
        return Linted {
            warnings: Vec::new(),
            of_options: Vec::new(),
            mistake,
        };
    };
    let subject = Subject {
        file,
        diagnostics: &seen.diagnostics,
        dockerfile: seen.dockerfile.as_ref(),
        stages: &seen.stages,
        plan: &seen.plan,
        ignore: world.context.excludes(),
        config: &seen.config,
    };
    let mut warnings = lint::check(&subject);
    if let Some(options) = &seen.fal {
        let overrides = &world.overrides;
        warnings.extend(fal::lint::check(&fal::lint::Subject {
            lint: &subject,
            options,
            source,
            is_command_replaced: overrides.entrypoint.is_some() || overrides.cmd.is_some(),
        }));
    }
    let of_options = seen.fal.iter().flat_map(fal::Options::warnings);
    let violation = || lint::violation(&warnings, &seen.config).map(Box::new);
    let mistake = mistake.or_else(violation);
    Linted {
        warnings,
        of_options: of_options.collect(),
        mistake,
    }
}

/// What must be found out for the key of a Dockerfile. `labels` are given beside it; `requirements` reads the layers that the
/// options ask for.
pub fn key_in(
    world: &World,
    source: &Source,
    target: Option<&str>,
    build_args: &BTreeMap<String, String>,
    labels: &BTreeMap<String, String>,
    requirements: impl FnOnce(&fal::Options) -> Result<Vec<Layer>>,
) -> Result<Question> {
    let mut seen = Seen::default();
    let wanted = Wish {
        target,
        build_args,
        world,
        all_stages: false,
    };
    let Converted { plan, fal } = converted(source, &wanted, &mut seen)?;
    let layers = requirements(&fal)?;
    // Nobody solves it: that something is needed is enough.
    let needed = |layer: &Layer| layer.needed().next().map(|_| plan.context);
    let requirements: Vec<_> = layers.iter().map(|layer| (layer, needed(layer))).collect();
    let curl = match &fal.curl {
        fal::options::Curl::Image(reference) => Some(reference.clone().tag_name_only()),
        _ => None,
    };
    let curl_image = curl.as_ref().and_then(|curl| {
        let known = world.digests.get(&curl.to_string());
        curl.digest().or(known.map(String::as_str))
    });
    let build = Build {
        text: &source.bytes,
        options: &fal,
        requirements: &requirements,
        plan: &plan,
        stages: &seen.stages,
        facts: &seen.plan,
        build_args,
        labels,
        overrides: &world.overrides,
        curl_image,
    };
    Ok(build.question())
}

/// What is asked of a conversion.
struct Wish<'a> {
    target: Option<&'a str>,
    build_args: &'a BTreeMap<String, String>,
    world: &'a World,
    all_stages: bool,
}

/// What a conversion came by, as far as it went.
#[derive(Default)]
struct Seen {
    config: Config,
    diagnostics: Vec<Diagnostic>,
    file: Option<ast::File>,
    dockerfile: Option<Dockerfile>,
    fal: Option<fal::Options>,
    stages: stage::Facts,
    plan: plan::Facts,
}

fn converted(source: &Source, wish: &Wish<'_>, seen: &mut Seen) -> Result<Converted> {
    let parsed = syntax::parse(source);
    let nothing = BTreeMap::new();
    let given = fal::Given {
        comments: &parsed.file.comments,
        manifest: &wish.world.options,
        options: &nothing,
        build_arguments: wish.build_args,
        environment: &nothing,
    };
    fal::requirements::refuse_written_credentials(&given, &source.name)?;
    let fal = fal::read(&given);
    seen.config = Config::of_file(&source.bytes)?;
    seen.diagnostics = parsed.diagnostics.clone();
    let file = seen.file.insert(parsed.into_result()?);
    let dockerfile = seen.dockerfile.insert(instruction::read(file)?);
    let fal = seen.fal.insert(fal?).clone();
    let own = platform::default_spec().normalize();
    let wanted = wish.world.platform.as_ref();
    let target_platform = wanted.unwrap_or(&own);
    let contexts = Contexts::default();
    let mut graph = stage::graph_with_facts(
        dockerfile,
        file.escape,
        &stage::Options {
            target: wish.target,
            build_args: wish.build_args,
            build_platform: &own,
            target_platform,
            is_platform_implicit: wanted.is_none(),
            contexts: &contexts,
        },
        &mut seen.stages,
    )?;
    graph.all_stages = wish.all_stages;
    let options = plan::Options {
        build_platforms: std::slice::from_ref(&own),
        target_platform,
        is_platform_implicit: wanted.is_none(),
        is_multi_platform: false,
        resolve_mode: ResolveMode::Default,
        session: "",
        contexts: &contexts,
        inputs: Ok(&BTreeMap::new()),
        input_metadata: &nothing,
        local_sessions: &nothing,
        shared_keys: &nothing,
        cache_mount_namespace: "",
        no_cache: &NoCache::No,
        labels: &nothing,
        run: &RunSettings::default(),
        overrides: &wish.world.overrides,
        capabilities: &|_| true,
        file: &SourceMap {
            filename: source.name.clone(),
            language: "Dockerfile".to_owned(),
            data: source.bytes.clone().into(),
            origin: Origin::Unknown,
        },
    };
    let bases = bases(graph, &options, wish.world, &mut seen.plan)?;
    let plan = plan::build_with_facts(bases, &options, &wish.world.context, &mut seen.plan)?;
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

/// The definition of a plan, if a daemon takes it.
pub fn checked(plan: &Plan) -> Result<Definition> {
    let definition = definition(&plan.llb, plan.output);
    plan.check(&definition)?;
    Ok(definition)
}

fn bases(
    graph: stage::Graph,
    options: &plan::Options<'_>,
    world: &World,
    facts: &mut plan::Facts,
) -> Result<Bases> {
    let mut known: Known = HashMap::new();
    let mut resolution = Resolution::new(graph, options);
    loop {
        match resolution.step(&known, facts)? {
            Step::Done(bases) => return Ok(*bases),
            Step::Need(goes_on, queries) => {
                known.extend(
                    queries
                        .into_iter()
                        .map(|query| (query.wanted.clone(), answer(query.wanted, world))),
                );
                resolution = *goes_on;
            }
        }
    }
}

fn answer(wanted: Wanted, world: &World) -> Answer {
    match wanted {
        Wanted::Image { reference, .. } | Wanted::OciLayout { reference, .. } => {
            let written = reference.split_once('@').map(|(_, digest)| digest);
            let known = world.digests.get(&reference).map(String::as_str);
            Answer::Image {
                digest: written.or(known).unwrap_or_default().to_owned(),
                reference,
                config: world.image.clone(),
            }
        }
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

    #[test]
    fn an_image_whose_trigger_reads_from_the_image_is_refused() {
        for (triggers, sentence) in [
            (r#""COPY --from=a / /""#, "the ONBUILD triggers of a "),
            (
                r#""COPY --from=a / /", "COPY --from=a / /b""#,
                "the build grows beyond ",
            ),
        ] {
            let mut world = World::plain(&[]);
            world.image = format!(r#"{{"config": {{"OnBuild": [{triggers}]}}}}"#).into();
            // On many lines, so that it does not take long until that is too much.
            let source = Source::new("Dockerfile", format!("FROM {}a", "\\\n".repeat(1_000)));
            let mistake = convert_in(&world, &source, None, &BTreeMap::new()).err();
            let mistake = mistake.expect("it has no end").to_string();
            assert!(mistake.starts_with(sentence), "{mistake}");
        }
    }
}
