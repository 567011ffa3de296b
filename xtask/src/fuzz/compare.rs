//! Two answers to an agreement, or to what they disagree about.

use std::collections::HashMap;

use fal_frontend::{llb, proto::pb};
use prost::Message;
use serde_json::Value;

use super::answer::{Answer, Built, Range, Refusal, Solved, Warning};
use crate::parity::{answer::Definition, definition::definitions, difference::differences};

/// What both say alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement {
    Accepted,
    Refused,
}

/// What they do not.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// The same for the same mistake in other words: names, numbers and quoted parts are left out.
    pub(super) kind: String,
    pub(super) notes: Vec<String>,
}

/// Compares what the original said with what ours said.
pub(super) fn compare(original: &Answer, ours: &Answer) -> Result<Agreement, Difference> {
    for (side, answer) in [("original", original), ("ours", ours)] {
        if !answer.broken.is_empty() {
            let note = format!("{side} breaks: {}", answer.broken);
            return Err(difference(note.clone(), vec![note]));
        }
    }
    match (&original.refused, &ours.refused) {
        (Some(left), Some(right)) => refusals(left, right)?,
        (None, None) => {}
        (Some(left), None) => {
            return Err(told(
                &format!("original: {}", shown(left)),
                "ours:     accepts",
            ));
        }
        (None, Some(right)) => {
            return Err(told(
                "original: accepts",
                &format!("ours:     {}", shown(right)),
            ));
        }
    }
    match (&original.built, &ours.built) {
        (Some(left), Some(right)) => builds(left, right)?,
        (None, None) => values(
            "forwarded",
            &serde_json::json!(original.forwarded),
            &serde_json::json!(ours.forwarded),
        )?,
        (left, right) => {
            let shown = |built: &Option<Built>| match built {
                Some(_) => "builds",
                None => "starts another frontend",
            };
            return Err(told(
                &format!("original: {}", shown(left)),
                &format!("ours:     {}", shown(right)),
            ));
        }
    }
    warnings(&original.warnings, &ours.warnings)?;
    Ok(match original.refused {
        Some(_) => Agreement::Refused,
        None => Agreement::Accepted,
    })
}

fn refusals(original: &Refusal, ours: &Refusal) -> Result<(), Difference> {
    // A place without lines is shown nowhere.
    let places = |refusal: &Refusal| -> Vec<Vec<Range>> {
        let places = refusal.places.iter();
        places
            .filter(|ranges| !ranges.is_empty())
            .cloned()
            .collect()
    };
    let same_text = original.message == ours.message && original.code == ours.code;
    if same_text && places(original) == places(ours) {
        return Ok(());
    }
    let notes = vec![
        format!("original: {}", shown(original)),
        format!("ours:     {}", shown(ours)),
    ];
    let kind = match original.message == ours.message {
        true => format!("places of: {}", original.message),
        false => notes.join(" "),
    };
    Err(difference(kind, notes))
}

