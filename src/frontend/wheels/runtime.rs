//! The packages of fal's runtime as wheels: which, and whether they can be imported where they go.

use fal_helper::{
    install::resolve::WhyNot,
    lock::{self, ByteCode, Lock},
    look::wheels::{constraints, judge},
    report::{self, Report},
};

use crate::{
    fal::{
        self,
        layers::Layers,
        requirements::{Ground, Layer, Step, Wheels},
    },
    gateway::Gateway,
    llb::{Input, Meta},
    plan::Plan,
    reference::platform::Platform,
};

use super::super::{build::Job, error::Result};
use super::{
    OF_RUNTIME, Placed, early,
    fit::{others, placed},
    left,
    lock::{answered, can_be},
    of_runtime,
};

/// Who installed, as reports say it.
const INSTALLER: &str = "uv, wheel by wheel";

/// Whether the packages of the runtime may come as wheels, should the image lack some.
pub(in crate::frontend) fn may_bring(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &Plan,
) -> bool {
    let request = &layers.request;
    can_be(job, fal, plan)
        && fal.resolver == fal::options::Resolver::Uv
        && request.runtime.installs()
        && !request.packages.is_empty()
}

/// The packages of the runtime that the image lacks, as wheels that go with all that it has, and with the names that its interpreter lacks;
/// completes the report by them. Others than the base are asked as in [`super::place`]. Where they cannot be wheels the report says why, and is as
/// it was.
pub(in crate::frontend) async fn runtime(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
    found: &mut Report,
    wanted: Option<&Platform>,
) -> Result<Option<Placed>> {
    let packages = found.packages.iter();
    let asked: Vec<String> = packages.filter_map(|it| it.requirement.clone()).collect();
    if found.site.is_none() || asked.is_empty() {
        return Ok(None);
    }
    let step = Step {
        layer: &Layer::of(asked),
        resolver: fal.resolver,
        context: None,
        location: layers.location.clone(),
        number: (1, 1),
        cache_namespace: &job.options.cache_mount_namespace,
    };
    let mut why_not = None;
    let mut grounds = vec![Ground::Base];
    grounds.extend(others(plan, layers.base.root));
    for ground in grounds {
        match runtime_on(job, layers, plan, found, &step, ground, wanted).await? {
            None => continue,
            Some(Ok((report, placed))) => {
                *found = report;
                return Ok(Some(placed));
            }
            Some(Err(why)) => {
                let is_last = !why.is_of_image;
                why_not = Some(why.sentence);
                if is_last {
                    break;
                }
            }
        }
    }
    if why_not.is_some() {
        let wheels = found.wheels.get_or_insert_default();
        wheels.runtime_why_not = why_not;
    }
    Ok(None)
}

/// The wheels of the runtime that are found out on one image, and the report with them; nothing where it cannot be asked.
async fn runtime_on(
    job: &Job<'_, impl Gateway>,
    layers: &Layers,
    plan: &mut Plan,
    found: &Report,
    step: &Step<'_>,
    ground: Ground,
    wanted: Option<&Platform>,
) -> Result<Option<std::result::Result<(Report, Placed), WhyNot>>> {
    let steps = std::slice::from_ref(step);
    let stays = constraints(found);
    let graph = &mut plan.llb;
    let resolving = fal::requirements::resolve(steps, None, ground, stays, layers, graph);
    let Ok(output) = resolving else {
        return Ok(None);
    };
    let lock = answered(job, plan, output, wanted).await;
    let mut completed = lock.and_then(|lock| complete(found, lock, plan, ground));
    if let Ok((_, placed)) = &completed {
        let wheels = of_runtime(job, placed, layers);
        let unpacked = early::unpack(job, layers, plan, &wheels, wanted).await?;
        completed = unpacked.map_err(WhyNot::from).and(completed);
    }
    Ok(Some(completed))
}

/// The report with the wheels of the runtime in it, if that is all the runtime needs.
fn complete(
    found: &Report,
    lock: Lock,
    plan: &Plan,
    ground: Ground,
) -> std::result::Result<(Report, Placed), WhyNot> {
    let mut report = found.clone();
    let fitting = judge(&mut report, &lock).map_err(|sentence| WhyNot {
        sentence,
        is_of_image: true,
    })?;
    let room = left(plan).min(OF_RUNTIME);
    let mut placed = placed(lock, fitting, room, ground)?;
    if let Some(wrong) = report.packages.iter().find(|it| it.requirement.is_some()) {
        return Err(format!("{} would not be right", wrong.name).into());
    }
    report.step = report::Step::Runtime;
    if let Some(python) = &mut report.python {
        python.installer = Some(INSTALLER.to_owned());
        placed.links = python.links.clone();
    }
    for (package, was) in report.packages.iter_mut().zip(&found.packages) {
        package.requirement = was.requirement.clone();
        package.before = was
            .installed
            .clone()
            .filter(|_| was.installed != package.installed);
    }
    Ok((report, placed))
}

/// The image on which the packages of the runtime are imported, where it stays the same when the user's files change: what they were found out
/// on, with all wheels. Nothing where they need what only the finished image has.
pub(in crate::frontend) fn trial(
    layers: &Layers,
    plan: &mut Plan,
    runtime: &Placed,
    all: &[Wheels<'_>],
) -> Option<Input> {
    let comes = |package: &lock::Package| {
        let mut coming = all.iter().flat_map(|wheels| &wheels.lock.packages);
        coming.any(|it| it.name == package.name)
    };
    let moves = |wheels: &Wheels<'_>| wheels.lock.byte_code == Some(ByteCode::Image);
    if !layers.merges || !runtime.lock.packages.iter().all(comes) || all.iter().any(moves) {
        return None;
    }
    let mut roots = vec![match runtime.ground {
        Ground::Base => layers.base.root,
        Ground::Image(image) => image,
    }];
    for wheels in all {
        let mut brought = wheels.add(layers, &mut plan.llb, plan.output, false);
        // The last depends on the finished image, and has no modules.
        brought.pop();
        roots.extend(brought.iter().map(|layer| layer.root));
    }
    let meta = Meta::named("[fal] put wheels together to try them");
    Some(plan.llb.merge(&roots, meta))
}

/// What is tried: the packages that come, and the Python.
pub(in crate::frontend) fn tried(found: &Report) -> Report {
    let packages = found.packages.iter().filter(|it| it.requirement.is_some());
    Report {
        curl: report::Curl::default(),
        packages: packages.cloned().collect(),
        site: None,
        wheels: None,
        checks: Vec::new(),
        warnings: Vec::new(),
        failure: None,
        ..found.clone()
    }
}
