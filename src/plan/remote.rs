//! How the daemon is asked for repositories and downloads.

use crate::{
    golang::path,
    llb::source::{FileInfo, Git, GitRemote, Http},
    reference::{git, url},
};

/// A repository.
pub fn git_source(git: &git::GitReference) -> Git {
    Git {
        reference: git.reference.clone().unwrap_or_default(),
        subdir: git.subdir.clone().unwrap_or_default(),
        keep_git_dir: git.keep_git_dir == Some(true),
        checksum: git.checksum.clone().unwrap_or_default(),
        skip_submodules: git.submodules == Some(false),
        mtime: git
            .mtime
            .map(|mtime| mtime.as_str().to_owned())
            .unwrap_or_default(),
        fetch_by_commit: git.fetch_by_commit,
        remote: git_remote(&git.remote),
        ..Git::default()
    }
}

/// The file behind a URL, which arrives as `file`.
pub fn http_source(url: impl Into<String>, file: impl Into<String>) -> Http {
    Http {
        url: url.into(),
        file: FileInfo {
            filename: file.into(),
            ..FileInfo::default()
        },
        ..Http::default()
    }
}

/// The name under which ADD lets a download arrive: the last part of the URL's path.
pub(super) fn file_name(url: &str) -> String {
    const UNNAMED: &str = "__unnamed__";
    let Ok(url) = url::parse(url) else {
        return UNNAMED.to_owned();
    };
    match path::base(&url.path) {
        "." | "/" => UNNAMED.to_owned(),
        name => name.to_owned(),
    }
}

/// The parts of a repository's address. One without a scheme is fetched by HTTPS.
fn git_remote(remote: &str) -> GitRemote {
    let parsed = git::parse_url(remote).or_else(|_| git::parse_url(&format!("https://{remote}")));
    match parsed {
        Ok(url) => GitRemote {
            ssh: url.scheme == "ssh",
            url: url.remote,
            host: url.host,
            path: url.path,
        },
        Err(_) => GitRemote {
            url: remote.to_owned(),
            ..GitRemote::default()
        },
    }
}
