//! Whole files, linted in a world of a few images.

use std::collections::{BTreeMap, HashMap};

use crate::{
    golang::ignore,
    instruction, llb,
    plan::{
        self, Answer as Image, Known, MainContext, NoCache, Overrides, Resolution, RunSettings,
        Step, Wanted,
    },
    reference::platform,
    source::Source,
    stage::{self, Contexts},
    syntax,
};

use super::*;

/// How a file is looked at.
#[derive(Default)]
struct Case<'a> {
    build_args: &'a [(&'a str, &'a str)],
    target: Option<&'a str>,
    /// `.dockerignore`
    ignore: &'a str,
    /// What is given instead of the file's own `# check=`.
    check: Option<&'a str>,
    all_stages: bool,
}

/// What was found, a line each, and why the file cannot be built.
fn lint(text: &str, case: &Case<'_>) -> (Vec<String>, Option<String>) {
    let (warnings, mistake) = found(text, case);
    let shown = warnings.iter().map(|warning| {
        let lines = warning
            .lines
            .map_or("-".to_owned(), |lines| lines.to_string());
        format!("{lines} {}: {}", warning.rule.name, warning.message)
    });
    (shown.collect(), mistake.map(|mistake| mistake.to_string()))
}

fn found(text: &str, case: &Case<'_>) -> (Vec<Warning>, Option<Box<Diagnostic>>) {
    let source = Source::new("Dockerfile", text);
    let config = match case.check {
        Some(options) => Config::read(options).unwrap(),
        None => Config::of_file(text.as_bytes()).unwrap(),
    };
    let parsed = syntax::parse(&source);
    let diagnostics = parsed.diagnostics.clone();
    let file = match parsed.into_result() {
        Ok(file) => file,
        Err(mistake) => return (Vec::new(), Some(mistake)),
    };
    let dockerfile = instruction::read(&file);
    let (mut stages, mut plan) = (stage::Facts::default(), plan::Facts::default());
    let done = match &dockerfile {
        Ok(dockerfile) => planned(dockerfile, &file, case, &mut stages, &mut plan),
        Err(mistake) => Err(mistake.clone()),
    };
    let patterns = ignore::read_all(case.ignore.as_bytes()).unwrap();
    let warnings = check(&Subject {
        file: &file,
        diagnostics: &diagnostics,
        dockerfile: dockerfile.as_ref().ok(),
        stages: &stages,
        plan: &plan,
        ignore: &patterns,
        config: &config,
    });
    let violation = violation(&warnings, &config).map(Box::new);
    (warnings, done.err().or(violation))
}

fn planned(
    dockerfile: &Dockerfile,
    file: &ast::File,
    case: &Case<'_>,
    stages: &mut stage::Facts,
    facts: &mut plan::Facts,
) -> Result<(), Box<Diagnostic>> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let build_args: BTreeMap<_, _> = case.build_args.iter().map(owned).collect();
    let platform = platform::parse("linux/amd64").unwrap();
    let contexts = Contexts::default();
    let mut graph = stage::graph_with_facts(
        dockerfile,
        file.escape,
        &stage::Options {
            target: case.target,
            build_args: &build_args,
            build_platform: &platform,
            target_platform: &platform,
            is_platform_implicit: true,
            contexts: &contexts,
        },
        stages,
    )?;
    graph.all_stages = case.all_stages;
    let nothing = BTreeMap::new();
    let source = llb::SourceMap {
        filename: "Dockerfile".to_owned(),
        language: "Dockerfile".to_owned(),
        data: Default::default(),
        origin: llb::Origin::Unknown,
    };
    let options = plan::Options {
        build_platforms: std::slice::from_ref(&platform),
        target_platform: &platform,
        is_platform_implicit: true,
        is_multi_platform: false,
        resolve_mode: llb::source::ResolveMode::Default,
        session: "",
        contexts: &contexts,
        inputs: Ok(&BTreeMap::new()),
        input_metadata: &nothing,
        local_sessions: &nothing,
        shared_keys: &nothing,
        cache_mount_namespace: "",
        no_cache: &NoCache::No,
        labels: &nothing,
        run: &RunSettings::default(),
        overrides: &Overrides::default(),
        capabilities: &|_| true,
        file: &source,
    };
    let main = MainContext::Local {
        name: "context".to_owned(),
        session: String::new(),
        excludes: Vec::new(),
    };
    let mut known: Known = HashMap::new();
    let mut resolution = Resolution::new(graph, &options);
    let bases = loop {
        match resolution.step(&known, facts)? {
            Step::Done(bases) => break *bases,
            Step::Need(goes_on, queries) => {
                known.extend(queries.into_iter().map(|query| image(query.wanted)));
                resolution = *goes_on;
            }
        }
    };
    plan::build_with_facts(bases, &options, &main, facts).map(drop)
}

