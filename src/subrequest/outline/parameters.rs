//! What a target, and all that it needs, ask of whoever builds.
//!
//! Takes what `stage` and `plan` saw; gives every argument, secret, agent and cache once, in the order of the file. What several stages
//! ask for is told as the first of them has it, counted from the target down: a stage, then its base, then what its commands read from.

use std::collections::{HashMap, HashSet};

use crate::{
    instruction::{Declaration, Kind},
    plan::{self, CommandFacts, Seen},
    source::Lines,
    stage::{self, DeclaredFacts, StageFacts, StageId},
};

/// An argument of an argument is followed anew for every stage, since each may have its own; after this many, each is followed once.
const MOST_STEPS: usize = 1_000_000;

/// Everything that is asked for.
#[derive(Default)]
pub(super) struct Parameters<'a> {
    pub(super) arguments: Vec<Argument<'a>>,
    pub(super) secrets: Vec<Mounted<'a>>,
    pub(super) agents: Vec<Mounted<'a>>,
    pub(super) caches: Vec<Mounted<'a>>,
}

/// An ARG.
#[derive(Clone, Copy)]
pub(super) struct Argument<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    pub(super) description: &'a str,
    pub(super) lines: Lines,
    /// Which of those on the same lines it is.
    place: usize,
}

/// What RUN mounts.
#[derive(Clone, Copy)]
pub(super) struct Mounted<'a> {
    pub(super) id: &'a str,
    pub(super) is_required: bool,
    pub(super) lines: Lines,
}

/// Finds what the target of the graph asks for.
pub(super) fn find<'a>(stages: &'a stage::Facts, plan: &'a plan::Facts) -> Parameters<'a> {
    let Some(graph) = &plan.graph else {
        return Parameters::default();
    };
    let mut search = Search {
        stages,
        asked: asked(plan),
        found: Parameters::default(),
        names: Names::default(),
        swept: HashSet::new(),
        followed: HashSet::new(),
        steps: 0,
    };
    let mut open = vec![graph.target()];
    let mut visited = HashSet::new();
    while let Some(id) = open.pop() {
        if !visited.insert(id) {
            continue;
        }
        search.stage(id);
        let first = open.len();
        open.extend(graph.needs(id));
        open[first..].reverse();
    }
    search.found.sorted()
}

impl Parameters<'_> {
    /// Where all of them stand.
    pub(super) fn places(&self) -> impl Iterator<Item = Lines> {
        let mounted = [&self.secrets, &self.agents, &self.caches];
        let mounted = mounted.into_iter().flatten().map(|mounted| mounted.lines);
        let arguments = self.arguments.iter().map(|argument| argument.lines);
        arguments.chain(mounted)
    }

    fn sorted(mut self) -> Self {
        self.arguments
            .sort_by_key(|argument| (argument.lines.start, argument.place));
        for mounted in [&mut self.secrets, &mut self.agents, &mut self.caches] {
            mounted.sort_by_key(|mounted| mounted.lines.start);
        }
        self
    }
}

/// What the commands of one stage ask for.
#[derive(Default)]
struct Asked<'a> {
    /// The names of its ARGs.
    names: Vec<&'a str>,
    /// Those that do not have the value from before the first FROM, as they were declared last.
    arguments: HashMap<&'a str, Argument<'a>>,
    secrets: Vec<Mounted<'a>>,
    agents: Vec<Mounted<'a>>,
    caches: Vec<Mounted<'a>>,
}

fn asked(plan: &plan::Facts) -> HashMap<StageId, Asked<'_>> {
    let mut stages: HashMap<_, Asked<'_>> = HashMap::new();
    for command in &plan.commands {
        stages.entry(command.stage).or_default().read(command);
    }
    stages
}

