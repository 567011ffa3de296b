//! Options and files to a result, through the whole frontend and without a daemon.
//!
//! Every case of `tests/parity` and `tests/differences` has a file `expected`: the ops with the lines that they come from, the image
//! config and the warnings, or the error; then what the daemon was asked about, and how often the frontend waited for an answer.
//! `cargo xtask parity` holds the same cases to the original: what is expected here is what was found equal to it, or different on
//! purpose. `UPDATE_EXPECTED=1` writes the files anew.

#![cfg(feature = "gateway")]

mod daemon;

use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use fal_frontend::{
    frontend::{self, Environment},
    gateway::{Attestation, Error, Refs, SolveResult},
    llb::{self, Definition},
    reference::platform,
};
use serde_json::Value;

use self::daemon::{Daemon, Seen};

mod contexts; // what stands in the place of the client's directories, and of images
mod inputs; // what a build can begin with instead of a Dockerfile
mod key; // what changes the name of what a build would give, and what does not
mod forward; // to whom a request is handed on
mod requirements; // what becomes of requirements
mod secrets; // what is said and done of secrets
mod subrequests; // what is answered to questions about a build

/// Promise: what a Dockerfile becomes changes only when somebody means it to.
#[test]
fn every_case_becomes_what_it_was_found_to() {
    let cases = [
        cases(Path::new("tests/parity")),
        cases(Path::new("tests/differences")),
    ]
    .concat();
    assert!(cases.len() > 300, "only {} cases", cases.len());
    let changed: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

/// What a case becomes, if that is not what is expected.
fn check(case: &Path) -> Result<(), String> {
    let found = shown(answer(case));
    // Equal input gives equal bytes, whatever the order of a hash map is this time.
    let again = shown(answer(case));
    if found != again {
        return Err(format!(
            "{} twice:\n{}",
            case.display(),
            difference(&found, &again)
        ));
    }
    let file = case.join("expected");
    if updates() {
        fs::write(file, found).unwrap();
        return Ok(());
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    match found == expected {
        true => Ok(()),
        false => Err(format!(
            "{}\n{}",
            file.display(),
            difference(&expected, &found)
        )),
    }
}

fn updates() -> bool {
    env::var_os("UPDATE_EXPECTED").is_some()
}

/// What the frontend answered, and what it asked the daemon.
struct Answer {
    result: Result<SolveResult, Error>,
    seen: Seen,
    /// How many answers of the daemon it waited for, one after the other.
    waits: u128,
}

fn answer(case: &Path) -> Answer {
    let (locals, options) = inputs(case);
    ask("off", locals, options)
}

/// The folders and the options of a case.
fn inputs(case: &Path) -> (BTreeMap<String, PathBuf>, BTreeMap<String, String>) {
    let mut options = BTreeMap::from([("cmdline".to_owned(), "docker/dockerfile".to_owned())]);
    let mut locals: BTreeMap<String, PathBuf> = ["context", "dockerfile"]
        .map(|name| (name.to_owned(), case.to_owned()))
        .into();
    let written = fs::read_to_string(case.join("options")).unwrap_or_default();
    let lines = written
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    for (key, value) in lines.map(|line| line.split_once('=').expect("key=value")) {
        match key.strip_prefix("local:") {
            Some(name) => drop(locals.insert(name.to_owned(), case.join(value))),
            None => drop(options.insert(key.to_owned(), value.to_owned())),
        }
    }
    (locals, options)
}

/// `mode` is what the frontend image says of itself.
fn ask(mode: &str, locals: BTreeMap<String, PathBuf>, options: BTreeMap<String, String>) -> Answer {
    ask_of(Daemon::new(locals), mode, options)
}

fn ask_of(daemon: Daemon, mode: &str, options: BTreeMap<String, String>) -> Answer {
    let environment = Environment {
        options,
        session: "session".to_owned(),
        platforms: vec![platform::parse("linux/amd64").unwrap()],
        defaults: BTreeMap::from([("FAL_MODE".to_owned(), mode.to_owned())]),
    };
    // Time stands still but for the calls of the daemon.
    let clock = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (result, took) = clock.block_on(async {
        let start = tokio::time::Instant::now();
        let result = frontend::answer(&daemon, &environment).await;
        (result, start.elapsed())
    });
    let waits = took.as_millis() / daemon::CALL.as_millis();
    Answer {
        result,
        seen: daemon.into_seen(),
        waits,
    }
}

fn shown(answer: Answer) -> String {
    let mut text = match &answer.result {
        Ok(result) => accepted(result, &answer.seen),
        Err(error) => refused(error),
    };
    for warning in &answer.seen.warnings {
        writeln!(text, "warning {}", String::from_utf8_lossy(&warning.short)).unwrap();
    }
    for source in &answer.seen.resolved {
        write!(text, "asked {}", source.source.identifier).unwrap();
        if let Some(platform) = &source.platform {
            write!(text, " {}/{}", platform.os, platform.architecture).unwrap();
        }
        writeln!(text, " {}", source.resolve_mode).unwrap();
    }
    writeln!(text, "waits {}", answer.waits).unwrap();
    text
}

fn accepted(result: &SolveResult, seen: &Seen) -> String {
    let mut text = String::new();
    if let Some(answer) = result.metadata.get("result.txt") {
        return String::from_utf8_lossy(answer).into_owned();
    }
    let all: Vec<(&str, _)> = match &result.refs {
        Refs::One(reference) => vec![("", reference)],
        Refs::ByPlatform(refs) => refs.iter().map(|(key, it)| (key.as_str(), it)).collect(),
    };
    for (platform, reference) in all {
        let suffix = match platform {
            "" => String::new(),
            platform => format!("/{platform}"),
        };
        let solved = reference.as_ref().and_then(|it| seen.solved.get(&it.id));
        text += &solved.map(table).unwrap_or_default();
        text += &image(&result.metadata[&format!("containerimage.config{suffix}")]);
        if let Some(epoch) = result.metadata.get(&format!("source.date.epoch{suffix}")) {
            writeln!(text, "epoch {}", String::from_utf8_lossy(epoch)).unwrap();
        }
    }
    for (platform, attestations) in &result.attestations {
        for attestation in attestations {
            text += &attested(platform, attestation, seen);
        }
    }
    text
}

/// What is attested of a platform, and how it is made.
fn attested(platform: &str, attestation: &Attestation, seen: &Seen) -> String {
    let mut text = format!("attested {platform} {}", attestation.in_toto_predicate_type);
    for (key, value) in &attestation.metadata {
        write!(text, " {key}={}", String::from_utf8_lossy(value)).unwrap();
    }
    text += "\n";
    let made = attestation.r#ref.as_ref();
    text += &made.map_or_else(String::new, |it| table(&seen.solved[&it.id]));
    text
}

/// A definition, and which lines its ops come from.
fn table(definition: &Definition) -> String {
    let rows = llb::print(definition);
    let mut table = String::new();
    for (op, row) in definition.ops.iter().zip(rows.lines()) {
        let lines = match definition.lines_of(&llb::digest(op)) {
            Some((first, last)) if first == last => format!("{first}"),
            Some((first, last)) => format!("{first}-{last}"),
            None => String::new(),
        };
        write!(table, "{lines:>7} {}", shortened(row)).unwrap();
        let metadata = definition.metadata.get(&llb::digest(op));
        if let Some(group) = metadata.and_then(|it| it.progress_group.as_ref()) {
            write!(table, " | group {}", group.id).unwrap();
        }
        table.push('\n');
    }
    table
}

/// The config of an image: its digest, what is set, and its history.
fn image(config: &[u8]) -> String {
    let json: Value = serde_json::from_slice(config).unwrap();
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut text = format!("image {}", &llb::digest(config)["sha256:".len()..][..12]);
    for key in ["os", "architecture", "variant", "author"] {
        let value = json[key].as_str().into_iter();
        value.for_each(|value| write!(text, " {value}").unwrap());
    }
    text += "\n";
    for (key, value) in object(&json["config"]) {
        writeln!(text, "{key:>15} {}", shortened(&value.to_string())).unwrap();
    }
    for entry in json["history"].as_array().into_iter().flatten() {
        let kind = match entry["empty_layer"].as_bool() {
            Some(true) => "history",
            _ => "layer",
        };
        let written = entry["created_by"].as_str().unwrap_or_default();
        writeln!(
            text,
            "{kind:>15} {}",
            shortened(&written.escape_debug().to_string())
        )
        .unwrap();
    }
    text
}

/// Digests by their beginning, as the digest of all covers the rest, and of a long text no more than anyone reads.
fn shortened(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (digest, rest) = part.split_at(digits);
        write!(short, "sha256:{}{rest}", &digest[..digits.min(12)]).unwrap();
    }
    match short.char_indices().nth(400) {
        Some((end, _)) => format!("{}… {} bytes", &short[..end], text.len()),
        None => short,
    }
}

fn refused(error: &Error) -> String {
    let mut text = format!("error {}\n", error.message);
    for detail in &error.details {
        let json: Value = serde_json::from_slice(&detail.value).unwrap_or_default();
        let ranges = json["ranges"].as_array().cloned().unwrap_or_default();
        for range in ranges {
            let line = |end: &str| range[end]["line"].as_i64().unwrap_or_default();
            writeln!(text, "lines {}-{}", line("start"), line("end")).unwrap();
        }
    }
    text
}

/// The first line that is not as expected.
fn difference(expected: &str, found: &str) -> String {
    let mut found = found.lines();
    let mut expected = expected.lines();
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return "    the ends of lines differ".to_owned(),
            (expected, found) if expected == found => {}
            (expected, found) => {
                let shown = |line: Option<&str>| line.unwrap_or("nothing").to_owned();
                return format!(
                    "    expected: {}\n    found:    {}",
                    shown(expected),
                    shown(found)
                );
            }
        }
    }
}

/// The folders below `folder` that are cases.
fn cases(folder: &Path) -> Vec<PathBuf> {
    if ["Dockerfile", "options"]
        .iter()
        .any(|file| folder.join(file).is_file())
    {
        return vec![folder.to_owned()];
    }
    let mut folders: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.iter().flat_map(|folder| cases(folder)).collect()
}
