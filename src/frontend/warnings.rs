//! What could be better in a file, told to whoever watches the build.

use crate::{
    diagnostic::Diagnostic,
    fal,
    gateway::{Gateway, Warning},
    golang::stray,
    lint::{self, Subject},
    llb::{Definition, line_by_line},
    plan,
    proto::pb,
    source::Source,
    stage,
};

use super::{
    build::{Job, Read},
    context::Input,
    error::Result,
    manifest,
};

/// After this many bytes of files and places, warnings are told without them. Each has the whole file with it, and the range of each
/// of its lines.
const MOST_SHOWN: usize = 64 << 20;

/// What was seen while a file was planned.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) stages: stage::Facts,
    pub(super) plan: plan::Facts,
}

/// Tells what the rules found, and what the fal options have to say of a file: one after the other, as people read them.
pub(super) async fn tell(job: &Job<'_, impl Gateway>, read: &Read, found: &[lint::Warning]) {
    let input = job.input();
    let hidden = job.hidden();
    let digest = digest(&input.info);
    let mut left = MOST_SHOWN;
    let by_rules = found.iter().map(|warning| {
        let lines = warning.lines.map_or(0, |lines| lines.end - lines.start + 1);
        let ranges = lines as usize * size_of::<pb::Range>();
        left = left.saturating_sub(input.info.data.len() + ranges);
        let plain = Warning {
            short: stray::encode(&warning.short()).into_owned(),
            detail: vec![warning.rule.description.to_owned()],
            url: warning.rule.url.unwrap_or_default().to_owned(),
            digest: digest.clone(),
            level: 1,
            ..Warning::default()
        };
        match left {
            0 => plain,
            // A client prints the lines with those around them.
            _ if !hidden.shows(warning.lines.as_slice()) => plain,
            _ => Warning {
                ranges: warning.ranges(),
                info: Some(input.info.clone()),
                ..plain
            },
        }
    });
    let of_manifest = input.manifest.iter().flat_map(|it| &it.warnings);
    let of_manifest = of_manifest.map(|warning| {
        let shown = manifest::shown(&warning.shown, &input.info);
        let warning = warning.diagnostic.clone();
        let warning = match shown.filename == input.info.filename {
            true => hidden.without_secrets(warning),
            false => warning,
        };
        of_option(warning, &digest, &shown)
    });
    let fal = read.fal().map(|fal| fal.warnings()).unwrap_or_default();
    let of_options = fal.into_iter().map(|warning| {
        let warning = hidden.without_secrets(warning);
        of_option(warning, &digest, &input.info)
    });
    for warning in of_manifest.chain(by_rules).chain(of_options) {
        // A warning that cannot be told is no reason to stop.
        let _ = job.gateway.warn(warning).await;
    }
}

/// Tells one thing more, which was found out later.
pub(super) async fn tell_one(job: &Job<'_, impl Gateway>, warning: &Diagnostic) {
    let info = job.info();
    let warning = job.hidden().without_secrets(warning.clone());
    let warning = of_option(warning, &digest(info), info);
    let _ = job.gateway.warn(warning).await;
}

/// What the rules have to say of a file, as far as it was read and planned.
pub(super) fn found(read: &Read, input: &Input, facts: &Facts) -> Vec<lint::Warning> {
    let subject = Subject {
        file: &read.file,
        diagnostics: &read.diagnostics,
        dockerfile: read.dockerfile().ok(),
        stages: &facts.stages,
        plan: &facts.plan,
        ignore: input.main().map(|main| main.excludes()).unwrap_or_default(),
        config: &read.lint,
    };
    let mut found = lint::check(&subject);
    if let Ok(options) = read.fal()
        && options.adds_layers()
    {
        let overrides = manifest::overrides(input.manifest.as_ref());
        found.extend(fal::lint::check(&fal::lint::Subject {
            lint: &subject,
            options,
            source: &Source::new("", input.text.to_vec()),
            is_command_replaced: overrides.entrypoint.is_some() || overrides.cmd.is_some(),
        }));
    }
    found
}

/// Fails where a warning is to be an error.
pub(super) fn refuse(found: &[lint::Warning], read: &Read) -> Result<()> {
    match lint::violation(found, &read.lint) {
        Some(violation) => Err(violation.into()),
        None => Ok(()),
    }
}

fn of_option(warning: Diagnostic, digest: &str, info: &pb::SourceInfo) -> Warning {
    let lines = warning.locations.iter();
    Warning {
        short: warning.to_string().into_bytes(),
        detail: warning.help.iter().cloned().collect(),
        ranges: lines
            .flat_map(|lines| line_by_line(lines.start, lines.end))
            .collect(),
        digest: digest.to_owned(),
        level: 1,
        info: Some(info.clone()),
        ..Warning::default()
    }
}

/// The op that the file was read with, which progress shows warnings at.
fn digest(info: &pb::SourceInfo) -> String {
    let definition = info.definition.clone().unwrap_or_default();
    Definition::from(definition).head().unwrap_or_default()
}
