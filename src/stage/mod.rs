//! Names and numbers to a graph of stages.
//!
//! Takes the checked instructions of a file and what the build asks for; gives a [`Graph`]: every stage with its base, its
//! commands and the stages those commands read from. ARGs before the first FROM are in force here and nowhere else.
//! Knows nothing of LLB, of image configs, or of how a base image is found.

mod arguments;
mod context;
mod cycle;
mod epoch;
mod facts; // what was seen on the way
mod messages;

pub use arguments::Arguments;
pub use context::{Contexts, NamedContext};
pub use epoch::{Download, EpochSource};
pub use facts::{DeclaredFacts, Facts, StageFacts};

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    diagnostic::{Diagnostic, Result},
    expand::{Budget, Environment, Expander, Scope},
    golang::{self, Timestamp},
    instruction::{self, Dockerfile, Instruction, Kind},
    reference::platform::{self, Platform},
    source::{Lines, Source},
    syntax,
};

/// The name of the base that is empty.
pub const SCRATCH: &str = "scratch";

/// What the build asks of the graph.
pub struct Options<'a> {
    /// The stage to build; `None` is the last one.
    pub target: Option<&'a str>,
    /// `--build-arg`, by name.
    pub build_args: &'a BTreeMap<String, String>,
    /// The platform that builds.
    pub build_platform: &'a Platform,
    /// The platform that is built for.
    pub target_platform: &'a Platform,
    /// Whether nobody asked for it.
    pub is_platform_implicit: bool,
    /// `--build-context`, by name.
    pub contexts: &'a Contexts,
}

impl Options<'_> {
    /// The platform whose named contexts stand in for stages: if nobody asked for one, that on which this runs.
    fn named_platform(&self) -> Platform {
        match self.is_platform_implicit {
            true => platform::default_spec(),
            false => self.target_platform.clone(),
        }
    }
}

/// Every stage of a build, and the images that its commands read from as stages of their own.
#[derive(Debug)]
pub struct Graph {
    /// In the order of the file; stages that a command brought come after them.
    stages: Vec<Stage>,
    /// What `--from` means by a number. A stage that a command brought takes another number each time that it is named by one.
    numbers: Vec<StageId>,
    names: HashMap<String, StageId>,
    target: StageId,
    /// The scope of FROM: automatic arguments, then the ARGs before the first FROM.
    pub arguments: Environment,
    /// `--build-arg`, with `SOURCE_DATE_EPOCH` as it was understood.
    pub build_args: BTreeMap<String, String>,
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: Option<Timestamp>,
    /// The escape character of the file.
    pub escape: char,
    /// How much the build can still grow.
    pub budget: Budget,
    /// Whether stages that the target does not need are planned as well: to look at them, not to build them.
    pub all_stages: bool,
}

/// A stage by its place in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(usize);

impl StageId {
    /// The place of the stage in the graph, from zero.
    pub fn index(self) -> usize {
        self.0
    }
}

/// What one FROM begins, or an image that a command reads from.
#[derive(Debug)]
pub struct Stage {
    /// The name given with AS.
    pub name: Option<String>,
    /// How progress names the stage; empty when it is the only one.
    pub label: String,
    /// What the stage begins with.
    pub base: Base,
    /// The base as named, expanded.
    pub base_name: String,
    /// `--platform`, expanded.
    pub platform: Option<Platform>,
    /// The named context that stands in for the whole stage.
    pub context: Option<NamedContext>,
    /// The commands in order; ONBUILD triggers of the base come first.
    pub commands: Vec<Command>,
    /// Where the stage is named.
    pub lines: Option<Lines>,
    /// The FROM line as written.
    pub code: String,
    /// How many steps progress counts in this stage.
    pub step_count: usize,
    /// Whether a command brought the stage: no FROM names it.
    pub implicit: bool,
    /// What the stage leaves to those based on it with ONBUILD.
    triggers: Vec<String>,
    /// The stages that commands read from, each with the lines of the last command that does.
    dependencies: BTreeMap<StageId, Lines>,
}

/// What a stage begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// An earlier stage.
    Stage(StageId),
    /// An image, or the named context that stands in for it.
    Image,
}

