//! Real wheels, installed by pip, by uv and by ourselves: the trees are the same, but for [`ALLOWED`].
//!
//! ```text
//! cargo test -p fal-helper --test wheels -- --ignored --nocapture
//! ```
//! It needs `python3` with pip and venv, and downloads some 300 MB of wheels; with `FAL_TEST_WHEELS=DIR` it takes those of a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use fal_helper::cli;
use fal_helper::wheel::request::{Finish, Installed, Unpack, VERSION};

/// What is downloaded: all that wheels can bring. Namespaces, headers, scripts that are programs, data, entry points, and names that
/// are written in more than one way.
const DISTRIBUTIONS: &[&str] = &[
    "black",
    "certifi",
    "cmake",
    "cryptography",
    "debugpy",
    "fonttools",
    "google-api-core",
    "google-cloud-core",
    "google-cloud-storage",
    "greenlet",
    "ipykernel",
    "jupyter-client",
    "jupyterlab",
    "lxml",
    "matplotlib",
    "nbclassic",
    "ninja",
    "notebook",
    "numpy",
    "opencv-python-headless",
    "pandas",
    "pip",
    "protobuf",
    "pybind11",
    "pyyaml",
    "requests",
    "ruff",
    "setuptools",
    "tqdm",
    "uv",
    "wheel",
    "widgetsnbextension",
];

/// How a tree may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// Only the other installer has it.
    Theirs,
    /// Only we have it.
    Ours,
    /// Its content, or its row in RECORD.
    Content,
    /// Its mode.
    Mode,
}

/// A difference that may be.
struct Allowed {
    kind: Difference,
    fits: fn(&str) -> bool,
    reason: &'static str,
}

/// What may differ, and why.
const ALLOWED: &[Allowed] = &[
    Allowed {
        kind: Difference::Content,
        fits: |path| path.ends_with(".dist-info/INSTALLER"),
        reason: "each installer writes its own name",
    },
    Allowed {
        kind: Difference::Content,
        fits: |path| path.starts_with("bin/"),
        reason: "the text of a launcher is its installer's own; what a wheel brings itself has to be the same",
    },
    Allowed {
        kind: Difference::Theirs,
        fits: |path| path.starts_with("bin/pip3."),
        reason: "pip gives itself a script for a minor version, which its wheel does not name",
    },
    Allowed {
        kind: Difference::Theirs,
        fits: |path| path.contains(".dist-info/uv_") || path == ".lock",
        reason: "what uv writes for itself",
    },
    Allowed {
        kind: Difference::Mode,
        fits: |path| path.ends_with(".dist-info/RECORD"),
        reason: "uv writes into the file of the wheel, and leaves it its mode",
    },
];

/// A file: its mode and what it holds.
type Tree = BTreeMap<String, (u32, Vec<u8>)>;

#[test]
#[ignore = "downloads wheels"]
fn real_wheels_are_installed_as_by_pip_and_uv() {
    let top = tempfile::tempdir().expect("a scratch folder");
    let top = top.path();
    let wheels = wheels(top);
    let names: Vec<String> = wheels.iter().map(|wheel| requirement(wheel)).collect();
    let [pip, uv, own] = ["pip", "uv", "own"].map(|name| venv(&top.join(name)));

    let links = format!(
        "--find-links={}",
        wheels[0].parent().expect("a folder").display()
    );
    let common = ["--no-index", "--no-deps", links.as_str()];
    run(Command::new("python3")
        .args(["-m", "pip", "--python"])
        .arg(pip.join("bin/python"))
        .args(["install", "--quiet", "--no-compile"])
        .args(common)
        .args(&names));
    run(Command::new(pip.join("bin/uv"))
        .args(["pip", "install", "--quiet", "--link-mode=copy", "--python"])
        .arg(uv.join("bin/python"))
        .args(common)
        .args(&names));
    install(&wheels, &own, top);

    let ours = tree(&own);
    let scripts = scripts(&ours);
    let mut wrong = BTreeSet::new();
    for (name, folder) in [("pip", &pip), ("uv", &uv)] {
        let theirs = tree(folder);
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for (kind, path) in compare(&theirs, &ours, &scripts) {
            let allowed = ALLOWED
                .iter()
                .find(|allowed| allowed.kind == kind && (allowed.fits)(&path));
            match allowed {
                Some(allowed) => *reasons.entry(allowed.reason).or_default() += 1,
                None => drop(wrong.insert(format!("{name}: {kind:?} {path}"))),
            }
        }
        eprintln!(
            "{name}: {} files, of ours {}; {reasons:?}",
            theirs.len(),
            ours.len()
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for program in ["tqdm", "uv"] {
        run(Command::new(own.join("bin").join(program)).arg("--version"));
    }
}

/// The wheels, sorted by name.
fn wheels(top: &Path) -> Vec<PathBuf> {
    let folder = match std::env::var_os("FAL_TEST_WHEELS") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let folder = top.join("wheels");
            run(Command::new("python3")
                .args(["-m", "pip", "download", "--quiet", "--no-deps"])
                .args(["--only-binary", ":all:", "--dest"])
                .arg(&folder)
                .args(DISTRIBUTIONS));
            folder
        }
    };
    let mut wheels: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "whl"))
        .collect();
    wheels.sort();
    wheels
}

