//! Requirements wheel by wheel: which layers there are, and that what is in them works.

use std::{collections::BTreeSet, thread};

use serde_json::Value;

use super::{
    craft::Craft,
    site::Site,
    stack::{self, Outcome, Stack},
};

/// Nothing here is about the other layers.
pub(super) const BARE: &str = "# fal: runtime=none curl=none";

/// Builds a Dockerfile and pushes it.
#[track_caller]
pub(super) fn builds(stack: &Stack, name: &str, dockerfile: &str) -> Outcome {
    let image = stack.image(name);
    let output = format!("type=image,name={image},push=true");
    let folder = stack::folder(&[("Dockerfile", dockerfile)]);
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &["--output", &output]);
    outcome.succeeded();
    outcome
}

/// Runs a line in an image.
#[track_caller]
pub(super) fn runs(stack: &Stack, name: &str, line: &str) {
    let image = stack.image(name);
    let dockerfile = format!("FROM {image}\nRUN {line}\n");
    let folder = stack::folder(&[("Dockerfile", &dockerfile)]);
    stack.builtin(folder.path(), &[]).succeeded();
}

/// The digests of an image's layers, in order.
pub(super) fn layers(stack: &Stack, name: &str) -> Vec<String> {
    let manifest = stack.manifest(&stack.image(name));
    let layers = manifest["layers"].as_array().expect("layers").iter();
    let digest = |layer: &Value| layer["digest"].as_str().expect("a digest").to_owned();
    layers.map(digest).collect()
}

/// What the report says of wheels.
pub(super) fn wheels(outcome: &Outcome) -> Value {
    let report = outcome.metadata["frontend.fal.report"].as_str();
    let report: Value = serde_json::from_str(report.expect("a report")).expect("JSON");
    report["wheels"].clone()
}

/// Promise: a wheel is the same layer in every image that has the same Python at the same place, and a change of one requirement is a
/// change of its layer and the last one. What is installed works for whoever the image runs as, and nothing else is left.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_wheel_is_one_layer_in_every_image() {
    let stack = Stack::new();
    let app = |six: &str, before: &str| {
        let requirements = format!(
            "six=={six} idna==3.7 attrs==23.2.0 markupsafe==2.1.5 charset-normalizer==3.4.0"
        );
        format!("{BARE} requirements=\"{requirements}\"\nFROM python:3.11-slim\n{before}")
    };
    let one = builds(&stack, "wheels-one", &app("1.16.0", "USER nobody\n"));
    builds(
        &stack,
        "wheels-other",
        &app("1.16.0", "RUN echo other > /other\n"),
    );
    builds(&stack, "wheels-changed", &app("1.17.0", "USER nobody\n"));
    assert_eq!(wheels(&one)["count"], 5);
    assert_eq!(wheels(&one).get("why_not"), None);
    let lock = one.metadata["frontend.fal.lock"].as_str().expect("a lock");
    assert!(lock.contains("six-1.16.0-py2.py3-none-any.whl"), "{lock}");

    let [first, other, changed] =
        ["wheels-one", "wheels-other", "wheels-changed"].map(|name| layers(&stack, name));
    let config = stack.config(&stack.image("wheels-one"));
    let history = config["history"].as_array().expect("a history").iter();
    let ours = history
        .filter(|entry| entry["comment"] == "fal-frontend")
        .count();
    assert!(ours > 2, "{config}");
    // The last is the app's own: it was made for another image, and holds the same.
    assert_eq!(first[first.len() - ours..], other[other.len() - ours..]);
    let first: BTreeSet<&String> = first.iter().collect();
    let new: Vec<&String> = changed
        .iter()
        .filter(|layer| !first.contains(layer))
        .collect();
    assert_eq!(new.len(), 2, "{changed:?}");

    let check = "python3 -c 'import six, idna, attr, markupsafe._speedups; assert six.__version__ == \"1.16.0\"' && \
                 normalizer --version && pip check && pip uninstall --help > /dev/null && \
                 ! ls -d /root/.cache /tmp/* /.fal-* 2> /dev/null";
    runs(&stack, "wheels-one", check);
    let uninstalled = "pip uninstall -y charset-normalizer && ! command -v normalizer && \
                       ! ls -d /usr/local/lib/python3.11/site-packages/charset_normalizer*";
    runs(&stack, "wheels-other", uninstalled);
}

