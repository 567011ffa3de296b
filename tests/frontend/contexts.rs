//! What stands in the place of the client's directories, and of images: what other builds gave, and what policies chose.

use std::{collections::BTreeMap, fs};

use fal_frontend::{
    llb,
    proto::pb::{self, op},
};
use prost::{Message, bytes::Bytes};
use tempfile::TempDir;

use super::{Answer, accepted, ask_of, daemon::Daemon};

/// What becomes of a Dockerfile of the client, on this daemon.
fn ask(dockerfile: &str, options: &[(&str, &str)], prepare: impl FnOnce(&mut Daemon)) -> Answer {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    let locals = ["context", "dockerfile", "files"];
    let locals = locals.map(|name| (name.to_owned(), folder.path().to_owned()));
    let mut daemon = Daemon::new(locals.into());
    prepare(&mut daemon);
    let options = options
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    ask_of(daemon, "off", options.collect())
}

/// The ops, or the error with nothing else.
fn shown(answer: &Answer) -> String {
    match &answer.result {
        Ok(result) => accepted(result, &answer.seen),
        Err(error) => error.message.clone(),
    }
}

/// An op that no release has: a source, and field 99 of which nobody knows anything.
fn of_another_build() -> pb::Definition {
    let source = op::Op::Source(pb::SourceOp {
        identifier: "git://example.com/r".to_owned(),
        ..Default::default()
    });
    let mut op = pb::Op {
        op: Some(source),
        ..Default::default()
    }
    .encode_to_vec();
    op.extend(b"\x9a\x06\x03new");
    let digest = llb::digest(&op);
    let last = pb::Op {
        inputs: vec![pb::Input {
            digest: digest.clone(),
            index: 0,
        }],
        ..Default::default()
    };
    pb::Definition {
        def: vec![op.into(), last.encode_to_vec().into()],
        metadata: BTreeMap::from([(digest, pb::OpMetadata::default())]),
        source: None,
    }
}

#[test]
fn what_two_platforms_ask_is_asked_once() {
    let dockerfile = "FROM --platform=linux/amd64 busybox AS tool\nFROM alpine\n\
                      COPY --from=files / /\nCOPY --from=tool / /\n";
    let options = [
        ("platform", "linux/amd64,linux/arm64"),
        ("context:files", "local:files"),
    ];
    let answer = ask(dockerfile, &options, |_| {});
    let asked = answer.seen.resolved.iter().map(|it| {
        let platform = it.platform.clone().unwrap_or_default();
        format!("{} {}", it.source.identifier, platform.architecture)
    });
    let mut asked: Vec<String> = asked.collect();
    asked.sort();
    assert_eq!(
        asked,
        [
            "docker-image://docker.io/library/alpine:latest amd64",
            "docker-image://docker.io/library/alpine:latest arm64",
            "docker-image://docker.io/library/busybox:latest amd64",
        ]
    );
}

#[test]
fn a_context_of_a_platform_stands_in_for_a_stage_that_is_built_for_it() {
    let dockerfile = "FROM scratch AS x\nFROM scratch\nCOPY --from=x / /\n";
    let options = [
        ("platform", "linux/386,linux/riscv64"),
        ("context:x::linux/386", "local:files"),
        ("context:x::linux/riscv64", "docker-image://busybox"),
    ];
    let ops = shown(&ask(dockerfile, &options, |_| {}));
    let both = ["local://files", "docker.io/library/busybox"];
    assert!(both.iter().all(|source| ops.contains(source)), "{ops}");
}

/// BuildKit 0.32 does not survive a second question for a repository that it has not found.
#[test]
fn what_was_refused_is_not_asked_again() {
    let options = [
        ("platform", "linux/amd64,linux/arm64"),
        ("build-arg:SOURCE_DATE_EPOCH", "src"),
        ("context:src", "https://host.invalid/r.git"),
    ];
    let answer = ask("FROM busybox\nWORKDIR /a\n", &options, |_| {});
    assert_eq!(answer.seen.resolved.len(), 1);
    assert_eq!(
        answer.result.unwrap_err().message,
        "host.invalid/r.git: not found"
    );
}