fn name(wheel: &Path) -> String {
    let name = wheel.file_name().expect("a name");
    name.to_str().expect("UTF-8").to_owned()
}

/// `name==version`, the name as an index has it: pip calls folders of headers as the requirement is written.
fn requirement(wheel: &Path) -> String {
    let name = name(wheel);
    let parts: Vec<&str> = name.split('-').collect();
    let distribution = parts[0].to_ascii_lowercase().replace(['_', '.'], "-");
    format!("{distribution}=={}", parts[1])
}

fn venv(folder: &Path) -> PathBuf {
    run(Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(folder));
    folder.to_owned()
}

/// Installs each wheel as a layer of its own, and the rest as another.
fn install(wheels: &[PathBuf], venv: &Path, top: &Path) {
    let python = format!(
        "import sysconfig; p = sysconfig.get_paths(); print(p['purelib'], p['platlib'], '{}/include/site/python' + sysconfig.get_python_version())",
        venv.display()
    );
    let told = Command::new(venv.join("bin/python"))
        .args(["-c", &python])
        .output()
        .expect("a Python");
    let told = String::from_utf8(told.stdout).expect("UTF-8");
    let [purelib, platlib, headers] = told
        .split_whitespace()
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .try_into()
        .expect("three paths");

    let input = top.join("input");
    let mut installed = Vec::new();
    for (number, wheel) in wheels.iter().enumerate() {
        let (name, folder) = (name(wheel), input.join(number.to_string()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::hard_link(wheel, folder.join(&name))
            .or_else(|_| fs::copy(wheel, folder.join(&name)).map(|_| ()))
            .expect("a wheel");
        installed.push(Installed {
            file: name.clone(),
            requested: true,
            direct_url: None,
        });
        let alone = top.join("alone");
        fs::create_dir_all(alone.join("0")).expect("a folder");
        fs::rename(folder.join(&name), alone.join("0").join(&name)).expect("a wheel");
        let request = Unpack {
            version: VERSION,
            wheels: vec![name.clone()],
            purelib: purelib.clone(),
            platlib: platlib.clone(),
            parents: Vec::new(),
        };
        let out = top.join(format!("out-{number}"));
        fs::create_dir(&out).expect("a folder");
        helper(&cli::unpack_arguments(
            &text(&alone),
            &text(&out),
            false,
            &request,
        ));
        fs::rename(alone.join("0").join(&name), folder.join(&name)).expect("a wheel");
        merge(&out, venv);
    }
    let request = Finish {
        version: VERSION,
        wheels: installed,
        purelib,
        platlib,
        scripts: text(&venv.join("bin")),
        data: text(venv),
        headers,
        interpreter: text(&venv.join("bin/python3")),
        links: Vec::new(),
    };
    let out = top.join("out-finish");
    fs::create_dir(&out).expect("a folder");
    helper(&cli::finish_arguments(
        &text(&input),
        "/",
        &text(&out),
        false,
        &request,
    ));
    merge(&out, venv);
}

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

fn helper(arguments: &[String]) {
    run(Command::new(env!("CARGO_BIN_EXE_fal-helper")).args(arguments));
}

/// Lays a layer over a folder.
fn merge(layer: &Path, folder: &Path) {
    let below = layer.join(folder.strip_prefix("/").expect("an absolute path"));
    run(Command::new("cp")
        .arg("-a")
        .arg(below.join("."))
        .arg(folder));
}

fn run(command: &mut Command) {
    let output = command.output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}

/// Every file below a folder.
fn tree(top: &Path) -> Tree {
    let mut found = Tree::new();
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let metadata = path.symlink_metadata().expect("metadata");
            let name = text(path.strip_prefix(top).expect("a path below"));
            if metadata.is_dir() {
                open.push(path);
            } else if metadata.is_file() {
                let content = fs::read(&path).expect("a file");
                found.insert(name, (metadata.permissions().mode(), content));
            }
        }
    }
    found
}

