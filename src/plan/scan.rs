//! The scanner of an SBOM: what it is shown beside the target, and the step that runs it.
//!
//! Two ARGs ask for the main context and for other stages, each with a boolean or with the names of the stages that it is for.
//! They steer the build and are no variables of commands.

use std::collections::BTreeMap;

use crate::{
    expand::{Environment, Listing},
    golang::{self, path},
    image,
    llb::{
        self, Meta,
        exec::{Exec, Mount},
        file::{File, Mkdir},
        source::Image,
    },
    reference::platform::Platform,
    stage::{Graph, StageId},
};

use super::{Plan, op_platform, state::StageState};

/// The two ARGs.
pub(super) const ARGUMENTS: [&str; 2] = [CONTEXT, STAGE];

const CONTEXT: &str = "BUILDKIT_SBOM_SCAN_CONTEXT";
const STAGE: &str = "BUILDKIT_SBOM_SCAN_STAGE";

/// The name under which the scanner finds the main context.
const CONTEXT_NAME: &str = "context";

/// The name under which the scanner finds the target; the others have this before their names.
pub const SCANNED: &str = "sbom";

/// Where the scanner finds everything.
const SOURCE: &str = "/run/src";

/// Where it writes what it found.
const DESTINATION: &str = "/run/out/";

/// An image that lists what is in a file system.
#[derive(Debug)]
pub struct Scanner {
    /// Its name.
    pub reference: String,
    /// The platform that it runs on.
    pub platform: Platform,
    /// Its config, which says what to run.
    pub image: image::Config,
    /// What it is told beside.
    pub parameters: BTreeMap<String, String>,
}

/// What is scanned beside the target.
#[derive(Debug, Default)]
pub struct Scanned {
    /// File systems by name.
    pub extras: BTreeMap<String, llb::Input>,
    /// Whether one of them, or the target, is built without the cache.
    pub ignore_cache: bool,
}

/// What a stage asks for, as its ARGs have it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    context: Option<String>,
    stage: Option<String>,
}

impl Asked {
    /// Notes the value of an ARG, if it is one of the two.
    pub(super) fn note(&mut self, name: &str, value: &str) {
        match name {
            CONTEXT => self.context = Some(value.to_owned()),
            STAGE => self.stage = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// What is scanned beside the target, once every stage is planned. `context` is the main context.
pub(super) fn scanned(graph: &Graph, states: &[StageState], context: llb::Output) -> Scanned {
    let target = graph.target();
    let is_asked = |id: StageId, asked: Option<&String>, name: &str| {
        let label = &graph.stage(id).label;
        let value = asked.map(String::as_str);
        value
            .or_else(|| graph.arguments.get(name))
            .is_some_and(|value| includes(value, label))
    };
    let state = &states[target.index()];
    let mut scanned = Scanned {
        ignore_cache: state.ignore_cache,
        ..Scanned::default()
    };
    if state.is_planned && is_asked(target, state.scan.context.as_ref(), CONTEXT) {
        let extras = &mut scanned.extras;
        extras.insert(CONTEXT_NAME.to_owned(), Some(context));
    }
    for (id, reachable) in graph.ids().zip(graph.reachable()) {
        let state = &states[id.index()];
        if id == target || !reachable || !state.is_planned {
            continue;
        }
        if is_asked(id, state.scan.stage.as_ref(), STAGE) {
            let name = graph.stage(id).label.clone();
            scanned.extras.insert(name, state.output);
            scanned.ignore_cache |= state.ignore_cache;
        }
    }
    scanned
}

/// Whether a value is true, or names the stage.
fn includes(value: &str, stage: &str) -> bool {
    golang::parse_bool(value).unwrap_or_else(|| value.split(',').any(|name| name == stage))
}

impl Plan {
    /// Adds the step that runs the scanner, and gives the directory that it writes into.
    pub fn scan(&mut self, scanner: &Scanner, shown: &str) -> llb::Input {
        let platform = op_platform(&scanner.platform);
        let source = Image {
            reference: scanner.reference.clone(),
            ..Image::default()
        };
        let on_platform = Meta::default().on(platform.clone());
        let root = Some(self.llb.add_source(source, on_platform));
        let extras = self.scanned.extras.iter();
        let mut mounts = vec![
            Mount::bind(DESTINATION, None),
            scanner.temporary(&mut self.llb, root),
            seen(&format!("core/{SCANNED}"), self.output),
        ];
        mounts
            .extend(extras.map(|(name, extra)| seen(&format!("extras/{SCANNED}-{name}"), *extra)));
        let config = &scanner.image.config;
        let exec = Exec {
            args: [config.entrypoint.as_slice(), config.cmd.as_slice()].concat(),
            env: scanner.environment(!self.scanned.extras.is_empty()),
            cwd: match path::is_abs(&config.working_dir) {
                true => config.working_dir.clone(),
                false => path::join(&["/", &config.working_dir]),
            },
            root,
            mounts,
            ..Exec::default()
        };
        let name = format!("[{shown}] generating sbom using {}", scanner.reference);
        let mut meta = Meta::named(name).on(platform.clone());
        meta.ignore_cache = self.scanned.ignore_cache;
        let outputs = self.llb.add_exec(exec, meta);
        outputs.mounts.first().copied().flatten()
    }
}

impl Scanner {
    /// What the scanner is told: its image's variables, and where everything is.
    fn environment(&self, has_extras: bool) -> Listing {
        let mut environment = Environment::new();
        for pair in &self.image.config.env {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            environment.set(name, value);
        }
        environment.set("BUILDKIT_SCAN_DESTINATION", DESTINATION);
        environment.set("BUILDKIT_SCAN_SOURCE", format!("{SOURCE}/core/{SCANNED}"));
        if has_extras {
            environment.set("BUILDKIT_SCAN_SOURCE_EXTRAS", format!("{SOURCE}/extras"));
        }
        for (name, value) in &self.parameters {
            environment.set(format!("BUILDKIT_SCAN_{name}"), value);
        }
        environment.list()
    }

    /// A place for the scanner's own files, which on Windows cannot be in memory.
    fn temporary(&self, graph: &mut llb::Graph, root: llb::Input) -> Mount {
        const PLACE: &str = "/tmp";
        if self.platform.os != "windows" {
            return Mount::tmpfs(PLACE, 0);
        }
        let directory = Mkdir {
            path: PLACE.to_owned(),
            mode: 0o777,
            make_parents: true,
            owner: None,
            created: None,
        };
        let on_platform = Meta::default().on(op_platform(&self.platform));
        let made = graph.add_file(File::new(root, directory), on_platform);
        Mount {
            no_output: true,
            ..Mount::bind(PLACE, made).select(PLACE)
        }
    }
}

/// A file system that is scanned.
fn seen(name: &str, input: llb::Input) -> Mount {
    Mount::bind(format!("{SOURCE}/{name}"), input).readonly()
}