#[test]
fn a_policy_can_make_something_else_of_a_context() {
    const IMAGE: &str = "docker-image://docker.io/library/a:latest";
    let dockerfile = "FROM scratch\nCOPY --from=files / /\n";
    let context = [("context:files", "docker-image://a")];
    for (moved, expected) in [
        ("https://example.com/f", "source https://example.com/f"),
        ("git://example.com/r#b", "source git://example.com/r#b"),
        ("local://files", "source local://files"),
        (
            "oci-layout://store@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "oci-layout://docker.io/library/files@sha256:000000000000",
        ),
        ("input://other", "invalid input other for files"),
        ("new://a", "unsupported context source new for files"),
        ("nothing", "could not parse ref: nothing"),
        (
            "docker-image://a",
            "context recursion limit exceeded; this may indicate a cycle in the provided source policies: docker-image://a",
        ),
    ] {
        let answer = ask(dockerfile, &context, |daemon| {
            daemon.policy = BTreeMap::from([(IMAGE, moved)]);
        });
        let shown = shown(&answer);
        assert!(shown.contains(expected), "{moved}:\n{shown}");
    }
}

#[test]
fn a_policy_cannot_make_something_else_of_a_base_image() {
    let answer = ask("FROM alpin\n", &[], |daemon| {
        let image = "docker-image://docker.io/library/alpin:latest";
        daemon.policy = BTreeMap::from([(image, "https://example.com/f")]);
    });
    assert_eq!(
        shown(&answer),
        "alpin: ref mutated by policy to non-image: docker-image://docker.io/library/alpin:latest \
         -> https://example.com/f (did you mean alpine?)"
    );
}

#[test]
fn what_another_build_gave_is_kept_byte_for_byte() {
    let input = of_another_build();
    let dockerfile = Bytes::from_static(b"FROM base\nCOPY a b\nCOPY --from=other a b\n");
    let options = [
        ("context:base", "input:base"),
        ("context:other", "input:base"),
        ("input-metadata:base", "{}"),
        ("contextsubdir", "sub"),
    ];
    let answer = ask("never read", &options, |daemon| {
        daemon.inputs = ["context", "dockerfile", "base"]
            .map(|name| (name.to_owned(), input.clone()))
            .into();
        daemon.files = BTreeMap::from([("Dockerfile", dockerfile)]);
    });
    let ops = shown(&answer);
    let Ok(result) = &answer.result else {
        panic!("{ops}");
    };
    let reference = result.reference().unwrap();
    let definition = &answer.seen.solved[&reference.id];
    let kept = |op: &&Bytes| **op == input.def[0];
    assert_eq!(definition.ops.iter().filter(kept).count(), 1, "{ops}");
    // Nothing was asked of the client.
    assert!(!ops.contains("local://"), "{ops}");
}

#[test]
fn the_image_config_of_another_build_counts() {
    // {"os":"linux","architecture":"arm64","config":{"Env":["A=b"],"WorkingDir":"/w"}}
    let config = "eyJvcyI6ImxpbnV4IiwiYXJjaGl0ZWN0dXJlIjoiYXJtNjQiLCJjb25maWciOnsiRW52IjpbIkE9YiJdLCJXb3JraW5nRGlyIjoiL3cifX0=";
    let metadata = format!("{{\"containerimage.config\":\"{config}\",\"other\":null}}");
    let with = |metadata: &str| {
        let options = [("context:b", "input:b"), ("input-metadata:b", metadata)];
        let answer = ask("FROM b\nRUN $A\nWORKDIR c\n", &options, |daemon| {
            daemon.inputs = BTreeMap::from([("b".to_owned(), of_another_build())]);
        });
        shown(&answer)
    };
    let ops = with(&metadata);
    assert!(ops.contains("mkdir /w/c") && ops.contains("A=b"), "{ops}");
    assert_eq!(
        with("[}"),
        "failed to parse input metadata [}: invalid character '}' looking for beginning of value"
    );
    assert_eq!(
        with("{\"containerimage.config\":\"WzFd\"}"),
        "json: cannot unmarshal array into Go value of type v1.DockerOCIImage"
    );
}

/// Also where no one uses it: a client that sends nothing has made a mistake.
#[test]
fn an_input_of_which_nothing_is_known_is_refused() {
    let answer = ask("FROM scratch\n", &[], |daemon| {
        daemon.inputs = BTreeMap::from([("a".to_owned(), pb::Definition::default())]);
    });
    assert_eq!(
        shown(&answer),
        "failed to get frontend inputs: invalid nil input definition to definition op"
    );
}