/// A command of a stage, with the stages it reads from.
#[derive(Debug, Clone)]
pub struct Command {
    /// The instruction.
    pub instruction: Arc<Instruction>,
    /// For COPY the stage of `--from`; for RUN a stage for each mount, in order.
    pub sources: Vec<StageId>,
    /// Whether it comes from an ONBUILD of the base.
    pub is_trigger: bool,
}

/// Builds the graph of a file.
pub fn graph(dockerfile: &Dockerfile, escape: char, options: &Options<'_>) -> Result<Graph> {
    graph_with_facts(dockerfile, escape, options, &mut Facts::default())
}

/// Builds the graph of a file, and notes what is seen on the way; of a file with a mistake, what stands before it.
///
/// Nobody is asked for the time of a source: where `SOURCE_DATE_EPOCH` means one, it is not set.
pub fn graph_with_facts(
    dockerfile: &Dockerfile,
    escape: char,
    options: &Options<'_>,
    facts: &mut Facts,
) -> Result<Graph> {
    let arguments = Arguments::read(dockerfile, escape, options, facts)?;
    graph_with_arguments(dockerfile, escape, options, arguments, facts)
}

/// The same, with arguments that were read, and dated where that was asked for.
pub fn graph_with_arguments(
    dockerfile: &Dockerfile,
    escape: char,
    options: &Options<'_>,
    mut arguments: Arguments,
    facts: &mut Facts,
) -> Result<Graph> {
    let epoch = arguments.settle();
    facts.arguments = arguments.scope.clone();
    let mut graph = Graph {
        stages: Vec::with_capacity(dockerfile.stages.len()),
        numbers: Vec::with_capacity(dockerfile.stages.len()),
        names: HashMap::new(),
        target: StageId(0),
        arguments: arguments.scope,
        build_args: arguments.build_args,
        epoch,
        escape,
        budget: arguments.budget,
        all_stages: false,
    };
    for (number, written) in dockerfile.stages.iter().enumerate() {
        let stage = graph.read(number, written, options, facts)?;
        graph.add(stage);
    }
    graph.target = graph.find_target(options.target)?;
    for (number, written) in dockerfile.stages.iter().enumerate() {
        for instruction in &written.commands {
            let command = graph.command(StageId(number), Arc::clone(instruction))?;
            let stage = &mut graph.stages[number];
            if let Kind::Onbuild(onbuild) = &instruction.kind {
                stage.triggers.push(onbuild.expression.clone());
            }
            stage.commands.push(command);
        }
    }
    cycle::refuse(&graph)?;
    if let [only] = graph.stages.as_mut_slice() {
        only.label.clear();
    }
    Ok(graph)
}

impl Graph {
    /// The stage to build.
    pub fn target(&self) -> StageId {
        self.target
    }

    /// Every stage, in an order in which each comes after its base.
    pub fn ids(&self) -> impl Iterator<Item = StageId> + use<> {
        (0..self.stages.len()).map(StageId)
    }

    /// The stage with this place.
    pub fn stage(&self, id: StageId) -> &Stage {
        &self.stages[id.0]
    }

