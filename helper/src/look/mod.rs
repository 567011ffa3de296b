//! Reads an image and decides what is to be done.
//!
//! Takes a root and a [`Request`]; gives a [`Report`], which is also the plan of the steps that change the image. Reads
//! files only: nothing of the image is started, so its platform, its shell and its variables do not matter.

mod messages; // the sentences
pub mod wheels; // whether those of a lock fit, and what is missing with them

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::curl;
use crate::failure::Failure;
use crate::package_manager;
use crate::python::dist_info::{self, Distribution};
use crate::python::find::{self, Facts, Found};
use crate::python::version::Range;
use crate::python::{interpreter, site};
use crate::report::{self, CurlAction, Link, Report, Step};
use crate::request::{Curl, Image, Mode, Package, Request};
use crate::root::Root;
use crate::search;
use crate::user;

/// Reads the image below `root`, and plans.
pub fn look(root: &Root, request: &Request) -> Report {
    look_at(root, request, None, false)
}

/// The same with all that is installed, and without a word about packages: wheels come on top of the image, and [`wheels::judge`] says
/// what is missing with them.
pub fn look_before_wheels(root: &Root, request: &Request) -> Report {
    look_at(root, request, None, true)
}

/// The same once Python was started: `site` is what it says of its site directories, which `.pth` files and
/// `sitecustomize` may have changed.
pub(crate) fn look_with(root: &Root, request: &Request, site: &[PathBuf]) -> Report {
    look_at(root, request, Some(site), false)
}

fn look_at(
    root: &Root,
    request: &Request,
    site: Option<&[PathBuf]>,
    is_before_wheels: bool,
) -> Report {
    let facts = ImageFacts::new(root, &request.image);
    let mut failures = Vec::new();
    let mut warnings = Vec::new();
    let found = match request.mode {
        Mode::Server => None,
        Mode::App => python(root, request, &facts, site)
            .map_err(|failure| failures.push(failure))
            .ok(),
    };
    let (python, searched) = found.unzip();
    let curl = curl_report(root, request, &facts, &mut failures, &mut warnings);
    if let Some(python) = &python {
        judge_version(request, python, &mut failures, &mut warnings);
        failures.extend(lost_library(root, request, python));
    }
    let packages = match &python {
        Some(python) => packages(root, request, python),
        None => Vec::new(),
    };
    if let Some(python) = &python
        && !is_before_wheels
    {
        failures.extend(wrong(request, python, &packages));
    }
    failures.extend(closed(root, request, &curl, python.as_ref(), &packages));
    let seen = python.as_ref().zip(searched).filter(|_| is_before_wheels);
    let site_report = seen.map(|(python, searched)| wheels::site(root, python, &searched));
    let python = python.map(|mut python| {
        if !request.runtime.installs() {
            python.links.clear();
        }
        python
    });
    Report {
        version: report::VERSION,
        step: Step::Look,
        mode: request.mode,
        request: Some(request.clone()),
        curl,
        python,
        packages,
        site: site_report,
        wheels: None,
        checks: Vec::new(),
        warnings,
        failure: failures.into_iter().next(),
    }
}

/// The request's facts as paths.
pub(crate) struct ImageFacts {
    pub(crate) path: Vec<PathBuf>,
    working_dir: PathBuf,
    exec_prefix: Option<PathBuf>,
    python_path: Option<String>,
    home: Option<PathBuf>,
}

impl ImageFacts {
    pub(crate) fn new(root: &Root, image: &Image) -> Self {
        let working_dir = Path::new("/").join(&image.working_dir);
        let home = image
            .home
            .as_ref()
            .map(PathBuf::from)
            .filter(|home| home.is_absolute());
        Self {
            path: search::directories(&image.path, &working_dir),
            exec_prefix: image
                .exec_prefix
                .as_ref()
                .filter(|prefix| !prefix.is_empty())
                .map(|it| working_dir.join(it)),
            python_path: image.python_path.clone(),
            home: home.or_else(|| site::home_of(root, &image.user)),
            working_dir,
        }
    }
}

