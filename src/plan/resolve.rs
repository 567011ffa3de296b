//! Which base images a build needs, asked for as soon as they are known.
//!
//! ONBUILD in a base image may bring new images to read from, so this is a loop: [`Resolution::step`] says what it needs, and is
//! called again with the answers until nothing is missing.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    diagnostic::{Diagnostic, Result},
    golang, image,
    llb::{self, source::Image},
    proto::pb,
    reference::{image as reference, platform::Platform},
    stage::{Base, Graph, Stage, StageId},
};

use super::{
    Options,
    context::{self, PendingLocal},
    described,
    facts::{BaseImage, Facts},
    messages, names, op_platform,
    question::{Answer, Known, Query, Wanted},
    state::StageState,
};

/// How often ONBUILD triggers may bring images whose triggers bring images. One that reads from its own image does so without end.
const MOST_ROUNDS: usize = 100;

/// The loop that finds every base.
pub struct Resolution<'a> {
    options: &'a Options<'a>,
    graph: Graph,
    /// How often triggers brought stages to read from.
    rounds: usize,
    states: Vec<StageState>,
    found: Vec<bool>,
    triggered: Vec<bool>,
    llb: llb::Graph,
    file: llb::SourceMapId,
    locals: Vec<PendingLocal>,
    roots: Vec<Root>,
    /// The configs of the images that stages begin with, each read once.
    configs: HashMap<Wanted, Arc<image::Config>>,
    /// The config of a stage that begins with nothing, of which a mount without a source is one.
    empty: Arc<image::Config>,
}

/// What the loop says.
pub enum Step<'a> {
    /// These must be known before it can go on. They do not depend on each other.
    Need(Box<Resolution<'a>>, Vec<Query>),
    /// Every base is known.
    Done(Box<Bases>),
}

/// The graph with the beginning of every stage.
pub struct Bases {
    pub(super) graph: Graph,
    pub(super) states: Vec<StageState>,
    pub(super) llb: llb::Graph,
    pub(super) file: llb::SourceMapId,
    pub(super) locals: Vec<PendingLocal>,
    pub(super) roots: Vec<Root>,
}

impl<'a> Resolution<'a> {
    /// Begins with nothing known.
    pub fn new(graph: Graph, options: &'a Options<'a>) -> Self {
        let mut llb = llb::Graph::new();
        let file = llb.add_source_map(options.file.clone());
        Self {
            options,
            graph,
            rounds: 0,
            states: Vec::new(),
            found: Vec::new(),
            triggered: Vec::new(),
            llb,
            file,
            locals: Vec::new(),
            roots: Vec::new(),
            configs: HashMap::new(),
            empty: image::empty_image(options.target_platform).into(),
        }
    }

