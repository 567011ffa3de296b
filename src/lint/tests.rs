//! Whole files, linted in a world of a few images.

use std::collections::{BTreeMap, HashMap};

use crate::{
    golang::ignore,
    instruction, llb,
    plan::{
        self, Answer as Image, Known, MainContext, NoCache, Resolution, RunSettings, Step, Wanted,
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
        local_sessions: &nothing,
        shared_keys: &nothing,
        cache_mount_namespace: "",
        no_cache: &NoCache::No,
        labels: &nothing,
        run: &RunSettings::default(),
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
        match resolution.step(&known)? {
            Step::Done(bases) => break *bases,
            Step::Need(goes_on, queries) => {
                known.extend(queries.into_iter().map(|query| image(query.wanted)));
                resolution = *goes_on;
            }
        }
    };
    plan::build_with_facts(bases, &options, &main, facts).map(drop)
}

/// Every image is for amd64, but those of `arm64v8`; `onbuild` leaves triggers.
fn image(wanted: Wanted) -> (Wanted, Image) {
    let Wanted::Image { reference, .. } = &wanted else {
        panic!("only images are asked for");
    };
    let architecture = match reference.contains("arm64v8/") {
        true => "arm64",
        false => "amd64",
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

#[track_caller]
fn check_all(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        check_case(text, &Case::default(), expected, None);
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
    check_all(&[(
        "from --platform=$TARGETPLATFORM alpine:$NO As Scratch\n\
         MAINTAINER x\n\
         ENV TOKEN $no\n\
         RUN \\\n\n a\n\
         WORKDIR b\n\
         EXPOSE 1:2/TCP\n\
         CMD c\n\
         CMD d\n",
        &[
            "6 NoEmptyContinuation: Empty continuation line",
            "1 StageNameCasing: Stage name 'Scratch' should be lowercase",
            "1 FromAsCasing: 'As' and 'from' keywords' casing do not match",
            "2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label",
            "1 ReservedStageName: Stage name should not use the same name as reserved stage \"scratch\"",
            "1 ConsistentInstructionCasing: Command 'from' should match the case of the command majority (uppercase)",
            "1 InvalidDefaultArgInFrom: Default value for ARG alpine:$NO results in empty or invalid base image name",
        ],
    )]
    .map(|(text, expected)| {
        // The base cannot be named, which ends the build before the first command.
        let (warnings, mistake) = lint(text, &Case::default());
        assert!(mistake.is_some());
        assert_eq!(warnings[..7], expected.map(str::to_owned));
        ("FROM alpine\n", [].as_slice())
    }));
    check_all(&[(
        "from alpine As Scratch\nMAINTAINER x\nENV TOKEN $no\nRUN \\\n\n a\nWORKDIR b\nEXPOSE 1:2/TCP\nCMD c\nCMD d\n",
        &[
            "6 NoEmptyContinuation: Empty continuation line",
            "1 StageNameCasing: Stage name 'Scratch' should be lowercase",
            "1 FromAsCasing: 'As' and 'from' keywords' casing do not match",
            "2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label",
            "1 ReservedStageName: Stage name should not use the same name as reserved stage \"scratch\"",
            "1 ConsistentInstructionCasing: Command 'from' should match the case of the command majority (uppercase)",
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
    )]);
}
