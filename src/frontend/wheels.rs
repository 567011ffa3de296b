//! Requirements wheel by wheel: asks which they come to, whether they fit the finished image, and adds their layers.

use fal_helper::{
    lock::{LOCK_FILE, Lock, WHY_FILE},
    look::wheels::judge,
    report::Report,
};

use crate::{
    fal::{
        self,
        layers::Layers,
        requirements::{MOST_LAYERS, Step, Wheels},
    },
    gateway::{Gateway, SolveRequest},
    llb::{self, Input, Location, Meta, Output},
    plan::Plan,
    reference::platform::Platform,
};

use super::{build::Job, context, error::Result, layers, requirements};

/// How many layers may come after these: curl and the packages of the runtime.
const OTHERS: usize = 2;

/// Requirements of which the daemon finds out the wheels.
pub(super) struct Resolving {
    /// The directory with the lock, or with why there is none.
    pub(super) output: Output,
    location: Location,
}

/// Adds the step that finds the wheels, if requirements can be wheels at all: it stands on the image's base, so that what changes above it
/// does not matter.
pub(super) async fn resolve(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
) -> Result<Option<Resolving>> {
    let can_merge = job.gateway.capabilities().llb.supports(llb::caps::MERGE_OP);
    if !fal.wheels || !can_merge || !job.environment.runs(&plan.platform) {
        return Ok(None);
    }
    let wanted = requirements::all(job, fal).await?;
    let steps = requirements::steps(job, fal, layers, plan, &wanted)?;
    let [step] = steps.as_slice() else {
        return Ok(None);
    };
    let resolving = step.resolve(layers, &mut plan.llb);
    Ok(resolving.map(|output| Resolving {
        output,
        location: Step::location(step),
    }))
}

/// The lock, or why there is none.
pub(super) async fn read(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    resolving: Option<&Resolving>,
    wanted: Option<&Platform>,
) -> Option<std::result::Result<Lock, String>> {
    let output = resolving?.output;
    let lock = lock(job, plan, output, wanted).await;
    // It is an attempt: whatever is wrong with the requirements is told by the step that installs them.
    Some(lock.unwrap_or_else(|error| Err(error.message().to_owned())))
}

async fn lock(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    output: Output,
    wanted: Option<&Platform>,
) -> Result<std::result::Result<Lock, String>> {
    let definition = job.marshal(plan, Some(output), wanted)?;
    let solved = job
        .gateway
        .solve(SolveRequest::definition(definition))
        .await?;
    let text = |bytes: prost::bytes::Bytes| String::from_utf8_lossy(&bytes).into_owned();
    match context::file(job.gateway, &solved, LOCK_FILE).await {
        Ok(bytes) => Ok(Lock::parse(&text(bytes))),
        Err(_) => {
            let why = context::file(job.gateway, &solved, WHY_FILE).await?;
            Ok(Err(text(why)))
        }
    }
}

/// The lock, if it fits the image that was looked at, whose report is completed by it; else why its wheels cannot be layers.
pub(super) fn fitting(
    lock: std::result::Result<Lock, String>,
    looked: &mut Report,
    plan: &Plan,
) -> std::result::Result<Lock, String> {
    let lock = lock?;
    if room(plan) < 2 {
        return Err("the image has too many layers already".to_owned());
    }
    judge(looked, &lock)?;
    Ok(lock)
}

/// How many layers there can be.
fn room(plan: &Plan) -> usize {
    let history = plan.image.history.iter();
    let taken = history.filter(|entry| !entry.empty_layer).count();
    MOST_LAYERS.saturating_sub(taken + OTHERS)
}

/// Puts the wheels on the image; `looked_at` is the image as it was when it was found that they fit.
pub(super) fn add(
    layers: &Layers,
    plan: &mut Plan,
    lock: &Lock,
    resolving: &Resolving,
    looked_at: Input,
) {
    let room = room(plan);
    let wheels = Wheels {
        lock,
        location: resolving.location.clone(),
    };
    let brought = wheels.add(layers, &mut plan.llb, looked_at, room);
    let brought = brought.unwrap_or_default();
    let mut inputs = vec![plan.output];
    inputs.extend(brought.iter().map(|layer| layer.root));
    let mut meta = Meta::named("[fal] put the requirements on the image");
    meta.locations = vec![resolving.location.clone()];
    let merged = plan.llb.merge(&inputs, meta);
    for layer in &brought {
        layers::commit(plan, merged, &format!("fal-helper {}", layer.shown));
    }
}