/// Promise: lists come one after the other, as an installer would install them, and are wheels all the same. A list that takes out what
/// one before it brought is for an installer.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn lists_follow_each_other_wheel_by_wheel() {
    let stack = Stack::new();
    let app = |second: &str| {
        format!(
            "{BARE}\n# fal: requirements=\"six==1.16.0 idna\"\n# fal: requirements=\"{second}\"\nFROM python:3.11-slim\n"
        )
    };
    let both = builds(&stack, "wheels-lists", &app("python-dateutil==2.9.0.post0"));
    // The second needs six, and takes the one that is there.
    assert_eq!(wheels(&both)["count"], 3);
    assert_eq!(wheels(&both).get("why_not"), None);
    let check = "python3 -c 'import six, dateutil; assert six.__version__ == \"1.16.0\"'";
    runs(&stack, "wheels-lists", check);

    let replaced = builds(&stack, "wheels-lists-replaced", &app("six==1.17.0"));
    assert_eq!(wheels(&replaced)["count"], 0);
    let check = "python3 -c 'import six, idna; assert six.__version__ == \"1.17.0\"'";
    runs(&stack, "wheels-lists-replaced", check);
}

/// Promise: the packages that fal needs are the same layers in every image with the same Python, and go with what the image has.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn the_runtime_is_the_same_layers_in_every_image() {
    let stack = Stack::new();
    let app = |before: &str| format!("# fal: curl=none\nFROM python:3.11-slim\n{before}");
    let one = builds(&stack, "runtime-one", &app("RUN echo one > /app\n"));
    builds(
        &stack,
        "runtime-other",
        &app("RUN echo other > /app\nUSER nobody\n"),
    );
    let report: Value = serde_json::from_str(
        one.metadata["frontend.fal.report"]
            .as_str()
            .expect("a report"),
    )
    .expect("JSON");
    assert_eq!(report["step"], "runtime", "{report:#}");
    assert_eq!(report["wheels"].get("runtime_why_not"), None, "{report:#}");
    assert!(report["wheels"]["count"].as_u64() > Some(3), "{report:#}");
    for package in report["packages"].as_array().expect("packages") {
        assert_eq!(package["fits"], true, "{report:#}");
    }
    let [one, other] = ["runtime-one", "runtime-other"].map(|name| layers(&stack, name));
    let shared = one.iter().rev().zip(other.iter().rev());
    let shared = shared.take_while(|(one, other)| one == other).count();
    assert_eq!(shared, 3, "{one:?} {other:?}");
    let check = "python3 -c 'import pydantic, google.protobuf, boto3' && pip check";
    runs(&stack, "runtime-other", check);

    // One of them is there already: the others go with it.
    let before = "RUN pip install --no-cache-dir pydantic==2.10.6 urllib3==2.2.3\n";
    let some = builds(&stack, "runtime-some", &app(before));
    assert_eq!(wheels(&some).get("runtime_why_not"), None);
    let check = "python3 -c 'import urllib3, pydantic, boto3; assert urllib3.__version__ == \"2.2.3\"' && pip check";
    runs(&stack, "runtime-some", check);
}

