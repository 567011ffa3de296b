//! `frontend.outline`: what a target can be given.
//!
//! Takes a [`Subject`]; makes both texts of the answer from what [`parameters`] finds in it.

mod parameters; // what the target and all that it needs ask for

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use crate::{
    golang::{json, stray, tabwriter},
    instruction::Dockerfile,
    llb::json::base64,
    plan, stage,
};

use super::{Answer, JSON, Named, Question, Subrequest, TEXT, places::Places};
use parameters::{Mounted, Parameters};

pub(super) const OUTLINE: Subrequest = Subrequest {
    question: Question::Outline,
    name: "frontend.outline",
    version: "1.0.0",
    description: "List all parameters current build target supports",
    options: Some(&[Named {
        name: "target",
        description: "Target build stage",
    }]),
    metadata: &[Named::plain(JSON), Named::plain(TEXT)],
};

/// A file that was planned without a mistake.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The file as understood.
    pub dockerfile: &'a Dockerfile,
    /// The file.
    pub data: &'a [u8],
    /// What the graph of stages came by.
    pub stages: &'a stage::Facts,
    /// What planning came by.
    pub plan: &'a plan::Facts,
    /// The layers that may be added to the target.
    pub layers: &'a [Layer],
}

/// A layer that is not the file's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// `curl`
    pub name: &'static str,
    /// What it does, and when.
    pub description: String,
}

/// The target, and every argument, secret, agent and cache that building it asks for.
pub fn outline(subject: &Subject<'_>) -> Answer {
    let parameters = parameters::find(subject.stages, subject.plan);
    let graph = subject.plan.graph.as_ref();
    let target = graph.and_then(|graph| subject.dockerfile.stages.get(graph.target().index()));
    let name = target.and_then(|stage| stage.name.as_deref());
    let description = target.and_then(|stage| stage.doc_comment.as_deref());
    let outline = Outline {
        name: name.unwrap_or_default(),
        description: description.unwrap_or_default(),
        sources: [base64(subject.data)],
        layers: subject.layers,
        ..Outline::of(&parameters)
    };
    Answer::new(&OUTLINE, json::to_string_pretty(&outline))
        .with(TEXT, stray::encode(&outline.text()))
}

#[derive(Default, Serialize)]
struct Outline<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    args: Vec<Argument<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<Access<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh: Vec<Access<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cache: Vec<Cache<'a>>,
    sources: [String; 1],
    /// Other clients pass over it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    layers: &'a [Layer],
}

#[derive(Serialize)]
struct Argument<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    value: &'a str,
    location: Value,
}

/// A secret or an agent.
#[derive(Serialize)]
struct Access<'a> {
    name: &'a str,
    #[serde(rename = "required", skip_serializing_if = "std::ops::Not::not")]
    is_required: bool,
    location: Value,
}

#[derive(Serialize)]
struct Cache<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    location: Value,
}

impl<'a> Outline<'a> {
    fn of(parameters: &Parameters<'a>) -> Self {
        let places = Places::new(parameters.places());
        let access = |mounted: &Mounted<'a>| Access {
            name: mounted.id,
            is_required: mounted.is_required,
            location: places.of(mounted.lines),
        };
        let arguments = parameters.arguments.iter().map(|argument| Argument {
            name: argument.name,
            description: argument.description,
            value: argument.value,
            location: places.of(argument.lines),
        });
        let caches = parameters.caches.iter().map(|cache| Cache {
            id: cache.id,
            location: places.of(cache.lines),
        });
        Self {
            args: arguments.collect(),
            secrets: parameters.secrets.iter().map(access).collect(),
            ssh: parameters.agents.iter().map(access).collect(),
            cache: caches.collect(),
            ..Self::default()
        }
    }

    /// What a client prints, and the caches.
    fn text(&self) -> String {
        let access = |access: &[Access<'_>]| {
            let lines = access.iter().map(|access| {
                let required = if access.is_required { "true" } else { "" };
                format!("{}\t{required}\n", access.name)
            });
            lines.collect()
        };
        let arguments = self.args.iter().map(|argument| {
            let Argument {
                name,
                value,
                description,
                ..
            } = argument;
            format!("{name}\t{value}\t{description}\n")
        });
        let caches = self.cache.iter().map(|cache| format!("{}\n", cache.id));
        let layers = self.layers.iter().map(|layer| {
            let Layer { name, description } = layer;
            format!("{name}\t{description}\n")
        });
        [
            self.target(),
            table("BUILD ARG\tVALUE\tDESCRIPTION\n", arguments.collect()),
            table("SECRET\tREQUIRED\n", access(&self.secrets)),
            table("SSH\tREQUIRED\n", access(&self.ssh)),
            table("CACHE\n", caches.collect()),
            table("FAL LAYER\tDESCRIPTION\n", layers.collect()),
        ]
        .concat()
    }

    fn target(&self) -> String {
        let mut text = String::new();
        if self.name.is_empty() && self.description.is_empty() {
            return text;
        }
        let name = if self.name.is_empty() {
            "(default)"
        } else {
            self.name
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "TARGET:\t{name}");
        if !self.description.is_empty() {
            let _ = writeln!(text, "DESCRIPTION:\t{}", self.description);
        }
        tabwriter::align(&text, 1) + "\n"
    }
}

/// Lines below a head, and an empty line; nothing if there are none.
fn table(head: &str, lines: String) -> String {
    match lines.is_empty() {
        true => lines,
        false => tabwriter::align(&(head.to_owned() + &lines), 3) + "\n",
    }
}
