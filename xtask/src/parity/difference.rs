//! Two JSON values to the places where they differ.

use std::collections::BTreeSet;

use serde_json::Value;

/// How much of a value is shown.
const LONGEST: usize = 200;

/// One line for each place: its path, what the original has and what ours has.
pub(crate) fn differences(original: &Value, ours: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    collect("", Some(original), Some(ours), &mut lines);
    lines
}

fn collect(path: &str, original: Option<&Value>, ours: Option<&Value>, lines: &mut Vec<String>) {
    match (original, ours) {
        (left, right) if left == right => {}
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                collect(&path, left.get(key), right.get(key), lines);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            for index in 0..left.len().max(right.len()) {
                let path = format!("{path}[{index}]");
                collect(&path, left.get(index), right.get(index), lines);
            }
        }
        (left, right) => lines.push(format!(
            "{path}: original {}, ours {}",
            shown(left),
            shown(right)
        )),
    }
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_place_that_differs_is_one_line() {
        let original = json!({"exec": {"args": ["a", "b"], "cwd": "/"}, "same": 1});
        let ours = json!({"exec": {"args": ["a", "c", "d"]}, "same": 1});
        assert_eq!(
            differences(&original, &ours),
            [
                r#"exec.args[1]: original "b", ours "c""#,
                r#"exec.args[2]: original nothing, ours "d""#,
                r#"exec.cwd: original "/", ours nothing"#,
            ]
        );
    }
}
