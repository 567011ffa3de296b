//! What is built from repositories, downloads and the results of other builds, and which time it has: as with the original.
//!
//! Every Dockerfile has a step that gives other bytes each time it runs. The images of both frontends are equal to the byte all the
//! same, because the second finds the steps of the first in the cache: their ops are equal.

use std::{fs, process::Stdio};

use tempfile::TempDir;

use super::{
    site::Site,
    stack::{self, Outcome, Stack},
};

const DOCKERFILE: &str = "FROM busybox:latest
ARG SOURCE_DATE_EPOCH
WORKDIR /work
COPY . /all
RUN cat /proc/sys/kernel/random/uuid > /step; echo ${SOURCE_DATE_EPOCH:-unset} > /epoch
";

const FILES: [(&str, &str); 4] = [
    ("Dockerfile", DOCKERFILE),
    (
        "other.Dockerfile",
        "FROM busybox:latest\nCOPY a /other\nRUN cat /proc/sys/kernel/random/uuid > /step\n",
    ),
    ("a", "a"),
    ("sub/Dockerfile", DOCKERFILE),
];

/// The image that both frontends make, and when it was made.
#[track_caller]
fn both(stack: &Stack, name: &str, build: impl Fn(&str, bool) -> Outcome) -> String {
    let image = stack.image(name);
    let output = format!("type=image,name={image},push=true");
    let digest = |is_ours| {
        let outcome = build(&output, is_ours);
        outcome.succeeded();
        outcome.metadata["containerimage.digest"].clone()
    };
    let original = digest(false);
    assert_eq!(digest(true), original, "{name}");
    stack.config(&image)["created"].as_str().unwrap().to_owned()
}

