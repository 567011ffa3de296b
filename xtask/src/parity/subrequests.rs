//! Ours against the original in what they answer to subrequests.
//!
//! Every text of an answer must be equal to the byte: `result.json`, `result.txt`, the status code and the version. What may differ
//! is what DIFFERENCES.md lists: [`plain`] takes it out of both answers, and nothing else.

use std::{collections::BTreeMap, fmt, process::Command};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{cases::Case, difference::differences};
use crate::process;

pub(crate) const OUTLINE: &str = "frontend.outline";
const TARGETS: &str = "frontend.targets";
pub(crate) const LINT: &str = "frontend.lint";
const DESCRIBE: &str = "frontend.subrequests.describe";

const JSON: &str = "result.json";
const TEXT: &str = "result.txt";

/// A case with what both frontends are asked, as `convert` reads it.
#[derive(Serialize)]
struct Question<'a> {
    #[serde(flatten)]
    case: &'a Case,
    subrequests: Vec<&'static str>,
}

/// The line that `convert` prints for it.
#[derive(Deserialize)]
struct Answer {
    name: String,
    /// The original's and ours; fewer when `broken` says why.
    answers: Option<Vec<Reply>>,
    #[serde(default)]
    broken: String,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    outcomes: BTreeMap<String, Outcome>,
}

/// The answer to one subrequest, by the names of its texts, or the refusal.
#[derive(Deserialize)]
struct Outcome {
    metadata: Option<Texts>,
    refused: Option<Refusal>,
}

/// Of which the places are left out: only ours says them when it is no build.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Identical,
    BothRefuse,
    /// Equal but for what DIFFERENCES.md lists.
    AsDeclared,
    Differ,
    /// One refuses.
    Disagree,
}

impl Verdict {
    fn is_good(self) -> bool {
        matches!(self, Self::Identical | Self::BothRefuse | Self::AsDeclared)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Identical => "identical",
            Self::BothRefuse => "both refuse",
            Self::AsDeclared => "as declared",
            Self::Differ => "DIFFER",
            Self::Disagree => "DISAGREE",
        })
    }
}

/// Puts every subrequest of every case to both frontends; fails unless the answers are equal, or differ as is declared.
pub(super) fn judge(convert: &mut Command, cases: &[Case], verbose: bool) -> Result<()> {
    let questions: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(place, case)| Question::new(case, place == 0))
        .collect();
    let answers: Vec<Answer> = process::ask(convert, &questions)?;
    let answers: BTreeMap<&str, &Answer> = answers
        .iter()
        .map(|answer| (answer.name.as_str(), answer))
        .collect();
    let mut tally: BTreeMap<Verdict, usize> = BTreeMap::new();
    for Question { case, subrequests } in questions {
        let name = case.name.as_str();
        let answer = answers.get(name);
        let answer = answer.with_context(|| format!("{name} was not answered"))?;
        let Some([original, ours]) = answer.answers.as_deref() else {
            bail!("{name}: {}", answer.broken);
        };
        for subrequest in subrequests {
            let outcomes = original.outcomes.get(subrequest);
            let outcomes = outcomes.zip(ours.outcomes.get(subrequest));
            let (left, right) = outcomes.with_context(|| format!("{name}: no {subrequest}"))?;
            let known = case.declared.difference.as_ref();
            let known = known.map(|known| known.ours.as_str()).unwrap_or_default();
            let (verdict, notes) = compare(subrequest, left, right, known);
            *tally.entry(verdict).or_default() += 1;
            if verbose || !verdict.is_good() {
                println!("{verdict:<12} {subrequest} of {name}");
                for line in notes {
                    println!("{:<12}   {line}", "");
                }
            }
        }
    }
    let counts = tally
        .iter()
        .map(|(verdict, count)| format!("{count} {verdict}"));
    let counts: Vec<_> = counts.collect();
    println!("answers to subrequests: {}", counts.join(", "));
    match tally.keys().all(|verdict| verdict.is_good()) {
        true => Ok(()),
        false => bail!("the two frontends do not answer alike"),
    }
}

impl<'a> Question<'a> {
    fn new(case: &'a Case, is_first: bool) -> Self {
        let mut subrequests = vec![OUTLINE, TARGETS, LINT];
        if is_first {
            // The answer has nothing to do with the case.
            subrequests.push(DESCRIBE);
        }
        let unasked = &case.declared.unasked;
        subrequests.retain(|name| unasked.iter().all(|unasked| unasked != name));
        Self { case, subrequests }
    }
}