/// The Python, and the folders that it would search for packages if they existed.
fn python(
    root: &Root,
    request: &Request,
    facts: &ImageFacts,
    site: Option<&[PathBuf]>,
) -> Result<(report::Python, Vec<PathBuf>), Failure> {
    let search = Facts {
        path: &facts.path,
        working_dir: &facts.working_dir,
        exec_prefix: facts.exec_prefix.as_deref(),
    };
    let found = find::find(root, &search, request.python)
        .map_err(|why| messages::python_not_found(&why, request.python, &search))?;
    let Found {
        interpreter,
        executable,
        missing,
    } = found;
    let (site, searched) = match site {
        Some(site) => (site.to_vec(), site.to_vec()),
        None => (
            site::directories(root, &interpreter),
            site::possible(root, &interpreter),
        ),
    };
    let before_site = site::overriding(
        root,
        &interpreter,
        facts.python_path.as_deref(),
        facts.home.as_deref(),
        &facts.working_dir,
    );
    let pip = dist_info::installed(root, &site, &["pip".to_owned()]).remove("pip");
    let marked = root.is_file(&interpreter.stdlib.join("EXTERNALLY-MANAGED"));
    let python = report::Python {
        minor: interpreter.minor,
        command: interpreter.command,
        executable,
        prefix: interpreter.prefix,
        kind: interpreter.kind,
        externally_managed: marked && interpreter.kind != interpreter::Kind::Venv,
        pip: pip
            .filter(|pip| root.is_file(&pip.location.join("pip/__main__.py")))
            .map(|pip| pip.version),
        site,
        before_site,
        links: missing
            .into_iter()
            .map(|(path, target)| Link { path, target })
            .collect(),
        installer: None,
    };
    Ok((python, searched))
}

/// A Python that fal does not run on: installing fal would bring an old release of it, and silently.
fn judge_version(
    request: &Request,
    python: &report::Python,
    failures: &mut Vec<Failure>,
    warnings: &mut Vec<String>,
) {
    let range: Result<Range, _> = request.python_range.parse();
    if range.is_ok_and(|range| range.takes(&python.minor.to_string())) {
        return;
    }
    let fal = request.packages.iter().find(|it| it.name == "fal");
    match fal {
        // Another release of fal, which was asked for by its number, has a range of its own.
        Some(fal) if fal.accept.is_empty() => {
            failures.push(messages::unfit_python(python, &request.python_range));
        }
        _ => warnings.push(messages::old_python(python, &request.python_range)),
    }
}

/// PYTHONHOME leads every Python that fal starts to a library, and there must be one.
fn lost_library(root: &Root, request: &Request, python: &report::Python) -> Option<Failure> {
    let home = request.image.python_home.as_ref()?;
    let prefix = Path::new(home.split(':').next()?);
    let library = format!("python{}/os.py", python.minor);
    let is_there = ["lib", "lib64"]
        .iter()
        .any(|name| root.is_file(&prefix.join(name).join(&library)));
    (!is_there).then(|| messages::lost_library(home, python))
}

/// What the image's USER must be able to run and read, and cannot.
fn closed(
    root: &Root,
    request: &Request,
    curl: &report::Curl,
    python: Option<&report::Python>,
    packages: &[report::Package],
) -> Option<Failure> {
    let user = match user::find(root, &request.image.user) {
        Ok(user) => user,
        Err(unknown) => return Some(messages::unknown_user(&request.image.user, &unknown)),
    };
    let curl = curl.path.iter();
    let python = python
        .into_iter()
        .flat_map(|it| [&it.command, &it.executable]);
    let packages = packages.iter().filter_map(|it| it.location.as_ref());
    let paths = curl.chain(python).chain(packages);
    paths
        .filter_map(|path| Some((path, user.closed(root, path)?)))
        .map(|(path, closed)| messages::closed(&request.image.user, path, &closed))
        .next()
}

