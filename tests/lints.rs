//! The rules of fal: what they say of Dockerfiles, and what becomes of those whose mistakes a program can mend.
//!
//! A case is a folder `tests/lints/<Rule>/<case>` with a Dockerfile, what is said of it in `expected`, a warning a line, and, where there
//! is a fix, the mended file in `fixed`. With a file `image`, that is the config of every base image, JSON; without, no image was asked
//! for. `UPDATE_EXPECTED=1` writes `expected` and `fixed` anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use fal_frontend::{
    cli::offline::{self, Linted, World},
    fal::{
        self,
        lint::sdk::{self, Reading},
    },
    lint::{self, Warning},
    source::Source,
};

const CASES: &str = "tests/lints";

/// The image of the pages: a Python as the registry has it.
const PYTHON: &str = r#"{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["a"]},
    "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHON_VERSION=3.11.9"]}}"#;

fn linted(text: &[u8], image: Option<String>) -> Linted {
    let mut world = World::plain(&[]);
    world.are_images_known = image.is_some();
    world.image = image.map_or(world.image, String::into_bytes);
    let source = Source::new("Dockerfile", text);
    offline::lint_in(&world, &source, None, &BTreeMap::new())
}

/// What the rules of fal say.
fn said(text: &[u8], image: Option<String>) -> Vec<Warning> {
    let mut found = linted(text, image).warnings;
    found.retain(|warning| warning.rule.name.starts_with("fal/"));
    found
}

fn folders(path: impl AsRef<Path>) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_dir());
    paths.sort();
    paths
}

fn matches(path: &Path, found: Option<&[u8]>) -> bool {
    if env::var_os("UPDATE_EXPECTED").is_some() {
        match found {
            Some(found) => fs::write(path, found).unwrap(),
            None => drop(fs::remove_file(path)),
        }
    }
    fs::read(path).ok().as_deref() == found
}