fn builds(original: &Built, ours: &Built) -> Result<(), Difference> {
    if original == ours {
        return Ok(());
    }
    if !original.refs.keys().eq(ours.refs.keys()) {
        return values(
            "platforms",
            &serde_json::json!(original.refs.keys().collect::<Vec<_>>()),
            &serde_json::json!(ours.refs.keys().collect::<Vec<_>>()),
        );
    }
    for (left, right) in original.refs.values().zip(ours.refs.values()) {
        match (left, right) {
            (None, None) => {}
            (Some(left), Some(right)) => solved(left, right)?,
            (left, right) => {
                let shown = |solved: &Option<Solved>| match solved {
                    Some(_) => "something",
                    None => "scratch",
                };
                return Err(told(
                    &format!("original: makes {}", shown(left)),
                    &format!("ours:     makes {}", shown(right)),
                ));
            }
        }
    }
    attestations(original, ours)?;
    let keys = original.metadata.keys().chain(ours.metadata.keys());
    for key in keys {
        let (left, right) = (original.metadata.get(key), ours.metadata.get(key));
        if left == right {
            continue;
        }
        if let (Some(left), Some(right)) = (converted(left), converted(right)) {
            if left == right {
                continue;
            }
            return Err(told_of_definitions(definitions(&left, &right)));
        }
        let parsed = |bytes: Option<&Vec<u8>>| {
            let text = bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let text = text.unwrap_or_else(|| "null".to_owned());
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        values(key, &parsed(left), &parsed(right))?;
        let bytes = |bytes: Option<&Vec<u8>>| {
            Value::from(String::from_utf8_lossy(bytes.map_or(&[], Vec::as_slice)))
        };
        values(&format!("bytes of {key}"), &bytes(left), &bytes(right))?;
    }
    Ok(())
}

fn attestations(original: &Built, ours: &Built) -> Result<(), Difference> {
    let without_refs = |built: &Built| {
        let mut attestations = built.attestations.clone();
        for attestation in attestations.values_mut().flatten() {
            attestation.reference = None;
        }
        serde_json::json!(attestations)
    };
    values("attestations", &without_refs(original), &without_refs(ours))?;
    let all = |built: &Built| -> Vec<Option<Solved>> {
        let all = built.attestations.values().flatten();
        all.map(|one| one.reference.clone()).collect()
    };
    for pair in all(original).iter().zip(&all(ours)) {
        if let (Some(left), Some(right)) = pair {
            solved(left, right)?;
        }
    }
    Ok(())
}

fn solved(original: &Solved, ours: &Solved) -> Result<(), Difference> {
    values(
        "cache imports",
        &serde_json::json!(original.cache_imports),
        &serde_json::json!(ours.cache_imports),
    )?;
    if original.definition == ours.definition {
        return Ok(());
    }
    let decoded = |solved: &Solved| {
        let decoded = pb::Definition::decode(solved.definition.as_slice());
        decoded.map(number_progress_groups).map_err(|why| {
            let note = format!("a definition is not readable: {why}");
            difference(note.clone(), vec![note])
        })
    };
    let (left, right) = (decoded(original)?, decoded(ours)?);
    if left == right {
        return Ok(());
    }
    let parsed = |definition: &pb::Definition| {
        Definition::parse(&llb::convert_llb_json(&definition.clone().into())).ok()
    };
    let mut notes = match (parsed(&left), parsed(&right)) {
        (Some(left), Some(right)) => definitions(&left, &right),
        _ => Vec::new(),
    };
    if notes.is_empty() {
        notes.push(match left.def == right.def {
            true => "definitions that differ where their JSON does not".to_owned(),
            false => "the same ops in another order, or in other bytes".to_owned(),
        });
    }
    Err(told_of_definitions(notes))
}

/// The answer to `frontend.convertllb`, if it has progress groups, whose names are by chance.
fn converted(bytes: Option<&Vec<u8>>) -> Option<Definition> {
    let text = std::str::from_utf8(bytes?).ok()?;
    let has_groups = text.contains("\"progress_group\": {");
    has_groups.then(|| Definition::parse(text).ok()).flatten()
}

fn told_of_definitions(notes: Vec<String>) -> Difference {
    // The first line is the op's name.
    let telling = notes
        .iter()
        .find(|note| note.contains(": original "))
        .or(notes.first())
        .map_or("", String::as_str);
    let place = telling.split(": original ").next().unwrap_or_default();
    let place = match place.rsplit_once(": ") {
        Some((_, place)) => place,
        None => place,
    };
    difference(format!("definition: {place}"), notes)
}

/// Progress groups have names by chance: numbers instead, in the order of the ops.
fn number_progress_groups(mut definition: pb::Definition) -> pb::Definition {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for op in &definition.def {
        let metadata = definition.metadata.get_mut(&llb::digest(op));
        if let Some(group) = metadata.and_then(|metadata| metadata.progress_group.as_mut()) {
            let next = numbers.len();
            group.id = numbers.entry(group.id.clone()).or_insert(next).to_string();
        }
    }
    definition
}

fn warnings(original: &[Warning], ours: &[Warning]) -> Result<(), Difference> {
    if original == ours {
        return Ok(());
    }
    let (missing, more) = (only_in(original, ours), only_in(ours, original));
    let notes: Vec<String> = missing
        .iter()
        .map(|warning| format!("original warns: {}", one(warning)))
        .chain(
            more.iter()
                .map(|warning| format!("ours warns: {}", one(warning))),
        )
        .collect();
    match notes.first() {
        // They only come in another order.
        None => {
            let order = |list: &[Warning]| list.iter().map(one).collect::<Vec<_>>();
            values(
                "order of warnings",
                &serde_json::json!(order(original)),
                &serde_json::json!(order(ours)),
            )
        }
        Some(first) => Err(difference(first.clone(), notes)),
    }
}

/// What is more often in one list than in the other.
fn only_in<'a>(list: &'a [Warning], other: &[Warning]) -> Vec<&'a Warning> {
    let mut other: Vec<&Warning> = other.iter().collect();
    let mut only = Vec::new();
    for warning in list {
        match other.iter().position(|same| *same == warning) {
            Some(place) => drop(other.swap_remove(place)),
            None => only.push(warning),
        }
    }
    only
}

fn one(warning: &Warning) -> String {
    let lines: Vec<String> = warning
        .ranges
        .iter()
        .map(|[start, _, end, _]| format!("{start}-{end}"))
        .collect();
    format!("{} [{}]", warning.short, lines.join(" "))
}

