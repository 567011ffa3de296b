//! Two built images to the places where they differ.

use serde_json::{Value, json};

use super::{
    answer::{Built, Definition, Image, Reply},
    compare::Known,
    difference::differences,
};

/// What became of an image that was asked for.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// Both frontends built it.
    Built,
    /// Neither could, and why.
    Impossible(String),
}

/// Compares what was built, if it was.
pub(super) fn compare(
    original: &Reply,
    ours: &Reply,
    definition: Option<&Definition>,
    known: &Known<'_>,
) -> (Option<Outcome>, Vec<String>) {
    let (Some(theirs), Some(mine)) = (&original.built, &ours.built) else {
        return (None, Vec::new());
    };
    if !theirs.unreachable.is_empty() {
        let reason = format!("{} is not on this machine", theirs.unreachable);
        return (Some(Outcome::Impossible(reason)), Vec::new());
    }
    let failure = |built: &Built| built.failed.as_ref().map(|failed| failed.shown());
    match (failure(theirs), failure(mine)) {
        (None, None) => {
            let mut notes = images(theirs, mine);
            let second = if known.ours_built_first { theirs } else { mine };
            if !definition.is_some_and(Definition::ignores_cache) {
                let ran = second.ran.iter();
                notes.extend(ran.map(|step| format!("not in the cache of the other's: {step}")));
            }
            if let Some(text) = &known.declared.failure {
                notes.push(format!("`fails` declares: {text}"));
            }
            (Some(Outcome::Built), notes)
        }
        (Some(left), Some(right)) => {
            let notes = failures(&left, &right, known);
            (Some(Outcome::Impossible(left)), notes)
        }
        (left, right) => {
            let shown = |said: Option<String>| said.unwrap_or_else(|| "builds".to_owned());
            let notes = vec![
                format!("original: {}", shown(left)),
                format!("ours:     {}", shown(right)),
            ];
            (None, notes)
        }
    }
}

/// Two failures. If several steps fail, the daemon tells of the one that it met first: so only
/// what is known beforehand is compared.
fn failures(left: &str, right: &str, known: &Known<'_>) -> Vec<String> {
    let Some(text) = &known.declared.failure else {
        return Vec::new();
    };
    if left == text && right == text {
        return Vec::new();
    }
    vec![
        format!("original: {left}"),
        format!("ours:     {right}"),
        format!("`fails`:  {text}"),
    ]
}

/// What differs between the images. Images of one digest are equal to the last byte; what is
/// built in another second may only have other times.
fn images(original: &Built, ours: &Built) -> Vec<String> {
    let all = |built: &Built| built.images.iter().map(parts).collect();
    differences(&Value::Array(all(original)), &Value::Array(all(ours)))
        .into_iter()
        .map(|line| format!("image{line}"))
        .collect()
}

/// What must be equal: everything but the times of creation, and digests and sizes of what holds
/// them.
fn parts(image: &Image) -> Value {
    let mut config = image.config.clone();
    without_time(&mut config);
    if let Some(history) = config.get_mut("history").and_then(Value::as_array_mut) {
        history.iter_mut().for_each(without_time);
    }
    let mut manifest = image.manifest.clone();
    if let Some(manifest) = manifest.as_object_mut() {
        manifest.insert("config".to_owned(), config);
    }
    json!({"platform": image.descriptor["platform"], "manifest": manifest})
}

fn without_time(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("created");
    }
}
