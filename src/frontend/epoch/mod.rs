//! `SOURCE_DATE_EPOCH` where it means the time of a source: that of a commit, of a download, or of the newest file in one.

mod archive; // what is in a download
mod commit; // what git keeps of a commit

pub(super) use archive::begins_one as is_archive;

use crate::{
    diagnostic::Diagnostic,
    gateway::{Gateway, SolveRequest, SourceRequest},
    golang::Timestamp,
    llb::source::Source,
    plan::{self, Dated, Known, MainContext},
    proto::pb,
    stage::EpochSource,
};

use super::{context, error::Result, once::Once, resolve::Resolver};

/// The times of sources, for all platforms.
pub(super) type Times = Once<Vec<(String, String)>, Option<Timestamp>>;

/// The time of a source; many sources have none.
pub(super) async fn of(
    resolver: &Resolver<'_, impl Gateway>,
    times: &Times,
    asked: &EpochSource,
    main: &MainContext,
    options: &plan::Options<'_>,
) -> Result<Option<Timestamp>> {
    let mut known = Known::new();
    let (source, log_name) = loop {
        match plan::dated(asked, main, &known, options)? {
            Dated::ByNone => return Ok(None),
            Dated::By(source, log_name) => break (source, log_name),
            Dated::Need(query) => {
                let answer = resolver.answer(&query, &[]).await?;
                known.insert(query.wanted, answer);
            }
        }
    };
    times
        .get(
            &key(&source),
            time(resolver.gateway, source.clone(), log_name),
        )
        .await
}

/// Equal sources have equal times.
fn key(source: &pb::SourceOp) -> Vec<(String, String)> {
    let attrs = source.attrs.iter();
    let attrs = attrs.map(|attr| (attr.key().to_owned(), attr.value().to_owned()));
    std::iter::once((String::new(), source.identifier.clone()))
        .chain(attrs)
        .collect()
}

async fn time(
    gateway: &impl Gateway,
    source: pb::SourceOp,
    log_name: String,
) -> Result<Option<Timestamp>> {
    let identifier = source.identifier.as_str();
    // Of a directory of the client nothing can be known.
    if identifier.starts_with("local://") {
        return Ok(None);
    }
    let is_http = ["http://", "https://"]
        .iter()
        .any(|scheme| identifier.starts_with(scheme));
    let request = SourceRequest {
        git_objects: identifier.starts_with("git://"),
        source: source.clone(),
        log_name,
        ..SourceRequest::default()
    };
    let resolved = gateway.resolve_source(request).await?;
    let commit = resolved.git.map(|git| git.commit_object);
    if let Some(commit) = commit.filter(|commit| !commit.is_empty()) {
        return commit::committed(&commit)
            .map_err(|error| Diagnostic::error(error.to_string()).into());
    }
    let modified = resolved.http.and_then(|http| http.last_modified);
    if let Some(modified) = modified {
        return Ok(Some(Timestamp::from_unix(modified.seconds)));
    }
    let filename = source.attrs.iter().find(|it| it.key() == "http.filename");
    match filename {
        Some(filename) if is_http => newest(gateway, &source, filename.value()).await,
        _ => Ok(None),
    }
}

/// The time of the newest file in a download, if that is an archive.
async fn newest(
    gateway: &impl Gateway,
    source: &pb::SourceOp,
    filename: &str,
) -> Result<Option<Timestamp>> {
    let definition = context::unnamed(Source::resolved(source), gateway);
    let solved = gateway.solve(SolveRequest::definition(definition)).await?;
    let bytes = context::file(gateway, &solved, filename).await?;
    match archive::newest(&bytes) {
        Ok(seconds) => Ok(seconds.map(Timestamp::from_unix)),
        Err(error) => Err(Diagnostic::error(error.to_string()).into()),
    }
}
