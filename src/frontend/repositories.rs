//! Which commits repositories are at: asked once for each repository and ref, whoever wants to know.

use crate::{
    gateway::{Gateway, SourceRequest},
    llb::source::Source,
};

use super::{build::Job, error::Result, once::Once};

/// The commits, for all platforms. BuildKit 0.32 keeps what it finds out by repository and ref, and keeps a nil pointer there where it
/// found nothing: the next one that looks finds that. So what differs in anything else is the same question.
pub(super) type Commits = Once<(String, String), Option<String>>;

/// The commit that a repository is at. Nothing if the daemon is too old to say.
pub(super) async fn commit(
    job: &Job<'_, impl Gateway>,
    source: impl Into<Source>,
    shown: String,
) -> Result<Option<String>> {
    let source = source.into();
    let question = question(&source);
    let ask = async {
        let found = job
            .gateway
            .resolve_source(SourceRequest::new(source, shown));
        let commit = found
            .await?
            .git
            .map(|git| match git.commit_checksum.is_empty() {
                true => git.checksum,
                false => git.commit_checksum,
            });
        Ok(commit.filter(|commit| !commit.is_empty()))
    };
    job.commits.get(&question, ask).await
}

/// The repository as git takes it, and the branch or tag.
fn question(source: &Source) -> (String, String) {
    let (repository, fragment) = source
        .identifier
        .split_once('#')
        .unwrap_or((&source.identifier, ""));
    let repository = match source.attrs.get("git.fullurl") {
        Some(url) => url,
        None => repository,
    };
    let reference = fragment.split(':').next().unwrap_or_default();
    (repository.to_owned(), reference.to_owned())
}
