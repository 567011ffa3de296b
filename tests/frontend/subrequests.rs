//! What is answered to questions about a build.
//!
//! A case that has a file `outline`, `targets` or `lint` is asked this, and the file is the answer: its text, then what its JSON
//! says, shorter. That the JSON is the original's to the byte is for `cargo xtask parity --subrequests` to say.

use std::{fmt::Write, fs, path::Path};

use fal_frontend::gateway::SolveResult;
use serde_json::Value;
use tempfile::TempDir;

use super::{Answer, ask, cases, difference, inputs, updates};

const SUBREQUESTS: [&str; 3] = ["outline", "targets", "lint"];

/// Promise: an answer changes only when somebody means it to.
#[test]
fn every_case_answers_what_it_was_found_to() {
    let cases = cases(Path::new("tests/parity"));
    let mut changed = Vec::new();
    let mut answered = 0;
    for case in &cases {
        for name in SUBREQUESTS {
            let file = case.join(name);
            let Ok(expected) = fs::read_to_string(&file) else {
                continue;
            };
            answered += 1;
            let found = shown(&answered_to(case, name));
            if updates() {
                fs::write(file, found).unwrap();
            } else if found != expected {
                let difference = difference(&expected, &found);
                changed.push(format!("{}\n{difference}", file.display()));
            }
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
    assert!(answered > 15, "only {answered} answers");
}

/// Promise: the same question has the same answer, whatever the order of a hash map is this time.
#[test]
fn every_case_answers_the_same_twice() {
    for case in cases(Path::new("tests/parity")) {
        for name in SUBREQUESTS {
            let [once, twice] = [(); 2].map(|()| answered_to(&case, name).result);
            assert_eq!(once, twice, "{name} of {}", case.display());
        }
    }
}

fn answered_to(case: &Path, name: &str) -> Answer {
    let (locals, mut options) = inputs(case);
    options.insert("requestid".to_owned(), format!("frontend.{name}"));
    ask("off", locals, options)
}

fn shown(answer: &Answer) -> String {
    match &answer.result {
        Ok(result) => accepted(result),
        Err(error) => super::refused(error),
    }
}

/// The text, and a line for everything that the JSON says beside the file.
fn accepted(result: &SolveResult) -> String {
    let mut text = String::from_utf8_lossy(&result.metadata["result.txt"]).into_owned();
    let json: Value = serde_json::from_slice(&result.metadata["result.json"]).unwrap();
    let fields = json.as_object().unwrap().iter();
    for (key, value) in fields.filter(|(key, _)| *key != "sources") {
        let entries = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        for entry in entries {
            writeln!(text, "{key} {}", on_its_lines(entry)).unwrap();
        }
    }
    for (key, value) in &result.metadata {
        if !matches!(key.as_str(), "result.txt" | "result.json") {
            writeln!(text, "{key} {}", String::from_utf8_lossy(value)).unwrap();
        }
    }
    text
}

/// An entry, with the numbers of its lines for its place.
fn on_its_lines(entry: &Value) -> Value {
    let mut entry = entry.clone();
    if let Some(place) = entry.get_mut("location") {
        let ranges = place["ranges"].as_array().into_iter().flatten();
        *place = ranges.map(|range| range["start"]["line"].clone()).collect();
    }
    entry
}

/// Promise: no client is told the lines of a token that was found, nor those beside it: it would print them.
#[test]
fn lines_with_a_token_are_told_by_their_numbers() {
    let folder = TempDir::new().unwrap();
    let text = "FROM python:3.11-slim\nENV HUB_TOKEN=hf_abcdefghijklmnopqrstuvwxyz0123456789\nENV HF_HOME=/x\n\n\n\n\nLABEL a=$a\n";
    fs::write(folder.path().join("Dockerfile"), text).unwrap();
    let locals = ["context", "dockerfile"].map(|name| (name.to_owned(), folder.path().to_owned()));
    let options = [
        ("cmdline", "example/ours"),
        ("requestid", "frontend.outline"),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let seen = ask("app", locals.into(), options.into()).seen;
    let told: Vec<_> = seen
        .warnings
        .iter()
        .map(|warning| {
            let short = String::from_utf8_lossy(&warning.short);
            let (rule, _) = short.split_once(':').unwrap();
            let (_, line) = short.rsplit_once(" (").unwrap();
            let is_shown = warning.info.is_some() && !warning.ranges.is_empty();
            assert_eq!(warning.info.is_some(), !warning.ranges.is_empty());
            (rule.to_owned(), line.to_owned(), is_shown)
        })
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(rule, line, is_shown)| (&**rule, &**line, *is_shown))
        .collect();
    assert_eq!(
        told,
        [
            ("SecretsUsedInArgOrEnv", "line 2)", false),
            ("UndefinedVar", "line 8)", true),
            ("fal/SecretInText", "line 2)", false),
            ("fal/HfHomeElsewhere", "line 3)", false),
        ]
    );
}

/// Promise: no answer is much longer than its file, nor long in coming. Each of these has as many parts as lines, and every part could
/// be told with every line, or be followed from every other.
#[test]
fn long_files_have_answers_that_are_not_much_longer() {
    const LINES: usize = 4000;
    let lines = |line: fn(usize) -> String| (0..LINES).map(line).collect::<String>();
    let chain = lines(|i| format!("ARG a{}=$a{i}\n", i + 1));
    let files = [
        // A place of many lines for each argument, secret and cache.
        format!(
            "FROM busybox\nARG \\\n{}x\n",
            lines(|i| format!("a{i} \\\n"))
        ),
        format!(
            "FROM busybox\nRUN \\\n{}true\n",
            lines(|i| format!("--mount=type=secret,id=s{i} --mount=type=cache,target=/c{i} \\\n"))
        ),
        // Arguments that are made of all before, asked for by every stage, with one of its own in their middle.
        format!(
            "ARG a0=busybox\n{chain}{}",
            lines(|i| format!("FROM $a4000 AS s{i}\nARG a2000=own\n")),
        ),
        // Each stage stands on the one before, and reads from it.
        format!(
            "ARG a0=busybox\n{chain}FROM $a1 AS s0\n{}",
            lines(|i| format!(
                "FROM s{i} AS s{0}\nARG a1=own\nCOPY --from=s{i} / /\n",
                i + 1
            )),
        ),
        // One cell that is as wide as many others together.
        format!(
            "FROM busybox\nARG wide={}\n{}",
            "w".repeat(60_000),
            lines(|i| format!("ARG a{i}\n"))
        ),
    ];
    for file in files {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("Dockerfile"), &file).unwrap();
        for name in SUBREQUESTS {
            let Ok(result) = answered_to(folder.path(), name).result else {
                panic!("{name} is refused");
            };
            let size: usize = result.metadata.values().map(|text| text.len()).sum();
            assert!(size < 50 * file.len(), "{name}: {size} bytes");
        }
    }
}

/// Promise: what may be added to the image is told before anything is built, and nothing is told where nothing is added.
#[test]
fn the_outline_tells_of_the_fal_layers() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("Dockerfile"), "FROM scratch\nENV A=b\n").unwrap();
    let outline = |fal: &[(&str, &str)]| {
        let locals = ["context", "dockerfile"]
            .map(|name| (name.to_owned(), folder.path().to_owned()))
            .into();
        let mut options: std::collections::BTreeMap<_, _> = fal
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        options.insert("requestid".to_owned(), "frontend.outline".to_owned());
        let answer = ask("off", locals, options);
        let metadata = answer.result.unwrap().metadata;
        String::from_utf8_lossy(&metadata["result.txt"]).into_owned()
    };
    assert!(!outline(&[]).contains("FAL LAYER"));
    let asked = [
        ("fal.mode", "app"),
        ("fal.runtime", "pins"),
        ("fal.requirements", "six==1.16.0 -r more.txt"),
        ("fal.curl", "verify"),
    ];
    let text = outline(&asked);
    let layers = text.split_once("FAL LAYER      DESCRIPTION\n").unwrap().1;
    assert_eq!(
        layers.trim_end(),
        "requirements   installs six==1.16.0 -r ./more.txt\n\
         curl           fails where there is no curl\n\
         runtime        installs pydantic==2.10.6, protobuf==4.25.1, boto3==1.35.74 where they do not fit"
    );
}