/// Every image is for the platform it is asked for, but those of `arm64v8`; `onbuild` leaves triggers.
fn image(wanted: Wanted) -> (Wanted, Image) {
    let Wanted::Image {
        reference,
        platform: Some(platform),
    } = &wanted
    else {
        panic!("only images are asked for");
    };
    let architecture = match reference.contains("arm64v8/") {
        true => "arm64",
        false => &platform.architecture,
    };
    let triggers = match reference.contains("/onbuild:") {
        true => r#"["ENV T $nobody","CMD t"]"#,
        false => "[]",
    };
    let config = format!(
        r#"{{"os":"linux","architecture":"{architecture}","rootfs":{{"diff_ids":["x"]}},
            "config":{{"Env":["PATH=/bin","BASE=1"],"WorkingDir":"/w","OnBuild":{triggers}}}}}"#
    );
    let answer = Image::Image {
        reference: reference.clone(),
        digest: String::new(),
        config: config.into(),
    };
    (wanted, answer)
}

#[track_caller]
fn check_case(text: &str, case: &Case<'_>, expected: &[&str], mistake: Option<&str>) {
    let (warnings, why) = lint(text, case);
    assert_eq!(
        (warnings, why.as_deref()),
        (
            expected.iter().map(|line| (*line).to_owned()).collect(),
            mistake
        ),
        "{text}"
    );
}

/// Cases of files that can be built; of each warning only the beginning is written.
#[track_caller]
fn check_all(case: &Case<'_>, cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        let (warnings, mistake) = lint(text, case);
        assert_eq!(mistake, None, "{text}");
        let begins = |(warning, start): (&String, &&str)| warning.starts_with(start);
        let all = warnings.len() == expected.len() && warnings.iter().zip(*expected).all(begins);
        assert!(all, "{text}\n{warnings:#?}");
    }
}

/// The blocks of a page that are marked with this word.
fn blocks(page: &str, mark: &str) -> Vec<String> {
    let fence = format!("```{mark}\n");
    let after = page.split(fence.as_str()).skip(1);
    after
        .filter_map(|text| Some(text.split_once("```")?.0.to_owned()))
        .collect()
}

#[test]
fn what_a_page_calls_bad_is_found_and_what_it_calls_good_is_not() {
    for rule in RULES {
        let ignore = blocks(rule.documentation, "dockerignore").concat();
        let case = Case {
            ignore: &ignore,
            ..Case::default()
        };
        let [bad, good] = blocks(rule.documentation, "dockerfile").try_into().unwrap();
        let (warnings, _) = found(&bad, &case);
        let names: Vec<_> = warnings.iter().map(|warning| warning.rule.name).collect();
        assert_eq!(names, [rule.name], "{bad}");
        check_case(&good, &case, &[], None);
        let title = format!("# {}\n", rule.name);
        assert!(rule.documentation.starts_with(&title), "{title}");
        assert!(std::ptr::eq(find(rule.name).unwrap(), rule));
    }
    assert!(find("Nothing").is_none());
}

