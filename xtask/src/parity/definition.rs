//! Two definitions to the places where they differ.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{answer::Definition, difference::differences};

/// What differs between two definitions, first op first.
pub(crate) fn definitions(original: &Definition, ours: &Definition) -> Vec<String> {
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
