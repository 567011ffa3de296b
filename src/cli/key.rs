//! `fal-image key`: the key of a build, from plain files.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use fal_helper::context::{self, Entry, Listing};
use serde_json::Value;

use crate::{
    diagnostic::{self, Diagnostic},
    fal::{
        self,
        key::{self, Key},
        requirements::{self, Asked, Layer, Mistake},
    },
    golang::ignore::Matcher,
    reference::{image, platform},
};

use super::{input::Input, offline, pairs};

/// What is asked.
#[derive(clap::Args)]
pub(crate) struct Given {
    #[command(flatten)]
    pub(super) build: super::Wanted,
    /// The build context; without it, the folder of the file.
    #[arg(long, value_name = "DIR")]
    pub(super) context: Option<PathBuf>,
    /// The platform that is built for, `linux/amd64`; without it, that on which this runs.
    #[arg(long)]
    platform: Option<String>,
    /// The digest of a base image, `python:3.11-slim=sha256:…`.
    #[arg(long = "base", value_name = "NAME=DIGEST")]
    bases: Vec<String>,
    /// The commit or the checksum of what ADD downloads, by the name that an answer or a refusal shows.
    #[arg(long = "remote", value_name = "NAME=DIGEST")]
    remotes: Vec<String>,
    /// A label that is given beside the Dockerfile, `NAME=value`.
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// An answer to `frontend.fal.key`, or of this command with --json, which knows bases and remote sources.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Prints the key with its parts as JSON.
    #[arg(long)]
    json: bool,
    /// Prints, instead, what is another than in this answer: `-` was there, `+` is there.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    compare: Option<PathBuf>,
}

/// Why there is no key.
pub(super) enum Refusal {
    /// The Dockerfile has a mistake.
    Mistake(Box<Diagnostic>),
    /// Something else, as a sentence.
    Other(String),
}

/// What is printed.
pub(super) fn print(given: &Given, input: &mut Input) -> Result<String, Refusal> {
    let known = match &given.from {
        None => Vec::new(),
        Some(file) => parts(file)?,
    };
    let mut digests = named(&known, "base");
    digests.extend(named(&known, "curl"));
    digests.extend(pairs(&given.bases));
    let remotes = pairs(&given.remotes);
    let known_remotes = remotes_of(&known);
    let mut commits = commits_of(&known);
    commits.extend(remotes.clone());

    let world = &mut input.world;
    let full = |(name, digest): (String, String)| {
        let reference = image::parse_normalized(&name);
        let reference = reference.map_err(|error| Refusal::Other(format!("{name}: {error}")))?;
        Ok((reference.tag_name_only().to_string(), digest))
    };
    world.digests = digests.into_iter().map(full).collect::<Result<_, _>>()?;
    if let Some(written) = &given.platform {
        let platform = platform::parse(written);
        let platform = platform.map_err(|error| Refusal::Other(error.to_string()))?;
        world.platform = Some(platform.normalize());
    }
    let folder = match &given.context {
        Some(context) => context.clone(),
        None => given.build.file.with_file_name("").join("."),
    };
    let target = input.target.as_deref();
    let labels = pairs(&given.labels);
    let mut name = given
        .build
        .file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let asked = |fal: &fal::Options| {
        let asked = requirements::asked(fal, name.to_mut(), &input.requirements);
        let layers = asked.iter().map(|asked| layer(asked, &folder, &commits));
        layers.collect()
    };
    let args = &input.build_args;
    let question = offline::key_in(world, &input.source, target, args, &labels, asked)
        .map_err(Refusal::Mistake)?;
    if let Some(name) = question.unknown_bases.first() {
        let how = format!(
            "which digest {name} has is not known; give it with --base {name}=sha256:…, or an answer with --from"
        );
        return Err(Refusal::Other(how));
    }
    let digests = question.remotes.iter().map(|remote| {
        let name = remote.name();
        let known = || known_remotes.get(&remote.digest());
        remotes.get(&name).or_else(known).cloned().ok_or_else(|| {
            let how = format!("what {name} is now is not known; give it with --remote {name}=DIGEST, or an answer with --from");
            Refusal::Other(how)
        })
    });
    let digests = digests.collect::<Result<Vec<_>, _>>()?;
    let listings = question.contexts().map(|(_, named)| {
        let ignored = requirements::ignored_but_for(named, world.context.excludes());
        listed(&folder, &ignored)
    });
    let listings = listings.collect::<Result<Vec<_>, _>>()?;
    let key = question.answer(&listings, &digests);
    let key = key.map_err(|why| Refusal::Other(format!("there is no key: {why}")))?;
    if let Some(file) = &given.compare {
        return Ok(difference(&parts(file)?, &key));
    }
    let platform = world.platform.clone();
    let platform = platform.unwrap_or_else(platform::default_spec);
    let (json, text) = key::shown(&[(platform.normalize().format_all(), key)]);
    Ok(if given.json { json } else { text })
}

