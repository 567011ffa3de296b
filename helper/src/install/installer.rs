//! Who installs packages, and how it is told.
//!
//! The image's own pip; else the image's own uv; else a wheel of pip or uv that is mounted into the step; else the pip that
//! Python brings for `ensurepip`. The latter two are run from where they lie, so that none of them stays in the image.
//!
//! Settings go through variables rather than arguments where a release may not know them yet: pip and uv pass over variables
//! that they do not know. What variables say also beats what `pip.conf` says.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::process::{self, Outcome, Output};
use super::secrets::{Mask, Secrets};
use super::{kept_uv, pinned_uv};
use crate::curl::certificates;
use crate::environment::Environment;
use crate::foreign;
use crate::python::dist_info;
use crate::python::version::Version;
use crate::report;
use crate::root::Root;
use crate::search;

/// Folders are small.
const MAX_ENTRIES: usize = 10_000;

/// What uv does that pip knows nothing of.
const EXPORT: &[&str] = &["export"];
/// When everything was built, for build backends, and the first moment that a wheel can tell.
const EPOCH: &str = "SOURCE_DATE_EPOCH";
const THEN: &str = "315532800";

/// Unpacks the program of uv's wheel: a wheel is a zip file, and Python reads those.
const UNPACK_UV: &str = "\
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
name = [n for n in wheel.namelist() if n.endswith('.data/scripts/uv')][0]
open(sys.argv[2], 'wb').write(wheel.read(name))
";

/// An installer that was found to start.
pub(super) struct Installer {
    /// For reports: `pip 24.0`.
    pub(super) name: String,
    kind: Kind,
    command: Vec<OsString>,
    environment: Environment,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pip,
    Uv,
}

/// A package to be installed.
pub(super) struct Wanted {
    /// `protobuf==4.25.1`
    pub(super) requirement: String,
    /// Whether another version of it is there.
    pub(super) replaces: bool,
}

/// A Python that packages are installed for.
pub(super) struct Place<'a> {
    pub(super) root: &'a Root,
    pub(super) python: &'a Path,
    /// The folders that it has packages in.
    pub(super) site: &'a [PathBuf],
}

/// What an installer works on.
pub(super) struct Target<'a> {
    pub(super) root: &'a Root,
    pub(super) python: &'a report::Python,
    /// The standard library, for what `ensurepip` brings.
    pub(super) stdlib: &'a Path,
    /// The directories of the image's PATH.
    pub(super) path: &'a [PathBuf],
    pub(super) wheels: Option<&'a Path>,
    pub(super) scratch: &'a Path,
    pub(super) environment: &'a Environment,
}

/// The first installer that starts.
pub(super) fn choose(target: &Target<'_>) -> Option<Installer> {
    image_pip(target)
        .or_else(|| image_uv(target))
        .or_else(|| mounted_wheel(target))
        .or_else(|| bundled_pip(target))
}

/// The pip that installs requirements: the image's, else the one that Python brings.
pub(super) fn choose_pip(target: &Target<'_>) -> Option<Installer> {
    image_pip(target).or_else(|| bundled_pip(target))
}

/// The uv that installs requirements: the image's, else one that was fetched and put into `kept` before, else one that pip fetches now;
/// `index` is where the user's packages come from, if not from where they come by default.
pub(super) fn choose_uv(
    target: &Target<'_>,
    kept: &Path,
    index: Option<&str>,
    mask: &Mask,
) -> Result<Installer, NoUv> {
    if let Some(found) = image_uv(target) {
        return Ok(found);
    }
    if let Some(found) = kept_uv(target, kept) {
        return Ok(found);
    }
    let pip = choose_pip(target).ok_or(NoUv::NoPip)?;
    let program = pip.fetch_uv(target, kept, index, mask)?;
    uv(target, vec![program.into()], "").ok_or(NoUv::DoesNotStart)
}

