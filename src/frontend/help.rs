//! What to do about a step of the user's that failed.
//!
//! Takes the daemon's error; gives it back with a sentence behind its own: which name of the context was meant or what hides it, which
//! program the image lacks, or that memory ran out. Asks the daemon only now, when nothing is to be lost.
//!
//! Only where a step runs before Return, as with `mode=app` and `mode=server`: a plain build is returned before anything ran, and
//! nobody asks us then.

use std::collections::HashSet;

use prost::{Message, bytes::Bytes};

use crate::{
    fal::lint::programs,
    gateway::{FileRange, Gateway, SolveRequest, SolveResult, Stat},
    golang::{self, ignore, path},
    llb::{self, Definition, caps, source::Local},
    plan::MainContext,
    proto::pb,
};

use super::{build::Job, context, error::Error};

/// Where the daemon puts the names of a directory that is sent without its files, and how many bytes of them are looked at.
const LISTING: &str = ".fsutil-metadata";
const MOST_LISTED: i64 = 4 << 20;

/// More programs, or folders of a path, are not looked for.
const MOST_ASKED: usize = 12;

/// Says what can be done about an error that a definition of the user's steps ended with.
pub(super) async fn of_failure(
    job: &Job<'_, impl Gateway>,
    definition: &Definition,
    error: Error,
) -> Error {
    let Error::Refusal(refusal, _) = &error else {
        return error;
    };
    let said = refusal.message.as_str();
    let help = if let Some(missing) = missing_source(said) {
        of_missing_source(job, definition, missing).await
    } else if said.ends_with("exit code: 127") {
        of_missing_program(job, definition, said).await
    } else if said.ends_with("exit code: 137") {
        Some(String::from(
            "the process was killed, mostly because memory ran out: give the builder more of it, or let the step do less at once",
        ))
    } else {
        None
    };
    match help {
        Some(help) => error.help(&help),
        None => error,
    }
}

/// `failed to calculate checksum of ref …: "/src/app.py": not found`
fn missing_source(said: &str) -> Option<&str> {
    let before = said.strip_suffix("\": not found")?;
    let (before, path) = before.rsplit_once('"')?;
    before.contains("checksum of ref").then_some(path)
}

/// The ignore rule that hides a file of the context, or the name that is nearest.
async fn of_missing_source(
    job: &Job<'_, impl Gateway>,
    definition: &Definition,
    missing: &str,
) -> Option<String> {
    let missing = missing.trim_start_matches('/');
    let main = job.main()?;
    let MainContext::Local {
        name,
        session,
        excludes,
    } = main
    else {
        return None;
    };
    if !is_of_context(definition, missing, name) {
        return None;
    }
    if let Some(rule) = hiding(excludes, missing) {
        return Some(match job.ignore_line(rule) {
            Some((file, line)) => {
                format!("{file}:{line} leaves {missing} out of the context: `{rule}`")
            }
            None => format!("an ignore pattern leaves {missing} out of the context: `{rule}`"),
        });
    }
    if !job
        .gateway
        .capabilities()
        .llb
        .supports(caps::SOURCE_LOCAL_METADATA_TRANSFER)
    {
        return None;
    }
    let names = Local {
        metadata_only: Some(Vec::new()),
        exclude_patterns: excludes.clone(),
        shared_key_hint: format!("{name}-names"),
        ..context::whole(name, session)
    };
    let listed = context::single(
        names,
        "[internal] list the names of the context",
        job.gateway,
    );
    let request = SolveRequest {
        evaluate: true,
        ..SolveRequest::definition(listed)
    };
    let solved = job.gateway.solve(request).await.ok()?;
    let range = FileRange {
        offset: 0,
        length: MOST_LISTED,
    };
    let listing = context::part(job.gateway, &solved, LISTING, Some(range)).await;
    let meant = nearest(&paths(&listing.ok()?), missing)?;
    Some(format!(
        "the context has no {missing}; did you mean {meant}?"
    ))
}

/// The paths of a listing: messages, each after its length in four bytes. One that is cut off is left out.
fn paths(mut listing: &[u8]) -> Vec<String> {
    let mut paths = Vec::new();
    while let Some((length, rest)) = listing.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some((message, rest)) = rest.split_at_checked(length) else {
            break;
        };
        listing = rest;
        paths.extend(Stat::decode(message).map(|stat| stat.path));
    }
    paths
}

