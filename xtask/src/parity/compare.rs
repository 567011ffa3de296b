//! Two answers to a verdict, and to the lines that explain it.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::{
    answer::{Answer, Definition, Refusal, Reply},
    difference::differences,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Identical,
    BothRefuse,
    /// Both accept, and what they make of it is not equal.
    Differ,
    /// One refuses.
    Disagree,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identical => "identical",
            Self::BothRefuse => "both refuse",
            Self::Differ => "DIFFER",
            Self::Disagree => "DISAGREE",
        })
    }
}

#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) verdict: Verdict,
    pub(super) notes: Vec<String>,
}

impl Comparison {
    fn new(verdict: Verdict, notes: Vec<String>) -> Self {
        Self { verdict, notes }
    }
}

/// Compares what the two frontends said; `verbose` asks for every difference.
pub(super) fn compare(answer: &Answer, verbose: bool) -> Comparison {
    let [original, ours] = answer.answers.as_slice() else {
        return Comparison::new(Verdict::Disagree, vec![answer.broken.clone()]);
    };
    let (theirs, mine) = match (original.definition(), ours.definition()) {
        (Ok(theirs), Ok(mine)) => (theirs, mine),
        (Err(error), _) => {
            return Comparison::new(Verdict::Differ, vec![format!("original: {error:#}")]);
        }
        (_, Err(error)) => {
            return Comparison::new(Verdict::Differ, vec![format!("ours: {error:#}")]);
        }
    };
    match (theirs, mine) {
        (None, None) => Comparison::new(Verdict::BothRefuse, refusals(original, ours)),
        (Some(theirs), Some(mine)) => {
            let mut notes = definitions(&theirs, &mine);
            notes.extend(metadata(original, ours));
            let verdict = if notes.is_empty() {
                Verdict::Identical
            } else {
                Verdict::Differ
            };
            if !verbose {
                shorten(&mut notes);
            }
            Comparison::new(verdict, notes)
        }
        _ => Comparison::new(Verdict::Disagree, refusals(original, ours)),
    }
}

/// What differs between two definitions, first op first.
fn definitions(original: &Definition, ours: &Definition) -> Vec<String> {
    if original == ours {
        return Vec::new();
    }
    let mut notes = ops(original, ours);
    if notes.is_empty() {
        // The ops are equal, so their digests name the same things on both sides.
        notes = beside_the_ops(original, ours);
    }
    notes
}

/// Walks both graphs from their last op together, and tells the pairs that are not equal,
/// inputs before their users.
fn ops(original: &Definition, ours: &Definition) -> Vec<String> {
    let (roots, our_roots) = (original.roots(), ours.roots());
    let mut notes = Vec::new();
    let mut seen = BTreeSet::new();
    let mut stack: Vec<(&str, &str, bool)> = roots
        .iter()
        .zip(&our_roots)
        .map(|(left, right)| (*left, *right, false))
        .collect();
    while let Some((left, right, inputs_done)) = stack.pop() {
        if inputs_done {
            notes.extend(op(original, left, ours, right));
        } else if left != right && seen.insert((left, right)) {
            stack.push((left, right, true));
            let pairs = original.inputs(left).into_iter().zip(ours.inputs(right));
            let pairs: Vec<_> = pairs.map(|(left, right)| (left, right, false)).collect();
            stack.extend(pairs.into_iter().rev());
        }
    }
    if notes.is_empty() && (roots != our_roots) {
        notes.push(format!(
            "the ops are equal as JSON and not as bytes: last op {roots:?} in the original, {our_roots:?} in ours"
        ));
    }
    notes
}

/// What differs between two ops that stand in the same place, beyond the digests of inputs.
fn op(original: &Definition, left: &str, ours: &Definition, right: &str) -> Vec<String> {
    let name = original
        .name(left)
        .or_else(|| ours.name(right))
        .unwrap_or("(unnamed)");
    let lines = differences(
        &without_input_digests(original.ops.get(left)),
        &without_input_digests(ours.ops.get(right)),
    );
    if lines.is_empty() {
        return Vec::new();
    }
    let mut notes = vec![format!("op {name}")];
    notes.extend(lines.into_iter().map(|line| format!("  {line}")));
    notes
}

