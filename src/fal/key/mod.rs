//! `fal.key`: a name of what a build would give.
//!
//! Takes what is known of a build before anything of it ran: its plan, the Dockerfile, the fal options. Gives a [`Question`]: which
//! contexts must be listed and which remote sources be asked for; and of the answers a [`Key`]. Nothing here asks anybody: the
//! frontend has the contexts listed inside the graph, the command line lists plain files.
//!
//! ```text
//! Build → Question ─ listings, digests → Key: records → encoding → SHA-256
//! ```
//! `docs/fal-key.md` is the specification, `tests/key/vectors.json` has examples of it.

mod files; // which files of a context are read
mod options; // fal options as they are in force

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use fal_helper::{
    cli,
    context::{Entry, Listing},
    install::UV,
    requirements::CONTEXT,
};
use prost::Message;
use serde_json::{Value, json};

use crate::{
    fal::{
        self, layers,
        options::{Curl, Resolver},
        requirements::Layer,
    },
    llb::{
        self, Graph, Meta, Output, Read,
        exec::{Exec, Mount, NetMode, ProxyEnv},
        source::Source,
    },
    plan::{self, Plan, RootKind, Seen},
    proto::pb,
    source::Lines,
    stage,
};

pub use files::TooMuch;
use files::{Budget, Selection};

/// The encoding, with its version.
pub const ENCODING: &str = "fal.key/1";
/// The label of an image and the annotation of its manifest that hold its key.
pub const LABEL: &str = "ai.fal.key";
/// The build argument that keeps apart what has the same key otherwise.
pub const SALT: &str = "FAL_KEY_SALT";

/// The arguments that are there without being written. The platform stands for those of the target, and the daemon's own decides
/// how something is built, not what.
const AUTOMATIC: [&str; 11] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDOSVERSION",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETOSVERSION",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
];
/// Stands with the epoch.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// One part of a key: its kind, and what it says.
pub type Record = Vec<Vec<u8>>;

/// A name of what a build would give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    records: BTreeSet<Record>,
}

impl Key {
    /// The key of these parts. Their order does not matter, nor does it how often one is there.
    pub fn new(records: impl IntoIterator<Item = Record>) -> Self {
        let records = records.into_iter().collect();
        Self { records }
    }

    /// What is hashed: the name of the encoding, then every part in the order of their bytes, each with its length.
    pub fn encoding(&self) -> Vec<u8> {
        let parts: BTreeSet<Vec<u8>> = self.records.iter().map(joined).collect();
        let mut bytes = sized(ENCODING.as_bytes());
        bytes.extend(parts.iter().flat_map(|part| sized(part)));
        bytes
    }

    /// `sha256:` and hexadecimal digits.
    pub fn digest(&self) -> String {
        llb::digest(&self.encoding())
    }

    /// The parts, in order.
    pub fn records(&self) -> &BTreeSet<Record> {
        &self.records
    }

    /// The parts as JSON, each an array of its fields. A field that is no UTF-8 is an object with its bytes.
    pub fn parts(&self) -> Vec<Value> {
        let field = |field: &Vec<u8>| match std::str::from_utf8(field) {
            Ok(text) => Value::from(text),
            Err(_) => json!({ "base64": BASE64_STANDARD.encode(field) }),
        };
        let part = |record: &Record| record.iter().map(field).collect();
        self.records.iter().map(part).collect()
    }
}

/// The keys of a build, one a platform, as the subrequest and the command line give them: as JSON, and as lines.
pub fn shown(keys: &[(String, Key)]) -> (String, String) {
    let text = match keys {
        [(_, only)] => format!("{}\n", only.digest()),
        keys => keys
            .iter()
            .map(|(platform, key)| format!("{platform} {}\n", key.digest()))
            .collect(),
    };
    // A line a part, so that two answers can be compared line by line.
    let key = |(platform, key): &(String, Key)| {
        let parts: Vec<String> = key.parts().iter().map(Value::to_string).collect();
        format!(
            "{{\"platform\": {}, \"key\": \"{}\", \"parts\": [\n{}\n]}}",
            Value::from(platform.as_str()),
            key.digest(),
            parts.join(",\n")
        )
    };
    let keys: Vec<String> = keys.iter().map(key).collect();
    let keys = keys.join(", ");
    let json = format!("{{\"encoding\": \"{ENCODING}\", \"keys\": [{keys}]}}\n");
    (json, text)
}

/// A record as bytes: its fields, each with its length.
fn joined(record: &Record) -> Vec<u8> {
    record.iter().flat_map(|field| sized(field)).collect()
}

/// `3:abc,`
fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut sized = format!("{}:", bytes.len()).into_bytes();
    sized.extend_from_slice(bytes);
    sized.push(b',');
    sized
}