/// The path that was probably meant: by a name that is near where the first part is missing, or else the same name elsewhere.
fn nearest(paths: &[String], missing: &str) -> Option<String> {
    let all: HashSet<&str> = paths.iter().map(String::as_str).collect();
    let mut folder = String::new();
    for part in missing.split('/').take(MOST_ASKED) {
        let path = path::join(&[&folder, part]);
        if all.contains(path.as_str()) {
            folder = path;
            continue;
        }
        let within = paths.iter().filter(|path| parent(path) == folder);
        let names: Vec<&str> = within.map(|path| name(path)).collect();
        let same = names.iter().find(|name| name.eq_ignore_ascii_case(part));
        let near = same
            .map(|name| (*name).to_owned())
            .or_else(|| golang::nearest(part, names, true));
        let elsewhere = || paths.iter().find(|path| name(path) == name(missing));
        return match near {
            Some(near) => Some(path::join(&[&folder, &near])),
            None => elsewhere().cloned(),
        };
    }
    None
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a copy asks the main context for this path, and not another stage.
fn is_of_context(definition: &Definition, missing: &str, context: &str) -> bool {
    let context = format!("local://{context}");
    let decoded = |bytes: &Bytes| pb::Op::decode(bytes.clone()).ok();
    let is_context = |bytes: &&Bytes| match decoded(bytes).and_then(|op| op.op) {
        Some(pb::op::Op::Source(source)) => source.identifier == context,
        _ => false,
    };
    let contexts = definition.ops.iter().filter(is_context);
    let contexts: HashSet<String> = contexts.map(|op| llb::digest(op)).collect();
    let ops = definition.ops.iter().filter_map(decoded);
    let mut of_paths = ops.filter_map(|op| {
        let asks = match &op.op {
            Some(pb::op::Op::File(file)) => {
                file.actions.iter().any(|action| match &action.action {
                    Some(pb::file_action::Action::Copy(copy)) => {
                        copy.src.trim_start_matches('/') == missing
                    }
                    _ => false,
                })
            }
            Some(pb::op::Op::Exec(exec)) => exec
                .mounts
                .iter()
                .any(|mount| mount.selector.trim_start_matches('/') == missing),
            _ => false,
        };
        asks.then_some(op.inputs)
    });
    of_paths.any(|inputs| inputs.iter().any(|input| contexts.contains(&input.digest)))
}

/// The pattern that takes a path out of the context, if one does.
fn hiding<'a>(excludes: &'a [String], path: &str) -> Option<&'a str> {
    let matches = |patterns: &[String]| {
        ignore::Matcher::new(patterns).is_ok_and(|matcher| matcher.matches_or_parent_matches(path))
    };
    if !matches(excludes) {
        return None;
    }
    let mut rules = excludes.iter().rev().filter(|rule| !rule.starts_with('!'));
    rules
        .find(|rule| matches(std::slice::from_ref(rule)))
        .map(String::as_str)
}

/// Which of the programs that a step starts is not in the image that it starts in.
async fn of_missing_program(
    job: &Job<'_, impl Gateway>,
    definition: &Definition,
    said: &str,
) -> Option<String> {
    let (meta, root) = failed_step(definition, said)?;
    let solved = state_at(job, definition, root).await?;
    let path = meta
        .env
        .iter()
        .rev()
        .find_map(|pair| pair.strip_prefix("PATH="));
    let folders: Vec<&str> = path
        .unwrap_or("/usr/local/bin:/usr/bin:/bin")
        .split(':')
        .take(MOST_ASKED)
        .collect();
    for program in programs(&meta.args).into_iter().take(MOST_ASKED) {
        if program.starts_with("./") || program.contains('$') {
            continue;
        }
        let places: Vec<String> = match program.contains('/') {
            true => vec![program.clone()],
            false => folders
                .iter()
                .map(|folder| format!("{folder}/{program}"))
                .collect(),
        };
        if any(job, &solved, &places).await {
            continue;
        }
        let missing = format!("the image has no `{program}`");
        let manager = manager(job, &solved).await;
        return Some(
            match manager.and_then(|manager| manager.installs(&program)) {
                Some(line) => format!("{missing}; install it in a RUN before: {line}"),
                None => missing,
            },
        );
    }
    None
}

/// What a step that failed runs, and the state that it begins with.
fn failed_step(definition: &Definition, said: &str) -> Option<(pb::Meta, pb::Input)> {
    let ops = definition
        .ops
        .iter()
        .filter_map(|op| pb::Op::decode(op.clone()).ok());
    let mut steps = ops.filter_map(|op| match op.op {
        Some(pb::op::Op::Exec(exec)) => {
            let root = exec.mounts.iter().find(|mount| mount.dest == "/")?;
            let input = op.inputs.get(usize::try_from(root.input).ok()?)?.clone();
            Some((exec.meta?, input))
        }
        _ => None,
    });
    steps.find(|(meta, _)| {
        let command = golang::quote(&meta.args.join(" "));
        said.contains(&format!("process {command} did not complete"))
    })
}

/// What an op of the definition gives. It has run.
async fn state_at(
    job: &Job<'_, impl Gateway>,
    definition: &Definition,
    output: pb::Input,
) -> Option<SolveResult> {
    let place = definition
        .ops
        .iter()
        .position(|op| llb::digest(op) == output.digest)?;
    let mut ops = definition.ops[..=place].to_vec();
    let end = pb::Op {
        inputs: vec![output],
        ..pb::Op::default()
    };
    ops.push(end.encode_to_vec().into());
    let definition = Definition {
        ops,
        ..definition.clone()
    };
    let request = SolveRequest {
        evaluate: true,
        ..SolveRequest::definition(definition)
    };
    job.gateway.solve(request).await.ok()
}

