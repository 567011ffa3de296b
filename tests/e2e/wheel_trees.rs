//! The tree judge: what requirements come to by ourselves, beside what pip and uv install into the same image.
//!
//! `tests/wheels/sets.toml` has the sets. Each is built through our frontend, and installed by pip and by uv on the image that it begins
//! from. `tests/wheels/tree.py` lists all three, and the lists are the same, but for [`ALLOWED`]. In what we built `pip check` is content,
//! and what the set names can be imported and run. The build says how many wheels it took, or why it installed them in one step, as the
//! set has it: so that no tree is the one of an installer's own unless the set says so.
//!
//! `WHEEL_SET=NAME` judges the sets with this in their names alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
    sync::Mutex,
    thread,
    time::Instant,
};

use serde::Deserialize;
use tempfile::TempDir;

use super::{
    craft::{Craft, Item},
    site::Site,
    stack::{self, Stack},
    wheels,
};

const FOLDER: &str = "tests/wheels";

/// Builds that run at once.
const AT_ONCE: usize = 4;

/// Lists the trees of pip, of uv, and of the image `ours`; `{image}` and what else stands in such brackets is the set's. The uv is the one that the
/// helper brings.
const JUDGE: &str = r#"FROM python:3.11-slim AS uv
ENV PYTHONDONTWRITEBYTECODE=1
RUN pip install --no-cache-dir --no-compile uv=={uv}

FROM {image} AS plain
{before}
USER root
ENV PYTHONDONTWRITEBYTECODE=1 PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore UV_BREAK_SYSTEM_PACKAGES=1 UV_SYSTEM_CERTS=1

FROM plain AS by-pip
RUN --mount=target=/judge,rw --mount=type=cache,id=judge-pip,target=/root/.cache/pip \
    cd /judge && pip install {pip-compile} -r set.txt && python3 tree.py > /tree

FROM plain AS by-uv
RUN --mount=target=/judge,rw --mount=type=cache,id=judge-uv,target=/root/.cache/uv \
    --mount=from=uv,source=/usr/local/bin/uv,target=/judge-uv \
    cd /judge && /judge-uv pip install --system --link-mode=copy {uv-compile} -r set.txt && python3 tree.py > /tree

FROM ours AS judged
USER root
RUN --mount=target=/judge PYTHONDONTWRITEBYTECODE=1 python3 /judge/tree.py > /tree && pip check {check}

FROM scratch
COPY --from=by-pip /tree /pip
COPY --from=by-uv /tree /uv
COPY --from=judged /tree /ours
"#;

/// What is installed, and what is expected of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Set {
    /// One line of a requirements file each.
    requirements: Vec<String>,
    /// Modules.
    imports: Vec<String>,
    /// Lines for a shell, which end well.
    #[serde(default)]
    runs: Vec<String>,
    /// Where it begins from.
    #[serde(default = "python")]
    image: String,
    /// Instructions behind that.
    #[serde(default)]
    before: Vec<String>,
    /// Whether modules get byte code.
    #[serde(default)]
    byte_code: bool,
    /// How many wheels it takes.
    wheels: Option<usize>,
    /// Or what is said of why it is installed in one step.
    one_step: Option<String>,
}

fn python() -> String {
    "python:3.11-slim".to_owned()
}

/// A difference that may be.
struct Allowed {
    /// From whom.
    from: &'static [&'static str],
    /// Whether it is this one: a path of `tree.py`'s, and what is said of it by the other and by us.
    fits: fn(&str, Option<&str>, Option<&str>) -> bool,
    reason: &'static str,
}