fn without_input_digests(op: Option<&Value>) -> Value {
    let mut op = op.cloned().unwrap_or_default();
    let inputs = op.get_mut("inputs").and_then(Value::as_array_mut);
    for input in inputs.into_iter().flatten() {
        if let Some(input) = input.as_object_mut() {
            input.remove("digest");
        }
    }
    op
}

/// Differences in the metadata of ops and in the source map.
fn beside_the_ops(original: &Definition, ours: &Definition) -> Vec<String> {
    let mut notes = Vec::new();
    for digest in original.order() {
        let (left, right) = (original.metadata.get(&digest), ours.metadata.get(&digest));
        let nothing = Value::Null;
        let lines = differences(left.unwrap_or(&nothing), right.unwrap_or(&nothing));
        let name = original.name(&digest).unwrap_or(&digest);
        notes.extend(
            lines
                .into_iter()
                .map(|line| format!("metadata of op {name}: {line}")),
        );
    }
    let lines = differences(&original.source, &ours.source);
    notes.extend(lines.into_iter().map(|line| format!("source map: {line}")));
    if notes.is_empty() {
        notes.push("metadata of ops that the definition does not hold".to_owned());
    }
    notes
}

/// Differences in what comes beside the image. Keys that begin `frontend.` are each
/// frontend's own.
fn metadata(original: &Reply, ours: &Reply) -> Vec<String> {
    if let (Some(left), Some(right)) = (&original.metadata_refused, &ours.metadata_refused) {
        return if left.lines == right.lines {
            Vec::new()
        } else {
            side_by_side(left, right)
        };
    }
    if original.metadata_refused.is_some() || ours.metadata_refused.is_some() {
        let mut notes = vec!["converted by both, built by one:".to_owned()];
        notes.extend(refusals(original, ours));
        return notes;
    }
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

fn refusals(original: &Reply, ours: &Reply) -> Vec<String> {
    match (original.refusal(), ours.refusal()) {
        (Some(left), Some(right)) if left == right => vec![shown(left)],
        (Some(left), Some(right)) => side_by_side(left, right),
        (Some(left), None) => vec![
            format!("original: {}", shown(left)),
            "ours:     accepts".to_owned(),
        ],
        (None, Some(right)) => vec![
            "original: accepts".to_owned(),
            format!("ours:     {}", shown(right)),
        ],
        (None, None) => Vec::new(),
    }
}

fn side_by_side(left: &Refusal, right: &Refusal) -> Vec<String> {
    vec![
        format!("original: {}", shown(left)),
        format!("ours:     {}", shown(right)),
    ]
}

fn shown(refusal: &Refusal) -> String {
    let lines: Vec<String> = refusal
        .lines
        .iter()
        .map(|(first, last)| {
            if first == last {
                format!("{first}")
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    match lines.is_empty() {
        true => refusal.message.clone(),
        false => format!("{} (line {})", refusal.message, lines.join(", ")),
    }
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

    fn reply(definition: Option<&str>, refusal: &str) -> Value {
        serde_json::json!({
            "definition": definition,
            "refused": definition.is_none().then(|| serde_json::json!({"message": refusal, "lines": []})),
            "metadata": definition.map(|_| serde_json::json!({"containerimage.config": "{}"})),
        })
    }

    #[track_caller]
    fn check(original: Value, ours: Value, verdict: Verdict, notes: &[&str]) {
        let answer = serde_json::json!({"name": "case", "answers": [original, ours]});
        let answer: Answer = serde_json::from_value(answer).expect("an answer");
        let comparison = compare(&answer, true);
        assert_eq!(comparison.verdict, verdict, "{:?}", comparison.notes);
        assert_eq!(comparison.notes, notes);
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
    fn refusals_agree_or_not() {
        let accepted = definition("s", "x", ["1", "2"], "g");
        check(
            reply(None, "no"),
            reply(None, "no"),
            Verdict::BothRefuse,
            &["no"],
        );
        check(
            reply(None, "no"),
            reply(Some(&accepted), ""),
            Verdict::Disagree,
            &["original: no", "ours:     accepts"],
        );
    }
}
