//! Real distributions, removed by pip and by ourselves: the same files are left.
//!
//! ```text
//! cargo test -p fal-helper --test removed -- --ignored --nocapture
//! ```
//! It needs `python3` with pip and venv, and downloads some 60 MB of wheels.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fal_helper::cli;
use fal_helper::wheel::request::{Remove, VERSION};

/// What is installed, and what of it is removed: scripts, data, headers, namespaces, `.pth` files, and what others stand beside.
const REMOVED: &[&str] = &[
    "black",
    "cmake",
    "debugpy",
    "fonttools",
    "google-api-core",
    "greenlet",
    "ipykernel",
    "jupyter-core",
    "nbclassic",
    "protobuf",
    "pyyaml",
    "setuptools",
    "tqdm",
];
const KEPT: &[&str] = &[
    "google-cloud-core",
    "googleapis-common-protos",
    "notebook-shim",
    "six",
];

#[test]
#[ignore = "downloads wheels"]
fn what_is_left_is_what_pip_leaves() {
    let top = tempfile::tempdir().expect("a scratch folder");
    let (pip, own) = (top.path().join("pip"), top.path().join("own"));
    run(Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(&pip));
    let in_venv = |arguments: &[&str]| {
        let mut command = Command::new("python3");
        command
            .args(["-m", "pip", "--python"])
            .arg(pip.join("bin/python"));
        command.args(arguments);
        command
    };
    run(
        in_venv(&["install", "--quiet", "--no-deps", "--only-binary=:all:"])
            .args(REMOVED)
            .args(KEPT),
    );
    run(Command::new("cp").arg("-a").arg(&pip).arg(&own));
    let before = entries(&own);

    run(in_venv(&["uninstall", "--quiet", "--yes"]).args(REMOVED));
    let site = site(&own);
    let records = REMOVED.iter().map(|name| {
        let start = format!("{}-", name.replace('-', "_"));
        let mut names = fs::read_dir(&site).expect("a folder").map(|entry| {
            let name = entry.expect("an entry").file_name();
            name.into_string().expect("UTF-8")
        });
        let is_record = |found: &String| {
            found.ends_with(".dist-info") && found.to_lowercase().starts_with(&start)
        };
        text(&site.join(names.find(is_record).expect(name)))
    });
    let request = Remove {
        version: VERSION,
        records: records.collect(),
        scripts: text(&own.join("bin")),
        data: text(&own),
        headers: text(&own.join("include")),
    };
    let arguments = cli::remove_arguments("/", &request);
    run(Command::new(env!("CARGO_BIN_EXE_fal-helper")).args(arguments));

    let [theirs, ours] = [&pip, &own].map(|folder| entries(folder));
    let gone = before.difference(&ours).count();
    eprintln!("{} of {} files and folders are gone", gone, before.len());
    assert_eq!(
        ours.difference(&theirs).collect::<Vec<_>>(),
        [] as [&String; 0]
    );
    // pip leaves folders that held nothing but folders.
    let more: Vec<&String> = theirs
        .difference(&ours)
        .filter(|it| !it.ends_with('/'))
        .collect();
    assert_eq!(more, [] as [&String; 0]);
    for name in KEPT {
        let name = name.replace('-', "_");
        assert!(
            ours.iter().any(|it| it.contains(&format!("/{name}-"))),
            "{name}"
        );
    }
}

fn site(venv: &Path) -> PathBuf {
    let lib = venv.join("lib");
    let python = fs::read_dir(&lib)
        .expect("a folder")
        .next()
        .expect("a Python");
    python.expect("an entry").path().join("site-packages")
}

/// All files and folders, these with a `/` behind them.
fn entries(top: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = text(path.strip_prefix(top).expect("a path below"));
            match path.symlink_metadata().expect("metadata").is_dir() {
                true => {
                    found.insert(name + "/");
                    open.push(path);
                }
                false => drop(found.insert(name)),
            }
        }
    }
    found
}

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

fn run(command: &mut Command) {
    let output = command.output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}
