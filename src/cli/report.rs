//! A check for programs: JSON, and SARIF 2.1.0.
//!
//! Takes what was found in a file; gives text. Knows nothing of rules but their names and pages.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    diagnostic::{Diagnostic, render},
    lint::{Edit, Hidden, Rule, Warning},
    source::{Lines, Source},
};

use super::{input::Input, offline::Linted, shown};

/// One object: `warnings`, and `mistake`, which is `null` where the file can be built. Each is as [`render::json`] gives it, warnings of
/// rules with `rule`, `url` and `fixes` too: pieces of lines, in bytes from the line's beginning, and what should stand there. Of lines
/// with a secret there are no fixes, which would be pieces of them.
pub(super) fn json(input: &Input, linted: &Linted) -> String {
    let hidden = Hidden::new(&linted.warnings, &input.shown.bytes);
    let rules = linted.warnings.iter().map(|warning| {
        let mut object = render::json(&shown(warning), &input.shown);
        object["rule"] = json!(warning.rule.name);
        object["message"] = json!(warning.message);
        object["url"] = json!(warning.rule.url);
        let edits = fixes(warning, &hidden).iter().map(|edit| {
            let Edit {
                line,
                start,
                end,
                text,
            } = edit;
            json!({ "line": line, "start": start, "end": end, "text": text })
        });
        object["fixes"] = edits.collect();
        object
    });
    let of_file = input.warnings.iter();
    let of_file = of_file.map(|warning| render::json(&warning.diagnostic, &warning.shown));
    let of_options = linted.of_options.iter();
    let of_options = of_options.map(|warning| render::json(warning, &input.shown));
    let warnings: Vec<Value> = of_file.chain(rules).chain(of_options).collect();
    let mistake = linted.mistake.as_ref();
    let mistake = mistake.map(|mistake| render::json(mistake, &input.shown));
    format!(
        "{:#}\n",
        json!({ "warnings": warnings, "mistake": mistake })
    )
}

/// The edits that are told.
fn fixes<'a>(warning: &'a Warning, hidden: &Hidden) -> &'a [Edit] {
    match warning.lines.is_some_and(|lines| hidden.touches(lines)) {
        true => &[],
        false => &warning.fix,
    }
}

/// The same for tools that show what other tools found.
pub(super) fn sarif(input: &Input, linted: &Linted) -> String {
    let hidden = Hidden::new(&linted.warnings, &input.shown.bytes);
    let rules: BTreeMap<&str, &Rule> = linted
        .warnings
        .iter()
        .map(|warning| (warning.rule.name, warning.rule))
        .collect();
    let rules: Vec<Value> = rules.into_values().map(rule).collect();
    let of_rules = linted
        .warnings
        .iter()
        .map(|warning| of_rule(warning, &hidden, &input.shown));
    let of_file = input.warnings.iter();
    let of_file = of_file.map(|warning| result(&warning.diagnostic, &warning.shown));
    let others = linted.of_options.iter().chain(linted.mistake.as_deref());
    let others = others.map(|found| result(found, &input.shown));
    let results: Vec<Value> = of_file.chain(of_rules).chain(others).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "fal-image", "rules": rules } },
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(rule: &Rule) -> Value {
    let mut object = json!({
        "id": rule.name,
        "shortDescription": { "text": rule.description },
        "help": { "text": rule.documentation, "markdown": rule.documentation },
    });
    if let Some(url) = rule.url {
        object["helpUri"] = json!(url);
    }
    object
}

fn of_rule(warning: &Warning, hidden: &Hidden, source: &Source) -> Value {
    let mut object = result(&shown(warning), source);
    object["ruleId"] = json!(warning.rule.name);
    object["message"] = json!({ "text": warning.message });
    let edits = fixes(warning, hidden);
    if !edits.is_empty() {
        let replacements: Vec<Value> = edits.iter().map(|edit| replacement(edit, source)).collect();
        object["fixes"] = json!([{
            "artifactChanges": [{
                "artifactLocation": { "uri": source.name },
                "replacements": replacements,
            }],
        }]);
    }
    object
}

fn result(found: &Diagnostic, source: &Source) -> Value {
    let region = |lines: &Lines| {
        json!({
            "physicalLocation": {
                "artifactLocation": { "uri": source.name },
                "region": { "startLine": lines.start.max(1), "endLine": lines.end.max(1) },
            },
        })
    };
    let locations: Vec<Value> = found.locations.iter().map(region).collect();
    json!({
        "level": found.severity.to_string(),
        "message": { "text": found.to_string() },
        "locations": locations,
    })
}

fn replacement(edit: &Edit, source: &Source) -> Value {
    let line = source.line(edit.line).unwrap_or_default();
    let column = |at: usize| {
        let before = line.get(..at).unwrap_or(line);
        before.encode_utf16().count() + 1
    };
    json!({
        "deletedRegion": {
            "startLine": edit.line,
            "startColumn": column(edit.start),
            "endLine": edit.line,
            "endColumn": column(edit.end),
        },
        "insertedContent": { "text": edit.text },
    })
}
