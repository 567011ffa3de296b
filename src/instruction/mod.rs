//! Written instructions to checked ones.
//!
//! Takes an [`ast::File`]; gives stages of instructions whose flags and arguments were read once, with every
//! complaint that can be made without expanding a variable. Knows nothing of other instructions, images or LLB.
//!
//! The rules and sentences are those of `frontend/dockerfile/instructions` in BuildKit, built as the `labs`
//! channel builds it. What may hold a variable stays as it is written, for `plan` to expand.

mod add;
mod arg;
mod cmd;
mod command_line; // what RUN, CMD and ENTRYPOINT run
mod copy;
mod entrypoint;
mod env;
mod expose;
mod flags; // the flags of one instruction, read against a table
mod from; // FROM begins a stage
mod healthcheck;
mod label;
mod maintainer;
mod messages;
mod onbuild;
pub mod run;
mod shell;
mod stopsignal;
mod transfer; // what ADD and COPY share
mod user;
mod volume;
mod workdir;

pub use self::{
    add::Add,
    arg::{Arg, Declaration},
    cmd::Cmd,
    command_line::{CommandLine, InlineFile},
    copy::Copy,
    entrypoint::Entrypoint,
    env::{Env, KeyValue},
    expose::Expose,
    from::{Spelling, Stage},
    healthcheck::{Healthcheck, Probe},
    label::Label,
    maintainer::Maintainer,
    onbuild::Onbuild,
    run::Run,
    shell::Shell,
    stopsignal::Stopsignal,
    transfer::{Content, Transfer},
    user::User,
    volume::Volume,
    workdir::Workdir,
};

use std::collections::HashMap;

use crate::{
    diagnostic::{Diagnostic, Result},
    source::Lines,
    syntax::{
        Keyword,
        ast::{self, Arguments},
    },
};

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dockerfile {
    /// Every `ARG` before the first `FROM`. Their kind is always [`Kind::Arg`].
    pub meta_args: Vec<Instruction>,
    /// Every `FROM` with what follows it. There may be none.
    pub stages: Vec<Stage>,
}

/// One instruction, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The keyword as it is written, which is what the original calls its name.
    pub name: String,
    /// The logical line without the blanks around it: what the original's commands display as.
    pub original: String,
    /// Where it stands, here-documents included.
    pub lines: Lines,
    /// The comment lines above it.
    pub comments: Vec<String>,
    /// What it says.
    pub kind: Kind,
}

/// What an instruction says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the instruction it is named after")]
pub enum Kind {
    Add(Add),
    Arg(Arg),
    Cmd(Cmd),
    Copy(Copy),
    Entrypoint(Entrypoint),
    Env(Env),
    Expose(Expose),
    Healthcheck(Healthcheck),
    Label(Label),
    Maintainer(Maintainer),
    Onbuild(Onbuild),
    Run(Run),
    Shell(Shell),
    Stopsignal(Stopsignal),
    User(User),
    Volume(Volume),
    Workdir(Workdir),
}

/// Reads a whole file, up to the first mistake.
pub fn read(file: &ast::File) -> Result<Dockerfile> {
    let mut dockerfile = Dockerfile::default();
    for written in &file.instructions {
        let line = written.lines.start;
        let wrapped = |error: Box<Diagnostic>| {
            let error = error.at(written.lines);
            error.context(&format!("dockerfile parse error on line {line}"))
        };
        if written.kind() == Some(Keyword::From) {
            dockerfile
                .stages
                .push(Stage::read(written).map_err(wrapped)?);
            continue;
        }
        let instruction = read_one(written).map_err(wrapped)?;
        match dockerfile.stages.last_mut() {
            Some(stage) => stage.commands.push(instruction),
            None if matches!(instruction.kind, Kind::Arg(_)) => {
                dockerfile.meta_args.push(instruction);
            }
            None => return Err(messages::no_stage_yet().at(written.lines).into()),
        }
    }
    Ok(dockerfile)
}

/// Reads one instruction, which begins no stage: a trigger that an image keeps.
///
/// The mistake it makes is placed on the lines of the instruction; set them first if they are not its own.
pub fn read_one(written: &ast::Instruction) -> Result<Instruction> {
    let kind = kind(written).map_err(|error| error.at(written.lines))?;
    Ok(Instruction {
        name: written.keyword.clone(),
        original: written.original.trim().to_owned(),
        lines: written.lines,
        comments: written.comments.clone(),
        kind,
    })
}

fn kind(written: &ast::Instruction) -> Result<Kind> {
    let keyword = written
        .kind()
        .ok_or_else(|| messages::unknown_instruction(&written.keyword))?;
    Ok(match keyword {
        Keyword::Add => Kind::Add(Add::read(written)?),
        Keyword::Arg => Kind::Arg(Arg::read(written)?),
        Keyword::Cmd => Kind::Cmd(Cmd::read(written)?),
        Keyword::Copy => Kind::Copy(Copy::read(written)?),
        Keyword::Entrypoint => Kind::Entrypoint(Entrypoint::read(written)?),
        Keyword::Env => Kind::Env(Env::read(written)?),
        Keyword::Expose => Kind::Expose(Expose::read(written)?),
        Keyword::From => {
            return Err(Stage::read(written)
                .map_or_else(|error| error, |_| messages::not_a_command().into()));
        }
        Keyword::Healthcheck => Kind::Healthcheck(Healthcheck::read(written)?),
        Keyword::Label => Kind::Label(Label::read(written)?),
        Keyword::Maintainer => Kind::Maintainer(Maintainer::read(written)?),
        Keyword::Onbuild => Kind::Onbuild(Onbuild::read(written)?),
        Keyword::Run => Kind::Run(Run::read(written)?),
        Keyword::Shell => Kind::Shell(Shell::read(written)?),
        Keyword::Stopsignal => Kind::Stopsignal(Stopsignal::read(written)?),
        Keyword::User => Kind::User(User::read(written)?),
        Keyword::Volume => Kind::Volume(Volume::read(written)?),
        Keyword::Workdir => Kind::Workdir(Workdir::read(written)?),
    })
}

/// The words of an argument list, in whichever form it is written.
fn words(arguments: &Arguments) -> &[String] {
    match arguments {
        Arguments::Words(words) | Arguments::Json(words) => words,
        Arguments::Line(line) if !line.is_empty() => std::slice::from_ref(line),
        _ => &[],
    }
}

/// The only argument of an instruction that takes one.
fn only_argument(written: &ast::Instruction, name: &str) -> Result<String> {
    match words(&written.arguments) {
        [argument] => Ok(argument.clone()),
        _ => Err(messages::exactly_one_argument(name).into()),
    }
}

/// What the comments say of each name: what follows it on the first line that begins with it.
fn descriptions(comments: &[String]) -> HashMap<&str, &str> {
    let lines = comments.iter().rev();
    lines.filter_map(|line| line.split_once(' ')).collect()
}