/// `known` is what the case declares that ours says of its build.
fn compare(
    subrequest: &str,
    original: &Outcome,
    ours: &Outcome,
    known: &str,
) -> (Verdict, Vec<String>) {
    // Only a build says the lines.
    let is_known = |message: &str| known.split(" (line ").next() == Some(message);
    let (left, right) = match (original.said(), ours.said()) {
        (Ok(left), Ok(right)) if left == right => return (Verdict::Identical, Vec::new()),
        (Ok(left), Ok(right)) => (left, right),
        (Err(left), Err(right)) if left == right => {
            return (Verdict::BothRefuse, vec![left.to_owned()]);
        }
        (left, right) => {
            let said = |said: Result<_, &str>| said.err().unwrap_or("answers").to_owned();
            let is_declared = match (left, right) {
                (_, Err(right)) if is_known(right) => true,
                (Err(left), Err(right)) => plain_message(left) == plain_message(right),
                _ => false,
            };
            let verdict = match is_declared {
                true => Verdict::AsDeclared,
                false => Verdict::Disagree,
            };
            let notes = vec![
                format!("original: {}", said(left)),
                format!("ours:     {}", said(right)),
            ];
            return (verdict, notes);
        }
    };
    if parsed(left) == parsed(right) {
        let note = "equal as JSON and not as bytes".to_owned();
        return (Verdict::Differ, vec![note]);
    }
    let (left, right) = (plain(subrequest, left), plain(subrequest, right));
    let mistake = right[JSON]["buildError"]["message"].as_str();
    if left == right || mistake.is_some_and(is_known) {
        return (Verdict::AsDeclared, Vec::new());
    }
    (Verdict::Differ, differences(&left, &right))
}

/// The texts of an answer, by name.
pub(crate) type Texts = BTreeMap<String, String>;

impl Outcome {
    fn said(&self) -> Result<Option<&Texts>, &str> {
        match &self.refused {
            None => Ok(self.metadata.as_ref()),
            Some(refusal) => Err(refusal.message.as_str()),
        }
    }
}

/// Whether two answers that are not the same are, but for what DIFFERENCES.md lists.
pub(crate) fn same_as_declared(subrequest: &str, original: &Texts, ours: &Texts) -> bool {
    let (left, right) = (Some(original), Some(ours));
    parsed(left) != parsed(right) && plain(subrequest, left) == plain(subrequest, right)
}

/// An answer without what DIFFERENCES.md lists; JSON as a value, text as its lines.
fn plain(subrequest: &str, texts: Option<&Texts>) -> Value {
    let plain = |(name, value): (String, Value)| {
        let text = value.as_str().unwrap_or_default();
        let value = match (name.as_str(), subrequest) {
            (JSON, OUTLINE) => outline(value),
            (JSON, LINT) => lint(value),
            (JSON, DESCRIBE) => describe(value),
            (TEXT, OUTLINE) => sorted(text.lines().take_while(|line| *line != "CACHE")),
            (TEXT, LINT) => sorted(text.lines().map(without_suggestion)),
            (TEXT, DESCRIBE) => sorted(text.lines().filter(|line| is_listed_by_both(line))),
            _ => value,
        };
        (name, value)
    };
    Value::Object(parsed(texts).into_iter().map(plain).collect())
}

/// The texts of an answer, what is JSON as a value.
fn parsed(texts: Option<&Texts>) -> Map<String, Value> {
    let parsed = |(name, text): (&String, &String)| {
        let json = (name == JSON).then(|| serde_json::from_str(text).ok());
        let value = json.flatten().unwrap_or_else(|| text.as_str().into());
        (name.clone(), value)
    };
    texts.into_iter().flatten().map(parsed).collect()
}

/// Ours lists caches. Of what stands on one line, ours keeps the order.
fn outline(mut json: Value) -> Value {
    if let Some(outline) = json.as_object_mut() {
        outline.remove("cache");
        for list in outline.values_mut().filter_map(Value::as_array_mut) {
            list.sort_by_key(|entry| (line(entry), entry["name"].to_string()));
        }
    }
    json
}

