//! "Did you mean …?", by the rules of BuildKit's `util/suggest`.

use crate::golang::{to_lower, to_upper};

/// Words this far apart, or farther, have nothing to do with each other.
const TOO_FAR: usize = 3;

/// The option that `word` was probably meant to be.
///
/// That is the first of those fewest edits away, if there are fewer than three. When `word` is one of
/// the options the mistake lies elsewhere, and there is nothing to suggest. Without regard to case, the
/// answer comes in the case of `word`, or in lower case when `word` mixes them.
pub fn nearest<'a>(
    word: &str,
    options: impl IntoIterator<Item = &'a str>,
    case_sensitive: bool,
) -> Option<String> {
    let written = |text: &str| match case_sensitive {
        true => text.to_owned(),
        false => to_lower(text),
    };
    let wanted: Vec<char> = written(word).chars().collect();
    let mut best = None;
    let mut nearer_than = TOO_FAR;
    for option in options {
        let option = written(option);
        match distance(&wanted, &option, nearer_than) {
            Some(0) => return None,
            Some(distance) => {
                nearer_than = distance;
                best = Some(option);
            }
            None => {}
        }
    }
    let best = best.filter(|best| !best.is_empty())?;
    match case_sensitive || word == to_lower(word) || word != to_upper(word) {
        true => Some(best),
        false => Some(to_upper(&best)),
    }
}

/// The edits between two words (Levenshtein), if there are fewer than `limit`.
///
/// Only the diagonal band that can stay below the limit is computed, so the time is that of reading.
fn distance(a: &[char], b: &str, limit: usize) -> Option<usize> {
    let band = limit.checked_sub(1)?;
    let b: Vec<char> = b.chars().take(a.len() + limit).collect();
    if a.len().abs_diff(b.len()) > band {
        return None;
    }
    // `row[d]` is the distance of the first `i` characters of `a` to the first `i + d - band` of `b`.
    let far = limit;
    let mut row: Vec<usize> = (0..=2 * band)
        .map(|d| d.checked_sub(band).unwrap_or(far))
        .collect();
    for (i, from) in a.iter().enumerate() {
        let mut next = vec![far; row.len()];
        for d in 0..next.len() {
            let Some(end) = (i + 1 + d).checked_sub(band).filter(|&end| end <= b.len()) else {
                continue;
            };
            let dropped = row.get(d + 1).copied().unwrap_or(far) + 1;
            let (added, replaced) = match end.checked_sub(1).and_then(|last| b.get(last)) {
                None => (far, far),
                Some(to) => (
                    d.checked_sub(1).map_or(far, |left| next[left]) + 1,
                    row[d] + usize::from(from != to),
                ),
            };
            next[d] = dropped.min(added).min(replaced).min(far);
        }
        if next.iter().all(|&distance| distance >= limit) {
            return None;
        }
        row = next;
    }
    let last = (b.len() + band).checked_sub(a.len())?;
    row.get(last).copied().filter(|&distance| distance < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested() {
        for (word, options, suggestion) in [
            ("bulid", &["base", "build"][..], Some("build")),
            ("buid", &["bud", "build"], Some("bud")),
            ("build", &["buil", "build"], None),
            ("xyz", &["build"], None),
            ("a", &["", "ab"], None),
            ("ab", &["abcd", "abc"], Some("abc")),
            ("ab", &["abcde"], None),
            ("", &["ab"], Some("ab")),
            ("한국", &["한국어"], Some("한국어")),
            ("Bulid", &["build"], None),
        ] {
            let nearest = nearest(word, options.iter().copied(), true);
            assert_eq!(nearest.as_deref(), suggestion, "{word}");
        }
    }

    #[test]
    fn the_answer_has_the_case_of_the_question() {
        for (word, suggestion) in [("FRM", "FROM"), ("frm", "from"), ("Frm", "from")] {
            assert_eq!(nearest(word, ["From"], false).as_deref(), Some(suggestion));
        }
        assert_eq!(nearest("from", ["FROM"], false), None);
    }
}
