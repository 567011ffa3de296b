//! Git references: `https://host/repo.git#ref:subdir`, or with a query `?branch=main&subdir=src`.
//!
//! Takes the text of a build context or of a source of `ADD`; gives the remote and what is wanted of it. The rules and
//! texts of BuildKit's `dfgitutil` and `gitutil`.

use std::fmt;

use crate::{
    golang,
    reference::{
        digest,
        url::{self, Query, Url, User},
    },
};

/// A repository and what of it is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitReference {
    /// What git is told to fetch from.
    pub remote: String,
    /// The last component of the remote, without `.git`.
    pub short_name: String,
    /// A branch, a tag or a commit.
    pub reference: Option<String>,
    /// The commit that must be found.
    pub checksum: Option<String>,
    /// The folder that is wanted.
    pub subdir: Option<String>,
    /// Whether `.git` stays; the flag of `ADD` may say it too.
    pub keep_git_dir: Option<bool>,
    /// Whether submodules are fetched.
    pub submodules: Option<bool>,
    /// What times the files get.
    pub mtime: Option<Mtime>,
    /// Whether the checksum is fetched without asking what the reference points to.
    pub fetch_by_commit: bool,
    /// `github.com/owner/repo`, which is a path as well: only the build context may be written so.
    pub indistinguishable_from_local: bool,
    /// Whether the transport is neither encrypted nor signed.
    pub unencrypted_tcp: bool,
}

/// What times the files of a repository get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mtime {
    /// That of the checkout.
    Checkout,
    /// That of the commit.
    Commit,
}

impl Mtime {
    /// As it is written in a query and in an op.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checkout => "checkout",
            Self::Commit => "commit",
        }
    }
}

/// A remote, taken apart (`gitutil.GitURL`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitUrl {
    /// `http`, `https`, `ssh` or `git`.
    pub scheme: String,
    /// With its port.
    pub host: String,
    /// The repository on the host.
    pub path: String,
    /// Who asks.
    pub user: Option<User>,
    /// The options after `?`.
    pub query: Query,
    /// What stands in the fragment before `:`.
    pub reference: Option<String>,
    /// What stands in the fragment after `:`, clean and relative.
    pub subdir: Option<String>,
    /// The URL without query and fragment: what git understands.
    pub remote: String,
}

/// Why a text is no git reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    /// Whether the text names a repository all the same: then it is a mistake, else something other than git.
    pub is_git: bool,
    /// What is wrong.
    pub kind: ErrorKind,
}

/// What keeps a text from being a git reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// A relative path, or an HTTP URL that does not end in `.git`.
    #[error("invalid argument")]
    NotGit,
    /// Neither `scheme://` nor `user@host:path`.
    #[error("unknown protocol")]
    UnknownProtocol,
    /// A scheme that git is not asked over.
    #[error("{0}: invalid protocol")]
    InvalidProtocol(String),
    /// No URL.
    #[error(transparent)]
    Url(#[from] url::Error),
    /// A key of the query that means nothing.
    #[error("unexpected query {}", golang::quote(.0))]
    UnexpectedQuery(String),
    /// A key of the query that needs a value.
    #[error("query {} has no value", golang::quote(.0))]
    NoValue(String),
    /// A key of the query that stands there twice.
    #[error("query {} has multiple values", golang::quote(.0))]
    MultipleValues(String),
    /// Two of fragment, `ref`, `tag` and `branch` (or fragment and `subdir`) differ.
    #[error("{what} conflicts: {} vs {}", golang::quote(.first), golang::quote(.second))]
    Conflict {
        /// `ref` or `subdir`.
        what: &'static str,
        /// What was read first.
        first: String,
        /// What was read then.
        second: String,
    },
    /// Both are given.
    #[error("branch conflicts with tag")]
    BranchAndTag,
    /// A yes or no that is neither.
    #[error("invalid {key} value: {}", golang::quote(.value))]
    NotBoolean {
        /// The key of the query.
        key: &'static str,
        /// What stands there.
        value: String,
    },
    /// An unknown kind of time.
    #[error("invalid mtime value: {} (must be \"checkout\" or \"commit\")", golang::quote(.0))]
    Mtime(String),
}

