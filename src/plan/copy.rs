//! COPY and ADD: files into the stage. What both do is shared; what only one can do stands in its own function.

use std::sync::Arc;

use crate::{
    diagnostic::Result,
    golang::{self, mode, path},
    instruction::{self, Add, Copy},
    llb::{
        Input, Meta, Output,
        file::{self, Chown, File, Mode, User},
        source::{Git, Http},
    },
    proto::pb,
    reference::{digest, git},
    stage::Command,
};

use super::{
    Planner, at, described,
    facts::Seen,
    messages, names, op_platform, paths,
    remote::{file_name, git_source, http_source},
    state::StageState,
    words::Words,
};

/// What COPY and ADD have in common, its variables replaced.
struct Transfer {
    keyword: &'static str,
    sources: Vec<String>,
    documents: Vec<Document>,
    destination: String,
    chown: String,
    chmod: String,
    excludes: Vec<String>,
    parents: bool,
    link: bool,
}

/// A heredoc as a file.
struct Document {
    path: String,
    content: Arc<str>,
}

impl Transfer {
    /// What is written, its variables replaced: the paths first, then the heredocs.
    fn read(written: &instruction::Transfer, words: &mut Words<'_>) -> Result<Self> {
        let sources = written
            .sources
            .iter()
            .map(|source| words.word(source))
            .collect::<Result<_>>()?;
        let destination = words.word(&written.destination)?;
        let mut document = |document: &instruction::Content| -> Result<Document> {
            Ok(Document {
                path: document.path.clone(),
                content: match document.expand {
                    false => Arc::clone(&document.data),
                    true => words.body(&document.data)?.into(),
                },
            })
        };
        let documents = written
            .contents
            .iter()
            .map(&mut document)
            .collect::<Result<_>>()?;
        Ok(Self {
            keyword: "",
            sources,
            documents,
            destination,
            chown: String::new(),
            chmod: String::new(),
            excludes: Vec::new(),
            parents: false,
            link: false,
        })
    }
}

/// What ADD alone can do.
#[derive(Default)]
struct Remote {
    checksum: String,
    keep_git_dir: Option<bool>,
    unpack: Option<bool>,
}