impl<'a> Asked<'a> {
    fn read(&mut self, command: &'a CommandFacts) {
        let lines = command.instruction.lines;
        let mut declarations = match &command.instruction.kind {
            Kind::Arg(arg) => arg.declarations.iter(),
            _ => [].iter(),
        };
        let mounted = |id: &'a str, is_required: bool| Mounted {
            id,
            is_required,
            lines,
        };
        for seen in &command.seen {
            match seen {
                Seen::Value(value) => {
                    let value = value.as_deref().unwrap_or_default();
                    if let Some(declaration) = declarations.next() {
                        self.declare(declaration, value, lines);
                    }
                }
                Seen::Inherited => {
                    let declaration = declarations.next();
                    self.names
                        .extend(declaration.map(|declaration| declaration.key.as_str()));
                }
                Seen::Secret { id, is_required } => self.secrets.push(mounted(id, *is_required)),
                Seen::Ssh { id, is_required } => self.agents.push(mounted(id, *is_required)),
                Seen::Cache { id } => self.caches.push(mounted(id, false)),
                _ => {}
            }
        }
    }

    fn declare(&mut self, declaration: &'a Declaration, value: &'a str, lines: Lines) {
        let name = declaration.key.as_str();
        let argument = Argument {
            name,
            value,
            description: declaration.doc_comment.as_deref().unwrap_or_default(),
            lines,
            place: self.names.len(),
        };
        self.arguments.insert(name, argument);
        self.names.push(name);
    }
}

/// What was found of the stages so far.
struct Search<'a> {
    stages: &'a stage::Facts,
    asked: HashMap<StageId, Asked<'a>>,
    found: Parameters<'a>,
    names: Names<'a>,
    /// The stages whose FROM was looked at for one that stands on them.
    swept: HashSet<StageId>,
    /// The ARGs before the first FROM that were followed.
    followed: HashSet<&'a str>,
    steps: usize,
}

/// The names of what was found.
#[derive(Default)]
struct Names<'a> {
    arguments: HashSet<&'a str>,
    secrets: HashSet<&'a str>,
    agents: HashSet<&'a str>,
    caches: HashSet<&'a str>,
}

impl<'a> Search<'a> {
    fn stage(&mut self, id: StageId) {
        let asked = self.asked.remove(&id).unwrap_or_default();
        self.arguments(id, &asked);
        let Self { found, names, .. } = self;
        for (list, names, mounted) in [
            (&mut found.secrets, &mut names.secrets, asked.secrets),
            (&mut found.agents, &mut names.agents, asked.agents),
            (&mut found.caches, &mut names.caches, asked.caches),
        ] {
            let mounted = mounted.into_iter();
            list.extend(mounted.filter(|mounted| names.insert(mounted.id)));
        }
    }

    /// The arguments that a stage declares or that it begins with, and those that they are made of.
    fn arguments(&mut self, id: StageId, asked: &Asked<'a>) {
        let mut open = self.of_from(id);
        open.extend(&asked.names);
        let mut used = HashSet::new();
        while let Some(name) = open.pop() {
            if !used.insert(name) {
                continue;
            }
            let own = asked.arguments.get(name).copied();
            let Some(argument) = own.or_else(|| self.before_from(name)) else {
                continue;
            };
            if self.names.arguments.insert(name) {
                self.found.arguments.push(argument);
            }
            if own.is_none() {
                open.extend(self.made_of(name));
            }
        }
    }

    /// The arguments in the FROM of a stage and of those that it stands on.
    fn of_from(&mut self, id: StageId) -> Vec<&'a str> {
        let mut names = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next {
            let Some(stage) = self.stages.stages.get(id.index()) else {
                break;
            };
            let is_new = self.swept.insert(id);
            if !is_new && self.steps > MOST_STEPS {
                break;
            }
            let before = names.len();
            names.extend(words_of(stage));
            self.steps += 1 + names.len() - before;
            next = stage.on;
        }
        names
    }

    fn before_from(&self, name: &str) -> Option<Argument<'a>> {
        let (name, facts) = self.stages.declared.get_key_value(name)?;
        Some(Argument {
            name,
            value: facts.value.as_deref().unwrap_or_default(),
            description: facts.description.as_deref().unwrap_or_default(),
            lines: facts.lines,
            place: facts.place,
        })
    }

    /// The arguments that the default of one before the first FROM asks for.
    fn made_of(&mut self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let is_new = self.followed.insert(name);
        let facts = self.stages.declared.get(name);
        let facts = facts.filter(|_| is_new || self.steps <= MOST_STEPS);
        self.steps += facts.map_or(0, |facts| facts.needs.len());
        facts.into_iter().flat_map(needs)
    }
}

fn needs(facts: &DeclaredFacts) -> impl Iterator<Item = &str> {
    facts.needs.iter().map(String::as_str)
}

/// The variables of the words of a FROM, unless they do not count.
fn words_of(stage: &StageFacts) -> impl Iterator<Item = &str> {
    let words = [Some(&stage.base), stage.platform.as_ref()];
    let words = words.into_iter().flatten().filter(|_| !stage.is_replaced);
    words.flat_map(|word| &word.matched).map(String::as_str)
}
