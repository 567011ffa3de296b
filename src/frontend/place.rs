//! Where the Dockerfile and the main context are: with the client, in a repository, behind a URL, or in the result of another build.

use std::collections::BTreeMap;

use crate::{
    diagnostic::Diagnostic,
    gateway::{self, FileRange, Gateway, SolveRequest},
    plan::{self, Remote},
    proto::pb,
    reference::git,
};

use super::{
    context::{self, marshalled},
    epoch,
    error::Result,
    options::Options,
};

/// The client's directory with the context.
pub(super) const CONTEXT: &str = "context";

/// The result of another build that has the Dockerfile.
const DOCKERFILE: &str = "dockerfile";

/// Under which name a download arrives.
const DOWNLOAD: &str = "context";

/// Where the two are.
pub(super) struct Place {
    /// The context, if it is no directory of the client.
    pub(super) context: Option<Remote>,
    /// What has the Dockerfile, if it is no directory of the client.
    pub(super) dockerfile: Option<Remote>,
    /// The Dockerfile's path there.
    pub(super) filename: String,
}

/// Finds both. A download is looked into, to tell an archive from a Dockerfile.
pub(super) async fn find(
    gateway: &impl Gateway,
    options: &Options,
    inputs: &gateway::Result<BTreeMap<String, pb::Definition>>,
) -> Result<Place> {
    let mut filename = options.filename.clone();
    let (context, dockerfile) = if let Some(git) = repository(options)? {
        (Some(git.clone()), Some(git))
    } else if is_http(&options.context) {
        let (download, is_dockerfile) = download(gateway, &options.context).await?;
        if is_dockerfile {
            filename = DOWNLOAD.to_owned();
        }
        (Some(download.clone()), Some(download))
    } else {
        let inputs = inputs
            .as_ref()
            .map_err(|error| error.clone().context("failed to get frontend inputs"))?;
        let input = |name: &str| inputs.get(name).cloned().map(Remote::definition);
        (input(CONTEXT), input(DOCKERFILE))
    };
    let scoped = |context: Remote| match &options.context_directory {
        Some(directory) => context.directory(directory),
        None => context,
    };
    let is_asked_of_the_client = options.dockerfile_local.is_some();
    Ok(Place {
        context: context.map(scoped),
        dockerfile: dockerfile.filter(|_| !is_asked_of_the_client),
        filename,
    })
}

fn repository(options: &Options) -> Result<Option<Remote>> {
    let written = &options.context;
    let git = match git::parse(written) {
        Ok(git) => git,
        Err(error) if error.is_git => return Err(Diagnostic::error(error.to_string()).into()),
        Err(_) => return Ok(None),
    };
    let mut source = plan::git_source(&git);
    source.keep_git_dir |= options.git.keeps_git_dir;
    if options.git.is_dated && source.mtime.is_empty() {
        source.mtime = git::Mtime::Commit.as_str().to_owned();
    }
    let name = format!("[internal] load git source {written}");
    Ok(Some(Remote::source(source, name)))
}

/// A download, and whether it is the Dockerfile itself rather than an archive of a context.
async fn download(gateway: &impl Gateway, url: &str) -> Result<(Remote, bool)> {
    const NAME: &str = "[internal] load remote build context";
    const LOOKED_AT: i64 = 1024;
    let source = plan::http_source(url, DOWNLOAD);
    let file = Remote::source(source.clone(), NAME);
    let request = SolveRequest::definition(marshalled(gateway, &file)?);
    let solved = gateway
        .solve(request)
        .await
        .map_err(|error| error.context("failed to resolve httpcontext"))?;
    let range = FileRange {
        offset: 0,
        length: LOOKED_AT,
    };
    let head = context::part(gateway, &solved, DOWNLOAD, Some(range)).await;
    let head = head.map_err(|error| error.context("failed to read downloaded context"))?;
    Ok(match is_archive(&head) {
        true => (Remote::archive(source, NAME, DOWNLOAD), false),
        false => (file, true),
    })
}

fn is_http(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

/// Whether a file that begins so is an archive: packed, or with an entry that can be read from what is there.
fn is_archive(head: &[u8]) -> bool {
    const BZIP2: &[u8] = b"BZh";
    const GZIP: &[u8] = b"\x1f\x8b\x08";
    const XZ: &[u8] = b"\xfd7zXZ\0";
    [BZIP2, GZIP, XZ]
        .iter()
        .any(|magic| head.starts_with(magic))
        || epoch::is_archive(head)
}