/// Reads a git reference (`dfgitutil.ParseGitRef`).
pub fn parse(text: &str) -> Result<GitReference, Error> {
    let not_git = |kind| Error {
        is_git: false,
        kind,
    };
    if text.starts_with("./") || text.starts_with("../") {
        return Err(not_git(ErrorKind::NotGit));
    }
    let is_local = text.starts_with("github.com/");
    let url = match is_local {
        true => parse_bare_github(text),
        false => parse_url(text),
    }
    .map_err(not_git)?;
    let is_http = matches!(url.scheme.as_str(), "http" | "https");
    if !is_local && is_http && !url.path.ends_with(".git") {
        return Err(not_git(ErrorKind::NotGit));
    }
    let remote = match url.remote.split_once("://") {
        Some((_, without_scheme)) if is_local => without_scheme.to_owned(),
        _ => url.remote,
    };
    let last = remote.rsplit('/').next().unwrap_or_default();
    let mut git = GitReference {
        short_name: last.strip_suffix(".git").unwrap_or(last).to_owned(),
        remote,
        reference: url.reference,
        subdir: url.subdir,
        indistinguishable_from_local: is_local,
        unencrypted_tcp: matches!(url.scheme.as_str(), "http" | "git"),
        ..GitReference::default()
    };
    match read_query(&mut git, &url.query) {
        Ok(()) => Ok(git),
        Err(kind) => Err(Error { is_git: true, kind }),
    }
}

/// Reads the URL of a repository, or `user@host:path` (`gitutil.ParseURL`).
pub fn parse_url(text: &str) -> Result<GitUrl, ErrorKind> {
    if let Some(scheme) = scheme(text) {
        return match is_git_scheme(&scheme) {
            true => Ok(of_url(url::parse(text)?)),
            false => Err(ErrorKind::InvalidProtocol(scheme)),
        };
    }
    parse_scp(text).ok_or(ErrorKind::UnknownProtocol)
}

/// Whether git, rather than a path, is meant (`gitutil.IsGitTransport`).
pub fn is_git_transport(text: &str) -> bool {
    match scheme(text) {
        Some(scheme) => is_git_scheme(&scheme),
        None => ScpUrl::of(text).is_some(),
    }
}

/// Whether the text is a whole commit hash (`gitutil.IsCommitSHA`).
pub fn is_commit_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(digest::is_lower_hex)
}

/// `(letter | digit)+ "://"`, in lower case.
fn scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
    is_scheme.then(|| scheme.to_ascii_lowercase())
}

fn is_git_scheme(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ssh" | "git")
}

/// `github.com/owner/repo`, as if `https://` stood before it.
fn parse_bare_github(text: &str) -> Result<GitUrl, ErrorKind> {
    let mut url = url::parse(text)?;
    url.scheme = String::from("https");
    Ok(of_url(url))
}

fn of_url(url: Url) -> GitUrl {
    let (reference, subdir) = split_fragment(&url.fragment);
    GitUrl {
        scheme: url.scheme.clone(),
        host: url.host.clone(),
        path: url.path.clone(),
        user: url.user.clone(),
        query: url.query(),
        reference,
        subdir,
        remote: url.without_options().to_string(),
    }
}

fn parse_scp(text: &str) -> Option<GitUrl> {
    let scp = ScpUrl::of(text)?;
    let (query, None) = url::parse_query(scp.query) else {
        return None;
    };
    let (reference, subdir) = split_fragment(scp.fragment);
    Some(GitUrl {
        scheme: String::from("ssh"),
        host: scp.host.to_owned(),
        path: scp.path.to_owned(),
        user: Some(User {
            name: scp.user.to_owned(),
            password: None,
        }),
        query,
        reference,
        subdir,
        remote: scp.to_string(),
    })
}

/// `user@host:path[?query][#fragment]`, the address that scp and git take for ssh.
struct ScpUrl<'a> {
    user: &'a str,
    host: &'a str,
    path: &'a str,
    query: &'a str,
    fragment: &'a str,
}

impl<'a> ScpUrl<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (user, rest) = text.split_once('@')?;
        let (host, rest) = rest.split_once(':')?;
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let is_made_of = |text: &str, others: &[u8]| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || others.contains(&b))
        };
        let is_scp = is_made_of(user, b"-_") && is_made_of(host, b"-.") && !text.contains('\n');
        is_scp.then_some(Self {
            user,
            host,
            path,
            query,
            fragment,
        })
    }
}