    /// Goes on with what is known, and notes what is seen of the images.
    pub fn step(mut self, known: &Known, facts: &mut Facts) -> Result<Step<'a>> {
        loop {
            self.grow();
            let planned = self.graph.planned();
            let missing = self.missing(&planned, known)?;
            if !missing.is_empty() {
                return Ok(Step::Need(Box::new(self), missing));
            }
            self.take(&planned, known, facts)?;
            if !self.fire_triggers()? {
                let Self {
                    graph,
                    states,
                    llb,
                    file,
                    locals,
                    roots,
                    ..
                } = self;
                return Ok(Step::Done(Box::new(Bases {
                    graph,
                    states,
                    llb,
                    file,
                    locals,
                    roots,
                })));
            }
        }
    }

    /// A state for every stage that has none yet.
    fn grow(&mut self) {
        for id in self.graph.ids().skip(self.states.len()) {
            let stage = self.graph.stage(id);
            self.states.push(StageState {
                label: stage.label.clone(),
                step_count: stage.step_count,
                platform: stage.platform.clone(),
                reads: match stage.base {
                    Base::Stage(base) => self.states[base.index()].reads,
                    _ => id.index(),
                },
                epoch: self.graph.epoch,
                ..StageState::default()
            });
            self.found.push(matches!(stage.base, Base::Stage(_)));
            self.triggered.push(false);
        }
    }

    /// What must be asked before the stages that are needed can begin. Every base is read, needed or not.
    fn missing(&self, planned: &[bool], known: &Known) -> Result<Vec<Query>> {
        let mut missing: Vec<Query> = Vec::new();
        let mut asked = HashSet::new();
        for id in self.graph.ids().filter(|id| !self.found[id.index()]) {
            let stage = self.graph.stage(id);
            let needed = planned[id.index()];
            let wanted = self
                .wanted(stage, needed, known)
                .map_err(|error| at(error, stage))?;
            let is_open = |query: &Query| needed && query.is_open(known);
            if let Some(query) = wanted.filter(is_open)
                && asked.insert(query.wanted.clone())
            {
                missing.push(query);
            }
        }
        Ok(missing)
    }

    /// What a stage begins with; `None` when it is empty. Contexts are looked at for stages that are needed.
    fn wanted(&self, stage: &Stage, needed: bool, known: &Known) -> Result<Option<Query>> {
        if stage.base == Base::Scratch && stage.context.is_none() {
            return Ok(None);
        }
        let reference = reference::parse_normalized(&stage.base_name)
            .map_err(|error| messages::bad_base(&stage.base_name, &error))?
            .tag_name_only();
        let platform = stage
            .platform
            .as_ref()
            .unwrap_or(self.options.target_platform);
        let context = match &stage.context {
            _ if !needed => None,
            Some(context) => Some(context.clone()),
            None => self
                .options
                .contexts
                .find(&reference.to_string(), Some(platform), platform)?,
        };
        let query = match context {
            Some(context) => {
                let platform = match stage.context {
                    Some(_) => stage
                        .platform
                        .as_ref()
                        .or(self.options.requested_platform()),
                    None => Some(platform),
                };
                context::query(&context, platform, known, self.options)?
            }
            None => Query {
                wanted: Wanted::Image {
                    reference: reference.to_string(),
                    platform: Some(platform.clone()),
                },
                log_name: self.log_name(&reference.to_string(), platform),
                written: stage.base_name.clone(),
                lines: stage.lines,
                context: None,
                moved: None,
            },
        };
        Ok(Some(Query {
            written: stage.base_name.clone(),
            lines: stage.lines,
            ..query
        }))
    }

    fn log_name(&self, reference: &str, platform: &Platform) -> String {
        let platform = match self.options.is_multi_platform {
            true => format!("{} ", platform.format_all()),
            false => String::new(),
        };
        format!("[{platform}internal] load metadata for {reference}")
    }

    /// Begins every stage whose base is known.
    fn take(&mut self, planned: &[bool], known: &Known, facts: &mut Facts) -> Result<()> {
        for id in self.graph.ids() {
            let index = id.index();
            if self.found[index] {
                continue;
            }
            // What only a command names is found for good, even where nothing needs it yet.
            self.found[index] = planned[index] || self.graph.stage(id).implicit;
            let wanted = self.wanted(self.graph.stage(id), planned[index], known)?;
            match wanted {
                None => self.begin_empty(id),
                Some(query) if planned[index] => {
                    self.begin(id, query, known, facts)
                        .map_err(|error| at(error, self.graph.stage(id)))?;
                }
                Some(query) => self.count_unused(id, &query),
            }
            self.states[index].is_done |= self.graph.stage(id).implicit;
        }
        Ok(())
    }

    fn begin_empty(&mut self, id: StageId) {
        let platform = self.options.target_platform;
        let state = &mut self.states[id.index()];
        state.image = Arc::clone(&self.empty);
        state.platform = Some(platform.clone());
    }

    /// A base that nothing needs is named all the same, and its stage's steps count on from there, as in docker/dockerfile. Should
    /// a trigger need it later, it goes by its full name; an image that only a command names is then not asked for any more.
    fn count_unused(&mut self, id: StageId, query: &Query) {
        let platform = self.platform_of(id);
        let Ok(reference) = reference::parse_normalized(&query.written) else {
            return;
        };
        let reference = reference.tag_name_only().to_string();
        match self.graph.stage(id).implicit {
            true => {
                self.add_image(id, reference.clone(), &platform);
                self.states[id.index()].platform = Some(platform);
            }
            false => {
                self.step_name(id, &reference, &platform);
            }
        }
        self.graph.rename_base(id, reference);
    }

    /// The op of a base image, which is a step of its stage.
    fn add_image(&mut self, id: StageId, reference: String, platform: &Platform) {
        let name = self.step_name(id, &reference, platform);
        let stage = self.graph.stage(id);
        let meta = described(super::at(self.file, stage.lines), &stage.code)
            .name(name)
            .on(op_platform(platform));
        let source = Image {
            reference,
            resolve_mode: self.options.resolve_mode,
            ..Image::default()
        };
        let state = &mut self.states[id.index()];
        state.output = Some(self.llb.add_source(source, meta));
        state.output_platform = Some(platform.clone().normalize());
    }

    fn step_name(&mut self, id: StageId, reference: &str, platform: &Platform) -> String {
        let state = &mut self.states[id.index()];
        let several = self.options.is_multi_platform;
        let command = format!("FROM {reference}");
        names::step(state, &command, Some(platform), several, None)
    }

    fn begin(&mut self, id: StageId, query: Query, known: &Known, facts: &mut Facts) -> Result<()> {
        let stage = self.graph.stage(id);
        match &query.context {
            Some(_) if stage.context.is_some() => self.begin_stage_context(id, &query, known),
            Some(_) => self.begin_base_context(id, &query, known),
            None => self.begin_image(id, &query, known, facts),
        }
    }

    /// A named context instead of the whole stage: none of its commands run.
    fn begin_stage_context(&mut self, id: StageId, query: &Query, known: &Known) -> Result<()> {
        let loaded = context::load(
            query,
            known,
            &mut self.llb,
            &mut self.locals,
            self.options,
            self.states[id.index()].reads,
        )?;
        self.roots
            .push(Root::new(&self.graph, id, query, &loaded.root));
        let state = &mut self.states[id.index()];
        state.is_done = true;
        loaded.enter(state);
        if let Some(image) = loaded.image {
            if !image.platform.architecture.is_empty() && !image.platform.os.is_empty() {
                state.platform = Some(image.platform.clone());
            }
            state.triggers = image.config.on_build.clone();
            state.image = image.into();
        }
        Ok(())
    }

    /// A named context instead of the base image.
    fn begin_base_context(&mut self, id: StageId, query: &Query, known: &Known) -> Result<()> {
        let loaded = context::load(
            query,
            known,
            &mut self.llb,
            &mut self.locals,
            self.options,
            self.states[id.index()].reads,
        )?;
        let platform = self.platform_of(id);
        self.roots
            .push(Root::new(&self.graph, id, query, &loaded.root));
        let state = &mut self.states[id.index()];
        loaded.enter(state);
        let image = loaded
            .image
            .unwrap_or_else(|| image::empty_image(&platform));
        let image = Arc::new(image);
        state.triggers = image.config.on_build.clone();
        state.image = Arc::clone(&image);
        state.base_image = Some(image);
        state.output_platform = Some(platform.clone().normalize());
        state.platform = Some(platform);
        Ok(())
    }

    fn begin_image(
        &mut self,
        id: StageId,
        query: &Query,
        known: &Known,
        facts: &mut Facts,
    ) -> Result<()> {
        let (reference, digest, config) = match known.get(&query.wanted) {
            Some(Answer::Image {
                reference,
                digest,
                config,
            }) => (reference, digest, config),
            Some(Answer::Moved(source)) => return Err(self.moved_base(query, source)),
            _ => return Err(messages::no_answer(&query.written)),
        };
        let root = RootKind::Image(digest.clone());
        self.roots.push(Root::new(&self.graph, id, query, &root));
        let mut platform = self.platform_of(id);
        let image = match self.configs.get(&query.wanted) {
            Some(image) => Arc::clone(image),
            None => {
                let image = image::Config::from_json(config)
                    .map_err(|error| messages::bad_image_config(&error))?;
                let image = Arc::new(image);
                self.configs
                    .insert(query.wanted.clone(), Arc::clone(&image));
                image
            }
        };
        let stage = self.graph.stage(id);
        if stage.platform.is_none() && self.options.is_platform_implicit {
            platform = detect(&image.platform, platform, self.options.build_platforms);
        }
        let mut reference = reference::parse_normalized(reference)
            .map_err(|error| messages::bad_reference(reference, &error))?;
        if !digest.is_empty() {
            reference = reference
                .with_digest(digest)
                .map_err(|error| messages::bad_reference(digest, &error))?;
        }
        let lines = stage.lines;
        if has_layers(&image) {
            self.add_image(id, reference.to_string(), &platform);
            facts.bases.push(BaseImage {
                name: query.written.clone(),
                wanted: platform.clone(),
                found: image.platform.clone(),
                lines,
                stage: id,
                config: Arc::clone(&image),
            });
        }
        let state = &mut self.states[id.index()];
        state.triggers = image.config.on_build.clone();
        state.image = Arc::clone(&image);
        state.base_image = Some(image);
        state.platform = Some(platform);
        Ok(())
    }

    /// Only a context may become something else than an image.
    fn moved_base(&self, query: &Query, source: &pb::SourceOp) -> Box<Diagnostic> {
        let reference = match &query.wanted {
            Wanted::Image { reference, .. } => reference,
            _ => &query.written,
        };
        let labels: Vec<String> = self.graph.labels().map(str::to_owned).collect();
        let error = messages::moved_base(&query.written, reference, &source.identifier);
        Box::new(error.suggest(suggest_image(&labels, &query.written)))
    }

    fn platform_of(&self, id: StageId) -> Platform {
        self.graph
            .stage(id)
            .platform
            .as_ref()
            .unwrap_or(self.options.target_platform)
            .clone()
    }

    /// Puts the ONBUILD triggers of every base before the commands of its stage. Gives whether they need more bases.
    ///
    /// A stage that the target does not need gets none, looked at or not.
    fn fire_triggers(&mut self) -> Result<bool> {
        let mut brought = false;
        let reachable = self.graph.reachable();
        for (id, _) in self
            .graph
            .ids()
            .zip(reachable)
            .filter(|(_, reachable)| *reachable)
        {
            let mut triggers = std::mem::take(&mut self.states[id.index()].triggers);
            if !std::mem::replace(&mut self.triggered[id.index()], true) {
                triggers.extend_from_slice(self.graph.triggers_of_base(id));
            }
            if !triggers.is_empty() {
                let brings = self.graph.add_triggers(id, &triggers)?;
                if brings && self.rounds == MOST_ROUNDS {
                    let stage = self.graph.stage(id);
                    return Err(at(messages::endless_triggers(&stage.base_name), stage));
                }
                brought |= brings;
                self.states[id.index()].step_count = self.graph.stage(id).step_count;
            }
        }
        self.rounds += usize::from(brought);
        Ok(brought)
    }
}

