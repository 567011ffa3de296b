//! What Go's libraries do where a Dockerfile shows it: `strconv`, `path`, `fmt`, `encoding/json`, patterns.

// A stand-in of what is needed here, until the room is built: replaced whole when branches meet.

/// `strings.ToLower`.
pub fn to_lower(text: &str) -> String {
    text.to_lowercase()
}

/// `strconv.ParseBool`.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// `strconv.Quote`.
pub fn quote(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            '\n' => String::from("\\n"),
            '\t' => String::from("\\t"),
            '\r' => String::from("\\r"),
            c if c < ' ' || c == '\u{7f}' => format!("\\x{:02x}", c as u32),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// Go's `path`.
pub mod path {
    /// `path.Clean`.
    pub fn clean(path: &str) -> String {
        let rooted = path.starts_with('/');
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|last| *last != "..") => {
                    parts.pop();
                }
                ".." if rooted => {}
                part => parts.push(part),
            }
        }
        let joined = parts.join("/");
        match (rooted, joined.as_str()) {
            (true, _) => format!("/{joined}"),
            (false, "") => String::from("."),
            (false, _) => joined,
        }
    }

    /// `path.Join`.
    pub fn join(parts: &[&str]) -> String {
        let parts: Vec<&str> = parts.iter().copied().filter(|p| !p.is_empty()).collect();
        match parts.is_empty() {
            true => String::new(),
            false => clean(&parts.join("/")),
        }
    }
}

/// Go's `encoding/json`.
pub mod json {
    /// `json.Marshal`.
    pub fn to_string(value: &impl serde::Serialize) -> String {
        serde_json::to_string(value)
            .unwrap_or_default()
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
            .replace('\u{2028}', "\\u2028")
            .replace('\u{2029}', "\\u2029")
            .replace('\u{7f}', "\u{7f}")
    }
}
