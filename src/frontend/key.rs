//! `fal.key` of a build: has its contexts listed, asks what its remote sources are now, and puts the key where it belongs.

use std::rc::Rc;

use fal_helper::context::{self as listing, LISTING_FILE, Listing};
use futures_util::future::join_all;

use crate::{
    diagnostic::Diagnostic,
    fal::key::{Build, Key, LABEL, Question, Remote},
    gateway::{FileRange, Gateway, SolveRequest, SourceRequest},
    llb::{Definition, Output},
    plan::Plan,
    reference::{image::Reference, platform::Platform},
};

use super::{
    build::{Job, Read},
    context,
    error::{Error, Result},
    once::Once,
    repositories, requirements,
    warnings::{self, Facts},
};

/// How much of a listing is read at once: well below what a message may hold.
const CHUNK: usize = 4 << 20;

/// Listings by the digest of the step that makes them: platforms mostly read the same contexts.
pub(super) type Listings = Once<String, Rc<Listing>>;

/// What has to be found out for the key of a plan, and the steps that do.
pub(super) struct Asked {
    question: Question,
    /// Of the remote sources that are repositories, and that the daemon can say it of.
    commits: Vec<Option<String>>,
    listed: Vec<Output>,
}

/// Adds the steps that list the contexts, while the plan has nothing but what the user wrote; and asks what its repositories are at.
///
/// Nothing was solved yet that fetches these: BuildKit 0.32 keeps what it finds out about a repository for each build, and where a step
/// that another build shares has found it first, a nil pointer is kept for this one, which the daemon does not survive looking at. What
/// this build has found out by itself stands before that. A repository that cannot be found out ends the build here: its ADD would fail the
/// same way, and nobody may ask again.
pub(super) async fn ask(
    job: &Job<'_, impl Gateway>,
    read: &Read,
    facts: &Facts,
    plan: &mut Plan,
    helper: Output,
    curl: Option<&Reference>,
) -> Result<Asked> {
    let fal = read.fal()?;
    let layers = requirements::all(job, fal).await?;
    let source = |layer| {
        let needed = std::slice::from_ref(layer);
        Ok((layer, requirements::source(job, &mut plan.llb, needed)?))
    };
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
        curl_image: curl.and_then(Reference::digest),
    };
    let question = build.question();
    let own = crate::plan::op_platform(&job.environment.build_platform());
    let listed = question.list(&mut plan.llb, helper, &own);
    let mut commits = Vec::new();
    for remote in &question.remotes {
        commits.push(match remote.is_git() {
            true => commit(job, remote).await?,
            false => None,
        });
    }
    Ok(Asked {
        question,
        commits,
        listed,
    })
}

/// Has the contexts listed, all at once, but for those of one repository, which wait for each other: where it cannot be fetched, nobody may
/// ask for it again. Beside a build that reads them all nothing is fetched that it would not fetch.
pub(super) async fn list(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    asked: &Asked,
    wanted: Option<&Platform>,
) -> Result<Vec<Rc<Listing>>> {
    asked.has_known_bases()?;
    let listings = asked.question.contexts().zip(&asked.listed);
    let listings =
        listings.map(|((name, _), output)| read_listing(job, plan, name, *output, wanted));
    // None is given up half way.
    join_all(listings).await.into_iter().collect()
}

impl Asked {
    fn has_known_bases(&self) -> Result<()> {
        let unknown_base = self.question.unknown_bases.first();
        unknown_base.map_or(Ok(()), |name| {
            Err(unknown(format!(
                "the daemon does not say which digest {name} has"
            )))
        })
    }
}

/// The key, once the contexts are listed. What downloads hold is asked here, after a build has fetched them, so that nothing is fetched
/// twice.
pub(super) async fn answer(
    job: &Job<'_, impl Gateway>,
    asked: &Asked,
    listings: &[Rc<Listing>],
) -> Result<Key> {
    let mut remotes = Vec::new();
    for (remote, commit) in asked.question.remotes.iter().zip(&asked.commits) {
        let digest = match remote.is_git() {
            true => commit.clone(),
            false => checksum(job, remote).await?,
        };
        let name = remote.name();
        let digest = digest
            .ok_or_else(|| unknown(format!("this daemon does not say what {name} is now")))?;
        remotes.push(digest);
    }
    let key = asked.question.answer(listings, &remotes);
    key.map_err(|why| unknown(why.to_string()))
}

/// Has a context listed, and reads the listing, unless another platform does.
async fn read_listing(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    name: &str,
    output: Output,
    wanted: Option<&Platform>,
) -> Result<Rc<Listing>> {
    let definition = job.marshal(plan, Some(output), wanted)?;
    let step = definition.head().unwrap_or_default();
    let repositories = repositories::fetched(&definition);
    let listing = made_listing(job, name, definition);
    let listing = job.turns.take(repositories, listing);
    job.listings.get(&step, listing).await
}

async fn made_listing(
    job: &Job<'_, impl Gateway>,
    name: &str,
    definition: Definition,
) -> Result<Rc<Listing>> {
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
    listing.map(Rc::new).ok_or_else(|| {
        let what = match name {
            "" => "the build context".to_owned(),
            name => format!("the context {name}"),
        };
        unknown(format!("{what} has too many files to be listed"))
    })
}

/// The commit that a repository is at, if the daemon can say it of any.
async fn commit(job: &Job<'_, impl Gateway>, remote: &Remote) -> Result<Option<String>> {
    let name = remote.name();
    let shown = format!("[fal] look at {name}");
    let found = repositories::commit(job, remote.source.clone(), shown).await;
    found.map_err(|error| {
        let error = error.context(&format!("finding out which commit {name} is"));
        error.at(remote.lines)
    })
}

/// The checksum that a download has now, if the daemon can say it.
async fn checksum(job: &Job<'_, impl Gateway>, remote: &Remote) -> Result<Option<String>> {
    let shown = format!("[fal] look at {}", remote.name());
    let request = SourceRequest::new(remote.source.clone(), shown);
    let found = job.gateway.resolve_source(request).await?;
    let checksum = found.http.map(|http| http.checksum);
    Ok(checksum.filter(|checksum| !checksum.is_empty()))
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
