//! Two answers to a verdict, and to the lines that explain it.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::{
    answer::{Answer, Reply},
    built::{self, Outcome},
    declared::{self, Declared, Difference},
    definition::definitions,
    difference::differences,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Identical,
    BothRefuse,
    /// They say different things, as the case declares.
    AsDeclared,
    /// What they make of it is not equal, or what they say of it.
    Differ,
    /// One refuses.
    Disagree,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identical => "identical",
            Self::BothRefuse => "both refuse",
            Self::AsDeclared => "as declared",
            Self::Differ => "DIFFER",
            Self::Disagree => "DISAGREE",
        })
    }
}

#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) verdict: Verdict,
    pub(super) notes: Vec<String>,
    /// What became of the image, if one was asked for and both frontends gave a definition.
    pub(super) image: Option<Outcome>,
}

/// What is known before the frontends are asked.
pub(super) struct Known<'a> {
    pub(super) declared: &'a Declared,
    /// The list of differences that are there on purpose.
    pub(super) list: &'a str,
    pub(super) ours_built_first: bool,
}

/// Compares what the two frontends said; `verbose` asks for every difference.
pub(super) fn compare(answer: &Answer, known: &Known<'_>, verbose: bool) -> Comparison {
    let done = |verdict, notes| Comparison {
        verdict,
        notes,
        image: None,
    };
    let [original, ours] = answer.answers.as_slice() else {
        return done(Verdict::Disagree, vec![answer.broken.clone()]);
    };
    let (theirs, mine) = match (original.definition(), ours.definition()) {
        (Ok(theirs), Ok(mine)) => (theirs, mine),
        (Err(error), _) => return done(Verdict::Differ, vec![format!("original: {error:#}")]),
        (_, Err(error)) => return done(Verdict::Differ, vec![format!("ours: {error:#}")]),
    };
    let mut notes = match (&theirs, &mine) {
        (Some(theirs), Some(mine)) => definitions(theirs, mine),
        _ => Vec::new(),
    };
    if original.refusal().is_some() || ours.refusal().is_some() {
        let (verdict, told) = refusals(original, ours, known);
        notes.extend(told);
        return done(verdict, notes);
    }
    if known.declared.difference.is_some() {
        notes.push("`differs` declares a difference, and both accept".to_owned());
    }
    notes.extend(metadata(original, ours));
    let (image, differing) = built::compare(original, ours, theirs.as_ref(), known);
    notes.extend(differing);
    let verdict = match notes.is_empty() {
        true => Verdict::Identical,
        false => Verdict::Differ,
    };
    if !verbose {
        shorten(&mut notes);
    }
    Comparison {
        verdict,
        notes,
        image,
    }
}

/// What two frontends say of which at least one refuses.
fn refusals(original: &Reply, ours: &Reply, known: &Known<'_>) -> (Verdict, Vec<String>) {
    let said = |reply: &Reply| reply.refusal().map(|refusal| refusal.shown());
    let (left, right) = (said(original), said(ours));
    let shown = |said: &Option<String>| said.clone().unwrap_or_else(|| "accepts".to_owned());
    let mut notes = vec![
        format!("original: {}", shown(&left)),
        format!("ours:     {}", shown(&right)),
    ];
    if let Some(Difference {
        listed,
        original,
        ours,
    }) = &known.declared.difference
    {
        if (original, ours) != (&shown(&left), &shown(&right)) {
            notes.push("`differs` declares something else".to_owned());
        } else if !declared::is_listed(known.list, listed) {
            notes.push(format!("DIFFERENCES.md has no row that begins {listed:?}"));
        } else {
            return (Verdict::AsDeclared, notes);
        }
        return (Verdict::Differ, notes);
    }
    match (left, right) {
        (Some(left), Some(right)) if left == right => {
            // The original locates errors in a whole build only.
            let converted = |reply: &Reply| reply.refused.as_ref().map(|told| told.message());
            let (theirs, mine) = (converted(original), converted(ours));
            if theirs == mine {
                return (Verdict::BothRefuse, vec![left]);
            }
            let shown = |said: Option<String>| said.unwrap_or_else(|| "accepts".to_owned());
            notes.push("and, asked for frontend.convertllb:".to_owned());
            notes.push(format!("original: {}", shown(theirs)));
            notes.push(format!("ours:     {}", shown(mine)));
            (Verdict::Differ, notes)
        }
        (Some(_), Some(_)) => (Verdict::Differ, notes),
        _ => (Verdict::Disagree, notes),
    }
}

/// Differences in what comes beside the image. Keys that begin `frontend.` are each
/// frontend's own.
fn metadata(original: &Reply, ours: &Reply) -> Vec<String> {
    let keys: BTreeSet<&String> = original
        .metadata
        .keys()
        .chain(ours.metadata.keys())
        .collect();
    keys.into_iter()
        .filter(|key| !key.starts_with("frontend."))
        .flat_map(|key| {
            let (left, right) = (original.metadata.get(key), ours.metadata.get(key));
            texts(left.map(String::as_str), right.map(String::as_str))
                .into_iter()
                .map(move |line| format!("{key}: {line}"))
        })
        .collect()
}

/// Differences of two texts that are JSON if all is well; they must be equal to the byte.
fn texts(original: Option<&str>, ours: Option<&str>) -> Vec<String> {
    if original == ours {
        return Vec::new();
    }
    let parse = |text: Option<&str>| {
        let text = text.unwrap_or("null");
        serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
    };
    let lines = differences(&parse(original), &parse(ours));
    if lines.is_empty() {
        let show = |text: Option<&str>| text.unwrap_or_default().to_owned();
        return vec![format!(
            "equal as JSON and not as bytes:\n{}\n{}",
            show(original),
            show(ours)
        )];
    }
    lines
}