/// The first of the kept programs that starts, copied to where no other build reaches it.
fn kept_uv(target: &Target<'_>, kept: &Path) -> Option<Installer> {
    let has_musl = has_musl(target.root);
    let copy = target.scratch.join("uv");
    pinned_uv::programs(&python_header(target), has_musl).find_map(|program| {
        let is_right = kept_uv::take(kept, program.sha256, &copy).unwrap_or_default();
        is_right.then(|| uv(target, vec![copy.clone().into()], ""))?
    })
}

/// The first bytes of the image's Python.
fn python_header(target: &Target<'_>) -> Vec<u8> {
    const ENOUGH: u64 = 64;
    let python = &target.python.executable;
    target.root.read_start(python, ENOUGH).unwrap_or_default()
}

/// Why there is no uv.
pub(super) enum NoUv {
    /// Nothing is there that could fetch it.
    NoPip,
    /// pip could not fetch it.
    NotFetched(String, Outcome),
    /// It was fetched and is of no use.
    DoesNotStart,
    /// pip brought something else.
    Other(String),
    /// A file could not be written.
    File(io::Error),
}

impl From<io::Error> for NoUv {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

/// Whether the image's programs are linked with musl.
fn has_musl(root: &Root) -> bool {
    let names = root
        .list(Path::new("/lib"), MAX_ENTRIES)
        .unwrap_or_default();
    let mut names = names.iter().filter_map(|name| name.to_str());
    names.any(|name| name.starts_with("ld-musl-"))
}

/// How requirements are installed.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    /// What the installer keeps for the next time.
    pub(super) cache: &'a Path,
    /// Where relative paths begin.
    pub(super) folder: &'a Path,
    pub(super) arguments: &'a [String],
    /// What requirements files may name.
    pub(super) secrets: &'a Secrets,
}

impl Place<'_> {
    /// Installs without taking anything away: `run` is given what tells pip so. The records of what was overwritten are removed.
    fn put_over(&self, run: impl FnOnce(&[&str]) -> io::Result<Outcome>) -> io::Result<Outcome> {
        let records = |folder: &PathBuf| dist_info::records(self.root, folder);
        let before: Vec<_> = self.site.iter().map(records).collect();
        let outcome = run(&["--ignore-installed"])?;
        if !outcome.success() {
            return Ok(outcome);
        }
        for (folder, before) in self.site.iter().zip(before) {
            let after = records(folder);
            for (name, old) in before {
                let now = after.get(&name).map(Vec::as_slice).unwrap_or_default();
                // Where the new one went elsewhere, the old one is as it was.
                if now.iter().any(|record| !old.contains(record)) {
                    let old = old.iter().map(|record| self.root.host(record));
                    old.for_each(|record| foreign::remove(&record));
                }
            }
        }
        Ok(outcome)
    }
}

impl Installer {
    /// Whether it is pip.
    pub(super) fn is_pip(&self) -> bool {
        self.kind == Kind::Pip
    }

    /// Installs one layer of requirements; what it prints is shown. What pip cannot take away is put over, as [`Self::install`] does it.
    pub(super) fn install_layer(
        &self,
        place: &Place<'_>,
        layer: &Layer<'_>,
    ) -> io::Result<Outcome> {
        let outcome = self.run_layer(place.python, layer, &[])?;
        match self.cannot_uninstall(&outcome) {
            true => place.put_over(|more| self.run_layer(place.python, layer, more)),
            false => Ok(outcome),
        }
    }

    fn run_layer(&self, python: &Path, layer: &Layer<'_>, more: &[&str]) -> io::Result<Outcome> {
        self.run_on(python, layer, &["install"], more, Output::ShownAndKept)
    }

    /// What uv would install of a layer, on the standard error of what it prints.
    pub(super) fn would_install(
        &self,
        python: &Path,
        layer: &Layer<'_>,
        more: &[&str],
    ) -> io::Result<Outcome> {
        self.run_on(python, layer, &["install", "--dry-run"], more, Output::Kept)
    }

    /// Has uv write where the distributions are that arguments name.
    pub(super) fn compile(
        &self,
        python: &Path,
        layer: &Layer<'_>,
        more: &[&str],
    ) -> io::Result<Outcome> {
        self.run_on(python, layer, &["compile"], more, Output::Kept)
    }