/// A layer of requirements, with what its files say.
fn layer(
    asked: &Asked,
    folder: &Path,
    commits: &BTreeMap<String, String>,
) -> diagnostic::Result<Layer> {
    let mistake = |mistake: Mistake| Box::new(mistake.diagnostic);
    let mut layer = asked.read().map_err(mistake)?;
    let mut pending: Vec<String> = layer.files.iter().cloned().collect();
    while let Some(file) = pending.pop() {
        let bytes = std::fs::read(folder.join(&file));
        let bytes = bytes.map_err(|_| Box::new(layer.unreadable(&file)))?;
        pending.extend(
            layer
                .take(&file, &String::from_utf8_lossy(&bytes))
                .map_err(mistake)?,
        );
    }
    let mut known = BTreeMap::new();
    for repository in &layer.repositories {
        let written = &repository.written;
        let commit = commits.get(written).ok_or_else(|| {
            let error = Diagnostic::error(format!("which commit {written} has is not known"));
            let how = format!("give it with --remote '{written}=COMMIT', or an answer with --from");
            Box::new(error.help(how))
        })?;
        known.insert(repository.clone(), commit.clone());
    }
    layer.pin(known);
    Ok(layer)
}

/// What of a folder would be sent.
fn listed(folder: &Path, ignored: &[String]) -> Result<Listing, Refusal> {
    let refused =
        |why: &dyn std::fmt::Display| Refusal::Other(format!("{}: {why}", folder.display()));
    let matcher = Matcher::new(ignored).map_err(|error| refused(&error))?;
    let is_ignored =
        |path: &[u8]| matcher.matches_or_parent_matches(&String::from_utf8_lossy(path));
    // What is ignored may hold what is not.
    let has_exceptions = ignored.iter().any(|pattern| pattern.starts_with('!'));
    let mut wanted =
        |path: &[u8], is_directory: bool| (is_directory && has_exceptions) || !is_ignored(path);
    let listing = context::list(folder, &mut wanted).map_err(|error| refused(&error))?;
    let mut listing = listing.ok_or_else(|| refused(&"there are too many files to be listed"))?;
    let mut needed = BTreeSet::new();
    for path in listing.keys().filter(|path| !is_ignored(path)) {
        let slashes = (0..path.len()).rev().filter(|at| path[*at] == b'/');
        for end in slashes {
            if !needed.insert(path[..end].to_vec()) {
                break;
            }
        }
    }
    listing.retain(|path, entry| {
        !is_ignored(path) || (matches!(entry, Entry::Directory(_)) && needed.contains(path))
    });
    Ok(listing)
}

/// The parts of the first key in an answer, a field that is no text as it is written there.
fn parts(file: &Path) -> Result<Vec<Vec<String>>, Refusal> {
    let refused =
        |why: &dyn std::fmt::Display| Refusal::Other(format!("{}: {why}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| refused(&error))?;
    let answer: Value = serde_json::from_slice(&bytes).map_err(|error| refused(&error))?;
    let of_encoding = answer["encoding"] == key::ENCODING;
    let parts = answer["keys"][0]["parts"]
        .as_array()
        .filter(|_| of_encoding);
    let parts = parts.ok_or_else(|| refused(&format!("this is no answer of {}", key::ENCODING)))?;
    let field = |field: &Value| match field.as_str() {
        Some(text) => text.to_owned(),
        None => field.to_string(),
    };
    let part = |part: &Value| part.as_array().into_iter().flatten().map(field).collect();
    Ok(parts.iter().map(part).collect())
}

/// What the parts of a kind say, by name.
fn named(parts: &[Vec<String>], kind: &str) -> BTreeMap<String, String> {
    let named = parts.iter().filter_map(|part| match part.as_slice() {
        [of, name, value] if of == kind => Some((name.clone(), value.clone())),
        _ => None,
    });
    named.collect()
}

/// The commits and checksums of remote sources, by the digests of their names.
fn remotes_of(parts: &[Vec<String>]) -> BTreeMap<String, String> {
    let remotes = parts.iter().filter_map(|part| match part.as_slice() {
        [of, _, digest, value] if of == "remote" => Some((digest.clone(), value.clone())),
        _ => None,
    });
    remotes.collect()
}

/// The commits of the repositories that requirements name, as they name them.
fn commits_of(parts: &[Vec<String>]) -> BTreeMap<String, String> {
    let commits = parts.iter().filter_map(|part| match part.as_slice() {
        [of, _, repository, commit] if of == "commit" => Some((repository.clone(), commit.clone())),
        _ => None,
    });
    commits.collect()
}

/// The parts that are in one of the two alone, a line each.
fn difference(before: &[Vec<String>], key: &Key) -> String {
    let field = |field: &Value| match field.as_str() {
        Some(text) => text.to_owned(),
        None => field.to_string(),
    };
    let part = |part: &Value| -> Vec<String> {
        part.as_array().into_iter().flatten().map(field).collect()
    };
    let now: BTreeSet<Vec<String>> = key.parts().iter().map(part).collect();
    let before: BTreeSet<Vec<String>> = before.iter().cloned().collect();
    let gone = before.difference(&now).map(|part| (part, '-'));
    let new = now.difference(&before).map(|part| (part, '+'));
    let mut lines: Vec<_> = gone.chain(new).collect();
    // What was and what is stand under each other.
    lines.sort_by_key(|(part, sign)| (part.split_last().map(|(_, rest)| rest), *sign == '+'));
    let line = |(part, sign): (&Vec<String>, char)| {
        let words: Vec<&str> = part.iter().map(String::as_str).collect();
        let words = words.into_iter().filter(|word| !word.is_empty());
        format!("{sign} {}\n", words.collect::<Vec<_>>().join(" "))
    };
    lines.into_iter().map(line).collect()
}