fn curl_report(
    root: &Root,
    request: &Request,
    facts: &ImageFacts,
    failures: &mut Vec<Failure>,
    warnings: &mut Vec<String>,
) -> report::Curl {
    let path = curl::find(root, &facts.path);
    let certificates = curl::certificates(root).map(Path::to_owned);
    let action = match (&path, request.curl) {
        (Some(_), _) | (None, Curl::None) => None,
        (None, Curl::Image) => Some(CurlAction::Copy),
        (None, Curl::Verify) => {
            failures.push(messages::no_curl(&facts.path));
            None
        }
        (None, Curl::Auto) => match package_manager::detect(root, &facts.path) {
            Some(manager) => Some(CurlAction::Install {
                manager: manager.name.to_owned(),
                certificates: certificates.is_none(),
            }),
            None => {
                failures.push(messages::no_package_manager());
                None
            }
        },
    };
    if path.is_some() && certificates.is_none() && request.curl != Curl::None {
        warnings.push(messages::no_certificates());
    }
    report::Curl {
        path,
        version: None,
        certificates,
        action,
    }
}

fn packages(root: &Root, request: &Request, python: &report::Python) -> Vec<report::Package> {
    let installed = installed(root, request, python);
    let packages = request.packages.iter();
    let report = |package: &Package| {
        let found = installed.get(&dist_info::normalise(&package.name));
        package_report(request, package, found)
    };
    packages.map(report).collect()
}

/// What is wrong with packages that the runtime step does not make right.
fn wrong(
    request: &Request,
    python: &report::Python,
    packages: &[report::Package],
) -> Option<Failure> {
    let wrong: Vec<&report::Package> = packages.iter().filter(|package| !package.fits).collect();
    let is_before_site = |package: &&&report::Package| {
        package
            .location
            .as_ref()
            .is_some_and(|location| python.before_site.contains(location))
    };
    if request.runtime.installs() {
        let hidden = wrong.iter().find(is_before_site);
        return hidden.map(|package| messages::hidden(package));
    }
    let verifies = request.runtime == crate::request::Runtime::Verify;
    (verifies && !wrong.is_empty()).then(|| messages::wrong_packages(&wrong, python))
}

fn package_report(
    request: &Request,
    package: &Package,
    found: Option<&Distribution>,
) -> report::Package {
    // The request was checked when it was read; what cannot be read takes nothing.
    let fits = found.is_some_and(|found| {
        package
            .range()
            .is_ok_and(|range| range.takes(&found.version))
    });
    report::Package {
        name: package.name.clone(),
        accept: package.accept.clone(),
        installed: found.map(|found| found.version.clone()),
        location: found.map(|found| found.location.clone()),
        fits,
        requirement: (!fits && request.runtime.installs()).then(|| package.requirement()),
        before: None,
    }
}