    /// Has uv write what a `uv.lock` comes to, beside the project that is in the folder of the layer.
    pub(super) fn export(&self, python: &Path, layer: &Layer<'_>) -> io::Result<Outcome> {
        self.run_on(python, layer, EXPORT, &[], Output::Kept)
    }

    /// Its version, where it is one that can be compared.
    pub(super) fn version(&self) -> Option<Version> {
        self.name.split_whitespace().nth(1)?.parse().ok()
    }

    /// Has uv build a wheel into `out`. The same source gives the same wheel, if its build backend does its part.
    pub(super) fn build(
        &self,
        python: &Path,
        layer: &Layer<'_>,
        source: &Path,
        out: &Path,
    ) -> io::Result<Outcome> {
        let mut command = self.command.clone();
        command.extend(["build", "--wheel", "--python"].map(OsString::from));
        command.extend([python.into(), "--out-dir".into(), out.into()]);
        command.extend(layer.arguments.iter().map(OsString::from));
        command.push(source.into());
        let mut environment = self
            .environment
            .clone()
            .with("UV_CACHE_DIR", layer.cache.as_os_str())
            .with("PYTHONHASHSEED", "0");
        if environment.get(EPOCH).is_none() {
            environment = environment.with(EPOCH, THEN);
        }
        let mask = layer.secrets.mask();
        process::run_in(
            layer.folder,
            &command,
            &environment,
            Output::ShownAndKept,
            &mask,
        )
    }

    fn run_on(
        &self,
        python: &Path,
        layer: &Layer<'_>,
        step: &[&str],
        more: &[&str],
        output: Output,
    ) -> io::Result<Outcome> {
        let mut command = self.command.clone();
        let mut environment = self.environment.clone();
        for (name, value) in layer.secrets.iter() {
            environment = environment.with(name, value);
        }
        environment = environment.with("GIT_TERMINAL_PROMPT", "0");
        let cache = layer.cache.as_os_str();
        match self.kind {
            Kind::Pip => {
                environment = environment.with("PIP_CACHE_DIR", cache);
                command.extend(step.iter().map(OsString::from));
                command.extend(["--disable-pip-version-check", "--no-input"].map(OsString::from));
            }
            Kind::Uv => {
                // As uv does it, and pip with its own: byte code comes when it is asked for.
                environment = environment
                    .with("UV_CACHE_DIR", cache)
                    .with("UV_COMPILE_BYTECODE", "0");
                command.extend((step != EXPORT).then(|| "pip".into()));
                command.extend(step.iter().map(OsString::from));
                command.extend([OsString::from("--python"), python.into()]);
                if is_without_index(&self.environment) {
                    command.push("--no-index".into());
                }
            }
        }
        command.extend(more.iter().map(OsString::from));
        command.extend(layer.arguments.iter().map(OsString::from));
        process::run_in(
            layer.folder,
            &command,
            &environment,
            output,
            &layer.secrets.mask(),
        )
    }

    /// Fetches uv, whose bytes are known, from where the user's packages come from, else from where packages come by default. Gives
    /// the program, which lies in the scratch folder, and keeps it for other steps.
    fn fetch_uv(
        &self,
        target: &Target<'_>,
        kept: &Path,
        index: Option<&str>,
        mask: &Mask,
    ) -> Result<PathBuf, NoUv> {
        let list = target.scratch.join("uv.txt");
        fs::write(&list, pinned_uv::requirement())?;
        let fetched = target.scratch.join("fetched");
        let mut command = self.command.clone();
        command.extend(
            [
                "install",
                "--no-cache-dir",
                "--disable-pip-version-check",
                "--no-input",
                "--no-deps",
                "--no-compile",
                "--only-binary=:all:",
                "--require-hashes",
                "--quiet",
                "--target",
            ]
            .map(OsString::from),
        );
        command.push(fetched.clone().into());
        command.extend([OsString::from("-r"), list.into()]);
        let run = |environment: &Environment| {
            process::run_in(Path::new("/"), &command, environment, Output::Kept, mask)
        };
        let mut outcome = match index {
            Some(index) => run(&self.environment.clone().with("PIP_INDEX_URL", index))?,
            None => run(&self.environment)?,
        };
        if index.is_some() && !outcome.success() {
            outcome = run(&self.environment)?;
        }
        if !outcome.success() {
            return Err(NoUv::NotFetched(self.name.clone(), outcome));
        }
        let program = target.scratch.join("uv");
        let sha256 = kept_uv::copy(fs::File::open(fetched.join("bin/uv"))?, &program)?;
        let _ = fs::remove_dir_all(&fetched);
        if !pinned_uv::programs(&python_header(target), true).any(|it| it.sha256 == sha256) {
            return Err(NoUv::Other(self.name.clone()));
        }
        // It was fetched, kept or not.
        let _ = kept_uv::keep(kept, &sha256, &program);
        Ok(program)
    }

