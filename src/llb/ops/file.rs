//! Changes to a file system without a process, after `client/llb/fileop.go`.

use prost::bytes::Bytes;

use crate::{
    llb::{
        caps,
        graph::Input,
        ops::{Encoder, NONE},
        path,
    },
    proto::pb::{self, file_action, user_opt},
};

/// Actions on a file system, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// What is changed; `None` begins with nothing.
    pub base: Input,
    /// What relative paths of the actions are relative to; empty is the root.
    pub directory: String,
    /// At least one.
    pub actions: Vec<Action>,
}

impl File {
    /// A single action in the root directory.
    pub fn new(base: impl Into<Input>, action: impl Into<Action>) -> Self {
        Self {
            base: base.into(),
            directory: String::new(),
            actions: vec![action.into()],
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the struct says it")]
pub enum Action {
    Copy(Copy),
    Mkfile(Mkfile),
    Mkdir(Mkdir),
    Rm(Rm),
    Symlink(Symlink),
}

/// Brings files from elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Copy {
    /// Where from.
    pub source: Input,
    /// The path there, seen from its root.
    pub src: String,
    /// The path here; a trailing slash makes it a directory.
    pub dest: String,
    /// Whose the copies are; `None` keeps the owner.
    pub owner: Option<Chown>,
    /// What permissions they have.
    pub mode: Mode,
    /// When they were made, in nanoseconds since 1970; `None` keeps the time.
    pub created: Option<i64>,
    /// Copy what a link at `src` leads to.
    pub follow_symlinks: bool,
    /// Of a directory, copy the contents and not the directory.
    pub contents_only: bool,
    /// Unpack an archive, as `ADD` does.
    pub unpack: bool,
    /// Make the directories that lead to `dest`.
    pub create_dest_path: bool,
    /// `src` is a pattern.
    pub allow_wildcard: bool,
    /// A pattern may match nothing.
    pub allow_empty_wildcard: bool,
    /// Only what matches.
    pub include_patterns: Vec<String>,
    /// Not what matches, even if it is included.
    pub exclude_patterns: Vec<String>,
    /// What must be among the included.
    pub required_paths: Vec<String>,
    /// A file may replace a directory, and the other way round.
    pub always_replace_existing_dest_paths: bool,
}

/// The permissions of a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Those of the original.
    #[default]
    Keep,
    /// These bits.
    Bits(u32),
    /// A change in words, such as `u=rwX,go-w`.
    Symbolic(String),
}

/// Makes a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mkfile {
    /// Its path.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// What it holds.
    pub data: Bytes,
    /// Whose it is; `None` is root.
    pub owner: Option<Chown>,
    /// When it was made, in nanoseconds since 1970; `None` is now.
    pub created: Option<i64>,
}

/// Makes a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mkdir {
    /// Its path.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// Make the ones above it, too.
    pub make_parents: bool,
    /// Whose it is; `None` is root.
    pub owner: Option<Chown>,
    /// When it was made, in nanoseconds since 1970; `None` is now.
    pub created: Option<i64>,
}

/// Removes a file or a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rm {
    /// Its path.
    pub path: String,
    /// It may be absent.
    pub allow_not_found: bool,
    /// `path` is a pattern.
    pub allow_wildcard: bool,
}

/// Makes a symbolic link. Neither path is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symlink {
    /// Where it leads.
    pub target: String,
    /// Where it stands.
    pub path: String,
    /// Whose it is; `None` is root.
    pub owner: Option<Chown>,
    /// When it was made, in nanoseconds since 1970; `None` is now.
    pub created: Option<i64>,
}

/// An owner; what is `None` is not changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chown {
    /// The user.
    pub user: Option<User>,
    /// The group.
    pub group: Option<User>,
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// By number.
    Id(u32),
    /// By its name in the file system that is changed; the empty name is root.
    Name(String),
}

macro_rules! actions {
    ($($kind:ident),*) => {$(
        impl From<$kind> for Action {
            fn from(action: $kind) -> Self {
                Self::$kind(action)
            }
        }
    )*};
}
actions!(Copy, Mkfile, Mkdir, Rm, Symlink);

impl File {
    /// The order in which the original looks at what a file op uses: the base, then the sources of
    /// its copies from the last to the first.
    pub(in crate::llb) fn inputs(&self) -> impl Iterator<Item = Input> {
        let sources = self.actions.iter().rev().filter_map(|action| match action {
            Action::Copy(copy) => Some(copy.source),
            _ => None,
        });
        std::iter::once(self.base).chain(sources)
    }

