//! Has the daemon make layers of wheels before the image is done, and says what became of those that it could not make.

use std::collections::BTreeSet;

use fal_helper::{
    failure::Kind,
    lock::{self, WHY_FILE},
};
use futures_util::future::join_all;
use prost::Message;

use crate::{
    diagnostic::Diagnostic,
    fal::{
        self,
        layers::Layers,
        requirements::{Brought, Wheels},
    },
    gateway::{self, Gateway, SolveRequest},
    llb::{self, Graph, Input, Meta, source::Http},
    plan::Plan,
    proto::pb,
    reference::platform::Platform,
};

use super::super::{build::Job, context, error::Result, requirements};
use super::text;

const NO_BYTE_CODE: &str = "the Python that they are for makes no byte code";

/// Has the daemon make the layers of wheels, as far as the image needs no change for them. Says why it cannot fetch them; one that is not
/// what it should be is an error.
pub(super) async fn unpack(
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