#[test]
fn warnings_come_in_the_order_of_the_original() {
    check_case(
        "from --platform=$TARGETPLATFORM alpine$NO As Scratch\n\
         MAINTAINER x\n\
         ENV TOKEN $no\n\
         RUN \\\n\n a\n\
         WORKDIR b\n\
         EXPOSE 1:2/TCP\n\
         CMD c\n\
         CMD d\n",
        &Case::default(),
        &[
            "6 NoEmptyContinuation: Empty continuation line",
            "1 StageNameCasing: Stage name 'Scratch' should be lowercase",
            "1 FromAsCasing: 'As' and 'from' keywords' casing do not match",
            "2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label",
            "1 ReservedStageName: Stage name should not use the same name as reserved stage \"scratch\"",
            "1 ConsistentInstructionCasing: Command 'from' should match the case of the command majority (uppercase)",
            "1 UndefinedArgInFrom: FROM argument 'NO' is not declared",
            "1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
            "3 UndefinedVar: Usage of undefined variable '$no'",
            "3 LegacyKeyValueFormat: \"ENV key=value\" should be used instead of legacy \"ENV key value\" format",
            "3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV \"TOKEN\")",
            "7 WorkdirRelativePath: Relative workdir \"b\" can have unexpected results if the base image changes",
            "8 ExposeProtoCasing: Defined protocol '1:2/TCP' in EXPOSE instruction should be lowercase",
            "8 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '1:2/TCP'",
            "9 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
            "9 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used",
            "10 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
        ],
        None,
    );
    check_case(
        "FROM arm64v8/alpine\nFROM --platform=linux alpine\n",
        &Case {
            all_stages: true,
            ..Case::default()
        },
        &[
            "2 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value \"linux\"",
            "1 InvalidBaseImagePlatform: Base image arm64v8/alpine was pulled with platform \"linux/arm64\", expected \"linux/amd64\" for current build",
        ],
        None,
    );
}

#[test]
fn a_file_with_a_mistake_is_looked_at_up_to_it() {
    for (text, expected, mistake) in [
        (
            "FROM alpine AS Foo\nRUN a \\\n\n b\nENV foo\n",
            &[][..],
            "ENV must have two arguments",
        ),
        (
            "MAINTAINER x\nFROM alpine AS Foo\n",
            &["1 MaintainerDeprecated"],
            "no build stage in current context",
        ),
        (
            "FROM alpine\nMAINTAINER\nFROM alpine AS Foo\n",
            &["2 MaintainerDeprecated"],
            "dockerfile parse error on line 2: MAINTAINER requires exactly one argument",
        ),
        (
            "FROM alpine foo Bar\nMAINTAINER x\n",
            &["1 StageNameCasing", "1 FromAsCasing"],
            "dockerfile parse error on line 1: FROM requires either one or three arguments",
        ),
        (
            "FROM alpine AS a\nFROM alpine AS a\nFROM alpine$x${y:?no}$z\nMAINTAINER x\n",
            &[
                "4 MaintainerDeprecated",
                "2 DuplicateStageName",
                "3 UndefinedArgInFrom: FROM argument 'x'",
                "3 UndefinedArgInFrom: FROM argument 'y'",
            ],
            "failed to process \"alpine$x${y:?no}$z\": y: no",
        ),
        (
            "FROM alpine\nENV a b\nENV a=$x b=${y:?no} c=$z\nCMD d\n",
            &[
                "2 LegacyKeyValueFormat",
                "3 UndefinedVar: Usage of undefined variable '$x'",
                "3 UndefinedVar: Usage of undefined variable '$y'",
            ],
            "failed to process \"${y:?no}\": y: no",
        ),
        (
            "FROM alpine\nEXPOSE 1/TCP 2:x/UDP\nCMD d\n",
            &[
                "2 ExposeProtoCasing: Defined protocol '1/TCP'",
                "2 ExposeProtoCasing: Defined protocol '2:x/UDP'",
                "2 ExposeInvalidFormat",
            ],
            "invalid containerPort: x",
        ),
        (
            "FROM alpine\nCOPY a.md https://x.y/z b.md /\nCMD d\n",
            &["2 CopyIgnoredFile: Attempting to Copy file \"a.md\""],
            "source can't be a URL for COPY",
        ),
    ] {
        let case = Case {
            ignore: "*.md",
            ..Case::default()
        };
        let (warnings, why) = lint(text, &case);
        assert_eq!(why.as_deref(), Some(mistake), "{text}");
        assert_eq!(warnings.len(), expected.len(), "{text}\n{warnings:#?}");
        for (warning, start) in warnings.iter().zip(expected) {
            assert!(warning.starts_with(start), "{text}\n{warnings:#?}");
        }
    }
}