    /// The original means to add capabilities for patterns, symbolic modes and links, but asks the
    /// actions for them before it has any, so `file.base` is all that a file op ever needs.
    pub(in crate::llb) fn encode(&self, encoder: &mut Encoder<'_>) -> pb::FileOp {
        encoder.needs(caps::FILE_BASE);
        let base = encoder.share(self.base);
        let sources: Vec<i64> = self
            .actions
            .iter()
            .map(|action| match action {
                Action::Copy(copy) => encoder.share(copy.source),
                _ => NONE,
            })
            .collect();

        let inputs = encoder.inputs.len() as i64;
        let last = self.actions.len().saturating_sub(1);
        let actions = self.actions.iter().zip(sources).enumerate();
        pb::FileOp {
            actions: actions
                .map(|(at, (action, source))| pb::FileAction {
                    // Each action works on what the one before it made.
                    input: match at {
                        0 => base,
                        at => inputs + at as i64 - 1,
                    },
                    secondary_input: source,
                    output: if at == last { 0 } else { NONE },
                    action: Some(action.encode(&self.directory, base)),
                })
                .collect(),
        }
    }
}

impl Action {
    fn encode(&self, directory: &str, base: i64) -> file_action::Action {
        match self {
            Self::Copy(copy) => file_action::Action::Copy(copy.encode(directory, base)),
            Self::Mkfile(mkfile) => file_action::Action::Mkfile(pb::FileActionMkFile {
                path: path::absolute(directory, &mkfile.path),
                mode: permissions(mkfile.mode),
                data: mkfile.data.clone(),
                owner: owner(&mkfile.owner, base),
                timestamp: timestamp(mkfile.created),
            }),
            Self::Mkdir(mkdir) => file_action::Action::Mkdir(pb::FileActionMkDir {
                path: path::absolute(directory, &mkdir.path),
                mode: permissions(mkdir.mode),
                make_parents: mkdir.make_parents,
                owner: owner(&mkdir.owner, base),
                timestamp: timestamp(mkdir.created),
            }),
            Self::Rm(rm) => file_action::Action::Rm(pb::FileActionRm {
                path: path::absolute(directory, &rm.path),
                allow_not_found: rm.allow_not_found,
                allow_wildcard: rm.allow_wildcard,
            }),
            Self::Symlink(symlink) => file_action::Action::Symlink(pb::FileActionSymlink {
                oldpath: symlink.target.clone(),
                newpath: symlink.path.clone(),
                owner: owner(&symlink.owner, base),
                timestamp: timestamp(symlink.created),
            }),
        }
    }
}

impl Copy {
    fn encode(&self, directory: &str, base: i64) -> pb::FileActionCopy {
        let (mode, mode_str) = match &self.mode {
            Mode::Keep => (-1, String::new()),
            Mode::Bits(bits) => (*bits as i32, String::new()),
            Mode::Symbolic(words) => (0, words.clone()),
        };
        pb::FileActionCopy {
            src: path::absolute("/", &self.src),
            dest: path::destination(directory, &self.dest),
            owner: owner(&self.owner, base),
            mode,
            follow_symlink: self.follow_symlinks,
            dir_copy_contents: self.contents_only,
            attempt_unpack_docker_compatibility: self.unpack,
            create_dest_path: self.create_dest_path,
            allow_wildcard: self.allow_wildcard,
            allow_empty_wildcard: self.allow_empty_wildcard,
            timestamp: timestamp(self.created),
            include_patterns: self.include_patterns.clone(),
            exclude_patterns: self.exclude_patterns.clone(),
            always_replace_existing_dest_paths: self.always_replace_existing_dest_paths,
            mode_str,
            required_paths: self.required_paths.clone(),
        }
    }
}

fn permissions(mode: u32) -> i32 {
    (mode & 0o777) as i32
}

fn timestamp(created: Option<i64>) -> i64 {
    created.unwrap_or(-1)
}

fn owner(chown: &Option<Chown>, base: i64) -> Option<pb::ChownOpt> {
    let user = |user: &User| pb::UserOpt {
        user: Some(match user {
            User::Id(id) => user_opt::User::ById(*id),
            User::Name(name) if name.is_empty() => user_opt::User::ById(0),
            User::Name(name) => user_opt::User::ByName(pb::NamedUserOpt {
                name: name.clone(),
                input: base,
            }),
        }),
    };
    chown.as_ref().map(|chown| pb::ChownOpt {
        user: chown.user.as_ref().map(user),
        group: chown.group.as_ref().map(user),
    })
}