/// The scripts that begin with the place of the interpreter, each with whether all of it is our own.
fn scripts(ours: &Tree) -> BTreeMap<String, bool> {
    let scripts = ours.range("bin/".to_owned().."bin0".to_owned());
    scripts
        .filter(|(_, (_, content))| content.starts_with(b"#!"))
        .map(|(path, (_, content))| {
            let launches = String::from_utf8_lossy(content).contains("\nimport sys\n\nfrom ");
            (path.clone(), launches)
        })
        .collect()
}

/// What is behind the first line.
fn rest(script: &[u8]) -> Option<&[u8]> {
    let end = script.iter().position(|byte| *byte == b'\n')?;
    Some(&script[end..])
}

fn compare(
    theirs: &Tree,
    ours: &Tree,
    scripts: &BTreeMap<String, bool>,
) -> Vec<(Difference, String)> {
    let mut differences = Vec::new();
    let only = |one: &Tree, other: &Tree, kind| {
        let missing = one.keys().filter(|path| !other.contains_key(*path));
        missing.map(|path| (kind, path.clone())).collect::<Vec<_>>()
    };
    differences.extend(only(theirs, ours, Difference::Theirs));
    differences.extend(only(ours, theirs, Difference::Ours));
    for (path, (mode, content)) in theirs {
        let Some((own_mode, own)) = ours.get(path) else {
            continue;
        };
        if mode != own_mode {
            differences.push((Difference::Mode, path.clone()));
        }
        if path.ends_with(".dist-info/RECORD") {
            differences.extend(compare_records(path, content, own, scripts));
        } else if content != own && !is_of_a_venv(path) {
            let told = match scripts.get(path) {
                Some(true) => path.clone(),
                // Only its first line is of the environment.
                Some(false) if rest(content) == rest(own) => continue,
                _ if path.starts_with("bin/") => format!("a script of the wheel's: {path}"),
                _ => path.clone(),
            };
            differences.push((Difference::Content, told));
        }
    }
    differences
}

/// What a virtual environment says of its own place.
fn is_of_a_venv(path: &str) -> bool {
    let activates = ["bin/activate", "bin/activate.csh", "bin/activate.fish"];
    path == "pyvenv.cfg" || activates.contains(&path)
}

/// The rows that are not in both, as differences of the files that they list.
fn compare_records(
    path: &str,
    theirs: &[u8],
    ours: &[u8],
    scripts: &BTreeMap<String, bool>,
) -> Vec<(Difference, String)> {
    let site = path.rsplitn(3, '/').last().unwrap_or_default();
    let [theirs, ours] = [theirs, ours].map(|record| rows(record, site));
    let paths: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let differences = paths.into_iter().filter_map(|path| {
        let kind = match (theirs.get(path), ours.get(path)) {
            (Some(_), None) => Difference::Theirs,
            (None, Some(_)) => Difference::Ours,
            (one, other) if one != other => Difference::Content,
            _ => return None,
        };
        let is_fixed = kind == Difference::Content && !scripts.contains_key(path);
        let told = match is_fixed && path.starts_with("bin/") {
            true => format!("the row of {path}"),
            false => path.clone(),
        };
        Some((kind, told))
    });
    differences.collect()
}

/// The rows of a RECORD by the paths below the virtual environment.
fn rows(record: &[u8], site: &str) -> BTreeMap<String, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(record);
    let rows = reader.records().map(|row| {
        let row = row.expect("a row");
        let mut parts: Vec<&str> = site.split('/').collect();
        for part in row[0].split('/') {
            match part {
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        (parts.join("/"), format!("{},{}", &row[1], &row[2]))
    });
    rows.collect()
}