/// `buildctl build` of a folder of the client by both frontends.
#[track_caller]
fn check(stack: &Stack, name: &str, dockerfile: &str, options: &[String], created: &str) {
    let folder = stack::folder(&[("Dockerfile", dockerfile), ("a", "of the client")]);
    let was = both(stack, name, |output, is_ours| {
        let mut arguments = vec!["--output", output];
        for option in options {
            arguments.extend(["--opt", option]);
        }
        match is_ours {
            true => stack.buildctl(folder.path(), &stack.dockerfile(), &arguments),
            false => stack.builtin(folder.path(), &arguments),
        }
    });
    // Without a time, the image is as old as the test.
    let matches = was == created || (created.is_empty() && was.as_str() > "2020");
    assert!(matches, "{name}: made {was}, not {created}");
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn contexts_from_anywhere_are_those_of_the_original() {
    let (stack, site) = (Stack::new(), Site::new(&FILES));
    let context = |path: &str| format!("context={}", site.url(path));
    let text = |option: &str| option.to_owned();
    for (name, options) in [
        ("archive", vec![context("undated/context.tar")]),
        ("packed", vec![context("undated/context.tar.gz")]),
        ("dockerfile", vec![context("undated/Dockerfile")]),
        (
            "filename",
            vec![
                context("dated/context.tar"),
                text("filename=other.Dockerfile"),
            ],
        ),
        (
            "directory",
            vec![context("undated/context.tar"), text("contextsubdir=sub")],
        ),
        (
            "key",
            vec![
                text("contextkey=k"),
                format!("k={}", site.url("dated/context.tar")),
            ],
        ),
        (
            "local-file",
            vec![
                context("undated/context.tar"),
                text("dockerfilekey=dockerfile"),
            ],
        ),
        ("repository", vec![context("repo.git")]),
        ("branch", vec![context("repo.git#later")]),
        ("folder", vec![context("repo.git#main:sub")]),
        ("query", vec![context("repo.git?branch=later&subdir=sub")]),
        (
            "git-directory",
            vec![context("repo.git?keep-git-dir=1&submodules=0")],
        ),
        (
            "git-argument",
            vec![
                context("repo.git"),
                text("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR=1"),
            ],
        ),
        (
            "git-sub",
            vec![context("repo.git"), text("contextsubdir=sub")],
        ),
    ] {
        check(&stack, &format!("context-{name}"), DOCKERFILE, &options, "");
    }
}

#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_build_has_the_time_that_its_source_has() {
    const MODIFIED: &str = "2009-02-13T23:31:30Z";
    const NEWEST: &str = "2005-03-18T01:58:31Z";
    const COMMITTED: &str = "2012-04-02T04:22:13+02:00";
    const LATER: &str = "2015-10-09T19:34:04-07:00";
    let (stack, site) = (Stack::new(), Site::new(&FILES));
    let date = |value: &str| format!("build-arg:SOURCE_DATE_EPOCH={value}");
    let of_main = |path: &str| vec![format!("context={}", site.url(path)), date("context")];
    let of_named = |path: &str| vec![format!("context:src={}", site.url(path)), date("src")];
    for (name, options, created) in [
        ("commit", of_main("repo.git"), COMMITTED),
        ("branch", of_main("repo.git?branch=later"), LATER),
        ("modified", of_main("dated/context.tar.gz"), MODIFIED),
        ("modified-file", of_main("dated/Dockerfile"), MODIFIED),
        ("newest", of_main("undated/context.tar"), NEWEST),
        ("newest-packed", of_main("undated/context.tar.gz"), NEWEST),
        ("newest-of-file", of_main("undated/Dockerfile"), ""),
        ("local", vec![date("context")], ""),
        ("named-commit", of_named("repo.git#later"), LATER),
        ("named-modified", of_named("dated/a"), MODIFIED),
        ("named-newest", of_named("undated/context.tar.gz"), NEWEST),
        ("named-nothing", of_named("undated/a"), ""),
    ] {
        check(
            &stack,
            &format!("epoch-{name}"),
            DOCKERFILE,
            &options,
            created,
        );
    }
    for (name, added, created) in [
        ("stage-commit", "$site/repo.git#later", LATER),
        ("stage-modified", "$site/dated/a", MODIFIED),
        ("stage-newest", "$site/undated/context.tar", NEWEST),
    ] {
        let added = format!("ARG site\nFROM scratch AS day\nARG site\nADD {added} /\n");
        let dockerfile = format!("{added}{DOCKERFILE}COPY --from=day / /day\n");
        let options = [
            date("day"),
            format!("build-arg:site={}", site.url("").trim_end_matches('/')),
        ];
        check(
            &stack,
            &format!("epoch-{name}"),
            &dockerfile,
            &options,
            created,
        );
    }
}

/// The original asks once for each platform, and the daemon does not survive it.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_repository_that_is_not_there_is_told_and_the_daemon_lives() {
    let (stack, site) = (Stack::new(), Site::new(&FILES));
    let folder = stack::folder(&[("Dockerfile", DOCKERFILE)]);
    let context = format!("context:src={}", site.url("missing.git"));
    let options = [
        "--opt",
        "platform=linux/amd64,linux/arm64",
        "--opt",
        "build-arg:SOURCE_DATE_EPOCH=src",
        "--opt",
        &context,
    ];
    let outcome = stack.buildctl(folder.path(), &stack.dockerfile(), &options);
    outcome.failed();
    let said = outcome.log.contains("missing.git/' not found");
    assert!(said, "{}", outcome.log);
    stack
        .buildctl(folder.path(), &stack.dockerfile(), &[])
        .succeeded();
}