    /// Installs all that is wanted; what it prints is shown.
    ///
    /// A package that a distribution brought has no list of its files, so that pip cannot take it away. Then those that are
    /// to be replaced are put over it, and, should it be one of the packages they need, everything is.
    pub(super) fn install(&self, place: &Place<'_>, wanted: &[Wanted]) -> io::Result<Outcome> {
        let all: Vec<&Wanted> = wanted.iter().collect();
        let outcome = self.run(place.python, &all, &[])?;
        if !self.cannot_uninstall(&outcome) {
            return Ok(outcome);
        }
        let replacing: Vec<&Wanted> = wanted.iter().filter(|it| it.replaces).collect();
        let put_over = |wanted: &[&Wanted], alone: &[&str]| {
            place.put_over(|more| self.run(place.python, wanted, &[more, alone].concat()))
        };
        if !replacing.is_empty() && put_over(&replacing, &["--no-deps"])?.success() {
            let outcome = self.run(place.python, &all, &[])?;
            if !self.cannot_uninstall(&outcome) {
                return Ok(outcome);
            }
        }
        put_over(&all, &[])
    }

    /// Whether pip failed because something is there that it cannot take away.
    fn cannot_uninstall(&self, outcome: &Outcome) -> bool {
        self.is_pip() && !outcome.success() && is_about_uninstalling(outcome)
    }

    fn run(&self, python: &Path, wanted: &[&Wanted], more: &[&str]) -> io::Result<Outcome> {
        let mut command = self.command.clone();
        match self.kind {
            Kind::Pip => command.extend(
                [
                    "install",
                    "--no-cache-dir",
                    "--disable-pip-version-check",
                    "--no-input",
                ]
                .map(OsString::from),
            ),
            Kind::Uv => {
                command.extend(["pip", "install", "--no-cache", "--python"].map(OsString::from));
                command.push(python.into());
                // The one setting of an index for which uv has no variable.
                command.extend(is_without_index(&self.environment).then(|| "--no-index".into()));
            }
        }
        command.extend(more.iter().map(OsString::from));
        command.extend(wanted.iter().map(|it| OsString::from(&it.requirement)));
        process::run(&command, &self.environment, Output::ShownAndKept)
    }
}

fn is_without_index(environment: &Environment) -> bool {
    let is_said = |value: &OsStr| {
        let no = ["", "0", "false", "no", "off", "n", "f"];
        !value
            .to_str()
            .is_some_and(|value| no.contains(&value.to_ascii_lowercase().as_str()))
    };
    ["PIP_NO_INDEX", "UV_NO_INDEX"]
        .iter()
        .any(|name| environment.get(name).is_some_and(is_said))
}

fn is_about_uninstalling(outcome: &Outcome) -> bool {
    [
        "annot uninstall",
        "uninstall-no-record-file",
        "uninstall-distutils-installed-package",
    ]
    .iter()
    .any(|sign| outcome.stderr.contains(sign) || outcome.stdout.contains(sign))
}

fn image_pip(target: &Target<'_>) -> Option<Installer> {
    target.python.pip.as_ref()?;
    let mut command = isolated(target.python);
    command.extend(["-m", "pip"].map(OsString::from));
    pip(target, command, "")
}