async fn any(job: &Job<'_, impl Gateway>, solved: &SolveResult, paths: &[String]) -> bool {
    let Some(reference) = solved.reference() else {
        return false;
    };
    let asked = paths
        .iter()
        .map(|path| job.gateway.stat_file(reference, path));
    let found = futures_util::future::join_all(asked).await;
    found.iter().any(Result::is_ok)
}

/// Who installs packages in an image.
#[derive(Clone, Copy)]
enum Manager {
    Apt,
    Apk,
    Dnf,
}

async fn manager(job: &Job<'_, impl Gateway>, solved: &SolveResult) -> Option<Manager> {
    for (manager, program) in [
        (Manager::Apt, "/usr/bin/apt-get"),
        (Manager::Apk, "/sbin/apk"),
        (Manager::Dnf, "/usr/bin/dnf"),
    ] {
        if any(job, solved, &[program.to_owned()]).await {
            return Some(manager);
        }
    }
    None
}

/// Programs and the packages that bring them: of apt, apk and dnf.
const PACKAGES: [(&str, [&str; 3]); 22] = [
    ("bash", ["bash", "bash", "bash"]),
    ("cc", ["gcc libc6-dev", "build-base", "gcc"]),
    ("cmake", ["cmake", "cmake", "cmake"]),
    ("curl", ["curl ca-certificates", "curl", "curl"]),
    ("ffmpeg", ["ffmpeg", "ffmpeg", "ffmpeg-free"]),
    ("file", ["file", "file", "file"]),
    ("g++", ["g++", "build-base", "gcc-c++"]),
    ("gcc", ["gcc libc6-dev", "build-base", "gcc"]),
    ("git", ["git ca-certificates", "git", "git"]),
    ("gpg", ["gnupg", "gnupg", "gnupg2"]),
    ("jq", ["jq", "jq", "jq"]),
    ("make", ["make", "make", "make"]),
    ("ninja", ["ninja-build", "ninja", "ninja-build"]),
    ("pip", ["python3-pip", "py3-pip", "python3-pip"]),
    ("pip3", ["python3-pip", "py3-pip", "python3-pip"]),
    ("ps", ["procps", "procps", "procps-ng"]),
    ("python3", ["python3", "python3", "python3"]),
    (
        "ssh",
        ["openssh-client", "openssh-client", "openssh-clients"],
    ),
    ("sudo", ["sudo", "sudo", "sudo"]),
    ("unzip", ["unzip", "unzip", "unzip"]),
    ("wget", ["wget ca-certificates", "wget", "wget"]),
    ("xz", ["xz-utils", "xz", "xz"]),
];

impl Manager {
    /// A line that brings a program, where its package is known.
    fn installs(self, program: &str) -> Option<String> {
        let (_, packages) = PACKAGES.iter().find(|(name, _)| *name == program)?;
        let [apt, apk, dnf] = packages;
        Some(match self {
            Self::Apt => format!(
                "apt-get update && apt-get install --yes --no-install-recommends {apt} && rm -rf /var/lib/apt/lists/*"
            ),
            Self::Apk => format!("apk add --no-cache {apk}"),
            Self::Dnf => format!("dnf install --assumeyes {dnf} && dnf clean all"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_that_hides_a_path_is_the_last_that_says_so() {
        let rules = |text: &[&str]| text.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        for (excludes, path, expected) in [
            (&["*.md", "docs"][..], "docs/a.md", Some("docs")),
            (&["*", "!src"], "a", Some("*")),
            (&["*", "!src"], "src/a", None),
            (&["**/*.pyc"], "a/b.pyc", Some("**/*.pyc")),
            (&[], "a", None),
        ] {
            assert_eq!(hiding(&rules(excludes), path), expected, "{path}");
        }
        let said = "failed to compute cache key: failed to calculate checksum of ref x::y: \"/a b\": not found";
        assert_eq!(missing_source(said), Some("/a b"));
        assert_eq!(missing_source("\"/a\": not found"), None);
    }

    #[test]
    fn the_nearest_path_is_found_in_a_listing() {
        let listed = [
            "Dockerfile",
            "Src",
            "lib",
            "lib/main.py",
            "lib/requirements.txt",
        ];
        let mut listing = Vec::new();
        for path in listed {
            let stat = Stat {
                path: path.to_owned(),
                ..Stat::default()
            };
            let message = stat.encode_to_vec();
            listing.extend(u32::try_from(message.len()).unwrap().to_le_bytes());
            listing.extend(message);
        }
        let paths = paths(&[listing.as_slice(), &[9, 0, 0, 0, 1]].concat());
        assert_eq!(paths, listed);
        for (missing, expected) in [
            ("src", Some("Src")),
            ("src/x", Some("Src")),
            ("lib/mian.py", Some("lib/main.py")),
            ("requirements.txt", Some("lib/requirements.txt")),
            ("x/y/z", None),
            ("lib", None),
        ] {
            assert_eq!(nearest(&paths, missing).as_deref(), expected, "{missing}");
        }
    }
}
