//! Whether the wheels of a lock can be unpacked on an image, what of it goes before, and what the image lacks with them.
//!
//! The lock was made for an image, and what came on top of that may have brought another Python, or another version of what the
//! lock brings. Takes the report of a look and a lock: nothing of the image is read again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::lock::file_name::FileName;
use crate::lock::tags::{Interpreter, Tags};
use crate::lock::{Lock, Package};
use crate::python::dist_info::{self, Distribution, normalise};
use crate::python::platform::{self, Platform};
use crate::python::version::Version;
use crate::report::{Python, Record, Report, Site};
use crate::root::Root;

/// What is installed for a Python that searches these folders, should they exist.
pub(super) fn site(root: &Root, python: &Python, searched: &[PathBuf]) -> Site {
    let mut programs = [&python.executable, &python.command].into_iter();
    let mut site = Site {
        folders: Vec::new(),
        records: BTreeMap::new(),
        platform: programs.find_map(|program| platform::of(root, program)),
    };
    for folder in searched {
        // One folder may have two names.
        let real = root.folder(folder);
        let Some(folder) = real.filter(|real| !site.folders.contains(real)) else {
            continue;
        };
        for (name, records) in dist_info::records(root, &folder) {
            let records = records.into_iter().map(|path| Record {
                lists_files: dist_info::lists_files(root, &path),
                path,
            });
            site.records.entry(name).or_default().extend(records);
        }
        site.folders.push(folder);
    }
    site
}

/// Wheels that can be unpacked on an image.
#[derive(Debug, PartialEq, Eq)]
pub struct Fitting {
    /// Those that the image does not have yet: what it has of the same version stays as it is.
    pub missing: Lock,
    /// What goes, because some of them come in its place.
    pub replaced: Vec<Replaced>,
}

/// A distribution that goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Its name and its version.
    pub shown: String,
    /// What speaks of it.
    pub record: PathBuf,
}

/// Completes the report of a look by the wheels of a lock, or says why they do not fit the image. More locks can follow: what this one
/// brings is installed for them.
pub fn judge(report: &mut Report, lock: &Lock) -> Result<Fitting, String> {
    let mut site = report.site.take().unwrap_or_default();
    let fitting = judged(report, &site, lock);
    if let Ok(fitting) = &fitting {
        let folder = Path::new(&lock.target.purelib);
        for package in &fitting.missing.packages {
            let record = Record {
                path: folder.join(format!("{}-{}.dist-info", package.name, package.version)),
                lists_files: true,
            };
            site.records.insert(package.name.clone(), vec![record]);
        }
    }
    report.site = Some(site);
    fitting
}

fn judged(report: &mut Report, site: &Site, lock: &Lock) -> Result<Fitting, String> {
    let Some(python) = &report.python else {
        return Err("the image has no Python".to_owned());
    };
    let fitting = fits(site, python, lock)?;
    let wheels = report.wheels.get_or_insert_default();
    wheels.count += fitting.missing.packages.len();
    let replaced = fitting.replaced.iter();
    wheels.replaced.extend(replaced.map(|it| it.shown.clone()));
    let Some(request) = &report.request else {
        return Ok(fitting);
    };
    for (package, wanted) in report.packages.iter_mut().zip(&request.packages) {
        let name = normalise(&package.name);
        let location = package.location.as_ref();
        // What comes first on the path stays what is imported.
        if location.is_some_and(|location| python.before_site.contains(location)) {
            continue;
        }
        if let Some(brought) = lock.packages.iter().find(|package| package.name == name) {
            let brought = Distribution {
                version: brought.version.clone(),
                location: lock.target.purelib.clone().into(),
            };
            *package = super::package_report(request, wanted, Some(&brought));
        }
    }
    Ok(fitting)
}

/// Says what is wrong with the packages that fal needs, once all wheels were judged that the user wants.
pub fn settle(report: &mut Report) {
    if let (Some(request), Some(python)) = (&report.request, &report.python) {
        let wrong = super::wrong(request, python, &report.packages);
        report.failure = report.failure.take().or(wrong);
    }
}

