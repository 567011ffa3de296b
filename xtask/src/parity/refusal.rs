//! What a frontend says when it refuses, in one line; and two such lines against each other.

use serde::Deserialize;

/// An error as a client shows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Refusal {
    code: String,
    message: String,
    places: Vec<Place>,
}

/// Lines that an error points to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Place {
    file: String,
    first: u32,
    last: u32,
}

impl Refusal {
    /// The error in one line, without what is by chance or the way it took.
    pub(super) fn shown(&self) -> String {
        let mut shown = self.message();
        // Most errors are without a code of their own.
        if self.code != "Unknown" {
            shown.insert_str(0, &format!("[{}] ", self.code));
        }
        // An error carries its places as gRPC details, which turn their order round at every
        // hop: from the daemon's own frontend to the client it is one hop, from an image two.
        let mut places: Vec<&Place> = self.places.iter().collect();
        places.sort();
        let places: Vec<String> = places.into_iter().map(Place::shown).collect();
        if !places.is_empty() {
            shown.push_str(&format!(" (line {})", places.join(", ")));
        }
        shown
    }

    /// The message in one line.
    pub(super) fn message(&self) -> String {
        // The client's words for where it met the error.
        let message = ["failed to solve: ", "failed to run Build function: "]
            .iter()
            .fold(self.message.as_str(), |message, prefix| {
                message.strip_prefix(prefix).unwrap_or(message)
            });
        without_snapshots(message).replace('\n', "\\n")
    }
}

impl Place {
    fn shown(&self) -> String {
        let lines = match self.first == self.last {
            true => self.first.to_string(),
            false => format!("{}-{}", self.first, self.last),
        };
        match self.file.as_str() {
            "Dockerfile" => lines,
            file => format!("{file}:{lines}"),
        }
    }
}

/// The daemon names snapshots by chance: `ref 4erlc74srp2rmvtwfs160f6v4::3ft0sibadt32ohpcn1rn4csej`.
fn without_snapshots(message: &str) -> String {
    let words = message.split(' ').map(|word| match word.split_once("::") {
        Some((one, _)) if one.len() == 25 => "…",
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refusal: serde_json::Value, shown: &str) {
        let refusal: Refusal = serde_json::from_value(refusal).expect("a refusal");
        assert_eq!(refusal.shown(), shown);
    }

    #[test]
    fn a_refusal_is_one_line_with_its_places_in_the_order_of_the_file() {
        let place = |file, line| serde_json::json!({"file": file, "first": line, "last": line});
        check(
            serde_json::json!({"code": "Unknown", "message": "no\nway", "places":
                [place("Dockerfile", 10), place("Dockerfile", 9), place("sub/x", 1)]}),
            "no\\nway (line 9, 10, sub/x:1)",
        );
        check(
            serde_json::json!({"code": "Unimplemented", "message": "no", "places": []}),
            "[Unimplemented] no",
        );
    }

    #[test]
    fn what_is_by_chance_is_left_out() {
        check(
            serde_json::json!({"code": "Unknown", "places": [], "message":
                "failed to solve: checksum of ref 4erlc74srp2rmvtwfs160f6v4::3ft0sibadt32ohpcn1rn4csej a::b"}),
            "checksum of ref … a::b",
        );
    }
}
