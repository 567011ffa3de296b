//! `cargo xtask demo`: the main job on real input, from nothing to a process in the image.
//!
//! The frontend and the base image go into the build as named contexts out of OCI layouts, so
//! that it works the same on any BuildKit, without a registry.

mod docker; // the BuildKit of a running Docker

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::docker::Docker;
use crate::{
    base_images,
    buildkit::{self, Build, Buildkit},
    image::{self, Flavour},
    stack, tools, workspace,
};

/// The base image as the example's Dockerfile names it.
const BASE: &str = "python:3.11-slim";

/// What is asked of the finished image.
const PROBE: &str = include_str!("probe.Dockerfile");

/// Runs the demo.
pub(crate) fn run() -> Result<()> {
    let daemon = Daemon::find()?;
    let folder = workspace::target().join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;

    let example = workspace::root().join("examples/base-python");
    heading("The Dockerfile, examples/base-python/Dockerfile");
    print!("{}", fs::read_to_string(example.join("Dockerfile"))?);

    heading("The frontend image and the base image");
    let frontend = Layout::new("frontend", &folder, |layout| {
        image::layout(&daemon.buildkit, Flavour::Fal, layout)
    })
    .with_context(|| daemon.advice())?;
    let base = Layout::new("base", &folder, |layout| {
        base_images::PYTHON.layout(&daemon.buildkit, layout)
    })?;
    println!("fal-frontend      {}", frontend.digest);
    println!("{BASE}  {}", base.digest);

    heading("The build, through fal-frontend");
    let build = frontend.offered(Build::dockerfile(&example, &example), "fal-frontend");
    let build = base.offered(build, BASE).through("fal-frontend");
    let mut metadata = Value::Null;
    let image = Layout::new("image", &folder, |layout| {
        metadata = daemon
            .buildkit
            .build(&build.output(&layout_output(layout)))?;
        buildkit::digest(&metadata)
    })?;

    heading("The fal report");
    println!("{}", report(&metadata)?);
    heading("The image");
    image.print()?;
    heading("A process inside the image says");
    print!("{}", probe(&daemon.buildkit, &image, &folder)?);
    Ok(())
}

/// Something to build with, and what makes it reachable.
struct Daemon {
    buildkit: Buildkit,
    docker: Option<Docker>,
}

impl Daemon {
    /// The daemon that the machine offers, or else our own.
    fn find() -> Result<Self> {
        if let Ok(host) = env::var("BUILDKIT_HOST")
            && !host.is_empty()
        {
            eprintln!("xtask: building with the BuildKit of BUILDKIT_HOST");
            return Self::at(&host, None);
        }
        if let Some(docker) = Docker::find()? {
            eprintln!("xtask: building with the BuildKit of `docker buildx`");
            return Self::at(&docker.host(), Some(docker));
        }
        Ok(Self {
            buildkit: stack::start()?.buildkit(),
            docker: None,
        })
    }

    /// What to try when even the first image cannot be made.
    fn advice(&self) -> &'static str {
        match self.docker {
            Some(_) => {
                "this builder may not write OCI layouts; `docker buildx create --use` makes one that does"
            }
            None => "cannot make the frontend image",
        }
    }

    fn at(host: &str, docker: Option<Docker>) -> Result<Self> {
        Ok(Self {
            buildkit: Buildkit::new(tools::go_tools()?.path("buildctl"), host),
            docker,
        })
    }
}

/// An image in a folder, as an OCI layout.
struct Layout {
    name: &'static str,
    folder: PathBuf,
    digest: String,
}

impl Layout {
    /// Lets `make` write an image below `parent`; it gives the image's digest.
    fn new(
        name: &'static str,
        parent: &Path,
        make: impl FnOnce(&Path) -> Result<String>,
    ) -> Result<Self> {
        let folder = parent.join(name);
        let digest = make(&folder)?;
        Ok(Self {
            name,
            folder,
            digest,
        })
    }

    /// `build` with this image in place of the one that it calls `reference`.
    fn offered(&self, build: Build, reference: &str) -> Build {
        let Self {
            name,
            folder,
            digest,
        } = self;
        build
            .opt(
                &format!("context:{reference}"),
                &format!("oci-layout://{name}@{digest}"),
            )
            .argument("--oci-layout", &format!("{name}={}", folder.display()))
    }

    /// Prints the digest and the layers.
    fn print(&self) -> Result<()> {
        println!("digest  {}", self.digest);
        let manifest: Value = serde_json::from_slice(&self.blob(&self.digest)?)?;
        for layer in manifest["layers"].as_array().into_iter().flatten() {
            let digest = layer["digest"].as_str().unwrap_or_default();
            let size = layer["size"].as_u64().unwrap_or_default();
            println!("layer   {digest}  {:>6.1} MB", size as f64 / 1e6);
        }
        Ok(())
    }

    fn blob(&self, digest: &str) -> Result<Vec<u8>> {
        let file = self.folder.join("blobs").join(digest.replace(':', "/"));
        fs::read(&file).with_context(|| file.display().to_string())
    }
}

fn layout_output(folder: &Path) -> String {
    format!("type=oci,tar=false,dest={}", folder.display())
}

/// The report, made readable.
fn report(metadata: &Value) -> Result<String> {
    let report = match &metadata["frontend.fal.report"] {
        Value::String(text) => serde_json::from_str(text)?,
        other => other.clone(),
    };
    if report.is_null() {
        bail!("the build returned no fal report");
    }
    Ok(serde_json::to_string_pretty(&report)?)
}

/// Starts a process inside the image, and gives what it says.
fn probe(buildkit: &Buildkit, image: &Layout, folder: &Path) -> Result<String> {
    let probe = folder.join("probe");
    fs::create_dir_all(&probe)?;
    fs::write(probe.join("Dockerfile"), PROBE)?;
    let answer = folder.join("answer");
    let build = image
        .offered(Build::dockerfile(&probe, &probe), "demo")
        .opt("no-cache", "")
        .output(&format!("type=local,dest={}", answer.display()));
    buildkit.build_quietly(&build)?;
    Ok(fs::read_to_string(answer.join("versions"))?)
}

fn heading(text: &str) {
    println!("\n== {text} ==\n");
}
