//! What a rule is shown.

use crate::{
    expand::Expanded,
    golang::ignore::Matcher,
    instruction::{Instruction, Stage},
    plan::{BaseImage, Seen},
    syntax::ast,
};

/// One thing in a file, at the time at which the original comes to it.
pub enum Moment<'a> {
    /// An empty line stands in a continued one.
    EmptyContinuation,
    /// An instruction is about to be read.
    Written(&'a ast::Instruction),
    /// An instruction was read without a mistake.
    Read(&'a ast::Instruction),
    /// A stage has a name.
    StageName {
        /// The name, in lower case.
        name: &'a str,
        /// Whether a stage before has it too.
        is_taken: bool,
    },
    /// An instruction has a keyword.
    Keyword {
        /// The keyword as written.
        written: &'a str,
        /// How the others are written.
        majority: Casing,
    },
    /// A FROM has a base, built without any `--build-arg`.
    DefaultBase {
        /// The base as written.
        written: &'a str,
        /// The base with the defaults in it.
        text: &'a str,
    },
    /// A FROM asks for an ARG that nobody declared.
    UndeclaredArgument {
        /// Its name.
        name: &'a str,
        /// The name that was probably meant.
        suggestion: Option<String>,
    },
    /// A FROM has a platform.
    StagePlatform {
        /// The FROM.
        stage: &'a Stage,
        /// Its platform as written.
        written: &'a str,
        /// Its platform, variables replaced.
        platform: &'a Expanded,
        /// The value of TARGETPLATFORM.
        target: Option<&'a str>,
    },
    /// A base image was found.
    BaseImage(&'a BaseImage),
    /// An instruction is there for the second time in its stage.
    Repeated(&'a Instruction),
    /// A command asks for a variable that is not set.
    Unset {
        /// Its name.
        name: &'a str,
        /// The name that was probably meant.
        suggestion: Option<String>,
    },
    /// A command reads a path of the main context, which has ignore patterns, and none that takes another back.
    ContextPath {
        /// The command.
        instruction: &'a Instruction,
        /// The path as written, variables replaced.
        path: &'a str,
        /// The patterns.
        ignore: &'a Matcher,
    },
    /// Anything else that a command came by.
    Seen(&'a Instruction, &'a Seen),
}

/// How keywords are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Casing {
    /// `from`
    Lower,
    /// `FROM`
    Upper,
}
