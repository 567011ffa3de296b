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

use std::{collections::HashMap, sync::Arc};

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
            Some(stage) => stage.commands.push(Arc::new(instruction)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{source::Source, syntax};

    fn dockerfile(text: &str) -> Result<Dockerfile> {
        let parsed = syntax::parse(&Source::new("Dockerfile", text));
        read(&parsed.into_result()?)
    }

    /// The only instruction of the only stage.
    fn instruction(text: &str) -> Result<Instruction> {
        let mut stages = dockerfile(&format!("FROM a\n{text}"))?.stages;
        Ok(stages
            .pop()
            .and_then(|mut stage| stage.commands.pop())
            .map(Arc::unwrap_or_clone)
            .unwrap())
    }

    fn error(text: &str) -> String {
        let error = dockerfile(text).expect_err(text);
        let places: Vec<_> = error.locations.iter().map(ToString::to_string).collect();
        format!("{} {error}", places.join(" "))
    }

    #[test]
    fn a_file_is_arguments_and_stages() {
        let file = dockerfile(
            "ARG a=1\nARG b\n# x\n# b  the second\nFrom --platform=$p $a As B\nRUN c\nARG d\nFROM e\n",
        );
        let file = file.unwrap();
        assert_eq!(file.meta_args.len(), 2);
        let [first, second] = file.stages.as_slice() else {
            panic!("{:?}", file.stages);
        };
        assert_eq!(first.name.as_deref(), Some("b"));
        assert_eq!(first.base_name, "$a");
        assert_eq!(first.platform.as_deref(), Some("$p"));
        assert_eq!(first.original, "From --platform=$p $a As B");
        assert_eq!(first.lines, Lines::one(5));
        assert_eq!(first.comments, ["x", "b  the second"]);
        assert_eq!(first.doc_comment.as_deref(), Some(" the second"));
        assert_eq!(first.commands.len(), 2);
        assert_eq!(first.spelling.keyword, "From");
        assert_eq!(
            first.spelling.alias,
            Some(("As".to_owned(), "B".to_owned()))
        );
        assert_eq!(second.name, None);
        assert_eq!(second.platform, None);
        assert_eq!(dockerfile("ARG a").unwrap().stages, []);
    }

    #[test]
    fn an_instruction_knows_how_it_was_written() {
        let run = instruction("# c\n \trun --network=none <<A \\\n  b  \nc\nA\n").unwrap();
        assert_eq!(run.name, "run");
        assert_eq!(run.original, "run --network=none <<A   b");
        assert_eq!(run.lines, Lines::new(3, 6));
        assert_eq!(run.comments, ["c"]);
        let Kind::Run(run) = run.kind else {
            panic!("{run:?}");
        };
        assert_eq!(run.command.args, ["<<A   b"]);
        assert!(run.command.shell_form);
        assert_eq!(run.network, run::Network::None);
        assert_eq!(run.heredocs.len(), 1);
        assert_eq!(run.heredocs[0].data, "c\n");
    }

    #[test]
    fn arguments_become_values() {
        let cases = [
            (
                "ADD --keep-git-dir=false --checksum=c --unpack --link a /b/",
                "Add(Add { transfer: Transfer { sources: [\"a\"], contents: [], destination: \"/b/\" }, chown: None, chmod: None, checksum: Some(\"c\"), link: true, excludes: [], keep_git_dir: Some(false), unpack: Some(true) })",
            ),
            (
                "COPY --from=a --chown= --exclude=b --exclude=c --parents [\"<<d\", \"e f\", \"/\"]",
                "Copy(Copy { transfer: Transfer { sources: [\"e f\"], contents: [Content { path: \"d\", data: \"\", expand: true }], destination: \"/\" }, from: Some(\"a\"), chown: None, chmod: None, link: false, excludes: [\"b\", \"c\"], parents: true })",
            ),
            (
                "COPY <<-a b <<'a' /\n\tx\na\n\ty\na\n",
                "Copy(Copy { transfer: Transfer { sources: [\"b\"], contents: [Content { path: \"a\", data: \"y\\n\", expand: true }, Content { path: \"a\", data: \"\\ty\\n\", expand: false }], destination: \"/\" }, from: None, chown: None, chmod: None, link: false, excludes: [], parents: false })",
            ),
            (
                "# b  x\nARG --foo a b= c='d e'",
                "Arg(Arg { declarations: [Declaration { key: \"a\", value: None, doc_comment: None }, Declaration { key: \"b\", value: Some(\"\"), doc_comment: Some(\" x\") }, Declaration { key: \"c\", value: Some(\"'d e'\"), doc_comment: None }] })",
            ),
            (
                "CMD",
                "Cmd(Cmd { command: CommandLine { args: [], shell_form: true } })",
            ),
            (
                "ENTRYPOINT []",
                "Entrypoint(Entrypoint { command: CommandLine { args: [], shell_form: false } })",
            ),
            (
                "ENV a b c",
                "Env(Env { pairs: [KeyValue { key: \"a\", value: \"b c\", legacy: true }] })",
            ),
            (
                "LABEL a=b",
                "Label(Label { labels: [KeyValue { key: \"a\", value: \"b\", legacy: false }] })",
            ),
            (
                "EXPOSE 9 80/udp $p",
                "Expose(Expose { ports: [\"$p\", \"80/udp\", \"9\"] })",
            ),
            ("HEALTHCHECK --foo NONE", "Healthcheck(Disabled)"),
            (
                "HEALTHCHECK --interval=1m --timeout=0 --start-period=1ms --retries=3 CMD a",
                "Healthcheck(Enabled(Probe { command: CommandLine { args: [\"a\"], shell_form: true }, interval: 60000000000, timeout: 0, start_period: 1000000, start_interval: 0, retries: 3 }))",
            ),
            (
                "MAINTAINER a b",
                "Maintainer(Maintainer { maintainer: \"a b\" })",
            ),
            (
                "onbuild  RUN a  ",
                "Onbuild(Onbuild { expression: \"RUN a  \" })",
            ),
            (
                "ONBUILD COPY <<a <<b /\nx\na\nb",
                "Onbuild(Onbuild { expression: \"COPY <<a <<b /\\nx\\na\\nb\" })",
            ),
            ("ONBUILD what", "Onbuild(Onbuild { expression: \"what\" })"),
            (
                "RUN --security=insecure --device=a,required --mount=from=b []",
                "Run(Run { command: CommandLine { args: [], shell_form: false }, heredocs: [], mounts: [WrittenMount { text: \"from=b\", from: Some(\"b\") }], devices: [Device { name: \"a\", required: true }], network: Default, security: Insecure })",
            ),
            (
                "SHELL [\"a\", \"-c\"]",
                "Shell(Shell { shell: [\"a\", \"-c\"] })",
            ),
            (
                "STOPSIGNAL --foo 9",
                "Stopsignal(Stopsignal { signal: \"9\" })",
            ),
            ("USER a b", "User(User { user: \"a b\" })"),
            (
                "VOLUME [\" /a \", \"/b\"]",
                "Volume(Volume { paths: [\"/a\", \"/b\"] })",
            ),
            ("WORKDIR a", "Workdir(Workdir { path: \"a\" })"),
        ];
        for (text, expected) in cases {
            let kind = instruction(text).unwrap().kind;
            assert_eq!(format!("{kind:?}"), expected, "{text}");
        }
    }

    #[test]
    fn a_mistake_is_told_as_the_original_tells_it() {
        let cases = [
            ("COYP a b", "unknown instruction: COYP (did you mean COPY?)"),
            ("rnu a", "unknown instruction: rnu (did you mean run?)"),
            ("Form a", "unknown instruction: Form (did you mean from?)"),
            ("XYZZY", "unknown instruction: XYZZY"),
            ("FROM", "FROM requires either one or three arguments"),
            ("FROM a b c", "FROM requires either one or three arguments"),
            (
                "FROM a as 1B",
                "invalid name for build stage: \"1B\", name can't start with a number or contain symbols",
            ),
            ("FROM a as", "FROM requires either one or three arguments"),
            (
                "FROM --platfrom=x a",
                "unknown flag: --platfrom (did you mean platform?)",
            ),
            (
                "ADD a",
                "ADD requires at least two arguments, but only one was provided. Destination could not be determined",
            ),
            (
                "COPY --foo",
                "COPY requires at least two arguments, but only one was provided. Destination could not be determined",
            ),
            (
                "COPY --lnik a b",
                "unknown flag: --lnik (did you mean link?)",
            ),
            (
                "COPY a <<b\nb",
                "COPY cannot accept a heredoc as a destination",
            ),
            ("ADD --from=x a b", "unknown flag: --from"),
            ("ENV", "ENV requires at least one argument"),
            ("LABEL =a", "LABEL names can not be blank"),
            ("ENV --a b=c", "unknown flag: --a"),
            ("ARG", "ARG requires at least one argument"),
            ("ARG =a", "ARG names can not be blank"),
            ("CMD --a b", "unknown flag: --a"),
            ("SHELL", "SHELL requires at least one argument"),
            ("SHELL []", "SHELL requires at least one argument"),
            ("SHELL a", "SHELL requires the arguments to be in JSON form"),
            ("EXPOSE", "EXPOSE requires at least one argument"),
            ("VOLUME", "VOLUME requires at least one argument"),
            (
                "VOLUME [\" \"]",
                "VOLUME specified can not be an empty string",
            ),
            ("USER", "USER requires exactly one argument"),
            ("WORKDIR", "WORKDIR requires exactly one argument"),
            ("STOPSIGNAL", "STOPSIGNAL requires exactly one argument"),
            ("MAINTAINER", "MAINTAINER requires exactly one argument"),
            ("HEALTHCHECK", "HEALTHCHECK requires at least one argument"),
            ("HEALTHCHECK NONE a", "HEALTHCHECK NONE takes no arguments"),
            ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
            (
                "HEALTHCHECK what a",
                "Unknown type \"WHAT\" in HEALTHCHECK (try CMD)",
            ),
            (
                "HEALTHCHECK --interval=1us CMD a",
                "Interval \"interval\" cannot be less than 1ms",
            ),
            (
                "HEALTHCHECK --timeout=-1s CMD a",
                "Interval \"timeout\" cannot be less than 1ms",
            ),
            (
                "HEALTHCHECK --timeout=x CMD a",
                "time: invalid duration \"x\"",
            ),
            (
                "HEALTHCHECK --retries=x CMD a",
                "strconv.ParseInt: parsing \"x\": invalid syntax",
            ),
            (
                "HEALTHCHECK --retries=-1 CMD a",
                "--retries cannot be negative (-1)",
            ),
            ("ONBUILD", "ONBUILD requires at least one argument"),
            ("ONBUILD --a RUN b", "unknown flag: --a"),
            (
                "ONBUILD onbuild RUN a",
                "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
            ),
            ("ONBUILD from a", "FROM isn't allowed as an ONBUILD trigger"),
            (
                "ONBUILD Maintainer a",
                "MAINTAINER isn't allowed as an ONBUILD trigger",
            ),
            ("RUN --network=x a", "invalid network mode \"x\""),
            ("RUN --security= a", "security \"\" is not valid"),
            (
                "RUN --network=x --mount=from=$a --device= b",
                "failed to parse csv devices: EOF",
            ),
            (
                "RUN --network=x --mount=from=$a b",
                "'from' doesn't support variable expansion, define alias stage instead",
            ),
        ];
        for (text, expected) in cases {
            let line = if text.contains('\n') { "2-3" } else { "2" };
            let expected = format!("{line} dockerfile parse error on line 2: {expected}");
            assert_eq!(error(&format!("FROM a\n{text}")), expected);
        }
    }

    #[test]
    fn an_instruction_needs_a_stage() {
        assert_eq!(error("ARG a\nRUN b"), "2 no build stage in current context");
    }

    #[test]
    fn a_trigger_begins_no_stage() {
        let one = |text: &str| {
            let parsed = syntax::parse(&Source::new("", text));
            let mut written = parsed.file.instructions[0].clone();
            written.lines = Lines::one(7);
            read_one(&written)
        };
        assert_eq!(one("RUN a").unwrap().lines, Lines::one(7));
        let error = one("FROM a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "*instructions.Stage is not a command type"
        );
        assert_eq!(error.locations, [Lines::one(7)]);
    }
}
