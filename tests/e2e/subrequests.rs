//! What `docker build --check`, `--call=outline` and `--call=targets` print, beside what they print of the daemon's own frontend.

use serde_json::Value;
use tempfile::TempDir;

use super::stack::{self, Outcome, Stack};

const DOCKERFILE: &str = "
# TAG of the base
ARG TAG=latest
ARG UNUSED=1
# base what both begin with
FROM busybox:${TAG} AS base
ARG NAME=$TAG-base
# tool helps to build
FROM base AS Tool
RUN --mount=type=ssh echo > /tool
# app the program
FROM base AS app
# NAME of the program
ARG NAME
RUN --mount=type=secret,id=token,required=true --mount=type=cache,target=/cache echo \"$NAME\" > /app
COPY --from=tool /tool /tool
";

/// The Dockerfile below its first line, and the value of a secret, which nothing asks the client for.
fn example(first: &str, text: &str) -> TempDir {
    stack::folder(&[
        ("Dockerfile", &format!("{first}{text}")),
        ("token", "sesame"),
    ])
}

/// Asks both flavours of ours, by the first line of the file, and the daemon's own frontend. Gives what it printed of the original if it
/// is the same.
#[track_caller]
fn check(text: &str, question: &str, code: i32) -> String {
    let stack = Stack::new();
    let [original, dockerfile, fal] = [
        "# a comment".to_owned(),
        format!("# syntax={}", stack.dockerfile()),
        format!("# syntax={}", stack.fal()),
    ]
    .map(|first| {
        let folder = example(&first, text);
        let secret = format!("id=token,src={}", folder.path().join("token").display());
        let arguments = [question, "--build-arg", "NAME=given", "--secret", &secret];
        let outcome = stack.buildx(folder.path(), &arguments);
        assert_eq!(outcome.code, Some(code), "{}", outcome.log);
        assert!(!outcome.log.contains("sesame"), "{}", outcome.log);
        printed(&outcome, &folder, &first)
    });
    assert_eq!(dockerfile, original);
    assert_eq!(fal, original);
    original
}

/// The answer, without the names of the folder and of the frontend. Of JSON without the file, and what only ours says.
fn printed(outcome: &Outcome, folder: &TempDir, first: &str) -> String {
    let answer = outcome
        .answer
        .replace(&folder.path().display().to_string(), "");
    let answer = answer.replace(first, "# first");
    let Ok(Value::Object(mut json)) = serde_json::from_str(&answer) else {
        return answer;
    };
    json.remove("sources");
    json.remove("cache");
    json.remove("layers");
    Value::Object(json).to_string()
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_target_is_outlined() {
    let answer = check(DOCKERFILE, "--call=outline", 0);
    assert_eq!(
        answer,
        "TARGET:      app\n\
         DESCRIPTION: the program\n\n\
         BUILD ARG   VALUE    DESCRIPTION\n\
         TAG         latest   of the base\n\
         NAME        given    of the program\n\n\
         SECRET   REQUIRED\n\
         token    true\n\n\
         SSH       REQUIRED\n\
         default   \n\n"
    );
    let answer = check(DOCKERFILE, "--call=outline,format=json", 0);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["args"][1]["value"], "given");
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn targets_are_listed() {
    let answer = check(DOCKERFILE, "--call=targets", 0);
    assert_eq!(
        answer,
        "TARGET        DESCRIPTION\n\
         base          what both begin with\n\
         tool          helps to build\n\
         app (default) the program\n"
    );
    let answer = check(DOCKERFILE, "--call=targets,format=json", 0);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["targets"][2]["default"], true);
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_file_is_checked() {
    let answer = check(DOCKERFILE, "--check", 1);
    assert!(
        answer.starts_with("Check complete, 1 warning has been found!\n\nWARNING: StageNameCasing")
    );
    let answer = check(DOCKERFILE, "--call=check,format=json", 1);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["warnings"][0]["ruleName"], "StageNameCasing");

    let good = DOCKERFILE.replace("Tool", "tool");
    let answer = check(&good, "--check", 0);
    assert_eq!(answer, "Check complete, no warnings found.\n");

    let broken = format!("{DOCKERFILE}STOPSIGNAL none\n");
    let answer = check(&broken, "--check", 1);
    assert!(answer.contains("WARNING: StageNameCasing"), "{answer}");
    let answer = check(&broken, "--call=check,format=json", 1);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["buildError"]["message"], "invalid signal: none");
}