/// What a stage begins with, or what a command reads from, that is no stage of the file and not empty.
#[derive(Debug, Clone)]
pub struct Root {
    /// As the file names it: the stage that a named context stands in for, else the base, variables replaced.
    pub name: String,
    /// What it is.
    pub kind: RootKind,
}

/// What stands behind a [`Root`].
#[derive(Debug, Clone)]
pub enum RootKind {
    /// Nothing: an empty file system.
    Scratch,
    /// An image, by the digest of its manifest or index; empty where nobody knows it.
    Image(String),
    /// Files: a directory of the client, a repository or a download.
    Files(llb::Output),
    /// The result of another build.
    Input(Box<pb::Definition>),
}

impl Root {
    fn new(graph: &Graph, id: StageId, query: &Query, kind: &RootKind) -> Self {
        let stage = graph.stage(id);
        let name = stage.name.clone().filter(|_| stage.context.is_some());
        Self {
            name: name.unwrap_or_else(|| query.written.clone()),
            kind: kind.clone(),
        }
    }
}

/// The image or stage that was probably meant by a base that could not be found.
pub fn suggest_image(graph_labels: &[String], written: &str) -> Option<String> {
    let common = [
        "alpine", "busybox", "centos", "debian", "golang", "ubuntu", "fedora",
    ]
    .into_iter()
    .flat_map(|name| {
        // The prefix lacks its slash in docker/dockerfile too; with one, a near miss of a full name would find it.
        [
            name.to_owned(),
            format!("docker.io/library{name}"),
            format!("{name}:latest"),
            format!("docker.io/library{name}:latest"),
        ]
    });
    let names: Vec<String> = graph_labels.iter().cloned().chain(common).collect();
    golang::nearest(written, names.iter().map(String::as_str), true)
}

/// Images without layers are empty: nothing is asked of the daemon for them.
fn has_layers(image: &image::Config) -> bool {
    let by_history = || image.history.iter().any(|line| !line.empty_layer);
    image
        .rootfs
        .diff_ids
        .as_ref()
        .is_some_and(|ids| !ids.is_empty())
        || by_history()
}

/// The platform of a base image that nobody chose one for: its own, if the daemon builds on it.
fn detect(image: &Platform, target: Platform, supported: &[Platform]) -> Platform {
    let same = |platform: &Platform| {
        platform.os == image.os && platform.architecture == image.architecture
    };
    if same(&target) {
        return target;
    }
    supported
        .iter()
        .find(|platform| same(platform))
        .cloned()
        .unwrap_or(target)
}

fn at(error: Box<Diagnostic>, stage: &Stage) -> Box<Diagnostic> {
    match stage.lines {
        Some(lines) => Box::new(error.at(lines)),
        None => error,
    }
}
