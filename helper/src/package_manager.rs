//! The package managers that can bring curl.
//!
//! One table: how each is recognised, what it is told, and where it leaves what is of no use in an image. Takes a root; gives
//! the row that fits. Knows nothing of running them.

use std::path::{Path, PathBuf};

use crate::root::Root;
use crate::search;

/// How a package manager is driven.
#[derive(Debug)]
pub struct Manager {
    /// As it is called in options and reports.
    pub name: &'static str,
    /// The program that does the work.
    pub program: &'static str,
    /// Its database: an image that has the program without it cannot install.
    pub databases: &'static [&'static str],
    /// Options of every call, before what is asked.
    pub options: &'static [&'static str],
    /// Fetches the lists of packages, where that is a step of its own.
    pub refresh: &'static [&'static str],
    /// Installs; names of packages follow.
    pub install: &'static [&'static str],
    /// How it works with archives that were fetched before, where it can.
    pub fetching: Option<Fetching>,
    /// The packages of curl: what is tried if installing the one before failed.
    pub curl: &'static [&'static [&'static str]],
    /// The packages that bring certificates, if the image has none and curl's package does not.
    pub certificates: &'static [&'static str],
    /// Lets the manager forget what it keeps for itself.
    pub clean: &'static [&'static str],
    /// Variables that it is given besides the usual ones.
    pub environment: &'static [(&'static str, &'static str)],
    /// What installing leaves behind, put back to what it was before.
    pub traces: &'static [&'static str],
}

/// How a package manager fetches archives in one step and installs them in another.
#[derive(Debug)]
pub struct Fetching {
    /// Fetches packages, and those that they need; names follow.
    pub fetch: &'static [&'static str],
    /// Where the archives are then, below [`SCRATCH`].
    pub archives: &'static str,
    /// How the name of an archive ends.
    pub suffix: &'static str,
    /// The program that notes, and what it is told to note, which packages nobody asked for; their names follow.
    pub unasked: (&'static str, &'static [&'static str]),
}

/// In the options of a manager, the folder that the step takes away again.
pub const SCRATCH: &str = "{scratch}";

/// What every manager may leave behind.
pub const COMMON_TRACES: &[&str] = &[
    "/tmp",
    "/var/tmp",
    "/root/.cache",
    "/var/cache/ldconfig/aux-cache",
];

/// Every manager; the first that fits is used.
pub const MANAGERS: &[Manager] = &[APT, APK, DNF, MICRODNF, TDNF, YUM, ZYPPER, PACMAN];

/// The manager of an image: program and database; else one whose program is there.
pub fn detect(root: &Root, path: &[PathBuf]) -> Option<&'static Manager> {
    let directories = with_default(path);
    let present: Vec<&Manager> = MANAGERS
        .iter()
        .filter(|manager| search::program(root, &directories, manager.program).is_some())
        .collect();
    let keeps_books = |manager: &&&Manager| {
        manager
            .databases
            .iter()
            .any(|path| !root.is_absent(Path::new(path)))
    };
    present
        .iter()
        .find(keeps_books)
        .or(present.first())
        .copied()
}

/// Whether the manager of this name can fetch in one step and install in another.
pub fn can_fetch(name: &str) -> bool {
    let fits = |manager: &&Manager| manager.name == name && manager.fetching.is_some();
    MANAGERS.iter().any(|manager| fits(&manager))
}

/// The usual directories, then those of the image: what a package manager and its scripts expect.
pub fn with_default(path: &[PathBuf]) -> Vec<PathBuf> {
    let mut directories = search::directories(search::DEFAULT_PATH, Path::new("/"));
    for directory in path {
        if !directories.contains(directory) {
            directories.push(directory.clone());
        }
    }
    directories
}

