//! Commands that install packages.
//!
//! Takes the words of a command; gives what it installs, and how, if it is a package manager's that is known here.

use super::shell::{self, Command};

/// One command that installs packages for Python.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Install {
    /// Who installs.
    pub(super) tool: Tool,
    /// The program as written, `/opt/venv/bin/pip`.
    pub(super) program: String,
    /// Requirements as they are written.
    pub(super) requirements: Vec<String>,
    /// Files of requirements.
    pub(super) files: Vec<String>,
    /// Whether a file of constraints says the versions.
    pub(super) has_constraints: bool,
    /// Whether nothing is kept in the installer's cache.
    pub(super) is_uncached: bool,
    /// `--user`
    pub(super) is_user: bool,
    /// The folder that the packages go to, if one is named: `--target`, `--prefix`, `--root`.
    pub(super) folder: Option<String>,
}

/// Who installs packages for Python.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tool {
    /// pip, and uv where it does as pip does.
    #[default]
    Pip,
    /// conda and its kin.
    Conda,
    /// What installs what a project's own files say: `uv sync`, poetry.
    Project,
}

/// Options of pip, uv and conda that are followed by a value of no interest here.
const WITH_VALUE: [&str; 46] = [
    "--abi",
    "--cache-dir",
    "--cert",
    "--channel",
    "--client-cert",
    "--config-settings",
    "--default-index",
    "--exclude-newer",
    "--exists-action",
    "--extra-index-url",
    "--file",
    "--find-links",
    "--global-option",
    "--implementation",
    "--index",
    "--index-strategy",
    "--index-url",
    "--keyring-provider",
    "--link-mode",
    "--log",
    "--name",
    "--no-binary",
    "--no-binary-package",
    "--no-build-isolation-package",
    "--only-binary",
    "--platform",
    "--prerelease",
    "--progress-bar",
    "--proxy",
    "--python",
    "--python-version",
    "--refresh-package",
    "--reinstall-package",
    "--report",
    "--resolution",
    "--retries",
    "--src",
    "--timeout",
    "--torch-backend",
    "--trusted-host",
    "--upgrade-package",
    "--upgrade-strategy",
    "--use-feature",
    "-C",
    "-i",
    "-p",
];

/// Tools that install others, of which everybody wants the newest, and fal, whose pages name it without a version.
const NEWEST: [&str; 5] = ["fal", "pip", "setuptools", "uv", "wheel"];

/// What a command installs, if it is one that does.
pub(super) fn of(command: &Command) -> Option<Install> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let (program, arguments) = words.split_first()?;
    let name = shell::name(program);
    let (tool, arguments) = match (name, arguments) {
        ("uv", ["pip", "install", rest @ ..]) => (Tool::Pip, rest),
        ("uv", ["sync", rest @ ..])
        | ("poetry" | "pdm", ["install", rest @ ..])
        | ("pipenv", ["install" | "sync", rest @ ..]) => (Tool::Project, rest),
        ("conda" | "mamba" | "micromamba", ["install" | "create", rest @ ..]) => {
            (Tool::Conda, rest)
        }
        (name, ["-m", "pip", "install", rest @ ..]) if is_named(name, "python") => {
            (Tool::Pip, rest)
        }
        (name, ["install", rest @ ..]) if is_named(name, "pip") => (Tool::Pip, rest),
        _ => return None,
    };
    let mut install = Install {
        tool,
        program: (*program).to_owned(),
        ..Install::default()
    };
    install.read(arguments);
    Some(install)
}

/// `pip`, `pip3`, `pip3.11`
fn is_named(name: &str, wanted: &str) -> bool {
    name.strip_prefix(wanted)
        .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

impl Install {
    fn read(&mut self, arguments: &[&str]) {
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let (flag, value) = match argument.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag, Some(value)),
                _ => (*argument, None),
            };
            let mut value = || {
                value
                    .or_else(|| arguments.next().copied())
                    .unwrap_or_default()
            };
            let is_conda = self.tool == Tool::Conda;
            match flag {
                "-r" | "--requirement" | "--requirements" => self.files.push(value().to_owned()),
                "-c" if is_conda => drop(value()),
                "-f" | "--file" if is_conda => self.files.push(value().to_owned()),
                "-n" if is_conda => drop(value()),
                "-f" => drop(value()),
                "-c" | "--constraint" | "--constraints" | "--override" | "--overrides" => {
                    value();
                    self.has_constraints = true;
                }
                "-e" | "--editable" => self.requirements.push(value().to_owned()),
                "-t" | "--target" | "--prefix" | "--root" => self.folder = Some(value().to_owned()),
                "--no-cache-dir" | "--no-cache" => self.is_uncached = true,
                "--user" => self.is_user = true,
                flag if WITH_VALUE.contains(&flag) => drop(value()),
                flag if flag.starts_with('-') => {}
                _ => self.requirements.push((*argument).to_owned()),
            }
        }
    }

    /// The requirements whose version is left to the day of the build.
    pub(super) fn unpinned(&self) -> impl Iterator<Item = &str> {
        let says_versions = self.has_constraints || self.tool == Tool::Project;
        let requirements = self.requirements.iter().map(String::as_str);
        requirements.filter(move |requirement| !says_versions && !self.is_pinned(requirement))
    }

    fn is_pinned(&self, requirement: &str) -> bool {
        if self.tool == Tool::Conda {
            return requirement.contains('=') || requirement.contains('$');
        }
        match source(requirement) {
            Source::Git(reference) => reference.is_some_and(is_fixed),
            Source::Elsewhere => true,
            Source::Index(name) => {
                requirement.contains("==") || NEWEST.contains(&name.to_ascii_lowercase().as_str())
            }
        }
    }

    /// The version to which a package of an index is pinned here: `None` if the package is not named, an empty one if it is and has
    /// none.
    pub(super) fn version_of(&self, package: &str) -> Option<&str> {
        self.requirements.iter().find_map(|requirement| {
            let Source::Index(name) = source(requirement) else {
                return None;
            };
            let version = requirement.split_once("==").map_or("", |(_, version)| {
                version.split([';', ',', ' ']).next().unwrap_or_default()
            });
            name.eq_ignore_ascii_case(package).then_some(version)
        })
    }

    /// Whether all that it installs is in the folders of the build itself: `pip install .`
    pub(super) fn is_local(&self) -> bool {
        self.files.is_empty()
            && !self.requirements.is_empty()
            && self.requirements.iter().all(|it| is_path(it))
    }

    /// The virtual environment whose program it is: `/opt/venv` of `/opt/venv/bin/pip`.
    pub(super) fn environment(&self) -> Option<&str> {
        let (folder, _) = self.program.rsplit_once("/bin/")?;
        let is_system = matches!(folder, "" | "/usr" | "/usr/local");
        (!is_system).then_some(folder)
    }
}