/// What may differ, and why.
const ALLOWED: &[Allowed] = &[
    Allowed {
        from: &["pip", "uv"],
        fits: |path, theirs, ours| {
            path.ends_with(".dist-info/INSTALLER") && theirs.is_some() && ours.is_some()
        },
        reason: "each installer writes its own name",
    },
    Allowed {
        from: &["uv"],
        fits: |_, theirs, ours| {
            ours.is_none() && theirs.is_some_and(|theirs| theirs.starts_with("folder "))
        },
        reason: "uv makes folders that are empty, and pip does not",
    },
    Allowed {
        from: &["pip"],
        fits: |path, theirs, ours| {
            let executable = theirs.map(|theirs| theirs.replacen(" 644 ", " 755 ", 1));
            path.starts_with("/usr/local/bin/") && executable.as_deref() == ours
        },
        reason: "pip takes the mode of a script from the wheel, uv and we make it executable",
    },
    Allowed {
        from: &["pip", "uv"],
        fits: |path, _, _| path.contains(".dist-info/uv_"),
        reason: "what uv writes for itself of what it has built",
    },
    Allowed {
        from: &["pip", "uv"],
        fits: |path, theirs, ours| {
            let is_file =
                |said: Option<&str>| said.is_some_and(|said| said.starts_with("file 644 0:0 "));
            path.ends_with(".cpython-311.pyc") && is_file(theirs) && is_file(ours)
        },
        reason: "byte code has the time of its source in it, and ours a hash",
    },
    Allowed {
        from: &["pip"],
        fits: |path, theirs, ours| {
            path.contains(".dist-info/RECORD: ")
                && path.ends_with(".cpython-311.pyc")
                && theirs == Some("without a sum")
                && ours.is_none()
        },
        reason: "pip lists byte code in RECORD, uv and we do not",
    },
];

/// Promise: requirements come to the trees that pip and uv would install, file for file, and what is installed works.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn trees_are_those_of_pip_and_uv() {
    let stack = Stack::new();
    let site = Site::new(&[("a", "a")]).with_wheels(&crafted());
    let named = env::var("WHEEL_SET").unwrap_or_default();
    let text = fs::read_to_string(Path::new(FOLDER).join("sets.toml")).expect("the sets");
    let mut sets: BTreeMap<String, Set> = toml::from_str(&text).expect("sets");
    let is_all = named.is_empty();
    assert!(!is_all || sets.values().filter(|set| set.wheels.is_some()).count() >= 25);
    sets.retain(|name, _| name.contains(&named));

    let (sets, wrong) = (Mutex::new(sets.into_iter()), Mutex::new(BTreeSet::new()));
    let used = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((name, set)) = { sets.lock().expect("sets").next() } {
                    let judged = judge(&stack, &site, &name, &set);
                    let mut wrong = wrong.lock().expect("sets");
                    match judged {
                        Ok(judged) => {
                            used.lock().expect("sets").extend(judged.reasons);
                            wrong.extend(judged.wrong);
                        }
                        Err(why) => drop(wrong.insert(format!("{name}: {why}"))),
                    }
                }
            });
        }
    });
    let wrong: Vec<String> = wrong.into_inner().expect("sets").into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let used = used.into_inner().expect("sets");
    let unused = ALLOWED
        .iter()
        .filter(|allowed| !used.contains(allowed.reason));
    let unused: Vec<&str> = unused.map(|allowed| allowed.reason).collect();
    assert!(
        !is_all || unused.is_empty(),
        "nothing differs by this any more: {unused:?}"
    );
}

/// What came of a set.
struct Judged {
    /// Differences that may not be.
    wrong: Vec<String>,
    /// Why others may.
    reasons: Vec<&'static str>,
}

fn judge(stack: &Stack, site: &Site, name: &str, set: &Set) -> Result<Judged, String> {
    let began = Instant::now();
    let folder = context(site, set);
    let image = stack.image_of("wheel-trees", name);
    let output = format!("type=image,name={image},push=true");
    let built = stack.buildctl(folder.path(), &stack.fal(), &["--output", &output]);
    if built.code != Some(0) {
        return Err(built.log);
    }
    let said = wheels::wheels(&built);
    let told = said["why_not"].as_str().unwrap_or_default();
    match (set.wheels, &set.one_step) {
        (Some(count), None) if said["count"] == count && told.is_empty() => {}
        (None, Some(why)) if said["count"].as_u64().unwrap_or(0) == 0 && told.contains(why) => {}
        _ => return Err(format!("another way than the set says: {said}")),
    }

    let trees = TempDir::new().expect("a temporary folder");
    let output = format!("type=local,dest={}", trees.path().display());
    let ours = format!("context:ours=docker-image://{image}");
    let arguments = ["--opt", "filename=judge.Dockerfile", "--opt", &ours];
    let arguments = [&arguments[..], &["--output", &output]].concat();
    let listed = stack.builtin(folder.path(), &arguments);
    if listed.code != Some(0) {
        return Err(listed.log);
    }
    let [pip, uv, ours] = ["pip", "uv", "ours"].map(|name| {
        let text = fs::read_to_string(trees.path().join(name)).expect("a tree");
        serde_json::from_str::<Tree>(&text).expect("a tree")
    });
    let mut judged = Judged {
        wrong: Vec::new(),
        reasons: Vec::new(),
    };
    for (from, theirs) in [("pip", &pip), ("uv", &uv)] {
        judged.compare(name, from, theirs, &ours);
    }
    eprintln!("{name}: {} paths, {:.1?}", ours.len(), began.elapsed());
    Ok(judged)
}

