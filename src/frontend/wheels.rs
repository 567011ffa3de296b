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

use super::{build::Job, context, error::Result, layers, requirements, warnings};

/// How many layers may come after these: curl and the packages of the runtime.
const OTHERS: usize = 2;

/// Requirements that may come as wheels.
pub(super) struct Resolving {
    wheels: Found,
    location: Location,
}

/// How it is found out which wheels.
enum Found {
    /// By a step, in whose directory the lock is, or why there is none.
    Step(Output),
    /// The lock of an earlier build says it.
    Given(Box<Lock>),
}

/// What was found out.
pub(super) struct Answer {
    /// The lock, or why there is none.
    lock: std::result::Result<Lock, String>,
    is_given: bool,
}

impl Resolving {
    /// The lock, where no step has to find it out.
    pub(super) fn given(&self) -> Option<&Lock> {
        match &self.wheels {
            Found::Given(lock) => Some(lock),
            Found::Step(_) => None,
        }
    }

    /// What the step gives that finds it out.
    pub(super) fn step(&self) -> Option<Output> {
        match self.wheels {
            Found::Given(_) => None,
            Found::Step(output) => Some(output),
        }
    }
}

/// Wheels that can be put on the finished image.
pub(super) struct Placed {
    /// All that the requirements come to.
    pub(super) lock: Lock,
    fitting: Fitting,
}

impl Placed {
    /// All of a lock, if the image has nothing of it.
    pub(super) fn whole(lock: &Lock) -> Self {
        let fitting = Fitting {
            missing: lock.clone(),
            replaced: Vec::new(),
        };
        Self {
            lock: lock.clone(),
            fitting,
        }
    }
}

/// What wheels are found out on.
#[derive(Clone, Copy)]
enum Ground {
    /// The image's base: what changes above it does not matter.
    Base,
    /// The finished image.
    Image,
}

/// Adds the step that finds the wheels, if requirements can be wheels at all. The lock of an earlier build needs none, and nothing of the
/// image is started for it.
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
    if !fal.wheels {
        return Ok(None);
    }
    let wanted = requirements::all(job, fal).await?;
    let steps = requirements::steps(job, fal, layers, plan, &wanted)?;
    let [step] = steps.as_slice() else {
        return Ok(None);
    };
    let can_run = job.environment.runs(&plan.platform);
    let wheels = match (ground, &step.layer.given) {
        (Ground::Base, Some(lock)) => Some(Found::Given(lock.clone())),
        _ if !can_run => None,
        (Ground::Base, None) => step.resolve(layers, &mut plan.llb).map(Found::Step),
        (Ground::Image, _) => {
            let output = step.resolve_on(layers, &mut plan.llb, plan.output);
            output.map(Found::Step)
        }
    };
    Ok(wheels.map(|wheels| Resolving {
        wheels,
        location: Step::location(step),
    }))
}

/// The lock, or why there is none.
pub(super) async fn read(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    resolving: Option<&Resolving>,
    wanted: Option<&Platform>,
) -> Option<Answer> {
    let output = match &resolving?.wheels {
        Found::Given(lock) => {
            let lock = Ok(Lock::clone(lock));
            return Some(Answer {
                lock,
                is_given: true,
            });
        }
        Found::Step(output) => *output,
    };
    let lock = lock(job, plan, output, wanted).await;
    // It is an attempt: whatever is wrong with the requirements is told by the step that installs them.
    let lock = lock.unwrap_or_else(|error| Err(error.message().to_owned()));
    Some(Answer {
        lock,
        is_given: false,
    })
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
/// Python, or do for the requirements as it is. Of the lock of an earlier build uv says then what of it is for the image, and a warning says why.
pub(super) async fn place(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
    wanted: Option<&Platform>,
    answer: Answer,
    looked: &mut Report,
) -> Result<std::result::Result<Placed, String>> {
    let site = looked.site.take().unwrap_or_default();
    let lock = match answer.lock {
        Ok(lock) => lock,
        Err(why_not) => return Ok(Err(why_not)),
    };
    let why_not = match judge(looked, &site, &lock) {
        Ok(fitting) => return Ok(placed(lock, fitting, plan)),
        Err(why_not) => why_not,
    };
    if answer.is_given {
        let lines = fal.lines("requirements").or(plan.target_lines);
        warnings::tell_one(job, &fal::requirements::other_lock(&why_not, lines)).await;
    }
    let resolving = resolve_at(job, fal, layers, plan, Ground::Image).await?;
    let lock = match read(job, plan, resolving.as_ref(), wanted).await {
        Some(Answer { lock: Ok(lock), .. }) => lock,
        Some(Answer {
            lock: Err(why_not), ..
        }) => return Ok(Err(why_not)),
        None if answer.is_given => return Ok(Err(why_not)),
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
