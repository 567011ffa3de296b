//! The table of situations: what `mode=app` and `mode=server` make of an image, for every kind of image that we know.
//!
//! A row is a folder of `tests/situations`: a Dockerfile and `expected`, where `…` stands for what may differ. It is built
//! for real, twice: with the fal layers, and plainly. `expected` is the error, or
//! * what the build says (the lines that begin with `fal:`);
//! * how many layers were added to the plain build's;
//! * what a process finds that is started in the image as its USER: curl, the Python that isolate's own code would run, and
//!   the packages that it imports; and what the image's stand-in of a package manager was asked.
//!
//! Instead of the Dockerfile may stand the name of an `example`, and beside it `options`, words for the client, and `unstarted`, which says why its Python cannot be started.
//! Nothing else of the image's config may differ from the plain build's. `UPDATE_EXPECTED=1` writes `expected` anew.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, OnceLock},
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use super::stack::{self, Outcome, Stack};

const SITUATIONS: &str = "tests/situations";

/// Where the images that situations begin from are made; no situation itself.
const BASES: &str = "tests/situations/bases";

/// Builds that run at once.
const AT_ONCE: usize = 6;

/// Promise: every situation comes out as its row says.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn every_situation_comes_out_as_its_row_says() {
    let stack = Stack::new();
    push_bases(&stack);
    let rows = rows();
    let is_all = env::var_os("SITUATION").is_none();
    assert!(!is_all || rows.len() >= 40, "{} situations", rows.len());
    let (rows, failed) = (Mutex::new(rows.into_iter()), Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = { rows.lock().expect("rows").next() } {
                    if let Err(difference) = check(&stack, &row) {
                        failed.lock().expect("rows").insert(difference);
                    }
                }
            });
        }
    });
    let failed: Vec<String> = failed.into_inner().expect("rows").into_iter().collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Every situation, or those that the variable `SITUATION` names a part of.
fn rows() -> Vec<PathBuf> {
    let folders = fs::read_dir(SITUATIONS).expect("the situations");
    let named = env::var("SITUATION").unwrap_or_default();
    let mut rows: Vec<PathBuf> = folders
        .map(|folder| folder.expect("a folder").path())
        .filter(|folder| folder != Path::new(BASES))
        .filter(|folder| folder.to_string_lossy().contains(&named))
        .collect();
    rows.sort();
    rows
}

/// Makes the images that situations begin from.
fn push_bases(stack: &Stack) {
    let text = fs::read_to_string(Path::new(BASES).join("Dockerfile")).expect("the bases");
    let targets = text
        .lines()
        .filter_map(|line| line.strip_prefix("FROM ")?.split_once(" AS "));
    for (_, target) in targets {
        let target_option = format!("target={target}");
        let output = format!(
            "type=image,name={},push=true",
            stack.image_of("situations", target)
        );
        let asked = ["--opt", &target_option, "--output", &output];
        stack.builtin(Path::new(BASES), &asked).succeeded();
    }
}

/// Builds a situation, and compares what comes out with its row.
fn check(stack: &Stack, row: &Path) -> Result<(), String> {
    let name = row.file_name().unwrap_or_default().to_string_lossy();
    let found = found(stack, row, &name).map_err(|why| format!("{name}: {why}"))?;
    let file = row.join("expected");
    let expected = fs::read_to_string(&file).unwrap_or_default();
    let is_judged = |line: &&str| !line.starts_with("python ") && !line.starts_with("imports");
    let expected = match env::var_os("FAL_PYTHON") {
        Some(_) => expected,
        // Where isolate cannot be had nobody says which Python it runs.
        None => expected
            .lines()
            .filter(is_judged)
            .map(|line| format!("{line}\n"))
            .collect(),
    };
    if is_like(&expected, &found) {
        return Ok(());
    }
    if env::var_os("UPDATE_EXPECTED").is_some() {
        return fs::write(&file, found).map_err(|error| error.to_string());
    }
    Err(format!(
        "--- {}: expected\n{expected}--- found\n{found}",
        file.display()
    ))
}

