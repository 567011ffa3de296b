//! A lock as text, and back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::file_name::FileName;
use super::pylock::{self, Pylock};
use super::tags::Tags;
use super::{ByteCode, Lock, Target};
use crate::python::dist_info::normalise;

/// The version of the format of PEP 751.
const LOCK_VERSION: &str = "1.0";
const CREATED_BY: &str = "fal-frontend";
/// The version of what stands below `[tool.fal]`.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(flatten)]
    pylock: Pylock,
    tool: Tool,
}

#[derive(Serialize, Deserialize)]
struct Tool {
    fal: Fal,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Fal {
    version: u32,
    /// The names of what was asked for.
    requested: BTreeSet<String>,
    /// As in [`Lock`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    build_flags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    byte_code: Option<ByteCode>,
    target: Target,
}

/// `[tool.fal]` alone, to see whether it is there and of which version.
#[derive(Deserialize)]
struct Sign {
    tool: Option<SignTool>,
}

#[derive(Deserialize)]
struct SignTool {
    fal: Option<SignFal>,
}

#[derive(Deserialize)]
struct SignFal {
    version: Option<u32>,
}

impl Lock {
    /// Whether a `pylock.toml` says for which Python it is, so that [`Self::parse`] reads it.
    pub fn is_complete(text: &str) -> bool {
        toml::from_str::<Sign>(text).is_ok_and(|it| it.tool.is_some_and(|tool| tool.fal.is_some()))
    }

    /// Writes the lock: equal locks are equal texts.
    pub fn to_toml(&self) -> Result<String, String> {
        let packages = self.packages.iter().map(pylock::entry);
        let requested = self.packages.iter().filter(|package| package.requested);
        let text = Text {
            pylock: Pylock {
                lock_version: LOCK_VERSION.to_owned(),
                created_by: CREATED_BY.to_owned(),
                packages: packages.collect(),
            },
            tool: Tool {
                fal: Fal {
                    version: VERSION,
                    requested: requested.map(|package| package.name.clone()).collect(),
                    replaces: self.replaces.clone(),
                    build_flags: self.build_flags.clone(),
                    byte_code: self.byte_code,
                    target: self.target.clone(),
                },
            },
        };
        toml::to_string(&text).map_err(|error| error.to_string())
    }