/// A build, before anything of it ran.
pub struct Build<'a> {
    /// The Dockerfile as it is read.
    pub text: &'a [u8],
    /// What is done for fal.
    pub options: &'a fal::Options,
    /// Its layers of requirements, each with what it needs of the main context.
    pub requirements: &'a [(&'a Layer, Option<Output>)],
    /// The plan, without the fal layers.
    pub plan: &'a Plan,
    /// What was seen of the stages.
    pub stages: &'a stage::Facts,
    /// What was seen while planning.
    pub facts: &'a plan::Facts,
    /// The build arguments that were given.
    pub build_args: &'a BTreeMap<String, String>,
    /// The labels that were given beside the Dockerfile.
    pub labels: &'a BTreeMap<String, String>,
    /// What starts in the image whatever the Dockerfile says.
    pub overrides: &'a plan::Overrides,
    /// The digest of the image that `curl=image:` names, if it is known.
    pub curl_image: Option<&'a str>,
}

/// What must be found out for a key.
#[derive(Debug)]
pub struct Question {
    known: BTreeSet<Record>,
    contexts: Vec<Context>,
    /// The remote sources whose present content has to be asked for.
    pub remotes: Vec<Remote>,
    /// The bases, and the image that carries a curl, whose digest nobody knows.
    pub unknown_bases: Vec<String>,
}

/// A remote source that does not say itself what it must be.
#[derive(Debug)]
pub struct Remote {
    /// The source.
    pub source: Source,
    /// The lines of the Dockerfile that want it.
    pub lines: Option<Lines>,
}

/// A context that is read.
#[derive(Debug)]
struct Context {
    /// As the file names it; the main context has no name.
    name: String,
    output: Output,
    selections: BTreeSet<Selection>,
    /// Files that are there whatever is ignored.
    named: BTreeSet<String>,
}

