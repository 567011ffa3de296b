//! Requirements wheel by wheel: asks which they come to, whether they fit the finished image and what has to go there first, and adds
//! their layers.

use fal_helper::{
    lock::{LOCK_FILE, Lock, WHY_FILE},
    look::wheels::{Fitting, judge},
    report::Report,
};

use crate::{
    fal::{
        self,
        layers::Layers,
        requirements::{MOST_LAYERS, Step, Wheels},
    },
    gateway::{Gateway, SolveRequest},
    llb::{
        Input, Location, Meta, Output,
        file::{Copy, File},
    },
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

/// Wheels that can be put on the finished image.
pub(super) struct Placed {
    /// All that the requirements come to.
    pub(super) lock: Lock,
    fitting: Fitting,
}

/// What wheels are found out on.
#[derive(Clone, Copy)]
enum Ground {
    /// The image's base: what changes above it does not matter.
    Base,
    /// The finished image.
    Image,
}

/// Adds the step that finds the wheels, if requirements can be wheels at all.
pub(super) async fn resolve(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
) -> Result<Option<Resolving>> {
    resolve_at(job, fal, layers, plan, Ground::Base).await
}

async fn resolve_at(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
    ground: Ground,
) -> Result<Option<Resolving>> {
    if !fal.wheels || !job.environment.runs(&plan.platform) {
        return Ok(None);
    }
    let wanted = requirements::all(job, fal).await?;
    let steps = requirements::steps(job, fal, layers, plan, &wanted)?;
    let [step] = steps.as_slice() else {
        return Ok(None);
    };
    let resolving = match ground {
        Ground::Base => step.resolve(layers, &mut plan.llb),
        Ground::Image => step.resolve_on(layers, &mut plan.llb, plan.output),
    };
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

/// The wheels, if they fit the image that was looked at, whose report is completed by them; else why they cannot be layers. Where those that
/// were chosen for the base do not fit what became of it, it is asked once more, for the image itself: what came on top may be another
/// Python, or do for the requirements as it is.
pub(super) async fn place(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
    wanted: Option<&Platform>,
    lock: std::result::Result<Lock, String>,
    looked: &mut Report,
) -> Result<std::result::Result<Placed, String>> {
    let site = looked.site.take().unwrap_or_default();
    let lock = match lock {
        Ok(lock) => lock,
        Err(why_not) => return Ok(Err(why_not)),
    };
    if let Ok(fitting) = judge(looked, &site, &lock) {
        return Ok(placed(lock, fitting, plan));
    }
    let resolving = resolve_at(job, fal, layers, plan, Ground::Image).await?;
    let lock = match read(job, plan, resolving.as_ref(), wanted).await {
        Some(Ok(lock)) => lock,
        Some(Err(why_not)) => return Ok(Err(why_not)),
        None => return Ok(Err("they cannot be asked for again".to_owned())),
    };
    let fitting = judge(looked, &site, &lock);
    Ok(fitting.and_then(|fitting| placed(lock, fitting, plan)))
}

fn placed(lock: Lock, fitting: Fitting, plan: &Plan) -> std::result::Result<Placed, String> {
    let own = 2 + usize::from(!fitting.replaced.is_empty());
    if room(plan) < own {
        return Err("the image has too many layers already".to_owned());
    }
    Ok(Placed { lock, fitting })
}

/// How many layers there can be.
fn room(plan: &Plan) -> usize {
    let history = plan.image.history.iter();
    let taken = history.filter(|entry| !entry.empty_layer).count();
    MOST_LAYERS.saturating_sub(taken + OTHERS)
}

/// Puts the wheels on the image, and takes away first what they come in the place of; `looked_at` is the image as it was when it was found
/// that they fit.
pub(super) fn add(
    layers: &Layers,
    plan: &mut Plan,
    placed: &Placed,
    resolving: &Resolving,
    looked_at: Input,
) {
    let fitting = &placed.fitting;
    let wheels = Wheels {
        lock: &fitting.missing,
        location: resolving.location.clone(),
    };
    let removed = wheels.remove(layers, &mut plan.llb, plan.output, &fitting.replaced);
    let looked_at = match &removed {
        None => looked_at,
        Some(removed) => {
            layers::commit(plan, removed.root, &format!("fal-helper {}", removed.shown));
            removed.root
        }
    };
    let room = room(plan);
    let brought = wheels.add(layers, &mut plan.llb, looked_at, room);
    let brought = brought.unwrap_or_default();
    let mut meta = Meta::named("[fal] put the requirements on the image");
    meta.locations = vec![resolving.location.clone()];
    if layers.merges {
        let mut inputs = vec![plan.output];
        inputs.extend(brought.iter().map(|layer| layer.root));
        let merged = plan.llb.merge(&inputs, meta);
        for layer in &brought {
            layers::commit(plan, merged, &format!("fal-helper {}", layer.shown));
        }
        return;
    }
    for layer in &brought {
        let copy = Copy {
            source: layer.root,
            src: "/".to_owned(),
            dest: "/".to_owned(),
            contents_only: true,
            ..Copy::default()
        };
        let copied = plan
            .llb
            .add_file(File::new(plan.output, copy), meta.clone());
        layers::commit(plan, Some(copied), &format!("fal-helper {}", layer.shown));
    }
}
