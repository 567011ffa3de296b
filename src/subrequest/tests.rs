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
        is_secret: false,
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

/// Promise: no client prints a line that holds a secret, nor what stands beside it.
#[test]
fn lines_with_a_secret_are_named_and_not_shown() {
    let file = file("FROM a\nRUN canary\nCOPY b c\n\n\n\n\nRUN d\n");
    let secret = Warning {
        is_secret: true,
        ..warning("SecretsUsedInArgOrEnv", "a secret", Some(Lines::one(2)))
    };
    let warnings = [
        secret,
        warning("UndefinedVar", "beside", Some(Lines::one(3))),
        warning("UndefinedVar", "apart", Some(Lines::one(8))),
    ];
    let mistake = Mistake {
        message: "wrong",
        locations: &[Lines::one(1)],
    };
    let answer = linted(&warnings, &file, Some(mistake));
    let told = text(&answer, TEXT);
    for said in [
        "\na secret (line 2)\n\n",
        "\nbeside (line 3)\n\n",
        "\napart\nDockerfile:8\n",
    ] {
        assert!(told.contains(said), "{told}");
    }
    assert!(!told.contains("canary"), "{told}");
    let json: serde_json::Value = serde_json::from_str(text(&answer, JSON)).unwrap();
    let warnings = json["warnings"].as_array().unwrap();
    let details = warnings.iter().map(|it| it["detail"].as_str().unwrap());
    assert!(details.eq(["a secret (line 2)", "beside (line 3)", "apart"]));
    let places = warnings.iter().map(|it| &it["location"]);
    let range = serde_json::json!({ "start": { "line": 8 }, "end": { "line": 8 } });
    let (nowhere, apart) = (
        serde_json::json!({}),
        serde_json::json!({ "ranges": [range] }),
    );
    assert!(places.eq([&nowhere, &nowhere, &apart]));
    assert_eq!(json["buildError"]["message"], "wrong (line 1)");
    assert_eq!(json["buildError"]["location"], serde_json::json!({}));
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
