//! A case to the smallest one that shows the same.

use super::case::{Case, OTHERS};

/// How many smaller cases are tried; each is asked twice at least.
const TRIES: usize = 600;

/// Makes a case smaller as long as it is still one of those that are looked for.
pub(super) fn shrink(case: Case, mut is_wanted: impl FnMut(&Case) -> bool) -> Case {
    let mut tries = TRIES;
    let mut test = |case: &Case| {
        tries = tries.saturating_sub(1);
        tries > 0 && is_wanted(case)
    };
    let mut case = entries(case, &mut test);
    for cut in [lines, words, bytes] {
        let parts = cut(case.dockerfile());
        let whole = case.clone();
        let kept = fewest(parts, &mut |parts| {
            test(&whole.with_dockerfile(parts.concat()))
        });
        case = case.with_dockerfile(kept.concat());
    }
    case
}

/// Without the options, files and images that make no difference.
fn entries(mut case: Case, test: &mut impl FnMut(&Case) -> bool) -> Case {
    let main = case.main();
    let whole = case.clone();
    let mut try_without = |remove: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        remove(&mut smaller);
        if smaller != case && test(&smaller) {
            case = smaller;
        }
    };
    for name in whole.options.keys() {
        try_without(&|case| drop(case.options.remove(name)));
    }
    for path in whole.files.keys().filter(|path| **path != main) {
        try_without(&|case| drop(case.files.remove(path)));
    }
    // Every other image stays what it is in every case.
    for reference in whole.images.keys().filter(|reference| *reference != OTHERS) {
        try_without(&|case| drop(case.images.remove(reference)));
    }
    case
}

/// Leaves out runs of parts, long ones first, as long as the test holds.
fn fewest(mut parts: Vec<Vec<u8>>, test: &mut impl FnMut(&[Vec<u8>]) -> bool) -> Vec<Vec<u8>> {
    let mut length = parts.len() / 2;
    while length > 0 {
        let mut start = 0;
        let mut has_shrunk = false;
        while start < parts.len() {
            let end = (start + length).min(parts.len());
            let mut fewer = parts[..start].to_vec();
            fewer.extend_from_slice(&parts[end..]);
            if test(&fewer) {
                parts = fewer;
                has_shrunk = true;
            } else {
                start = end;
            }
        }
        if !has_shrunk || length > 1 {
            length /= 2;
        }
    }
    parts
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.map(<[u8]>::to_vec).collect()
}

/// Words, and the blanks between them.
fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let runs = text.chunk_by(|a, b| a.is_ascii_whitespace() == b.is_ascii_whitespace());
    runs.map(<[u8]>::to_vec).collect()
}

/// Characters of a short file; a long one is left as it is.
fn bytes(text: &[u8]) -> Vec<Vec<u8>> {
    const SHORT: usize = 300;
    match std::str::from_utf8(text) {
        Ok(text) if text.len() <= SHORT => {
            let one = |c: char| c.to_string().into_bytes();
            text.chars().map(one).collect()
        }
        _ => vec![text.to_vec()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_difference_is_left_out() {
        let mut case = Case::new("FROM a\nRUN one\nENV x=1 two y\nRUN three\n");
        case.options.insert("target".into(), "x".into());
        case.options.insert("no-cache".into(), "".into());
        case.files
            .insert("context/.dockerignore".into(), b"*".to_vec());
        let small = shrink(case, |case| {
            let text = String::from_utf8_lossy(case.dockerfile());
            text.contains("FROM") && text.contains("two") && case.options.contains_key("target")
        });
        assert_eq!(small.dockerfile(), b"FROMtwo");
        assert_eq!(small.options.keys().collect::<Vec<_>>(), ["target"]);
        assert_eq!(small.files.len(), 1);
    }

    #[test]
    fn a_case_that_never_shows_it_again_stays_as_it_is() {
        let case = Case::new("FROM a\nRUN b\n");
        assert_eq!(shrink(case.clone(), |_| false), case);
    }
}