/// What there is in the image, as `name==version`, but for what is to be replaced.
pub fn constraints(report: &Report) -> Vec<String> {
    let Some(site) = &report.site else {
        return Vec::new();
    };
    let wanted = report.packages.iter().filter(|it| it.requirement.is_some());
    let wanted: Vec<String> = wanted.map(|package| normalise(&package.name)).collect();
    let plain = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let stays = site
        .records
        .iter()
        .filter(|(name, _)| !wanted.contains(name) && plain(name));
    let pin = |(name, records): (&String, &Vec<Record>)| {
        let version = dist_info::version_of(&records.first()?.path)?;
        version.parse::<Version>().ok()?;
        Some(format!("{name}=={version}"))
    };
    stays.filter_map(pin).collect()
}

fn fits(site: &Site, python: &Python, lock: &Lock) -> Result<Fitting, String> {
    let target = &lock.target;
    let started = Path::new(&target.executable);
    if python.minor.minor != target.interpreter.minor
        || (python.executable != started && python.command != started)
    {
        return Err(format!(
            "the Python of the image is {}, and that of its base {}",
            python.executable.display(),
            target.executable
        ));
    }
    for_platform(site.platform.as_ref(), lock)?;
    let folders = [&target.purelib, &target.platlib].map(Path::new);
    let mut last = 0;
    for folder in folders {
        let at = site.folders.iter().position(|other| other == folder);
        last =
            last.max(at.ok_or_else(|| format!("{} is no folder of packages", folder.display()))?);
    }
    let searched_first = site.folders.get(..last).unwrap_or_default();
    let mut replaced = Vec::new();
    let mut missing = Vec::new();
    for package in &lock.packages {
        let records = site.records.get(&package.name);
        let records = records.map(Vec::as_slice).unwrap_or_default();
        let is_in = |record: &Record, folders: &[&Path]| {
            let parent = record.path.parent();
            parent.is_some_and(|parent| folders.contains(&parent))
        };
        let (own, others): (Vec<_>, Vec<_>) =
            records.iter().partition(|record| is_in(record, &folders));
        // One that is searched later does not matter: installers leave it, too.
        let first: Vec<&Path> = searched_first.iter().map(PathBuf::as_path).collect();
        if let Some(hides) = others.into_iter().find(|record| is_in(record, &first)) {
            return Err(format!("{} would be found first", hides.path.display()));
        }
        let chosen_again = lock.replaces.as_ref().and_then(|it| it.get(&package.name));
        if let [only] = own[..]
            && is_version(only, &package.version)
            && !chosen_again.is_some_and(|it| is_version(only, it))
        {
            continue;
        }
        missing.push(package.clone());
        for record in own {
            replaced.push(goes(lock, package, record)?);
        }
    }
    Ok(Fitting {
        missing: Lock {
            packages: missing,
            ..lock.clone()
        },
        replaced,
    })
}

/// Whether every wheel is one that the Python takes on its platform: a lock may come from elsewhere.
fn for_platform(platform: Option<&Platform>, lock: &Lock) -> Result<(), String> {
    let Some(platform) = platform else {
        return Ok(());
    };
    let of_lock = &lock.target.interpreter;
    let tags = Tags::of(&Interpreter {
        machine: platform.machine.clone(),
        libc: platform.libc.unwrap_or(of_lock.libc),
        ..of_lock.clone()
    });
    let fits = |file: &str| FileName::parse(file).is_some_and(|name| tags.fit(&name).is_some());
    // What is built is built by that Python.
    let files = lock.packages.iter().filter_map(Package::wheel);
    let mut files = files.map(|file| &file.name);
    match files.find(|file| !fits(file)) {
        Some(file) => Err(format!("{file} is not for the Python of the image")),
        None => Ok(()),
    }
}

/// What goes for a package, as it would for an installer.
fn goes(lock: &Lock, package: &Package, record: &Record) -> Result<Replaced, String> {
    let shown = record.path.display();
    if !record.lists_files {
        return Err(format!("{shown} does not say which files are its own"));
    }
    let name = &package.name;
    let is_known = |known: &BTreeMap<String, String>| {
        known
            .get(name)
            .is_some_and(|known| is_version(record, known))
    };
    if !lock.replaces.as_ref().is_none_or(is_known) {
        return Err(format!(
            "{shown} was not there when {name} {} was chosen",
            package.version
        ));
    }
    let version = dist_info::version_of(&record.path).unwrap_or_default();
    Ok(Replaced {
        shown: format!("{name} {version}"),
        record: record.path.clone(),
    })
}

