//! What fal's SDK does not find, the builder does not have.

use std::collections::{BTreeSet, HashMap};

use crate::{
    fal::lint::{
        RuleReport, View, fix,
        sdk::{self, Reading},
    },
    instruction::{Instruction, Kind, Transfer, run::WrittenMount},
    lint::{Edit, Rule},
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "SourceNotUploaded",
    "fal's SDK looks for COPY and ADD by a pattern, and uploads only what that finds"
);

/// No path of a file is longer.
const LONGEST_PATH: usize = 4096;

/// What the SDK reads on each line, and everything that it uploads.
struct Uploads {
    lines: HashMap<u32, Reading>,
    sources: BTreeSet<String>,
}

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    let found = sdk::find(view.source.text());
    let of_all = found.iter().filter_map(|found| match &found.reading {
        Reading::Sources(sources) => Some(sources),
        _ => None,
    });
    let uploads = Uploads {
        sources: of_all.flatten().map(|source| normal(source)).collect(),
        lines: found.into_iter().map(|it| (it.line, it.reading)).collect(),
    };
    let commands = view
        .dockerfile
        .stages
        .iter()
        .flat_map(|stage| &stage.commands);
    for instruction in commands {
        let said = match &instruction.kind {
            Kind::Copy(copy) if copy.from.is_none() => {
                of_transfer(view, &uploads, instruction, &copy.transfer)
            }
            Kind::Add(add) => of_transfer(view, &uploads, instruction, &add.transfer),
            Kind::Run(run) => run
                .mounts
                .iter()
                .find_map(|mount| of_mount(&uploads, mount)),
            Kind::Onbuild(onbuild) => of_trigger(&uploads, &onbuild.expression),
            _ => None,
        };
        if let Some((message, fix)) = said {
            report.say(instruction.lines, &instruction.comments, message, fix);
        }
    }
}

type Said = Option<(String, Vec<Edit>)>;

/// A COPY or an ADD that names files of the context.
fn of_transfer(
    view: &View<'_>,
    uploads: &Uploads,
    instruction: &Instruction,
    transfer: &Transfer,
) -> Said {
    let is_local = |source: &&String| !is_address(source);
    let missing: Vec<&String> = transfer
        .sources
        .iter()
        .filter(is_local)
        .filter(|source| !uploads.has(source))
        .collect();
    let first = missing.first()?;
    let start = instruction.lines.start;
    let written = view.source.line(start).unwrap_or_default();
    let keyword = instruction.name.to_ascii_uppercase();
    let not_uploaded = |why: &str| format!("fal's SDK does not upload {first}: {why}");
    let plain = |message: String| Some((message, Vec::new()));
    match uploads.lines.get(&start) {
        None if written.starts_with(char::is_whitespace) => Some((
            not_uploaded(&format!("it does not see an indented {keyword}")),
            fix::dedent(view, start),
        )),
        None => plain(not_uploaded(&format!("it does not see this {keyword}"))),
        Some(Reading::Unreadable) => Some((
            not_uploaded("it cannot tell the words of this line apart"),
            trailing_blanks(view, instruction),
        )),
        Some(Reading::None) => plain(not_uploaded(&format!(
            "it skips an {keyword} with an address; add files in a COPY of their own"
        ))),
        Some(Reading::Sources(_)) if is_outside(first) => plain(format!(
            "fal's SDK refuses to deploy with {first}, which is outside of the context: name it from the root of the context"
        )),
        Some(Reading::Sources(_)) if first.contains('$') => plain(not_uploaded(
            "it does not replace variables; write the path itself",
        )),
        Some(Reading::Sources(_)) if first.contains(['*', '?', '[']) => plain(not_uploaded(
            "it does not look for files by a pattern; name the folder, or each file",
        )),
        Some(Reading::Sources(_)) => plain(not_uploaded(
            "it knows no comment within an instruction, and no `# escape`",
        )),
    }
}

/// A file that is mounted is no COPY; one that is copied as well is there.
fn of_mount(uploads: &Uploads, mount: &WrittenMount) -> Said {
    let fields = || mount.text.split(',');
    let value = |names: &[&str]| {
        fields().find_map(|field| {
            let (key, value) = field.split_once('=')?;
            names.contains(&key).then_some(value)
        })
    };
    let is_bind = value(&["type"]).is_none_or(|kind| kind == "bind");
    let source = value(&["source", "src"]).unwrap_or(".");
    let is_of_context = is_bind && mount.from.is_none();
    (is_of_context && !uploads.has(source)).then(|| {
        (
            format!("fal's SDK does not upload {source}, which only a mount names: COPY it, here or in a stage of its own"),
            Vec::new(),
        )
    })
}

fn of_trigger(uploads: &Uploads, expression: &str) -> Said {
    let mut words = expression.split_whitespace();
    let keyword = words.next()?.to_ascii_uppercase();
    let is_transfer = matches!(keyword.as_str(), "COPY" | "ADD");
    let words: Vec<&str> = words.filter(|word| !word.starts_with("--")).collect();
    let (_, sources) = words.split_last()?;
    let is_local = !expression.contains("--from") && !expression.contains("://");
    let missing = sources.iter().find(|source| !uploads.has(source))?;
    (is_transfer && is_local).then(|| {
        (
            format!(
                "fal's SDK does not upload {missing}: it does not see the {keyword} of an ONBUILD"
            ),
            Vec::new(),
        )
    })
}

impl Uploads {
    /// Whether a file is uploaded, by its own name or with a folder that it is in.
    fn has(&self, source: &str) -> bool {
        if source.len() > LONGEST_PATH {
            return true;
        }
        let source = normal(source);
        let is_exact = !source.contains(['*', '?', '[', '$']) && !is_outside(&source);
        let fixed = source
            .split(['*', '?', '[', '$'])
            .next()
            .unwrap_or_default();
        let mut folder = match is_exact {
            true => Some(source.as_str()),
            // What a pattern begins with is a folder, and perhaps a part of a name.
            false => fixed.rsplit_once('/').map(|(folder, _)| folder),
        };
        if self.sources.contains("") && !is_outside(&source) {
            return true;
        }
        while let Some(path) = folder {
            if self.sources.contains(path) {
                return true;
            }
            folder = path.rsplit_once('/').map(|(parent, _)| parent);
        }
        false
    }
}

/// A path from the root of the context, without what means nothing. The context itself is nothing.
fn normal(path: &str) -> String {
    let path = path.trim_matches(['"', '\'']);
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    parts.join("/")
}

fn is_outside(path: &str) -> bool {
    path.split('/').next() == Some("..")
}

fn is_address(source: &str) -> bool {
    source.contains("://") || source.starts_with("git@")
}

/// Blanks after a backslash end the line for the SDK. Taking them away changes nothing.
fn trailing_blanks(view: &View<'_>, instruction: &Instruction) -> Vec<Edit> {
    let lines = instruction.lines;
    let edits = (lines.start..=lines.end).filter_map(|number| {
        let line = view.source.line(number)?;
        let end = line.trim_end().len();
        (line.len() > end && line[..end].ends_with('\\')).then(|| Edit {
            line: number,
            start: end,
            end: line.len(),
            text: String::new(),
        })
    });
    edits.collect()
}
