//! How long it takes to convert Dockerfiles and to marshal what they become.
//!
//! Takes an image config, which every base image has, and Dockerfiles; prints a line of JSON for each. `cargo xtask bench
//! conversion` makes the files, runs this and the original on them, and shows the two beside each other.
#![expect(
    clippy::print_stdout,
    reason = "what a benchmark finds is what it prints"
)]

use std::{
    collections::{BTreeMap, HashMap},
    hint::black_box,
    time::{Duration, Instant},
};

use fal_frontend::{
    diagnostic::{Diagnostic, render},
    llb::{self, Definition, SourceMap},
    plan::{self, Answer, MainContext, NoCache, Resolution, RunSettings, Step, Wanted},
    reference::platform,
    source::Source,
    stage::{self, Contexts},
    syntax,
};

/// How long one file is measured, unless it takes longer to convert it [`FEWEST`] times.
const BUDGET: Duration = Duration::from_secs(2);
const FEWEST: usize = 5;
const MOST: usize = 1_001;
/// What takes longer than this is measured once.
const LONG: Duration = Duration::from_secs(10);

fn main() {
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let Some(config) = arguments.next() else {
        // Run with nothing to do, as `cargo bench` and `cargo test --benches` do.
        eprintln!("run this with: cargo xtask bench conversion");
        return;
    };
    let config = std::fs::read(config).expect("the image config");
    for path in arguments {
        let dockerfile = std::fs::read(&path).expect("a Dockerfile");
        let convert = || match convert(&dockerfile, &config) {
            Ok(result) => result,
            Err(mistake) => {
                let source = Source::new(path.as_str(), dockerfile.as_slice());
                eprint!("{}", render::terminal(&mistake, &source));
                std::process::exit(1);
            }
        };
        let measured = measure(convert);
        let (definition, image) = convert();
        println!(
            "{}",
            serde_json::json!({
                "nanoseconds": measured.median.as_nanos() as u64,
                "first": measured.first.as_nanos() as u64,
                "runs": measured.runs,
                "ops": definition.ops.len(),
                "bytes": definition.ops.iter().map(|op| op.len()).sum::<usize>() + image.len(),
                "head": definition.head(),
                "image": llb::digest(image.as_bytes()),
            })
        );
    }
}

struct Measured {
    median: Duration,
    first: Duration,
    runs: usize,
}

/// Runs until the time is used up. What a run gives is dropped outside of the time that counts.
fn measure<T>(run: impl Fn() -> T) -> Measured {
    let mut times = Vec::new();
    let mut spent = Duration::ZERO;
    while times.len() < MOST && (times.len() < FEWEST || spent < BUDGET) {
        let start = Instant::now();
        let result = black_box(run());
        let time = start.elapsed();
        drop(result);
        times.push(time);
        spent += time;
        if time > LONG {
            break;
        }
    }
    let first = times[0];
    times.sort_unstable();
    Measured {
        median: times[times.len() / 2],
        first,
        runs: times.len(),
    }
}

/// The definition of a Dockerfile and the config of its image.
fn convert(dockerfile: &[u8], config: &[u8]) -> Result<(Definition, String), Box<Diagnostic>> {
    let source = Source::new("Dockerfile", dockerfile);
    let file = syntax::parse(&source).into_result()?;
    let escape = file.escape;
    let dockerfile = fal_frontend::instruction::read(&file)?;

    let nothing = BTreeMap::new();
    let own = platform::default_spec().normalize();
    let contexts = Contexts::default();
    let graph = stage::graph(
        &dockerfile,
        escape,
        &stage::Options {
            target: None,
            build_args: &nothing,
            build_platform: &own,
            target_platform: &own,
            contexts: &contexts,
        },
    )?;
    let file = SourceMap {
        filename: source.name,
        language: "Dockerfile".to_owned(),
        data: source.bytes.into(),
        origin: llb::Origin::Unknown,
    };
    let capabilities = |_: &str| true;
    let options = plan::Options {
        build_platforms: std::slice::from_ref(&own),
        target_platform: &own,
        is_platform_implicit: true,
        is_multi_platform: false,
        resolve_mode: llb::source::ResolveMode::Default,
        session: "",
        contexts: &contexts,
        local_sessions: &nothing,
        shared_keys: &nothing,
        cache_mount_namespace: "",
        no_cache: &NoCache::No,
        labels: &nothing,
        run: &RunSettings::default(),
        capabilities: &capabilities,
        file: &file,
    };
    // The original gives a local context a name by chance, so that no two definitions are equal.
    let context = llb::source::Image {
        reference: "docker.io/library/context:latest".to_owned(),
        ..llb::source::Image::default()
    };
    let context = MainContext::Source(context.into(), "context".to_owned());
    let plan = plan::build(bases(graph, &options, config)?, &options, &context)?;
    let platform = plan::op_platform(&own);
    let defaults = llb::Defaults {
        platform: &platform,
        capabilities: &capabilities,
    };
    let definition = llb::marshal(&plan.llb, plan.output, &defaults);
    let image = plan.image.to_json().expect("a config that can be written");
    Ok((definition, image))
}

/// Every base image has the same config.
fn bases(
    graph: stage::Graph,
    options: &plan::Options<'_>,
    config: &[u8],
) -> Result<plan::Bases, Box<Diagnostic>> {
    let mut known = HashMap::new();
    let mut resolution = Resolution::new(graph, options);
    loop {
        match resolution.step(&known)? {
            Step::Done(bases) => return Ok(*bases),
            Step::Need(goes_on, queries) => {
                for query in queries {
                    let answer = answer(&query.wanted, config);
                    known.insert(query.wanted, answer);
                }
                resolution = *goes_on;
            }
        }
    }
}

fn answer(wanted: &Wanted, config: &[u8]) -> Answer {
    match wanted {
        Wanted::Image { reference, .. } | Wanted::OciLayout { reference, .. } => Answer::Image {
            reference: reference.clone(),
            digest: String::new(),
            config: config.to_vec(),
        },
        Wanted::Ignore { .. } | Wanted::Plain(_) => Answer::Ignore(Vec::new()),
    }
}
