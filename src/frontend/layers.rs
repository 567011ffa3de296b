//! The fal layers of a build: asks what the finished image lacks, and adds the steps that bring it.

use fal_helper::{
    cli::Look,
    failure::Kind,
    lock::Lock,
    look::wheels::settle,
    report::{LOOK_FILE, REPORT_FILE, Report, Step},
};

use crate::{
    diagnostic::Diagnostic,
    fal::{
        self,
        key::Key,
        layers::{Base, Installed, Layers},
        requirements::Ground,
        secrets::Watched,
    },
    gateway::{Gateway, SolveRequest},
    image,
    llb::{self, Input, Output},
    plan::Plan,
    reference::{image::Reference, platform::Platform},
    source::Lines,
};

use super::{
    build::{Job, Read},
    context,
    error::{Error, Result},
    help, images, key, requirements, secrets,
    warnings::Facts,
    wheels::{self, Placed, Resolving},
};

/// What became of a build.
pub(super) struct Added {
    /// What is in the image now.
    pub(super) report: Report,
    /// What the build is made of.
    pub(super) key: Option<Key>,
    /// The wheels of its requirements, if these are layers of their own.
    pub(super) lock: Option<Lock>,
}

/// Adds the layers to a plan.
pub(super) async fn add(
    job: &Job<'_, impl Gateway>,
    read: &Read,
    facts: &Facts,
    plan: &mut Plan,
    wanted: Option<&Platform>,
) -> Result<Added> {
    let fal = read.fal()?;
    let helper = images::own(job, &mut plan.llb).await?;
    let curl = images::curl(job, fal, plan).await?;
    let asked = key::ask(job, read, facts, plan, helper, curl.as_ref()).await?;
    let Prepared {
        layers,
        watched,
        looked,
        resolving,
        why_not,
    } = prepare(job, fal, plan, helper, curl, true).await?;
    let lines = fal.asked_at().or(plan.target_lines);
    let how = match wheels::may_bring_runtime(job, fal, &layers, plan) {
        true => Look::BeforeWheels,
        false => Look::Plain,
    };
    let first_how = resolving.as_ref().map_or(how, |_| Look::BeforeWheels);
    let mut looked = looked.unwrap_or_else(|| layers.look(&mut plan.llb, plan.output, first_how));
    let (found, answer, told, listings) = tokio::join!(
        read_report(job, plan, looked, LOOK_FILE, wanted),
        wheels::read(job, &layers, plan, resolving.as_ref(), wanted),
        secrets::tell_absent(job, plan, &watched, wanted),
        key::list(job, plan, &asked, wanted),
    );
    told?;
    let mut found = match found {
        Ok(report) => report,
        Err(error) => return Err(refused(job, fal, &layers, plan, wanted, error).await),
    };
    let answer = answer.map_err(|error| error.at(fal.lines("requirements").or(lines)))?;
    let mut why_not = why_not.map(str::to_owned);
    let mut placed = None;
    if let Some(answer) = answer {
        match wheels::place(job, fal, &layers, plan, wanted, answer, &mut found).await? {
            Ok(wheels) => placed = Some(wheels),
            Err(why) => {
                (looked, found) = install(job, fal, &layers, plan, how, wanted).await?;
                why_not = Some(why);
            }
        }
    }
    if why_not.is_some() {
        found.wheels.get_or_insert_default().why_not = why_not;
    }
    settle(&mut found);
    if let Some(failure) = found.failure {
        let error = Error::from(Diagnostic::error(failure.sentence));
        return Err(error.at(fal.asked_for(failure.kind).or(lines)));
    }
    let key = match listings {
        Ok(listings) => key::answer(job, &asked, &listings).await,
        Err(error) => Err(error),
    };
    let key = key::or_tell(job, key).await;
    let wants_curl = found.wants_curl();
    let runtime = wheels::runtime(job, fal, &layers, plan, &mut found, wanted).await;
    let runtime = runtime.map_err(|error| error.at(lines))?;
    let starts_programs = found.wants_runtime() || (wants_curl && layers.curl_image.is_none());
    if starts_programs && !job.environment.runs(&plan.platform) {
        let error = cannot_run(&found, &plan.platform);
        return Err(Error::from(error).at(lines));
    }
    let mut last: Option<Installed> = None;
    let image = plan.output;
    if wants_curl {
        let is_ahead = found.can_fetch_ahead();
        let installed = layers.curl(&mut plan.llb, plan.output, looked, is_ahead);
        commit(plan, installed.root, "fal-helper curl");
        last = Some(installed);
    }
    let of_requirements = placed.as_ref().zip(resolving.as_ref());
    let of_requirements = of_requirements.map(|(it, at)| wheels::of_requirements(job, it, at));
    let of_runtime = runtime
        .as_ref()
        .map(|it| wheels::of_runtime(job, it, &layers));
    let all: Vec<_> = of_requirements.into_iter().chain(of_runtime).collect();
    let trial = runtime
        .as_ref()
        .and_then(|it| wheels::trial(&layers, plan, it, &all));
    wheels::add(&layers, plan, &all, image);
    if let Some(trial) = trial {
        try_imports(job, &layers, plan, &mut found, trial, wanted)
            .await
            .map_err(|error| error.at(lines))?;
    }
    if found.wants_runtime() {
        let installed = layers.runtime(&mut plan.llb, plan.output, looked);
        commit(plan, installed.root, "fal-helper runtime");
        last = Some(installed);
    }
    found.site = None;
    let report = match last {
        None => found,
        Some(installed) => {
            let done = read_report(job, plan, installed.report, REPORT_FILE, wanted).await?;
            with_wheels(found, done)
        }
    };
    // What this image had is no matter of another that is built by the lock.
    let lock = placed.map(|placed| Lock {
        replaces: None,
        ..placed.lock
    });
    Ok(Added { report, key, lock })
}

