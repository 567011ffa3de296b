//! What the documents say of the repository.

use std::{fs, path::Path};

/// Promise: every difference from the original has a test, and DIFFERENCES.md says which.
#[test]
fn every_difference_names_its_test() {
    let text = fs::read_to_string("DIFFERENCES.md").unwrap();
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| What | "))
        .collect();
    assert!(rows.len() > 10, "{rows:?}");
    let code = ["src", "tests", "xtask/src"]
        .map(|folder| code(Path::new(folder)))
        .concat();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [_, _, _, _, last] = cells[..] else {
            panic!("not five cells: {row}");
        };
        let names: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            let is_case = name.contains('/') && Path::new(name).is_dir();
            assert!(
                is_case || code.contains(&format!("fn {name}(")),
                "no test `{name}`: {row}"
            );
        }
    }
}

/// Everything written in Rust below a folder.
fn code(folder: &Path) -> String {
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths.fold(String::new(), |text, path| match path.extension() {
        _ if path.is_dir() && !path.ends_with("parity") => text + &code(&path),
        Some(extension) if extension == "rs" => text + &fs::read_to_string(&path).unwrap(),
        _ => text,
    })
}