/// Promise: byte code is a layer beside that of its wheels, and the same one however often it is made; a change of one requirement leaves that
/// of the others. Python takes it without a look at the source, and an installer takes it away.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn byte_code_is_a_layer_beside_its_wheels() {
    let stack = Stack::new();
    let app = |six: &str, before: &str| {
        let requirements =
            format!("six=={six} idna==3.7 attrs==23.2.0 markupsafe==2.1.5 jmespath==1.0.1");
        format!(
            "{BARE} requirements=\"{requirements} --compile-bytecode\"\nFROM python:3.11-slim\n{before}"
        )
    };
    let one = builds(&stack, "byte-code-one", &app("1.16.0", "USER nobody\n"));
    assert_eq!(wheels(&one)["count"], 5);
    assert_eq!(wheels(&one).get("why_not"), None);
    let lock = one.metadata["frontend.fal.lock"].as_str().expect("a lock");
    assert!(lock.contains("byte-code = \"base\""), "{lock}");
    let first = layers(&stack, "byte-code-one");

    let folder = stack::folder(&[("Dockerfile", &app("1.16.0", "USER nobody\n"))]);
    let output = format!(
        "type=image,name={},push=true",
        stack.image("byte-code-again")
    );
    let again = ["--no-cache", "--output", &output];
    let again = stack.buildctl(folder.path(), &stack.fal(), &again);
    again.succeeded();
    assert!(again.log.contains("byte code of "), "{}", again.log);
    assert_eq!(layers(&stack, "byte-code-again"), first);

    builds(&stack, "byte-code-changed", &app("1.17.0", "USER nobody\n"));
    let changed = layers(&stack, "byte-code-changed");
    let new = changed.iter().filter(|layer| !first.contains(layer));
    // Its wheel, its byte code, and what belongs to the app.
    assert_eq!(new.count(), 3, "{changed:?}");

    let venv = "RUN python3 -m venv /opt/venv\nENV PATH=/opt/venv/bin:$PATH\n";
    let venv = builds(&stack, "byte-code-venv", &app("1.16.0", venv));
    let lock = venv.metadata["frontend.fal.lock"].as_str().expect("a lock");
    assert!(lock.contains("byte-code = \"image\""), "{lock}");

    for (name, prefix) in [
        ("byte-code-one", "/usr/local"),
        ("byte-code-venv", "/opt/venv"),
    ] {
        let check = format!(
            "cd {prefix}/lib/python3.11/site-packages && \
             test $(find six.py idna attr attrs markupsafe jmespath -name '*.py' | wc -l) = \
                $(find __pycache__/six.*.pyc idna attr attrs markupsafe jmespath -name '*.cpython-311.pyc' | wc -l) && \
             {prefix}/bin/python3 -v -c 'import six, idna' 2>&1 | grep 'code object from .*/site-packages/__pycache__/six.cpython-311.pyc' && \
             ! ls -d /root/.cache /tmp/* /.fal-* 2> /dev/null"
        );
        runs(&stack, name, &check);
    }
    let check = "cd /usr/local/lib/python3.11/site-packages && echo 'raise SystemExit(1)' > six.py && python3 -c 'import six' && \
                 pip uninstall -y jmespath six && ! ls -d jmespath* six* __pycache__/six* 2> /dev/null";
    runs(
        &stack,
        "byte-code-changed",
        &format!("true\nUSER root\nRUN {check}"),
    );
}

/// Promise: what the runtime needs is imported before an image is handed over, as far as it came as wheels, too; and a change of the user's
/// files imports nothing again.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn packages_that_came_as_wheels_are_imported() {
    let stack = Stack::new();
    let base = stack.image("runtime-shadowed");
    let shadow = "/usr/local/lib/python3.11/jmespath.py";
    let folder = stack::folder(&[(
        "Dockerfile",
        &format!("FROM python:3.11-slim\nRUN echo 'raise ImportError(\"shadowed\")' > {shadow}\n"),
    )]);
    let output = format!("type=image,name={base},push=true");
    stack
        .builtin(folder.path(), &["--output", &output])
        .succeeded();

    let app = |before: &str| format!("# fal: curl=none\nFROM {base}\n{before}");
    let folder = stack::folder(&[("Dockerfile", &app("RUN echo > /app\n"))]);
    let outcome = stack.buildctl(folder.path(), &stack.fal(), &[]);
    outcome.failed();
    let error = outcome
        .log
        .lines()
        .rfind(|line| line.starts_with("error: "));
    let error = error.unwrap_or_default();
    for part in ["boto3", "shadowed"] {
        assert!(error.contains(part), "{}", outcome.log);
    }

    let mended = builds(
        &stack,
        "runtime-mended",
        &app(&format!("RUN rm {shadow}\n")),
    );
    assert_eq!(wheels(&mended).get("runtime_why_not"), None);
    assert!(
        mended.log.contains("[fal] import the runtime"),
        "{}",
        mended.log
    );

    let plain =
        |text: &str| format!("# fal: curl=none\nFROM python:3.11-slim\nRUN echo {text} > /app\n");
    builds(&stack, "runtime-imported", &plain("one"));
    let again = builds(&stack, "runtime-imported-again", &plain("other"));
    assert!(
        is_cached(&again, "[fal] import the runtime"),
        "{}",
        again.log
    );
    let report = again.metadata["frontend.fal.report"]
        .as_str()
        .expect("a report");
    let report: Value = serde_json::from_str(report).expect("JSON");
    let checks = report["checks"].as_array().expect("checks");
    assert!(
        checks.len() > 2 && checks.iter().all(|it| it["passed"] == true),
        "{report:#}"
    );
}