/// Adds the steps that install requirements which cannot come as wheels, and looks at what came of it.
async fn install(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
    how: Look,
    wanted: Option<&Platform>,
) -> Result<(Output, Report)> {
    let report = requirements::add(job, fal, layers, plan).await?;
    secrets::watch(job, fal, plan, layers.helper);
    let looked = report.unwrap_or_else(|| layers.look(&mut plan.llb, plan.output, how));
    match read_report(job, plan, looked, LOOK_FILE, wanted).await {
        Ok(found) => Ok((looked, found)),
        Err(error) => Err(refused(job, fal, layers, plan, wanted, error).await),
    }
}

/// Has the packages of the runtime imported that come as wheels. Where that fails, something may have come to the finished image that they
/// need: so it is tried there before the build ends.
async fn try_imports(
    job: &Job<'_, impl Gateway>,
    layers: &Layers,
    plan: &mut Plan,
    found: &mut Report,
    trial: Input,
    wanted: Option<&Platform>,
) -> Result<()> {
    let asked = wheels::tried(found);
    for image in [trial, plan.output] {
        let tried = layers.import(&mut plan.llb, image, &asked);
        let report = read_report(job, plan, tried, REPORT_FILE, wanted).await?;
        let Some(failure) = report.failure else {
            found.checks = report.checks;
            found.warnings.extend(report.warnings);
            return Ok(());
        };
        if image == plan.output {
            return Err(Diagnostic::error(failure.sentence).into());
        }
    }
    Ok(())
}

/// What the last step says, with what wheels bring. Only the step of the runtime has seen them.
fn with_wheels(found: Report, done: Report) -> Report {
    match done.step {
        Step::Runtime => Report {
            wheels: found.wheels,
            ..done
        },
        Step::Look | Step::Curl => Report {
            step: found.step.max(done.step),
            request: None,
            curl: done.curl,
            ..found
        },
    }
}

