//! Installs curl.
//!
//! With the image's own package manager, or by copying a static one from another image. Does nothing at all, and writes
//! nothing, where `look` found nothing to do or curl is there meanwhile.
//!
//! What the package manager needs for it can be fetched ahead, by a step that has only the base image: then a change of what
//! stands on the base fetches nothing again.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::process::{self, Output};
use super::traces::Traces;
use super::{Scratch, messages};
use crate::curl;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::look::ImageFacts;
use crate::package_manager::{self, COMMON_TRACES, Fetching, MANAGERS, Manager, SCRATCH};
use crate::report::{self, CurlAction, Report, Step};
use crate::root::Root;
use crate::search;

/// How long to wait before each attempt: archives fail in passing.
const ATTEMPTS: [Duration; 3] = if cfg!(test) {
    [Duration::ZERO; 3]
} else {
    [
        Duration::ZERO,
        Duration::from_secs(3),
        Duration::from_secs(10),
    ]
};

/// No curl is larger.
const CURL_LIMIT: u64 = 64 * 1024 * 1024;
const CERTIFICATES_LIMIT: u64 = 4 * 1024 * 1024;

/// No folder of archives has more.
const MAX_ARCHIVES: usize = 1000;

/// Where what is needed comes from.
#[derive(Debug, Default)]
pub struct Origin<'a> {
    /// The image that a static curl is copied from.
    pub image: Option<&'a Root>,
    /// The folder with what was fetched ahead.
    pub fetched: Option<&'a Path>,
}

