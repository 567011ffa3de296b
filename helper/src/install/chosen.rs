//! What would be installed, and the files that there are of it → one source for each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::planned::{Plan, Planned};
use super::private;
use crate::lock::pylock::{self, NoWheel, Pylock};
use crate::lock::tags::Tags;
use crate::lock::{Git, Package, Source};

/// What has to be known of what comes from elsewhere than an index.
pub(super) struct Origins<'a> {
    /// Where the files of the context are.
    pub(super) context: &'a Path,
    /// The commits of repositories, by what was written.
    pub(super) commits: &'a BTreeMap<String, String>,
}

impl Origins<'_> {
    /// What somebody asked for who wrote a repository. A file may name a branch; everything else names a commit by now.
    fn requested(&self, git: &Git) -> Option<String> {
        let behind = |(written, commit): (&String, &String)| {
            let behind = written.strip_prefix("git+")?.strip_prefix(&git.url)?;
            let is_this = behind.is_empty() || behind.starts_with('@');
            (is_this && *commit == git.commit).then(|| behind.trim_start_matches('@').to_owned())
        };
        let mut written = self.commits.iter().filter_map(behind);
        let requested = written.next().unwrap_or_else(|| git.commit.clone());
        Some(requested).filter(|it| !it.is_empty())
    }

    /// `file://PATH` of a project of the context.
    fn directory(&self, url: &str) -> Result<Source, String> {
        let path = pylock::decoded(url.strip_prefix(FOLDER).unwrap_or(url));
        let path = Path::new(&path);
        let below = path.strip_prefix(self.context).ok();
        let below = below.and_then(Path::to_str).filter(|_| path.is_dir());
        let below =
            below.ok_or_else(|| format!("{} is no project of the context", path.display()))?;
        Ok(Source::Directory(below.to_owned()))
    }
}

/// What the URLs of folders begin with.
const FOLDER: &str = "file://";

pub(super) fn is_folder(url: &str) -> bool {
    url.starts_with(FOLDER)
}

/// One source for each, and none that a sum is wrong of.
pub(super) fn chosen(
    files: &Pylock,
    plan: &Plan,
    tags: &Tags,
    allowed: &Option<BTreeSet<String>>,
    origins: &Origins<'_>,
) -> Result<Vec<Package>, String> {
    let mut files = files.clone();
    private::open(&mut files);
    if let Some(allowed) = allowed {
        let is_right = |file: &pylock::File| {
            let sum = file.hashes.get("sha256");
            sum.is_some_and(|sum| allowed.contains(sum))
        };
        for entry in &mut files.packages {
            entry.wheels.retain(is_right);
            entry.sdist = entry.sdist.take().filter(is_right);
            entry.archive = entry.archive.take().filter(is_right);
        }
    }
    let by_name = files.by_name();
    let choose = |(name, planned): (&String, &Planned)| {
        if let Some(url) = planned.url.as_deref().filter(|url| is_folder(url)) {
            return Ok(Package {
                name: name.clone(),
                version: String::new(),
                requested: false,
                source: origins.directory(url)?,
            });
        }
        let entries = by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        let version = planned.version.as_ref();
        let version = version.or_else(|| entries.first()?.version.as_ref());
        let version = version.ok_or_else(|| format!("{name} has no version"))?;
        let mut package =
            pylock::choose(entries, name, version, tags).map_err(|why| match why {
                NoWheel::Absent => format!("{name} {version} is in no index"),
                NoWheel::NoneFits => format!("{name} {version} has nothing for this Python"),
                NoWheel::NoUrl(file) => format!("{file} cannot be fetched without its index"),
                NoWheel::NoHash(file) => format!("{file} has no SHA-256"),
            })?;
        if let Source::Git(git) = &mut package.source {
            git.requested = origins.requested(git);
        }
        Ok(package)
    };
    plan.iter().map(choose).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_project_is_one_of_the_context_and_a_repository_says_what_was_asked_for() {
        let context = tempfile::tempdir().expect("a scratch folder");
        fs::create_dir(context.path().join("a b")).expect("a folder");
        let written = |at: &str| (format!("git+https://h/r{at}"), "c".repeat(40));
        for (commits, requested) in [
            (vec![], Some("c".repeat(40))),
            (vec![written("@main")], Some("main".to_owned())),
            (vec![written("")], None),
            (vec![written(".git@main")], Some("c".repeat(40))),
        ] {
            let commits = commits.into_iter().collect();
            let origins = Origins {
                context: context.path(),
                commits: &commits,
            };
            let git = Git {
                url: "https://h/r".to_owned(),
                commit: "c".repeat(40),
                requested: None,
                subdirectory: String::new(),
            };
            assert_eq!(origins.requested(&git), requested, "{commits:?}");
            let shown = context.path().display();
            let folder = |name: &str| origins.directory(&format!("file://{shown}{name}"));
            assert_eq!(folder("/a%20b"), Ok(Source::Directory("a b".to_owned())));
            assert_eq!(folder(""), Ok(Source::Directory(String::new())));
            assert!(folder("/none").is_err() && origins.directory("file:///").is_err());
        }
    }

    #[test]
    fn only_wheels_with_a_sum_that_is_named_are_chosen() {
        let file = |python: &str, sum: char| {
            format!(
                "{{ url = \"https://h/a-1-{python}-none-any.whl\", hashes = {{ sha256 = \"{}\" }} }}",
                sum.to_string().repeat(64)
            )
        };
        let text = format!(
            "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\nwheels = [{}, {}]\n",
            file("py311", 'a'),
            file("py3", 'b')
        );
        let files = Pylock::parse(&text).expect("a lock");
        let tags = Tags::of(&crate::lock::tags::Interpreter {
            minor: 11,
            abi: "cp311".to_owned(),
            machine: "x86_64".to_owned(),
            libc: crate::lock::tags::Libc::Glibc(2, 36),
        });
        let planned = Planned {
            version: Some("1".to_owned()),
            url: None,
        };
        let plan = BTreeMap::from([("a".to_owned(), planned)]);
        let origins = Origins {
            context: Path::new("/none"),
            commits: &BTreeMap::new(),
        };
        let sum = |allowed: Option<&[char]>| {
            let allowed =
                allowed.map(|it| it.iter().map(|sum| sum.to_string().repeat(64)).collect());
            let packages = chosen(&files, &plan, &tags, &allowed, &origins)?;
            let wheel = packages[0].wheel().expect("a wheel");
            Ok::<_, String>(wheel.sha256.chars().next())
        };
        assert_eq!(sum(None), Ok(Some('a')));
        assert_eq!(sum(Some(&['b'])), Ok(Some('b')));
        let why = sum(Some(&[])).expect_err("no sum");
        assert!(why.contains("a 1"), "{why}");
    }
}
