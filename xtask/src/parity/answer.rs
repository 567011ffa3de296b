//! What the frontends said of a case, in `convert`'s words, and the definition inside.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The line that `convert` prints for a case.
#[derive(Deserialize)]
pub(super) struct Answer {
    pub(super) name: String,
    /// The original's reply and ours; fewer when `broken` says why.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) answers: Vec<Reply>,
    #[serde(default)]
    pub(super) broken: String,
}

#[derive(Deserialize)]
pub(super) struct Reply {
    definition: Option<String>,
    pub(super) refused: Option<Refusal>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) metadata_refused: Option<Refusal>,
    pub(super) built: Option<Built>,
}

/// What became of a frontend's result.
#[derive(Deserialize)]
pub(super) struct Built {
    /// A source that is not on this machine; then nothing was built.
    #[serde(default)]
    pub(super) unreachable: String,
    pub(super) failed: Option<Refusal>,
    /// Those of the index, or the one.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) images: Vec<Image>,
    /// The steps that the daemon did not find in its cache.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) ran: Vec<String>,
}

/// One platform's image, as exported.
#[derive(Deserialize)]
pub(super) struct Image {
    pub(super) descriptor: Value,
    pub(super) manifest: Value,
    pub(super) config: Value,
}

/// The answer to `frontend.convertllb`.
#[derive(Debug, PartialEq)]
pub(crate) struct Definition {
    /// Digest to op.
    pub(super) ops: Map<String, Value>,
    /// Digest to what the daemon is told about the op beside its content.
    pub(super) metadata: Map<String, Value>,
    /// Source files, and which lines each op came from.
    pub(super) source: Value,
}

impl Reply {
    /// The definition, if the frontend accepted the case.
    pub(super) fn definition(&self) -> Result<Option<Definition>> {
        self.definition
            .as_deref()
            .map(Definition::parse)
            .transpose()
    }

    /// The refusal with the most to say: only a whole build locates its errors.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        self.metadata_refused.as_ref().or(self.refused.as_ref())
    }
}

impl Definition {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Written {
            def: Map<String, Value>,
            #[serde(default, deserialize_with = "or_default")]
            metadata: Map<String, Value>,
            #[serde(default)]
            source: Value,
        }
        let written: Written = serde_json::from_str(text)
            .context("the answer to frontend.convertllb is no definition")?;
        let mut definition = Self {
            ops: written.def,
            metadata: written.metadata,
            source: written.source,
        };
        definition.number_progress_groups();
        Ok(definition)
    }

    /// Digests of all ops, inputs before their users, from the first input of the last op on.
    pub(super) fn order(&self) -> Vec<String> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        let mut stack: Vec<(&str, bool)> =
            self.roots().into_iter().map(|root| (root, false)).collect();
        while let Some((digest, inputs_done)) = stack.pop() {
            if inputs_done {
                order.push(digest.to_owned());
            } else if seen.insert(digest) {
                stack.push((digest, true));
                stack.extend(
                    self.inputs(digest)
                        .into_iter()
                        .rev()
                        .map(|input| (input, false)),
                );
            }
        }
        order
    }

    /// The ops that no other op takes as input; a definition has one, its last.
    pub(super) fn roots(&self) -> Vec<&str> {
        let used: BTreeSet<&str> = self
            .ops
            .keys()
            .flat_map(|digest| self.inputs(digest))
            .collect();
        self.ops
            .keys()
            .map(String::as_str)
            .filter(|digest| !used.contains(digest))
            .collect()
    }

    /// The digests of an op's inputs.
    pub(super) fn inputs(&self, digest: &str) -> Vec<&str> {
        let inputs = self.ops.get(digest).and_then(|op| op["inputs"].as_array());
        inputs
            .into_iter()
            .flatten()
            .filter_map(|input| input["digest"].as_str())
            .collect()
    }

    /// The name under which a build shows the op, if it has one.
    pub(super) fn name(&self, digest: &str) -> Option<&str> {
        self.metadata.get(digest)?["description"]["llb.customname"].as_str()
    }

    /// Whether some op is run every time.
    pub(super) fn ignores_cache(&self) -> bool {
        self.metadata
            .values()
            .any(|metadata| metadata["ignore_cache"] == Value::Bool(true))
    }

    /// Progress groups have random ids: gives them numbers, in the order of the ops.
    fn number_progress_groups(&mut self) {
        let mut numbers: HashMap<String, usize> = HashMap::new();
        for digest in self.order() {
            let Some(group) = self
                .metadata
                .get_mut(&digest)
                .and_then(|data| data.get_mut("progress_group"))
            else {
                continue;
            };
            if let Some(id) = group.get_mut("id") {
                let next = numbers.len();
                let number = *numbers.entry(id.to_string()).or_insert(next);
                *id = Value::from(number);
            }
        }
    }
}

/// Go writes `null` for what is empty.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_groups_are_numbered_in_the_order_of_the_ops() -> Result<()> {
        let text = |first: &str, second: &str| {
            format!(
                r#"{{"def": {{"c": {{"inputs": [{{"digest": "a"}}, {{"digest": "b"}}]}}, "b": {{}}, "a": {{}}}},
                     "metadata": {{"b": {{"progress_group": {{"id": "{second}"}}}},
                                   "a": {{"progress_group": {{"id": "{first}"}}}}}},
                     "source": {{}}}}"#
            )
        };
        let one = Definition::parse(&text("x", "y"))?;
        assert_eq!(one.order(), ["a", "b", "c"]);
        assert_eq!(one.metadata["a"]["progress_group"]["id"], 0);
        assert_eq!(one, Definition::parse(&text("y", "z"))?);
        assert_ne!(one, Definition::parse(&text("y", "y"))?);
        Ok(())
    }
}
