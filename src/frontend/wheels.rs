//! Requirements and the packages of the runtime wheel by wheel: asks which they come to, whether they fit the finished image and what has
//! to go there first, and adds their layers.

use std::collections::BTreeSet;

use fal_helper::{
    failure::Kind,
    install::resolve::WhyNot,
    lock::{self, ByteCode, LACKING_FILE, LOCK_FILE, Lock, WHY_FILE},
    look::wheels::{Fitting, constraints, judge},
    report::{self, Link, Report},
};

use futures_util::future::join_all;
use prost::{Message, bytes::Bytes};

use crate::{
    diagnostic::Diagnostic,
    fal::{
        self,
        layers::Layers,
        requirements::{Brought, Ground, Layer, MOST_LAYERS, Sharing, Step, Wheels, least},
    },
    gateway::{self, Gateway, SolveRequest},
    llb::{
        self, Graph, Input, Location, Meta, Output,
        file::{Copy, File},
        source::Http,
    },
    plan::Plan,
    proto::pb,
    reference::platform::Platform,
};

use super::{build::Job, context, error::Result, layers, requirements, secrets, warnings};

/// How many layers may come beside these: curl, and what is removed for requirements and for the runtime.
const OTHERS: usize = 3;

/// How many layers the packages of the runtime have at most: they are never in want of room because of requirements.
const OF_RUNTIME: usize = 9;

/// Who installed, as reports say it.
const INSTALLER: &str = "uv, wheel by wheel";

/// Where there is nothing to be asked.
const SCRATCH: &str = "the target begins with an empty image";
const NO_ROOM: &str = "the image has too many layers already";
const OFF: &str = "wheels=off asks for one step";
const CANNOT_RUN: &str = "this daemon does not run programs of that platform";
const NO_BYTE_CODE: &str = "the Python that they are for makes no byte code";

/// Requirements that may come as wheels.
pub(super) struct Resolving {
    wheels: Wanted,
    ground: Ground,
    location: Location,
    /// What is needed of the context.
    context: Option<Output>,
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
type Found = std::result::Result<Lock, WhyNot>;

/// What was found out.
pub(super) struct Answer {
    lock: Found,
    is_given: bool,
}

impl Resolving {
    /// The lock, where no step has to find it out.
    pub(super) fn given(&self) -> Option<&Lock> {
        match &self.wheels {
            Wanted::Given(lock) => Some(lock),
            Wanted::Step(_) | Wanted::Later => None,
        }
    }