fn installed(
    root: &Root,
    request: &Request,
    python: &report::Python,
) -> BTreeMap<String, Distribution> {
    let directories: Vec<PathBuf> = python
        .before_site
        .iter()
        .chain(&python.site)
        .cloned()
        .collect();
    let names: Vec<String> = request
        .packages
        .iter()
        .map(|package| package.name.clone())
        .collect();
    dist_info::installed(root, &directories, &names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;
    use crate::python::find::tests::Image as TestImage;
    use crate::request::{self, Runtime};

    fn request(mode: Mode, curl: Curl, runtime: Runtime) -> Request {
        let package = |name: &str, accept: &str, install: &str| Package {
            name: name.to_owned(),
            accept: accept.to_owned(),
            install: install.to_owned(),
        };
        Request {
            version: request::VERSION,
            mode,
            curl,
            runtime,
            python: None,
            python_range: String::new(),
            packages: vec![
                package("pydantic", ">=2.5,<3", "==2.10.6"),
                package("protobuf", ">=3.20.3", ""),
                package("boto3", "", ""),
            ],
            image: Image::from_env([], "", "/"),
        }
    }

    const SITE: &str = "/usr/local/lib/python3.11/site-packages";

    fn python() -> TestImage {
        TestImage::new()
            .python("/usr/local", "3.11")
            .link("/usr/local/bin/python3", "python3.11")
            .link("/usr/local/bin/python", "python3")
            .package(SITE, "pip", "24.0")
            .file(&format!("{SITE}/pip/__main__.py"), "")
    }

    fn with_curl(image: TestImage) -> TestImage {
        image
            .program("/usr/bin/curl", "\x7fELF")
            .file("/etc/ssl/certs/ca-certificates.crt", "x")
    }

    fn with_packages(image: TestImage) -> TestImage {
        image
            .package(SITE, "pydantic", "2.10.6")
            .package(SITE, "protobuf", "4.25.1")
            .package(SITE, "boto3", "1.35.74")
    }

    /// What the report decides, as one line.
    fn decision(report: &Report) -> String {
        if let Some(failure) = &report.failure {
            return format!("{:?}", failure.kind);
        }
        let curl = match &report.curl.action {
            None => "-".to_owned(),
            Some(CurlAction::Copy) => "copy".to_owned(),
            Some(CurlAction::Install {
                manager,
                certificates,
            }) => {
                format!(
                    "{manager}{}",
                    if *certificates { "+certificates" } else { "" }
                )
            }
        };
        let wanted: Vec<&str> = report
            .packages
            .iter()
            .filter_map(|it| it.requirement.as_deref())
            .collect();
        let links = report
            .python
            .as_ref()
            .map_or(0, |python| python.links.len());
        format!("{curl} [{}] {links}", wanted.join(" "))
    }

    #[test]
    fn situations() {
        use {Curl as C, Mode as M, Runtime as R};
        let all_there = || with_packages(with_curl(python()));
        let apt = |image: TestImage| {
            image
                .program("/usr/bin/apt-get", "\x7fELF")
                .file("/var/lib/dpkg/status", "x")
        };
        let cases: Vec<(&str, TestImage, Request, &str)> = vec![
            (
                "all is there",
                all_there(),
                request(M::App, C::Auto, R::Auto),
                "- [] 0",
            ),
            (
                "all is verified",
                all_there(),
                request(M::App, C::Verify, R::Verify),
                "- [] 0",
            ),
            (
                "nothing is there",
                apt(python()),
                request(M::App, C::Auto, R::Auto),
                "apt+certificates [pydantic==2.10.6 protobuf>=3.20.3 boto3] 0",
            ),
            (
                "certificates are there",
                apt(with_packages(python())).file("/etc/ssl/certs/ca-certificates.crt", "x"),
                request(M::App, C::Auto, R::Auto),
                "apt [] 0",
            ),
            (
                "one is outside its range",
                with_packages(with_curl(python()))
                    .package(SITE, "pydantic", "1.10.2")
                    .file(&format!("{SITE}/pydantic-2.10.6.dist-info/METADATA"), ""),
                request(M::App, C::Auto, R::Auto),
                "- [pydantic==2.10.6] 0",
            ),
            (
                "nothing is asked",
                python(),
                request(M::App, C::None, R::None),
                "- [] 0",
            ),
            (
                "no curl, no manager",
                with_packages(python()),
                request(M::App, C::Auto, R::Auto),
                "NoPackageManager",
            ),
            (
                "no curl, copied",
                with_packages(python()),
                request(M::App, C::Image, R::Auto),
                "copy [] 0",
            ),
            (
                "no curl, verified",
                apt(with_packages(python())),
                request(M::App, C::Verify, R::Auto),
                "NoCurl",
            ),
            (
                "a package is missing",
                with_curl(python()),
                request(M::App, C::Auto, R::Verify),
                "Packages",
            ),
            (
                "no Python",
                with_curl(TestImage::new()),
                request(M::App, C::Auto, R::Auto),
                "NoPython",
            ),
            (
                "no Python, none needed",
                with_curl(TestImage::new()),
                request(M::Server, C::Auto, R::Auto),
                "- [] 0",
            ),
            (
                "another Python",
                all_there(),
                Request {
                    python: "3.12".parse().ok(),
                    ..request(M::App, C::Auto, R::Auto)
                },
                "OtherPython",
            ),
            (
                "debian's Python",
                with_curl(
                    TestImage::new()
                        .python("/usr", "3.11")
                        .link("/usr/bin/python3", "python3.11"),
                )
                .package("/usr/lib/python3.11/site-packages", "boto3", "1"),
                request(M::App, C::Auto, R::Auto),
                "- [pydantic==2.10.6 protobuf>=3.20.3] 1",
            ),
            (
                "an old one in PYTHONPATH",
                all_there().package("/old", "protobuf", "3.6.0"),
                Request {
                    image: Image::from_env([("PYTHONPATH", "/old")], "", "/"),
                    ..request(M::App, C::Auto, R::Auto)
                },
                "Hidden",
            ),
            (
                "a right one of the user's own",
                with_curl(python())
                    .package(
                        "/root/.local/lib/python3.11/site-packages",
                        "pydantic",
                        "2.9.0",
                    )
                    .package(
                        "/root/.local/lib/python3.11/site-packages",
                        "protobuf",
                        "5.0",
                    )
                    .package("/root/.local/lib/python3.11/site-packages", "boto3", "1.2"),
                request(M::App, C::Auto, R::Verify),
                "- [] 0",
            ),
        ];
        for (situation, image, request, expected) in cases {
            let report = look(&image.root, &request);
            assert_eq!(
                decision(&report),
                expected,
                "{situation}: {}",
                report.summary()
            );
            let json = report.to_json().expect("is JSON");
            assert_eq!(
                Report::from_json(json.as_bytes()).expect("reads"),
                report,
                "{situation}"
            );
            assert_eq!(
                look(&image.root, &request).to_json().expect("is JSON"),
                json,
                "{situation}: looking twice"
            );
        }
    }

    #[test]
    fn marked_pythons() {
        let image = python().file(
            "/usr/local/lib/python3.11/EXTERNALLY-MANAGED",
            "[externally-managed]",
        );
        let image = image.venv(
            "/venv",
            "/usr/local/bin",
            "3.11",
            "/usr/local/bin/python3.11",
        );
        let mut request = request(Mode::App, Curl::None, Runtime::Auto);
        let managed = |request: &Request| {
            look(&image.root, request)
                .python
                .map(|python| python.externally_managed)
        };
        assert_eq!(managed(&request), Some(true));
        request.image.path = "/venv/bin".to_owned();
        assert_eq!(
            managed(&request),
            Some(false),
            "a virtual environment is the user's"
        );
    }

    #[test]
    fn sentences_name_the_way_out() {
        let cases: Vec<(TestImage, Request, Kind, &[&str])> = vec![
            (
                TestImage::new(),
                request(Mode::App, Curl::None, Runtime::Auto),
                Kind::NoPython,
                &[
                    "/usr/local/bin",
                    "python:3.11-slim",
                    "mode=server",
                    "mode=off",
                ],
            ),
            (
                python(),
                Request {
                    python: "3.12".parse().ok(),
                    ..request(Mode::App, Curl::None, Runtime::Auto)
                },
                Kind::OtherPython,
                &["Python 3.12", "3.11", "python=3.11"],
            ),
            (
                python(),
                request(Mode::App, Curl::Auto, Runtime::None),
                Kind::NoPackageManager,
                &["curl=image:REF"],
            ),
            (
                python(),
                request(Mode::App, Curl::None, Runtime::Verify),
                Kind::Packages,
                &["pydantic is not installed", ">=2.5,<3", "runtime=auto"],
            ),
        ];
        for (image, request, kind, parts) in cases {
            let failure = look(&image.root, &request).failure.expect("a failure");
            assert_eq!(failure.kind, kind);
            for part in parts {
                assert!(failure.sentence.contains(part), "`{part}` in: {failure}");
            }
            assert!(!failure.sentence.contains('\n'), "one sentence: {failure}");
        }
    }
}