/// Whether a record speaks of this version.
fn is_version(record: &Record, version: &str) -> bool {
    let Some(found) = dist_info::version_of(&record.path) else {
        return false;
    };
    match (found.parse::<Version>(), version.parse::<Version>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => found == version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::tags::Libc;
    use crate::look::look_before_wheels;
    use crate::python::find::tests::Image;
    use crate::request::{self, Curl, Mode, Package, Request, Runtime};

    const SITE: &str = "/usr/local/lib/python3.11/site-packages";

    fn lock() -> Lock {
        let text = include_str!("testdata/pylock.toml");
        Lock::parse(text).expect("a lock")
    }

    /// Why they do not fit, or what goes and what stays; and which versions there are then of what was asked for.
    fn look(image: &Image, lock: &Lock) -> (Result<String, String>, Vec<Option<String>>) {
        let package = |name: &str| Package {
            name: name.to_owned(),
            accept: String::new(),
            install: String::new(),
        };
        let request = Request {
            version: request::VERSION,
            mode: Mode::App,
            curl: Curl::None,
            runtime: Runtime::Auto,
            python: None,
            python_range: String::new(),
            packages: vec![package("pydantic"), package("boto3")],
            image: request::Image::from_env([("PATH", "/opt/venv/bin:/usr/local/bin")], "", "/"),
        };
        let mut report = look_before_wheels(&image.root, &request);
        let fitting = judge(&mut report, lock);
        assert_eq!(report.wheels.is_some(), fitting.is_ok());
        let versions = report.packages.into_iter().map(|package| package.installed);
        let told = |fitting: Fitting| {
            let replaced = fitting.replaced.into_iter();
            let replaced = replaced.map(|it| format!("{} at {}", it.shown, it.record.display()));
            let is_missing = |name: &String| {
                let mut missing = fitting.missing.packages.iter();
                missing.any(|package| package.name == *name)
            };
            let kept = lock.packages.iter().map(|package| &package.name);
            let kept = kept.filter(|name| !is_missing(name));
            let kept = kept.map(|name| format!("{name} stays"));
            replaced.chain(kept).collect::<Vec<_>>().join(", ")
        };
        (fitting.map(told), versions.collect())
    }

    fn python() -> Image {
        Image::new()
            .python("/usr/local", "3.11")
            .link("/usr/local/bin/python3", "python3.11")
            .link("/usr/local/bin/python", "python3")
            .package(SITE, "pip", "24.0")
    }

    /// With a list of its files.
    fn installed(image: Image, site: &str, version: &str) -> Image {
        let record = format!("{site}/pydantic-{version}.dist-info/RECORD");
        image.package(site, "pydantic", version).file(&record, "")
    }

    #[test]
    fn wheels_count_as_installed_where_they_fit() {
        let (fitting, versions) = look(&python(), &lock());
        assert_eq!(fitting, Ok(String::new()));
        assert_eq!(versions, [Some("2.10.6".to_owned()), None]);

        let (why_not, versions) = look(&python().package(SITE, "pydantic", "1.10"), &lock());
        assert_eq!(
            why_not,
            Err(format!(
                "{SITE}/pydantic-1.10.dist-info does not say which files are its own"
            ))
        );
        assert_eq!(versions, [Some("1.10".to_owned()), None]);

        let other = Image::new()
            .python("/opt/venv", "3.12")
            .link("/usr/local/bin/python3", "/opt/venv/bin/python3.12");
        let (why_not, _) = look(&other, &lock());
        assert!(why_not.is_err_and(|why| why.contains("/opt/venv")));
        assert_eq!(
            look(&Image::new(), &lock()).0,
            Err("the image has no Python".to_owned())
        );
    }

    #[test]
    fn another_version_goes_if_it_was_known_and_the_same_one_stays() {
        let replacing = |version: Option<&str>| {
            let known = |version: &str| ("pydantic".to_owned(), version.to_owned());
            let replaces = Some(version.map(known).into_iter().collect());
            Lock { replaces, ..lock() }
        };
        let goes = || Ok(format!("pydantic 1.10 at {SITE}/pydantic-1.10.dist-info"));
        let old = || installed(python(), SITE, "1.10");
        assert_eq!(look(&old(), &lock()).0, goes());
        let (fitting, versions) = look(&old(), &replacing(Some("1.10.0")));
        assert_eq!(fitting, goes());
        assert_eq!(versions, [Some("2.10.6".to_owned()), None]);
        for other in [None, Some("1.9")] {
            let why_not = look(&old(), &replacing(other)).0.expect_err("another");
            assert!(
                why_not.contains("was not there when pydantic 2.10.6"),
                "{why_not}"
            );
        }

        let same = || python().package(SITE, "pydantic", "2.10.6");
        for lock in [lock(), replacing(None), replacing(Some("1.10"))] {
            let (fitting, versions) = look(&same(), &lock);
            assert_eq!(fitting, Ok("pydantic stays".to_owned()));
            assert_eq!(versions, [Some("2.10.6".to_owned()), None]);
        }
        // uv puts the same version in its place where it came from elsewhere.
        let again = look(
            &installed(python(), SITE, "2.10.6"),
            &replacing(Some("2.10.6")),
        );
        let goes = format!("pydantic 2.10.6 at {SITE}/pydantic-2.10.6.dist-info");
        assert_eq!(again.0, Ok(goes));
        // What an upgrade has left goes with the rest.
        let both = installed(installed(python(), SITE, "1.10"), SITE, "2.10.6");
        assert_eq!(
            look(&both, &lock())
                .0
                .map(|told| told.matches(" at ").count()),
            Ok(2)
        );
    }

    #[test]
    fn what_is_searched_later_stays_and_what_is_searched_first_is_in_the_way() {
        let venv = |site: &str| {
            let image = Image::new()
                .python("/usr", "3.11")
                .venv("/opt/venv", "/usr/bin", "3.11", "/usr/bin/python3.11")
                .file(
                    "/opt/venv/pyvenv.cfg",
                    "home = /usr/bin\nversion = 3.11.2\ninclude-system-site-packages = true\n",
                )
                .package("/usr/lib/python3.11/site-packages", "pip", "24.0");
            installed(image, site, "1.10")
        };
        let (own, other) = (
            "/opt/venv/lib/python3.11/site-packages",
            "/usr/lib/python3.11/site-packages",
        );
        let mut lock = lock();
        for folder in [own, other] {
            lock.target.executable = "/opt/venv/bin/python".to_owned();
            lock.target.purelib = folder.to_owned();
            lock.target.platlib = folder.to_owned();
            let told = look(&venv(other), &lock).0;
            let goes = format!("pydantic 1.10 at {other}/pydantic-1.10.dist-info");
            assert_eq!(told, Ok(if folder == own { String::new() } else { goes }));
        }
        let why_not = look(&venv(own), &lock).0;
        assert_eq!(
            why_not,
            Err(format!(
                "{own}/pydantic-1.10.dist-info would be found first"
            ))
        );
    }

    #[test]
    fn a_wheel_is_for_the_platform_of_the_image() {
        let mut lock = lock();
        let mut fits = |file: &str, platform: &Platform| {
            let wheel = lock.packages[0].source.file_mut().expect("a file");
            wheel.name = file.to_owned();
            for_platform(Some(platform), &lock).is_ok()
        };
        let any = "pydantic-2.10.6-py3-none-any.whl";
        let compiled = "pydantic-2.10.6-cp311-cp311-manylinux_2_34_x86_64.whl";
        for (machine, libc, want) in [
            ("x86_64", None, true),
            ("x86_64", Some(Libc::Glibc(2, 34)), true),
            ("x86_64", Some(Libc::Glibc(2, 31)), false),
            ("x86_64", Some(Libc::Musl(1, 2)), false),
            ("aarch64", None, false),
        ] {
            let machine = machine.to_owned();
            let platform = Platform { machine, libc };
            assert!(fits(any, &platform), "{platform:?}");
            assert_eq!(fits(compiled, &platform), want, "{platform:?}");
        }
    }
}