#[test]
fn a_check_counts_for_the_file_or_for_one_instruction() {
    check_all(
        &Case::default(),
        &[
            ("# check=skip=all\nFROM alpine AS Foo\nCMD x\n", &[]),
            (
                "# check=skip=StageNameCasing,Nothing\nFROM alpine AS Foo\nCMD x\n",
                &["3 JSONArgsRecommended"],
            ),
            // Only at the top is it for the whole file.
            (
                "# hello\n# check=skip=StageNameCasing\nFROM alpine AS Foo\nCMD x\n",
                &["4 JSONArgsRecommended"],
            ),
            (
                "FROM alpine\n# check=skip=UndefinedVar now\nENV a=$b\nENV a=$c\n",
                &["4 UndefinedVar"],
            ),
            // The first counts; one with a mistake, and what stands before an empty comment, do not.
            (
                "FROM alpine\n# check=skip=X\n# check=skip=all\nENV a=$b\n# check=oops\nENV a=$c\n# check=skip=all\n#\nENV a=$d\n",
                &["4 UndefinedVar", "6 UndefinedVar", "9 UndefinedVar"],
            ),
            (
                "# check=experimental=all\nFROM alpine AS a\n# x\nARG y z\n# check=skip=all\nFROM alpine AS b\n",
                &[
                    "4 InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>`",
                    "6 InvalidDefinitionDescription: Comment for FROM should follow the format: `# b <description>`",
                ],
            ),
            // Names and keywords are compared across the file, so only the file can skip that.
            (
                "FROM alpine\n# check=skip=all\nRun a\n",
                &["3 ConsistentInstructionCasing"],
            ),
        ],
    );
    let given = Case {
        check: Some("skip=StageNameCasing"),
        ..Case::default()
    };
    check_all(
        &given,
        &[(
            "# check=skip=all;error=true\nFROM alpine AS Foo\nCMD x\n",
            &["3 JSONArgsRecommended"],
        )],
    );
}

#[test]
fn warnings_can_be_errors() {
    let (warnings, mistake) = lint(
        "# check=error=true\nFROM alpine AS Foo\nCMD x\nCMD y\n",
        &Case::default(),
    );
    assert_eq!(warnings.len(), 4);
    let message = "lint violation found for rules: StageNameCasing, JSONArgsRecommended, MultipleInstructionsDisallowed";
    assert_eq!(mistake.as_deref(), Some(message));
    check_case(
        "# check=error=true;skip=all\nFROM alpine AS Foo\n# check=error=true\nCMD x\n",
        &Case::default(),
        &[],
        None,
    );
}

#[test]
fn stages_count_when_they_are_planned() {
    let text = "FROM alpine AS a\nENV a b\nFROM onbuild AS b\nENV a $b\nFROM alpine AS c\nCOPY --from=a / /\nENV c d\n";
    let all = Case {
        all_stages: true,
        ..Case::default()
    };
    check_all(
        &all,
        &[(
            text,
            &[
                "2 LegacyKeyValueFormat",
                // Its triggers do not fire: the target does not need it.
                "4 UndefinedVar",
                "4 LegacyKeyValueFormat",
                "7 LegacyKeyValueFormat",
            ],
        )],
    );
    check_all(
        &Case::default(),
        &[(text, &["2 LegacyKeyValueFormat", "7 LegacyKeyValueFormat"])],
    );
    let target = Case {
        target: Some("a"),
        ..Case::default()
    };
    check_all(&target, &[(text, &["2 LegacyKeyValueFormat"])]);
}

