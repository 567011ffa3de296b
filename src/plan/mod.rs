//! Stages and known images to LLB and an image config.
//!
//! Takes the graph of stages and what a build asks for; asks for base images with [`Step::Need`] and is called again with the
//! answers; gives a [`Plan`]. Planning is a function of its input: it knows nothing of gRPC, of the clock or of chance.
//!
//! One file a thing that instructions do: `run`, `mounts`, `copy`, `workdir`, `settings` (what only changes the config).

mod changes;
mod context;
mod copy;
mod epoch;
mod expose;
mod facts;
mod messages;
mod mounts;
mod names;
mod options;
mod paths;
mod question; // what is asked, and what is answered
mod remote; // repositories and downloads
mod resolve;
mod run;
mod scan;
mod settings;
mod state;
mod words;
mod workdir;

pub use context::{MainContext, Remote};
pub use epoch::{Dated, dated};
pub use facts::{BaseImage, CommandFacts, Facts, Seen};
pub use options::{NoCache, Options, Overrides, RunSettings, extra_hosts};
pub use question::{Answer, Known, Query, Wanted};
pub use remote::{git_source, http_source};
pub use resolve::{Bases, Resolution, Root, RootKind, Step, suggest_image};
pub use scan::{SCANNED, Scanned, Scanner};

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use crate::{
    diagnostic::{Diagnostic, Result},
    expand::{Budget, Expander},
    golang::{Timestamp, path},
    image,
    instruction::{Instruction, Kind},
    llb,
    proto::pb,
    reference::platform::Platform,
    source::Lines,
    stage::{self, Graph, StageId},
};

use changes::Changes;
use state::StageState;

/// What a build makes: the file system to solve for and the config of the image.
#[derive(Debug)]
pub struct Plan {
    /// Every op that the build may use.
    pub llb: llb::Graph,
    /// The file system of the target; `None` is empty.
    pub output: llb::Input,
    /// The file system that the target begins with, or that the stages below it do; `None` is scratch.
    pub base: llb::Input,
    /// The config of the target.
    pub image: image::Config,
    /// The config of the image that the target is based on, as it was found.
    pub base_image: Option<image::Config>,
    /// The platform of the target's file system.
    pub platform: Platform,
    /// The Dockerfile among the graph's files.
    pub file: llb::SourceMapId,
    /// Where the target begins.
    pub target_lines: Option<Lines>,
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: Option<Timestamp>,
    /// Whether the target is built without the cache.
    pub ignore_cache: bool,
    /// Whether some RUN has nothing to run.
    runs_nothing: bool,
    /// What an SBOM tells of beside the target.
    pub scanned: Scanned,
    /// The main context.
    pub context: llb::Output,
    /// What the stages begin with and read from that are planned.
    pub roots: Vec<Root>,
    /// Which stage of the file the target is, from zero.
    pub target: usize,
}

impl Plan {
    /// Fails for a definition of this plan's that no daemon takes, because an op in it runs nothing.
    pub fn check(&self, definition: &llb::Definition) -> Result<()> {
        if !self.runs_nothing {
            return Ok(());
        }
        match definition.runs_nothing() {
            None => Ok(()),
            Some(op) => Err(match definition.lines_of(&op) {
                Some((first, last)) => messages::no_arguments().at(Lines::new(first, last)),
                None => messages::no_arguments(),
            }
            .into()),
        }
    }
}

/// Plans the target once every base is known.
pub fn build(bases: Bases, options: &Options<'_>, context: &MainContext) -> Result<Plan> {
    build_with_facts(bases, options, context, &mut Facts::default())
}

/// Plans the target, and notes what is seen on the way; of a file with a mistake, what stands before it.
pub fn build_with_facts(
    bases: Bases,
    options: &Options<'_>,
    context: &MainContext,
    facts: &mut Facts,
) -> Result<Plan> {
    let mut planner = Planner::new(bases, options, facts);
    context.check()?;
    for id in planner.graph.ids() {
        planner.stage(id)?;
    }
    planner.finish(context)
}

/// The moving parts of planning: the stages as they grow, and what they read.
struct Planner<'a> {
    options: &'a Options<'a>,
    facts: &'a mut Facts,
    graph: Arc<Graph>,
    expander: Expander,
    planned: Vec<bool>,
    llb: llb::Graph,
    /// The Dockerfile among the graph's files.
    file: llb::SourceMapId,
    states: Vec<StageState>,
    /// The main context, described once every path that is read from it is known.
    context: llb::Output,
    context_paths: BTreeSet<String>,
    /// The paths read from the root of each stage; stages share a root's set with the stages based on it.
    read: Vec<BTreeSet<String>>,
    /// Local named contexts, each described once the paths read from it are known.
    locals: Vec<context::PendingLocal>,
    roots: Vec<Root>,
    /// How many `--link` layers there are.
    links: usize,
    /// Whether some RUN has nothing to run.
    runs_nothing: bool,
    /// The stage whose commands are planned; its state is with them.
    current: StageId,
    /// How much the build can still grow.
    budget: Budget,
}