/// Lists, archives and logs go to the scratch folder, so that nothing of the image's own is touched. The download user
/// stays root: `_apt` cannot be become in a rootless daemon.
const APT: Manager = Manager {
    name: "apt",
    program: "apt-get",
    databases: &["/var/lib/dpkg/status"],
    options: &[
        "-y",
        "-q",
        "-oDir::State::lists={scratch}/lists",
        "-oDir::Cache={scratch}/cache",
        "-oDir::Log={scratch}/log",
        "-oAPT::Sandbox::User=root",
        "-oAPT::Install-Suggests=false",
        "-oAcquire::Retries=3",
        "-oAcquire::Languages=none",
        "-oDpkg::Use-Pty=0",
        "-oDPkg::Options::=--force-confdef",
        "-oDPkg::Options::=--force-confold",
        // A layer is whole or it is not there: nothing has to reach the disk before the step ends.
        "-oDPkg::Options::=--force-unsafe-io",
        "-oDPkg::Options::=--log={scratch}/log/dpkg.log",
    ],
    refresh: &["update"],
    install: &["install", "--no-install-recommends", "--no-upgrade"],
    fetching: Some(Fetching {
        fetch: &["install", "--no-install-recommends", "--download-only"],
        archives: "cache/archives",
        suffix: ".deb",
        unasked: ("apt-mark", &["auto"]),
    }),
    curl: &[&["curl"]],
    certificates: &["ca-certificates"],
    clean: &[],
    environment: &[
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
        ("APT_LISTCHANGES_FRONTEND", "none"),
        ("NEEDRESTART_SUSPEND", "1"),
    ],
    traces: &[
        "/var/lib/apt/lists",
        "/var/lib/apt/periodic",
        "/var/cache/apt",
        "/var/cache/debconf/config.dat-old",
        "/var/cache/debconf/passwords.dat-old",
        "/var/cache/debconf/templates.dat-old",
        "/var/lib/dpkg/status-old",
        "/var/lib/dpkg/diversions-old",
        "/var/lib/dpkg/statoverride-old",
        "/var/lib/dpkg/lock",
        "/var/lib/dpkg/lock-frontend",
        "/var/lib/dpkg/triggers/Lock",
        "/var/log/apt",
        "/var/log/dpkg.log",
        "/var/log/alternatives.log",
    ],
};

/// `--no-cache` reads the lists without keeping them.
const APK: Manager = Manager {
    name: "apk",
    program: "apk",
    databases: &["/lib/apk/db/installed", "/usr/lib/apk/db/installed"],
    options: &["--no-cache", "--no-progress"],
    refresh: &[],
    install: &["add"],
    fetching: None,
    curl: &[&["curl"]],
    certificates: &["ca-certificates"],
    clean: &[],
    environment: &[],
    traces: &[
        "/var/cache/apk",
        "/var/log/apk.log",
        "/lib/apk/db/lock",
        "/usr/lib/apk/db/lock",
    ],
};

