//! How long requirements take until they are pushed, and what they take of a registry: by a plain `RUN pip install`, by uv with a cache
//! mount, and by ours.
//!
//! All build on the same image, Python with uv in it, through the same frontend, and push. Each round goes through all of them, so that a
//! slow minute of the network is nobody's alone; each begins with an empty daemon that has the base image, and with a registry of its own.

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
    stack::{self, Stack, registry},
    workspace,
};

const LEGEND: &str = "\
  cold      nothing is in the daemon but the base image
  warm      a step before has changed, so that all is installed again
  one       another version of one of the requirements
  ten       other versions of ten of them
Seconds from the start of the client until all is pushed, the median of all rounds; in parentheses, how many times as long as the best of
the ways without us. The last line is another image on another base, built after the line above.
";

/// What is installed, but for those that change.
const PINNED: &str = include_str!("requirements.txt");

/// Those that change: before and after. One changes alone first.
const CHANGING: [(&str, &str, &str); 10] = [
    ("six", "1.17.0", "1.16.0"),
    ("filelock", "4.2.11", "4.2.10"),
    ("fsspec", "2026.9.0", "2026.7.0"),
    ("joblib", "1.6.0", "1.5.3"),
    ("regex", "2026.11.15", "2026.11.9"),
    ("threadpoolctl", "3.8.0", "3.7.0"),
    ("tqdm", "4.70.1", "4.70.0"),
    ("shellingham", "1.5.4", "1.5.3"),
    ("cloudpickle", "3.1.2", "3.1.1"),
    ("mdurl", "0.1.2", "0.1.1"),
];

/// A way to install the file `requirements.txt`, as lines around those that are the same.
struct Way {
    name: &'static str,
    first: &'static str,
    last: &'static str,
    /// Whether it is tried on another base, too.
    twice: bool,
}

const WAYS: [Way; 3] = [
    Way {
        name: "RUN pip install -r",
        first: "# fal: mode=off",
        last: "COPY requirements.txt /requirements.txt\nRUN pip install -r /requirements.txt\n",
        twice: false,
    },
    Way {
        name: "RUN --mount=type=cache uv pip install",
        first: "# fal: mode=off",
        last: "RUN --mount=type=cache,target=/root/.cache/uv --mount=type=bind,source=requirements.txt,target=/requirements.txt \
               uv pip install --system --link-mode=copy -r /requirements.txt\n",
        twice: true,
    },
    Way {
        name: "# fal: requirements=requirements.txt",
        first: "# fal: curl=none runtime=none requirements=requirements.txt",
        last: "",
        twice: true,
    },
];

/// The image that each base is, and what its Dockerfile has of its own.
const BASES: [(&str, &str); 2] = [
    ("python-uv", ""),
    ("python-uv-other", "RUN echo other > /other\n"),
];

const COLUMNS: [&str; 4] = ["cold", "warm", "one", "ten"];

type Times = [Duration; COLUMNS.len()];

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

/// What one way took in one round.
struct Measured {
    first: Times,
    /// On another base.
    other: Option<Times>,
    /// Bytes in the registry with the images of both bases.
    stored: Option<u64>,
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
    let mut all: Vec<Vec<Measured>> = ways.iter().map(|_| Vec::new()).collect();
    for round in 1..=arguments.runs {
        for (way, all) in ways.iter().zip(&mut all) {
            let measured = bench.round(way)?;
            eprintln!("xtask: round {round}: {}: {:.1?}", way.name, measured.first);
            all.push(measured);
        }
    }
    print(ways, &all);
    Ok(())
}

fn print(ways: &[Way], all: &[Vec<Measured>]) {
    println!("{LEGEND}");
    let of_first: Vec<_> = all
        .iter()
        .map(|all| medians(all.iter().map(|measured| measured.first)))
        .collect();
    let Some((ours, without_us)) = of_first.split_last() else {
        return;
    };
    let best: Vec<f64> = (0..COLUMNS.len())
        .map(|column| {
            without_us
                .iter()
                .map(|row| row[column])
                .fold(f64::INFINITY, f64::min)
        })
        .collect();
    let line = |name: &str, row: &[f64]| {
        let cells = row
            .iter()
            .zip(&best)
            .map(|(time, best)| format!("{:>16}", format!("{time:.2} ({:.2}×)", time / best)));
        println!("{name:<40}{}", cells.collect::<String>());
    };
    println!(
        "{:<40}{}",
        "",
        COLUMNS.map(|column| format!("{column:>16}")).concat()
    );
    for (way, row) in ways.iter().zip(without_us.iter().chain([ours])) {
        line(way.name, row);
    }
    if let Some(of_ours) = all.last() {
        let other = of_ours.iter().filter_map(|measured| measured.other);
        line("  … on another base", &medians(other));
    }
    println!("\nMegabytes in the registry, of the images on both bases:");
    for (way, all) in ways.iter().zip(all) {
        if let Some(stored) = all.iter().find_map(|measured| measured.stored) {
            println!("{:<40}{:>16.1}", way.name, stored as f64 / 1e6);
        }
    }
}