impl<'a> Planner<'a> {
    fn new(bases: Bases, options: &'a Options<'a>, facts: &'a mut Facts) -> Self {
        let Bases {
            graph,
            states,
            mut llb,
            file,
            locals,
            roots,
        } = bases;
        let graph = Arc::new(graph);
        facts.graph = Some(Arc::clone(&graph));
        let context = llb.slot();
        let current = graph.target();
        Self {
            options,
            facts,
            expander: Expander::new(graph.escape),
            planned: graph.planned(),
            budget: graph.budget.clone(),
            read: vec![BTreeSet::new(); states.len()],
            graph,
            llb,
            file,
            states,
            context,
            context_paths: BTreeSet::new(),
            locals,
            roots,
            links: 0,
            runs_nothing: false,
            current,
        }
    }

    /// Plans one stage, after its base.
    fn stage(&mut self, id: StageId) -> Result<()> {
        let index = id.index();
        // When every stage is looked at, those that a named context stands in for are too.
        let is_over = self.states[index].is_done && !self.graph.all_stages;
        if !self.planned[index] || is_over {
            return Ok(());
        }
        let graph = Arc::clone(&self.graph);
        let written = graph.stage(id);
        let mut state = std::mem::take(&mut self.states[index]);
        self.states[index].reads = state.reads;
        self.current = id;
        state.ignore_cache = self
            .options
            .no_cache
            .includes(written.name.as_deref().unwrap_or_default());
        self.enter(&mut state, id)
            .map_err(|error| located(error, written.lines))?;
        for command in &written.commands {
            self.facts.begin(id, &command.instruction);
            self.command(&mut state, command)
                .and_then(|()| self.spend(state.changes.grown()))
                .map_err(|error| located(error, Some(command.instruction.lines)))?;
        }
        state.is_planned = true;
        state.is_done = true;
        if state.platform == Some(Platform::default()) {
            // What stands on this stage in its turn is built for the target again.
            state.platform = Some(self.options.target_platform.clone());
        }
        self.states[index] = state;
        Ok(())
    }

    /// What a command finds in the stage that it reads from; `None` if that stage is not planned yet.
    ///
    /// A trigger may read from the stage that it stands in, and finds what its commands made so far.
    fn source(&self, state: &StageState, source: StageId) -> Option<llb::Input> {
        match source == self.current {
            true => Some(state.output),
            false => {
                let source = &self.states[source.index()];
                source.is_done.then_some(source.output)
            }
        }
    }

    /// Begins a stage on its image, or where its base ended.
    fn enter(&mut self, state: &mut StageState, id: StageId) -> Result<()> {
        state.base = state.output;
        if let stage::Base::Stage(base) = self.graph.stage(id).base {
            let base = &mut self.states[base.index()];
            begin(base)?;
            state.stand_on(base);
            self.set_again(state, id)?;
        }
        begin(state)
    }

    /// Sets the variables of the image again, as each stage does that begins on another.
    fn set_again(&mut self, state: &mut StageState, id: StageId) -> Result<()> {
        /// About what a variable takes besides its text.
        const VARIABLE: usize = 64;
        if !state.has_odd_variables {
            state.environment.begin();
            return Ok(());
        }
        let below = self.below(id);
        for stage in &below {
            let count = self.states[stage.index()].changes.variables().len();
            self.spend(VARIABLE * (1 + count))?;
        }
        let changes = below
            .iter()
            .map(|stage| &self.states[stage.index()].changes);
        let mut config = state.image.config.clone();
        config.set_env(changes.flat_map(Changes::variables));
        for pair in &config.env {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.spend(VARIABLE + pair.len())?;
            state.environment.set(name, value);
        }
        Ok(())
    }

    /// The stages that `id` stands on, the lowest first.
    fn below(&self, id: StageId) -> Vec<StageId> {
        let base_of = |id: &StageId| match self.graph.stage(*id).base {
            stage::Base::Stage(base) => Some(base),
            _ => None,
        };
        let mut below: Vec<_> = std::iter::successors(base_of(&id), base_of).collect();
        below.reverse();
        below
    }

    fn command(&mut self, state: &mut StageState, command: &stage::Command) -> Result<()> {
        let instruction: &Instruction = &command.instruction;
        state.is_trigger = command.is_trigger;
        match &instruction.kind {
            Kind::Add(add) => self.add(state, command, add),
            Kind::Copy(copy) => self.copy(state, command, copy),
            Kind::Run(run) => self.run(state, command, run),
            Kind::Workdir(workdir) => self.workdir(state, instruction, workdir),
            Kind::Arg(arg) => self.arg(state, arg),
            kind => settings::apply(state, kind, &self.expander, self.facts, &mut self.budget),
        }
    }

    /// Takes what is made out of the budget.
    fn spend(&mut self, bytes: usize) -> Result<()> {
        self.budget.spend(bytes).map_err(messages::overgrown)
    }

