//! What a build can begin with instead of a Dockerfile.
//!
//! Every folder of `tests/inputs` has an `image.json` or a `pyproject.toml`, and a file `expected`: what was read of it; the ops, the
//! config and the warnings, or the error with what is shown of the file. `tests/inputs/make.py` asks the real SDK for the former, and
//! fal's own tool what it says of the latter. `UPDATE_EXPECTED=1` writes `expected` anew.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use fal_frontend::{
    diagnostic::Diagnostic,
    fal::manifest::{Kind, Manifest},
    source::{Lines, Source},
};
use serde_json::Value;
use tempfile::TempDir;

use super::{Answer, ask, difference, shown, updates};

/// What no one may be told.
const CANARY: &str = "canary";

/// Promise: what is made of a ContainerImage or a pyproject.toml changes only when somebody means it to.
#[test]
fn every_input_becomes_what_it_was_found_to() {
    let cases = cases(Path::new("tests/inputs"));
    assert!(cases.len() > 60, "only {} cases", cases.len());
    let mut changed = String::new();
    for (case, file) in &cases {
        let found = becomes(case, file);
        let expected = case.join("expected");
        if updates() {
            fs::write(expected, found).unwrap();
            continue;
        }
        let written = fs::read_to_string(expected).unwrap_or_default();
        if written != found {
            let difference = difference(&written, &found);
            writeln!(changed, "{}\n{difference}", case.display()).unwrap();
        }
    }
    assert!(changed.is_empty(), "{changed}");
}

/// Promise: what stands in a file beside the Dockerfile is in no error, no warning and no source map.
#[test]
fn nothing_that_may_be_secret_is_told() {
    let mut hidden = 0;
    for (case, file) in cases(Path::new("tests/inputs")) {
        let text = fs::read_to_string(case.join(file)).unwrap();
        if !text.contains(CANARY) {
            continue;
        }
        hidden += 1;
        let told = all_told(&answer(&case, file));
        assert!(!told.contains(CANARY), "{}:\n{told}", case.display());
        // Where an error has no source, whoever handed the build on attaches the file.
        assert!(told.contains("shown "), "{}:\n{told}", case.display());
    }
    assert!(hidden > 10, "only {hidden} cases");
}

/// Promise: fal's own tool and we refuse the same files, in the same words.
#[test]
fn what_fals_own_tool_refuses_is_refused_in_its_words() {
    // What we refuse beside, and why.
    let ours = BTreeMap::from([
        (
            "flat-requirements",
            "a requirement has a credential written out",
        ),
        (
            "literal-secret",
            "secret \"token\" is written out in the file",
        ),
        (
            "literal-password",
            "the password for registry \"ghcr.io\" is written out",
        ),
        ("image-of-two-lines", "App my-app image.image is no image"),
        (
            "python-version-is-a-word",
            "App my-app python_version \"three\" is not",
        ),
        (
            "no-python-version",
            "App my-app has neither an image nor a python_version",
        ),
    ]);
    // What we say otherwise.
    let otherwise = BTreeMap::from([
        ("broken", "Invalid TOML in line 3"),
        (
            "no-apps",
            "pyproject.toml has no table [tool.fal.apps.NAME]",
        ),
        ("several-apps-no-target", "pyproject.toml has several apps"),
        (
            "dockerfile-outside",
            "App my-app image.dockerfile is outside of the folder",
        ),
    ]);
    let mut refused = 0;
    for (case, file) in cases(Path::new("tests/inputs/pyproject")) {
        let name = case.file_name().unwrap().to_str().unwrap();
        let fal = fs::read_to_string(case.join("fal")).unwrap();
        let found = answer(&case, file).result.err().map(|error| error.message);
        let found = found.unwrap_or_default();
        match fal.strip_prefix("refused ") {
            None => {
                let expected = ours.get(name).copied().unwrap_or_default();
                assert_eq!(found.is_empty(), expected.is_empty(), "{name}: {found}");
                assert!(found.starts_with(expected), "{name}: {found}");
            }
            Some(fal) => {
                refused += 1;
                // It shows the values of keys that it does not know.
                let fal = fal.lines().next().unwrap().split('{').next().unwrap();
                let expected = otherwise.get(name).copied().unwrap_or(fal);
                assert!(found.starts_with(expected), "{name}: {found}, not {fal}");
            }
        }
    }
    assert!(refused > 25, "only {refused} refused");
}