fn medians(rounds: impl Iterator<Item = Times>) -> [f64; COLUMNS.len()] {
    let mut columns: [Vec<Duration>; COLUMNS.len()] = Default::default();
    for times in rounds {
        for (column, time) in columns.iter_mut().zip(times) {
            column.push(time);
        }
    }
    columns.map(|times| median(times).as_secs_f64())
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
    folder: PathBuf,
}

/// An image that is built again and again.
struct Image<'a> {
    way: &'a Way,
    base: String,
    name: String,
}

impl Bench {
    fn new(stack: Stack, frontend: String) -> Result<Self> {
        let folder = workspace::target().join("bench/requirements");
        fs::create_dir_all(&folder)?;
        let buildkit = stack.buildkit();
        let bench = Self {
            stack,
            buildkit,
            frontend,
            folder,
        };
        for (name, line) in BASES {
            // uv trusts whom pip trusts: the machine may be behind a proxy.
            let dockerfile = format!(
                "FROM python:3.11-slim\n{line}ENV UV_SYSTEM_CERTS=1\nRUN pip install --no-cache-dir uv\n"
            );
            fs::write(bench.folder.join("Dockerfile"), dockerfile)?;
            let build = Build::dockerfile(&bench.folder, &bench.folder);
            let output = format!("type=image,name={},push=true", bench.base(name));
            bench.buildkit.build_quietly(&build.output(&output))?;
        }
        Ok(bench)
    }

    fn base(&self, name: &str) -> String {
        format!("{}/bench/{name}:latest", self.stack.registry)
    }

    fn round(&self, way: &Way) -> Result<Measured> {
        self.prune()?;
        let storage = self.folder.join("registry");
        let _ = fs::remove_dir_all(&storage);
        fs::create_dir_all(&storage)?;
        registry::during(&storage, |address| self.measure(way, address, &storage))
    }

    /// Builds a way's images, in this order: all that it needs, on both bases; then changes.
    fn measure(&self, way: &Way, registry: &str, storage: &Path) -> Result<Measured> {
        let images = BASES.map(|(base, _)| Image {
            way,
            base: self.base(base),
            name: format!("{registry}/{base}:latest"),
        });
        let [first, other] = &images;
        let cold = self.cold(first)?;
        if !way.twice {
            return Ok(Measured {
                first: self.changes(first, cold)?,
                other: None,
                stored: None,
            });
        }
        let other_cold = self.cold(other)?;
        let stored = bytes_below(storage)?;
        Ok(Measured {
            first: self.changes(first, cold)?,
            other: Some(self.changes(other, other_cold)?),
            stored: Some(stored),
        })
    }

    fn cold(&self, image: &Image<'_>) -> Result<Duration> {
        // The base image and the frontend are there, and nothing else.
        self.write("# fal: mode=off", &image.base, "RUN true\n", 0)?;
        self.build(&Build::dockerfile(&self.folder, &self.folder).through(&self.frontend))?;
        self.rebuild(image, "one", 0)
    }

    fn changes(&self, image: &Image<'_>, cold: Duration) -> Result<Times> {
        Ok([
            cold,
            self.rebuild(image, "two", 0)?,
            self.rebuild(image, "two", 1)?,
            self.rebuild(image, "two", CHANGING.len())?,
        ])
    }

    /// Builds an image whose step before is another with another `before`, and of whose requirements so many are another version.
    fn rebuild(&self, image: &Image<'_>, before: &str, changed: usize) -> Result<Duration> {
        let Way { first, last, .. } = image.way;
        let lines = format!("RUN echo {before} > /before\n{last}");
        self.write(first, &image.base, &lines, changed)?;
        let build = Build::dockerfile(&self.folder, &self.folder).through(&self.frontend);
        let name = &image.name;
        self.build(&build.output(&format!(
            "type=image,name={name},push=true,registry.insecure=true"
        )))
    }

    fn write(&self, first: &str, base: &str, lines: &str, changed: usize) -> Result<()> {
        let dockerfile = format!("{first}\nFROM {base}\n{lines}");
        fs::write(self.folder.join("Dockerfile"), dockerfile)?;
        let changing = CHANGING.iter().enumerate();
        let changing = changing.map(|(at, (name, old, new))| {
            let version = if at < changed { new } else { old };
            format!("{name}=={version}\n")
        });
        let requirements = format!("{PINNED}{}", changing.collect::<String>());
        fs::write(self.folder.join("requirements.txt"), requirements)?;
        Ok(())
    }

    fn build(&self, build: &Build) -> Result<Duration> {
        let start = Instant::now();
        self.buildkit.build_quietly(build)?;
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

/// The sizes of all files in a folder and below.
fn bytes_below(folder: &Path) -> Result<u64> {
    let mut pending = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            match metadata.is_dir() {
                true => pending.push(entry.path()),
                false => bytes += metadata.len(),
            }
        }
    }
    Ok(bytes)
}
