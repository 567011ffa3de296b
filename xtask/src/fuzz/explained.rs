//! Where ours parts from the original on purpose: each rule is a row of DIFFERENCES.md, recognised as narrowly as it can be.

use serde_json::Value;

use super::{
    answer::{Answer, Refusal, Warning},
    case::Case,
};
use crate::parity::subrequests::{self, Texts};

/// One disagreement, looked at from both sides.
pub(super) struct Finding<'a> {
    pub(super) case: &'a Case,
    pub(super) original: &'a Answer,
    pub(super) ours: &'a Answer,
}

/// A difference that is meant.
pub(super) struct Rule {
    /// How the row, or the item, of DIFFERENCES.md begins that gives the reason.
    pub(super) listed: &'static str,
    pub(super) sign: Sign,
}

/// How it is known.
pub(super) enum Sign {
    /// By what both say.
    Answers(fn(&Finding<'_>) -> bool),
    /// By its cause: without it, both agree. Gives the case without the cause, if the case has it; that has it no more.
    Cause(fn(&Case) -> Option<Case>),
}

/// A mistake that the original answers with a panic, or not at all, is no measure.
pub(super) const FALLS_OVER: &str = "the original falls over";

pub(super) const RULES: &[Rule] = &[
    Rule {
        listed: FALLS_OVER,
        sign: Sign::Answers(|finding| {
            !finding.original.broken.is_empty() && finding.ours.broken.is_empty()
        }),
    },
    Rule {
        listed: "`frontend.subrequests.describe`",
        sign: Sign::Answers(|finding| {
            finding.request() == Some("frontend.subrequests.describe")
                && finding.original.built.is_some()
                && finding.ours.built.is_some()
        }),
    },
    Rule {
        listed: "`RUN []`",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                is_run_of_nothing(&original.message)
                    && original.message == ours.message
                    && original.places.is_empty()
            })
        }),
    },
    Rule {
        listed: "`RUN []`",
        sign: Sign::Answers(|finding| {
            let ours = match finding.request() {
                Some(subrequests::OUTLINE) => finding.ours_refuse().map(|it| it.message.clone()),
                Some(subrequests::LINT) => finding.ours.mistake(),
                _ => None,
            };
            finding.original.built.is_some() && ours.is_some_and(|ours| is_run_of_nothing(&ours))
        }),
    },
    Rule {
        listed: "What is asked for on one line",
        sign: Sign::Answers(|finding| finding.answers_as_declared(subrequests::OUTLINE)),
    },
    Rule {
        listed: "A mistaken word that is equally near to several known ones",
        sign: Sign::Answers(|finding| finding.answers_as_declared(subrequests::LINT)),
    },
    Rule {
        listed: "Mistakes in several base images",
        sign: Sign::Answers(|finding| {
            let mistakes = finding.original.mistake().zip(finding.ours.mistake());
            finding.request() == Some(subrequests::LINT)
                && mistakes.is_some_and(|(left, right)| is_of_base(&left) && is_of_base(&right))
        }),
    },
    Rule {
        listed: "A mistake in a file that a subrequest is about",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                finding.request().is_some()
                    && original.message == ours.message
                    && original.places.is_empty()
            })
        }),
    },
    Rule {
        listed: "A `FROM --platform` that cannot be read",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                let mut places = original.places.clone();
                places.dedup();
                original.message.starts_with("failed to parse platform ")
                    && original.message == ours.message
                    && places == ours.places
            })
        }),
    },
    Rule {
        listed: "`cache-imports` that are JSON, and no list of caches",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                [original, ours].iter().all(|it| {
                    it.message
                        .starts_with("failed to unmarshal cache-imports (")
                })
            })
        }),
    },
    Rule {
        listed: "A circle of stages that can be told in several ways",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                [original, ours].iter().all(|it| {
                    it.message
                        .starts_with("circular dependency detected on stage: ")
                })
            })
        }),
    },
    Rule {
        listed: "A mistaken word that is equally near to several known ones",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                let parts = (suggestion(&original.message), suggestion(&ours.message));
                let (Some(original_parts), Some(our_parts)) = parts else {
                    return false;
                };
                original_parts.0 == our_parts.0 && finding.has_same_places()
            })
        }),
    },
    Rule {
        listed: "Mistakes in several base images",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                is_of_base(&original.message) && is_of_base(&ours.message)
            })
        }),
    },
    Rule {
        listed: "Warnings about several base images",
        sign: Sign::Answers(|finding| {
            let lists = (&finding.original.warnings, &finding.ours.warnings);
            let (original, ours) = (with_chance_sorted(lists.0), with_chance_sorted(lists.1));
            lists.0 != lists.1 && original == ours
        }),
    },
    Rule {
        listed: "Warnings about several base images",
        sign: Sign::Answers(|finding| {
            finding.both_refuse().is_some_and(|(original, ours)| {
                let rules = |refusal: &Refusal| {
                    let rules = refusal
                        .message
                        .strip_prefix("lint violation found for rules: ")?;
                    let mut rules: Vec<String> = rules.split(", ").map(str::to_owned).collect();
                    rules.sort();
                    Some(rules)
                };
                rules(original).is_some() && rules(original) == rules(ours)
            })
        }),
    },
    Rule {
        listed: "More than twelve warnings",
        sign: Sign::Answers(|finding| {
            let text = |answer: &Answer| {
                let built = answer.built.as_ref()?;
                let text = built.metadata.get("result.txt")?;
                let text = String::from_utf8_lossy(text).into_owned();
                let mut warnings: Vec<String> =
                    text.split("\nWARNING: ").map(str::to_owned).collect();
                warnings.sort();
                (warnings.len() > 12).then_some(warnings)
            };
            finding.request() == Some("frontend.lint")
                && text(finding.original).is_some()
                && text(finding.original) == text(finding.ours)
                && linted(finding.original) == linted(finding.ours)
        }),
    },
    Rule {
        listed: "`# syntax=` with the image that already runs",
        sign: Sign::Answers(|finding| {
            let own = finding.case.options.get("source");
            finding.ours.forwarded.is_none()
                && finding.original.forwarded.as_ref().is_some_and(|other| {
                    other.get("source").is_some_and(|source| {
                        own.is_some_and(|own| source.trim_end_matches(":latest").ends_with(own))
                    })
                })
        }),
    },
    Rule {
        listed: "Bytes that are no UTF-8, in an op",
        sign: Sign::Cause(|case| {
            // Neither as they stand, nor as they are written in URLs.
            let text = String::from_utf8_lossy(case.dockerfile()).into_owned();
            let mut changed = text.clone().into_bytes();
            for (place, _) in text.match_indices('%') {
                if matches!(
                    changed.get(place + 1),
                    Some(b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F')
                ) {
                    changed[place + 1] = b'4';
                }
            }
            let changed = case.with_dockerfile(changed);
            (changed != *case).then_some(changed)
        }),
    },
    Rule {
        listed: "Non-ASCII text in flags",
        sign: Sign::Cause(|case| {
            let text = String::from_utf8_lossy(case.dockerfile());
            let ascii = |c: char| if c.is_ascii() { c } else { 'x' };
            let mut changed = String::new();
            let mut goes_on = false;
            for line in text.split_inclusive('\n') {
                let has_flags = goes_on || line.contains("--");
                match has_flags {
                    true => changed.extend(line.chars().map(ascii)),
                    false => changed += line,
                }
                // Also over comments and empty lines in between.
                let line = line.trim();
                let is_between = line.is_empty() || line.starts_with('#');
                goes_on = has_flags && (is_between || line.ends_with(['\\', '`']));
            }
            let mut other = case.with_dockerfile(changed.into_bytes());
            for config in other
                .images
                .values_mut()
                .filter(|config| config.contains("--"))
            {
                *config = config.chars().map(ascii).collect();
            }
            (other != *case).then_some(other)
        }),
    },
    Rule {
        listed: "A base image that cannot be, beside others",
        sign: Sign::Answers(|finding| {
            let others = |answer: &Answer| -> Vec<Warning> {
                let all = answer.warnings.iter();
                all.filter(|warning| !is_of_platform(&warning.short))
                    .cloned()
                    .collect()
            };
            finding.both_refuse().is_some_and(|(original, ours)| {
                is_of_base(&ours.message)
                    && original == ours
                    && others(finding.original) == others(finding.ours)
            })
        }),
    },
    Rule {
        listed: "A base image that cannot be, beside others",
        sign: Sign::Answers(|finding| {
            // The same in the answer to `frontend.lint`.
            let (Some(original), Some(ours)) = (linted(finding.original), linted(finding.ours))
            else {
                return false;
            };
            let message = ours["buildError"]["message"].as_str().unwrap_or_default();
            is_of_base(message)
                && original["buildError"] == ours["buildError"]
                && without_platforms(original) == without_platforms(ours)
        }),
    },
    Rule {
        listed: "An SBOM scanner that cannot be used, beside a mistake in the file",
        sign: Sign::Cause(|case| {
            let mut other = case.clone();
            other.options.remove("attest:sbom");
            other.options.remove("build-arg:BUILDKIT_ATTEST_SBOM");
            (other != *case).then_some(other)
        }),
    },
];