/// Promise: what is kept here is what the SDK says today. Runs where `FAL_PYTHON` names a Python that has `fal`.
#[test]
fn the_sdk_says_what_is_kept_here() {
    let Some(python) = std::env::var_os("FAL_PYTHON") else {
        eprintln!("FAL_PYTHON is not set: not compared with the SDK");
        return;
    };
    let folder = TempDir::new().unwrap();
    let status = Command::new(python)
        .arg("tests/inputs/make.py")
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(status.success());
    let mut compared = 0;
    for kind in ["container-image", "pyproject"] {
        let kept = Path::new("tests/inputs").join(kind);
        for (case, file) in cases(&kept) {
            let file = if kind == "pyproject" { "fal" } else { file };
            let said = folder.path().join(kind).join(case.file_name().unwrap());
            let said = fs::read_to_string(said.join(file)).unwrap();
            let kept = fs::read_to_string(case.join(file)).unwrap();
            assert_eq!(said, kept, "{}", case.display());
            compared += 1;
        }
    }
    assert!(compared > 40, "only {compared} compared");
}

/// The folders with a file to begin with, and its name.
fn cases(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    for file in ["image.json", "pyproject.toml"] {
        if folder.join(file).is_file() {
            return vec![(folder.to_owned(), file)];
        }
    }
    let entries = fs::read_dir(folder).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.iter().flat_map(|folder| cases(folder)).collect()
}

fn target(case: &Path) -> Option<String> {
    let options = fs::read_to_string(case.join("options")).ok()?;
    options.trim().strip_prefix("target=").map(str::to_owned)
}

fn answer(case: &Path, file: &str) -> Answer {
    let mut options = BTreeMap::from([
        ("cmdline".to_owned(), "example/fal-frontend".to_owned()),
        ("filename".to_owned(), file.to_owned()),
    ]);
    if let Some(target) = target(case) {
        options.insert("target".to_owned(), target);
    }
    let locals = ["context", "dockerfile"].map(|name| (name.to_owned(), case.to_owned()));
    ask("off", locals.into(), options)
}

fn becomes(case: &Path, file: &str) -> String {
    let bytes = fs::read(case.join(file)).unwrap();
    let target = target(case);
    let kind = Kind::of(file, &bytes).expect("no Dockerfile");
    let mut text = match kind.read(file, &bytes, target.as_deref()) {
        Ok(manifest) => listed(&manifest),
        Err(_) => String::new(),
    };
    let answer = answer(case, file);
    if let Err(error) = &answer.result {
        for detail in &error.details {
            text += &excerpt(&detail.value);
        }
    }
    text + &shown(answer)
}

/// What was read.
fn listed(manifest: &Manifest) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").unwrap();
    for (key, value) in &manifest.options {
        line(format!("option {key}={value}"));
    }
    for (name, value) in &manifest.build_args {
        line(format!("argument {name}={value}"));
    }
    for secret in &manifest.secrets {
        line(format!("secret {} from {}", secret.id, secret.from));
    }
    for registry in &manifest.registries {
        let (host, user, from) = (&registry.host, &registry.username, &registry.password_from);
        line(format!("registry {host} {user} from {from}"));
    }
    for pattern in manifest.ignore.iter().flatten() {
        line(format!("ignored {pattern}"));
    }
    if let Some(folder) = &manifest.context_dir {
        line(format!("context {folder}"));
    }
    for layer in &manifest.requirements {
        line(format!("requirements {:?}", layer.items));
    }
    text
}

/// What a detail of an error shows of a file.
fn excerpt(detail: &[u8]) -> String {
    let json: Value = serde_json::from_slice(detail).unwrap_or_default();
    let data = STANDARD.decode(json["info"]["data"].as_str().unwrap_or_default());
    let source = Source::new(
        json["info"]["filename"].as_str().unwrap_or_default(),
        data.unwrap(),
    );
    let ranges = json["ranges"].as_array().cloned().unwrap_or_default();
    let mut text = format!("shown {}\n", source.name);
    for range in ranges {
        let line = u32::try_from(range["start"]["line"].as_i64().unwrap_or_default()).unwrap();
        let shown = source.line(line).unwrap_or_default();
        writeln!(text, "{line:>4} {shown}").unwrap();
    }
    text
}