impl fmt::Display for ScpUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.path)
    }
}

/// `reference [":" subdir]`
fn split_fragment(fragment: &str) -> (Option<String>, Option<String>) {
    let (reference, subdir) = fragment.split_once(':').unwrap_or((fragment, ""));
    let subdir = golang::path::join(&["/", subdir]);
    (
        non_empty(reference),
        non_empty(subdir.strip_prefix('/').unwrap_or(&subdir)),
    )
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Reads the options of a query in the order of their names: the original takes them in no order at all.
fn read_query(git: &mut GitReference, query: &Query) -> Result<(), ErrorKind> {
    let (mut tag, mut branch) = (None, None);
    for (key, values) in query {
        let value = match values.as_slice() {
            [] => "",
            [value] => value.as_str(),
            _ => return Err(ErrorKind::MultipleValues(key.clone())),
        };
        match key.as_str() {
            "keep-git-dir" => git.keep_git_dir = Some(boolean("keep-git-dir", value)?),
            "submodules" => git.submodules = Some(boolean("submodules", value)?),
            "fetch-by-commit" => git.fetch_by_commit = boolean("fetch-by-commit", value)?,
            _ if value.is_empty() => return Err(ErrorKind::NoValue(key.clone())),
            "ref" => set("ref", &mut git.reference, value.to_owned())?,
            "subdir" => set("subdir", &mut git.subdir, value.to_owned())?,
            "tag" => tag = Some(with_prefix("refs/tags/", value)),
            "branch" => branch = Some(with_prefix("refs/heads/", value)),
            "checksum" | "commit" => git.checksum = Some(value.to_owned()),
            "mtime" => git.mtime = Some(mtime(value)?),
            _ => return Err(ErrorKind::UnexpectedQuery(key.clone())),
        }
    }
    let has_tag = tag.is_some();
    if let Some(tag) = tag {
        set("ref", &mut git.reference, tag)?;
    }
    match branch {
        Some(_) if has_tag => Err(ErrorKind::BranchAndTag),
        Some(branch) => set("ref", &mut git.reference, branch),
        None => Ok(()),
    }
}

/// Sets what is not set; setting it twice to the same is no conflict.
fn set(what: &'static str, slot: &mut Option<String>, value: String) -> Result<(), ErrorKind> {
    match slot.take() {
        Some(first) if first != value => Err(ErrorKind::Conflict {
            what,
            first,
            second: value,
        }),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

fn with_prefix(prefix: &str, name: &str) -> String {
    match name.starts_with(prefix) {
        true => name.to_owned(),
        false => format!("{prefix}{name}"),
    }
}

/// A key without a value means yes.
fn boolean(key: &'static str, value: &str) -> Result<bool, ErrorKind> {
    if value.is_empty() {
        return Ok(true);
    }
    golang::parse_bool(value).ok_or_else(|| ErrorKind::NotBoolean {
        key,
        value: value.to_owned(),
    })
}

fn mtime(value: &str) -> Result<Mtime, ErrorKind> {
    match value {
        "checkout" => Ok(Mtime::Checkout),
        "commit" => Ok(Mtime::Commit),
        _ => Err(ErrorKind::Mtime(value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The remote, reference and subdir of a reference, or its error.
    fn summary(text: &str) -> String {
        match parse(text) {
            Ok(git) => {
                let part = |part: Option<String>| part.unwrap_or_default();
                let (reference, subdir) = (part(git.reference), part(git.subdir));
                format!("{} [{}] {reference}:{subdir}", git.remote, git.short_name)
            }
            Err(error) if error.is_git => format!("git: {error}"),
            Err(error) => format!("not git: {error}"),
        }
    }

    #[test]
    fn a_repository_is_told_from_everything_else() {
        for (text, want) in [
            ("https://h/a/b.git", "https://h/a/b.git [b] :"),
            ("https://h/a/b.git#main", "https://h/a/b.git [b] main:"),
            (
                "https://h/a/b.git#main:c/../d/",
                "https://h/a/b.git [b] main:d",
            ),
            ("https://h/b.git#:sub", "https://h/b.git [b] :sub"),
            (
                "https://u:p@h:1/b.git?ref=x#:y",
                "https://u:p@h:1/b.git [b] x:y",
            ),
            (
                "git@github.com:a/b.git#v1:c",
                "git@github.com:a/b.git [b] v1:c",
            ),
            ("git@h:b?tag=v1", "git@h:b [git@h:b] refs/tags/v1:"),
            ("git@h:b?ref=a;b", "not git: unknown protocol"),
            ("ssh://h/a", "ssh://h/a [a] :"),
            ("git://h/a", "git://h/a [a] :"),
            ("github.com/a/b#c:d", "github.com/a/b [b] c:d"),
            (
                "github.com/a/b.git?branch=c",
                "github.com/a/b.git [b] refs/heads/c:",
            ),
            ("https://h/a", "not git: invalid argument"),
            ("https://h/a.git/", "not git: invalid argument"),
            ("./a@b:c.git", "not git: invalid argument"),
            ("ftp://h/a.git", "not git: ftp: invalid protocol"),
            ("a/b", "not git: unknown protocol"),
            ("a b@h:c", "not git: unknown protocol"),
            (
                "https://h/%.git",
                "not git: parse \"https://h/%.git\": invalid URL escape \"%.g\"",
            ),
        ] {
            assert_eq!(summary(text), want, "{text}");
        }
    }

    #[test]
    fn a_query_says_each_thing_once() {
        for (query, want) in [
            ("ref=a#b", "git: ref conflicts: \"b\" vs \"a\""),
            ("ref=a#a", "h/b.git [b] a:"),
            ("tag=v#refs/tags/v", "h/b.git [b] refs/tags/v:"),
            ("tag=v&branch=b", "git: branch conflicts with tag"),
            (
                "tag=v&ref=b",
                "git: ref conflicts: \"b\" vs \"refs/tags/v\"",
            ),
            ("subdir=a#:b", "git: subdir conflicts: \"b\" vs \"a\""),
            ("subdir=/a/../b", "h/b.git [b] :/a/../b"),
            ("ref=a&ref=a", "git: query \"ref\" has multiple values"),
            ("ref", "git: query \"ref\" has no value"),
            ("x", "git: query \"x\" has no value"),
            ("x=1", "git: unexpected query \"x\""),
            ("submodules=no", "git: invalid submodules value: \"no\""),
            (
                "mtime=now",
                "git: invalid mtime value: \"now\" (must be \"checkout\" or \"commit\")",
            ),
        ] {
            let want = want.replace("h/b", "https://h/b");
            assert_eq!(
                summary(&format!("https://h/b.git?{query}")),
                want,
                "{query}"
            );
        }
    }

    #[test]
    fn options_are_read_from_the_query() {
        let git = parse(
            "http://h/b.git?keep-git-dir&submodules=0&mtime=commit&commit=ab&fetch-by-commit=1",
        );
        let git = git.expect("a git reference");
        assert_eq!(
            (git.keep_git_dir, git.submodules),
            (Some(true), Some(false))
        );
        assert_eq!(
            (git.mtime, git.checksum.as_deref()),
            (Some(Mtime::Commit), Some("ab"))
        );
        assert!(git.fetch_by_commit && git.unencrypted_tcp && !git.indistinguishable_from_local);
    }

    #[test]
    fn a_transport_is_known_by_its_beginning() {
        for (text, want) in [
            ("https://h/a", true),
            ("ftp://h/a", false),
            ("me@h:a", true),
            ("a:b@h:c", false),
            ("a/b", false),
        ] {
            assert_eq!(is_git_transport(text), want, "{text}");
        }
        assert!(is_commit_sha(&"0f".repeat(20)) && !is_commit_sha(&"0F".repeat(20)));
    }

    proptest! {
        #[test]
        fn a_remote_is_read_again_as_itself(
            text in "(https://|ssh://|git://|git@h:|github.com/|)[ -~é]{0,20}(.git)?([?#][ -~]{0,9})?",
        ) {
            if let Ok(git) = parse(&text)
                && let Ok(again) = parse_url(&git.remote)
            {
                prop_assert_eq!(again.remote, git.remote);
            }
        }
    }
}