/// Keeps the first difference with what belongs to it, and says how many there are.
fn shorten(notes: &mut Vec<String>) {
    const SHOWN: usize = 8;
    if notes.len() > SHOWN {
        let rest = notes.len() - SHOWN;
        notes.truncate(SHOWN);
        notes.push(format!("… and {rest} more lines (--verbose)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two chains of a source and a RUN, as `frontend.convertllb` answers.
    fn definition(source: &str, command: &str, digests: [&str; 2], group: &str) -> String {
        let [first, second] = digests;
        format!(
            r#"{{"def": {{"{first}": {{"source": {{"identifier": "{source}"}}}},
                 "{second}": {{"inputs": [{{"digest": "{first}"}}], "exec": {{"args": ["{command}"]}}}},
                 "end{second}": {{"inputs": [{{"digest": "{second}"}}]}}}},
                 "metadata": {{"{second}": {{"progress_group": {{"id": "{group}"}}}}}},
                 "source": {{}}}}"#
        )
    }

    fn refusal(message: &str) -> Value {
        serde_json::json!({"code": "Unknown", "message": message, "places": []})
    }

    fn reply(definition: Option<&str>, message: &str) -> Value {
        let refused = definition.is_none().then(|| refusal(message));
        let metadata = definition.map(|_| serde_json::json!({"containerimage.config": "{}"}));
        serde_json::json!({
            "definition": definition,
            "refused": refused,
            "metadata": metadata,
            "metadata_refused": refused,
        })
    }

    fn compared(original: Value, ours: Value, declared: &Declared) -> Comparison {
        let answer = serde_json::json!({"name": "case", "answers": [original, ours]});
        let answer: Answer = serde_json::from_value(answer).expect("an answer");
        let known = Known {
            declared,
            list: "| Listed | a | b |\n",
            ours_built_first: false,
        };
        compare(&answer, &known, true)
    }

    #[track_caller]
    fn check(original: Value, ours: Value, verdict: Verdict, notes: &[&str]) {
        let comparison = compared(original, ours, &Declared::default());
        assert_eq!(comparison.verdict, verdict, "{:?}", comparison.notes);
        assert_eq!(comparison.notes, notes);
    }

    /// The frontends say `original` and `ours`; the case declares `no` and `never`.
    #[track_caller]
    fn check_declared(original: &str, ours: &str, listed: &str, verdict: Verdict) {
        let declared = Declared {
            difference: Some(Difference {
                listed: listed.to_owned(),
                original: "no".to_owned(),
                ours: "never".to_owned(),
            }),
            ..Declared::default()
        };
        let accepted = definition("s", "x", ["1", "2"], "g");
        let said = |text: &str| match text {
            "accepts" => reply(Some(&accepted), ""),
            text => reply(None, text),
        };
        let comparison = compared(said(original), said(ours), &declared);
        assert_eq!(comparison.verdict, verdict, "{:?}", comparison.notes);
    }

    #[test]
    fn the_first_op_that_differs_is_told_and_not_what_follows_from_it() {
        let left = definition("docker-image://a", "x", ["1", "2"], "g");
        let right = definition("docker-image://b", "x", ["3", "4"], "g");
        check(
            reply(Some(&left), ""),
            reply(Some(&right), ""),
            Verdict::Differ,
            &[
                "op (unnamed)",
                r#"  source.identifier: original "docker-image://a", ours "docker-image://b""#,
            ],
        );
    }

    #[test]
    fn groups_of_other_names_are_the_same_and_other_bytes_are_not() {
        let left = definition("s", "x", ["1", "2"], "g");
        let same = definition("s", "x", ["1", "2"], "h");
        check(
            reply(Some(&left), ""),
            reply(Some(&same), ""),
            Verdict::Identical,
            &[],
        );
        let bytes = definition("s", "x", ["1", "9"], "g");
        check(
            reply(Some(&left), ""),
            reply(Some(&bytes), ""),
            Verdict::Differ,
            &[
                r#"the ops are equal as JSON and not as bytes: last op ["end2"] in the original, ["end9"] in ours"#,
            ],
        );
    }

    #[test]
    fn refusals_agree_in_their_words_or_not() {
        let accepted = definition("s", "x", ["1", "2"], "g");
        check(
            reply(None, "no"),
            reply(None, "no"),
            Verdict::BothRefuse,
            &["no"],
        );
        check(
            reply(None, "no"),
            reply(None, "never"),
            Verdict::Differ,
            &["original: no", "ours:     never"],
        );
        check(
            reply(None, "no"),
            reply(Some(&accepted), ""),
            Verdict::Disagree,
            &["original: no", "ours:     accepts"],
        );
    }

    #[test]
    fn what_is_converted_must_be_refused_in_the_same_words_too() {
        let mut ours = reply(None, "no");
        ours["refused"] = refusal("never");
        let comparison = compared(reply(None, "no"), ours, &Declared::default());
        assert_eq!(comparison.verdict, Verdict::Differ);
    }

    #[test]
    fn a_difference_may_be_declared_while_it_is_there_and_listed() {
        check_declared("no", "never", "Listed |", Verdict::AsDeclared);
        check_declared("no", "never", "Elsewhere", Verdict::Differ);
        check_declared("no", "no", "Listed |", Verdict::Differ);
        check_declared("accepts", "never", "Listed |", Verdict::Differ);
        check_declared("accepts", "accepts", "Listed |", Verdict::Differ);
    }
}
