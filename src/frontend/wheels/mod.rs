//! Requirements and the packages of the runtime wheel by wheel.
//!
//! ```text
//! lock     which wheels requirements come to, on one image
//! early    their layers, while the user's steps run
//! fit      whether they go with the finished image; else another image is asked
//! runtime  the same for what fal needs, and a trial of it
//! add      the layers on the image
//! ```

mod early;
mod fit;
mod lock;
mod runtime;

pub(super) use fit::place;
pub(super) use lock::{Resolving, read, resolve};
pub(super) use runtime::{may_bring as may_bring_runtime, runtime, trial, tried};

use fal_helper::{lock::Lock, look::wheels::Fitting, report::Link};
use prost::bytes::Bytes;

use crate::{
    fal::{
        layers::Layers,
        requirements::{Ground, MOST_LAYERS, Sharing, Wheels},
    },
    gateway::Gateway,
    llb::{
        Input, Location, Meta, Output,
        file::{Copy, File},
    },
    plan::Plan,
};

use super::{build::Job, layers};

/// How many layers may come beside these: curl, and what is removed for requirements and for the runtime.
const OTHERS: usize = 3;

/// How many layers the packages of the runtime have at most: they are never in want of room because of requirements.
const OF_RUNTIME: usize = 9;

const NO_ROOM: &str = "the image has too many layers already";

/// Wheels that can be put on the finished image.
pub(super) struct Placed {
    /// All that they come to.
    pub(super) lock: Lock,
    fitting: Fitting,
    /// How many layers there can be.
    room: usize,
    /// What was asked which wheels there are.
    ground: Ground,
    /// Names of the interpreter that come with them.
    links: Vec<Link>,
}

impl Placed {
    /// All of a lock, if the image has nothing of it.
    pub(super) fn whole(lock: &Lock, plan: &Plan, ground: Ground) -> Self {
        let fitting = Fitting {
            missing: lock.clone(),
            replaced: Vec::new(),
        };
        Self {
            lock: lock.clone(),
            fitting,
            room: room(plan),
            ground,
            links: Vec::new(),
        }
    }

    fn wheels<'a>(
        &'a self,
        job: &'a Job<'_, impl Gateway>,
        sharing: Sharing,
        location: &Location,
        context: Option<Output>,
    ) -> Wheels<'a> {
        Wheels {
            lock: &self.fitting.missing,
            replaced: &self.fitting.replaced,
            location: location.clone(),
            sharing,
            room: self.room,
            context,
            ground: self.ground,
            links: &self.links,
            cache_namespace: &job.options.cache_mount_namespace,
        }
    }
}

/// How many layers requirements can have.
fn room(plan: &Plan) -> usize {
    left(plan).saturating_sub(OF_RUNTIME)
}

/// How many layers wheels can have.
fn left(plan: &Plan) -> usize {
    let history = plan.image.history.iter();
    let taken = history.filter(|entry| !entry.empty_layer).count();
    MOST_LAYERS.saturating_sub(taken + OTHERS)
}

/// Puts wheels on the image, and takes away first what they come in the place of: a step on what was merged would have to lay it out.
/// `looked_at` is the image as it was when it was found that they fit.
pub(super) fn add(layers: &Layers, plan: &mut Plan, all: &[Wheels<'_>], looked_at: Input) {
    let mut looked_at = looked_at;
    for wheels in all {
        if let Some(removed) = wheels.remove(layers, &mut plan.llb, plan.output) {
            layers::commit(plan, removed.root, &format!("fal-helper {}", removed.shown));
            looked_at = removed.root;
        }
    }
    for wheels in all {
        let brought = wheels.add(layers, &mut plan.llb, looked_at, false);
        let mut meta = Meta::named(format!("[fal] put {} on the image", wheels.sharing.what));
        meta.locations = vec![wheels.location.clone()];
        let merged = layers.merges.then(|| {
            let mut inputs = vec![plan.output];
            inputs.extend(brought.iter().map(|layer| layer.root));
            plan.llb.merge(&inputs, meta.clone())
        });
        for layer in &brought {
            let root = merged.unwrap_or_else(|| {
                let copy = Copy {
                    source: layer.root,
                    src: "/".to_owned(),
                    dest: "/".to_owned(),
                    contents_only: true,
                    ..Copy::default()
                };
                let file = File::new(plan.output, copy);
                Some(plan.llb.add_file(file, meta.clone()))
            });
            layers::commit(plan, root, &format!("fal-helper {}", layer.shown));
        }
    }
}

/// The wheels that the user wants.
pub(super) fn of_requirements<'a>(
    job: &'a Job<'_, impl Gateway>,
    placed: &'a Placed,
    resolving: &Resolving,
) -> Wheels<'a> {
    let Resolving {
        location, context, ..
    } = resolving;
    placed.wheels(job, Sharing::REQUIREMENTS, location, *context)
}

/// The wheels that the runtime needs.
pub(super) fn of_runtime<'a>(
    job: &'a Job<'_, impl Gateway>,
    placed: &'a Placed,
    layers: &Layers,
) -> Wheels<'a> {
    placed.wheels(job, Sharing::RUNTIME, &layers.location, None)
}

fn text(bytes: Bytes) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
