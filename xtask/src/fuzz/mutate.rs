//! Cases made from others: lines, words and characters left out, doubled, swapped and borrowed.

use super::{case::Case, random::Random};

/// A changed copy of `case`; `other` lends lines and words.
pub(super) fn mutate(case: &Case, other: &Case, random: &mut Random) -> Case {
    let mut text = case.dockerfile().to_vec();
    for _ in 0..=random.below(4) {
        text = match random.below(10) {
            0..4 => change(split_lines(&text), split_lines(other.dockerfile()), random),
            4..8 => change(split_words(&text), split_words(other.dockerfile()), random),
            _ => characters(text, random),
        };
    }
    let mut changed = case.with_dockerfile(text);
    if random.percent(10) {
        for (name, value) in &other.options {
            changed.options.insert(name.clone(), value.clone());
        }
    }
    if random.percent(10) {
        changed.images.clone_from(&other.images);
    }
    changed
}

fn split_lines(text: &[u8]) -> Vec<Vec<u8>> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.map(<[u8]>::to_vec).collect()
}

/// Words, and the blanks between them.
fn split_words(text: &[u8]) -> Vec<Vec<u8>> {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    let words = text.chunk_by(|a, b| is_blank(a) == is_blank(b));
    words.map(<[u8]>::to_vec).collect()
}

fn change(mut parts: Vec<Vec<u8>>, lent: Vec<Vec<u8>>, random: &mut Random) -> Vec<u8> {
    if parts.is_empty() {
        return Vec::new();
    }
    let (at, to) = (random.below(parts.len()), random.below(parts.len()));
    match random.below(6) {
        0 => drop(parts.remove(at)),
        1 => parts.insert(to, parts[at].clone()),
        2 => parts.swap(at, to),
        _ if lent.is_empty() => {}
        3 => parts[at].clone_from(&lent[random.below(lent.len())]),
        4 => parts.insert(at, lent[random.below(lent.len())].clone()),
        _ => {
            let from = random.below(lent.len());
            let count = (1 + random.below(5)).min(lent.len() - from);
            parts.splice(at..at, lent[from..from + count].to_vec());
        }
    }
    parts.concat()
}

fn characters(mut text: Vec<u8>, random: &mut Random) -> Vec<u8> {
    /// What means something somewhere.
    const TELLING: &[u8] = b"\\`$\"'{}[]()<>-=:#%/@!?*+,.;|& \t\r\n\0\x0b~^0aA";
    for _ in 0..=random.below(3) {
        let at = random.place(text.len());
        let byte = match random.percent(4) {
            true => 0x80 + random.below(0x80) as u8,
            false => TELLING[random.below(TELLING.len())],
        };
        match random.below(3) {
            0 => text.insert(at, byte),
            1 if at < text.len() => text[at] = byte,
            _ if at < text.len() => drop(text.remove(at)),
            _ => text.push(byte),
        }
    }
    text
}