/// A policy may say that a named context is something else than the image it names.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_policy_chooses_what_a_named_context_is() {
    let (stack, site) = (Stack::new(), Site::new(&FILES));
    let folder = stack::folder(&[
        ("Dockerfile", "FROM scratch\nCOPY --from=files / /\n"),
        ("mine", "of the client"),
    ]);
    let policy = folder.path().join("policy.json");
    let local = format!("files={}", folder.path().display());
    for (identifier, file) in [
        ("local://files".to_owned(), "mine"),
        (site.url("dated/a"), "context"),
    ] {
        let rules = format!(
            r#"{{"version":1,"rules":[{{"action":"CONVERT",
                "selector":{{"identifier":"docker-image://docker.io/library/alpine:latest"}},
                "updates":{{"identifier":"{identifier}"}}}}]}}"#
        );
        fs::write(&policy, rules).unwrap();
        let result = TempDir::new().unwrap();
        let output = format!("type=local,dest={}", result.path().display());
        let options = [
            "--opt",
            "context:files=docker-image://alpine",
            "--source-policy-file",
            policy.to_str().unwrap(),
            "--local",
            &local,
            "--output",
            &output,
        ];
        stack
            .buildctl(folder.path(), &stack.dockerfile(), &options)
            .succeeded();
        assert!(result.path().join(file).is_file(), "{identifier}");
    }
}

/// What buildx makes of an archive or a Dockerfile on its standard input, and of a repository.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_buildx_sends_is_built_as_by_the_original() {
    let (stack, site) = (Stack::new(), Site::new(&FILES));
    let ours = format!("BUILDKIT_SYNTAX={}", stack.dockerfile());
    let query = site.url("repo.git?branch=later");
    let archive = site.url("undated/context.tar");
    let cases: [(&str, Option<&str>, &[&str]); 6] = [
        ("archive", Some("undated/context.tar.gz"), &["-"]),
        (
            "archive-file",
            Some("dated/context.tar"),
            &["-", "--file", "other.Dockerfile"],
        ),
        ("dockerfile", Some("undated/Dockerfile"), &["-"]),
        (
            "file-and-archive",
            Some("undated/other.Dockerfile"),
            &["--file", "-", &archive],
        ),
        ("repository", None, &[&query]),
        (
            "epoch",
            None,
            &["--build-arg", "SOURCE_DATE_EPOCH=context", &query],
        ),
    ];
    for (name, input, arguments) in cases {
        both(&stack, &format!("buildx-{name}"), |output, is_ours| {
            let mut all = vec!["--output", output];
            if is_ours {
                all.extend(["--build-arg", &ours]);
            }
            all.extend(arguments);
            let input = input.map_or_else(Stdio::null, |path| site.file(path));
            stack.buildx_verb("build", input, &all)
        });
    }
}

/// Bake gives one build the result of another.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn a_build_goes_on_from_another() {
    let stack = Stack::new();
    let folder = stack::folder(&[
        (
            "base.Dockerfile",
            "FROM busybox:latest\nENV A=b\nWORKDIR /base\nRUN cat /proc/sys/kernel/random/uuid > step\n",
        ),
        (
            "Dockerfile",
            "FROM base\nCOPY --from=base /base/step /again\nRUN echo $A > $A; cat /proc/sys/kernel/random/uuid > /step\n",
        ),
    ]);
    let path = folder.path().display();
    let file = folder.path().join("docker-bake.hcl");
    let ours = format!("*.args.BUILDKIT_SYNTAX={}", stack.dockerfile());
    let mut digests = Vec::new();
    for is_ours in [false, true] {
        let image = stack.image("baked");
        let bake = format!(
            "target \"base\" {{\n  context = \"{path}\"\n  dockerfile = \"base.Dockerfile\"\n}}\n\
             target \"app\" {{\n  context = \"{path}\"\n  contexts = {{ base = \"target:base\" }}\n  \
             output = [\"type=image,name={image},push=true\"]\n}}\n"
        );
        fs::write(&file, bake).unwrap();
        let mut arguments = vec!["--file", file.to_str().unwrap(), "--allow", "fs=*"];
        if is_ours {
            arguments.extend(["--set", &ours]);
        }
        arguments.push("app");
        let outcome = stack.buildx_verb("bake", Stdio::null(), &arguments);
        outcome.succeeded();
        digests.push(outcome.metadata["app"]["containerimage.digest"].clone());
        assert_eq!(stack.config(&image)["config"]["WorkingDir"], "/base");
    }
    assert!(digests[0].is_string(), "{digests:?}");
    assert_eq!(digests[0], digests[1]);
}