/// Everything that leaves the frontend, as text.
fn all_told(answer: &Answer) -> String {
    let mut text = String::new();
    if let Err(error) = &answer.result {
        text += &error.message;
        for detail in &error.details {
            let json: Value = serde_json::from_slice(&detail.value).unwrap_or_default();
            let data = STANDARD.decode(json["info"]["data"].as_str().unwrap_or_default());
            writeln!(
                text,
                "\nshown {}",
                String::from_utf8(data.unwrap()).unwrap()
            )
            .unwrap();
        }
    }
    for warning in &answer.seen.warnings {
        text += &String::from_utf8_lossy(&warning.short);
        let data = warning
            .info
            .iter()
            .map(|info| String::from_utf8_lossy(&info.data));
        text.extend(data);
    }
    for definition in answer.seen.solved.values() {
        text += &format!("{definition:?}");
    }
    text
}

/// Promise: a Dockerfile stays a Dockerfile, whatever is in it.
#[test]
fn a_dockerfile_is_none_of_them() {
    for text in [
        "FROM busybox\nCOPY <<EOF /pyproject.toml\n[tool.fal.apps.x]\nEOF\n",
        "# [tool.fal.apps.x]\nARG A=tool.fal\nFROM busybox\n",
        "# syntax=x\n\nARG\tA=tool.fal\nFROM busybox\n",
        "FROM busybox\nRUN echo '{\"dockerfile_str\": 1}'\n",
        // Broken, and told to be that.
        "[FROM busybox\n",
        "{FROM busybox\n",
        "NAME=value\nFROM busybox\n",
        "",
    ] {
        assert_eq!(Kind::of("Dockerfile", text.as_bytes()), None, "{text}");
    }
    for (text, kind) in [
        (" \n{\"dockerfile_str\": \"\"}", Kind::ContainerImage),
        ("# syntax=x\n\n[tool.fal.apps.x]\n", Kind::Pyproject),
        ("tool.fal.apps.x.ref = \"a\"\n", Kind::Pyproject),
    ] {
        assert_eq!(
            Kind::of("Dockerfile", text.as_bytes()),
            Some(kind),
            "{text}"
        );
    }
}

/// Promise: nothing that a file can hold ends in anything but a value or a sentence.
#[test]
fn no_input_is_too_odd() {
    let deep = 100_000;
    for text in [
        "[".repeat(deep),
        format!("{{\"dockerfile_str\": {}", "[".repeat(deep)),
        format!(
            "{{\"dockerfile_str\": {}{}}}",
            "[".repeat(deep),
            "]".repeat(deep)
        ),
        format!(
            "{{\"dockerfile_str\": {}1{}}}",
            "{\"a\":".repeat(100),
            "}".repeat(100)
        ),
        format!("a = {}", "[".repeat(deep)),
        format!("a = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("[tool.fal.apps.{}]", "a.".repeat(deep)),
        format!("{}a = 1", "a.".repeat(deep)),
        "{\"dockerfile_str\": \"\\ud800\"}".to_owned(),
        "{\"\\ud800\": 1}".to_owned(),
        "{\"dockerfile_str\": \"FROM a\"}{}".to_owned(),
        "{\"dockerfile_str\": null, \"cmd\": null}".to_owned(),
    ] {
        for kind in [Kind::ContainerImage, Kind::Pyproject] {
            let mistake = kind
                .read("file", text.as_bytes(), None)
                .expect_err("a sentence");
            let is_said = !mistake.diagnostic.message.is_empty();
            assert!(is_said && mistake.diagnostic.message.len() < 1_000);
        }
    }
    for bytes in [&b"\xff"[..], b"{\xff}", b"\xef\xbb\xbf{}"] {
        for kind in [Kind::ContainerImage, Kind::Pyproject] {
            kind.read("file", bytes, None).expect_err("a sentence");
        }
    }
}

/// Promise: what can be said of a place can be said with nothing around it.
#[test]
fn a_place_shows_one_line() {
    let text = b"{\n\"dockerfile_str\": \"FROM a\",\n\"secret\": {\"x\": \"canary\"}}";
    let mistake = Kind::ContainerImage
        .read("image.json", text, None)
        .unwrap_err();
    let expected = Diagnostic::error("Found unexpected keys in the ContainerImage: 'secret'")
        .suggest(Some("secrets"))
        .at(Lines::one(3));
    assert_eq!(mistake.diagnostic, expected);
    assert_eq!(mistake.shown.bytes, b"\n\n\"secret\"");
}
