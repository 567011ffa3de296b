//! The fal layers of a build: asks what the finished image lacks, and adds the steps that bring it.

use fal_helper::report::{LOOK_FILE, REPORT_FILE, Report};

use prost::Message;

use crate::{
    diagnostic::Diagnostic,
    fal::{
        self,
        key::Key,
        layers::{Installed, Layers},
        secrets::Watched,
    },
    gateway::{Gateway, SolveRequest, SourceRequest},
    image,
    llb::{self, Graph, Input, Meta, Output, source::Image},
    plan::Plan,
    proto::pb,
    reference::{image as reference, platform::Platform},
    source::Lines,
};

use super::{
    build::{Job, Read},
    context,
    error::{Error, Result},
    key,
    options::Options,
    requirements, secrets,
    warnings::Facts,
};

/// The definition of the frontend's own image, which the daemon hands to every frontend (BuildKit 0.10 and later).
const OWN_IMAGE: &str = "/run/config/buildkit/metadata/frontend.bin";

/// Adds the layers to a plan and gives the report of what is there now, and the key of the build.
pub(super) async fn add(
    job: &Job<'_, impl Gateway>,
    read: &Read,
    facts: &Facts,
    plan: &mut Plan,
    wanted: Option<&Platform>,
) -> Result<(Report, Option<Key>)> {
    let fal = read.fal()?;
    let helper = helper(job.gateway, job.options, &mut plan.llb).await?;
    let asked = key::ask(job, read, facts, plan, helper).await?;
    let (layers, watched) = prepare(job, fal, plan, helper).await?;
    let lines = fal.asked_at().or(plan.target_lines);
    let looked = layers.look(&mut plan.llb, plan.output, false);
    let (found, told, key) = tokio::join!(
        read_report(job, plan, looked, LOOK_FILE, wanted),
        secrets::tell_absent(job, plan, &watched, wanted),
        key::read(job, plan, &asked, wanted),
    );
    told?;
    let found = match found {
        Ok(report) => report,
        Err(error) if requirements::has_failed(&error) => {
            let explained = requirements::explain(job, fal, &layers, plan, error).await;
            return Err(explained.at(lines));
        }
        Err(error) => return Err(explain(job, &layers, plan, wanted, error).await.at(lines)),
    };
    let key = key::or_tell(job, key).await;
    let mut last: Option<Installed> = None;
    if found.wants_curl() {
        let installed = layers.curl(&mut plan.llb, plan.output, looked);
        commit(plan, installed.root, "fal-helper curl");
        last = Some(installed);
    }
    if found.wants_runtime() {
        let installed = layers.runtime(&mut plan.llb, plan.output, looked);
        commit(plan, installed.root, "fal-helper runtime");
        last = Some(installed);
    }
    let report = match last {
        None => found,
        Some(installed) => read_report(job, plan, installed.report, REPORT_FILE, wanted).await?,
    };
    Ok((report, key))
}

/// Adds every layer that the options allow, without asking anything of the image.
pub(super) async fn add_all(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    plan: &mut Plan,
) -> Result<()> {
    let helper = helper(job.gateway, job.options, &mut plan.llb).await?;
    let (layers, _) = prepare(job, fal, plan, helper).await?;
    plan.output = layers.all(&mut plan.llb, plan.output);
    Ok(())
}

/// What the steps need to know. The user's own steps get what they need of ours before any is added.
async fn prepare(
    job: &Job<'_, impl Gateway>,
    fal: &fal::Options,
    plan: &mut Plan,
    helper: Output,
) -> Result<(Layers, Vec<Watched>)> {
    let run = &job.options.run;
    let lines = fal
        .asked_at()
        .or(plan.target_lines)
        .unwrap_or(Lines::one(1));
    let layers = Layers {
        helper,
        request: fal.request(&plan.image),
        build_platform: crate::plan::op_platform(&job.environment.build_platform()),
        target_platform: crate::plan::op_platform(&plan.platform),
        environment: fal::layers::environment_of(&plan.image),
        proxy: run.proxy.clone(),
        extra_hosts: crate::plan::extra_hosts(&run.extra_hosts),
        network: run.network,
        ignore_cache: plan.ignore_cache,
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
    };
    requirements::add(job, fal, &layers, plan).await?;
    let watched = secrets::watch(job, fal, plan, helper);
    Ok((layers, watched))
}

/// The file system of the frontend's own image: as the daemon hands it over, else found by the name that it was started under.
pub(super) async fn helper(
    gateway: &impl Gateway,
    options: &Options,
    graph: &mut Graph,
) -> Result<Output> {
    if let Ok(bytes) = std::fs::read(OWN_IMAGE) {
        let definition = pb::Definition::decode(bytes.as_slice())
            .map_err(|error| no_helper(&error.to_string()))?;
        let own = graph
            .add_foreign(&definition)
            .map_err(|error| no_helper(&error.to_string()))?;
        return own.ok_or_else(|| no_helper("its image is empty").into());
    }
    let Some(source) = &options.source else {
        return Err(no_helper("the daemon does not say which image started it").into());
    };
    let name = reference::parse_normalized(source)
        .map_err(|error| no_helper(&error.to_string()))?
        .tag_name_only();
    let image = Image {
        reference: name.to_string(),
        ..Image::default()
    };
    let request = SourceRequest::new(
        image,
        "[internal] load metadata for the frontend's own image",
    );
    let found = gateway
        .resolve_source(request)
        .await
        .map_err(|error| error.context("finding the frontend's own image"))?;
    let digest = found.image.map(|image| image.digest).unwrap_or_default();
    let name = name
        .with_digest(&digest)
        .map_err(|error| no_helper(&error.to_string()))?;
    Ok(graph.add_source(
        Image {
            reference: name.to_string(),
            ..Image::default()
        },
        Meta::named("[fal] load the helper"),
    ))
}

fn no_helper(why: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "the fal layers need the frontend's own image: {why}"
    ))
    .help("BuildKit 0.10 and later hand it over; with `# fal: mode=off` no layer is added")
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
) -> Error {
    let looked = layers.look(&mut plan.llb, plan.output, true);
    let failure = read_report(job, plan, looked, LOOK_FILE, wanted)
        .await
        .ok()
        .and_then(|report| report.failure);
    match failure {
        Some(failure) => Diagnostic::error(failure.sentence).into(),
        None => error,
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
