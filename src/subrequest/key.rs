//! `frontend.fal.key`: what a build would give, by name and in parts.

use super::{Answer, JSON, Named, Question, Subrequest, TEXT};

pub(super) const KEY: Subrequest = Subrequest {
    question: Question::Key,
    name: "frontend.fal.key",
    version: "1.0.0",
    description: "Name what a build would give, without building it",
    options: None,
    metadata: &[Named::plain(JSON), Named::plain(TEXT)],
};

/// The keys of every platform with their parts as JSON, and as lines.
pub fn keyed(json: String, text: String) -> Answer {
    Answer::new(&KEY, json).with(TEXT, text)
}