impl Planner<'_> {
    /// Plans a COPY.
    pub(super) fn copy(
        &mut self,
        state: &mut StageState,
        command: &Command,
        copy: &Copy,
    ) -> Result<()> {
        let mut words = Words::new(&self.expander, state, self.facts, &mut self.budget);
        let mut transfer = Transfer {
            keyword: "COPY",
            chown: words.optional(copy.chown.as_deref())?,
            chmod: words.optional(copy.chmod.as_deref())?,
            ..Transfer::read(&copy.transfer, &mut words)?
        };
        transfer.excludes = copy.excludes.clone();
        transfer.parents = copy.parents;
        transfer.link = copy.link;
        let from = command.sources.first().copied();
        let input = match from {
            None => Some(self.context),
            Some(from) => {
                let source = self.source(state, from);
                source.ok_or_else(|| {
                    let from = copy.from.as_deref().unwrap_or_default();
                    messages::copy_from_later(from, &state.label)
                })?
            }
        };
        self.transfer_files(state, command, &transfer, input, Remote::default())?;
        for source in &transfer.sources {
            match from {
                None => self.reads_context(source),
                Some(from) => self.reads(from, source),
            }
        }
        Ok(())
    }

    /// Plans an ADD.
    pub(super) fn add(
        &mut self,
        state: &mut StageState,
        command: &Command,
        add: &Add,
    ) -> Result<()> {
        let mut words = Words::new(&self.expander, state, self.facts, &mut self.budget);
        let chown = words.optional(add.chown.as_deref())?;
        let chmod = words.optional(add.chmod.as_deref())?;
        let checksum = words.optional(add.checksum.as_deref())?;
        let mut transfer = Transfer {
            keyword: "ADD",
            chown,
            chmod,
            ..Transfer::read(&add.transfer, &mut words)?
        };
        transfer.excludes = add.excludes.clone();
        transfer.link = add.link;
        let remote = Remote {
            checksum,
            keep_git_dir: add.keep_git_dir,
            unpack: add.unpack,
        };
        let context = Some(self.context);
        self.transfer_files(state, command, &transfer, context, remote)?;
        for source in &transfer.sources {
            if !source.starts_with("http://") && !source.starts_with("https://") {
                self.reads_context(source);
            }
        }
        Ok(())
    }

    fn transfer_files(
        &mut self,
        state: &mut StageState,
        command: &Command,
        transfer: &Transfer,
        from: Input,
        mut remote: Remote,
    ) -> Result<()> {
        let instruction = &command.instruction;
        let os = state
            .platform
            .as_ref()
            .map_or("linux", |platform| platform.os.as_str())
            .to_owned();
        let destination = paths::destination(&os, &state.directory, &transfer.destination)?;
        let mode = chmod(&transfer.chmod)?;
        remote.check(&transfer.sources)?;
        let shown = self.shown(&instruction.original, self.expander, &state.environment);
        let platform = state.platform.clone();
        let name = self.step_name(state, &shown, platform.as_ref())?;

        let plain = file::Copy {
            dest: destination,
            create_dest_path: true,
            mode,
            owner: owner(&transfer.chown),
            exclude_patterns: transfer.excludes.clone(),
            ..file::Copy::default()
        };
        let excludes = transfer.excludes.iter();
        let excludes = excludes.map(|pattern| size_of::<String>() + pattern.len());
        let each = plain.dest.len() + transfer.chown.len() + excludes.sum::<usize>();
        let count = transfer.sources.len() + transfer.documents.len();
        self.spend(each.saturating_mul(count))?;
        let mut copies = Vec::with_capacity(count);
        for source in &transfer.sources {
            copies.push(
                match self.remote_source(source, &name, transfer.keyword == "COPY", &mut remote)? {
                    Some(RemoteSource::Git(output)) => file::Copy {
                        source: Some(output),
                        src: "/".to_owned(),
                        ..plain.clone()
                    },
                    Some(RemoteSource::Http(output, file)) => file::Copy {
                        source: Some(output),
                        src: file,
                        unpack: remote.unpack == Some(true),
                        ..plain.clone()
                    },
                    None => {
                        if from == Some(self.context) {
                            self.facts.see(Seen::ContextPath(source.clone()));
                        }
                        local(&os, source, transfer, from, &plain, remote.unpack)
                            .map_err(|error| messages::removing_drive(*error))?
                    }
                },
            );
        }
        for document in &transfer.documents {
            let path = paths::without_drive(&os, &document.path, false)
                .map_err(|error| messages::removing_drive(*error))?
                .into_owned();
            let file = self.inline_file(&path, 0o644, &document.content, platform.as_ref())?;
            copies.push(file::Copy {
                source: Some(file),
                src: path,
                ..plain.clone()
            });
        }

        let mut meta = at(self.file, Some(instruction.lines)).name(name);
        meta.ignore_cache = state.ignore_cache;
        if transfer.link && transfer.chmod.is_empty() && self.options.supports("mergeop") {
            state.output = self.link(state, copies, meta, &shown)?;
        } else {
            let file = File {
                base: state.output,
                directory: state.directory.clone(),
                actions: actions(copies),
            };
            state.output = Some(self.llb.add_file(file, meta));
        }
        state.commit(format!("{} # buildkit", history(transfer)), true);
        Ok(())
    }

    /// `--link`: the files on a layer of their own, independent of what is below.
    fn link(
        &mut self,
        state: &mut StageState,
        copies: Vec<file::Copy>,
        meta: Meta,
        shown: &str,
    ) -> Result<Input> {
        let platform = state.platform.clone();
        names::again(state);
        let group = self.step_name(state, shown, platform.as_ref())?;
        names::again(state);
        let link = self.step_name(state, &format!("LINK {shown}"), platform.as_ref())?;
        self.links += 1;
        // Groups are told apart by their id; ours is a function of the input, where the original throws dice.
        let id = format!("{group} {}", self.links);

        let mut copy_meta = meta.clone();
        copy_meta.platform = platform.as_ref().map(op_platform);
        copy_meta.progress_group = Some(pb::ProgressGroup {
            id: id.clone(),
            name: group.clone(),
            weak: true,
        });
        let mut merge_meta = meta.name(link);
        merge_meta.progress_group = Some(pb::ProgressGroup {
            id,
            name: group,
            weak: false,
        });

        let file = File {
            actions: actions(copies),
            ..File::default()
        };
        let layer = self.llb.add_file(file, copy_meta);
        Ok(self.llb.merge(&[state.output, Some(layer)], merge_meta))
    }

    /// The op of a source that the daemon fetches; `None` for a path.
    ///
    /// What the query of one repository says stays in force for the sources after it, as in docker/dockerfile.
    fn remote_source(
        &mut self,
        source: &str,
        name: &str,
        is_copy: bool,
        remote: &mut Remote,
    ) -> Result<Option<RemoteSource>> {
        match git::parse(source) {
            Err(error) if error.is_git => Err(messages::bad_git(&error)),
            Ok(git) if !git.indistinguishable_from_local => {
                if is_copy {
                    return Err(messages::copy_of_git());
                }
                remote.agree(&git)?;
                let wanted = Git {
                    keep_git_dir: remote.keep_git_dir == Some(true),
                    checksum: remote.checksum.clone(),
                    mtime: String::new(),
                    ..git_source(&git)
                };
                let decoded = [&wanted.reference, &wanted.subdir, &wanted.remote.url];
                if decoded.iter().any(|text| has_lost_bytes(text, source)) {
                    return Err(messages::not_text());
                }
                self.spend(name.len())?;
                let output = self.llb.add_source(wanted, Meta::named(name));
                Ok(Some(RemoteSource::Git(output)))
            }
            _ if !is_http(source) => Ok(None),
            _ if is_copy => Err(messages::copy_of_url()),
            _ => {
                let file = file_name(source);
                if has_lost_bytes(&file, source) {
                    return Err(messages::not_text());
                }
                let checksum =
                    Some(remote.checksum.clone()).filter(|checksum| !checksum.is_empty());
                if let Some(checksum) = &checksum {
                    digest::validate(checksum).map_err(|error| messages::bad_digest(&error))?;
                }
                let wanted = Http {
                    checksum,
                    ..http_source(source, &file)
                };
                // The original describes a download by an empty command.
                self.spend(name.len())?;
                let meta = described(Meta::named(name), "");
                let output = self.llb.add_source(wanted, meta);
                Ok(Some(RemoteSource::Http(output, file)))
            }
        }
    }
}