    /// What the step gives that finds it out.
    pub(super) fn step(&self) -> Option<Output> {
        match self.wheels {
            Wanted::Given(_) | Wanted::Later => None,
            Wanted::Step(output) => Some(output),
        }
    }
}

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

/// Whether wheels can be found out and be layers at all.
fn can_be(job: &Job<'_, impl Gateway>, fal: &fal::Options, plan: &Plan) -> bool {
    fal.wheels && job.environment.runs(&plan.platform)
}

/// Whether the packages of the runtime may come as wheels, should the image lack some.
pub(super) fn may_bring_runtime(
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

/// Adds the step that finds the wheels of requirements, if there are any, or says why they cannot be wheels at all. The lock of an earlier
/// build needs none, and nothing of the image is started for it.
pub(super) async fn resolve(
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
pub(super) async fn read(
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
        Wanted::Step(output) => lock(job, plan, *output, wanted).await,
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
            let unpacked = unpack(job, layers, plan, &wheels, wanted).await?;
            unpacked.map(|()| lock).map_err(WhyNot::from)
        }
    };
    Ok(Some(Answer { lock, is_given }))
}

/// It is an attempt: whatever is wrong with the requirements is told by the step that installs them.
async fn lock(
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

fn text(bytes: Bytes) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Has the daemon make the layers of wheels, as far as the image needs no change for them. Says why it cannot fetch them; one that is not
/// what it should be is an error.
async fn unpack(
    job: &Job<'_, impl Gateway>,
    layers: &Layers,
    plan: &Plan,
    wheels: &Wheels<'_>,
    wanted: Option<&Platform>,
) -> Result<std::result::Result<(), String>> {
    let mut graph = plan.llb.clone();
    let brought = wheels.add(layers, &mut graph, plan.output, false);
    let roots: Vec<Input> = brought.iter().map(|layer| layer.root).collect();
    let asked = match layers.merges {
        true => vec![graph.merge(&roots, Meta::named("[fal] unpack wheels"))],
        false => roots,
    };
    let solves = asked.into_iter().map(async |root| {
        let definition = job.marshal_graph(&graph, root, wanted);
        let request = SolveRequest {
            evaluate: true,
            ..SolveRequest::definition(definition.clone())
        };
        let solved = job.gateway.solve(request).await;
        solved.err().map(|refusal| (definition, refusal))
    });
    match join_all(solves).await.into_iter().flatten().next() {
        None => Ok(Ok(())),
        Some((definition, refusal)) => {
            told(job, layers, plan, wheels, &brought, &definition, refusal).await
        }
    }
}

/// What is said where the layers of wheels could not be made.
async fn told(
    job: &Job<'_, impl Gateway>,
    layers: &Layers,
    plan: &Plan,
    wheels: &Wheels<'_>,
    brought: &[Brought],
    definition: &llb::Definition,
    refusal: gateway::Error,
) -> Result<std::result::Result<(), String>> {
    let failed: BTreeSet<String> = refusal.failed_ops().collect();
    let mut ops = definition.ops.iter();
    let failed = ops.find(|op| failed.contains(&llb::digest(op)));
    let failed = failed.and_then(|op| pb::Op::decode(op.clone()).ok()?.op);
    let message = &refusal.message;
    let number = |exec: &pb::ExecOp| {
        let args = &exec.meta.as_ref()?.args;
        brought.iter().position(|layer| layer.args == *args)
    };
    match failed {
        Some(pb::op::Op::Source(source)) => match wheels.file_at(&source.identifier) {
            Some(wheel) if message.contains("digest mismatch") => {
                match refusal_of_server(job, wheel).await {
                    Some(why) => Ok(Err(fal::requirements::not_fetched(wheel, &why))),
                    None => Err(fal::requirements::other_wheel(wheel, message).into()),
                }
            }
            Some(wheel) => Ok(Err(fal::requirements::not_fetched(wheel, message))),
            None => Ok(Err(message.clone())),
        },
        Some(pb::op::Op::Exec(exec)) if requirements::kind(message) == Some(Kind::Wheel) => {
            let at = number(&exec);
            match refused(job, layers, plan, wheels, at).await {
                Some(sentence) => Err(Diagnostic::error(sentence).into()),
                None => Err(refusal.into()),
            }
        }
        Some(pb::op::Op::Exec(exec))
            if requirements::kind(message) == Some(Kind::BrokenPython)
                && number(&exec).is_some() =>
        {
            Ok(Err(NO_BYTE_CODE.to_owned()))
        }
        _ if wheels.has_builds() => {
            let mut graph = plan.llb.clone();
            let said = wheels.said(layers, &mut graph);
            let said = requirements::said(job, &graph, said).await;
            Ok(Err(said.unwrap_or_else(|_| message.clone())))
        }
        _ => Ok(Err(message.clone())),
    }
}

/// Why a server does not give a file, if it says so. BuildKit 0.32 takes whatever comes for a file whose sum is known, and only sees
/// that it has another; of one whose sum it does not know it looks at the status.
async fn refusal_of_server(job: &Job<'_, impl Gateway>, file: &lock::File) -> Option<String> {
    let source = Http {
        url: file.url.clone(),
        ..Http::default()
    };
    let mut graph = Graph::new();
    let meta = Meta::named(format!("[fal] look why {} is another file", file.name));
    let fetched = graph.add_source(source, meta);
    let request = SolveRequest {
        evaluate: true,
        ..SolveRequest::definition(job.marshal_graph(&graph, Some(fetched), None))
    };
    let refusal = job.gateway.solve(request).await.err()?;
    let is_status = refusal.message.contains("invalid response status");
    is_status.then_some(refusal.message)
}

/// Why a wheel of one layer is refused.
async fn refused(
    job: &Job<'_, impl Gateway>,
    layers: &Layers,
    plan: &Plan,
    wheels: &Wheels<'_>,
    number: Option<usize>,
) -> Option<String> {
    let mut graph = plan.llb.clone();
    let brought = wheels.add(layers, &mut graph, plan.output, true);
    let definition = job.marshal_graph(&graph, brought.get(number?)?.root, None);
    let request = SolveRequest::definition(definition);
    let solved = job.gateway.solve(request).await.ok()?;
    let why = context::file(job.gateway, &solved, WHY_FILE).await;
    why.ok().map(text)
}

/// The wheels, if they fit the image that was looked at, whose report is completed by them; else why they cannot be layers. Where the base has
/// not the Python, or what was chosen for it does not fit what became of it, other images are asked: what came on top may be another Python,
/// or do for the requirements as it is. Of the lock of an earlier build uv says then what of it is for the image, and a warning says why.
pub(super) async fn place(
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
fn others(plan: &Plan, asked: Input) -> Vec<Ground> {
    let mut images = vec![plan.llb.steady(plan.output, plan.context), plan.output];
    images.dedup();
    images.retain(|image| image.is_some() && *image != asked);
    images.into_iter().map(Ground::Image).collect()
}

fn placed(
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

/// The packages of the runtime that the image lacks, as wheels that go with all that it has, and with the names that its interpreter lacks;
/// completes the report by them. Others than the base are asked as in [`place`]. Where they cannot be wheels the report says why, and is as
/// it was.
pub(super) async fn runtime(
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
    let lock = lock(job, plan, output, wanted).await;
    let mut completed = lock.and_then(|lock| complete(found, lock, plan, ground));
    if let Ok((_, placed)) = &completed {
        let wheels = of_runtime(job, placed, layers);
        let unpacked = unpack(job, layers, plan, &wheels, wanted).await?;
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
pub(super) fn trial(
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
pub(super) fn tried(found: &Report) -> Report {
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
