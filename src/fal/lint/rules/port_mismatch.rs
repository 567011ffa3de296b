//! fal talks to one port.

use crate::{
    fal::{
        lint::{RuleReport, View},
        options::Mode,
    },
    instruction::Kind,
    lint::Rule,
    plan::Seen,
    source::Lines,
};

use super::rule;

pub(super) const RULE: Rule = rule!(
    "PortMismatch",
    "fal talks to one port of a runner; in mode=app, 8080 and 9090 are those of the app itself and its metrics"
);

/// Where a `fal.App` listens, and where its metrics are.
const APP: u16 = 8080;
const METRICS: u16 = 9090;

pub(super) fn check(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    match view.options.mode {
        Mode::Server => of_server(view, report),
        Mode::App => of_app(view, report),
        Mode::Off => {}
    }
}

/// The port of the image's own server is one of those that it says it has.
fn of_server(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    let Some(port) = view.options.port else {
        return;
    };
    let exposed = || {
        view.of_target()
            .filter(|step| matches!(step.instruction.kind, Kind::Expose(_)))
    };
    let words = || exposed().flat_map(|step| step.seen).filter_map(written);
    let of_base = view
        .base
        .config
        .iter()
        .flat_map(|config| &config.exposed_ports);
    let is_named = words()
        .chain(of_base.map(String::as_str))
        .any(|word| names(word, port));
    let is_known = view.base.config.is_some() || view.base.is_scratch || exposed().next().is_some();
    if is_named || !is_known {
        return;
    }
    let (lines, comments, message) = match exposed().next_back() {
        Some(step) => (
            step.lines(),
            step.comments(),
            format!("fal talks to port {port}, which EXPOSE does not name"),
        ),
        None => (
            view.option_lines("port")
                .or(view.base.lines)
                .unwrap_or(Lines::one(1)),
            [].as_slice(),
            format!("fal talks to port {port}, and no EXPOSE names it: add `EXPOSE {port}`"),
        ),
    };
    report.say(lines, comments, message, Vec::new());
}

fn of_app(view: &View<'_>, report: &mut RuleReport<'_, '_>) {
    if view.options.port == Some(METRICS) {
        let lines = view
            .option_lines("port")
            .or(view.base.lines)
            .unwrap_or(Lines::one(1));
        let message =
            format!("port {METRICS} is where fal finds the metrics of an app: choose another one");
        report.say(lines, &[], message, Vec::new());
    }
    for step in view.of_target() {
        for word in step.seen.iter().filter_map(written) {
            let taken = match word {
                word if names(word, METRICS) => Some((METRICS, "the metrics of the app are")),
                word if names(word, APP) && view.options.port.is_some_and(|port| port != APP) => {
                    Some((APP, "the app itself is"))
                }
                _ => None,
            };
            if let Some((port, whose)) = taken {
                let message = format!(
                    "in mode=app {whose} on port {port}: a server of the image cannot be there too"
                );
                report.say(step.lines(), step.comments(), message, Vec::new());
            }
        }
    }
}

fn written(seen: &Seen) -> Option<&str> {
    match seen {
        Seen::Port { word, .. } => Some(word),
        _ => None,
    }
}

/// Whether `8080`, `8080/tcp` or `8000-8100` has a port.
fn names(word: &str, port: u16) -> bool {
    let (ports, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    if !protocol.eq_ignore_ascii_case("tcp") {
        return false;
    }
    let ports = ports.rsplit(':').next().unwrap_or_default();
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) => (first..=last).contains(&port),
        _ => false,
    }
}
