//! How long a Dockerfile takes to become a definition.
//!
//! Generated Dockerfiles are converted and marshalled by `benches/conversion.rs` and by
//! `tests/tools/bench`, which measure themselves in the same way: many runs in a process of its own
//! for each file, without a daemon. That both come to the same result is checked too.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::shapes::SHAPES;
use crate::{process::Run, tools, workspace};

/// What the columns say.
const LEGEND: &str = "\
Every file is converted and marshalled again and again for two seconds, by ours and by docker/dockerfile.
  size      instructions; of `typical`, lines
  fastest   the shortest run, which other work on the machine disturbs least; median of all; first in the process
  memory    the most that the process had in its first run
  original  the shortest run of docker/dockerfile, and its memory
  ratio     how many times as long as ours the original takes
  µs each   the shortest run, divided by the size
  output    ops and image config
";

/// What every base image says of itself.
const IMAGE: &str = r#"{"created":"2024-05-14T01:28:25.119Z","architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","LANG=C.UTF-8","PYTHON_VERSION=3.11.9"],"Cmd":["python3"]},"rootfs":{"type":"layers","diff_ids":["sha256:d310e774110ab038b30c6a5f7b7f7dd527dbe527854496bd30194b9ee6ea496e"]},"history":[{"created":"2024-05-14T01:28:24Z","created_by":"/bin/sh -c #(nop) ADD file:5aaace706aa00ff97 in / "},{"created":"2024-05-14T01:28:25Z","created_by":"/bin/sh -c #(nop)  CMD [\"bash\"]","empty_layer":true}]}"#;

/// Which of the Dockerfiles.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only the shapes whose names contain one of these
    #[arg(value_name = "SHAPE")]
    shapes: Vec<String>,
    /// No files with more instructions
    #[arg(long, value_name = "INSTRUCTIONS", default_value_t = usize::MAX, hide_default_value = true)]
    up_to: usize,
    /// The original gets no files with more instructions
    #[arg(long, value_name = "INSTRUCTIONS", default_value_t = 2_000)]
    original_up_to: usize,
}

/// `cargo xtask bench conversion`
pub(super) fn run(wanted: &Arguments) -> Result<()> {
    let folder = workspace::target().join("bench");
    fs::create_dir_all(&folder)?;
    let config = folder.join("image.json");
    fs::write(&config, IMAGE)?;
    let original = tools::go_tool("bench")?;

    println!("{LEGEND}");
    print_row([
        "shape", "size", "fastest", "median", "first", "memory", "original", "memory", "ratio",
        "µs each", "output", "ops", "runs",
    ]);
    let mut differing = Vec::new();
    for shape in &SHAPES {
        if !wanted.shapes.is_empty() && !wanted.shapes.iter().any(|name| shape.name.contains(name))
        {
            continue;
        }
        for &size in shape.sizes.iter().filter(|&&size| size <= wanted.up_to) {
            let file = folder.join(format!("{}-{size}.Dockerfile", shape.name));
            fs::write(&file, (shape.write)(size))?;
            let ours = ours(&config, &file)?;
            let theirs = match size <= wanted.original_up_to {
                true => Some(theirs(&original, &config, &file)?),
                false => None,
            };
            row(shape.name, size, &ours, theirs.as_ref());
            if theirs.is_some_and(|theirs| (theirs.head, theirs.image) != (ours.head, ours.image)) {
                differing.push(file);
            }
        }
    }
    ensure!(
        differing.is_empty(),
        "ours and the original make different images of {differing:?}"
    );
    Ok(())
}

/// What one side measured for one file.
#[derive(Deserialize)]
struct Measured {
    /// The shortest run, in nanoseconds like the others: what it takes when nothing else wants the machine.
    fastest: u64,
    median: u64,
    /// The first run of the process, which is what a build waits for.
    first: u64,
    runs: usize,
    /// The most memory that the process had up to the end of the first run, in KiB.
    memory: Option<u64>,
    ops: usize,
    /// Of all ops and of the image's config.
    bytes: usize,
    /// The digest of the op that makes the result.
    head: String,
    /// The digest of the image's config.
    image: String,
}

fn ours(config: &Path, file: &Path) -> Result<Measured> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.current_dir(workspace::root()).args([
        "bench",
        "--quiet",
        "--package",
        "fal-frontend",
        "--bench",
        "conversion",
        "--",
    ]);
    answer(command.arg(config).arg(file))
}

fn theirs(program: &PathBuf, config: &Path, file: &Path) -> Result<Measured> {
    answer(Command::new(program).arg(config).arg(file))
}

fn answer(command: &mut Command) -> Result<Measured> {
    let line = command.read()?;
    serde_json::from_str(&line).with_context(|| format!("no measurement: {line}"))
}

fn row(shape: &str, size: usize, ours: &Measured, theirs: Option<&Measured>) {
    let of_theirs = |show: &dyn Fn(&Measured) -> String| theirs.map_or("–".to_owned(), show);
    let ratio = |theirs: &Measured| theirs.fastest as f64 / ours.fastest as f64;
    print_row([
        shape,
        &size.to_string(),
        &milliseconds(ours.fastest),
        &milliseconds(ours.median),
        &milliseconds(ours.first),
        &memory(ours),
        &of_theirs(&|theirs| milliseconds(theirs.fastest)),
        &of_theirs(&memory),
        &of_theirs(&|theirs| format!("{:.0}×", ratio(theirs))),
        &format!("{:.2}", ours.fastest as f64 / 1e3 / size as f64),
        &size_of(ours.bytes),
        &ours.ops.to_string(),
        &ours.runs.to_string(),
    ]);
}

fn print_row(cells: [&str; 13]) {
    let [
        shape,
        size,
        fastest,
        median,
        first,
        memory,
        original,
        its_memory,
        rest @ ..,
    ] = cells;
    let [ratio, each, output, ops, runs] = rest;
    println!(
        "{shape:<16}{size:>7}{fastest:>11}{median:>11}{first:>11}{memory:>9}{original:>12}{its_memory:>9}\
         {ratio:>7}{each:>9}{output:>10}{ops:>8}{runs:>6}"
    );
}

fn memory(measured: &Measured) -> String {
    let kibibytes = measured.memory;
    kibibytes.map_or("–".to_owned(), |kibibytes| {
        size_of(kibibytes as usize * 1024)
    })
}

fn milliseconds(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds as f64 / 1e6;
    match milliseconds {
        ..1.0 => format!("{milliseconds:.3} ms"),
        ..100.0 => format!("{milliseconds:.1} ms"),
        _ => format!("{milliseconds:.0} ms"),
    }
}

fn size_of(bytes: usize) -> String {
    match bytes {
        ..10_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}
