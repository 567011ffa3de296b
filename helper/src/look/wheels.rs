//! Whether the wheels of a lock can be unpacked on an image as it is, and what the image lacks with them.
//!
//! The lock was made for the image's base, and what came on top of that may have brought another Python, or another version of what the
//! lock brings. Takes the report of a look and a lock: nothing of the image is read again.

use std::path::Path;

use crate::lock::Lock;
use crate::python::dist_info::{self, Distribution, normalise};
use crate::report::{Python, Report, Site, Wheels};
use crate::root::Root;

/// What is installed for a Python.
pub(super) fn site(root: &Root, python: &Python) -> Site {
    let real = python
        .site
        .iter()
        .filter_map(|folder| root.resolve(folder).ok());
    let records = python
        .site
        .iter()
        .flat_map(|folder| dist_info::records(root, folder));
    let first = records.filter_map(|(name, records)| Some((name, records.into_iter().next()?)));
    Site {
        folders: real.map(|found| found.path).collect(),
        records: first.collect(),
    }
}

/// Completes the report of a look by the wheels of a lock, or says why they do not fit the image.
pub fn judge(report: &mut Report, lock: &Lock) -> Result<(), String> {
    let (Some(site), Some(python)) = (report.site.take(), &report.python) else {
        return Err("the image has no Python".to_owned());
    };
    fits(&site, python, lock)?;
    report.wheels = Some(Wheels {
        count: lock.packages.len(),
        why_not: None,
    });
    let Some(request) = &report.request else {
        return Ok(());
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
    let wrong = super::wrong(request, python, &report.packages);
    report.failure = report.failure.take().or(wrong);
    Ok(())
}

fn fits(site: &Site, python: &Python, lock: &Lock) -> Result<(), String> {
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
    for folder in [&target.purelib, &target.platlib] {
        if !site.folders.iter().any(|other| other == Path::new(folder)) {
            return Err(format!("{folder} is no folder of packages"));
        }
    }
    let mut records = lock
        .packages
        .iter()
        .filter_map(|package| site.records.get(&package.name));
    match records.next() {
        Some(record) => Err(format!("{} is in the image already", record.display())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::look_before_wheels;
    use crate::python::find::tests::Image;
    use crate::request::{self, Curl, Mode, Package, Request, Runtime};

    const SITE: &str = "/usr/local/lib/python3.11/site-packages";

    fn lock() -> Lock {
        let text = include_str!("testdata/pylock.toml");
        Lock::parse(text).expect("a lock")
    }

    fn look(image: &Image) -> (Option<String>, Vec<Option<String>>) {
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
            image: request::Image::from_env([], "", "/"),
        };
        let mut report = look_before_wheels(&image.root, &request);
        let why_not = judge(&mut report, &lock()).err();
        assert_eq!(report.wheels.is_some(), why_not.is_none());
        let versions = report.packages.into_iter().map(|package| package.installed);
        (why_not, versions.collect())
    }

    fn python() -> Image {
        Image::new()
            .python("/usr/local", "3.11")
            .link("/usr/local/bin/python3", "python3.11")
            .link("/usr/local/bin/python", "python3")
            .package(SITE, "pip", "24.0")
    }

    #[test]
    fn wheels_count_as_installed_where_they_fit() {
        let (why_not, versions) = look(&python());
        assert_eq!(why_not, None);
        assert_eq!(versions, [Some("2.10.6".to_owned()), None]);

        let (why_not, versions) = look(&python().package(SITE, "pydantic", "1.10"));
        assert_eq!(
            why_not.as_deref(),
            Some(
                "/usr/local/lib/python3.11/site-packages/pydantic-1.10.dist-info is in the image already"
            )
        );
        assert_eq!(versions, [Some("1.10".to_owned()), None]);

        let other = Image::new()
            .python("/opt/venv", "3.12")
            .link("/usr/bin/python3", "/opt/venv/bin/python3.12");
        let (why_not, _) = look(&other);
        assert!(why_not.is_some_and(|why| why.contains("/opt/venv")));
        assert_eq!(
            look(&Image::new()).0.as_deref(),
            Some("the image has no Python")
        );
    }
}
