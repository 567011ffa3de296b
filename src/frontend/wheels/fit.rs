//! Whether the wheels that were found out for one image go with what became of it, and what is asked where they do not.

use fal_helper::{
    lock::Lock,
    look::wheels::{Fitting, judge},
    report::Report,
};

use crate::{
    fal::{
        self,
        layers::Layers,
        requirements::{Ground, least},
    },
    gateway::Gateway,
    llb::Input,
    plan::Plan,
    reference::platform::Platform,
};

use super::super::{build::Job, error::Result, secrets, warnings};
use super::{
    NO_ROOM, Placed,
    lock::{Answer, read, resolve},
    room,
};

/// The wheels, if they fit the image that was looked at, whose report is completed by them; else why they cannot be layers. Where the base has
/// not the Python, or what was chosen for it does not fit what became of it, other images are asked: what came on top may be another Python,
/// or do for the requirements as it is. Of the lock of an earlier build uv says then what of it is for the image, and a warning says why.
pub(in crate::frontend) async fn place(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
    wanted: Option<&Platform>,
    answer: Answer,
    looked: &mut Report,
) -> Result<std::result::Result<Placed, String>> {
    let Answer { lock, is_given } = answer;
    let mut why_not = match lock {
        Ok(lock) => match judge(looked, &lock) {
            Ok(fitting) => return Ok(placed(lock, fitting, room(plan), Ground::Base)),
            Err(why_not) => why_not,
        },
        Err(why_not) if why_not.is_of_image && looked.python.is_some() => why_not.sentence,
        Err(why_not) => return Ok(Err(why_not.sentence)),
    };
    if is_given {
        let lines = fal.lines("requirements").or(plan.target_lines);
        warnings::tell_one(job, &fal::requirements::other_lock(&why_not, lines)).await;
    }
    let asked = layers.base.root.filter(|_| !is_given);
    for ground in others(plan, asked) {
        let Some(Ok(resolving)) = resolve(job, fal, layers, plan, ground).await? else {
            // Who may not be asked gave the lock that does not fit.
            break;
        };
        secrets::watch(job, fal, plan, layers.helper);
        let answer = read(job, layers, plan, Some(&resolving), wanted).await?;
        why_not = match answer.map(|answer| answer.lock) {
            Some(Ok(lock)) => match judge(looked, &lock) {
                Ok(fitting) => return Ok(placed(lock, fitting, room(plan), ground)),
                Err(why_not) => why_not,
            },
            Some(Err(why_not)) if why_not.is_of_image => why_not.sentence,
            Some(Err(why_not)) => return Ok(Err(why_not.sentence)),
            None => why_not,
        };
    }
    Ok(Err(why_not))
}

/// What is asked where the image's base does not do: the image as it is before anything of the user's files comes to it, because that stays
/// the same when these change, and then the image itself. One was asked already.
pub(super) fn others(plan: &Plan, asked: Input) -> Vec<Ground> {
    let mut images = vec![plan.llb.steady(plan.output, plan.context), plan.output];
    images.dedup();
    images.retain(|image| image.is_some() && *image != asked);
    images.into_iter().map(Ground::Image).collect()
}

pub(super) fn placed(
    lock: Lock,
    fitting: Fitting,
    room: usize,
    ground: Ground,
) -> std::result::Result<Placed, String> {
    match room < least(&lock) {
        true => Err(NO_ROOM.to_owned()),
        false => Ok(Placed {
            lock,
            fitting,
            room,
            ground,
            links: Vec::new(),
        }),
    }
}