#[test]
fn triggers_are_looked_at_on_the_line_of_their_stage() {
    check_all(
        &Case::default(),
        &[
            (
                "FROM onbuild\nCMD x\n",
                &[
                    "1 UndefinedVar: Usage of undefined variable '$nobody'",
                    "1 LegacyKeyValueFormat",
                    "1 JSONArgsRecommended",
                    "1 MultipleInstructionsDisallowed: Multiple CMD",
                    "2 JSONArgsRecommended",
                ],
            ),
            (
                "FROM alpine AS a\nONBUILD WORKDIR b\nFROM a\nWORKDIR c\n",
                &["3 WorkdirRelativePath: Relative workdir \"b\""],
            ),
        ],
    );
}

#[test]
fn variables_are_those_of_the_command() {
    check_all(
        &Case {
            build_args: &[("given", "1")],
            ..Case::default()
        },
        &[
            // Of the base image, of the stage below, declared without a value, and always there.
            (
                "FROM alpine AS a\nARG given none\nENV a=$BASE$PATH b=$given$none\nFROM a\nENV c=$a$none d=$given\n",
                &[],
            ),
            // ENV sees what was set before it, a later ARG of the same instruction what is before that.
            (
                "FROM alpine\nENV a=1 b=$a\nARG x=$y y=$x\n",
                &[
                    "2 UndefinedVar: Usage of undefined variable '$a'",
                    "3 UndefinedVar: Usage of undefined variable '$y' (did you mean $a?)",
                ],
            ),
            // In the order in which they are asked for; of two that are as near, the one set first.
            (
                "ARG global=1\nFROM alpine\nENV PATHS=1\nUSER ${z:-$PAHT}$global\n",
                &[
                    "4 UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?)",
                    "4 UndefinedVar: Usage of undefined variable '$z'",
                    "4 UndefinedVar: Usage of undefined variable '$global'",
                ],
            ),
            // Every part of a command that is expanded, in the order of the original; nothing else.
            (
                "FROM alpine\nADD --checksum=$c --chown=$a --chmod=${b:-755} https://x.y/$d $e\n",
                &[
                    "2 UndefinedVar: Usage of undefined variable '$a'",
                    "2 UndefinedVar: Usage of undefined variable '$b'",
                    "2 UndefinedVar: Usage of undefined variable '$c'",
                    "2 UndefinedVar: Usage of undefined variable '$d'",
                    "2 UndefinedVar: Usage of undefined variable '$e'",
                ],
            ),
            (
                "FROM alpine\nCOPY <<A <<'B' /x/\n$a \"${b:-$c}\"\nA\n$d\nB\nEXPOSE $e 80\nRUN echo $f\nCMD [\"$g\"]\nLABEL $h=$i\n",
                &[
                    "2-6 UndefinedVar: Usage of undefined variable '$a'",
                    "2-6 UndefinedVar: Usage of undefined variable '$c'",
                    "2-6 UndefinedVar: Usage of undefined variable '$b'",
                    "10 UndefinedVar: Usage of undefined variable '$h'",
                    "10 UndefinedVar: Usage of undefined variable '$i'",
                ],
            ),
            (
                "FROM alpine\nRUN --mount=type=cache,target=/m$t,id=$i --mount=type=secret,id=x$s true\nENV s=$BUILDKIT_SBOM_SCAN_STAGE\n",
                &[
                    "2 UndefinedVar: Usage of undefined variable '$t'",
                    "2 UndefinedVar: Usage of undefined variable '$i'",
                    "2 UndefinedVar: Usage of undefined variable '$s'",
                ],
            ),
        ],
    );
}