/// A path, and what has to be the same.
type Tree = BTreeMap<String, String>;

impl Judged {
    fn compare(&mut self, name: &str, from: &str, theirs: &Tree, ours: &Tree) {
        let paths: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
        for path in paths {
            let [theirs, ours] = [theirs, ours].map(|tree| tree.get(path).map(String::as_str));
            if theirs == ours {
                continue;
            }
            let is_this = |allowed: &&Allowed| {
                allowed.from.contains(&from) && (allowed.fits)(path, theirs, ours)
            };
            match ALLOWED.iter().find(is_this) {
                Some(allowed) => self.reasons.push(allowed.reason),
                None => self.wrong.push(format!(
                    "{name}: {path}\n  {from}: {}\n  ours: {}",
                    theirs.unwrap_or("nothing"),
                    ours.unwrap_or("nothing")
                )),
            }
        }
    }
}

/// What both builds of a set begin with.
fn context(site: &Site, set: &Set) -> TempDir {
    let requirements = |between: &str| {
        let requirements = set.requirements.join(between);
        requirements.replace("{index}", &site.url("simple/"))
    };
    let before = set.before.join("\n");
    let dockerfile = format!(
        "# fal: runtime=none curl=none requirements=\"{}{}\"\nFROM {}\n{before}\n",
        requirements(" "),
        if set.byte_code {
            " --compile-bytecode"
        } else {
            ""
        },
        set.image
    );
    let imports = format!("python3 -c 'import {}'", set.imports.join(", "));
    let check: String = [&imports]
        .into_iter()
        .chain(&set.runs)
        .map(|line| format!(" && {line}"))
        .collect();
    let (of_pip, of_uv) = match set.byte_code {
        true => ("--compile", "--compile-bytecode"),
        false => ("--no-compile", ""),
    };
    let judge = JUDGE
        .replace("{pip-compile}", of_pip)
        .replace("{uv-compile}", of_uv)
        .replace("{uv}", fal_helper::install::UV)
        .replace("{image}", &set.image)
        .replace("{before}", &before)
        .replace("{check}", &check);
    let tree = fs::read_to_string(Path::new(FOLDER).join("tree.py")).expect("a script");
    let folder = stack::folder(&[
        ("Dockerfile", &dockerfile),
        ("judge.Dockerfile", &judge),
        ("set.txt", &requirements("\n")),
        ("tree.py", &tree),
    ]);
    let context = Path::new(FOLDER).join("context/.");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(context)
        .arg(folder.path())
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
    folder
}