/// Fetches into `out` what an image that lacks curl will need; gives how many archives that are. There may be none: the image
/// has curl, or its package manager cannot fetch ahead. Where it fails nothing is lost but time: what is not there is fetched by
/// the step that installs.
pub fn fetch(
    root: &Root,
    out: &Path,
    given: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<usize, Failure> {
    let path = package_manager::with_default(&[]);
    let Some(manager) = package_manager::detect(root, &path) else {
        return Ok(0);
    };
    let Some(fetching) = &manager.fetching else {
        return Ok(0);
    };
    if curl::find(root, &path).is_some() {
        return Ok(0);
    }
    let scratch = scratch(root)?;
    let environment = Environment::new(given, &path);
    let call = Call::new(root, manager, &path, &scratch, environment)?;
    let certificates = curl::certificates(root).is_none();
    again_if_it_fails(|| call.fetch(fetching, certificates))
        .map_err(|why| messages::not_fetched(manager.name, &why))?;
    let archives = archives(&scratch.path.join(fetching.archives), fetching)?;
    for archive in &archives {
        let failed = |error| messages::io("copy", archive, &error);
        let name = archive.file_name().unwrap_or_default();
        fs::copy(archive, out.join(name)).map_err(failed)?;
    }
    Ok(archives.len())
}

/// Attempts something until it succeeds; gives why it did not the last time.
fn again_if_it_fails(attempt: impl Fn() -> Result<(), String>) -> Result<(), String> {
    let mut outcome = Ok(());
    for wait in ATTEMPTS {
        thread::sleep(wait);
        outcome = attempt();
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// The archives in a folder, in the order of their names.
fn archives(folder: &Path, fetching: &Fetching) -> Result<Vec<PathBuf>, Failure> {
    let names = Root::new(folder).list(Path::new("/"), MAX_ARCHIVES);
    let names = names.map_err(|error| messages::io("read", folder, &error))?;
    let is_archive = |name: &OsString| name.to_string_lossy().ends_with(fetching.suffix);
    let mut archives: Vec<PathBuf> = names
        .into_iter()
        .filter(is_archive)
        .map(|name| folder.join(name))
        .collect();
    archives.sort();
    Ok(archives)
}

/// Installs what the report of `look` plans. `given` are the variables of this process.
pub fn install(
    root: &Root,
    looked: &Report,
    origin: &Origin<'_>,
    given: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Report, Failure> {
    let Some(request) = &looked.request else {
        return Ok(looked.clone());
    };
    let path = ImageFacts::new(root, &request.image).path;
    let present = curl::find(root, &path);
    let (Some(action), None) = (&looked.curl.action, &present) else {
        return Ok(report(
            looked,
            report::Curl {
                path: present,
                action: None,
                ..looked.curl.clone()
            },
        ));
    };

    let mut version = None;
    match action {
        CurlAction::Install {
            manager,
            certificates,
        } => {
            let environment = Environment::new(given, &package_manager::with_default(&path));
            let manager_named = |it: &&Manager| it.name == manager;
            let known = MANAGERS.iter().find(manager_named);
            let known = known.ok_or_else(|| messages::unknown_manager(manager))?;
            with_manager(
                root,
                known,
                *certificates,
                environment.clone(),
                &path,
                origin.fetched,
            )?;
            let curl =
                curl::find(root, &path).ok_or_else(|| messages::curl_still_missing(manager))?;
            version = Some(version_of(root, &curl, &environment)?);
        }
        CurlAction::Copy => {
            let from = origin.image.ok_or_else(messages::nothing_to_copy_from)?;
            copy(root, from, &path)?;
        }
    }
    let found = report::Curl {
        path: curl::find(root, &path),
        version,
        certificates: curl::certificates(root).map(Path::to_owned),
        action: Some(action.clone()),
    };
    Ok(report(looked, found))
}

fn report(looked: &Report, curl: report::Curl) -> Report {
    Report {
        step: Step::Curl,
        request: None,
        curl,
        ..looked.clone()
    }
}

fn with_manager(
    root: &Root,
    manager: &Manager,
    certificates: bool,
    environment: Environment,
    path: &[PathBuf],
    fetched: Option<&Path>,
) -> Result<(), Failure> {
    let path = package_manager::with_default(path);
    let traces = Traces::of(root, COMMON_TRACES.iter().chain(manager.traces));
    let scratch = scratch(root)?;
    let call = Call::new(root, manager, &path, &scratch, environment)?;
    let is_done = match (&manager.fetching, fetched) {
        (Some(fetching), Some(folder)) => call.install_fetched(fetching, folder)?,
        _ => false,
    };
    if !is_done {
        call.install(certificates)?;
    }
    drop(scratch);
    traces.restore();
    Ok(())
}

/// The folder that managers keep lists, archives and logs in.
fn scratch(root: &Root) -> Result<Scratch, Failure> {
    let scratch = Scratch::new(root)
        .map_err(|error| messages::io("make a folder in", Path::new("/tmp"), &error))?;
    let folders = ["lists/partial", "cache/archives/partial", "log"];
    scratch
        .folders(&folders)
        .map_err(|error| messages::io("make folders in", &scratch.path, &error))?;
    Ok(scratch)
}

/// A package manager that can be started.
struct Call<'a> {
    root: &'a Root,
    manager: &'a Manager,
    program: PathBuf,
    /// The directories that programs are looked for in.
    path: &'a [PathBuf],
    scratch: &'a Path,
    environment: Environment,
}

impl<'a> Call<'a> {
    fn new(
        root: &'a Root,
        manager: &'a Manager,
        path: &'a [PathBuf],
        scratch: &'a Scratch,
        environment: Environment,
    ) -> Result<Self, Failure> {
        let program = search::program(root, path, manager.program)
            .ok_or_else(|| messages::unknown_manager(manager.name))?;
        let variables = manager.environment.iter();
        Ok(Self {
            root,
            manager,
            program: root.host(&program),
            path,
            scratch: &scratch.path,
            environment: variables.fold(environment, |environment, (name, value)| {
                environment.with(name, value)
            }),
        })
    }

    /// Fetches curl and what it needs.
    fn fetch(&self, fetching: &Fetching, certificates: bool) -> Result<(), String> {
        self.run(self.manager.refresh, &[])?;
        let curl = self.manager.curl.iter().take(1).copied().flatten();
        let packages: Vec<&str> = curl
            .chain(self.certificates(certificates))
            .copied()
            .collect();
        self.run(fetching.fetch, &packages)
    }

    /// Installs what was fetched; gives whether that did it. A manager that cannot, because something else was installed meanwhile,
    /// has changed nothing.
    fn install_fetched(&self, fetching: &Fetching, folder: &Path) -> Result<bool, Failure> {
        let archives = archives(folder, fetching)?;
        let archives: Vec<&str> = archives.iter().filter_map(|path| path.to_str()).collect();
        if archives.is_empty() || self.run(self.manager.install, &archives).is_err() {
            return Ok(false);
        }
        // Whoever is told of a file takes it for one that was asked for.
        let (program, verb) = fetching.unasked;
        let is_asked = |package: &&str| {
            let mut asked = self.manager.curl.iter().copied().flatten();
            asked.any(|asked| asked == package) || self.manager.certificates.contains(package)
        };
        let packages = archives
            .iter()
            .filter_map(|path| Path::new(path).file_name()?.to_str()?.split('_').next())
            .filter(|package| !is_asked(package));
        let words = verb.iter().copied().chain(packages);
        if let Some(program) = search::program(self.root, self.path, program) {
            // It is a note, and nothing that curl needs.
            let _ = self.start(&self.root.host(&program), words);
        }
        Ok(true)
    }

    fn certificates(&self, wanted: bool) -> &'static [&'static str] {
        match wanted {
            true => self.manager.certificates,
            false => &[],
        }
    }

    fn install(&self, certificates: bool) -> Result<(), Failure> {
        again_if_it_fails(|| self.attempt(certificates))
            .map_err(|why| messages::manager_failed(self.manager.name, &why))
    }

    fn attempt(&self, certificates: bool) -> Result<(), String> {
        if !self.manager.refresh.is_empty() {
            self.run(self.manager.refresh, &[])?;
        }
        let more = self.certificates(certificates);
        let mut outcome = Err(String::new());
        for packages in self.manager.curl {
            let packages: Vec<&str> = packages.iter().chain(more).copied().collect();
            outcome = self.run(self.manager.install, &packages);
            if outcome.is_ok() {
                break;
            }
        }
        outcome?;
        if !self.manager.clean.is_empty() {
            // Cleaning is tidiness: what it does not remove, the traces do.
            let _ = self.run(self.manager.clean, &[]);
        }
        Ok(())
    }

    fn run(&self, verb: &[&str], packages: &[&str]) -> Result<(), String> {
        let words = self.manager.options.iter().chain(verb).chain(packages);
        self.start(&self.program, words.copied())
    }

    fn start<'w>(
        &self,
        program: &Path,
        words: impl Iterator<Item = &'w str>,
    ) -> Result<(), String> {
        let scratch = self.scratch.to_string_lossy();
        let mut command: Vec<OsString> = vec![program.into()];
        command.extend(words.map(|word| OsString::from(word.replace(SCRATCH, &scratch))));
        match process::run(&command, &self.environment, Output::Shown) {
            Ok(outcome) if outcome.success() => Ok(()),
            Ok(outcome) => Err(outcome.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Starts curl, which shows that its libraries are there; gives the version it prints.
pub(super) fn version_of(
    root: &Root,
    curl: &Path,
    environment: &Environment,
) -> Result<String, Failure> {
    let command = process::words([root.host(curl).as_os_str(), OsStr::new("--version")]);
    let outcome = process::run(&command, environment, Output::Kept)
        .map_err(|error| messages::io("start", curl, &error))?;
    if !outcome.success() {
        return Err(messages::curl_does_not_start(curl, &outcome));
    }
    Ok(outcome
        .stdout
        .split_whitespace()
        .nth(1)
        .unwrap_or_default()
        .to_owned())
}

/// Copies a static curl, and certificates if the image has none.
fn copy(root: &Root, from: &Root, path: &[PathBuf]) -> Result<(), Failure> {
    let source = curl::in_curl_image(from).ok_or_else(messages::no_curl_in_image)?;
    let bytes = from
        .read_start(&source, CURL_LIMIT)
        .map_err(|error| messages::io("read", &source, &error))?;
    if !curl::is_static(&bytes) {
        return Err(messages::curl_not_static(&source));
    }
    let directory = place(root, path).ok_or_else(messages::no_place_for_curl)?;
    write(root, &directory.join("curl"), &bytes, 0o755)?;

    if curl::certificates(root).is_none()
        && let Some(bundle) = curl::certificates(from)
        && let Some(target) = curl::CERTIFICATES.first()
    {
        let bytes = from
            .read_start(bundle, CERTIFICATES_LIMIT)
            .map_err(|error| messages::io("read", bundle, &error))?;
        write(root, Path::new(target), &bytes, 0o644)?;
    }
    Ok(())
}

/// `/usr/local/bin` if PATH has it, else the first directory of PATH that is not the working directory's.
fn place<'a>(root: &Root, path: &'a [PathBuf]) -> Option<&'a PathBuf> {
    let usual = ["/usr/local/bin", "/usr/bin", "/bin"];
    let usual = usual.iter().find_map(|usual| {
        path.iter()
            .find(|directory| directory.as_path() == Path::new(usual))
    });
    usual
        .or_else(|| path.iter().find(|directory| root.is_dir(directory)))
        .or(path.first())
}

fn write(root: &Root, path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let failed = |error: std::io::Error| messages::io("write", path, &error);
    let directory = path.parent().unwrap_or(Path::new("/"));
    let directory = make_directories(root, directory).map_err(failed)?;
    let target = directory.join(path.file_name().unwrap_or_default());
    // A name that stands there already, such as a link that leads nowhere, is replaced and not followed.
    let _ = fs::remove_file(&target);
    fs::write(&target, bytes).map_err(failed)?;
    fs::set_permissions(&target, fs::Permissions::from_mode(mode)).map_err(failed)
}

/// Makes a directory and those above it, inside the root; gives the path by which this process reaches it.
fn make_directories(root: &Root, directory: &Path) -> std::io::Result<PathBuf> {
    let mut inside = PathBuf::from("/");
    for part in directory.components() {
        let std::path::Component::Normal(name) = part else {
            continue;
        };
        let next = inside.join(name);
        inside = match root.resolve(&next) {
            Ok(found) => found.path,
            Err(error) => {
                if !root.is_absent(&next) {
                    return Err(error);
                }
                fs::create_dir(root.host(&next))?;
                next
            }
        };
    }
    Ok(root.host(&inside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;
    use crate::look::look;
    use crate::python::find::tests::Image;
    use crate::request::{self, Curl, Mode, Request, Runtime};

    fn looked(image: &Image, curl: Curl) -> Report {
        let request = Request {
            version: request::VERSION,
            mode: Mode::Server,
            curl,
            runtime: Runtime::None,
            python: None,
            python_range: String::new(),
            packages: Vec::new(),
            image: request::Image::from_env([], "", "/"),
        };
        look(&image.root, &request)
    }

    fn read(image: &Image, path: &str) -> String {
        image
            .root
            .read_text(Path::new(path), 1 << 20)
            .unwrap_or_default()
    }

    /// A package manager that notes what it is told, leaves traces, and succeeds the `good`th time.
    fn debian(good: u32, curl: &str) -> Image {
        let image = Image::new();
        let root = image.root.host(Path::new("/")).display().to_string();
        let script = format!(
            "#!/bin/sh\n\
             echo \"$DEBIAN_FRONTEND $https_proxy $LD_PRELOAD $*\" | sed 's/-[^ ]* //g; s/ -[^ ]*//g' >> {root}/calls\n\
             mkdir -p {root}/var/log/apt {root}/var/lib/apt/lists; echo new > {root}/var/log/apt/term.log\n\
             case \"$*\" in *install*) ;; *) exit 0;; esac\n\
             echo >> {root}/count; test $(wc -l < {root}/count) -ge {good} || exit 100\n\
             printf '#!/bin/sh\\n{curl}' > {root}/usr/bin/curl; chmod 755 {root}/usr/bin/curl\n"
        );
        image
            .script("/usr/bin/apt-get", &script)
            .file("/var/lib/dpkg/status", "x")
            .file("/var/log/apt/history.log", "old")
    }

    fn given() -> Vec<(OsString, OsString)> {
        [("https_proxy", "PROXY"), ("LD_PRELOAD", "HOSTILE")]
            .map(|(name, value)| (name.into(), value.into()))
            .to_vec()
    }

    #[test]
    fn the_package_manager_installs_and_nothing_else_stays() {
        let image = debian(2, "echo curl 8.5.0 x86");
        let report = install(
            &image.root,
            &looked(&image, Curl::Auto),
            &Origin::default(),
            given(),
        )
        .expect("installs");
        assert_eq!(
            report.curl.path.as_deref(),
            Some(Path::new("/usr/bin/curl"))
        );
        assert_eq!(report.curl.version.as_deref(), Some("8.5.0"));
        let once =
            "noninteractive PROXY update\nnoninteractive PROXY install curl ca-certificates\n";
        let calls: String = read(&image, "/calls")
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n")
            .collect();
        assert_eq!(calls, once.repeat(2), "the second attempt succeeded");
        let left = |path: &str| image.root.list(Path::new(path), 100).unwrap_or_default();
        assert_eq!(left("/var/log/apt"), ["history.log"]);
        assert_eq!(left("/var/lib"), ["apt", "dpkg"]);
        assert!(left("/var/lib/apt").is_empty() && left("/tmp").is_empty());
    }

    /// What one step fetches on the base, another installs without fetching; where that does not do, it fetches for itself.
    #[test]
    fn what_was_fetched_is_installed() {
        let image = Image::new();
        let root = image.root.host(Path::new("/")).display().to_string();
        // Fetches into the folder that it is given; installs files unless one is called stale.
        let script = format!(
            "#!/bin/sh\n\
             for word; do case $word in -oDir::Cache=*) cache=${{word#*Cache=}};; esac; done\n\
             echo \"$*\" | sed 's/-o[A-Z][^ ]* *//g; s,[^ ]*/\\([^/ ]*deb\\),\\1,g' >> {root}/calls\n\
             case \"$*\" in\n\
             *download-only*) touch $cache/archives/curl_8_amd64.deb $cache/archives/libcurl4_8_amd64.deb $cache/archives/lock; exit 0;;\n\
             *stale*) exit 100;;\n\
             *install*) printf '#!/bin/sh\\necho curl 8.5.0' > {root}/usr/bin/curl; chmod 755 {root}/usr/bin/curl;;\n\
             esac\n"
        );
        let mark = format!("#!/bin/sh\necho \"mark $*\" >> {root}/calls\n");
        let image = image
            .script("/usr/bin/apt-get", &script)
            .script("/usr/bin/apt-mark", &mark)
            .file("/var/lib/dpkg/status", "x")
            .file("/etc/ssl/cert.pem", "x");
        let looked = looked(&image, Curl::Auto);
        let fetched = tempfile::tempdir().expect("a scratch folder");
        let calls = || {
            let calls = read(&image, "/calls");
            fs::remove_file(format!("{root}/calls")).expect("calls");
            calls
        };
        let installed = || {
            let origin = Origin {
                image: None,
                fetched: Some(fetched.path()),
            };
            install(&image.root, &looked, &origin, given()).expect("installs");
            fs::remove_file(format!("{root}/usr/bin/curl")).expect("curl");
        };

        assert_eq!(
            fetch(&image.root, fetched.path(), given()).expect("fetches"),
            2
        );
        let fetching = "-y -q update\n-y -q install --no-install-recommends --download-only curl\n";
        assert_eq!(calls(), fetching);
        installed();
        let files = "-y -q install --no-install-recommends --no-upgrade curl_8_amd64.deb libcurl4_8_amd64.deb\n";
        assert_eq!(calls(), files.to_owned() + "mark auto libcurl4\n");

        fs::write(fetched.path().join("stale_1_all.deb"), "").expect("an archive");
        installed();
        let all = calls();
        let last = "-y -q update\n-y -q install --no-install-recommends --no-upgrade curl\n";
        assert!(
            all.contains("stale_1_all.deb") && all.ends_with(last),
            "{all}"
        );
    }

    /// What fails in passing is attempted again; what was not fetched ahead is told, and fetched when it is installed.
    #[test]
    fn what_cannot_be_fetched_ahead_is_fetched_later() {
        for (good, want) in [(3, Some(1)), (4, None)] {
            let image = Image::new();
            let root = image.root.host(Path::new("/")).display().to_string();
            let script = format!(
                "#!/bin/sh\n\
                 for word; do case $word in -oDir::Cache=*) cache=${{word#*Cache=}};; esac; done\n\
                 case \"$*\" in\n\
                 *download-only*) touch $cache/archives/libcurl4_8_amd64.deb; echo >> {root}/count\n\
                 test $(wc -l < {root}/count) -ge {good} || exit 100\n\
                 mv $cache/archives/libcurl4_8_amd64.deb $cache/archives/curl_8_amd64.deb;;\n\
                 *install*) printf '#!/bin/sh\\necho curl 8.5.0' > {root}/usr/bin/curl; chmod 755 {root}/usr/bin/curl;;\n\
                 esac\n"
            );
            let image = image
                .script("/usr/bin/apt-get", &script)
                .file("/var/lib/dpkg/status", "x");
            let folder = tempfile::tempdir().expect("a scratch folder");
            let fetched = fetch(&image.root, folder.path(), given());
            let count = fs::read_dir(folder.path()).expect("a folder").count();
            assert_eq!(count, want.unwrap_or_default());
            match fetched {
                Ok(count) => assert_eq!(Some(count), want),
                Err(failure) => {
                    let sentence = &failure.sentence;
                    assert!(want.is_none(), "{sentence}");
                    assert!(sentence.contains("exit code 100"), "{sentence}");
                    assert!(sentence.contains("refresh=on"), "{sentence}");
                }
            }
            let origin = Origin {
                image: None,
                fetched: Some(folder.path()),
            };
            let looked = looked(&image, Curl::Auto);
            let report = install(&image.root, &looked, &origin, given()).expect("installs");
            assert_eq!(report.curl.version.as_deref(), Some("8.5.0"));
        }
    }

    #[test]
    fn failures_are_sentences() {
        let image = debian(9, "");
        let failure = install(
            &image.root,
            &looked(&image, Curl::Auto),
            &Origin::default(),
            given(),
        )
        .expect_err("fails");
        assert_eq!(failure.kind, Kind::CurlInstall);
        assert!(
            failure.sentence.contains("exit code 100")
                && failure.sentence.contains("curl=image:REF"),
            "{failure}"
        );

        let image = debian(1, "echo error: libz.so.1 is missing >&2; exit 127");
        let failure = install(
            &image.root,
            &looked(&image, Curl::Auto),
            &Origin::default(),
            given(),
        )
        .expect_err("does not start");
        assert!(
            failure.sentence.contains("libz.so.1 is missing"),
            "{failure}"
        );
    }

    #[test]
    fn where_curl_is_nothing_is_touched() {
        let image = debian(1, "").script("/usr/bin/curl", "#!/bin/sh\n");
        let report = install(
            &image.root,
            &looked(&image, Curl::Auto),
            &Origin::default(),
            given(),
        )
        .expect("does nothing");
        assert_eq!(report.curl.action, None);
        assert!(
            image.root.is_absent(Path::new("/calls")) && image.root.is_absent(Path::new("/tmp"))
        );
    }

    #[test]
    fn a_static_curl_is_copied() {
        let mut header = [0u8; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let text = String::from_utf8(header.to_vec()).expect("text");
        let from = Image::new()
            .program("/curl", &text)
            .file("/etc/ssl/cert.pem", "certificates");
        let image = Image::new()
            .link("/usr/local/bin", "../../opt/bin")
            .file("/opt/bin/x", "");
        let report = install(
            &image.root,
            &looked(&image, Curl::Image),
            &Origin {
                image: Some(&from.root),
                fetched: None,
            },
            given(),
        )
        .expect("copies");
        assert_eq!(
            report.curl.path.as_deref(),
            Some(Path::new("/usr/local/bin/curl"))
        );
        assert_eq!(read(&image, "/opt/bin/curl"), text);
        assert_eq!(
            read(&image, "/etc/ssl/certs/ca-certificates.crt"),
            "certificates"
        );

        let image = Image::new();
        let from = Image::new().program("/usr/bin/curl", "#!/bin/sh\n");
        let failure = install(
            &image.root,
            &looked(&image, Curl::Image),
            &Origin {
                image: Some(&from.root),
                fetched: None,
            },
            given(),
        )
        .expect_err("a script");
        assert!(failure.sentence.contains("static curl"), "{failure}");
        assert!(
            install(
                &image.root,
                &looked(&image, Curl::Image),
                &Origin::default(),
                given()
            )
            .is_err()
        );
    }
}