    /// The names that progress shows, for suggestions.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.stages
            .iter()
            .map(|stage| stage.label.as_str())
            .filter(|label| !label.is_empty())
    }

    /// Which stages the target needs, by place.
    pub fn reachable(&self) -> Vec<bool> {
        let mut reachable = vec![false; self.stages.len()];
        let mut open = vec![self.target];
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut reachable[id.0], true) {
                continue;
            }
            open.extend(self.needs(id));
        }
        reachable
    }

    /// The stages that a stage cannot be made without: its base, then those that its commands read from.
    pub fn needs(&self, id: StageId) -> impl Iterator<Item = StageId> {
        let stage = &self.stages[id.0];
        let base = match stage.base {
            Base::Stage(base) => Some(base),
            _ => None,
        };
        base.into_iter().chain(stage.dependencies.keys().copied())
    }

    /// Which stages are planned, by place: those that the target needs, or all.
    pub fn planned(&self) -> Vec<bool> {
        match self.all_stages {
            true => vec![true; self.stages.len()],
            false => self.reachable(),
        }
    }

    /// The ONBUILD instructions that the base stage of `id` leaves to it.
    pub fn triggers_of_base(&self, id: StageId) -> &[String] {
        match self.stages[id.0].base {
            Base::Stage(base) => &self.stages[base.0].triggers,
            _ => &[],
        }
    }

    /// Calls the base of a stage by another name.
    pub fn rename_base(&mut self, id: StageId, name: String) {
        self.stages[id.0].base_name = name;
    }

    /// Puts ONBUILD triggers before the commands of a stage. Gives whether they brought new stages to read from.
    pub fn add_triggers(&mut self, id: StageId, triggers: &[String]) -> Result<bool> {
        let lines = self.stages[id.0].lines;
        let place = |error: Box<Diagnostic>| match lines {
            Some(lines) => Box::new(error.only_at(lines)),
            // The lines of the trigger are not those of the file.
            None => Box::new(error.nowhere()),
        };
        let mut commands = Vec::with_capacity(triggers.len());
        for trigger in triggers {
            let instruction = trigger_instruction(trigger, lines).map_err(place)?;
            let mut command = self.command(id, Arc::new(instruction)).map_err(place)?;
            command.is_trigger = true;
            let size = trigger_size(trigger, lines, command.sources.len());
            let spent = self.budget.spend(size);
            spent.map_err(messages::overgrown).map_err(place)?;
            commands.push(command);
        }
        let brought = commands.iter().any(|command| !command.sources.is_empty());
        let stage = &mut self.stages[id.0];
        stage.step_count += commands.len();
        commands.append(&mut stage.commands);
        stage.commands = commands;
        Ok(brought)
    }

    /// One FROM, its name and platform expanded.
    fn read(
        &mut self,
        number: usize,
        written: &instruction::Stage,
        options: &Options<'_>,
        facts: &mut Facts,
    ) -> Result<Stage> {
        let at = |error: Diagnostic| Box::new(error.at(written.lines));
        let base =
            Expander::new(self.escape).word(&written.base_name, &self.arguments, &mut self.budget);
        facts.base(&base);
        let base = base.map_err(|error| at(Diagnostic::error(error.to_string())))?;
        if base.text.is_empty() {
            return Err(at(messages::blank_base(&written.base_name)));
        }
        let platform = match written.platform.as_deref() {
            None | Some("") => None,
            Some(platform) => Some(self.platform(platform, facts).map_err(at)?),
        };
        let context = match &written.name {
            Some(name) => {
                options
                    .contexts
                    .find(name, platform.as_ref(), &options.named_platform())?
            }
            None => None,
        };
        let replaced = context.is_some();
        let named = self.names.get(&base.text).copied();
        facts.begins(named, replaced);
        let base_kind = match named {
            _ if replaced => Base::Image,
            Some(id) => Base::Stage(id),
            None if base.text == SCRATCH => Base::Scratch,
            None => Base::Image,
        };
        let label = written
            .name
            .clone()
            .unwrap_or_else(|| format!("stage-{number}"));
        let step_count = match replaced {
            true => 0,
            false => {
                usize::from(base_kind == Base::Image)
                    + written
                        .commands
                        .iter()
                        .filter(|command| is_step(command))
                        .count()
            }
        };
        Ok(Stage {
            name: written.name.clone(),
            label,
            base: base_kind,
            base_name: base.text,
            platform,
            context,
            commands: Vec::with_capacity(written.commands.len()),
            lines: Some(written.lines),
            code: written.original.clone(),
            step_count,
            implicit: false,
            triggers: Vec::new(),
            dependencies: BTreeMap::new(),
        })
    }

    /// `--platform` of a FROM.
    fn platform(
        &mut self,
        written: &str,
        facts: &mut Facts,
    ) -> std::result::Result<Platform, Diagnostic> {
        let expanded = Expander::new(self.escape).word(written, &self.arguments, &mut self.budget);
        facts.platform(&expanded);
        let expanded = expanded.map_err(|error| messages::platform_arguments(&error))?;
        let suggestion = || {
            let names = self.arguments.names();
            let near =
                |name: &String| golang::nearest(name, names.iter().map(String::as_str), true);
            expanded.unmatched.iter().find_map(near)
        };
        if expanded.text.is_empty() {
            return Err(messages::empty_platform(written).suggest(suggestion()));
        }
        platform::parse(&expanded.text)
            .map_err(|error| messages::bad_platform(written, &error, suggestion()))
    }

    fn add(&mut self, stage: Stage) -> StageId {
        let id = StageId(self.stages.len());
        if let Some(name) = stage.name.as_ref().filter(|name| !name.is_empty()) {
            self.names.insert(golang::to_lower(name), id);
        }
        self.stages.push(stage);
        self.numbers.push(id);
        id
    }

    fn find_target(&self, wanted: Option<&str>) -> Result<StageId> {
        match wanted {
            None => Ok(StageId(self.stages.len() - 1)),
            Some(name) => self
                .by_name(name)
                .ok_or_else(|| messages::no_target(name, self.labels())),
        }
    }

    fn by_name(&self, name: &str) -> Option<StageId> {
        self.names.get(&golang::to_lower(name)).copied()
    }

    /// Finds what a command of stage `owner` reads from. What no stage is named is an image: a stage of its own.
    fn command(&mut self, owner: StageId, instruction: Arc<Instruction>) -> Result<Command> {
        let lines = instruction.lines;
        let sources = match &instruction.kind {
            Kind::Copy(copy) => match copy.from.as_deref().filter(|from| !from.is_empty()) {
                Some(from) => vec![self.copy_source(from, lines)?],
                None => Vec::new(),
            },
            Kind::Run(run) => {
                let from = run
                    .mounts
                    .iter()
                    .map(|mount| mount.from.as_deref().unwrap_or(SCRATCH));
                from.map(|from| self.mount_source(from)).collect()
            }
            _ => Vec::new(),
        };
        for source in &sources {
            self.stages[owner.0].dependencies.insert(*source, lines);
        }
        Ok(Command {
            instruction,
            sources,
            is_trigger: false,
        })
    }

    fn copy_source(&mut self, from: &str, lines: Lines) -> Result<StageId> {
        let expanded = Expander::new(self.escape)
            .word(from, &Environment::default(), &mut self.budget)
            .map_err(|error| Diagnostic::error(error.to_string()))?;
        if expanded.text != from {
            return Err(messages::expansion_in_from());
        }
        if let Ok(number) = golang::atoi(from) {
            let place = usize::try_from(number).ok();
            let id = place.and_then(|place| self.numbers.get(place).copied());
            let id = id.ok_or_else(|| messages::bad_stage_index(number))?;
            if self.stages[id.0].implicit {
                self.numbers.push(id);
            }
            return Ok(id);
        }
        match self.by_name(from) {
            Some(id) => Ok(id),
            None => Ok(self.add_image(from, Some(lines))),
        }
    }

    fn mount_source(&mut self, from: &str) -> StageId {
        self.by_name(from)
            .unwrap_or_else(|| self.add_image(from, None))
    }

    fn add_image(&mut self, name: &str, lines: Option<Lines>) -> StageId {
        self.add(Stage {
            name: None,
            label: String::new(),
            base: if name == SCRATCH {
                Base::Scratch
            } else {
                Base::Image
            },
            base_name: name.to_owned(),
            platform: None,
            context: None,
            commands: Vec::new(),
            lines,
            code: String::new(),
            step_count: 0,
            implicit: true,
            triggers: Vec::new(),
            dependencies: BTreeMap::new(),
        })
    }
}