fn values(what: &str, original: &Value, ours: &Value) -> Result<(), Difference> {
    if original == ours {
        return Ok(());
    }
    let notes: Vec<String> = differences(original, ours)
        .into_iter()
        .map(|line| format!("{what}: {line}"))
        .collect();
    let first = notes.first().map(String::as_str).unwrap_or(what);
    let place = first.split(": original ").next().unwrap_or_default();
    Err(difference(place.to_owned(), notes))
}

fn told(original: &str, ours: &str) -> Difference {
    difference(
        format!("{original} {ours}"),
        vec![original.to_owned(), ours.to_owned()],
    )
}

fn difference(kind: String, notes: Vec<String>) -> Difference {
    Difference {
        kind: general(&kind),
        notes,
    }
}

fn shown(refusal: &Refusal) -> String {
    let places: Vec<String> = refusal
        .places
        .iter()
        .map(|ranges| {
            let lines = ranges.iter().map(|[start, _, end, _]| match start == end {
                true => start.to_string(),
                false => format!("{start}-{end}"),
            });
            lines.collect::<Vec<_>>().join("+")
        })
        .collect();
    format!(
        "{} (code {}, lines {})",
        refusal.message,
        refusal.code,
        places.join(", ")
    )
}

/// A sentence without what comes from the file: quoted parts, numbers, and words that are no plain words.
fn general(sentence: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    for word in sentence.split_whitespace() {
        if let Some(mark) = quote {
            if word.contains(mark) {
                quote = None;
            }
            continue;
        }
        let first = word.chars().next().unwrap_or_default();
        if matches!(first, '"' | '\'' | '`') {
            if word.len() == 1 || !word[1..].contains(first) {
                quote = Some(first);
            }
            out.push_str("\" ");
            continue;
        }
        let is_plain = |c: char| c.is_ascii_alphabetic() || ".:,()-[]".contains(c);
        match word.chars().all(is_plain) {
            true => out.extend([word, " "]),
            false => out.push_str("_ "),
        }
    }
    out.truncate(out.trim_end().len());
    out.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str, line: i32) -> Answer {
        Answer {
            refused: Some(Refusal {
                message: message.to_owned(),
                code: 2,
                places: vec![vec![[line, 0, line, 0]]],
            }),
            ..Answer::default()
        }
    }

    fn built(ops: &[&'static [u8]], group: &str) -> Answer {
        let metadata = |op: &&'static [u8]| {
            let group = pb::ProgressGroup {
                id: group.to_owned(),
                ..Default::default()
            };
            let metadata = pb::OpMetadata {
                progress_group: Some(group),
                ..Default::default()
            };
            (llb::digest(op), metadata)
        };
        let definition = pb::Definition {
            metadata: ops.iter().map(metadata).collect(),
            def: ops.iter().map(|op| (*op).into()).collect(),
            source: None,
        };
        let solved = Solved {
            definition: definition.encode_to_vec(),
            cache_imports: Vec::new(),
        };
        let mut built = Built::default();
        built.refs.insert(String::new(), Some(solved));
        Answer {
            built: Some(built),
            ..Answer::default()
        }
    }

    #[test]
    fn a_refusal_is_its_text_and_its_lines() {
        let one = refused("bad \"a\"", 1);
        assert_eq!(compare(&one, &one.clone()), Ok(Agreement::Refused));
        assert!(compare(&one, &refused("bad \"a\"", 2)).is_err());
        assert!(compare(&one, &built(&[b"a"], "g")).is_err());
    }

    #[test]
    fn the_kind_of_a_difference_does_not_depend_on_names_in_the_file() {
        let kind = |name: &str| {
            let answer = refused(&format!("no stage \"{name}\" in {}", name.len()), 1);
            let difference = compare(&answer, &built(&[b"a"], "g"));
            difference.expect_err("one refuses").kind
        };
        assert_eq!(kind("a"), kind("long name"));
        assert_ne!(kind("a"), general("original: other ours: accepts"));
    }

    #[test]
    fn names_by_chance_are_equal_and_ops_are_compared_to_the_byte() {
        let one = built(&[b"a", b"b"], "x");
        assert_eq!(
            compare(&one, &built(&[b"a", b"b"], "y")),
            Ok(Agreement::Accepted)
        );
        assert!(compare(&one, &built(&[b"a", b"c"], "x")).is_err());
        assert!(compare(&one, &built(&[b"b", b"a"], "x")).is_err());
    }

    #[test]
    fn warnings_are_compared_one_by_one() {
        let warning = |short: &str| Warning {
            short: short.to_owned(),
            ..Warning::default()
        };
        let mut one = built(&[b"a"], "x");
        let mut other = one.clone();
        one.warnings = vec![warning("a"), warning("b"), warning("b")];
        other.warnings = vec![warning("b"), warning("a")];
        let difference = compare(&one, &other).expect_err("one is missing");
        assert_eq!(difference.notes, ["original warns: b []"]);
    }
}
