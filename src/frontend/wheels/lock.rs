//! Which wheels requirements come to: asks, or takes what an earlier build was told.
//!
//! An image is asked by a step, whose answer is a lock or why there is none; nothing of that ends a build.

use fal_helper::{
    install::resolve::WhyNot,
    lock::{ByteCode, LACKING_FILE, LOCK_FILE, Lock, WHY_FILE},
};

use crate::{
    fal::{
        self,
        layers::Layers,
        requirements::{Ground, least},
    },
    gateway::{Gateway, SolveRequest},
    llb::{Location, Output},
    plan::Plan,
    reference::platform::Platform,
};

use super::super::{build::Job, context, error::Result, requirements};
use super::{NO_ROOM, Placed, early, of_requirements, room, text};

/// Where there is nothing to be asked.
const SCRATCH: &str = "the target begins with an empty image";

const OFF: &str = "wheels=off asks for one step";

const CANNOT_RUN: &str = "this daemon does not run programs of that platform";

/// Requirements that may come as wheels.
pub(in crate::frontend) struct Resolving {
    wheels: Wanted,
    ground: Ground,
    pub(super) location: Location,
    /// What is needed of the context.
    pub(super) context: Option<Output>,
}

/// How it is found out which wheels.
enum Wanted {
    /// By a step, in whose directory the lock is, or why there is none.
    Step(Output),
    /// The lock of an earlier build says it.
    Given(Box<Lock>),
    /// Only the finished image can be asked.
    Later,
}

/// A lock, or why there is none.
pub(super) type Found = std::result::Result<Lock, WhyNot>;

/// What was found out.
pub(in crate::frontend) struct Answer {
    pub(super) lock: Found,
    pub(super) is_given: bool,
}

impl Resolving {
    /// The lock, where no step has to find it out.
    pub(in crate::frontend) fn given(&self) -> Option<&Lock> {
        match &self.wheels {
            Wanted::Given(lock) => Some(lock),
            Wanted::Step(_) | Wanted::Later => None,
        }
    }

    /// What the step gives that finds it out.
    pub(in crate::frontend) fn step(&self) -> Option<Output> {
        match self.wheels {
            Wanted::Given(_) | Wanted::Later => None,
            Wanted::Step(output) => Some(output),
        }
    }
}

/// Whether wheels can be found out and be layers at all.
pub(super) fn can_be(job: &Job<'_, impl Gateway>, fal: &fal::Options, plan: &Plan) -> bool {
    fal.wheels && job.environment.runs(&plan.platform)
}

/// Adds the step that finds the wheels of requirements, if there are any, or says why they cannot be wheels at all. The lock of an earlier
/// build needs none, and nothing of the image is started for it.
pub(in crate::frontend) async fn resolve(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
    ground: Ground,
) -> Result<Option<std::result::Result<Resolving, &'static str>>> {
    let lists = requirements::all(job, fal).await?;
    let steps = requirements::steps(job, fal, layers, plan, &lists)?;
    let Some(first) = steps.first() else {
        return Ok(None);
    };
    if !fal.wheels {
        return Ok(Some(Err(OFF)));
    }
    let location = first.location();
    let context = requirements::source(job, &mut plan.llb, &lists)?;
    let given = match (ground, &*lists) {
        (Ground::Base, [only]) => only.given.clone(),
        _ => None,
    };
    let wheels = match given {
        Some(lock) => Ok(Wanted::Given(lock)),
        None if !can_be(job, fal, plan) => Err(CANNOT_RUN),
        None if is_scratch(layers, ground) && fal.resolver == fal::options::Resolver::Uv => {
            Ok(Wanted::Later)
        }
        None => {
            let graph = &mut plan.llb;
            let step =
                fal::requirements::resolve(&steps, context, ground, Vec::new(), layers, graph);
            step.map(Wanted::Step)
        }
    };
    Ok(Some(wheels.map(|wheels| Resolving {
        wheels,
        ground,
        location,
        context,
    })))
}

/// Whether there is nothing that could be asked.
fn is_scratch(layers: &Layers, ground: Ground) -> bool {
    match ground {
        Ground::Base => layers.base.root.is_none(),
        Ground::Image(image) => image.is_none(),
    }
}

/// The lock, or why there is none. Its wheels are fetched and unpacked at once, while the user's steps run.
pub(in crate::frontend) async fn read(
    job: &Job<'_, impl Gateway>,
    layers: &Layers,
    plan: &Plan,
    resolving: Option<&Resolving>,
    wanted: Option<&Platform>,
) -> Result<Option<Answer>> {
    let Some(resolving) = resolving else {
        return Ok(None);
    };
    let is_given = resolving.given().is_some();
    let lock = match &resolving.wheels {
        Wanted::Given(lock) => Ok(Lock::clone(lock)),
        Wanted::Step(output) => answered(job, plan, *output, wanted).await,
        Wanted::Later => Err(WhyNot {
            sentence: SCRATCH.to_owned(),
            is_of_image: true,
        }),
    };
    let lock = match lock {
        Err(why_not) => Err(why_not),
        Ok(lock) if room(plan) < least(&lock) => Err(NO_ROOM.to_owned().into()),
        Ok(mut lock) => {
            if matches!(resolving.ground, Ground::Image(_)) {
                lock.byte_code = lock.byte_code.map(|_| ByteCode::Image);
            }
            let whole = Placed::whole(&lock, plan, resolving.ground);
            let wheels = of_requirements(job, &whole, resolving);
            let unpacked = early::unpack(job, layers, plan, &wheels, wanted).await?;
            unpacked.map(|()| lock).map_err(WhyNot::from)
        }
    };
    Ok(Some(Answer { lock, is_given }))
}

/// It is an attempt: whatever is wrong with the requirements is told by the step that installs them.
pub(super) async fn answered(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    output: Output,
    wanted: Option<&Platform>,
) -> Found {
    let solve = async {
        let definition = job.marshal(plan, Some(output), wanted)?;
        let request = SolveRequest::definition(definition);
        let solved = job.gateway.solve(request).await?;
        if let Ok(bytes) = context::file(job.gateway, &solved, LOCK_FILE).await {
            return Ok(Lock::parse(&text(bytes)).map_err(WhyNot::from));
        }
        if let Ok(bytes) = context::file(job.gateway, &solved, WHY_FILE).await {
            return Ok(Err(text(bytes).into()));
        }
        let bytes = context::file(job.gateway, &solved, LACKING_FILE).await?;
        Ok(Err(WhyNot {
            sentence: text(bytes),
            is_of_image: true,
        }))
    };
    let solved: Result<Found> = solve.await;
    solved.unwrap_or_else(|error| Err(error.message().to_owned().into()))
}