/// Wheels that have everything that a wheel can have, and some of which one has to be chosen.
fn crafted() -> Vec<Craft> {
    let info = "Every_Thing-1.0.dist-info";
    let data = "Every_Thing-1.0.data";
    let script = |name: &str, text: &str| (format!("{data}/scripts/{name}"), text.to_owned());
    let scripts = [
        script("every-python", "#!python\nprint('python')\n"),
        script("every-pythonw", "#!pythonw -E\nprint('pythonw')\n"),
        script("every-shell", "#!/bin/sh\necho shell\n"),
        script("every-env", "#!/usr/bin/env python3\nprint('env')\n"),
        script("every-bare", "echo bare\n"),
    ];
    let plain = [
        ("every/__init__.py", ""),
        (
            "every/main.py",
            "class Main:\n    @staticmethod\n    def run():\n        print('run')\n\n\ndef main():\n    print('main')\n",
        ),
        ("every/empty", ""),
        ("every_path.pth", "# a comment\n"),
    ];
    let more = [
        ("purelib/pure_of_every.py", ""),
        ("platlib/plat_of_every.py", ""),
        ("data/share/every/data.txt", "data\n"),
        ("data/etc/every.conf", "conf\n"),
        ("headers/every.h", "#define EVERY 1\n"),
        ("headers/below/every.h", "#define BELOW 1\n"),
    ];
    let mut every = Craft::new("Every_Thing");
    for (name, text) in plain {
        every = every.file(name, text);
    }
    for (name, text) in more {
        every = every.file(&format!("{data}/{name}"), text);
    }
    for (name, text) in scripts {
        every = every.file(&name, text);
    }
    every = every
        .item(Item::new("every/na\u{ef}ve, \"quoted\".txt", "a name that has to be quoted\n").utf8())
        .item(Item::new("every/tool", "#!/bin/sh\necho tool\n").mode(0o100_755))
        .item(Item::new("every/private", "").mode(0o100_600))
        .item(Item::new("every/open", "").mode(0o100_666))
        .item(Item::new("every/none", "").mode(0))
        .item(Item::new("every/nothing/", "").mode(0o040_755))
        .item(Item::new(&format!("{data}/data/share/every/run"), "#!/bin/sh\n").mode(0o100_711))
        .file(&format!("{info}/licenses/LICENSE"), "none\n")
        .file(
            &format!("{info}/entry_points.txt"),
            "[console_scripts]\nevery-main = every.main:main\nevery.dotted = every.main:Main.run\nevery-extra = every.main:main [more]\n\n\
             [gui_scripts]\nevery-gui = every.main:main\n\n[every.plugins]\nx = every.main\n",
        );
    let bytes = Craft::new("bytes_of_it")
        .file("bytes_of_it/__init__.py", "")
        .file("bytes_of_it/old.py", "print 'of another Python'\n")
        .file("bytes_of_it/only/old.py", "print 'of another Python'\n")
        .file(
            "bytes_of_it/latin.py",
            b"# -*- coding: latin-1 -*-\nX = '\xe9'\n",
        )
        .file("bytes_of_it/sub/deep.py", "X = {1, 'a', None}\n")
        .file("bytes_of_it/sub/data.txt", "");
    let mut wheels = vec![every, bytes];
    for (name, tags) in CHOICES {
        for tag in *tags {
            let mut wheel =
                Craft::new(name).file(&format!("{name}.py"), format!("TAG = \"{tag}\"\n"));
            wheel.file = format!("{name}-1.0-{tag}.whl");
            wheels.push(wheel);
        }
    }
    wheels
}

/// Wheels of one version, of which Python takes one.
const CHOICES: &[(&str, &[&str])] = &[
    (
        "choice_of_build",
        &["2-py3-none-any", "10-py3-none-any", "py3-none-any"],
    ),
    ("choice_of_letters", &["1a-py3-none-any", "1b-py3-none-any"]),
    (
        "choice_of_python",
        &[
            "py2.py3-none-any",
            "py311-none-any",
            "py310-none-any",
            "py312-none-any",
            "cp311-none-any",
        ],
    ),
    (
        "choice_of_abi",
        &[
            "cp38-abi3-manylinux_2_17_x86_64",
            "cp310-abi3-manylinux_2_17_x86_64",
            "cp312-abi3-manylinux_2_17_x86_64",
            "py3-none-manylinux_2_17_x86_64",
        ],
    ),
    (
        "choice_of_libc",
        &[
            "py3-none-manylinux1_x86_64",
            "py3-none-manylinux_2_28_x86_64",
            "py3-none-manylinux2014_x86_64",
            "py3-none-manylinux_2_99_x86_64",
            "py3-none-musllinux_1_2_x86_64",
        ],
    ),
    (
        "choice_of_linux",
        &[
            "py3-none-linux_x86_64",
            "py3-none-any",
            "py3-none-manylinux_2_17_aarch64",
        ],
    ),
    ("choice_of_pure", &["py3-none-any", "py2.py3-none-any"]),
];
