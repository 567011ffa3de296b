//! What a frontend said: the line that both programs print for a case.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::base64;

/// Everything that comes back to the client.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) refused: Option<Refusal>,
    #[serde(default)]
    pub(super) built: Option<Built>,
    /// The options that another frontend was started with, and its name under the empty key.
    #[serde(default)]
    pub(super) forwarded: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) warnings: Vec<Warning>,
    /// How the frontend fell over.
    #[serde(default)]
    pub(super) broken: String,
}

/// Line and character, from and to.
pub(super) type Range = [i32; 4];

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) code: u32,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) places: Vec<Vec<Range>>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Built {
    /// By platform; the name of the only one is empty. `None` is scratch.
    pub(super) refs: BTreeMap<String, Option<Solved>>,
    #[serde(with = "base64::map")]
    pub(super) metadata: BTreeMap<String, Vec<u8>>,
    /// By platform.
    pub(super) attestations: BTreeMap<String, Vec<Attestation>>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Attestation {
    pub(super) kind: i32,
    #[serde(with = "base64::map")]
    pub(super) metadata: BTreeMap<String, Vec<u8>>,
    pub(super) path: String,
    pub(super) predicate: String,
    pub(super) subjects: usize,
    #[serde(rename = "ref")]
    pub(super) reference: Option<Solved>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Solved {
    /// The message `pb.Definition`.
    #[serde(with = "base64")]
    pub(super) definition: Vec<u8>,
    pub(super) cache_imports: Vec<CacheImport>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CacheImport {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) attrs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Warning {
    pub(super) short: String,
    pub(super) ranges: Vec<Range>,
    pub(super) detail: Vec<String>,
    pub(super) url: String,
    pub(super) level: i64,
    pub(super) digest: String,
    pub(super) file: String,
}

impl Answer {
    /// No answer, and why.
    pub(super) fn broken(why: impl Into<String>) -> Self {
        Self {
            broken: why.into(),
            ..Self::default()
        }
    }
}

/// Go writes `null` for what is empty.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