/// What is told of a build whose image could not be looked at.
async fn refused(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    layers: &Layers,
    plan: &mut Plan,
    wanted: Option<&Platform>,
    error: Error,
) -> Error {
    let lines = fal.asked_at().or(plan.target_lines);
    let explained = requirements::explain(job, fal, layers, plan, wanted, error).await;
    let error = match explained {
        Ok(explained) => return explained.at(lines),
        Err(error) => error,
    };
    let (error, kind) = explain(job, layers, plan, wanted, error).await;
    let asked_for = kind.and_then(|kind| fal.asked_for(kind));
    let error = match job.marshal(plan, plan.output, wanted) {
        Ok(definition) => help::of_failure(job, &definition, error).await,
        Err(error) => error,
    };
    error.at(asked_for.or(lines))
}

/// Adds every layer that the options allow, without asking anything of the image.
pub(super) async fn add_all(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    plan: &mut Plan,
) -> Result<()> {
    let helper = images::own(job, &mut plan.llb).await?;
    let curl = images::curl(job, fal, plan).await?;
    let Prepared {
        layers,
        looked,
        resolving,
        ..
    } = prepare(job, fal, plan, helper, curl, false).await?;
    let resolving = resolving.as_ref();
    let capabilities = &job.gateway.capabilities().llb;
    if let Some(resolved) = resolving.and_then(Resolving::step)
        && capabilities.supports(llb::caps::PASSTHROUGH_OP)
    {
        plan.output = layers.after(&mut plan.llb, plan.output, resolved, "fal.resolve");
    }
    if looked.is_some() {
        return Ok(());
    }
    let image = plan.output;
    let Some((lock, resolving)) = resolving.and_then(|it| Some((it.given()?, it))) else {
        plan.output = layers.all(&mut plan.llb, image);
        return Ok(());
    };
    let looked = layers.look(&mut plan.llb, image, Look::BeforeWheels);
    plan.output = layers.curl_if_allowed(&mut plan.llb, image, looked);
    let placed = Placed::whole(lock, plan, Ground::Base);
    let wheels = wheels::of_requirements(job, &placed, resolving);
    wheels::add(&layers, plan, &[wheels], image);
    plan.output = layers.runtime_if_allowed(&mut plan.llb, plan.output, looked);
    plan.output = layers.after(&mut plan.llb, plan.output, looked, "fal.look");
    Ok(())
}

/// What comes before the look.
struct Prepared {
    layers: Layers,
    watched: Vec<Watched>,
    /// The directory with the report, if there is one already.
    looked: Option<Output>,
    /// The requirements, if it is known which wheels they come to, or a step finds it out. Their other steps are there only if nobody asks
    /// that one.
    resolving: Option<Resolving>,
    /// Why nobody looks for wheels of requirements that there are.
    why_not: Option<&'static str>,
}