fn image_uv(target: &Target<'_>) -> Option<Installer> {
    let usual = ["/root/.local/bin", "/root/.cargo/bin", "/usr/local/bin"].map(PathBuf::from);
    let directories: Vec<PathBuf> = target.path.iter().cloned().chain(usual).collect();
    let program = search::program(target.root, &directories, "uv")?;
    uv(target, vec![program.into()], "")
}

fn mounted_wheel(target: &Target<'_>) -> Option<Installer> {
    let directory = target.wheels?;
    // The folder is the frontend's, not the image's.
    let wheels = Root::new(directory);
    if let Some(name) = wheel(&wheels, Path::new("/"), "pip") {
        return pip_wheel(target, &directory.join(name), "mounted");
    }
    let wheel = directory.join(wheel(&wheels, Path::new("/"), "uv")?);
    let program = target.scratch.join("uv");
    let mut command = isolated(target.python);
    command.extend(process::words([
        OsStr::new("-c"),
        OsStr::new(UNPACK_UV),
        wheel.as_os_str(),
        program.as_os_str(),
    ]));
    process::run(&command, target.environment, Output::Kept)
        .ok()
        .filter(Outcome::success)?;
    make_executable(&program).ok()?;
    uv(target, vec![program.into()], "mounted")
}

/// `ensurepip/_bundled` of the standard library, or the folder to which Debian moves those wheels.
fn bundled_pip(target: &Target<'_>) -> Option<Installer> {
    let directories = [
        target.stdlib.join("ensurepip/_bundled"),
        PathBuf::from("/usr/share/python-wheels"),
    ];
    directories.into_iter().find_map(|directory| {
        let name = wheel(target.root, &directory, "pip")?;
        pip_wheel(target, &directory.join(name), "from ensurepip")
    })
}

/// The name of a project's wheel in a folder: `pip-24.0-py3-none-any.whl`.
fn wheel(root: &Root, directory: &Path, project: &str) -> Option<String> {
    let names = root.list(directory, MAX_ENTRIES).ok()?;
    let names = names.iter().filter_map(|name| name.to_str());
    let is_wanted = |name: &&str| {
        name.strip_suffix(".whl")
            .and_then(|stem| stem.split_once('-'))
            .is_some_and(|(name, _)| dist_info::normalise(name) == project)
    };
    names.rev().find(is_wanted).map(str::to_owned)
}

fn pip_wheel(target: &Target<'_>, wheel: &Path, origin: &str) -> Option<Installer> {
    let mut command = isolated(target.python);
    command.push(wheel.join("pip").into());
    pip(target, command, origin)
}

/// Python without the user's variables, directories and working directory, which writes no byte code of its own.
fn isolated(python: &report::Python) -> Vec<OsString> {
    process::words([
        python.executable.as_os_str(),
        OsStr::new("-I"),
        OsStr::new("-B"),
    ])
}

fn pip(target: &Target<'_>, command: Vec<OsString>, origin: &str) -> Option<Installer> {
    let mut environment = target.environment.clone();
    for (name, value) in [
        ("PIP_ROOT_USER_ACTION", "ignore"),
        ("PIP_PROGRESS_BAR", "off"),
        ("PIP_USER", "0"),
        ("PIP_REQUIRE_VIRTUALENV", "0"),
        ("PIP_NO_COLOR", "1"),
    ] {
        environment = environment.with(name, value);
    }
    if target.python.externally_managed {
        environment = environment.with("PIP_BREAK_SYSTEM_PACKAGES", "1");
    }
    // `pip 24.0 from /usr/… (python 3.11)`
    let version = started(&command, &environment)?;
    Some(Installer {
        name: name("pip", &version, origin),
        kind: Kind::Pip,
        command,
        environment,
    })
}

