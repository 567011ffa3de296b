//! The frontend image: two static binaries, in one of two flavours.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    buildkit::{self, Build, Buildkit},
    process::Run,
    stack::{self, Stack},
    workspace,
};

/// The two tags. They differ in the environment of the image config, and in nothing else.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Flavour {
    /// For fal users: `FAL_MODE=app`
    Fal,
    /// A drop-in for docker/dockerfile: `FAL_MODE=off`
    Dockerfile,
}

impl Flavour {
    fn mode(self) -> &'static str {
        match self {
            Self::Fal => "app",
            Self::Dockerfile => "off",
        }
    }

    /// The name under which the stack's registry has it.
    fn reference(self, registry: &str) -> String {
        match self {
            Self::Fal => format!("{registry}/fal-frontend:latest"),
            Self::Dockerfile => format!("{registry}/fal-frontend:dockerfile"),
        }
    }
}

/// What to build, and where it goes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long, value_enum, default_value = "fal")]
    flavour: Flavour,
    /// Writes an OCI archive; without this and --push, target/frontend-image/FLAVOUR.tar
    #[arg(long, value_name = "FILE")]
    oci: Option<PathBuf>,
    /// Pushes to a registry
    #[arg(long, value_name = "REF")]
    push: Option<String>,
}

/// `cargo xtask image`: prints the image's digest last.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let buildkit = daemon()?;
    let mut outputs: Vec<String> = Vec::new();
    if let Some(reference) = &arguments.push {
        outputs.push(pushed(reference));
    }
    let archive = match (&arguments.oci, &arguments.push) {
        (Some(file), _) => Some(file.clone()),
        (None, None) => Some(folder().join(format!("{}.tar", arguments.flavour.mode()))),
        (None, Some(_)) => None,
    };
    if let Some(file) = &archive {
        outputs.push(archived(file));
    }
    let digest = build(&buildkit, arguments.flavour, &outputs)?;
    if let Some(file) = &archive {
        eprintln!("xtask: wrote {}", file.display());
    }
    println!("{digest}");
    Ok(())
}

/// Builds one flavour into the stack's registry, and gives its reference.
pub(crate) fn push_to_stack(stack: &Stack, flavour: Flavour) -> Result<String> {
    let reference = flavour.reference(&stack.registry);
    build(&stack.buildkit(), flavour, &[pushed(&reference)])?;
    Ok(reference)
}

/// Builds one flavour as an OCI layout in `folder`, and gives its digest.
pub(crate) fn layout(buildkit: &Buildkit, flavour: Flavour, folder: &Path) -> Result<String> {
    let output = format!("type=oci,tar=false,dest={}", folder.display());
    build(buildkit, flavour, &[output])
}

/// Builds one flavour as an OCI archive.
pub(crate) fn archive(buildkit: &Buildkit, flavour: Flavour, file: &Path) -> Result<()> {
    build(buildkit, flavour, &[archived(file)])?;
    Ok(())
}

/// The daemon that the environment names, or else the stack's.
fn daemon() -> Result<Buildkit> {
    match env::var("BUILDKIT_HOST") {
        Ok(host) if !host.is_empty() => Ok(Buildkit::new(
            crate::tools::go_tools()?.path("buildctl"),
            &host,
        )),
        _ => Ok(stack::up()?.buildkit()),
    }
}

fn pushed(reference: &str) -> String {
    format!("type=image,name={reference},push=true")
}

fn archived(file: &Path) -> String {
    format!("type=oci,dest={}", file.display())
}

/// Builds the image; equal sources give an equal digest, on every machine with the same
/// compiler.
fn build(buildkit: &Buildkit, flavour: Flavour, outputs: &[String]) -> Result<String> {
    let context = binaries()?;
    let mut build = Build::dockerfile(&workspace::root().join("frontend-image"), &context)
        .opt("build-arg:FAL_MODE", flavour.mode())
        .opt("build-arg:SOURCE_DATE_EPOCH", "0");
    for output in outputs {
        build = build.output(&format!("{output},rewrite-timestamp=true"));
    }
    buildkit::digest(&buildkit.build_quietly(&build)?)
}

/// The folder with the two static binaries.
fn binaries() -> Result<PathBuf> {
    const NAMES: [&str; 2] = ["fal-frontend", "fal-helper"];
    let triple = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let root = workspace::root();
    let home = env::var("CARGO_HOME")
        .or_else(|_| env::var("HOME").map(|home| format!("{home}/.cargo")))?;
    // Through --config, so that the flags of a developer's own builds stay as they are. The
    // paths of this machine stay out of the binaries.
    let flags = format!(
        "target.{triple}.rustflags=[\"-Ctarget-feature=+crt-static\",\"--remap-path-prefix={}=/fal-frontend\",\"--remap-path-prefix={home}=/cargo\"]",
        root.display()
    );
    eprintln!("xtask: building the static binaries");
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command
        .current_dir(&root)
        .env_remove("RUSTFLAGS")
        .args([
            "build",
            "--release",
            "--quiet",
            "--locked",
            "--target",
            &triple,
            "--config",
            &flags,
        ])
        .args(["--package", "fal-frontend", "--package", "fal-helper"])
        .arg("--target-dir")
        .arg(workspace::target());
    for name in NAMES {
        command.args(["--bin", name]);
    }
    command.run()?;
    let folder = folder().join("context");
    fs::create_dir_all(&folder)?;
    for name in NAMES {
        let built = workspace::target().join(&triple).join("release").join(name);
        fs::copy(&built, folder.join(name)).with_context(|| built.display().to_string())?;
    }
    Ok(folder)
}

fn folder() -> PathBuf {
    workspace::target().join("frontend-image")
}