/// What comes out of a situation.
fn found(stack: &Stack, row: &Path, name: &str) -> Result<String, String> {
    let image = stack.image_of("situation", name);
    let app = build(stack, row, &image, &[]);
    if app.code != Some(0) {
        return Ok(failure(&app));
    }
    let plain_image = stack.image_of("situation-plain", name);
    let plain = build(stack, row, &plain_image, &["--opt", "fal.mode=off"]);
    if plain.code != Some(0) {
        return Err(format!("the plain build fails:\n{}", plain.log));
    }
    let added = added(&stack.config(&image), &stack.config(&plain_image))?;
    let said = summary(&app);
    let started = start(stack, row, &image, &report(&app))?;
    Ok(format!("{said}layers: {added}\n{started}"))
}

fn build(stack: &Stack, row: &Path, image: &str, more: &[&str]) -> Outcome {
    let output = format!("type=image,name={image},push=true");
    let options = options(stack, row);
    let mut arguments = vec!["--output", &output];
    arguments.extend(options.iter().map(String::as_str));
    arguments.extend(more);
    stack.buildctl(&folder(row), &stack.fal(), &arguments)
}

/// What a situation asks of the client, besides its Dockerfile.
fn options(stack: &Stack, row: &Path) -> Vec<String> {
    let text = fs::read_to_string(row.join("options")).unwrap_or_default();
    let text = text.replace("{registry}", &stack.registry());
    text.split_whitespace().map(str::to_owned).collect()
}

/// What a situation builds: its own folder, or the example that it names.
fn folder(row: &Path) -> PathBuf {
    match fs::read_to_string(row.join("example")) {
        Ok(example) => Path::new("examples").join(example.trim()),
        Err(_) => row.to_owned(),
    }
}

/// What a build reports; buildctl decodes the JSON of some answers, and of some not.
fn report(outcome: &Outcome) -> Value {
    match &outcome.metadata["frontend.fal.report"] {
        Value::String(text) => serde_json::from_str(text).expect("a report is JSON"),
        report => report.clone(),
    }
}

/// The sentence of a build that failed, and the lines that it marks. Of a step that installs only its own output has the
/// sentence, and the daemon says that it failed.
fn failure(outcome: &Outcome) -> String {
    let lines = || outcome.log.lines();
    let error = lines().rfind(|line| line.starts_with("error: "));
    let error = error.unwrap_or("no error");
    let said = match error.contains("did not complete successfully") {
        true => lines()
            .filter_map(|line| line.strip_prefix('#')?.splitn(3, ' ').nth(2))
            .rfind(|line| line.starts_with("fal: ")),
        false => None,
    };
    let marks = lines().filter(|line| line.contains("| >>> "));
    let shown = said.into_iter().chain([error]).chain(marks.map(str::trim));
    shown.map(|line| format!("{line}\n")).collect()
}

/// What a build says at its end.
fn summary(outcome: &Outcome) -> String {
    let message = &outcome.metadata["frontend.result.inlinemessage"];
    message.as_str().unwrap_or_default().to_owned()
}

/// How many layers an image has more than another one, whose config is the same otherwise.
fn added(app: &Value, plain: &Value) -> Result<usize, String> {
    let config = |image: &Value| {
        let mut config = image["config"].clone();
        // The name of the result is a label, and ours.
        if let Some(labels) = config["Labels"].as_object_mut() {
            labels.retain(|name, _| !name.starts_with("ai.fal."));
        }
        if config["Labels"].as_object().is_some_and(|it| it.is_empty()) {
            config["Labels"] = Value::Null;
        }
        config
    };
    if config(app) != config(plain) {
        return Err(format!(
            "the config was changed: {app}\nplainly it is {plain}"
        ));
    }
    let layers = |image: &Value| image["rootfs"]["diff_ids"].as_array().cloned();
    let (app, plain) = (layers(app), layers(plain));
    let (app, plain) = (app.unwrap_or_default(), plain.unwrap_or_default());
    if !app.starts_with(&plain) {
        return Err("the layers of the plain build are not the first".to_owned());
    }
    Ok(app.len() - plain.len())
}