impl Finding<'_> {
    /// Whether the answers to a subrequest differ only as parity lets them.
    fn answers_as_declared(&self, subrequest: &str) -> bool {
        let (original, ours) = (self.original.texts(), self.ours.texts());
        self.request() == Some(subrequest)
            && subrequests::same_as_declared(subrequest, &original, &ours)
    }

    /// Whether a refusal is about the same lines. The original does not say them of a subrequest.
    fn has_same_places(&self) -> bool {
        self.both_refuse().is_some_and(|(original, ours)| {
            let is_untold = self.request().is_some() && original.places.is_empty();
            is_untold || original.places == ours.places
        })
    }

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

impl Answer {
    /// The texts beside what was built, or instead of it.
    fn texts(&self) -> Texts {
        let metadata = self.built.iter().flat_map(|built| &built.metadata);
        metadata
            .map(|(name, text)| (name.clone(), String::from_utf8_lossy(text).into_owned()))
            .collect()
    }

    /// The mistake that `frontend.lint` tells of.
    fn mistake(&self) -> Option<String> {
        let json = serde_json::from_str::<serde_json::Value>(self.texts().get("result.json")?);
        let message = json.ok()?["buildError"]["message"].as_str()?.to_owned();
        Some(message)
    }
}

fn is_run_of_nothing(message: &str) -> bool {
    message.ends_with("arguments are required")
}

