//! A definition as a table for people: a row an op, after the ones it uses.
//!
//! ```text
//! #0 8e4b7e0c2f3a source linux/amd64 docker-image://docker.io/library/alpine:latest
//! #1 41d0c6b1a9f7 exec   linux/amd64 /bin/sh -c make | / #0
//! #2 c0ffee5b1a2d result #1
//! ```

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt::{self, Display, Formatter, Write},
};

use prost::Message;

use crate::{
    llb::{
        definition::{Definition, digest},
        graph::Meta,
    },
    proto::pb::{self, file_action, op},
};

/// How much of a digest a row shows.
const SHORT: usize = 12;

/// The table. Each row ends in a newline.
pub fn print(definition: &Definition) -> String {
    let mut rows = HashMap::new();
    let mut table = String::new();
    for (at, bytes) in definition.ops.iter().enumerate() {
        let name = digest(bytes);
        let short = name.trim_start_matches("sha256:");
        let short = short.get(..SHORT).unwrap_or(short);
        let row = match pb::Op::decode(bytes.clone()) {
            Ok(op) => {
                let metadata = definition.metadata.get(&name);
                let row = Row {
                    op: &op,
                    rows: &rows,
                    metadata,
                };
                row.to_string()
            }
            Err(error) => format!("unreadable: {error}"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "#{at} {short} {row}");
        rows.insert(name, at);
    }
    table
}

struct Row<'a> {
    op: &'a pb::Op,
    rows: &'a HashMap<String, usize>,
    metadata: Option<&'a pb::OpMetadata>,
}

impl Display for Row<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:<6}", self.kind())?;
        if let Some(platform) = &self.op.platform {
            write!(f, " {}/{}", platform.os, platform.architecture)?;
            if !platform.variant.is_empty() {
                write!(f, "/{}", platform.variant)?;
            }
        }
        match &self.op.op {
            Some(op::Op::Source(source)) => fmt_source(f, source)?,
            Some(op::Op::Exec(exec)) => self.fmt_exec(f, exec)?,
            Some(op::Op::File(file)) => self.fmt_file(f, file)?,
            Some(op::Op::Merge(merge)) => {
                for input in &merge.inputs {
                    write!(f, " {}", self.input(input.input))?;
                }
            }
            Some(op::Op::Diff(diff)) => {
                let lower = diff.lower.map_or(-1, |it| it.input);
                let upper = diff.upper.map_or(-1, |it| it.input);
                write!(f, " {} to {}", self.input(lower), self.input(upper))?;
            }
            Some(op::Op::Passthrough(passthrough)) => {
                write!(f, " {}", word(&passthrough.id))?;
                for input in 0..self.op.inputs.len() {
                    write!(f, " {}", self.input(input as i64))?;
                }
            }
            Some(op::Op::Build(build)) => write!(f, " {}", self.input(build.builder))?,
            None => {
                for input in 0..self.op.inputs.len() {
                    write!(f, " {}", self.input(input as i64))?;
                }
            }
        }
        self.fmt_metadata(f)
    }
}

