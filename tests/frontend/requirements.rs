//! What becomes of requirements.
//!
//! Every folder of `tests/requirements` has a `Dockerfile` or a `pyproject.toml` and a file `expected`: the ops, the config and the
//! warnings, or the error. Some say what the requirements come to (`pylock.toml`), what the image has (`look.json`), which program its Python
//! is `brought-by`, and which capability of LLB the daemon `lacks`. `UPDATE_EXPECTED=1` writes `expected` anew.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use fal_frontend::{
    gateway,
    llb::{self, Definition},
    proto::{
        pb::{self, op},
        rpc,
    },
};
use fal_helper::{
    context::LISTING_FILE,
    fingerprint::ABSENT_FILE,
    lock::{LACKING_FILE, LOCK_FILE, WHY_FILE},
    report::{LOOK_FILE, REPORT_FILE},
    requirements::SAID_FILE,
};
use prost::{Message, bytes::Bytes};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Answer, ask_of,
    daemon::{Daemon, Fails},
    difference, shown, updates,
};

/// What a look finds in an image that lacks nothing.
const NOTHING_LACKS: &str =
    r#"{"version":1,"step":"look","mode":"app","curl":{"path":"/usr/bin/curl"}}"#;

/// The same before wheels: they fit.
const FITTING: &str = r#"{"version":1,"step":"look","mode":"app","curl":{"path":"/usr/bin/curl"},
    "python":{"minor":"3.11","command":"/usr/local/bin/python3","executable":"/usr/local/bin/python3.11","prefix":"/usr/local",
        "kind":"system","site":["/usr/local/lib/python3.11/site-packages"]},
    "site":{"folders":["/usr/local/lib/python3.11/site-packages"],"records":{"pip":[{"path":"/usr/local/lib/python3.11/site-packages/pip-24.0.dist-info"}]}}}"#;