impl Build<'_> {
    /// What is known, and what is not.
    pub fn question(&self) -> Question {
        let mut question = Question {
            known: BTreeSet::new(),
            contexts: Vec::new(),
            remotes: Vec::new(),
            unknown_bases: Vec::new(),
        };
        let Question { known, .. } = &mut question;
        let plan = self.plan;
        let mut add = |fields: &[&str]| {
            known.insert(fields.iter().map(|field| (*field).into()).collect());
        };
        add(&["dockerfile", &llb::digest(self.text)]);
        add(&["target", &plan.target.to_string()]);
        add(&["platform", &plan.platform.clone().normalize().format_all()]);
        if let Some(epoch) = plan.epoch {
            add(&["epoch", &epoch.unix().to_string()]);
        }
        for (name, value) in self.arguments() {
            add(&["argument", name, &llb::digest(value.as_bytes())]);
        }
        for (key, value) in options::in_force(self.options, !self.requirements.is_empty()) {
            add(&["option", key, &value]);
        }
        for package in self.options.packages() {
            add(&["package", &package.name, &package.accept]);
        }
        if self.options.resolver == Resolver::Uv && !self.requirements.is_empty() {
            add(&["uv", UV]);
        }
        for (place, (layer, _)) in self.requirements.iter().enumerate() {
            let place = place.to_string();
            let words: Vec<String> = layer.words().collect();
            let start = ["requirements", &place, &layer.folder].into_iter();
            add(&start
                .chain(words.iter().map(String::as_str))
                .collect::<Vec<_>>());
            for (repository, commit) in layer.commits.iter().chain(&layer.pinned) {
                add(&["commit", &place, repository, commit]);
            }
            for id in &layer.secrets {
                add(&["secret", id]);
            }
        }
        for (name, value) in self.labels {
            add(&["label", name, &llb::digest(value.as_bytes())]);
        }
        if let Some(salt) = self.build_args.get(SALT).filter(|salt| !salt.is_empty()) {
            add(&["salt", &llb::digest(salt.as_bytes())]);
        }
        let config = &plan.image.config;
        for (kind, given, words) in [
            ("entrypoint", &self.overrides.entrypoint, &config.entrypoint),
            ("cmd", &self.overrides.cmd, &config.cmd),
        ] {
            if given.is_some() {
                let words = words.iter().map(String::as_str);
                add(&std::iter::once(kind).chain(words).collect::<Vec<_>>());
            }
        }
        if let Curl::Image(reference) = &self.options.curl {
            let name = reference.clone().tag_name_only().to_string();
            match self.curl_image {
                Some(digest) => add(&["curl", &name, digest]),
                None => question.unknown_bases.push(name),
            }
        }
        self.roots(&mut question);
        self.uses(&mut question);
        for (layer, source) in self.requirements {
            let paths = layer.needed().map(|path| match path.as_str() {
                "." => Selection::Path(String::new()),
                path => Selection::Path(path.to_owned()),
            });
            question.contexts.extend(source.map(|output| Context {
                output,
                selections: paths.collect(),
                named: layer.files.clone(),
                name: String::new(),
            }));
        }
        question
    }

    /// The arguments that what is planned declares or that a FROM of it is made of, with the values that they have.
    fn arguments(&self) -> BTreeSet<(&str, &str)> {
        let declared = |name: &str| {
            let (name, facts) = self.stages.declared.get_key_value(name)?;
            Some((name.as_str(), facts.value.as_deref()?))
        };
        let mut arguments = BTreeSet::new();
        for command in &self.facts.commands {
            let mut name = "";
            for seen in &command.seen {
                match seen {
                    Seen::Argument { key } => name = key,
                    Seen::Value(Some(value)) => drop(arguments.insert((name, value.as_str()))),
                    Seen::Inherited => arguments.extend(declared(name)),
                    _ => {}
                }
            }
        }
        if let Some(graph) = &self.facts.graph {
            let stages = self.stages.stages.iter().zip(graph.reachable());
            for (stage, _) in stages.filter(|(stage, reached)| *reached && !stage.is_replaced) {
                let words = std::iter::once(&stage.base).chain(&stage.platform);
                let names = words.flat_map(|word| &word.matched);
                arguments.extend(names.filter_map(|name| declared(name)));
            }
        }
        arguments.retain(|(name, _)| {
            let is_given = self.build_args.contains_key(*name);
            let is_proxy = ProxyEnv::default().named(name).is_some();
            *name != EPOCH && !is_proxy && (is_given || !AUTOMATIC.contains(name))
        });
        arguments
    }

    /// What stages begin with.
    fn roots(&self, question: &mut Question) {
        question.contexts.push(Context {
            name: String::new(),
            output: self.plan.context,
            selections: BTreeSet::new(),
            named: BTreeSet::new(),
        });
        for root in &self.plan.roots {
            let mut add = |kind: &str, digest: &str| {
                let fields = [kind, &root.name, digest];
                let record = fields.iter().map(|field| (*field).into()).collect();
                question.known.insert(record);
            };
            match &root.kind {
                RootKind::Scratch => add("empty", ""),
                RootKind::Image(digest) if digest.is_empty() => {
                    question.unknown_bases.push(root.name.clone());
                }
                RootKind::Image(digest) => add("base", digest),
                RootKind::Input(definition) => add("input", &digest_of_input(definition)),
                RootKind::Files(output) => question.contexts.push(Context {
                    name: root.name.clone(),
                    output: *output,
                    selections: BTreeSet::new(),
                    named: BTreeSet::new(),
                }),
            }
        }
    }

    /// What is read of contexts and remote sources, and which secrets are mounted.
    fn uses(&self, question: &mut Question) {
        let outputs: Vec<Output> = question.contexts.iter().map(|it| it.output).collect();
        let used = self.plan.llb.used_by(self.plan.output, &outputs);
        for (place, read) in used.reads {
            if let Some(context) = question.contexts.get_mut(place) {
                context.selections.insert(match read {
                    Read::Copy(copy) => Selection::of_copy(copy),
                    Read::Path(path) => Selection::Path(path.to_owned()),
                });
            }
        }
        question.contexts.retain(|it| !it.selections.is_empty());
        let mut seen = BTreeSet::new();
        for (source, user) in used.others {
            let Some((record, is_pinned)) = remote(source) else {
                continue;
            };
            if is_pinned {
                question.known.insert(record);
            } else if seen.insert((&source.identifier, &source.attrs)) {
                let lines = user.and_then(|user| user.lines_in(self.plan.file));
                question.remotes.push(Remote {
                    source: source.clone(),
                    lines: lines.map(|(first, last)| Lines::new(first, last)),
                });
            }
        }
        question.remotes.sort_by_key(|remote| remote.lines);
        for id in used.secrets {
            question.known.insert(vec!["secret".into(), id.into()]);
        }
    }
}

impl Question {
    /// Adds a step for each context that lists what is in it, and gives the directories with the listings.
    pub fn list(
        &self,
        graph: &mut Graph,
        helper: Output,
        build_platform: &pb::Platform,
    ) -> Vec<Output> {
        let step = |context: &Context| {
            let exec = Exec {
                args: layers::command(cli::list_arguments(CONTEXT, layers::OUT)),
                cwd: "/".to_owned(),
                network: NetMode::None,
                mounts: vec![
                    layers::helper(helper),
                    Mount::bind(CONTEXT, context.output).readonly(),
                    Mount::bind(layers::OUT, None),
                ],
                ..Exec::default()
            };
            let shown = match context.name.as_str() {
                "" if !context.named.is_empty() => "[fal] list the requirements".to_owned(),
                "" => "[fal] list the build context".to_owned(),
                name => format!("[fal] list the context {name}"),
            };
            let meta = Meta::named(shown).on(build_platform.clone());
            layers::last_output(graph.add_exec(exec, meta)).unwrap_or(helper)
        };
        self.contexts.iter().map(step).collect()
    }