    /// The target's config, the contexts as they turned out to be needed, and the platform that was asked for.
    fn finish(mut self, main: &MainContext) -> Result<Plan> {
        let target = self.graph.target();
        let reads = self.states[target.index()].reads;
        self.read[reads].insert("/".to_owned());
        for local in &self.locals {
            local.describe(&mut self.llb, &self.read);
        }
        let followed = paths::followed(&self.context_paths);
        main.describe(&mut self.llb, self.context, &followed)?;
        let scanned = scan::scanned(&self.graph, &self.states, self.context);
        let state = &mut self.states[target.index()];
        settings::override_commands(state, self.options.overrides, &mut self.budget)?;
        let image = self.config(target);
        let state = self.states.swap_remove(target.index());
        Ok(Plan {
            llb: self.llb,
            output: state.output,
            base: state.base,
            image,
            base_image: state.base_image.map(|image| (*image).clone()),
            file: self.file,
            target_lines: self.graph.stage(target).lines,
            platform: state
                .platform
                .unwrap_or_else(|| self.options.target_platform.clone()),
            epoch: self.graph.epoch,
            ignore_cache: state.ignore_cache,
            runs_nothing: self.runs_nothing,
            scanned,
            context: self.context,
            roots: self.roots,
            target: target.index(),
        })
    }

    /// The config of the target, whose stages are done.
    fn config(&mut self, target: StageId) -> image::Config {
        let mut image = (*self.states[target.index()].image).clone();
        image.created = None;
        let mut stages = self.below(target);
        stages.push(target);
        let changes = stages
            .into_iter()
            .map(|stage| std::mem::take(&mut self.states[stage.index()].changes))
            .collect();
        Changes::apply(changes, &mut image);
        image.config.labels.extend(self.options.labels.clone());
        if let Some(wanted) = self.options.requested_platform() {
            retarget(&mut image.platform, wanted);
        }
        image.platform = image.platform.normalize();
        image
    }

    /// Notes that `path` is read from the root of `stage`.
    fn reads(&mut self, stage: StageId, path: &str) {
        let set = self.states[stage.index()].reads;
        self.read[set].insert(path::join(&["/", path]));
    }

    fn reads_context(&mut self, path: &str) {
        self.context_paths.insert(path::join(&["/", path]));
    }
}

/// Carries the config of the image into the state that commands run with, unless it is there.
///
/// A context that stands in for a stage may say no platform. Then the stage on it has an empty one, as in docker/dockerfile.
fn begin(state: &mut StageState) -> Result<()> {
    let platform = state.platform.get_or_insert_default();
    if std::mem::replace(&mut state.has_begun, true) {
        return Ok(());
    }
    let config = &Arc::clone(&state.image).config;
    let mut names = HashSet::new();
    for pair in &config.env {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        state.environment.keep(name, value);
        state.has_odd_variables |= !names.insert(name);
    }
    if !names.contains("PATH") && platform.os != "windows" {
        let default = image::default_path(&platform.os);
        state.environment.keep("PATH", default);
        state
            .changes
            .set_variable("PATH".to_owned(), default.to_owned());
    }
    state.shell = config.shell.as_slice().into();
    state.user.clone_from(&config.user);
    state.directory.clone_from(&config.working_dir);
    if config.working_dir.is_empty() {
        // An image that names no directory leaves commands in the root.
        state.directory = "/".to_owned();
    } else {
        workdir::enter(state, &config.working_dir)?;
    }
    Ok(())
}

/// The platform of an image that was built for a platform somebody asked for. What was not asked for stays the base's own, as long
/// as the rest is the same.
fn retarget(image: &mut Platform, wanted: &Platform) {
    let same = image.os == wanted.os && image.architecture == wanted.architecture;
    image.os = wanted.os.clone();
    image.architecture = wanted.architecture.clone();
    if !wanted.variant.is_empty() || !same {
        image.variant = wanted.variant.clone();
    }
    if !wanted.os_version.is_empty() || !same {
        image.os_version = wanted.os_version.clone();
    }
    if !wanted.os_features.is_empty() {
        image.os_features = wanted.os_features.clone();
    }
}

/// A platform as ops carry it.
pub fn op_platform(platform: &Platform) -> pb::Platform {
    pb::Platform {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone(),
        os_version: platform.os_version.clone(),
        os_features: platform.os_features.clone(),
    }
}

/// What is known of an op that stands on these lines. An op of no line of its own is in the file all the same.
fn at(file: llb::SourceMapId, lines: Option<Lines>) -> llb::Meta {
    let ranges = lines
        .map(|lines| llb::line_by_line(lines.start, lines.end))
        .unwrap_or_default();
    llb::Meta::default().at(llb::Location {
        source_map: file,
        ranges,
    })
}

fn described(meta: llb::Meta, command: &str) -> llb::Meta {
    meta.describe("com.docker.dockerfile.v1.command", command)
}

fn located(error: Box<Diagnostic>, lines: Option<Lines>) -> Box<Diagnostic> {
    match lines {
        Some(lines) => Box::new(error.at(lines)),
        None => error,
    }
}