#[test]
fn secrets_are_known_by_the_words_of_their_names() {
    let found = |key: &str| {
        let text = format!("FROM alpine\nARG {key}\n");
        let (warnings, _) = lint(&text, &Case::default());
        warnings.len() == 1
    };
    for key in [
        "TOKEN",
        "aws_Secret_access_Key",
        "_apikey",
        "key_",
        "ApiKey",
        "GIT_AUTH_X",
        "to\u{212a}en",
    ] {
        assert!(found(key), "{key}");
    }
    for key in [
        "TOKENS",
        "KEYBOARD",
        "PUBLIC_KEY",
        "TOKEN_FILE",
        "secret_version",
        "my-token",
        "authx",
    ] {
        assert!(!found(key), "{key}");
    }
    check_all(
        &Case::default(),
        &[(
            "FROM alpine\nENV ${x:-MY}_KEY=1\nLABEL token=1\n",
            &[
                "2 UndefinedVar",
                "2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV \"MY_KEY\")",
            ],
        )],
    );
}

#[test]
fn sources_are_compared_with_the_ignore_patterns() {
    let ignore = |ignore| Case {
        ignore,
        ..Case::default()
    };
    let text = "FROM alpine\nCOPY . /\nADD / /\nCOPY ./a/../x.md ../b.md y.txt /c/\nCOPY --from=alpine d.md /\nADD <<e.md https://x.y/f.md /\ne.md\n";
    check_all(
        &ignore("*.md\n"),
        &[(
            text,
            &["4 CopyIgnoredFile: Attempting to Copy file \"x.md\""],
        )],
    );
    check_all(
        &ignore("*\n"),
        &[(
            text,
            &[
                "2 CopyIgnoredFile: Attempting to Copy file \".\"",
                "3 CopyIgnoredFile: Attempting to Add file \"/\"",
                "4 CopyIgnoredFile: Attempting to Copy file \"x.md\"",
                "4 CopyIgnoredFile: Attempting to Copy file \"../b.md\"",
                "4 CopyIgnoredFile: Attempting to Copy file \"y.txt\"",
            ],
        )],
    );
    check_all(&ignore("*.md\n!z\n"), &[(text, &[])]);
    check_all(&ignore("."), &[(text, &[])]);
}

#[test]
fn platforms_of_stages_are_judged_by_what_they_are_made_of() {
    check_all(
        &Case {
            all_stages: true,
            ..Case::default()
        },
        &[(
            "ARG P=linux/amd64\nARG NONE\n\
             FROM --platform=\"$TARGETPLATFORM\" alpine\n\
             FROM --platform=$TARGETPLATFORM$NONE alpine\n\
             FROM --platform=${TARGETPLATFORM:-x} alpine\n\
             FROM --platform=linux/$TARGETARCH alpine\n\
             FROM --platform=$P alpine\n\
             FROM --platform=linux/amd64 alpine AS on-linux\n\
             FROM --platform=x86_64 alpine AS x86\n\
             FROM --platform=linux$TARGETARHC/$BUILDARCH alpine AS y\n",
            &[
                "3 RedundantTargetPlatform",
                "5 RedundantTargetPlatform: Setting platform to predefined ${TARGETPLATFORM:-x} in FROM",
                "9 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value \"x86_64\"",
                "10 UndefinedArgInFrom: FROM argument 'TARGETARHC' is not declared (did you mean TARGETARCH?)",
            ],
        )],
    );
}

/// A second is enough for each; were names compared with all others, minutes would not be.
#[test]
fn long_files_take_no_long_time() {
    let lines = |line: fn(usize) -> String| (0..20_000).map(line).collect::<String>();
    let many = format!(
        "FROM alpine AS Foo\n{}",
        lines(|i| format!("ARG v{i}=$u{i}\n# check=skip=X\n"))
    );
    let one = format!(
        "FROM alpine\nCOPY <<E /\n{}E\n",
        lines(|i| format!("$u{i}\n"))
    );
    for text in [many, one] {
        let (warnings, mistake) = found(&text, &Case::default());
        assert_eq!(mistake, None);
        assert!(warnings.len() >= 20_000);
    }
}