/// Warnings about several base images, or about several names of one line, are by chance in the order of the original, and so is the
/// suggestion when several names are equally near.
fn lint(mut json: Value) -> Value {
    let warnings = json["warnings"].as_array_mut();
    let warnings = warnings.map(Vec::as_mut_slice).unwrap_or_default();
    for detail in warnings
        .iter_mut()
        .filter_map(|warning| warning.get_mut("detail"))
    {
        *detail = without_suggestion(detail.as_str().unwrap_or_default()).into();
    }
    let of_images = |warning: &Value| warning["ruleName"] == "InvalidBaseImagePlatform";
    let belong_together = |one: &Value, next: &Value| {
        one["ruleName"] == next["ruleName"]
            && (of_images(one) || one["location"] == next["location"])
    };
    for group in warnings.chunk_by_mut(belong_together) {
        group.sort_by_key(|warning| (line(warning), warning["detail"].to_string()));
    }
    if let Some(mistake) = json.get_mut("buildError") {
        let message = plain_message(mistake["message"].as_str().unwrap_or_default());
        // A circle may be told in several ways.
        if message.starts_with("circular dependency") {
            mistake["location"] = Value::Null;
        }
        mistake["message"] = message.into();
    }
    json
}

/// Ours lists all that there are.
fn describe(mut json: Value) -> Value {
    if let Some(listed) = json.as_array_mut() {
        listed.retain(|entry| {
            let name = entry["name"].as_str().unwrap_or_default();
            is_listed_by_both(name.trim_start_matches("frontend."))
        });
    }
    json
}

fn is_listed_by_both(line: &str) -> bool {
    !matches!(line.split(' ').next(), Some("lint" | "convertllb"))
}

fn line(entry: &Value) -> Option<u64> {
    entry["location"]["ranges"][0]["start"]["line"].as_u64()
}

fn without_suggestion(text: &str) -> &str {
    text.split(" (did you mean ").next().unwrap_or(text)
}

/// A message without its suggestion, and without the order of a map. The daemon's own frontend says besides how it looked for an image that is not found, which a
/// frontend that is an image is not told.
fn plain_message(message: &str) -> String {
    let message = without_suggestion(message);
    let found = message.split_once("failed to resolve source metadata for ");
    match found.and_then(|(before, after)| Some((before, after.split_once(": ")?.1))) {
        Some((before, after)) => format!("{before}{after}"),
        None => in_order(message),
    }
}

/// Rules that were broken, which the original names in an order by chance.
fn in_order(message: &str) -> String {
    let Some((violation, rules)) = message.split_once(" found for rules: ") else {
        return message.to_owned();
    };
    let mut rules: Vec<_> = rules.split(", ").collect();
    rules.sort_unstable();
    format!("{violation}: {}", rules.join(", "))
}

fn sorted<'a>(lines: impl Iterator<Item = &'a str>) -> Value {
    let mut lines: Vec<_> = lines.collect();
    lines.sort_unstable();
    Value::from(lines)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(texts: Value) -> Value {
        json!({ "metadata": texts })
    }

    fn refused(message: &str) -> Value {
        json!({ "metadata": null, "refused": { "message": message } })
    }

    #[track_caller]
    fn check(subrequest: &str, original: Value, ours: Value, expected: Verdict) {
        let outcome = |value| serde_json::from_value(value).expect("an outcome");
        let (verdict, notes) = compare(
            subrequest,
            &outcome(original),
            &outcome(ours),
            "not so (line 2)",
        );
        assert_eq!(verdict, expected, "{notes:?}");
    }

    #[test]
    fn bytes_must_be_equal() {
        let text = |text: &str| answered(json!({ "result.txt": text, "version": "1" }));
        check(TARGETS, text("a "), text("a "), Verdict::Identical);
        check(TARGETS, text("a "), text("a"), Verdict::Differ);
        check(TARGETS, text("a"), refused("no"), Verdict::Disagree);
        check(TARGETS, refused("no"), refused("no"), Verdict::BothRefuse);
        check(TARGETS, refused("no"), refused("yes"), Verdict::Disagree);
        let near = |name: &str| refused(&format!("no a (did you mean {name}?)"));
        check(TARGETS, near("b"), near("c"), Verdict::AsDeclared);
        check(OUTLINE, text("a"), refused("not so"), Verdict::AsDeclared);
    }

    #[test]
    fn caches_and_the_order_of_a_line_may_differ() {
        let outline = |names: [&str; 2], caches: &str| {
            let entry = |name| json!({ "name": name, "location": { "ranges": [{ "start": { "line": 2 } }] } });
            let json = json!({ "args": names.map(entry), "cache": caches });
            let text = format!("{}\n{}\nCACHE\n{caches}\n", names[0], names[1]);
            answered(json!({ "result.json": json.to_string(), "result.txt": text }))
        };
        let (one, other) = (outline(["a", "b"], ""), outline(["b", "a"], "c"));
        check(OUTLINE, one.clone(), other, Verdict::AsDeclared);
        check(OUTLINE, one, outline(["a", "c"], ""), Verdict::Differ);
    }
}
