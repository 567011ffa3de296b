//! Whether the wheels of a lock can be unpacked on an image as it is.
//!
//! The lock was made for the image's base, and what came on top of that may have brought another Python, or another version of what the
//! lock brings.

use std::collections::BTreeMap;
use std::path::Path;

use crate::lock::Lock;
use crate::python::dist_info::{self, Distribution};
use crate::report::Python;
use crate::root::Root;

/// Why they cannot be; nothing if they can.
pub(super) fn misfit(root: &Root, lock: &Lock, python: Option<&Python>) -> Option<String> {
    let Some(python) = python else {
        return Some("the image has no Python".to_owned());
    };
    let target = &lock.target;
    let started = Path::new(&target.executable);
    if python.minor.minor != target.interpreter.minor
        || (python.executable != started && python.command != started)
    {
        return Some(format!(
            "the Python of the image is {}, and that of its base {}",
            python.executable.display(),
            target.executable
        ));
    }
    let site = python
        .site
        .iter()
        .filter_map(|folder| root.resolve(folder).ok());
    let site: Vec<_> = site.map(|found| found.path).collect();
    for folder in [&target.purelib, &target.platlib] {
        let folder = Path::new(folder);
        let is_real = root.resolve(folder).is_ok_and(|found| found.path == folder);
        if !is_real || !site.iter().any(|other| other == folder) {
            return Some(format!("{} is no folder of packages", folder.display()));
        }
    }
    let names: Vec<String> = lock
        .packages
        .iter()
        .map(|package| package.name.clone())
        .collect();
    let there = dist_info::installed(root, &python.site, &names);
    let (name, found) = there.first_key_value()?;
    Some(format!("{name} {} is in the image already", found.version))
}

/// Counts them as installed, but for what comes first on the path all the same.
pub(super) fn add(installed: &mut BTreeMap<String, Distribution>, lock: &Lock, python: &Python) {
    for package in &lock.packages {
        let is_before = |found: &Distribution| python.before_site.contains(&found.location);
        if installed.get(&package.name).is_some_and(is_before) {
            continue;
        }
        let brought = Distribution {
            version: package.version.clone(),
            location: lock.target.purelib.clone().into(),
        };
        installed.insert(package.name.clone(), brought);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::look_before;
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
        let report = look_before(&image.root, &request, &lock());
        let wheels = report.wheels.expect("it was asked");
        assert_eq!(wheels.count, 1);
        let versions = report.packages.into_iter().map(|package| package.installed);
        (wheels.why_not, versions.collect())
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
            Some("pydantic 1.10 is in the image already")
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
