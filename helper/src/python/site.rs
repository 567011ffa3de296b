//! The directories in which a Python finds what is installed.
//!
//! Takes an [`Interpreter`]; gives the site directories in the order of `sys.path`. The rule is `getsitepackages` of
//! `Lib/site.py`; Debian adds its `dist-packages` there and Fedora `/usr/local`, which is read off the `site.py` at hand.

use std::path::{Path, PathBuf};

use crate::python::Minor;
use crate::python::interpreter::{Interpreter, Kind};
use crate::root::Root;

const SITE_LIMIT: u64 = 1024 * 1024;
const PASSWD_LIMIT: u64 = 1024 * 1024;

/// The global site directories that exist.
pub fn directories(root: &Root, python: &Interpreter) -> Vec<PathBuf> {
    existing(root, possible(root, python))
}

/// The same with those that would be searched if they existed.
pub fn possible(root: &Root, python: &Interpreter) -> Vec<PathBuf> {
    let flavour = Flavour::read(root, python);
    let mut candidates = Vec::new();
    if python.kind == Kind::Venv {
        of_prefix(
            &mut candidates,
            &python.prefix,
            python.minor,
            &flavour,
            true,
        );
    }
    if python.kind != Kind::Venv || python.sees_base {
        if flavour.fedora && python.base_prefix == Path::new("/usr") {
            of_prefix(
                &mut candidates,
                Path::new("/usr/local"),
                python.minor,
                &flavour,
                python.sees_base,
            );
        }
        of_prefix(
            &mut candidates,
            &python.base_prefix,
            python.minor,
            &flavour,
            python.sees_base,
        );
    }
    candidates
}

/// The directories that come before those: of PYTHONPATH, and the user's own.
///
/// fal's process sees them, an installation into the global directories does not change them.
pub fn overriding(
    root: &Root,
    python: &Interpreter,
    python_path: Option<&str>,
    home: Option<&Path>,
    working_dir: &Path,
) -> Vec<PathBuf> {
    let mut candidates = match python_path {
        // An empty PYTHONPATH is no PYTHONPATH; an empty entry is the working directory.
        Some(path) if !path.is_empty() => crate::search::directories(path, working_dir),
        _ => Vec::new(),
    };
    if python.kind != Kind::Venv || python.sees_base {
        candidates.extend(
            home.map(|home| home.join(format!(".local/lib/python{}/site-packages", python.minor))),
        );
    }
    existing(root, candidates)
}

/// The home directory of the image's user, from its `/etc/passwd`.
pub fn home_of(root: &Root, user: &str) -> Option<PathBuf> {
    let user = user.split_once(':').map_or(user, |(user, _group)| user);
    let user = if user.is_empty() { "0" } else { user };
    let passwd = root
        .read_text(Path::new("/etc/passwd"), PASSWD_LIMIT)
        .unwrap_or_default();
    let home = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        let home = fields.nth(2)?;
        (name == user || id == user).then(|| PathBuf::from(home))
    });
    home.filter(|home| home.is_absolute()).or_else(|| {
        ["0", "root"]
            .contains(&user)
            .then(|| PathBuf::from("/root"))
    })
}

/// How the distribution changed `site.py`.
struct Flavour {
    debian: bool,
    fedora: bool,
    /// `sys.platlibdir`
    lib: &'static str,
}