    /// Reads a lock that says for which Python it is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let sign: Sign = toml::from_str(text).map_err(|error| error.to_string())?;
        let fal = sign.tool.and_then(|tool| tool.fal);
        match fal.and_then(|fal| fal.version) {
            Some(VERSION) => {}
            Some(other) => return Err(format!("its [tool.fal] is of version {other}; 1 is known")),
            None => return Err("it has no [tool.fal]".to_owned()),
        }
        let read: Text = toml::from_str(text).map_err(|error| error.to_string())?;
        let Fal {
            requested,
            replaces,
            build_flags,
            byte_code,
            target,
            ..
        } = read.tool.fal;
        let tags = Tags::of(&target.interpreter);
        let mut names = BTreeSet::new();
        let packages = read.pylock.packages.iter().map(|entry| {
            let name = normalise(&entry.name);
            if !names.insert(name.clone()) {
                return Err(format!("it has {name} twice"));
            }
            let version = entry.version.as_deref().unwrap_or_default();
            let mut package = pylock::choose(&[entry], &name, version, &tags)
                .map_err(|_| format!("it has no wheel of {name} for its Python"))?;
            let of_file = package
                .wheel()
                .map(|file| (&file.name, FileName::parse(&file.name)));
            if let Some((file, parsed)) = of_file
                && parsed.is_none_or(|it| normalise(&it.name) != name)
            {
                return Err(format!("{file} is no wheel of {name}"));
            }
            package.requested = requested.contains(&name);
            Ok(package)
        });
        let packages = packages.collect::<Result<_, _>>()?;
        Ok(Self {
            target,
            packages,
            replaces,
            build_flags,
            byte_code,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tags::{Interpreter, Libc};
    use super::super::{File, Folder, Git, Package, Source};
    use super::*;

    fn lock() -> Lock {
        Lock {
            target: Target {
                executable: "/usr/local/bin/python3.11".to_owned(),
                version: "3.11.2".to_owned(),
                interpreter: Interpreter {
                    minor: 11,
                    abi: "cp311".to_owned(),
                    machine: "x86_64".to_owned(),
                    libc: Libc::Glibc(2, 36),
                },
                purelib: "/usr/local/lib/python3.11/site-packages".to_owned(),
                platlib: "/usr/local/lib/python3.11/site-packages".to_owned(),
                scripts: "/usr/local/bin".to_owned(),
                data: "/usr/local".to_owned(),
                headers: "/usr/local/include/python3.11".to_owned(),
                parents: vec![Folder {
                    path: "/usr".to_owned(),
                    mode: 0o755,
                    uid: 0,
                    gid: 0,
                }],
            },
            packages: vec![Package {
                name: "foo-bar".to_owned(),
                version: "1.0".to_owned(),
                requested: true,
                source: Source::Wheel(file("foo_bar-1.0-py3-none-any.whl")),
            }],
            replaces: None,
            build_flags: Vec::new(),
            byte_code: None,
        }
    }

    fn file(name: &str) -> File {
        File {
            name: name.to_owned(),
            url: format!("https://packages.example.com/{name}"),
            sha256: "a".repeat(64),
            size: Some(10),
        }
    }

    /// With a package of every other kind.
    fn with_built() -> Lock {
        let mut lock = lock();
        let git = |requested: Option<&str>, subdirectory: &str| {
            Source::Git(Git {
                url: "https://git.example.com/a".to_owned(),
                commit: "c".repeat(40),
                requested: requested.map(str::to_owned),
                subdirectory: subdirectory.to_owned(),
            })
        };
        let sources = [
            Source::Sdist(file("p-0.tar.gz")),
            Source::Archive(file("p1-1.0-py3-none-any.whl")),
            Source::Archive(file("p-2.zip")),
            git(None, ""),
            git(Some("main"), "sub/folder"),
            Source::Directory(String::new()),
            Source::Directory("lib".to_owned()),
        ];
        lock.packages
            .extend((0..).zip(sources).map(|(at, source)| Package {
                name: format!("p{at}"),
                version: match source {
                    Source::Directory(_) => String::new(),
                    _ => "1.0".to_owned(),
                },
                requested: at > 3,
                source,
            }));
        lock.build_flags = vec![
            "--index-url".to_owned(),
            "https://index.example.com".to_owned(),
        ];
        lock
    }

    #[test]
    fn a_lock_comes_back_as_it_was() {
        let text = lock().to_toml().expect("a text");
        assert!(Lock::is_complete(&text), "{text}");
        assert_eq!(Lock::parse(&text), Ok(lock()), "{text}");
        let replaces = Some(BTreeMap::from([("foo-bar".to_owned(), "0.9".to_owned())]));
        let lock = Lock {
            replaces,
            byte_code: Some(ByteCode::Base),
            ..lock()
        };
        let text = lock.to_toml().expect("a text");
        assert_eq!(Lock::parse(&text), Ok(lock), "{text}");
        let text = with_built().to_toml().expect("a text");
        assert_eq!(Lock::parse(&text), Ok(with_built()), "{text}");
        assert!(!Lock::is_complete(
            "lock-version = \"1.0\"\ncreated-by = \"uv\"\n"
        ));
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let text = lock().to_toml().expect("a text");
        for (from, to, why) in [
            ("version = 1\n", "version = 2\n", "of version 2"),
            ("foo_bar-1.0-py3", "foo_bar-1.0-py2", "no wheel of foo-bar"),
            (
                "name = \"foo-bar\"",
                "name = \"other\"",
                "no wheel of other",
            ),
            ("executable", "programme", "programme"),
        ] {
            assert!(text.contains(from), "{from}: {text}");
            let error = Lock::parse(&text.replace(from, to)).expect_err(from);
            assert!(error.contains(why), "{error}");
        }
    }
}
