//! The one source whose time `SOURCE_DATE_EPOCH` means, as the daemon is asked for it.

use prost::Message;

use crate::{
    diagnostic::Result,
    llb::{self, source::Source},
    proto::pb::{self, op},
    stage::{Download, EpochSource},
};

use super::{
    Options,
    context::{self, MainContext},
    question::{Known, Query},
    remote::{file_name, git_source, http_source},
};

/// What is known of the source whose time is meant.
#[derive(Debug)]
pub enum Dated {
    /// This must be known first.
    Need(Box<Query>),
    /// The source to ask for its time, and how progress names the question.
    By(pb::SourceOp, String),
    /// There is none, or there are several: then no time is meant.
    ByNone,
}

/// Finds the source whose time is meant.
pub fn dated(
    asked: &EpochSource,
    main: &MainContext,
    known: &Known,
    options: &Options<'_>,
) -> Result<Dated> {
    let mut llb = llb::Graph::new();
    let (output, log_name) = match asked {
        EpochSource::Main => {
            let slot = llb.slot();
            main.describe(&mut llb, slot, &[])?;
            let log_name = "[internal] resolve main build context metadata";
            (Some(slot), log_name.to_owned())
        }
        EpochSource::Named(named, written) => {
            let query = context::query(named, None, known, options)?;
            if query.is_open(known) {
                return Ok(Dated::Need(Box::new(query)));
            }
            let mut locals = Vec::new();
            let loaded = context::load(&query, known, &mut llb, &mut locals, options, 0)?;
            for local in locals {
                local.describe(&mut llb, &[]);
            }
            let log_name = format!("[internal] resolve SOURCE_DATE_EPOCH named context {written}");
            (loaded.output, log_name)
        }
        EpochSource::Stage(download, stage) => {
            let source = source_of(download);
            let output = llb.add_source(source, llb::Meta::default());
            let log_name = format!("[internal] resolve SOURCE_DATE_EPOCH source stage {stage}");
            (Some(output), log_name)
        }
    };
    Ok(match only_source(&llb, output) {
        Some(source) => Dated::By(source, log_name),
        None => Dated::ByNone,
    })
}

fn source_of(download: &Download) -> Source {
    match download {
        Download::Git(git) => git_source(git).into(),
        Download::Http { url, checksum } => {
            let mut source = http_source(url, file_name(url));
            source.checksum = checksum.clone();
            source.into()
        }
    }
}

/// The only source that an output is made from.
fn only_source(llb: &llb::Graph, output: llb::Input) -> Option<pb::SourceOp> {
    let defaults = llb::Defaults {
        platform: &pb::Platform::default(),
        capabilities: &|_| true,
    };
    let definition = llb::marshal(llb, output, &defaults);
    let mut sources =
        definition
            .ops
            .into_iter()
            .filter_map(|bytes| match pb::Op::decode(bytes).ok()?.op? {
                op::Op::Source(source) => Some(source),
                _ => None,
            });
    let only = sources.next()?;
    sources.next().is_none().then_some(only)
}