impl Flavour {
    fn read(root: &Root, python: &Interpreter) -> Self {
        let site = root
            .read_start(&python.stdlib.join("site.py"), SITE_LIMIT)
            .unwrap_or_default();
        let in_lib64 = python
            .stdlib
            .parent()
            .is_some_and(|parent| parent.ends_with("lib64"));
        Self {
            debian: contains(&site, b"dist-packages"),
            fedora: contains(&site, b"RPM_BUILD_ROOT"),
            lib: if in_lib64 { "lib64" } else { "lib" },
        }
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn of_prefix(
    to: &mut Vec<PathBuf>,
    prefix: &Path,
    minor: Minor,
    flavour: &Flavour,
    in_environment: bool,
) {
    let versioned = format!("python{minor}");
    if !flavour.debian {
        let libraries: &[&str] = if flavour.lib == "lib" {
            &["lib"]
        } else {
            &["lib64", "lib"]
        };
        to.extend(
            libraries
                .iter()
                .map(|library| prefix.join(library).join(&versioned).join("site-packages")),
        );
        return;
    }
    if in_environment {
        to.push(prefix.join("lib").join(&versioned).join("site-packages"));
    }
    to.push(
        prefix
            .join("local/lib")
            .join(&versioned)
            .join("dist-packages"),
    );
    to.push(prefix.join("lib/python3/dist-packages"));
    to.push(prefix.join("lib").join(&versioned).join("dist-packages"));
    if prefix != Path::new("/usr") {
        // Debian's Python outside of /usr was moved there by somebody, who had to give it this one back.
        to.push(prefix.join("lib").join(&versioned).join("site-packages"));
    }
}

/// Those that are directories, each once, by the name that comes first.
fn existing(root: &Root, candidates: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut real: Vec<PathBuf> = Vec::new();
    let mut found = Vec::new();
    for candidate in candidates {
        if let Ok(resolved) = root.resolve(&candidate)
            && resolved.metadata.is_dir()
            && !real.contains(&resolved.path)
        {
            real.push(resolved.path);
            found.push(candidate);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::find::tests::Image;
    use crate::python::interpreter::inspect;

    fn site(image: &Image, command: &str) -> Vec<String> {
        let python = inspect(&image.root, Path::new(command), Path::new("/")).expect("a Python");
        directories(&image.root, &python)
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn plain() {
        let image = Image::new()
            .python("/usr/local", "3.11")
            .file("/usr/local/lib/python3.11/site-packages/x", "")
            .file("/usr/lib/python3/dist-packages/x", "");
        assert_eq!(
            site(&image, "/usr/local/bin/python3.11"),
            ["/usr/local/lib/python3.11/site-packages"]
        );
    }

    #[test]
    fn debian() {
        let image = Image::new()
            .python("/usr", "3.11")
            .file("/usr/lib/python3.11/site.py", "# dist-packages")
            .file("/usr/lib/python3.11/site-packages/x", "")
            .file("/usr/lib/python3.11/dist-packages/x", "")
            .file("/usr/lib/python3/dist-packages/x", "")
            .file("/usr/local/lib/python3.11/dist-packages/x", "");
        let image = image.venv("/venv", "/usr/bin", "3.11", "/usr/bin/python3.11");
        assert_eq!(
            site(&image, "/usr/bin/python3.11"),
            [
                "/usr/local/lib/python3.11/dist-packages",
                "/usr/lib/python3/dist-packages",
                "/usr/lib/python3.11/dist-packages"
            ]
        );
        assert_eq!(
            site(&image, "/venv/bin/python"),
            ["/venv/lib/python3.11/site-packages"]
        );
        let image = image.file(
            "/venv/pyvenv.cfg",
            "home = /usr/bin\ninclude-system-site-packages = true\n",
        );
        assert_eq!(
            site(&image, "/venv/bin/python"),
            [
                "/venv/lib/python3.11/site-packages",
                "/usr/lib/python3.11/site-packages",
                "/usr/local/lib/python3.11/dist-packages",
                "/usr/lib/python3/dist-packages",
                "/usr/lib/python3.11/dist-packages",
            ]
        );
    }

    #[test]
    fn fedora() {
        let image = Image::new()
            .program("/usr/bin/python3.9", "\x7fELF")
            .file("/usr/lib64/python3.9/os.py", "")
            .file(
                "/usr/lib64/python3.9/site.py",
                "if 'RPM_BUILD_ROOT' not in os.environ:",
            )
            .file("/usr/lib64/python3.9/site-packages/x", "")
            .file("/usr/lib/python3.9/site-packages/x", "")
            .file("/usr/local/lib/python3.9/site-packages/x", "");
        assert_eq!(
            site(&image, "/usr/bin/python3.9"),
            [
                "/usr/local/lib/python3.9/site-packages",
                "/usr/lib64/python3.9/site-packages",
                "/usr/lib/python3.9/site-packages",
            ]
        );
    }

    #[test]
    fn what_comes_before() {
        let image = Image::new()
            .python("/usr/local", "3.11")
            .file(
                "/etc/passwd",
                "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n",
            )
            .file("/home/app/.local/lib/python3.11/site-packages/x", "")
            .file("/srv/lib/x", "");
        let python = inspect(
            &image.root,
            Path::new("/usr/local/bin/python3.11"),
            Path::new("/"),
        )
        .expect("a Python");
        for (user, python_path, expected) in [
            (
                "app",
                None,
                vec!["/home/app/.local/lib/python3.11/site-packages"],
            ),
            (
                "1000:1000",
                Some(""),
                vec!["/home/app/.local/lib/python3.11/site-packages"],
            ),
            ("", Some("/none:lib"), vec!["/srv/lib"]),
            ("", Some("/srv/lib:"), vec!["/srv/lib", "/srv/"]),
        ] {
            let home = home_of(&image.root, user);
            let found = overriding(
                &image.root,
                &python,
                python_path,
                home.as_deref(),
                Path::new("/srv"),
            );
            let found: Vec<String> = found
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            assert_eq!(found, expected, "{user} {python_path:?}");
        }
    }
}
