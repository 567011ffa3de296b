//! How long requirements take: by a plain `RUN pip install`, by uv with a cache mount, and by ours.
//!
//! All three build on the same image, Python with uv in it, through the same frontend. Each round begins with an empty daemon that has
//! the base image, and goes through all three, so that a slow minute of the network is nobody's alone.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    buildkit::{Build, Buildkit},
    image,
    process::Run,
    stack::{self, Stack},
    workspace,
};

const LEGEND: &str = "\
  cold      nothing is in the daemon but the base image
  warm      a step before has changed, so that all is installed again
  changed   another version of one of the requirements
Seconds from the start of the client to its end, the median of all rounds; in parentheses, how many times as long as the best of the
other two.
";

/// What is installed, but for the one that changes.
const PINNED: &str = include_str!("requirements.txt");

/// The one that changes: a version a round, and the first for everything else.
const CHANGING: &str = "idna";
const VERSIONS: [&str; 10] = [
    "3.10", "3.9", "3.8", "3.7", "3.6", "3.4", "3.3", "3.2", "3.1", "3.0",
];

/// A way to install the file `requirements.txt`, as lines around those that are the same.
struct Way {
    name: &'static str,
    first: &'static str,
    last: &'static str,
}

const WAYS: [Way; 3] = [
    Way {
        name: "RUN pip install -r",
        first: "# fal: mode=off",
        last: "COPY requirements.txt /requirements.txt\nRUN pip install -r /requirements.txt\n",
    },
    Way {
        name: "RUN --mount=type=cache uv pip install",
        first: "# fal: mode=off",
        last: "RUN --mount=type=cache,target=/root/.cache/uv --mount=type=bind,source=requirements.txt,target=/requirements.txt \
               uv pip install --system --link-mode=copy -r /requirements.txt\n",
    },
    Way {
        name: "# fal: requirements=requirements.txt",
        first: "# fal: curl=none runtime=none requirements=requirements.txt",
        last: "",
    },
];

const COLUMNS: [&str; 3] = ["cold", "warm", "changed"];

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Measures this frontend image instead of building ours
    #[arg(long, value_name = "REF")]
    frontend: Option<String>,
    /// Leaves out plain pip, which takes minutes
    #[arg(long)]
    without_pip: bool,
    /// How many rounds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

/// `cargo xtask bench requirements`
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let stack = stack::up()?;
    let frontend = match &arguments.frontend {
        Some(reference) => reference.clone(),
        None => image::push_to_stack(&stack, image::Flavour::Fal)?,
    };
    let bench = Bench::new(stack, frontend)?;
    let ways = &WAYS[usize::from(arguments.without_pip)..];
    let mut times: Vec<[Vec<Duration>; 3]> = vec![Default::default(); ways.len()];
    for round in 0..arguments.runs {
        for (way, times) in ways.iter().zip(&mut times) {
            let measured = bench.round(way, round)?;
            for (time, times) in measured.into_iter().zip(times.iter_mut()) {
                times.push(time);
            }
            eprintln!("xtask: round {}: {}: {measured:.1?}", round + 1, way.name);
        }
    }
    let medians = times.into_iter();
    let medians = medians.map(|times| times.map(|times| median(times).as_secs_f64()));
    print(ways, &medians.collect::<Vec<_>>());
    Ok(())
}

fn print(ways: &[Way], medians: &[[f64; 3]]) {
    println!("{LEGEND}");
    let [cold, warm, changed] = COLUMNS;
    println!("{:<40}{cold:>16}{warm:>16}{changed:>16}", "");
    for (at, (way, row)) in ways.iter().zip(medians).enumerate() {
        let cells = (0..row.len()).map(|column| {
            let others = (0..ways.len()).filter(|other| *other != at);
            let best = others
                .map(|other| medians[other][column])
                .fold(f64::INFINITY, f64::min);
            format!("{:>7.2} ({:>4.2}×)", row[column], row[column] / best)
        });
        let cells: String = cells.map(|cell| format!("{cell:>16}")).collect();
        println!("{:<40}{cells}", way.name);
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    let middle = times.len() / 2;
    match (times.get(middle), times.len() % 2) {
        (Some(time), 1) => *time,
        (Some(time), _) => (*time + times[middle - 1]) / 2,
        (None, _) => Duration::ZERO,
    }
}

struct Bench {
    stack: Stack,
    buildkit: Buildkit,
    frontend: String,
    /// Python with uv.
    base: String,
    folder: PathBuf,
}

impl Bench {
    fn new(stack: Stack, frontend: String) -> Result<Self> {
        let folder = workspace::target().join("bench/requirements");
        fs::create_dir_all(&folder)?;
        let base = format!("{}/bench/python-uv:latest", stack.registry);
        let buildkit = stack.buildkit();
        fs::write(
            folder.join("Dockerfile"),
            // uv trusts whom pip trusts: the machine may be behind a proxy.
            "FROM python:3.11-slim\nENV UV_SYSTEM_CERTS=1\nRUN pip install --no-cache-dir uv\n",
        )?;
        let build = Build::dockerfile(&folder, &folder);
        buildkit.build_quietly(&build.output(&format!("type=image,name={base},push=true")))?;
        Ok(Self {
            stack,
            buildkit,
            frontend,
            base,
            folder,
        })
    }

    /// The times of the columns.
    fn round(&self, way: &Way, round: u32) -> Result<[Duration; 3]> {
        self.prune()?;
        // The base image and the frontend are there, and nothing else.
        self.write(way.first, "before", "", VERSIONS[0])?;
        fs::write(
            self.folder.join("Dockerfile"),
            format!("# fal: mode=off\nFROM {}\nRUN true\n", self.base),
        )?;
        self.build()?;
        self.write(way.first, "one", way.last, VERSIONS[0])?;
        let cold = self.build()?;
        self.write(way.first, "two", way.last, VERSIONS[0])?;
        let warm = self.build()?;
        let version = 1 + round as usize % (VERSIONS.len() - 1);
        self.write(way.first, "two", way.last, VERSIONS[version])?;
        let changed = self.build()?;
        Ok([cold, warm, changed])
    }

    fn write(&self, first: &str, before: &str, last: &str, version: &str) -> Result<()> {
        let base = &self.base;
        let dockerfile = format!("{first}\nFROM {base}\nRUN echo {before} > /before\n{last}");
        fs::write(self.folder.join("Dockerfile"), dockerfile)?;
        let requirements = format!("{PINNED}{CHANGING}=={version}\n");
        fs::write(self.folder.join("requirements.txt"), requirements)?;
        Ok(())
    }

    fn build(&self) -> Result<Duration> {
        let folder: &Path = &self.folder;
        let build = Build::dockerfile(folder, folder).through(&self.frontend);
        let start = Instant::now();
        self.buildkit.build_quietly(&build)?;
        Ok(start.elapsed())
    }

    fn prune(&self) -> Result<()> {
        Command::new(self.stack.tools.path("buildctl"))
            .args(["--addr", &self.stack.buildkit_host, "prune", "--all"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .read()
            .map(drop)
            .context("cannot empty the daemon")
    }
}
