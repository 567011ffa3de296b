//! A Python that was started → where it has what, and which wheels it takes.
//!
//! The folders are those of its own installation scheme (`sysconfig`), as pip and uv take them; those of packages are given without the
//! links on the way to them, because a layer that brings a folder where a link is would take the link away.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::requirements::Installation;
use super::{imports, installer};
use crate::lock::tags::{Interpreter, Libc};
use crate::lock::{Folder, Target};
use crate::root::Root;

/// The first Python whose `sysconfig` knows where its distribution wants packages.
const OLDEST: u16 = 10;
/// A folder of packages with more entries is none that was ever installed.
const MAX_ENTRIES: usize = 100_000;

const FACTS: &str = "\
import json, os, sys, sysconfig
paths = sysconfig.get_paths(sysconfig.get_preferred_scheme('prefix'))
headers = paths['include']
if sys.prefix != sys.base_prefix:
    headers = os.path.join(sys.prefix, 'include', 'site', 'python%d.%d' % sys.version_info[:2])
try:
    libc = os.confstr('CS_GNU_LIBC_VERSION')
except (OSError, ValueError):
    libc = None
print('fal:' + json.dumps({
    'implementation': sys.implementation.name,
    'version': sys.version.split()[0],
    'free': bool(sysconfig.get_config_var('Py_GIL_DISABLED')),
    'debug': bool(sysconfig.get_config_var('Py_DEBUG')),
    'platform': sysconfig.get_platform(),
    'small': sys.maxsize <= 2 ** 32,
    'libc': libc,
    'purelib': paths['purelib'], 'platlib': paths['platlib'], 'scripts': paths['scripts'], 'data': paths['data'], 'headers': headers,
}))
";

/// What a Python says.
#[derive(Deserialize)]
struct Facts {
    implementation: String,
    version: String,
    free: bool,
    debug: bool,
    platform: String,
    small: bool,
    libc: Option<String>,
    purelib: PathBuf,
    platlib: PathBuf,
    scripts: PathBuf,
    data: PathBuf,
    headers: PathBuf,
}

/// Asks the Python of an image; says why wheels cannot be installed for it without it.
pub(super) fn of(installation: &Installation<'_>) -> Result<Target, String> {
    let installer::Target {
        root, environment, ..
    } = installation.target;
    let python = installation.target.python.executable.as_path();
    let minor = installation.target.python.minor;
    if minor.major != 3 || minor.minor < OLDEST {
        return Err(format!(
            "Python {minor} does not say where packages go; 3.{OLDEST} and later do"
        ));
    }
    let facts: Facts = imports::ask(python, FACTS, &[], environment)?;
    if facts.implementation != "cpython" || facts.debug || facts.small {
        let name = &facts.implementation;
        return Err(format!(
            "{} is no usual build of CPython, but {name}",
            python.display()
        ));
    }
    let machine = facts.platform.strip_prefix("linux-");
    let machine = machine.ok_or_else(|| format!("its platform is {}", facts.platform))?;
    let libc = match facts.libc.as_deref().and_then(glibc) {
        Some(libc) => libc,
        None => musl(root, machine).ok_or("its C library is not known")?,
    };
    let free = if facts.free { "t" } else { "" };
    let (purelib, platlib) = (real(root, &facts.purelib)?, real(root, &facts.platlib)?);
    let parents = parents(root, [&purelib, &platlib])?;
    Ok(Target {
        executable: text(python)?,
        version: facts.version,
        interpreter: Interpreter {
            minor: minor.minor,
            abi: format!("cp3{}{free}", minor.minor),
            machine: machine.to_owned(),
            libc,
        },
        purelib: text(&purelib)?,
        platlib: text(&platlib)?,
        scripts: text(&facts.scripts)?,
        data: text(&facts.data)?,
        headers: text(&facts.headers)?,
        parents,
    })
}

/// A folder of packages: nothing in it is a link to a folder that a wheel might bring. One that is absent is where an installer would make
/// it.
fn real(root: &Root, folder: &Path) -> Result<PathBuf, String> {
    let shown = folder.display();
    let real = root.folder(folder);
    let real = real.ok_or_else(|| format!("its folder of packages, {shown}, is no folder"))?;
    if root.is_absent(&real) {
        return Ok(real);
    }
    let names = root
        .list(&real, MAX_ENTRIES)
        .map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let is_linked = |name: &&std::ffi::OsString| {
        let path = real.join(name);
        let is_link = root.entry(&path).is_ok_and(|it| it.metadata.is_symlink());
        is_link && root.is_dir(&path)
    };
    match names.iter().find(is_linked) {
        Some(name) => Err(format!("{} is a link", real.join(name).display())),
        None => Ok(real),
    }
}

