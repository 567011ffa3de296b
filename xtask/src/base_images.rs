//! The base images of tests and demo, made on this machine out of the system's own packages.
//!
//! They stand in for public images where no registry can be reached, under the same names.
//! `xtask/base-images/Dockerfile` says how each is made; what it takes is gathered here: a
//! minimal Debian, a static busybox, and what this machine needs to reach package indexes
//! (its CA bundle and its pip settings), so that a build inside the images reaches them too.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    buildkit::{Build, Buildkit},
    process::Run,
    tools, workspace,
};

/// A target of the Dockerfile, and the images that it answers as.
#[derive(Debug)]
pub(crate) struct BaseImage {
    pub(crate) target: &'static str,
    names: &'static [&'static str],
    /// Its config, where no Dockerfile could give it: a file of `tests/frontend/images`, so that
    /// tests without a daemon have the same image.
    config: Option<&'static str>,
    /// The platforms that it is there for, if it is not the machine's own alone.
    platforms: Option<&'static str>,
}

/// All of them, in the order in which they build on each other.
const BASE_IMAGES: [BaseImage; 14] = [
    BaseImage::of("debian", &["debian:bookworm", "debian:12", "debian:latest"]),
    DEBIAN_SLIM,
    BaseImage::of("debian-python", &["debian-python:bookworm"]),
    PYTHON,
    BaseImage::of("nonroot", &["nonroot:latest"]),
    BUSYBOX,
    ALPINE,
    BaseImage::of("onbuild", &["onbuild:latest"]),
    BaseImage::of("empty", &["empty:latest"]),
    BaseImage {
        platforms: Some("linux/amd64,linux/arm64,linux/arm/v7"),
        ..BaseImage::of("several", &["several:latest"])
    },
    BaseImage::configured("bare", &["bare:latest"]),
    BaseImage::configured("old", &["old:latest"]),
    BaseImage::configured("rich", &["rich:latest"]),
    BaseImage::configured("broken", &["broken:latest"]),
];

/// What the demo's Dockerfile begins from.
pub(crate) const PYTHON: BaseImage =
    BaseImage::of("python", &["python:3.11-slim", "python:3.11-slim-bookworm"]);

/// A Debian without documentation.
pub(crate) const DEBIAN_SLIM: BaseImage =
    BaseImage::of("debian-slim", &["debian:bookworm-slim", "debian:12-slim"]);

/// A static busybox.
pub(crate) const BUSYBOX: BaseImage =
    BaseImage::of("busybox", &["busybox:latest", "busybox:stable-musl"]);

/// The same with what tells of Alpine.
pub(crate) const ALPINE: BaseImage = BaseImage::of("alpine", &["alpine:latest"]);

/// The release that `mmdebstrap` unpacks.
const SUITE: &str = "bookworm";

/// The time that files of a minimal Debian get, so that making it twice gives the same bytes.
const EPOCH: &str = "1735689600";

/// Puts every base image into the registry, unless what they are made of has not changed since.
pub(crate) fn push(buildkit: &Buildkit, registry: &str) -> Result<()> {
    let context = context()?;
    let recipe = format!("{registry} {}", recipe_of(&context)?);
    let stamp = workspace::target().join("stack/base-images.stamp");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == recipe) {
        return Ok(());
    }
    for image in &BASE_IMAGES {
        eprintln!("xtask: making the base image {}", image.names[0]);
        let names: Vec<String> = image
            .names
            .iter()
            .map(|name| format!("{registry}/library/{name}"))
            .collect();
        let mut output = pushed(&names);
        if let Some(config) = image.config()? {
            output.push_str(&format!(
                ",\"containerimage.config={}\"",
                config.replace('"', "\"\"")
            ));
        }
        buildkit.build_quietly(&image.build(&context).output(&output))?;
    }
    fs::write(stamp, recipe)?;
    Ok(())
}

/// Tells of everything that the images are made of: another one means other images.
pub(crate) fn recipe() -> Result<String> {
    recipe_of(&context()?)
}

fn pushed(names: &[String]) -> String {
    format!("type=image,\"name={}\",push=true", names.join(","))
}