/// Promise: what requirements become changes only when somebody means it to, and no credential is told.
#[test]
fn every_list_becomes_the_steps_it_was_found_to() {
    let mut changed = String::new();
    let mut cases: Vec<_> = fs::read_dir("tests/requirements")
        .unwrap()
        .map(|case| case.unwrap().path())
        .collect();
    cases.sort();
    for case in cases {
        let found = becomes(&case);
        assert!(!found.contains("canary"), "{found}");
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

fn becomes(case: &Path) -> String {
    let file = match case.join("Dockerfile").exists() {
        true => "Dockerfile",
        false => "pyproject.toml",
    };
    shown(build(case, &[("filename", file)]))
}

fn build(folder: &Path, options: &[(&str, &str)]) -> Answer {
    build_of(folder, options, Box::new(|_| None))
}

fn build_of(folder: &Path, options: &[(&str, &str)], fails: Fails) -> Answer {
    let locals = ["context", "dockerfile"].map(|name| (name.to_owned(), folder.to_owned()));
    let mut daemon = Daemon::new(locals.into());
    daemon.fails = fails;
    daemon.files = BTreeMap::from([
        (LOOK_FILE, NOTHING_LACKS.into()),
        (SAID_FILE, "what the step has left".into()),
        (WHY_FILE, "they are not asked for".into()),
        (ABSENT_FILE, "".into()),
        // What the key is made of besides is for others to say.
        (LISTING_FILE, "".into()),
    ]);
    // What requirements come to, if the folder says it.
    if let Ok(lock) = fs::read(folder.join(LOCK_FILE)) {
        daemon.files.insert(LOCK_FILE, lock.into());
        let looked = fs::read(folder.join(LOOK_FILE));
        let looked = looked.unwrap_or_else(|_| FITTING.into());
        let looked = Bytes::from(looked);
        daemon.files.insert(REPORT_FILE, looked.clone());
        daemon.files.insert(LOOK_FILE, looked);
    }
    if let Ok(program) = fs::read_to_string(folder.join("brought-by")) {
        let why = "the image that FROM names has no Python";
        daemon.files.insert(LACKING_FILE, why.into());
        daemon.lacks = Box::new(move |definition, file| {
            let has_python = op_of(definition, program.trim()).is_some();
            match file {
                LOCK_FILE => !has_python,
                WHY_FILE => true,
                _ => false,
            }
        });
    }
    if let Ok(capability) = fs::read_to_string(folder.join("lacks")) {
        daemon = daemon.without(capability.trim());
    }
    let options = [("cmdline", "example/ours"), ("source", "example/ours")]
        .iter()
        .chain(options)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    ask_of(daemon, "app", options.collect())
}

/// A folder with this Dockerfile.
fn folder(dockerfile: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    folder
}

/// Promise: what runs again leaves the package caches of the daemon to everybody. BuildKit empties those of a step that ignores them.
#[test]
fn no_step_with_a_cache_ignores_what_is_known() {
    let folder = folder("# fal: requirements=torch==2.6\nFROM python:3.11-slim\n");
    let mut known = None;
    for options in [
        &[][..],
        &[("build-arg:FAL_REFRESH", "on")],
        &[("build-arg:FAL_NO_CACHE", "on")],
        &[("no-cache", "")],
    ] {
        let answer = build(folder.path(), options);
        answer.result.expect("a result");
        let solved = answer.seen.solved.values().map(llb::print);
        let tables: Vec<String> = solved.collect();
        let lines = tables.iter().flat_map(|table| table.lines());
        let steps: Vec<&str> = lines
            .filter(|line| line.contains("/.fal-helper requirements"))
            .collect();
        let digest = steps[0].split_whitespace().find(|word| word.len() == 12);
        let digest = digest.map(str::to_owned);
        assert!(known.is_none() || known != digest, "{options:?}");
        known = known.or(digest);
        for step in steps {
            assert!(
                step.contains("/.fal-cache cache") && !step.contains("| uncached"),
                "{step}"
            );
        }
    }
}

/// Promise: of a file with a credential in what it requires nothing is shown, whatever is asked and whatever else is wrong with it.
#[test]
fn a_credential_is_refused_before_anything_is_told() {
    let written =
        "# fal: requirements=\"--extra-index-url https://canary@example.com/simple torch\"";
    let folders = [
        // With something to warn of, a mistake beside it, and one in the file.
        folder(&format!("{written}\nfrom python:3.11-slim\n")),
        folder(&format!(
            "{written} resolver=other\nFROM python:3.11-slim\n"
        )),
        folder(&format!("{written}\nFROM python:3.11-slim\nCOPY a\n")),
        folder(&format!("{written}\nFROM python:3.11-slim\nNOTHING\n")),
        folder(&format!("# check=skip=\n{written}\n\nRUN [\n")),
    ];
    for folder in &folders {
        for question in [
            "",
            "frontend.outline",
            "frontend.lint",
            "frontend.convertllb",
        ] {
            let options = [("requestid", question)];
            let asked = if question.is_empty() { 0 } else { 1 };
            let answer = build(folder.path(), &options[..asked]);
            assert!(answer.seen.warnings.is_empty(), "{question}");
            match answer.result {
                Err(error) => {
                    assert!(
                        error.message.contains("a credential written out"),
                        "{question}: {error}"
                    );
                    assert!(!error.message.contains("canary"), "{error}");
                    assert!(error.details.is_empty(), "{question}");
                }
                Ok(answer) => {
                    assert_eq!(question, "frontend.lint");
                    let text = |name| String::from_utf8(answer.metadata[name].to_vec()).unwrap();
                    let (text, json) = (text("result.txt"), text("result.json"));
                    assert!(json.contains("a credential written out"), "{json}");
                    assert!(!text.contains("canary") && !json.contains("canary"));
                }
            }
        }
    }
}

/// Promise: the outline refuses what a build would refuse.
#[test]
fn what_cannot_be_installed_is_refused_by_every_question() {
    let folder = folder("# fal: requirements=\"--target=/x torch\"\nFROM python:3.11-slim\n");
    let outline = build(folder.path(), &[("requestid", "frontend.outline")]);
    let error = outline.result.expect_err("a mistake");
    assert!(
        error.message.contains("requirements do not take --target"),
        "{error}"
    );
}

/// The digest of the op that starts something with this among its words.
fn op_of(definition: &Definition, word: &str) -> Option<String> {
    let starts = |op: &pb::Op| match &op.op {
        Some(op::Op::Exec(exec)) => exec.meta.as_ref().unwrap().args.join(" ").contains(word),
        _ => false,
    };
    let mut ops = definition.ops.iter();
    let found = ops.find(|bytes| starts(&pb::Op::decode((*bytes).clone()).unwrap()))?;
    Some(llb::digest(found))
}

/// How a daemon fails whose step with this word fails.
fn failing(word: &'static str, message: &'static str) -> Fails {
    Box::new(move |definition| Some(failed_at(&op_of(definition, word)?, message)))
}

/// What a daemon says of an op that failed.
fn failed_at(digest: &str, message: &str) -> gateway::Error {
    let detail = rpc::Any {
        type_url: "github.com/moby/buildkit/errdefs.Vertex+json".to_owned(),
        value: format!(r#"{{"digest":"{digest}"}}"#).into(),
    };
    gateway::Error {
        details: vec![detail],
        ..gateway::Error::new(message)
    }
}

/// The digest of the op that fetches something with this in its URL, and whether it says a sum.
fn download_of(definition: &Definition, word: &str) -> Option<(String, bool)> {
    let mut ops = definition.ops.iter();
    ops.find_map(|bytes| match pb::Op::decode(bytes.clone()).unwrap().op {
        Some(op::Op::Source(source)) if source.identifier.contains(word) => Some((
            llb::digest(bytes),
            source
                .attrs
                .iter()
                .any(|attr| attr.key() == "http.checksum"),
        )),
        _ => None,
    })
}

/// Promise: where a server does not let the daemon in, all is installed in one step, and the report names the secret that would open it.
/// BuildKit says the same of it as of a wheel that is another than its index says, which ends the build.
#[test]
fn a_server_that_asks_who_comes_is_told_from_a_wheel_that_is_another() {
    let case = Path::new("tests/requirements/private");
    let with_status = |status: Option<&'static str>| {
        let fails: Fails = Box::new(move |definition| {
            let (digest, has_sum) = download_of(definition, "packages.example.com/requests")?;
            match has_sum {
                true => Some(failed_at(&digest, "digest mismatch sha256:00: sha256:01")),
                false => status.map(gateway::Error::new),
            }
        });
        build_of(case, &[], fails)
    };
    for status in ["401", "403"] {
        let status = format!("failed to load cache key: invalid response status {status}");
        let answer = with_status(Some(status.leak()));
        let report = answer.result.expect("a result").metadata["frontend.fal.report"].clone();
        let report = String::from_utf8(report.to_vec()).unwrap();
        let secret =
            "HTTP_AUTH_TOKEN_packages.example.com or HTTP_AUTH_HEADER_packages.example.com";
        assert!(report.contains(secret), "{report}");
        let tables: Vec<String> = answer.seen.solved.values().map(llb::print).collect();
        let resolving = tables.iter().find(|table| has_step(table, "resolve"));
        let resolving = resolving.expect("the step that asks");
        for part in ["--given /.fal-given-", "/.fal-secret-0", "/.fal-secret-1"] {
            assert!(resolving.contains(part), "{resolving}");
        }
        let installing = tables.iter().find(|table| has_step(table, "requirements"));
        let installing = installing.expect("the installing step");
        // It came after the others, and runs again when a secret changes all the same.
        assert!(installing.contains("/.fal-secret-0"), "{installing}");
    }
    let error = with_status(None).result.expect_err("another wheel");
    let said = "the wheel requests-2.32.3-py3-none-any.whl is refused";
    assert!(error.message.contains(said), "{error}");
}

/// Promise: of steps that fail only ours are explained, each by what it has left itself.
#[test]
fn only_the_step_that_failed_is_explained() {
    let folder = folder(
        "# fal: requirements=six\n# fal: requirements=\"--extra-index-url https://${TOKEN}@h/simple torch\"\n\
         FROM python:3.11-slim\nRUN --mount=type=secret,id=TOKEN,required theirs /.fal-helper requirements\n",
    );
    let theirs = "theirs /.fal-helper requirements";
    let ours = "https://${TOKEN}@h/simple";
    let absent = "failed to solve: secret TOKEN: not found";
    let exited = "process \"…\" did not complete successfully: exit code: 94";
    for (word, message, sentence) in [
        (theirs, absent, absent),
        (theirs, exited, exited),
        (
            ours,
            absent,
            "the requirements need the secret TOKEN, which was not given",
        ),
        (ours, exited, "what the step has left"),
    ] {
        let answer = build_of(folder.path(), &[], failing(word, message));
        let error = answer.result.expect_err("a step fails");
        assert_eq!(error.message, sentence, "{word}: {message}");
        let tables = answer.seen.solved.values().map(llb::print);
        let asked: Vec<usize> = tables
            .map(|table| table.matches("said-").count())
            .filter(|count| *count > 0)
            .collect();
        let is_left = word == ours && message == exited;
        assert_eq!(asked, if is_left { &[1][..] } else { &[] }, "{word}");
    }
}

/// Promise: the definition that is answered is the one that would be built, and no step runs for it.
#[test]
fn a_converted_file_has_what_its_requirements_say_and_nothing_ran() {
    let folder = folder("# fal: requirements=requirements.txt\nFROM python:3.11-slim\n");
    let list = "--index-url https://${TOKEN}@h/simple\na @ git+https://example.com/a@main\n";
    fs::write(folder.path().join("requirements.txt"), list).unwrap();
    let answer = build(folder.path(), &[("requestid", "frontend.convertllb")]);
    let json = answer.result.expect("an answer").metadata["result.json"].clone();
    let json = String::from_utf8(json.to_vec()).unwrap();
    for part in ["\"TOKEN\"", "requirements.txt", "c0ffeec0ffee"] {
        assert!(json.contains(part), "no {part} in {json}");
    }
    let sources = answer.seen.resolved.iter().map(|it| &it.source.identifier);
    let repositories = sources.filter(|source| source.starts_with("git://"));
    assert_eq!(repositories.count(), 1);
    for definition in answer.seen.solved.values() {
        let table = llb::print(definition);
        assert!(!table.contains("/.fal-helper"), "{table}");
    }
}

/// The words of the helper that are among what was solved, or in an answer.
fn has_step(text: &str, word: &str) -> bool {
    text.contains(&format!("/.fal-helper {word} "))
}

/// Promise: given the lock of an earlier build nothing is resolved, and the definition that is answered has its wheels.
#[test]
fn a_given_lock_is_all_that_has_to_be_known() {
    let given = Path::new("tests/requirements/given");
    let built = build(given, &[]);
    built.result.expect("a result");
    let tables: Vec<String> = built.seen.solved.values().map(llb::print).collect();
    let tables = tables.join("\n");
    assert!(has_step(&tables, "unpack") && has_step(&tables, "finish"));
    assert!(!has_step(&tables, "resolve") && !has_step(&tables, "requirements"));

    let converted = |case: &Path| {
        let answer = build(case, &[("requestid", "frontend.convertllb")]);
        for definition in answer.seen.solved.values() {
            let table = llb::print(definition);
            assert!(!table.contains("/.fal-helper"), "{table}");
        }
        let json = answer.result.expect("an answer").metadata["result.json"].clone();
        String::from_utf8(json.to_vec()).unwrap()
    };
    let json = converted(given);
    assert_eq!(json, converted(given));
    let steps = |json: &str| {
        ["look", "unpack", "finish", "resolve", "requirements"]
            .map(|word| json.contains(&format!("\"{word}\"")))
    };
    assert_eq!(steps(&json), [true, true, true, false, false], "{json}");
    assert_eq!(
        json.matches("\"http.checksum\": \"sha256:").count(),
        3,
        "{json}"
    );

    // Without one, nobody asks what they come to.
    let json = converted(Path::new("tests/requirements/pylock"));
    assert_eq!(steps(&json), [true, false, false, true, true], "{json}");
}

/// Promise: of requirements that nobody tries wheel by wheel the report says why.
#[test]
fn of_what_is_not_tried_the_report_says_why() {
    let report = |options: &str| {
        let folder = folder(&format!("# fal: {options}\nFROM python:3.11-slim\n"));
        let answer = build(folder.path(), &[]).result.expect("a result");
        String::from_utf8(answer.metadata["frontend.fal.report"].to_vec()).unwrap()
    };
    for (options, why) in [
        (
            "resolver=pip requirements=six",
            "resolver=pip installs them all in one step",
        ),
        (
            "wheels=off requirements=six",
            "wheels=off asks for one step",
        ),
        ("requirements=six", "they are not asked for"),
    ] {
        let report = report(options);
        assert!(
            report.contains(&format!("\"why_not\":\"{why}\"")),
            "{report}"
        );
    }
    let report = report("wheels=off");
    assert!(!report.contains("why_not"), "{report}");
}

/// Promise: byte code is made of what a given lock brings if that says so, beside each layer, by the Python of the image that it names.
#[test]
fn a_given_lock_says_whether_there_is_byte_code() {
    let folder =
        folder("# fal: runtime=none requirements=pylock.toml\nFROM python:3.11-slim\nRUN a\n");
    let lock = fs::read_to_string("tests/requirements/given/pylock.toml").unwrap();
    for (word, count) in [
        ("", 0),
        ("byte-code = \"base\"\n", 2),
        ("byte-code = \"image\"\n", 2),
    ] {
        let lock = lock.replace(
            "\n[tool.fal.target]\n",
            &format!("{word}\n[tool.fal.target]\n"),
        );
        fs::write(folder.path().join("pylock.toml"), &lock).unwrap();
        let answer = build(folder.path(), &[("requestid", "frontend.convertllb")]);
        let json = answer.result.expect("an answer").metadata["result.json"].clone();
        let json = String::from_utf8(json.to_vec()).unwrap();
        assert_eq!(json.matches("\"compile\"").count(), count, "{word}");

        let answer = build(folder.path(), &[]);
        answer.result.expect("a result");
        let mut steps = 0;
        for table in answer.seen.solved.values().map(llb::print) {
            let from = table.lines().find(|line| line.contains("[1/2] FROM"));
            let from = from.and_then(|line| line.split_whitespace().next());
            let base = format!("| / {} |", from.unwrap_or_default());
            for step in table.lines().filter(|line| has_step(line, "compile")) {
                assert_eq!(step.contains(&base), word.contains("base"), "{table}");
                steps += 1;
            }
        }
        // Those that are made early, and those of the image.
        assert_eq!(steps, 2 * count, "{word}");
    }
}

/// Promise: where FROM has no Python, what has one is asked that stays the same when the user's files change.
#[test]
fn what_is_asked_has_nothing_of_the_context_if_it_can() {
    let asked = |case: &str| {
        let answer = build(&Path::new("tests/requirements").join(case), &[]);
        answer.result.expect("a result");
        let tables = answer.seen.solved.values().map(llb::print);
        let tables: Vec<String> = tables.filter(|table| has_step(table, "resolve")).collect();
        let has = |table: &String| ["apt-get", "COPY Dockerfile"].map(|it| table.contains(it));
        let mut asked: Vec<[bool; 2]> = tables.iter().map(has).collect();
        asked.sort();
        asked
    };
    let (base, with_python, finished) = ([false, false], [true, false], [false, true]);
    for (case, want) in [
        ("wheels", &[base][..]),
        ("python-on-top", &[base, with_python]),
        ("runtime-on-top", &[base, with_python]),
        ("python-of-context", &[base, finished]),
    ] {
        assert_eq!(asked(case), want, "{case}");
    }
}

/// Promise: what a given lock holds counts.
#[test]
fn another_lock_is_another_image() {
    let folder = folder("# fal: runtime=none requirements=pylock.toml\nFROM python:3.11-slim\n");
    let lock = fs::read_to_string("tests/requirements/given/pylock.toml").unwrap();
    let image = |lock: &str| {
        fs::write(folder.path().join("pylock.toml"), lock).unwrap();
        let answer = build(folder.path(), &[]);
        answer.result.expect("a result");
        let tables: Vec<String> = answer.seen.solved.values().map(llb::print).collect();
        tables
    };
    let (one, same) = (image(&lock), image(&lock));
    assert_eq!(one, same);
    assert_ne!(one, image(&lock.replace("cccccccc", "dddddddd")));
}

/// Promise: wheels never make more layers than runtimes take, and none is left out: what there is no room for is installed in one step.
#[test]
fn an_image_has_no_more_layers_than_runtimes_take() {
    let package = |number: usize| {
        let sum = format!("{number:064x}");
        let (name, file) = (
            format!("p{number}"),
            format!("p{number}-1-py3-none-any.whl"),
        );
        format!(
            "[[packages]]\nname = \"{name}\"\nversion = \"1\"\n[[packages.wheels]]\nname = \"{file}\"\n\
             url = \"https://packages.example.com/{file}\"\nsize = {}\n[packages.wheels.hashes]\nsha256 = \"{sum}\"\n",
            100_000_000 + number
        )
    };
    let given = fs::read_to_string("tests/requirements/given/pylock.toml").unwrap();
    let (_, target) = given.split_once("[tool.fal]").unwrap();
    let packages: String = (0..99).map(package).collect();
    let lock = format!("lock-version = \"1.0\"\ncreated-by = \"x\"\n{packages}[tool.fal]{target}");
    let lock = lock.replace("requested = [\"requests\", \"torch\"]", "requested = []");
    for (copies, most, why_not) in [
        (0, 100, false),
        (60, 100, false),
        (84, 100, false),
        (90, 92, true),
        (120, 122, true),
    ] {
        let lines: String = (0..copies)
            .map(|at| format!("COPY Dockerfile /{at}\n"))
            .collect();
        let folder = folder(&format!(
            "# fal: runtime=none requirements=requirements.txt\nFROM python:3.11-slim\n{lines}"
        ));
        fs::write(folder.path().join("requirements.txt"), "p1\n").unwrap();
        fs::write(folder.path().join(LOCK_FILE), &lock).unwrap();
        let result = build(folder.path(), &[]).result.expect("a result");
        let config = &result.metadata["containerimage.config"];
        let config: Value = serde_json::from_slice(config).unwrap();
        let history = config["history"].as_array().unwrap();
        let layers: Vec<&str> = history
            .iter()
            .filter(|entry| entry["empty_layer"] != true)
            .filter_map(|entry| entry["created_by"].as_str())
            .collect();
        assert!(layers.len() <= most, "{copies}: {}", layers.len());
        let unpacked = layers.iter().filter(|it| it.contains("fal-helper unpack"));
        let unpacked: Vec<&str> = unpacked.flat_map(|it| it.split(", ")).collect();
        let report = String::from_utf8(result.metadata["frontend.fal.report"].to_vec()).unwrap();
        assert_eq!(unpacked.len(), if why_not { 0 } else { 99 }, "{copies}");
        assert_eq!(report.contains("too many layers"), why_not, "{report}");
    }
}