#[test]
fn every_rule_says_of_its_cases_what_is_written_there() {
    let mut wrong = Vec::new();
    let mut warned = BTreeSet::new();
    let mut silent = BTreeSet::new();
    for rule in folders(CASES) {
        let name = format!("fal/{}", rule.file_name().unwrap().to_str().unwrap());
        for case in folders(&rule) {
            let text = fs::read(case.join("Dockerfile")).unwrap();
            let image = fs::read_to_string(case.join("image")).ok();
            let found = said(&text, image.clone());
            let lines: String = found
                .iter()
                .map(|warning| {
                    format!(
                        "{} {}: {}\n",
                        warning.lines.unwrap(),
                        warning.rule.name,
                        warning.message
                    )
                })
                .collect();
            let kind = match found.iter().any(|warning| warning.rule.name == name) {
                true => &mut warned,
                false => &mut silent,
            };
            kind.insert(name.clone());
            let edits: Vec<_> = found.iter().flat_map(|warning| &warning.fix).collect();
            let fixed = (!edits.is_empty())
                .then(|| lint::apply(&Source::new("Dockerfile", text.as_slice()), edits));
            if !matches(&case.join("expected"), Some(lines.as_bytes()))
                || !matches(&case.join("fixed"), fixed.as_deref())
            {
                wrong.push(format!("{}:\n{lines}", case.display()));
            }
            // What is mended stays so, and nothing else is said of it.
            let mendable = found.iter().filter(|warning| !warning.fix.is_empty());
            let again = fixed.map_or(0, |fixed| said(&fixed, image).len());
            let left = found.len() - mendable.clone().count();
            if mendable.count() > 0 && again != left {
                wrong.push(format!(
                    "{}: what is mended has {again} warnings, not {left}",
                    case.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all: BTreeSet<_> = fal::lint::all().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(warned, all, "a rule has no case that warns");
    assert_eq!(silent, all, "a rule has no case that does not");
}

/// The Dockerfiles of a page, after a word that stands alone.
fn block<'a>(page: &'a str, mark: &str) -> &'a str {
    let (_, rest) = page
        .split_once(&format!("\n{mark}:\n\n```dockerfile\n"))
        .unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn what_a_page_calls_bad_is_found_and_what_it_calls_good_is_not() {
    for rule in fal::lint::all() {
        let short = rule.name.strip_prefix("fal/").unwrap();
        let page = rule.documentation;
        assert!(page.starts_with(&format!("# {}\n", rule.name)), "{short}");
        let names = |mark| {
            let found = said(block(page, mark).as_bytes(), Some(PYTHON.to_owned()));
            found.iter().map(|it| it.rule.name).collect::<Vec<_>>()
        };
        assert_eq!(names("Bad"), [rule.name], "{short}");
        assert_eq!(names("Good"), [] as [&str; 0], "{short}");
        let index = fs::read_to_string("docs/rules/README.md").unwrap();
        assert!(
            index.contains(&format!("]({short}.md)")),
            "{short} is not in the index"
        );
        let can_fix = page.contains("\n## Fix\n");
        let found = said(block(page, "Bad").as_bytes(), Some(PYTHON.to_owned()));
        let has_fix = found.iter().any(|it| !it.fix.is_empty());
        assert!(
            can_fix || !has_fix,
            "{short} has a fix, and its page does not say so"
        );
    }
}

#[test]
fn rules_of_fal_are_skipped_one_by_one_or_all_and_count_only_where_fal_is_asked_for() {
    let bad = "FROM python:3.11-slim\nRUN pip install numpy\nENV HF_HOME=/a\n";
    let names = |before: &str| {
        let found = said(format!("{before}{bad}").as_bytes(), None);
        found.iter().map(|it| it.rule.name).collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["fal/HfHomeElsewhere", "fal/UnpinnedInstall"]);
    assert_eq!(
        names("# check=skip=fal/HfHomeElsewhere\n"),
        ["fal/UnpinnedInstall"]
    );
    let mode = |mode| names(&format!("# fal: mode={mode}\n"));
    assert_eq!(mode("server"), names(""));
    for silent in [
        "# check=skip=fal/*\n",
        "# check=skip=all\n",
        "# fal: mode=off\n",
    ] {
        assert_eq!(names(silent), [] as [&str; 0], "{silent}");
    }
    let above = bad.replace("RUN", "# check=skip=fal/UnpinnedInstall\nRUN");
    assert_eq!(said(above.as_bytes(), None).len(), 1);
    let mistake = linted(format!("# check=error=true\n{bad}").as_bytes(), None).mistake;
    assert_eq!(
        mistake.unwrap().to_string(),
        "lint violation found for rules: fal/HfHomeElsewhere, fal/UnpinnedInstall"
    );
}

/// Promise: what the rules believe that fal's SDK finds is what it finds. Runs where `FAL_PYTHON` names a Python that has `fal`.
#[test]
fn the_sdk_finds_what_is_said_that_it_finds() {
    let Some(python) = env::var_os("FAL_PYTHON") else {
        eprintln!("FAL_PYTHON is not set: not compared with the SDK");
        return;
    };
    let groups = [folders(CASES), folders("tests/parity")].concat();
    let cases = groups.iter().flat_map(folders);
    let files = cases.map(|case| case.join("Dockerfile"));
    let texts = files.filter_map(|file| Some((fs::read_to_string(&file).ok()?, file)));
    // Python ends a line at a carriage return too.
    let plain = texts.filter(|(text, _)| !text.replace("\r\n", "").contains('\r'));
    let (texts, files): (Vec<_>, Vec<_>) = plain.unzip();
    let output = Command::new(python)
        .arg("tests/lints/sdk.py")
        .args(&files)
        .output()
        .unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<Vec<String>> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(said.len(), files.len());
    assert!(said.len() > 300, "only {} compared", said.len());
    for ((text, said), file) in texts.iter().zip(said).zip(files) {
        let found = sdk::find(text)
            .into_iter()
            .flat_map(|found| match found.reading {
                Reading::Sources(sources) => sources,
                Reading::None | Reading::Unreadable => Vec::new(),
            });
        assert_eq!(found.collect::<Vec<_>>(), said, "{}", file.display());
    }
}

/// Promise: time grows with the file alone. A second is enough; were each environment held against each path that is copied, minutes would
/// not be.
#[test]
fn what_is_lost_of_many_environments_takes_no_long_time() {
    let many = |line: &dyn Fn(usize) -> String| (0..20_000).map(line).collect::<String>();
    let environments = many(&|n| format!("python -m venv /v/{n}; \\\n"));
    let paths = many(&|n| format!("/w/{n} \\\n"));
    let text = format!(
        "FROM python:3.11-slim AS a\nRUN {environments} true\nFROM python:3.11-slim\nCOPY --from=a {paths} /v/19999/bin /d/\n"
    );
    let start = Instant::now();
    let found = said(text.as_bytes(), None);
    let took = start.elapsed();
    let lost =
        "only /v/19999/bin of the virtual environment /v/19999 is copied: copy /v/19999 as a whole";
    assert!(found.iter().any(|it| it.message == lost));
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn nothing_is_said_of_the_examples() {
    for example in folders("examples") {
        let text = fs::read(example.join("Dockerfile")).unwrap();
        let found = said(&text, None);
        let found: Vec<_> = found.iter().map(Warning::short).collect();
        assert_eq!(found, [] as [&str; 0], "{}", example.display());
    }
}

/// Promise: a token that was found is in nothing that the command line prints, not even beside another warning.
#[test]
fn a_token_is_not_printed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("Dockerfile");
    let text = "# check=error=true\nFROM python:3.11-slim\nENV PYTHONPATH=https://u:canary@h:\nENV HF_HOME=/x\nCOPY $a /a\n";
    fs::write(&path, text).unwrap();
    for format in ["terminal", "json", "sarif"] {
        let output = Command::new(env!("CARGO_BIN_EXE_fal-image"))
            .args(["check", "--format", format])
            .arg(&path)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("fal/SecretInText"), "{said}");
        assert!(said.contains("fal/EmptyPathEntry"), "{said}");
        assert!(said.contains("UndefinedVar"), "{said}");
        assert!(!said.contains("canary"), "{said}");
        if format == "terminal" {
            assert!(said.contains("(line 3)\n"), "{said}");
        }
    }
}

/// `fal-image check` of a file, and its arguments: the exit code and what is on standard output.
fn checked(path: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_fal-image"))
        .arg("check")
        .args(arguments)
        .arg(path)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn the_command_line_tells_programs_what_it_finds_and_mends_what_it_can() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("Dockerfile");
    let text =
        "# fal: pins=\"boto3==1.35.0\"\nFROM python:3.11-slim\n  COPY ü a /b\nENV HF_HOME=/x\n";
    fs::write(&path, text).unwrap();
    let (code, json) = checked(&path, &["--format", "json"]);
    assert_eq!(code, Some(0));
    let json: Value = serde_json::from_str(&json).unwrap();
    let of = |key| {
        json["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(move |it| &it[key])
    };
    assert!(of("rule").eq([
        &json!("fal/SourceNotUploaded"),
        &json!("fal/HfHomeElsewhere"),
        &Value::Null
    ]));
    assert!(of("fixes").eq([
        &json!([{ "line": 3, "start": 0, "end": 2, "text": "" }]),
        &json!([]),
        &Value::Null
    ]));
    let sarif: Value = serde_json::from_str(&checked(&path, &["--format", "sarif"]).1).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "fal/SourceNotUploaded");
    let region = &result["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"];
    let expected = json!({ "startLine": 3, "startColumn": 1, "endLine": 3, "endColumn": 3 });
    assert_eq!(region, &expected);
    assert_eq!(checked(&path, &["--fix"]), (Some(0), String::new()));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        text.replace("  COPY", "COPY")
    );
    fs::write(&path, "# fal: default-ignore=on\nFROM alpine\n").unwrap();
    let (code, json) = checked(&path, &["--format", "json"]);
    assert_eq!(code, Some(1));
    assert!(
        json.contains("default-ignore=on is not supported yet"),
        "{json}"
    );
}
