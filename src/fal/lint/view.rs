//! A file, as the rules see it.
//!
//! Takes what was read and planned; gives the commands in the order in which they run, those of RUN taken apart, and what is known of
//! where the target begins. Looks at nothing twice, so that every rule is linear in the file.

use std::{cell::Cell, collections::BTreeMap};

use crate::{
    fal::options::Options,
    image,
    instruction::{Dockerfile, Instruction, Kind},
    plan::Seen,
    source::{Lines, Source},
    stage::{self, Graph, Stage, StageId},
};

use super::{
    Subject,
    install::{self, Install},
    shell::{self, Command},
};

/// How many bytes are searched for places of fixes. Of a file that needs more, the last warnings have none.
const MOST_SEARCHED: usize = 32 << 20;

/// Everything that a rule may look at.
pub(super) struct View<'a> {
    pub(super) source: &'a Source,
    pub(super) dockerfile: &'a Dockerfile,
    pub(super) options: &'a Options,
    pub(super) is_command_replaced: bool,
    pub(super) graph: &'a Graph,
    /// Every command that was planned, in order.
    pub(super) steps: Vec<Step<'a>>,
    /// What the target begins with.
    pub(super) base: Base<'a>,
    /// What is left of [`MOST_SEARCHED`].
    pub(super) searching: Cell<usize>,
}

/// One command.
pub(super) struct Step<'a> {
    pub(super) stage: StageId,
    /// Whether the target has what it did: it is the target's own, or of a stage below.
    pub(super) is_of_target: bool,
    pub(super) instruction: &'a Instruction,
    pub(super) seen: &'a [Seen],
    /// What a RUN runs.
    pub(super) commands: Vec<Command>,
    /// What it installs for Python.
    pub(super) installs: Vec<Install>,
}

/// What the target begins with.
pub(super) struct Base<'a> {
    /// As named, variables replaced.
    pub(super) name: &'a str,
    /// Where it is named.
    pub(super) lines: Option<Lines>,
    /// What it says of itself, if anybody was asked. Of nothing, nothing is known, which is all.
    pub(super) config: Option<&'a image::Execution>,
    /// Whether it is empty.
    pub(super) is_scratch: bool,
}

impl<'a> View<'a> {
    /// `None` for a file that was not read and planned to the end.
    pub(super) fn new(subject: &Subject<'a>) -> Option<Self> {
        let facts = subject.lint.plan;
        let graph = facts.graph.as_deref()?;
        let (root, chain) = chain(graph);
        let steps: Vec<_> = facts
            .commands
            .iter()
            .map(|command| Step::new(command.stage, &command.instruction, &command.seen, &chain))
            .collect();
        let count = steps.iter().filter(|step| step.is_of_target).count();
        let of_chain = graph.ids().filter(|id| chain[id.index()]);
        let all: usize = of_chain.map(|id| graph.stage(id).commands.len()).sum();
        if count < all {
            return None;
        }
        let base = facts.bases.iter().find(|base| base.stage == root);
        let stage = graph.stage(root);
        Some(Self {
            source: subject.source,
            dockerfile: subject.lint.dockerfile?,
            options: subject.options,
            is_command_replaced: subject.is_command_replaced,
            graph,
            steps,
            base: Base {
                name: &stage.base_name,
                lines: stage.lines,
                config: base.map(|base| &base.config.config),
                is_scratch: matches!(stage.base, stage::Base::Scratch),
            },
            searching: Cell::new(MOST_SEARCHED),
        })
    }

    /// The commands of the target and of the stages below it.
    pub(super) fn of_target(&self) -> impl DoubleEndedIterator<Item = &Step<'a>> {
        self.steps.iter().filter(|step| step.is_of_target)
    }

    /// Every install of the target, with its step.
    pub(super) fn installs(&self) -> impl Iterator<Item = (&Step<'a>, &Install)> {
        self.of_target()
            .flat_map(|step| step.installs.iter().map(move |install| (step, install)))
    }

    /// A stage by what `--from` says.
    pub(super) fn stage_of(&self, from: &str) -> Option<(StageId, &'a Stage)> {
        let ids = || self.graph.ids().map(|id| (id, self.graph.stage(id)));
        let is_named = |stage: &Stage| {
            let name = stage.name.as_deref();
            name.is_some_and(|name| name.eq_ignore_ascii_case(from))
        };
        // Of two stages with one name, the last is meant.
        let named = ids().filter(|(_, stage)| is_named(stage)).last();
        named.or_else(|| {
            let number: usize = from.parse().ok()?;
            ids().find(|(id, stage)| id.index() == number && !stage.implicit)
        })
    }

    /// The commands that make what is in a stage.
    pub(super) fn made_by(&self, id: StageId) -> impl Iterator<Item = &Step<'a>> {
        let chain = below(self.graph, id);
        self.steps
            .iter()
            .filter(move |step| chain[step.stage.index()])
    }

    /// The variables of the finished image: those that the base sets, where it was asked, and those of ENV.
    pub(super) fn variables(&self) -> BTreeMap<&str, &str> {
        let of_base = self.base.config.iter().flat_map(|config| &config.env);
        let of_base = of_base.filter_map(|pair| pair.split_once('='));
        let pairs = self.of_target().flat_map(Step::variables);
        of_base
            .chain(pairs.map(|(key, value)| (key.as_str(), value.as_str())))
            .collect()
    }

    /// Where an option is asked for, if that is a line of the file.
    pub(super) fn option_lines(&self, key: &str) -> Option<Lines> {
        self.options.lines(key)
    }
}

impl<'a> Step<'a> {
    fn new(stage: StageId, instruction: &'a Instruction, seen: &'a [Seen], chain: &[bool]) -> Self {
        let commands = match &instruction.kind {
            Kind::Run(run) => {
                let mut commands = match run.command.shell_form {
                    true => shell::commands(&run.command.args.join(" ")),
                    false => shell::of_words(&run.command.args),
                };
                let scripts = run.heredocs.iter().map(|heredoc| heredoc.data.as_str());
                commands.extend(scripts.flat_map(shell::commands));
                commands
            }
            _ => Vec::new(),
        };
        Self {
            stage,
            is_of_target: chain[stage.index()],
            instruction,
            seen,
            installs: commands.iter().filter_map(install::of).collect(),
            commands,
        }
    }

    pub(super) fn lines(&self) -> Lines {
        self.instruction.lines
    }

    pub(super) fn comments(&self) -> &[String] {
        &self.instruction.comments
    }

    /// The variables that an ENV sets.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&'a String, &'a String)> {
        let is_env = matches!(self.instruction.kind, Kind::Env(_));
        self.seen.iter().filter_map(move |seen| match seen {
            Seen::Pair { key, value, .. } if is_env => Some((key, value)),
            _ => None,
        })
    }
}

/// The stage with which the target begins, and which stages lie between, by place.
fn chain(graph: &Graph) -> (StageId, Vec<bool>) {
    let chain = below(graph, graph.target());
    let root = graph
        .ids()
        .find(|id| chain[id.index()] && !matches!(graph.stage(*id).base, stage::Base::Stage(_)));
    (root.unwrap_or(graph.target()), chain)
}

/// A stage and those that it stands on, by place.
fn below(graph: &Graph, mut id: StageId) -> Vec<bool> {
    let mut chain = vec![false; graph.ids().count()];
    while !std::mem::replace(&mut chain[id.index()], true) {
        if let stage::Base::Stage(base) = graph.stage(id).base {
            id = base;
        }
    }
    chain
}