/// Whether every step of this name was known already.
fn is_cached(outcome: &Outcome, step: &str) -> bool {
    let lines = || outcome.log.lines();
    let numbers = lines().filter_map(|line| line.strip_suffix(step)?.split_once(' '));
    let numbers: BTreeSet<&str> = numbers.map(|(number, _)| number).collect();
    let is_known = |number: &&str| lines().any(|line| line == format!("{number} CACHED"));
    !numbers.is_empty() && numbers.iter().all(is_known)
}

/// Promise: where FROM has no Python and a RUN brings one, the requirements and the packages of the runtime are the same layers as in an image
/// that has it from the start, with the link to its interpreter; and a change of the user's files resolves nothing.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_python_of_the_distribution_has_its_wheels_wherever_it_comes_from() {
    let stack = Stack::new();
    let app = |from: &str, run: &str, version: &str| {
        let requirements = "six==1.16.0 idna==3.7 markupsafe==2.1.5 charset-normalizer==3.4.0";
        format!(
            "# fal: curl=none requirements=\"{requirements}\"\nFROM {from}\n{run}COPY Dockerfile /app\nLABEL version={version}\n"
        )
    };
    let run =
        "RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-pip\n";
    let brought = builds(
        &stack,
        "distribution-brought",
        &app("debian:bookworm-slim", run, "1"),
    );
    let there = app("debian-python:bookworm", "", "1");
    let there = builds(&stack, "distribution-there", &there);
    for outcome in [&brought, &there] {
        let wheels = wheels(outcome);
        assert!(wheels["count"].as_u64() > Some(7), "{wheels}");
        assert_eq!(
            (wheels.get("why_not"), wheels.get("runtime_why_not")),
            (None, None),
            "{wheels}"
        );
    }
    let config = stack.config(&stack.image("distribution-brought"));
    let history = config["history"].as_array().expect("a history").iter();
    let ours = history.filter(|entry| entry["comment"] == "fal-frontend");
    let ours = ours.count();
    assert!(ours > 4, "{config}");
    let names = ["distribution-brought", "distribution-there"];
    let [one, other] = names.map(|name| layers(&stack, name));
    assert_eq!(one[one.len() - ours..], other[other.len() - ours..]);
    assert_ne!(one, other);

    let site = "/usr/local/lib/python3.11/dist-packages";
    let check = format!(
        "cd / && python -c 'import six, idna, markupsafe._speedups, pydantic, google.protobuf, boto3' && pip check && normalizer --version && \
         test $(readlink /usr/bin/python) = python3.11 && head -1 /usr/local/bin/normalizer | grep -x '#!/usr/bin/python3.11' && \
         test -d {site}/boto3 && ! ls -d /root/.cache /tmp/* /.fal-* 2> /dev/null"
    );
    for name in names {
        runs(&stack, name, &check);
    }
    let again = builds(
        &stack,
        "distribution-again",
        &app("debian:bookworm-slim", run, "2"),
    );
    assert!(
        is_cached(&again, "[fal] resolve the requirements"),
        "{}",
        again.log
    );
    let again = layers(&stack, "distribution-again");
    assert_eq!(one[one.len() - ours..], again[again.len() - ours..]);
    assert_ne!(one, again);
}

