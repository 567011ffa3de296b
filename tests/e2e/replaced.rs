//! Wheels in the place of what the image has in another version.

use std::thread;

use super::{
    stack::{self, Stack},
    wheels::{BARE, builds, layers, runs, wheels},
};

const SITE: &str = "/usr/local/lib/python3.11/site-packages";

/// Promise: what the image's base has in another version is gone, as if an installer had taken it away; the wheels' own layers do not know
/// of it, and a change of one requirement is a change of its layer and the last one.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn another_version_in_the_base_is_gone() {
    let stack = Stack::new();
    let base = stack.image("replaced-base");
    let old = "charset-normalizer==2.1.1 idna==3.4 six==1.16.0";
    let folder = stack::folder(&[(
        "Dockerfile",
        &format!("FROM python:3.11-slim\nRUN pip install --no-cache-dir {old}\n"),
    )]);
    let output = format!("type=image,name={base},push=true");
    let pushed = stack.builtin(folder.path(), &["--output", &output]);
    pushed.succeeded();

    let app = |from: &str, idna: &str, options: &str| {
        let requirements = format!("charset-normalizer==3.4.0 idna=={idna} six==1.16.0");
        format!("{BARE}{options} requirements=\"{requirements}\"\nFROM {from}\nUSER nobody\n")
    };
    let one = builds(&stack, "replaced-one", &app(&base, "3.7", ""));
    thread::scope(|scope| {
        for (name, dockerfile) in [
            ("replaced-changed", app(&base, "3.8", "")),
            ("replaced-plain", app("python:3.11-slim", "3.7", "")),
            ("replaced-step", app(&base, "3.7", " wheels=off")),
        ] {
            let stack = &stack;
            scope.spawn(move || builds(stack, name, &dockerfile));
        }
    });
    // What the base has as it is asked for stays.
    let report = wheels(&one);
    assert_eq!(report["count"], 2, "{report}");
    let replaced = ["charset-normalizer 2.1.1", "idna 3.4"];
    assert_eq!(report["replaced"], serde_json::json!(replaced));
    let config = stack.config(&stack.image("replaced-one")).to_string();
    assert!(
        config.contains("fal-helper remove charset-normalizer 2.1.1, idna 3.4"),
        "{config}"
    );

    let [base, one, changed, plain] = [
        "replaced-base",
        "replaced-one",
        "replaced-changed",
        "replaced-plain",
    ]
    .map(|name| layers(&stack, name));
    let new = |all: &[String], known: &[String]| -> Vec<String> {
        all.iter()
            .filter(|it| !known.contains(it))
            .cloned()
            .collect()
    };
    let ours = new(&one, &base);
    // The removal, two groups of wheels, and the last one.
    assert_eq!(ours.len(), 4, "{one:?}");
    assert_eq!(new(&changed, &one).len(), 2, "{changed:?}");
    assert_eq!(
        changed[base.len()],
        one[base.len()],
        "the removal is the same"
    );
    // Where nothing is in the way, the groups are the same but for the one that has what stayed here.
    assert!(ours.iter().any(|layer| plain.contains(layer)), "{plain:?}");

    // 2.1.1 has assets, and 3.4.0 has none.
    let check = format!(
        "python3 -c 'import idna, charset_normalizer as c; assert (idna.__version__, c.__version__) == (\"3.7\", \"3.4.0\")' && \
         pip check && normalizer --version && test -d {SITE}/charset_normalizer && test ! -e {SITE}/charset_normalizer/assets && \
         test $(ls -d {SITE}/charset_normalizer-*.dist-info {SITE}/idna-*.dist-info | wc -l) = 2"
    );
    runs(&stack, "replaced-one", &check);
    let [ours, step] = ["replaced-one", "replaced-step"].map(|name| stack.image(name));
    // INSTALLER, RECORD and scripts are the installer's own, and so is when byte code is made.
    let dockerfile = format!(
        "FROM {ours} AS ours\nFROM {step} AS step\nFROM python:3.11-slim\n\
         RUN --mount=from=ours,target=/ours --mount=from=step,target=/step \
         diff -r -x INSTALLER -x RECORD -x normalizer -x __pycache__ -x .lock /ours/usr/local /step/usr/local\n"
    );
    let folder = stack::folder(&[("Dockerfile", &dockerfile)]);
    stack.builtin(folder.path(), &[]).succeeded();
}

/// Promise: what came on top of the base counts as it would for an installer: what does for the requirements stays, what does not goes, and
/// another Python is the one that wheels are for. What the distribution brought stays, and is not what is imported.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_came_on_top_of_the_base_counts() {
    let stack = Stack::new();
    let install = "RUN pip install --no-cache-dir six==1.16.0\n";
    let venv = "RUN python3 -m venv /opt/venv\nENV PATH=/opt/venv/bin:$PATH\n";
    let imports = |module: &str, version: &str| {
        format!("python3 -c 'import {module}; assert {module}.__version__ == \"{version}\"'")
    };
    let six = imports("six", "1.17.0");
    thread::scope(|scope| {
        for (name, requirement, from, above, count, replaced, check) in [
            (
                "replaced-later",
                "six==1.17.0",
                "python:3.11-slim",
                install,
                1,
                &["six 1.16.0"][..],
                format!("{six} && test ! -e {SITE}/six-1.16.0.dist-info"),
            ),
            (
                "replaced-enough",
                "six",
                "python:3.11-slim",
                install,
                0,
                &[],
                imports("six", "1.16.0"),
            ),
            (
                "replaced-venv",
                "six==1.17.0",
                "python:3.11-slim",
                venv,
                1,
                &[],
                format!("{six} && test ! -e {SITE}/six.py"),
            ),
            (
                "replaced-debian",
                "wheel==0.45.0",
                "debian-python:bookworm",
                "",
                1,
                &[],
                format!(
                    "{} && test -e /usr/lib/python3/dist-packages/wheel",
                    imports("wheel", "0.45.0")
                ),
            ),
        ] {
            let stack = &stack;
            scope.spawn(move || {
                let dockerfile =
                    format!("{BARE} requirements=\"{requirement}\"\nFROM {from}\n{above}");
                let report = wheels(&builds(stack, name, &dockerfile));
                assert_eq!(report.get("why_not"), None, "{name}: {report}");
                assert_eq!(report["count"], count, "{name}: {report}");
                let said = report.get("replaced").cloned();
                let said = said.unwrap_or_else(|| serde_json::json!([]));
                assert_eq!(said, serde_json::json!(replaced), "{name}");
                runs(stack, name, &check);
            });
        }
    });
}