/// A sentence, and the word that it suggests.
fn suggestion(message: &str) -> Option<(&str, &str)> {
    let (sentence, word) = message.rsplit_once(" (did you mean ")?;
    Some((sentence, word.strip_suffix("?)")?))
}

/// Whether a refusal is about a base image; the original looks at all of them at the same time.
fn is_of_base(message: &str) -> bool {
    [
        "failed to parse stage name ",
        "failed to parse image config: ",
        "unsupported context source ",
        "invalid context ",
        "invalid git context ",
        "invalid input ",
        "could not parse oci-layout ",
        "oci-layout reference ",
    ]
    .iter()
    .any(|beginning| message.starts_with(beginning))
        || message.contains(": not found")
}

/// Whether a warning is about the platform of a base image.
fn is_of_platform(warning: &str) -> bool {
    warning.starts_with("InvalidBaseImagePlatform")
}

/// Whether warnings of a rule come as images answer, or as a map has them.
fn is_by_chance(rule: &str) -> bool {
    [
        "InvalidBaseImagePlatform",
        "UndefinedVar",
        "UndefinedArgInFrom",
    ]
    .contains(&rule)
}

/// The answer to `frontend.lint`.
fn linted(answer: &Answer) -> Option<Value> {
    let built = answer.built.as_ref()?;
    serde_json::from_slice(built.metadata.get("result.json")?).ok()
}

/// The warnings of an answer that are not about the platform of a base image.
fn without_platforms(answer: Value) -> Vec<Value> {
    let all = answer["warnings"].as_array().cloned().unwrap_or_default();
    let is_other =
        |warning: &Value| !is_of_platform(warning["ruleName"].as_str().unwrap_or_default());
    all.into_iter().filter(is_other).collect()
}

/// Warnings, and first those in order that the original tells as images answer, or as a map has them.
fn with_chance_sorted(warnings: &[Warning]) -> Vec<Warning> {
    let is_by_chance =
        |warning: &Warning| is_by_chance(warning.short.split(':').next().unwrap_or_default());
    let (mut sorted, others): (Vec<Warning>, Vec<Warning>) =
        warnings.iter().cloned().partition(is_by_chance);
    sorted.sort();
    sorted.extend(others);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity::declared;

    #[test]
    fn every_rule_is_listed() {
        let list = include_str!("../../../DIFFERENCES.md");
        for rule in RULES.iter().filter(|rule| rule.listed != FALLS_OVER) {
            assert!(declared::is_listed(list, rule.listed), "{}", rule.listed);
        }
    }
}