/// The folders from the top down to those of packages, these too. One that is absent is as root makes it.
fn parents<'a>(
    root: &Root,
    folders: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<Vec<Folder>, String> {
    let mut all: Vec<&Path> = folders
        .into_iter()
        .flat_map(|folder| folder.ancestors())
        .collect();
    all.sort();
    all.dedup();
    let below_top = all.into_iter().filter(|path| path.parent().is_some());
    let folder = |path: &Path| {
        let metadata = match root.is_absent(path) {
            true => None,
            false => Some(
                root.resolve(path)
                    .map_err(|error| error.to_string())?
                    .metadata,
            ),
        };
        let metadata = metadata.as_ref();
        Ok(Folder {
            path: text(path)?,
            mode: metadata.map_or(0o755, |it| it.mode() & 0o7777),
            uid: metadata.map_or(0, MetadataExt::uid),
            gid: metadata.map_or(0, MetadataExt::gid),
        })
    };
    below_top.map(folder).collect()
}

fn text(path: &Path) -> Result<String, String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| format!("{} is not UTF-8", path.display()))
}

/// `glibc 2.36`
fn glibc(said: &str) -> Option<Libc> {
    let (major, minor) = version(said.strip_prefix("glibc ")?)?;
    Some(Libc::Glibc(major, minor))
}

/// musl says its version to whoever starts its loader.
fn musl(root: &Root, machine: &str) -> Option<Libc> {
    let loader = root.host(&root.executable(Path::new(&format!("/lib/ld-musl-{machine}.so.1")))?);
    let said = std::process::Command::new(loader).output().ok()?;
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("Version "))?;
    let (major, minor) = version(line)?;
    Some(Libc::Musl(major, minor))
}

fn version(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.trim().split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::python::find::tests::Image;

    #[test]
    fn a_folder_of_packages_is_given_without_links() {
        let image = Image::new().file("/usr/lib/python3.11/site-packages/a/b.py", "");
        let root = &image.root;
        symlink("usr/lib", root.host(Path::new("/lib"))).expect("a link");
        let site = Path::new("/usr/lib/python3.11/site-packages");
        let linked = Path::new("/lib/python3.11/site-packages");
        assert_eq!(real(root, linked).as_deref(), Ok(site));
        let parents = parents(root, [&site.to_owned()]).expect("folders");
        let paths: Vec<&str> = parents.iter().map(|folder| folder.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "/usr",
                "/usr/lib",
                "/usr/lib/python3.11",
                "/usr/lib/python3.11/site-packages"
            ]
        );

        symlink("a", root.host(&site.join("c"))).expect("a link");
        let why = real(root, site).expect_err("a link to a folder");
        assert!(why.contains("site-packages/c is a link"), "{why}");
    }

    #[test]
    fn a_folder_of_packages_may_be_absent() {
        let image = Image::new().file("/opt/lib/python3.11/os.py", "");
        let root = &image.root;
        symlink("/opt", root.host(Path::new("/venv"))).expect("a link");
        symlink("nowhere", root.host(Path::new("/opt/lib/site-packages"))).expect("a link");
        let absent = real(root, Path::new("/venv/lib/python3.11/a/b")).expect("a folder");
        assert_eq!(absent, Path::new("/opt/lib/python3.11/a/b"));
        let parents = parents(root, [&absent]).expect("folders");
        let made = &parents[parents.len() - 2..];
        for folder in made {
            assert_eq!((folder.mode, folder.uid, folder.gid), (0o755, 0, 0));
        }
        for no_folder in [
            "/opt/lib/site-packages",
            "/opt/lib/site-packages/a",
            "/opt/lib/python3.11/os.py/a",
            "/opt/a/../b",
        ] {
            let why = real(root, Path::new(no_folder)).expect_err(no_folder);
            assert!(why.contains("is no folder"), "{why}");
        }
    }

    #[test]
    fn versions_of_c_libraries() {
        assert_eq!(glibc("glibc 2.36"), Some(Libc::Glibc(2, 36)));
        for none in ["", "musl 1.2", "glibc x"] {
            assert_eq!(glibc(none), None, "{none}");
        }
    }
}