/// Whether progress counts the command. WORKDIR counts even when it makes no directory.
fn is_step(instruction: &Instruction) -> bool {
    matches!(
        instruction.kind,
        Kind::Add(_) | Kind::Copy(_) | Kind::Run(_) | Kind::Workdir(_)
    )
}

/// About what a trigger takes in each stage in which it fires: itself, the op that it becomes, the lines of the FROM, and the stages
/// that it reads from.
fn trigger_size(trigger: &str, lines: Option<Lines>, sources: usize) -> usize {
    const OP: usize = 256;
    const LINE: usize = 64;
    const STAGE: usize = 1 << 10;
    let lines = lines.map_or(0, |lines| lines.end - lines.start + 1);
    trigger.len() + OP + LINE * lines as usize + STAGE * sources
}

/// Reads an ONBUILD trigger as if it stood where the FROM stands; if none does, on line 0, which there is not.
fn trigger_instruction(trigger: &str, lines: Option<Lines>) -> Result<Instruction> {
    let parsed = syntax::parse(&Source::new("ONBUILD", trigger));
    let file = parsed.into_result()?;
    let [written] = file.instructions.as_slice() else {
        return Err(messages::one_trigger());
    };
    let mut instruction = instruction::read_one(written)?;
    instruction.lines = lines.unwrap_or_default();
    Ok(instruction)
}
