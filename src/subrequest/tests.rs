//! Answers made of what is given, where the way through a whole file would not show it.

use crate::{
    lint::{self, Warning},
    proto::pb,
    source::Lines,
};

use super::*;

fn text<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let found = answer.metadata.iter().find(|(key, _)| *key == name);
    std::str::from_utf8(&found.unwrap().1).unwrap()
}

fn warning(rule: &str, message: &str, lines: Option<Lines>) -> Warning {
    Warning {
        rule: lint::find(rule).unwrap(),
        message: message.to_owned(),
        lines,
        fix: Vec::new(),
    }
}

fn file(text: &str) -> pb::SourceInfo {
    pb::SourceInfo {
        filename: "Dockerfile".to_owned(),
        data: text.to_owned().into(),
        language: "Dockerfile".to_owned(),
        definition: None,
    }
}

#[test]
fn warnings_show_their_lines_in_the_order_of_the_file() {
    let file = file("FROM alpine AS <a>\r\nENV \\\n a b\n");
    let warnings = [
        warning(
            "LegacyKeyValueFormat",
            "old & < new",
            Some(Lines::new(2, 3)),
        ),
        warning("StageNameCasing", "not so", Some(Lines::one(1))),
        warning("InvalidBaseImagePlatform", "nowhere", None),
    ];
    let mistake = Mistake {
        message: "a < b",
        locations: &[Lines::new(2, 3), Lines::one(1), Lines::one(2)],
    };
    let answer = linted(&warnings, &file, Some(mistake));
    assert_eq!(text(&answer, STATUS), "1");
    assert_eq!(
        text(&answer, TEXT),
        "\n\
        WARNING: InvalidBaseImagePlatform\n\
        nowhere\n\n\
        WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/\n\
        not so\n\
        Dockerfile:1\n--------------------\n\
        \x20  1 | >>> FROM alpine AS <a>\r\n\
        \x20  2 |     ENV \\\n\
        \x20  3 |      a b\n\
        --------------------\n\n\
        WARNING: LegacyKeyValueFormat - https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/\n\
        old & < new\n\
        Dockerfile:2\n--------------------\n\
        \x20  1 |     FROM alpine AS <a>\r\n\
        \x20  2 | >>> ENV \\\n\
        \x20  3 | >>>  a b\n\
        \x20  4 |     \n\
        --------------------\n"
    );
    let json: serde_json::Value = serde_json::from_str(text(&answer, JSON)).unwrap();
    let line = |line| serde_json::json!({ "start": { "line": line }, "end": { "line": line } });
    let place = |lines: &[u32]| {
        lines
            .iter()
            .copied()
            .map(line)
            .collect::<serde_json::Value>()
    };
    assert_eq!(json["warnings"][0]["location"]["ranges"], place(&[2, 3]));
    assert_eq!(json["warnings"][2]["location"], serde_json::json!({}));
    assert_eq!(json["buildError"]["location"]["ranges"], place(&[1, 2, 3]));
    assert!(text(&answer, JSON).contains(r#""message": "a \u003c b""#));
}

#[test]
fn thousands_of_warnings_have_an_answer_of_a_size() {
    let file = file(&"RUN a \\\n".repeat(20_000));
    let everywhere = Some(Lines::new(1, 20_000));
    let warnings = vec![warning("UndefinedVar", "unset", everywhere); 20_000];
    let answer = linted(&warnings, &file, None);
    assert!(text(&answer, TEXT).ends_with(" more warnings are not shown\n"));
    assert!(text(&answer, JSON).len() < 16 << 20);
}

#[test]
fn each_subrequest_is_found_by_its_name() {
    for subrequest in ALL {
        assert_eq!(find(subrequest.name), Some(subrequest.question));
        assert!(text(&describe(false), JSON).contains(subrequest.name));
    }
    for subrequest in FAL {
        assert_eq!(find(subrequest.name), Some(subrequest.question));
        assert!(text(&describe(true), JSON).contains(subrequest.name));
        assert!(!text(&describe(false), JSON).contains(subrequest.name));
    }
    assert_eq!(find("frontend.nothing"), None);
}
