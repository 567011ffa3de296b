//! Secrets of a build for fal: which steps a changed one runs again, and which were not given.

use std::{cell::RefCell, collections::BTreeSet};

use futures_util::future::join_all;

use crate::{
    diagnostic::Diagnostic,
    fal::{
        self,
        secrets::{self, ABSENT_FILE, Fingerprints, Kind, Watched},
    },
    gateway::{Gateway, SolveRequest},
    golang,
    llb::{Location, Output},
    plan::Plan,
    reference::platform::Platform,
    source::Lines,
};

use super::{
    build::Job,
    context,
    error::{Error, Result},
    warnings,
};

/// How many secrets are asked about. Each question takes the whole file with it.
const MOST_ASKED: usize = 100;

/// The secrets that were said not to be given, which several platforms may find out.
#[derive(Default)]
pub(super) struct Told(RefCell<BTreeSet<String>>);

/// What is said where secrets are mounted and this daemon cannot watch them.
pub(super) fn idle(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    plans: &[Plan],
) -> Option<Diagnostic> {
    let is_idle = fal.secret_cache && !is_supported(job);
    let mut graphs = plans.iter().map(|plan| &plan.llb);
    let used = graphs.find_map(secrets::first_use).filter(|_| is_idle)?;
    let warning = fal.idle_secret_cache();
    Some(match used.first().and_then(lines) {
        Some(lines) => warning.at(lines),
        None => warning,
    })
}

/// Lets the steps of a plan run again whose secrets are others than before.
pub(super) fn watch(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    plan: &mut Plan,
    helper: Output,
) -> Vec<Watched> {
    if !fal.secret_cache || !is_supported(job) {
        return Vec::new();
    }
    let fingerprints = Fingerprints {
        helper,
        build_platform: crate::plan::op_platform(&job.environment.build_platform()),
        build: secrets::build_of(&job.environment.session),
    };
    fingerprints.watch(&mut plan.llb)
}

/// Says of which secrets no value was given, where a step runs without it; one that a step needs ends the build there. Fails
/// where no fingerprint can be made.
pub(super) async fn tell_absent(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    watched: &[Watched],
    wanted: Option<&Platform>,
) -> Result<()> {
    let asked = &watched[..watched.len().min(MOST_ASKED)];
    let looks = asked.iter().map(|secret| look(job, plan, secret, wanted));
    for (secret, looked) in asked.iter().zip(join_all(looks).await) {
        match (looked, &secret.optional_at) {
            (Looked::EmptyKey, _) => {
                let error = Diagnostic::error(secrets::empty_key().sentence);
                let place = secret.first_at.as_ref().and_then(lines);
                return Err(Error::from(error).at(place));
            }
            (Looked::Absent, Some(place)) => {
                let is_new = job.told.0.borrow_mut().insert(secret.id.clone());
                if is_new {
                    warnings::tell_one(job, &absent(&secret.id, place)).await;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What is known of a secret.
enum Looked {
    /// It was given, or whatever is wrong is said by the step that mounts it.
    Given,
    Absent,
    EmptyKey,
}

/// Finds out whether a secret was given. Nothing else is read.
async fn look(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    secret: &Watched,
    wanted: Option<&Platform>,
) -> Looked {
    let looked = async {
        let definition = job.marshal(plan, Some(secret.fingerprint), wanted)?;
        let solved = job.gateway.solve(SolveRequest::definition(definition));
        context::file(job.gateway, &solved.await?, ABSENT_FILE).await
    };
    // The daemon says of a step that failed how it ended, and no more.
    let ended = format!("exit code: {}", Kind::EmptyKey.exit_code());
    match looked.await {
        Ok(_) => Looked::Absent,
        Err(Error::Refusal(error, _)) if error.message.ends_with(&ended) => Looked::EmptyKey,
        Err(_) => Looked::Given,
    }
}

fn is_supported(job: &Job<'_, impl Gateway>) -> bool {
    job.gateway.capabilities().llb.supports(secrets::CAPABILITY)
}

fn absent(id: &str, place: &Location) -> Diagnostic {
    let warning = Diagnostic::warning(format!(
        "no secret {} was given, and the step runs without it",
        golang::quote(id)
    ))
    .help("give it with `--secret id=…`, or write `required` beside its id to have the build stop");
    match lines(place) {
        Some(lines) => warning.at(lines),
        None => warning,
    }
}

/// The lines of a location, from the first to the last.
fn lines(location: &Location) -> Option<Lines> {
    let line = |position: Option<&crate::proto::pb::Position>| u32::try_from(position?.line).ok();
    let first = line(location.ranges.first()?.start.as_ref())?;
    let last = line(location.ranges.last()?.end.as_ref())?;
    Some(Lines::new(first, last))
}
