//! What the fal layers add to a rebuild after one source file was edited.
//!
//! Each case is a Dockerfile whose last line copies the file. It is built once, and then again and again with the file changed:
//! by the flavour for plain Dockerfiles, by the same with one `RUN` behind the last line, which starts one container, and by the
//! flavour for fal. Nothing is exported.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    buildkit::{Build, Buildkit},
    image,
    stack::{self, Stack},
    workspace,
};

/// A name, and the lines before the last.
const CASES: [(&str, &str); 3] = [
    (
        "has everything",
        "FROM python:3.11-slim\n\
         RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*\n\
         RUN pip install --no-cache-dir pydantic protobuf boto3\n",
    ),
    (
        "lacks curl",
        "FROM python:3.11-slim\n\
         RUN pip install --no-cache-dir pydantic protobuf boto3\n",
    ),
    ("lacks all", "FROM python:3.11-slim\n"),
];

/// What brings the edited file.
const LAST: &str = "COPY app.py /app/\n";

/// What starts one container more.
const START: &str = "RUN [\"true\"]\n";

/// What the columns say, in the order of [`measure`].
const LEGEND: &str = "\
A rebuild after an edit, median, in seconds.
  plain    without the fal layers
  start    with one RUN that does nothing behind the last line: what one container costs here
  ours     with the fal layers
  added    what they add to the plain rebuild
";

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many edits of each case
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Measures this image of the flavour for fal instead of building one
    #[arg(long, value_name = "REF", requires = "plain")]
    fal: Option<String>,
    /// Measures this image of the flavour for plain Dockerfiles instead of building one
    #[arg(long, value_name = "REF", requires = "fal")]
    plain: Option<String>,
}

/// `cargo xtask bench rebuild`
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let stack = stack::up()?;
    let image = |given: &Option<String>, flavour| match given {
        Some(reference) => Ok(reference.clone()),
        None => image::push_to_stack(&stack, flavour),
    };
    let plain = image(&arguments.plain, image::Flavour::Dockerfile)?;
    let fal = image(&arguments.fal, image::Flavour::Fal)?;
    println!("{LEGEND}");
    println!(
        "{:<16}{:>8}{:>8}{:>8}{:>8}",
        "case", "plain", "start", "ours", "added"
    );
    for (name, text) in CASES {
        let [plain, start, ours] = measure(&stack, name, text, [&plain, &fal], arguments.runs)?;
        let added = ours.as_secs_f64() - plain.as_secs_f64();
        println!(
            "{name:<16}{:>8.2}{:>8.2}{:>8.2}{added:>8.2}",
            plain.as_secs_f64(),
            start.as_secs_f64(),
            ours.as_secs_f64()
        );
    }
    Ok(())
}

/// The medians of a rebuild that is plain, starts one container, and has the fal layers.
fn measure(
    stack: &Stack,
    name: &str,
    text: &str,
    [plain, fal]: [&str; 2],
    runs: u32,
) -> Result<[Duration; 3]> {
    let folder = workspace::target().join("bench/rebuild").join(name);
    let plain_text = text.to_owned() + LAST;
    let sides = [
        Side::new(&folder.join("plain"), plain, &plain_text)?,
        Side::new(
            &folder.join("start"),
            plain,
            &(text.to_owned() + LAST + START),
        )?,
        Side::new(&folder.join("ours"), fal, &plain_text)?,
    ];
    let buildkit = stack.buildkit();
    let mut times: [Vec<Duration>; 3] = Default::default();
    // Who is first has the base fetched and the packages installed: that counts for nothing.
    for run in 0..=runs {
        for (side, times) in sides.iter().zip(&mut times) {
            let time = side.rebuild(&buildkit)?;
            if run > 0 {
                times.push(time);
            }
        }
    }
    Ok(times.map(median))
}

/// A folder that is built.
struct Side {
    folder: PathBuf,
    frontend: String,
}

impl Side {
    fn new(folder: &Path, frontend: &str, dockerfile: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("Dockerfile"), dockerfile)?;
        Ok(Self {
            folder: folder.to_owned(),
            frontend: frontend.to_owned(),
        })
    }

    /// How long a build takes for which the file is another than ever before.
    fn rebuild(&self, buildkit: &Buildkit) -> Result<Duration> {
        let text = format!("# {:?}\n", std::time::SystemTime::now());
        fs::write(self.folder.join("app.py"), text)?;
        let build = Build::dockerfile(&self.folder, &self.folder).through(&self.frontend);
        let begin = Instant::now();
        buildkit.build_quietly(&build)?;
        Ok(begin.elapsed())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