/// Whether what `%xx` in a URL stands for is no UTF-8, so that it cannot be in an op.
fn has_lost_bytes(decoded: &str, written: &str) -> bool {
    let replaced = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
    replaced(decoded) && !replaced(written) && !written.to_ascii_lowercase().contains("%ef%bf%bd")
}

/// What a remote source became.
enum RemoteSource {
    Git(Output),
    Http(Output, String),
}

impl Remote {
    /// `--checksum` is of one remote source.
    fn check(&self, sources: &[String]) -> Result<()> {
        if self.checksum.is_empty() {
            return Ok(());
        }
        match sources {
            [source] if is_http(source) || is_git(source) => Ok(()),
            [_] => Err(messages::checksum_of_local()),
            _ => Err(messages::checksum_of_several()),
        }
    }

    /// Takes over what the query of a repository says; it must not contradict the flags.
    fn agree(&mut self, git: &git::GitReference) -> Result<()> {
        match (self.keep_git_dir, git.keep_git_dir) {
            (Some(flag), Some(query)) if flag != query => {
                return Err(messages::keep_git_dir_conflict());
            }
            (flag, query) => self.keep_git_dir = query.or(flag),
        }
        match (
            self.checksum.as_str(),
            git.checksum.as_deref().unwrap_or_default(),
        ) {
            (_, "") => {}
            ("", query) => self.checksum = query.to_owned(),
            (flag, query) if flag == query => {}
            (flag, query) => return Err(messages::checksum_conflict(flag, query)),
        }
        Ok(())
    }
}