impl BaseImage {
    const fn of(target: &'static str, names: &'static [&'static str]) -> Self {
        Self {
            target,
            names,
            config: None,
            platforms: None,
        }
    }

    /// The files of busybox, and a config that is written down.
    const fn configured(config: &'static str, names: &'static [&'static str]) -> Self {
        Self {
            config: Some(config),
            ..Self::of("busybox", names)
        }
    }

    /// Makes this one image as an OCI layout in `folder`, and gives its digest.
    pub(crate) fn layout(&self, buildkit: &Buildkit, folder: &Path) -> Result<String> {
        let context = context()?;
        let output = format!("type=oci,tar=false,dest={}", folder.display());
        let metadata = buildkit.build_quietly(&self.build(&context).output(&output))?;
        crate::buildkit::digest(&metadata)
    }

    /// Pushes this one image under other `names`, which begin with their registry. It may be one
    /// that the daemon has not heard of.
    pub(crate) fn push_as(&self, buildkit: &Buildkit, names: &[String]) -> Result<()> {
        let output = pushed(names) + ",registry.insecure=true";
        buildkit.build_quietly(&self.build(&context()?).output(&output))?;
        Ok(())
    }

    fn build(&self, context: &Path) -> Build {
        let build = Build::dockerfile(&sources(), context).opt("target", self.target);
        match self.platforms {
            None => build,
            Some(platforms) => build.opt("platform", platforms),
        }
    }

    /// The config that is written down, for this machine's architecture.
    fn config(&self) -> Result<Option<String>> {
        let Some(name) = self.config else {
            return Ok(None);
        };
        let file = configs().join(name).with_extension("json");
        let config = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let architecture = match env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Ok(Some(config.replace("amd64", architecture)))
    }
}

/// The folder with everything that the Dockerfile takes.
fn context() -> Result<PathBuf> {
    let context = workspace::target().join("base-images");
    fs::create_dir_all(&context)?;
    for name in ["slim.cfg", "relocate.py", "busybox-root", "alpine-root"] {
        copy(&sources().join(name), &context.join(name))?;
    }
    let busybox = tools::from_package("busybox-static", "bin/busybox")?;
    copy(&busybox, &context.join("busybox"))?;
    machine(&context.join("machine"))?;
    debian(&context.join("debian.tar"))?;
    Ok(context)
}

fn configs() -> PathBuf {
    workspace::root().join("tests/frontend/images")
}

fn sources() -> PathBuf {
    workspace::root().join("xtask/base-images")
}

/// A minimal Debian as a tar archive, made once.
fn debian(archive: &Path) -> Result<()> {
    if archive.is_file() {
        return Ok(());
    }
    tools::system(&[
        ("mmdebstrap", "mmdebstrap"),
        (
            "/usr/share/keyrings/debian-archive-keyring.gpg",
            "debian-archive-keyring",
        ),
    ])?;
    let unfinished = archive.with_extension("unfinished.tar");
    let mut command = Command::new("mmdebstrap");
    command
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .args(["--variant=minbase", "--quiet"]);
    for setting in apt_settings()? {
        command.arg(format!("--aptopt={setting}"));
    }
    command
        .arg(SUITE)
        .arg(&unfinished)
        .args(apt_sources()?)
        .run()?;
    fs::rename(unfinished, archive)?;
    Ok(())
}

/// Where this machine gets the release's packages from, if it is of that release. Otherwise
/// mmdebstrap knows.
fn apt_sources() -> Result<Vec<PathBuf>> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        for entry in entries {
            files.push(entry?.path());
        }
    }
    files.retain(|file| {
        let is_source = file
            .extension()
            .is_some_and(|kind| kind == "sources" || kind == "list");
        is_source && fs::read_to_string(file).is_ok_and(|text| is_debians(&text))
    });
    files.sort();
    Ok(files)
}

/// Whether a file of apt sources is for our release and signed with Debian's keys, which are the
/// only ones that a minimal Debian has.
fn is_debians(sources: &str) -> bool {
    let signed = sources.to_lowercase().contains("signed-by");
    sources.contains(SUITE) && (!signed || sources.contains("debian-archive-keyring"))
}

/// How this machine's apt fetches, where it is not apt's default: proxies and checks of dates.
fn apt_settings() -> Result<Vec<String>> {
    let settings = Command::new("apt-config").arg("dump").read()?;
    let carried = [
        "Acquire::Check-",
        "Acquire::http::Proxy ",
        "Acquire::https::Proxy ",
    ];
    Ok(settings
        .lines()
        .filter(|line| carried.iter().any(|prefix| line.starts_with(prefix)))
        .map(str::to_owned)
        .collect())
}

/// What the images take over from this machine to reach package indexes as it does.
fn machine(folder: &Path) -> Result<()> {
    const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
    const LOCAL: &str = "/usr/local/share/ca-certificates";
    fs::create_dir_all(folder)?;
    let bundle = env::var_os("SSL_CERT_FILE").map_or_else(|| BUNDLE.into(), PathBuf::from);
    if bundle.is_file() {
        copy(&bundle, &folder.join(&BUNDLE[1..]))?;
    }
    // The package `ca-certificates` writes the bundle anew, out of its own and of these.
    if Path::new(LOCAL).is_dir() {
        copy(Path::new(LOCAL), &folder.join(&LOCAL[1..]))?;
    }
    let pip = pip_settings(bundle.is_file().then_some(BUNDLE))?;
    write(&folder.join("etc/pip.conf"), pip.as_bytes())
}

/// pip's settings on this machine, from its files and from PIP_* variables, as one file.
fn pip_settings(bundle: Option<&str>) -> Result<String> {
    const CARRIED: [&str; 5] = [
        "index-url",
        "extra-index-url",
        "trusted-host",
        "proxy",
        "timeout",
    ];
    let written = fs::read_to_string("/etc/pip.conf").unwrap_or_default();
    let mut settings = String::from("[global]\n");
    for key in CARRIED {
        let variable = format!("PIP_{}", key.replace('-', "_").to_uppercase());
        let from_file = written.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim().to_owned())
        });
        if let Some(value) = env::var(variable).ok().or(from_file) {
            settings.push_str(&format!("{key} = {value}\n"));
        }
    }
    if let Some(bundle) = bundle {
        settings.push_str(&format!("cert = {bundle}\n"));
    }
    Ok(settings)
}

fn recipe_of(context: &Path) -> Result<String> {
    let mut files = vec![sources().join("Dockerfile")];
    list(context, &mut files)?;
    list(&configs(), &mut files)?;
    files.sort();
    let mut lines = String::new();
    for file in files {
        // The archive is large and never rewritten: its time says enough.
        let identity = if file.extension().is_some_and(|kind| kind == "tar") {
            format!("{:?}", file.metadata()?.modified()?)
        } else {
            tools::digest(&fs::read(&file)?)
        };
        lines.push_str(&format!("{} {identity}\n", file.display()));
    }
    Ok(tools::digest(lines.as_bytes()))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Copies a file or a folder, unless the copy is there and equal.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        write(
            to,
            &fs::read(from).with_context(|| from.display().to_string())?,
        )?;
        return Ok(fs::set_permissions(to, from.metadata()?.permissions())?);
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    Ok(fs::write(file, bytes)?)
}