/// Starts a process in the image as its USER: what it found.
fn start(stack: &Stack, row: &Path, image: &str, report: &Value) -> Result<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let arguments: Vec<String> = match &report["python"] {
        _ if row.join("unstarted").exists() => Vec::new(),
        Value::Null => Vec::new(),
        python => [text(&python["command"]), text(&python["minor"])]
            .into_iter()
            .chain(modules(report))
            .collect(),
    };
    let words: Vec<String> = ["/.busybox/bin/busybox", "sh", "/.judge/start"]
        .into_iter()
        .map(str::to_owned)
        .chain(arguments)
        .collect();
    let words = serde_json::to_string(&words).map_err(|error| error.to_string())?;
    let dockerfile = format!(
        "FROM image\nRUN --mount=from=busybox,target=/.busybox --mount=from=judge,target=/.judge {words}\n"
    );
    let folder = stack::folder(&[("Dockerfile", &dockerfile)]);
    let image = format!("context:image=docker-image://{image}");
    let judge = format!("judge={}", judge().path().display());
    let options = options(stack, row);
    let mut arguments = vec!["--no-cache", "--opt", &image, "--local", &judge];
    arguments.extend(["--opt", "context:judge=local:judge"]);
    arguments.extend(options.iter().map(String::as_str));
    let outcome = stack.builtin(folder.path(), &arguments);
    let found: String = outcome
        .log
        .lines()
        .filter_map(|line| line.split_once(" found: "))
        .map(|(_, what)| format!("{what}\n"))
        .collect();
    match outcome.code {
        Some(0) => Ok(found),
        _ => Ok(format!("{found}it fails\n{}", outcome.log)),
    }
}

/// The modules that must be there: those of the packages that the report holds the image to.
fn modules(report: &Value) -> Vec<String> {
    let packages = report["packages"].as_array().into_iter().flatten();
    packages
        .filter(|package| package["fits"] == true)
        .filter_map(|package| package["name"].as_str())
        .flat_map(|name| match name {
            "protobuf" => vec!["google.protobuf".to_owned()],
            "fal" => vec!["fal".to_owned(), "isolate_proto".to_owned()],
            name => vec![name.replace('-', "_")],
        })
        .collect()
}

/// What is mounted into the process: its script, and isolate's own code where it is at hand.
fn judge() -> &'static TempDir {
    static JUDGE: OnceLock<TempDir> = OnceLock::new();
    JUDGE.get_or_init(|| {
        let folder = TempDir::new().expect("a temporary folder");
        for name in ["start", "judge.py"] {
            fs::copy(Path::new(BASES).join(name), folder.path().join(name)).expect("a copy");
        }
        if let Some(python) = env::var_os("FAL_PYTHON") {
            let script = "import sys, os, shutil, isolate\n\
                          site = os.path.dirname(os.path.dirname(isolate.__file__))\n\
                          for name in ['isolate', 'platformdirs', 'tblib']:\n    \
                          shutil.copytree(f'{site}/{name}', f'{sys.argv[1]}/site/{name}')\n";
            let copied = Command::new(python)
                .args(["-c", script])
                .arg(folder.path())
                .status();
            assert!(copied.is_ok_and(|status| status.success()));
        }
        folder
    })
}

/// Whether a text is what is expected, where each `…` of that stands for anything within a line.
fn is_like(expected: &str, found: &str) -> bool {
    let (mut expected, mut found) = (expected.lines(), found.lines());
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return true,
            (Some(expected), Some(found)) if line_is_like(expected, found) => {}
            _ => return false,
        }
    }
}

fn line_is_like(expected: &str, found: &str) -> bool {
    let Some((first, rest)) = expected.split_once('…') else {
        return expected == found;
    };
    let Some(mut found) = found.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('…').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = found.find(part) else {
            return false;
        };
        found = &found[at + part.len()..];
    }
    found.ends_with(last)
}