impl Row<'_> {
    fn kind(&self) -> &'static str {
        match &self.op.op {
            Some(op::Op::Source(_)) => "source",
            Some(op::Op::Exec(_)) => "exec",
            Some(op::Op::File(_)) => "file",
            Some(op::Op::Merge(_)) => "merge",
            Some(op::Op::Diff(_)) => "diff",
            Some(op::Op::Passthrough(_)) => "passthrough",
            Some(op::Op::Build(_)) => "build",
            None => "result",
        }
    }

    /// The row that an input is, and which of its outputs, if that is not the first.
    fn input(&self, index: i64) -> String {
        let input = usize::try_from(index)
            .ok()
            .and_then(|index| self.op.inputs.get(index));
        match input {
            None => "scratch".to_owned(),
            Some(input) => {
                let row = self.rows.get(&input.digest);
                let row = row.map_or_else(|| word(&input.digest).into(), |row| format!("#{row}"));
                match input.index {
                    0 => row,
                    output => format!("{row}.{output}"),
                }
            }
        }
    }

    fn fmt_exec(&self, f: &mut Formatter<'_>, exec: &pb::ExecOp) -> fmt::Result {
        for argument in exec.meta.iter().flat_map(|meta| &meta.args) {
            write!(f, " {}", word(argument))?;
        }
        for mount in &exec.mounts {
            write!(f, " | {} ", word(&mount.dest))?;
            match mount.mount_type() {
                pb::MountType::Bind => write!(f, "{}", self.input(mount.input))?,
                kind => write!(f, "{}", kind.as_str_name().to_lowercase())?,
            }
            if !mount.selector.is_empty() {
                write!(f, ":{}", word(&mount.selector))?;
            }
            if mount.readonly {
                write!(f, " readonly")?;
            }
        }
        if exec.network() != pb::NetMode::Unset {
            write!(f, " | network {}", exec.network().as_str_name())?;
        }
        if exec.security() != pb::SecurityMode::Sandbox {
            write!(f, " | security {}", exec.security().as_str_name())?;
        }
        Ok(())
    }

    fn fmt_file(&self, f: &mut Formatter<'_>, file: &pb::FileOp) -> fmt::Result {
        if let Some(first) = file.actions.first() {
            write!(f, " {}", self.input(first.input))?;
        }
        for action in &file.actions {
            match &action.action {
                Some(file_action::Action::Copy(copy)) => write!(
                    f,
                    " | copy {}:{} {}",
                    self.input(action.secondary_input),
                    word(&copy.src),
                    word(&copy.dest)
                )?,
                Some(file_action::Action::Mkfile(mkfile)) => {
                    let size = mkfile.data.len();
                    write!(f, " | mkfile {} ({size} bytes)", word(&mkfile.path))?;
                }
                Some(file_action::Action::Mkdir(mkdir)) => {
                    write!(f, " | mkdir {}", word(&mkdir.path))?;
                }
                Some(file_action::Action::Rm(rm)) => write!(f, " | rm {}", word(&rm.path))?,
                Some(file_action::Action::Symlink(symlink)) => write!(
                    f,
                    " | symlink {} to {}",
                    word(&symlink.newpath),
                    word(&symlink.oldpath)
                )?,
                None => write!(f, " | nothing")?,
            }
        }
        Ok(())
    }

    fn fmt_metadata(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(metadata) = self.metadata else {
            return Ok(());
        };
        if metadata.ignore_cache {
            write!(f, " | uncached")?;
        }
        match metadata.description.get(Meta::CUSTOM_NAME) {
            Some(name) => write!(f, " | {name:?}"),
            None => Ok(()),
        }
    }
}

fn fmt_source(f: &mut Formatter<'_>, source: &pb::SourceOp) -> fmt::Result {
    write!(f, " {}", word(&source.identifier))?;
    for attr in &source.attrs {
        write!(f, " {}={}", word(attr.key()), word(attr.value()))?;
    }
    Ok(())
}

/// A text as one word: quoted if it is empty or has anything in it that does not print as itself.
fn word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '"';
    if !text.is_empty() && text.chars().all(plain) {
        text.into()
    } else {
        format!("{text:?}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llb::{
        Defaults, Graph,
        exec::{Exec, Mount},
        file::{Copy, File},
        marshal,
        source::{Image, Local},
    };

    #[test]
    fn a_row_says_what_an_op_does_and_to_what() {
        let mut graph = Graph::new();
        let image = Image {
            reference: "docker.io/library/alpine:latest".into(),
            ..Default::default()
        };
        let base = graph.add_source(image, Meta::default());
        let context =
            graph.add_source(Local::new("context", "s"), Meta::named("[internal] \u{1b}"));
        let exec = Exec {
            args: ["/bin/sh", "-c", "make all"].map(Into::into).into(),
            cwd: "/".into(),
            root: Some(base),
            mounts: vec![
                Mount::tmpfs("/tmp", 0),
                Mount::bind("/src", context).select("/a").readonly(),
                Mount::bind("/out", None),
            ],
            ..Default::default()
        };
        let made = graph.add_exec(exec, Meta::default());
        let copy = Copy {
            source: made.mounts[2],
            src: "/".into(),
            dest: "/x".into(),
            ..Default::default()
        };
        let uncached = Meta {
            ignore_cache: true,
            ..Meta::default()
        };
        let file = graph.add_file(File::new(None, copy), uncached);
        let result = graph.merge(&[made.root, Some(file)], Meta::default());

        let platform = pb::Platform {
            os: "linux".into(),
            architecture: "arm".into(),
            variant: "v7".into(),
            ..Default::default()
        };
        let defaults = Defaults {
            platform: &platform,
            capabilities: &|_| true,
        };
        let table = print(&marshal(&graph, result, &defaults));
        let without_digest = |row: &str| {
            let mut words: Vec<_> = row.split(' ').collect();
            words.remove(1);
            words.join(" ")
        };
        let rows: Vec<String> = table.lines().map(without_digest).collect();
        assert_eq!(
            rows,
            [
                "#0 source linux/arm/v7 docker-image://docker.io/library/alpine:latest",
                r#"#1 source local://context local.session=s | "[internal] \u{1b}""#,
                r#"#2 exec   linux/arm/v7 /bin/sh -c "make all" | / #0 | /out scratch | /src #1:/a readonly | /tmp tmpfs"#,
                "#3 file   scratch | copy #2.1:/ /x | uncached",
                "#4 merge  #2 #3",
                "#5 result #4",
            ]
        );
    }
}
