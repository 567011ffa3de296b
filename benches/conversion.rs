//! How long it takes to convert Dockerfiles and to marshal what they become.
//!
//! Takes an image config, which every base image has, and a Dockerfile; prints a line of JSON. `cargo xtask bench conversion` makes the
//! files, runs this and the original on each in a process of its own, and shows the two beside each other.
#![expect(
    clippy::print_stdout,
    reason = "what a benchmark finds is what it prints"
)]

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use fal_frontend::{
    cli::offline::{self, World},
    diagnostic::{Result, render},
    llb::{self, Definition, source::Image},
    plan::{MainContext, Remote},
    source::Source,
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
    let world = World {
        image: std::fs::read(config).expect("the image config"),
        context: context(),
        ..World::plain(&[])
    };
    for path in arguments {
        let dockerfile = std::fs::read(&path).expect("a Dockerfile");
        let convert = || match convert(&world, &dockerfile) {
            Ok(result) => result,
            Err(mistake) => {
                let source = Source::new(path.as_str(), dockerfile.as_slice());
                eprint!("{}", render::terminal(&mistake, &source));
                std::process::exit(1);
            }
        };
        let (first, (definition, image)) = timed(convert);
        let memory = peak_memory();
        let times = measure(first, convert);
        println!(
            "{}",
            serde_json::json!({
                "fastest": times[0].as_nanos() as u64,
                "median": times[times.len() / 2].as_nanos() as u64,
                "first": first.as_nanos() as u64,
                "runs": times.len(),
                "memory": memory,
                "ops": definition.ops.len(),
                "bytes": definition.ops.iter().map(|op| op.len()).sum::<usize>() + image.len(),
                "head": definition.head(),
                "image": llb::digest(image.as_bytes()),
            })
        );
    }
}

/// The original gives a local context a name by chance, and so no two definitions are equal. This one has a name.
fn context() -> MainContext {
    let image = Image {
        reference: "docker.io/library/context:latest".to_owned(),
        ..Image::default()
    };
    MainContext::Remote(Remote::source(image, "context"))
}

/// Runs on until the time is used up. The times of all runs, the shortest first.
fn measure<T>(first: Duration, run: impl Fn() -> T) -> Vec<Duration> {
    let mut times = vec![first];
    let mut spent = first;
    while first <= LONG && times.len() < MOST && (times.len() < FEWEST || spent < BUDGET) {
        // What a run gives is dropped outside of the time that counts.
        let (time, _) = timed(&run);
        times.push(time);
        spent += time;
    }
    times.sort_unstable();
    times
}

fn timed<T>(run: impl Fn() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = black_box(run());
    (start.elapsed(), result)
}

/// The most memory that this process ever had, in KiB, where the system says it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.split_whitespace().next()?.parse().ok()
}

/// The definition of a Dockerfile and the config of its image.
fn convert(world: &World, dockerfile: &[u8]) -> Result<(Definition, String)> {
    let source = Source::new("Dockerfile", dockerfile);
    let plan = offline::convert_in(world, &source, None, &BTreeMap::new())?.plan;
    let definition = offline::definition(&plan.llb, plan.output);
    let image = plan.image.to_json().expect("a config that can be written");
    Ok((definition, image))
}