/// A path in the context or in a stage.
fn local(
    os: &str,
    source: &str,
    transfer: &Transfer,
    from: Input,
    plain: &file::Copy,
    unpack: Option<bool>,
) -> Result<file::Copy> {
    let mut directory = source.to_owned();
    let mut include_patterns = Vec::new();
    let mut required_paths = Vec::new();
    if transfer.parents {
        // `/./` marks where the path that is kept begins.
        let (parent, pattern) = source.split_once("/./").unwrap_or(("/", source));
        let pattern = paths::absolute(os, "/", pattern, false)?;
        if !paths::has_wildcard(parent) && !paths::has_wildcard(&pattern) {
            required_paths.push(paths::absolute(
                os,
                "/",
                &path::join(&[parent, &pattern]),
                false,
            )?);
        }
        include_patterns.push(pattern.strip_prefix('/').unwrap_or(&pattern).to_owned());
        directory = parent.to_owned();
    }
    Ok(file::Copy {
        source: from,
        src: paths::absolute(os, "/", &directory, false)?,
        follow_symlinks: true,
        contents_only: true,
        include_patterns,
        required_paths,
        unpack: unpack.unwrap_or(transfer.keyword == "ADD"),
        allow_wildcard: true,
        allow_empty_wildcard: true,
        ..plain.clone()
    })
}

/// Whether a source is a repository; one that could as well be a path counts.
fn is_git(source: &str) -> bool {
    git::parse(source).is_ok()
}

fn is_http(source: &str) -> bool {
    (source.starts_with("http://") || source.starts_with("https://")) && !is_git(source)
}

/// `--chmod`: octal, or symbolic.
fn chmod(written: &str) -> Result<Mode> {
    if written.is_empty() {
        return Ok(Mode::Keep);
    }
    match golang::parse_uint(written, 8, 32) {
        Ok(mode) if mode <= 0o7777 => Ok(Mode::Bits(mode as u32)),
        Ok(_) => Err(messages::bad_chmod(written)),
        Err(_) => match mode::parse(written) {
            Ok(()) => Ok(Mode::Symbolic(written.to_owned())),
            Err(error) if error.is_numeric() => Err(messages::bad_chmod(written)),
            Err(error) => Err(messages::bad_symbolic_chmod(&error)),
        },
    }
}

/// `--chown=user:group`; names are looked up by the daemon in the stage's own files.
pub(super) fn owner(written: &str) -> Option<Chown> {
    if written.is_empty() {
        return None;
    }
    let user = |word: &str| match word {
        "root" => User::Id(0),
        word => match golang::parse_int(word, 10, 32) {
            Ok(id) => User::Id(id as u32),
            Err(_) => User::Name(word.to_owned()),
        },
    };
    let (name, group) = match written.split_once(':') {
        Some((name, group)) => (name, Some(group)),
        None => (written, None),
    };
    Some(Chown {
        user: Some(user(name)),
        group: group.map(user),
    })
}

fn actions(copies: Vec<file::Copy>) -> Vec<file::Action> {
    copies.into_iter().map(Into::into).collect()
}

/// `COPY --chown=1 a b /`: how history shows it.
fn history(transfer: &Transfer) -> String {
    let mut line = transfer.keyword.to_owned();
    if transfer.parents {
        line += " --parents";
    }
    if !transfer.chown.is_empty() {
        line += &format!(" --chown={}", transfer.chown);
    }
    if !transfer.chmod.is_empty() {
        line += &format!(" --chmod={}", transfer.chmod);
    }
    for source in &transfer.sources {
        line += &format!(" {source}");
    }
    for document in &transfer.documents {
        line += &format!(" <<{}", document.path);
    }
    line + " " + &transfer.destination
}
