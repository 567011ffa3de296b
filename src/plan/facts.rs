//! What was seen while planning: for who looks at the file, not for who builds it.
//!
//! No rule about good Dockerfiles is here. Only the planner knows what is set and what is in force when a command runs, so it says
//! that, as data, in the order in which it comes to it; `lint` makes sentences of it.

use std::sync::Arc;

use crate::{
    expand::Environment,
    image,
    instruction::Instruction,
    reference::platform::Platform,
    source::Lines,
    stage::{Graph, StageId},
};

/// What planning came by; of a file with a mistake, what stands before it.
#[derive(Debug, Default)]
pub struct Facts {
    /// The graph that was planned, with the stages that ONBUILD brought; `None` if planning did not begin.
    pub graph: Option<Arc<Graph>>,
    /// Every base image that has files and was asked for by its own name.
    pub bases: Vec<BaseImage>,
    /// Every command that was planned, in order.
    pub commands: Vec<CommandFacts>,
}

/// A base image as it was asked for and as it was found.
#[derive(Debug)]
pub struct BaseImage {
    /// Its name in the file, variables replaced.
    pub name: String,
    /// The platform of the stage.
    pub wanted: Platform,
    /// The platform that the image says it is for.
    pub found: Platform,
    /// Where the file names it.
    pub lines: Option<Lines>,
    /// The stage that begins with it.
    pub stage: StageId,
    /// What it says of itself.
    pub config: Arc<image::Config>,
}

/// What one command came by.
#[derive(Debug)]
pub struct CommandFacts {
    /// Whose command it is.
    pub stage: StageId,
    /// The command as written. One that ONBUILD left stands on the lines of the FROM.
    pub instruction: Arc<Instruction>,
    /// In the order in which it was met.
    pub seen: Vec<Seen>,
}

/// One thing that a command came by.
#[derive(Debug)]
pub enum Seen {
    /// A word asked for variables that are neither set nor declared.
    Unset {
        /// Their names.
        names: Vec<String>,
        /// What is set.
        scope: Environment,
    },
    /// A pair of ENV or LABEL.
    Pair {
        /// Its name, variables replaced.
        key: String,
        /// Its value, variables replaced.
        value: String,
        /// Whether it is written `key value`, without `=`.
        is_legacy: bool,
    },
    /// A declaration of ARG.
    Argument {
        /// Its name.
        key: String,
    },
    /// That declaration has a value of its own, or the variable none.
    Value(Option<String>),
    /// That declaration has the value from before the first FROM.
    Inherited,
    /// A secret that RUN mounts.
    Secret {
        /// Its name; of its value nothing is known.
        id: String,
        /// Whether the build fails without it.
        is_required: bool,
    },
    /// An SSH agent that RUN mounts.
    Ssh {
        /// Its name.
        id: String,
        /// Whether the build fails without it.
        is_required: bool,
    },
    /// A cache that RUN mounts.
    Cache {
        /// Its name, without the namespace of the build.
        id: String,
    },
    /// The path of WORKDIR.
    Directory {
        /// As written, variables replaced.
        path: String,
        /// Whether it does not depend on the directory before.
        is_absolute: bool,
        /// Whether no WORKDIR came before it, in this stage or those below.
        is_first: bool,
    },
    /// A source of COPY or ADD in the main context.
    ContextPath(String),
    /// CMD or ENTRYPOINT is a line for a shell.
    ShellForm {
        /// Whether SHELL says for which one.
        is_shell_set: bool,
    },
    /// A port of EXPOSE.
    Port {
        /// As written, variables replaced.
        word: String,
        /// The protocol as written, `tcp` if there is none.
        protocol: String,
        /// Whether an address or a port of the host stands before it.
        is_mapped: bool,
    },
}

impl Facts {
    /// What is seen from here on belongs to this command.
    pub(super) fn begin(&mut self, stage: StageId, instruction: &Arc<Instruction>) {
        self.commands.push(CommandFacts {
            stage,
            instruction: Arc::clone(instruction),
            seen: Vec::new(),
        });
    }

    pub(super) fn see(&mut self, seen: Seen) {
        if let Some(command) = self.commands.last_mut() {
            if command.seen.is_empty() {
                // Most see one thing, if any.
                command.seen.reserve_exact(1);
            }
            command.seen.push(seen);
        }
    }
}