fn uv(target: &Target<'_>, command: Vec<OsString>, origin: &str) -> Option<Installer> {
    let mut environment = target.environment.clone();
    for (name, value) in [
        ("UV_NO_PROGRESS", "1"),
        ("UV_LINK_MODE", "copy"),
        ("UV_COMPILE_BYTECODE", "1"),
        ("UV_PYTHON_DOWNLOADS", "never"),
        ("NO_COLOR", "1"),
    ] {
        environment = environment.with(name, value);
    }
    if target.python.externally_managed {
        environment = environment.with("UV_BREAK_SYSTEM_PACKAGES", "1");
    }
    // uv trusts certificates of its own; those of the image may be the ones that a proxy is known by.
    if certificates(target.root).is_some() {
        for name in ["UV_SYSTEM_CERTS", "UV_NATIVE_TLS"] {
            environment = environment.with(name, "1");
        }
    }
    environment = with_indexes_of_pip(environment);
    // `uv 0.5.1`
    let version = started(&command, &environment)?;
    Some(Installer {
        name: name("uv", &version, origin),
        kind: Kind::Uv,
        command,
        environment,
    })
}

/// uv does not read pip's variables; where uv's own are not set, pip's say where packages come from.
fn with_indexes_of_pip(mut environment: Environment) -> Environment {
    const SAME: &[(&str, &[&str])] = &[
        ("PIP_INDEX_URL", &["UV_INDEX_URL", "UV_DEFAULT_INDEX"]),
        ("PIP_EXTRA_INDEX_URL", &["UV_EXTRA_INDEX_URL", "UV_INDEX"]),
        ("PIP_FIND_LINKS", &["UV_FIND_LINKS"]),
        ("PIP_TRUSTED_HOST", &["UV_INSECURE_HOST"]),
        ("PIP_CERT", &["SSL_CERT_FILE"]),
    ];
    for (pip, uv) in SAME {
        let (Some(value), Some(first)) = (environment.get(pip), uv.first()) else {
            continue;
        };
        if uv.iter().all(|name| environment.get(name).is_none()) {
            let value = value.to_owned();
            environment = environment.with(*first, value);
        }
    }
    environment
}

/// The second word that `--version` prints, if it starts at all.
fn started(command: &[OsString], environment: &Environment) -> Option<String> {
    let mut command = command.to_vec();
    command.push("--version".into());
    let outcome = process::run(&command, environment, Output::Kept)
        .ok()
        .filter(Outcome::success)?;
    outcome.stdout.split_whitespace().nth(1).map(str::to_owned)
}

fn name(program: &str, version: &str, origin: &str) -> String {
    if origin.is_empty() {
        format!("{program} {version}")
    } else {
        format!("{program} {version} ({origin})")
    }
}

