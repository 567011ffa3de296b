//! Where ours parts from the original on purpose: each rule is a line of DIFFERENCES.md, recognised as narrowly as it can be.

use super::{
    answer::{Answer, Refusal},
    case::Case,
};

/// One disagreement, looked at from both sides.
pub(super) struct Finding<'a> {
    pub(super) case: &'a Case,
    pub(super) original: &'a Answer,
    pub(super) ours: &'a Answer,
}

/// A difference that is meant.
pub(super) struct Rule {
    pub(super) reason: &'static str,
    pub(super) sign: Sign,
}

/// How it is known.
pub(super) enum Sign {
    /// By what both say.
    Answers(fn(&Finding<'_>) -> bool),
    /// By its cause: without it, both agree. Gives the case without the cause, if the case has it.
    Cause(fn(&Case) -> Option<Case>),
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        reason: "the original falls over",
        sign: Sign::Answers(|finding| {
            !finding.original.broken.is_empty() && finding.ours.broken.is_empty()
        }),
    },
    Rule {
        reason: "not there yet: a sentence says so",
        sign: Sign::Answers(|finding| {
            finding
                .ours_refuse()
                .is_some_and(|ours| ours.message.ends_with("not supported yet"))
        }),
    },
    Rule {
        reason: "`frontend.subrequests.describe` lists what is there",
        sign: Sign::Answers(|finding| {
            finding.request() == Some("frontend.subrequests.describe")
                && finding.original.built.is_some()
                && finding.ours.built.is_some()
        }),
    },
    Rule {
        reason: "an op that cannot be is refused with its line",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                original.message == format!("failed to marshal LLB definition: {}", ours.message)
                    && original.places.is_empty()
            })
        }),
    },
    Rule {
        reason: "a subrequest is refused with the lines, as a build is",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                finding.request().is_some()
                    && original.message == ours.message
                    && original.places.is_empty()
            })
        }),
    },
    Rule {
        reason: "one place is told once",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                let mut places = original.places.clone();
                places.dedup();
                original.message == ours.message && places == ours.places
            })
        }),
    },
    Rule {
        reason: "a circle of stages is told from its first stage on",
        sign: Sign::Answers(|finding| {
            let is_circle = |refusal: &Refusal| {
                refusal
                    .message
                    .starts_with("circular dependency detected on stage: ")
            };
            finding
                .both_refuse()
                .is_some_and(|(original, ours)| is_circle(original) && is_circle(ours))
        }),
    },
    Rule {
        reason: "`# syntax=` with the image that already runs",
        sign: Sign::Answers(|finding| {
            finding.original.forwarded.is_some()
                && finding.ours.forwarded.is_none()
                && finding.case.options.contains_key("source")
        }),
    },
    Rule {
        reason: "bytes that are no UTF-8",
        sign: Sign::Cause(|case| {
            let text = String::from_utf8_lossy(case.dockerfile()).into_owned();
            let changed = case.with_dockerfile(text.into_bytes());
            (changed != *case).then_some(changed)
        }),
    },
    Rule {
        reason: "non-ASCII text in flags",
        sign: Sign::Cause(|case| {
            let text = String::from_utf8_lossy(case.dockerfile());
            let mut changed = String::new();
            for line in text.split_inclusive('\n') {
                match line.contains("--") {
                    true => {
                        changed.extend(line.chars().map(|c| if c.is_ascii() { c } else { 'x' }))
                    }
                    false => changed += line,
                }
            }
            (changed != text).then(|| case.with_dockerfile(changed.into_bytes()))
        }),
    },
];

impl Finding<'_> {
    fn request(&self) -> Option<&str> {
        self.case.options.get("requestid").map(String::as_str)
    }

    fn ours_refuse(&self) -> Option<&Refusal> {
        self.ours.refused.as_ref()
    }

    fn both_refuse(&self) -> Option<(&Refusal, &Refusal)> {
        self.original.refused.as_ref().zip(self.ours_refuse())
    }
}