/// Where a requirement comes from.
enum Source<'a> {
    /// A package index, by this name.
    Index(&'a str),
    /// A repository, at what stands after the `@`.
    Git(Option<&'a str>),
    /// A file, a folder, an address, or a variable.
    Elsewhere,
}

fn source(requirement: &str) -> Source<'_> {
    if let Some((_, repository)) = requirement.split_once("git+") {
        let address = repository.split(['#', ' ']).next().unwrap_or_default();
        let path = address.split_once("://").map_or(address, |(_, rest)| rest);
        // The `@` of a user stands before the first slash.
        let path = path.split_once('/').map_or("", |(_, path)| path);
        return Source::Git(path.rsplit_once('@').map(|(_, reference)| reference));
    }
    if requirement.contains("://") || requirement.contains('$') || is_path(requirement) {
        return Source::Elsewhere;
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = requirement.find(|c| !is_name(c));
    Source::Index(&requirement[..end.unwrap_or(requirement.len())])
}

fn is_path(requirement: &str) -> bool {
    let path = requirement.split('[').next().unwrap_or_default();
    let is_archive = [".whl", ".zip", ".gz"]
        .iter()
        .any(|end| path.ends_with(end));
    path.starts_with(['.', '/', '~']) || path.contains('/') || is_archive
}

/// Whether the reference is a commit, or looks like the tag of a version.
fn is_fixed(reference: &str) -> bool {
    let is_commit = reference.len() >= 7 && reference.bytes().all(|b| b.is_ascii_hexdigit());
    let version = reference.strip_prefix('v').unwrap_or(reference);
    let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && version.contains('.');
    is_commit || is_version || reference.contains('$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(line: &str) -> Option<Install> {
        super::of(shell::commands(line).first()?)
    }

    #[test]
    fn what_has_no_version_is_unpinned() {
        for (line, expected) in [
            ("pip install a b==1 c>=2 'd~=1.0' e[f]", "a c d~=1.0 e[f]"),
            ("pip3.11 install -U pip setuptools wheel uv", ""),
            ("python3 -m pip install --index-url x a", "a"),
            ("pip install --index-url=x -r f a==1", ""),
            ("pip install -c c.txt a", ""),
            ("pip install . .[x] ./y /z w.whl $A https://x/y.zip", ""),
            ("pip install 'a @ https://x/y.whl'", ""),
            (
                "pip install git+https://u@x/y z@git+https://x/y@main",
                "git+https://u@x/y z@git+https://x/y@main",
            ),
            (
                "pip install git+https://x/y@v1.2 git+https://x/y@0123abc#egg=z",
                "",
            ),
            ("uv pip install --system a", "a"),
            ("uv sync", ""),
            ("conda install -y -c pytorch -n e a b=1", "a"),
            ("/opt/venv/bin/pip install a", "a"),
        ] {
            let found = install(line).expect(line);
            assert_eq!(
                found.unpinned().collect::<Vec<_>>().join(" "),
                expected,
                "{line}"
            );
        }
        for line in [
            "pip download a",
            "apt-get install a",
            "pipx install a",
            "uv add a",
            "",
        ] {
            assert_eq!(install(line), None, "{line}");
        }
    }

    #[test]
    fn a_command_says_where_it_installs() {
        let found =
            install("/opt/venv/bin/pip install --user --no-cache-dir -t /x Pydantic==2.1 .")
                .expect("one");
        assert_eq!(found.environment(), Some("/opt/venv"));
        assert_eq!(found.folder.as_deref(), Some("/x"));
        assert!(found.is_user && found.is_uncached && !found.is_local());
        assert_eq!(found.version_of("pydantic"), Some("2.1"));
        assert_eq!(found.version_of("boto3"), None);
        assert_eq!(
            install("/usr/bin/pip install .")
                .expect("one")
                .environment(),
            None
        );
    }
}