/// What the steps need to know. The user's own steps get what they need of ours before any is added. If it can be asked of the daemon which
/// wheels requirements come to, their own steps are left out.
async fn prepare(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    plan: &mut Plan,
    helper: Output,
    curl: Option<Reference>,
    asks: bool,
) -> Result<Prepared> {
    let run = &job.options.run;
    let lines = fal
        .asked_at()
        .or(plan.target_lines)
        .unwrap_or(Lines::one(1));
    let layers = Layers {
        helper,
        curl_image: curl.map(|curl| images::add_curl(&curl, plan)),
        request: fal.request(&plan.image),
        build_platform: crate::plan::op_platform(&job.environment.build_platform()),
        target_platform: crate::plan::op_platform(&plan.platform),
        base: Base {
            root: plan.base,
            environment: plan
                .base_image
                .as_ref()
                .map(fal::layers::environment_of)
                .unwrap_or_default(),
        },
        environment: fal::layers::environment_of(&plan.image),
        proxy: run.proxy.clone(),
        extra_hosts: crate::plan::extra_hosts(&run.extra_hosts),
        network: run.network,
        ignore_cache: plan.ignore_cache || fal.no_cache,
        build: fal::secrets::build_of(&job.environment.session),
        refresh: fal.refresh.clone(),
        location: llb::Location {
            source_map: plan.file,
            ranges: llb::line_by_line(lines.start, lines.end),
        },
        shown_platform: job
            .options
            .is_multi_platform
            .then(|| plan.platform.format_all()),
        has_content_cache: job
            .gateway
            .capabilities()
            .llb
            .supports(llb::caps::EXEC_MOUNT_CONTENT_CACHE),
        merges: job.gateway.capabilities().llb.supports(llb::caps::MERGE_OP),
    };
    let resolving = wheels::resolve(job, fal, &layers, plan, Ground::Base).await?;
    let (resolving, why_not) = match resolving {
        Some(Ok(resolving)) => (Some(resolving), None),
        Some(Err(why_not)) => (None, Some(why_not)),
        None => (None, None),
    };
    let is_left = |resolving: &Resolving| asks || resolving.given().is_some();
    let looked = match resolving.as_ref().is_some_and(is_left) {
        true => None,
        false => requirements::add(job, fal, &layers, plan).await?,
    };
    let watched = secrets::watch(job, fal, plan, helper);
    Ok(Prepared {
        layers,
        watched,
        looked,
        resolving,
        why_not,
    })
}

/// The image's own programs must install something, and they are none for this machine.
fn cannot_run(found: &Report, platform: &Platform) -> Diagnostic {
    let platform = platform.format_all();
    let wanted = found.packages.iter().filter(|it| it.requirement.is_some());
    let links = found.python.iter().flat_map(|python| &python.links);
    let links = links.map(|link| link.path.to_str().unwrap_or("python"));
    let missing: Vec<&str> = found
        .wants_curl()
        .then_some("curl")
        .into_iter()
        .chain(wanted.map(|package| package.name.as_str()))
        .chain(links)
        .collect();
    Diagnostic::error(format!(
        "the image for {platform} lacks {}, and this daemon cannot run programs of that platform, which would bring it: build on a \
         node for {platform} or one that emulates it (binfmt), or start FROM an image that has everything",
        missing.join(", ")
    ))
}

/// Solves for a report and reads it.
async fn read_report(
    job: &Job<'_, impl Gateway>,
    plan: &Plan,
    output: Output,
    file: &str,
    wanted: Option<&Platform>,
) -> Result<Report> {
    let definition = job.marshal(plan, Some(output), wanted)?;
    let solved = job
        .gateway
        .solve(SolveRequest {
            // This is where the user's own steps run first.
            cache_imports: job.options.cache_imports.clone(),
            ..SolveRequest::definition(definition)
        })
        .await?;
    let bytes = context::file(job.gateway, &solved, file).await?;
    Report::from_json(&bytes).map_err(|error| Diagnostic::error(error.to_string()).into())
}

/// Says in a sentence why the image was refused, where that can be found out; the daemon's error only says that a process failed.
async fn explain(
    job: &Job<'_, impl Gateway>,
    layers: &Layers,
    plan: &mut Plan,
    wanted: Option<&Platform>,
    error: Error,
) -> (Error, Option<Kind>) {
    let looked = layers.look(&mut plan.llb, plan.output, Look::Soft);
    let failure = read_report(job, plan, looked, LOOK_FILE, wanted)
        .await
        .ok()
        .and_then(|report| report.failure);
    match failure {
        Some(failure) => (
            Diagnostic::error(failure.sentence).into(),
            Some(failure.kind),
        ),
        None => (error, None),
    }
}

/// Takes an installing step into the image.
pub(super) fn commit(plan: &mut Plan, installed: Input, step: &str) {
    plan.output = installed;
    plan.image.history.push(image::History {
        created: plan.epoch,
        created_by: step.to_owned(),
        comment: "fal-frontend".to_owned(),
        ..image::History::default()
    });
}