    /// The contexts that must be listed, in order: their names, of which the main context has none, and the files in them that are
    /// there whatever is ignored.
    pub fn contexts(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        let contexts = self.contexts.iter();
        contexts.map(|context| (context.name.as_str(), &context.named))
    }

    /// The key, once every context is listed and every remote source is known by a commit or a checksum, in their order.
    pub fn answer<L: Borrow<Listing>>(
        &self,
        listings: &[L],
        remotes: &[String],
    ) -> Result<Key, TooMuch> {
        let mut records = self.known.clone();
        let mut budget = Budget::default();
        for (context, listing) in self.contexts.iter().zip(listings) {
            let listing: &Listing = listing.borrow();
            for path in files::selected(&context.selections, listing, &mut budget)? {
                if let Some(entry) = listing.get(path) {
                    records.insert(file(&context.name, path, entry));
                }
            }
        }
        for (remote, digest) in self.remotes.iter().zip(remotes) {
            records.insert(remote_record(&remote.source, digest));
        }
        Ok(Key::new(records))
    }
}

fn file(context: &str, path: &[u8], entry: &Entry) -> Record {
    let (kind, value) = match entry {
        Entry::File(hash) => ("file", hash.clone().into_bytes()),
        Entry::Directory(mode) => ("directory", mode.to_string().into_bytes()),
        Entry::Link(target) => ("link", target.clone()),
        Entry::Special(mode) => ("special", mode.to_string().into_bytes()),
    };
    vec![kind.into(), context.into(), path.to_owned(), value]
}

impl Remote {
    /// Whether it is a repository.
    pub fn is_git(&self) -> bool {
        self.source.identifier.starts_with("git://")
    }

    /// What it is called. A query may hold what lets somebody in, so that it is left out.
    pub fn name(&self) -> String {
        without_query(&without_user(&self.source))
    }

    /// The digest of all of its name but who asks: the third field of its part, which tells apart what has one name.
    pub fn digest(&self) -> String {
        llb::digest(without_user(&self.source).as_bytes())
    }
}

/// A remote source, and whether it says itself what it must be.
fn remote(source: &Source) -> Option<(Record, bool)> {
    let attr = |name: &str| source.attrs.get(name).map(String::as_str);
    let is_remote = ["git://", "http://", "https://"]
        .iter()
        .any(|scheme| source.identifier.starts_with(scheme));
    let is_commit = |text: &&str| {
        matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let fragment = source.identifier.split_once('#').map_or("", |(_, it)| it);
    let reference = fragment.split(':').next().unwrap_or_default();
    let pinned = attr("http.checksum")
        .or_else(|| attr("git.checksum").filter(is_commit))
        .or_else(|| Some(reference).filter(is_commit));
    is_remote.then(|| {
        let record = remote_record(source, pinned.unwrap_or_default());
        (record, pinned.is_some())
    })
}

/// The identifier of a remote source without the name and the password in front of its host.
fn without_user(source: &Source) -> String {
    let identifier = source.identifier.as_str();
    let Some((scheme, rest)) = identifier.split_once("://") else {
        return identifier.to_owned();
    };
    let host_end = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(host_end);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// `https://host/file?token=x` without what stands behind the question mark.
fn without_query(identifier: &str) -> String {
    let (url, fragment) = identifier.split_at(identifier.find('#').unwrap_or(identifier.len()));
    let (url, _) = url.split_once('?').unwrap_or((url, ""));
    format!("{url}{fragment}")
}

fn remote_record(source: &Source, digest: &str) -> Record {
    let full = without_user(source);
    let name = without_query(&full);
    let fields = ["remote", &name, &llb::digest(full.as_bytes()), digest];
    fields.map(Into::into).into()
}

/// The digest of another build's definition, without what only tells who asked for it.
fn digest_of_input(definition: &pb::Definition) -> String {
    const OF_A_CLIENT: [&str; 3] = ["local.session", "local.unique", "local.sharedkeyhint"];
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    for bytes in &definition.def {
        let own = match pb::Op::decode(bytes.clone()) {
            Err(_) => llb::digest(bytes),
            Ok(mut op) => {
                for input in &mut op.inputs {
                    if let Some(name) = renamed.get(&input.digest) {
                        input.digest.clone_from(name);
                    }
                }
                if let Some(pb::op::Op::Source(source)) = &mut op.op {
                    let is_of_a_client = |attr: &pb::Attr| OF_A_CLIENT.contains(&attr.key());
                    source.attrs.retain(|attr| !is_of_a_client(attr));
                }
                llb::digest(&op.encode_to_vec())
            }
        };
        renamed.insert(llb::digest(bytes), own.clone());
        last = own;
    }
    last
}