fn make_executable(program: &Path) -> io::Result<()> {
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::find::tests::Image;
    use crate::python::interpreter;

    /// A Python on the host that answers for pip as `script` says, in an image that takes it for one of this machine.
    struct Fake {
        image: Image,
        host: Image,
        python: report::Python,
        environment: Environment,
    }

    impl Fake {
        fn new(script: &str) -> Self {
            let host = Image::new();
            let script = format!(
                "#!/bin/sh\nroot={}\n{script}",
                host.root.host(Path::new("/")).display()
            );
            let host = host
                .script("/python", &script)
                .file("/scratch/x", "")
                .file("/kept/x", "");
            let executable = host.root.host(Path::new("/python"));
            let mut header = [0; 64];
            header[..6].copy_from_slice(b"\x7fELF\x02\x01");
            header[18] = 62;
            let header = String::from_utf8(header.to_vec()).expect("text");
            let path = ["/usr/bin".into(), "/bin".into()];
            Self {
                image: Image::new().program(&executable.to_string_lossy(), &header),
                host,
                python: report::Python {
                    minor: "3.11".parse().expect("a minor"),
                    command: executable.clone(),
                    executable,
                    prefix: "/usr".into(),
                    kind: interpreter::Kind::System,
                    site: Vec::new(),
                    before_site: Vec::new(),
                    externally_managed: false,
                    pip: Some("24.0".to_owned()),
                    links: Vec::new(),
                    installer: None,
                },
                environment: Environment::new([], &path),
            }
        }

        fn path(&self, path: &str) -> PathBuf {
            self.host.root.host(Path::new(path))
        }

        fn with<T>(&self, test: impl FnOnce(&Target<'_>) -> T) -> T {
            test(&Target {
                root: &self.image.root,
                python: &self.python,
                stdlib: Path::new("/none"),
                path: &[],
                wheels: None,
                scratch: &self.path("/scratch"),
                environment: &self.environment,
            })
        }
    }

    /// What another build put into the folder that all share is not started, nor is what a pip brings that has another idea of uv;
    /// and that one is not kept for others.
    #[test]
    fn no_uv_is_started_but_the_pinned_ones() {
        let hostile = "#!/bin/sh\\necho uv 0.0; echo >> $root/started\\n";
        let script = format!(
            "case \"$*\" in *--version*) echo pip 24.0; exit;; esac\n\
             while [ \"$1\" != --target ]; do shift; done\n\
             mkdir -p $2/bin && printf \"{hostile}\" > $2/bin/uv && echo >> $root/fetched\n"
        );
        let fake = Fake::new(&script);
        let program = pinned_uv::programs(&fake.with(python_header), true).next();
        let name = format!("uv-{}", program.expect("a program").sha256);
        let text = format!(
            "#!/bin/sh\necho uv 0.0; echo >> {}\n",
            fake.path("/started").display()
        );
        let kept = fake.path("/kept");
        // As a program of its own, and as the folder of before.
        for name in [
            name,
            format!("uv-{}-x86_64-glibc/bin/uv", pinned_uv::VERSION),
        ] {
            let place = kept.join(&name);
            fs::create_dir_all(place.parent().expect("a folder")).expect("folders");
            fs::write(&place, &text).expect("a file");
            make_executable(&place).expect("a mode");
        }
        let before = fs::read_dir(&kept).expect("a folder").count();
        let found = fake.with(|target| choose_uv(target, &kept, None, &Mask::default()));
        assert!(matches!(found, Err(NoUv::Other(pip)) if pip == "pip 24.0"));
        assert!(
            fake.path("/fetched").exists(),
            "a wrong one is fetched anew"
        );
        assert!(!fake.path("/started").exists());
        assert_eq!(fs::read_dir(&kept).expect("a folder").count(), before);
    }

    /// A distribution that pip cannot take away is put over, and what is said of it is said once: also where a layer asks for it.
    #[test]
    fn what_is_put_over_another_replaces_its_record() {
        let script = "case \"$*\" in *--version*) echo pip 24.0; exit;; esac\n\
             test -e $root/site/PyYAML-6.0.dist-info && exit\n\
             case \"$*\" in\n\
             *--ignore-installed*) mkdir -p $root/local $root/site/PyYAML-6.0.dist-info $root/local/blinker-1.8.dist-info;;\n\
             *) echo \"ERROR: Cannot uninstall 'PyYAML'. It is a distutils installed project\" >&2; exit 1;;\n\
             esac\n";
        let site = ["/local", "/site"].map(PathBuf::from);
        let both = |is_layer: bool| {
            let mut fake = Fake::new(script);
            for record in [
                "PyYAML-5.3.egg-info",
                "blinker-1.4.egg-info/PKG-INFO",
                "six-1.16.0.dist-info/METADATA",
            ] {
                fake.host = fake.host.file(&format!("/site/{record}"), "");
            }
            let installer = fake.with(choose_pip).expect("pip");
            let place = Place {
                root: &fake.host.root,
                python: &fake.python.executable,
                site: &site,
            };
            let outcome = match is_layer {
                true => installer.install_layer(
                    &place,
                    &Layer {
                        cache: Path::new("/none"),
                        folder: Path::new("/"),
                        arguments: &["pyyaml".to_owned()],
                        secrets: &Secrets::default(),
                    },
                ),
                false => installer.install(
                    &place,
                    &[Wanted {
                        requirement: "pyyaml==6.0".to_owned(),
                        replaces: true,
                    }],
                ),
            };
            assert!(outcome.expect("starts").success());
            fake.host.root.list(Path::new("/site"), 100)
        };
        let want = [
            "PyYAML-6.0.dist-info",
            "blinker-1.4.egg-info",
            "six-1.16.0.dist-info",
        ];
        for is_layer in [true, false] {
            assert_eq!(both(is_layer).expect("a folder"), want);
        }
    }
}
