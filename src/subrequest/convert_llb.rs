//! `frontend.convertllb`: the definition.

use crate::llb;

use super::{Answer, JSON, Named, Question, Subrequest};

pub(super) const CONVERT_LLB: Subrequest = Subrequest {
    question: Question::ConvertLlb,
    name: "frontend.convertllb",
    version: "0.1.0",
    description: "Convert Dockerfile to LLB",
    options: Some(&[]),
    metadata: &[Named::plain(JSON)],
};

/// A definition as JSON.
pub fn converted(definition: &llb::Definition) -> Answer {
    Answer::new(&CONVERT_LLB, llb::convert_llb_json(definition))
}
