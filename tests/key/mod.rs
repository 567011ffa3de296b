//! The encoding of `fal.key`, which others can compute: `vectors.json` holds examples, and `check.py` is such another.

use std::{fs, process::Command};

use base64::{Engine, prelude::BASE64_STANDARD};
use fal_frontend::fal::key::{Key, Record};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

const VECTORS: &str = "tests/key/vectors.json";

fn bytes(field: &Value) -> Vec<u8> {
    match field.as_str() {
        Some(text) => text.into(),
        None => BASE64_STANDARD
            .decode(field["base64"].as_str().unwrap())
            .unwrap(),
    }
}

/// Promise: a key is what the specification says. The vectors were made by the program in Python.
#[test]
fn the_vectors_hold() {
    let vectors: Value = serde_json::from_slice(&fs::read(VECTORS).unwrap()).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert!(vectors.len() > 10);
    for vector in vectors {
        let parts = vector["parts"].as_array().unwrap().iter();
        let part = |part: &Value| part.as_array().unwrap().iter().map(bytes).collect();
        let key = Key::new(parts.map(part).collect::<Vec<Record>>());
        let what = &vector["what"];
        let encoding = BASE64_STANDARD.encode(key.encoding());
        assert_eq!(encoding, vector["encoding"], "{what}");
        assert_eq!(key.digest(), vector["key"], "{what}");
    }
}

/// Promise: the program in the documentation computes the same, where there is a Python to run it.
#[test]
fn another_program_computes_the_same() {
    let run = Command::new("python3")
        .args(["tests/key/check.py", VECTORS])
        .output();
    let Ok(output) = run else { return };
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    vec(vec(vec(any::<u8>(), 0..12), 0..5), 1..12)
}

proptest! {
    /// Promise: another part is another key, and nothing else is.
    #[test]
    fn a_key_is_its_parts(mut one in records(), mut other in records(), places in any::<[prop::sample::Index; 4]>()) {
        let key = |records: &[Record]| Key::new(records.to_vec()).digest();
        let is_equal = Key::new(one.clone()).records() == Key::new(other.clone()).records();
        prop_assert_eq!(key(&one) == key(&other), is_equal);

        // The same parts, turned round and with one twice.
        let before = key(&one);
        let twice = one[places[0].index(one.len())].clone();
        one.push(twice);
        one.reverse();
        prop_assert_eq!(&key(&one), &before);

        // One byte more in one field.
        let place = places[1].index(other.len());
        let before = Key::new(other.clone());
        if !other[place].is_empty() {
            let field = places[2].index(other[place].len());
            let at = places[3].index(other[place][field].len() + 1);
            other[place][field].insert(at, 0);
            let after = Key::new(other);
            prop_assert_eq!(before.digest() == after.digest(), before.records() == after.records());
        }
    }
}