/// Promise: so it is with an image that begins empty, with a Python that only comes with the user's files, with one in whose base another one
/// is, and where the folder of packages is not there yet.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn wheels_come_to_a_python_that_the_base_has_not() {
    let stack = Stack::new();
    let python = "python:3.11-slim";
    let flat = format!(
        "FROM {python} AS all\nFROM scratch\nCOPY --from=all / /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n"
    );
    let hidden = stack.image("place-hidden");
    let folder = stack::folder(&[(
        "Dockerfile",
        &format!("FROM {python}\nRUN mv /usr/local/bin /usr/local/hidden\n"),
    )]);
    let output = format!("type=image,name={hidden},push=true");
    stack
        .builtin(folder.path(), &["--output", &output])
        .succeeded();
    let late = format!(
        "FROM {hidden}\nCOPY Dockerfile /\nRUN test -e /Dockerfile && mv /usr/local/hidden /usr/local/bin\n"
    );
    let venv =
        format!("FROM {python}\nRUN python -m venv /opt/venv\nENV PATH=/opt/venv/bin:$PATH\n");
    let absent = "FROM debian-python:bookworm\nRUN rm -r /usr/local/lib/python3.11\n";
    thread::scope(|scope| {
        for (name, dockerfile, check) in [
            (
                "place-flat",
                flat.as_str(),
                "test -d /usr/local/lib/python3.11/site-packages/boto3",
            ),
            (
                "place-late",
                &late,
                "test -d /usr/local/lib/python3.11/site-packages/boto3",
            ),
            (
                "place-venv",
                &venv,
                "test -d /opt/venv/lib/python3.11/site-packages/boto3",
            ),
            (
                "place-absent",
                absent,
                "test $(stat -c %a:%u:%g /usr/local/lib/python3.11) = 755:0:0",
            ),
        ] {
            let stack = &stack;
            scope.spawn(move || {
                let options = "# fal: curl=none requirements=\"six==1.16.0 markupsafe==2.1.5\"";
                let report = wheels(&builds(stack, name, &format!("{options}\n{dockerfile}")));
                assert_eq!((report.get("why_not"), report.get("runtime_why_not")), (None, None), "{name}: {report}");
                let check = format!("{check} && python -c 'import six, markupsafe._speedups, pydantic, google.protobuf, boto3' && pip check");
                runs(stack, name, &check);
            });
        }
    });
}

/// Promise: where wheels cannot be layers, all is installed in one step, and the report says why.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_cannot_be_wheels_is_installed_all_the_same() {
    let stack = Stack::new();
    let dockerfile =
        format!("{BARE} requirements=\"six==1.17.0 --reinstall\"\nFROM python:3.11-slim\n");
    let wheels = wheels(&builds(&stack, "wheels-flag", &dockerfile));
    assert_eq!(wheels["count"], 0, "{wheels}");
    let said = wheels["why_not"].as_str().unwrap_or_default();
    assert!(said.contains("--reinstall"), "{said}");
    let check = "python3 -c 'import six; assert six.__version__ == \"1.17.0\"'";
    runs(&stack, "wheels-flag", check);
}

/// Promise: where every version is named, an index is asked for those that are new and for no others, unless all is asked for again.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_index_is_asked_for_new_pins_alone() {
    let stack = Stack::new();
    let site = Site::new(&[("a", "a")]);
    for name in ["pinned-a", "pinned-b", "pinned-c"] {
        let module = name.replace('-', "_");
        let wheel = Craft::new(&module).file(&format!("{module}.py"), "x = 1\n");
        site.offer(&wheel, None);
    }
    let index = site.url("simple/");
    let app = |more: &str, pins: &str| {
        let flags = format!("--index-url={index}");
        format!("{BARE} {more} requirements=\"{flags} {pins}\"\nFROM python:3.11-slim\n")
    };
    builds(
        &stack,
        "pins-first",
        &app("", "pinned-a==1.0 pinned-b==1.0"),
    );
    site.forget("pinned-a");
    site.forget("pinned-b");
    let all = "pinned-a==1.0 pinned-b==1.0 pinned-c==1.0";
    let more = builds(&stack, "pins-more", &app("", all));
    assert_eq!(wheels(&more)["count"], 3, "{}", more.log);
    runs(
        &stack,
        "pins-more",
        "python3 -c 'import pinned_a, pinned_b, pinned_c'",
    );
    let again = stack::folder(&[("Dockerfile", &app("refresh=on", all))]);
    let again = stack.buildctl(again.path(), &stack.fal(), &[]);
    again.failed();
    assert!(
        again.log.contains("pinned-a was not found"),
        "{}",
        again.log
    );
}
