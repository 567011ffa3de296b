//! `fal.key` of a build: has its contexts listed, asks what its remote sources are now, and puts the key where it belongs.

use fal_helper::context::{self as listing, LISTING_FILE, Listing};
use futures_util::future::try_join_all;

use crate::{
    diagnostic::Diagnostic,
    fal::{
        self,
        key::{Build, Key, LABEL, Question},
    },
    gateway::{FileRange, Gateway, SolveRequest, SourceRequest},
    llb::{Output, source::Source},
    plan::Plan,
    reference::platform::Platform,
};

use super::{
    build::{Job, Read},
    context,
    error::{Error, Result},
    requirements,
    warnings::{self, Facts},
};

/// How much of a listing is read at once: well below what a message may hold.
const CHUNK: usize = 4 << 20;

/// What has to be found out for the key of a plan, and the steps that do.
pub(super) struct Asked {
    question: Question,
    listed: Vec<Output>,
}

/// Adds the steps that list the contexts, while the plan has nothing but what the user wrote.
pub(super) async fn ask(
    job: &Job<'_, impl Gateway>,
    read: &Read,
    facts: &Facts,
    plan: &mut Plan,
    helper: Output,
) -> Result<Asked> {
    let fal = read.fal()?;
    let layers = requirements::all(job, fal).await?;
    let source = |layer| Ok((layer, requirements::source(job, &mut plan.llb, layer)?));
    let requirements: Vec<_> = layers.iter().map(source).collect::<Result<_>>()?;
    let build = Build {
        text: job.text(),
        options: fal,
        requirements: &requirements,
        plan,
        stages: &facts.stages,
        facts: &facts.plan,
        build_args: &job.options.build_args,
        labels: &job.options.labels,
        overrides: job.overrides(),
    };
    let question = build.question();
    let own = crate::plan::op_platform(&job.environment.build_platform());
    let listed = question.list(&mut plan.llb, helper, &own);
    Ok(Asked { question, listed })
}

/// Has the contexts listed, all at once.
pub(super) async fn list(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    asked: &Asked,
    wanted: Option<&Platform>,
) -> Result<Vec<Listing>> {
    if let Some(name) = asked.question.unknown_bases.first() {
        return Err(unknown(format!(
            "the daemon does not say which digest {name} has"
        )));
    }
    let listings = asked.question.contexts().zip(&asked.listed);
    let listings =
        listings.map(|((name, _), output)| read_listing(job, plan, name, *output, wanted));
    try_join_all(listings).await
}

/// The key, once the contexts are listed. A build that fetches the remote sources itself does so before: a daemon that was asked in
/// vain for a repository does not survive being asked for it again in the same build (v0.32, a nil pointer in its git source). One after
/// the other, for the same reason.
pub(super) async fn answer(
    job: &Job<'_, impl Gateway>,
    asked: &Asked,
    listings: &[Listing],
) -> Result<Key> {
    let mut remotes = Vec::new();
    for source in &asked.question.remotes {
        remotes.push(resolve(job, source).await?);
    }
    Ok(asked.question.answer(listings, &remotes))
}

/// Has a context listed, and reads the listing.
async fn read_listing(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    name: &str,
    output: Output,
    wanted: Option<&Platform>,
) -> Result<Listing> {
    let definition = job.marshal(plan, Some(output), wanted)?;
    let solved = job
        .gateway
        .solve(SolveRequest::definition(definition))
        .await?;
    let mut bytes = Vec::new();
    loop {
        let range = FileRange {
            offset: bytes.len() as i64,
            length: CHUNK as i64,
        };
        let part = context::part(job.gateway, &solved, LISTING_FILE, Some(range)).await?;
        bytes.extend_from_slice(&part);
        if part.len() < CHUNK {
            break;
        }
    }
    let listing = listing::decode(&bytes).map_err(|why| Error::from(Diagnostic::error(why)))?;
    listing.ok_or_else(|| {
        let what = match name {
            "" => "the build context".to_owned(),
            name => format!("the context {name}"),
        };
        unknown(format!("{what} has too many files to be listed"))
    })
}

/// The commit or the checksum that a remote source has now.
async fn resolve(job: &Job<'_, impl Gateway>, source: &Source) -> Result<String> {
    let name = fal::key::name_of_remote(source);
    let request = SourceRequest::new(source.clone(), format!("[fal] look at {name}"));
    let found = job.gateway.resolve_source(request).await?;
    let commit = found.git.map(|git| match git.commit_checksum.as_str() {
        "" => git.checksum,
        _ => git.commit_checksum,
    });
    let known = commit.or(found.http.map(|http| http.checksum));
    known
        .filter(|digest| !digest.is_empty())
        .ok_or_else(|| unknown(format!("this daemon does not say what {name} is now")))
}

/// The key, or else a warning: a build without one is a good build all the same.
pub(super) async fn or_tell(job: &Job<'_, impl Gateway>, key: Result<Key>) -> Option<Key> {
    match key {
        Ok(key) => Some(key),
        Err(error) => {
            let why = match &error {
                Error::Mistake(mistake) => mistake.sentence().into_owned(),
                Error::Refusal(refusal, _) => refusal.message.clone(),
            };
            let warning = Diagnostic::warning(format!("the image gets no label {LABEL}: {why}"));
            warnings::tell_one(job, &warning).await;
            None
        }
    }
}

fn unknown(why: String) -> Error {
    Diagnostic::error(why).into()
}