/// Where `libcurl-minimal` is installed, `curl` conflicts with it and `curl-minimal` is the one that fits.
const RPM_CURL: &[&[&str]] = &[&["curl"], &["curl-minimal"]];
const RPM_DATABASES: &[&str] = &["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];

const DNF: Manager = Manager {
    name: "dnf",
    program: "dnf",
    databases: RPM_DATABASES,
    options: &[
        "-y",
        "--setopt=install_weak_deps=False",
        "--setopt=tsflags=nodocs",
        "--setopt=retries=3",
    ],
    refresh: &[],
    install: &["install"],
    fetching: None,
    curl: RPM_CURL,
    certificates: &["ca-certificates"],
    clean: &["clean", "all"],
    environment: &[],
    traces: &[
        "/var/cache/dnf",
        "/var/cache/libdnf5",
        "/var/cache/yum",
        "/var/log/dnf.log",
        "/var/log/dnf.librepo.log",
        "/var/log/dnf.rpm.log",
        "/var/log/dnf5.log",
        "/var/log/hawkey.log",
        "/root/.local/state",
    ],
};

const MICRODNF: Manager = Manager {
    name: "microdnf",
    program: "microdnf",
    databases: RPM_DATABASES,
    options: &[
        "-y",
        "--setopt=install_weak_deps=0",
        "--setopt=tsflags=nodocs",
    ],
    refresh: &[],
    install: &["install"],
    fetching: None,
    curl: RPM_CURL,
    certificates: &["ca-certificates"],
    clean: &["clean", "all"],
    environment: &[],
    traces: &[
        "/var/cache/dnf",
        "/var/cache/yum",
        "/var/cache/libdnf5",
        "/var/log/hawkey.log",
        "/var/log/microdnf.log",
    ],
};

const TDNF: Manager = Manager {
    name: "tdnf",
    program: "tdnf",
    databases: RPM_DATABASES,
    options: &["-y"],
    refresh: &[],
    install: &["install"],
    fetching: None,
    curl: RPM_CURL,
    certificates: &["ca-certificates"],
    clean: &["clean", "all"],
    environment: &[],
    traces: &["/var/cache/tdnf", "/var/log/tdnf.log"],
};

const YUM: Manager = Manager {
    name: "yum",
    program: "yum",
    databases: RPM_DATABASES,
    options: &["-y", "--setopt=tsflags=nodocs", "--setopt=retries=3"],
    refresh: &[],
    install: &["install"],
    fetching: None,
    curl: RPM_CURL,
    certificates: &["ca-certificates"],
    clean: &["clean", "all"],
    environment: &[],
    traces: &[
        "/var/cache/yum",
        "/var/cache/dnf",
        "/var/log/yum.log",
        "/var/log/dnf.log",
        "/var/log/hawkey.log",
    ],
};

const ZYPPER: Manager = Manager {
    name: "zypper",
    program: "zypper",
    databases: RPM_DATABASES,
    options: &["--non-interactive"],
    refresh: &["refresh"],
    install: &["install", "--no-recommends"],
    fetching: None,
    curl: &[&["curl"]],
    certificates: &["ca-certificates-mozilla"],
    clean: &["clean", "--all"],
    environment: &[],
    traces: &[
        "/var/cache/zypp",
        "/var/log/zypper.log",
        "/var/log/zypp",
        "/var/lib/zypp/AnonymousUniqueId",
    ],
};

/// The lists are fetched with the package: a package without them is not found, and with old ones no longer there.
const PACMAN: Manager = Manager {
    name: "pacman",
    program: "pacman",
    databases: &["/var/lib/pacman/local"],
    options: &[
        "--noconfirm",
        "--noprogressbar",
        "--cachedir={scratch}/cache",
        "--logfile={scratch}/pacman.log",
    ],
    refresh: &[],
    install: &["-Sy", "--needed"],
    fetching: None,
    curl: &[&["curl"]],
    certificates: &["ca-certificates"],
    clean: &[],
    environment: &[],
    traces: &[
        "/var/lib/pacman/sync",
        "/var/cache/pacman/pkg",
        "/var/log/pacman.log",
    ],
};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_manager_that_keeps_books_is_used() {
        let cases: &[(&[&str], &[&str], Option<&str>)] = &[
            (&[], &["/var/lib/dpkg/status"], None),
            (
                &["/usr/bin/apt-get"],
                &["/var/lib/dpkg/status"],
                Some("apt"),
            ),
            (&["/sbin/apk"], &["/lib/apk/db/installed"], Some("apk")),
            (
                &["/usr/bin/apt-get", "/usr/bin/dnf"],
                &["/var/lib/rpm/rpmdb.sqlite"],
                Some("dnf"),
            ),
            (
                &["/usr/bin/microdnf"],
                &["/usr/lib/sysimage/rpm/rpmdb.sqlite"],
                Some("microdnf"),
            ),
            (
                &["/usr/bin/yum", "/usr/bin/dnf"],
                &["/var/lib/rpm/Packages"],
                Some("dnf"),
            ),
            (&["/opt/odd/zypper"], &[], Some("zypper")),
            (
                &["/usr/bin/pacman"],
                &["/var/lib/pacman/local/x"],
                Some("pacman"),
            ),
        ];
        for (programs, files, expected) in cases {
            let folder = tempfile::tempdir().expect("a scratch folder");
            for path in programs.iter().chain(*files) {
                let path = folder.path().join(path.trim_start_matches('/'));
                fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
                fs::write(&path, "x").expect("a file");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
            }
            let found = detect(&Root::new(folder.path()), &[PathBuf::from("/opt/odd")]);
            assert_eq!(
                found.map(|manager| manager.name),
                *expected,
                "{programs:?} {files:?}"
            );
        }
    }
}
