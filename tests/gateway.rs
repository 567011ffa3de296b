//! The client against a daemon of our own at the other end of real pipes.

#![cfg(feature = "gateway")]

use std::{
    collections::BTreeMap,
    fmt::Debug,
    io::{self, PipeReader, PipeWriter},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fal_frontend::{
    diagnostic::Diagnostic,
    frontend::{self, Environment},
    gateway::{
        CacheImport, Capabilities, Client, Code, Error, FileRange, Gateway, Ref, Refs,
        SolveRequest, SolveResult, SourceRequest, Warning,
    },
    llb::source,
    proto::{
        apicaps::ApiCap,
        frontend::{
            llb_bridge_server::{LlbBridge, LlbBridgeServer},
            *,
        },
        pb, rpc,
    },
    source::Lines,
};
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::{Message, bytes::Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, join},
    net::{UnixStream, unix::pipe},
    sync::Barrier,
    task::{JoinHandle, JoinSet},
};
use tonic::{Request, Response, Status, async_trait};
use tower::Service;

const NEW: &[&str] = &[
    "return",
    "returnmap",
    "proto.refarray",
    "readdir",
    "statfile",
    "frontend.inputs",
    "gateway.solve.evaluate",
    "gateway.evaluate",
    "gateway.warnings",
    "source.metaresolver",
    "some.capability.from.the.future",
];

/// What reading a Dockerfile needs.
const LLB: &[&str] = &[
    "file.base",
    "source.local",
    "source.local.unique",
    "source.local.sessionid",
    "source.local.followpaths",
    "source.local.sharedkeyhint",
    "source.local.differ",
    "constraints",
    "platform",
    "meta.description",
];

#[tokio::test]
async fn a_result_is_solved_read_and_returned() {
    let daemon = Daemon::new(NEW);
    let (client, _) = daemon.start().await;
    assert!(client.capabilities().llb.supports("source.local"));
    assert!(
        client
            .capabilities()
            .frontend
            .supports("some.capability.from.the.future")
    );

    let request = SolveRequest {
        options: [("k".into(), "v".into())].into(),
        cache_imports: vec![CacheImport {
            kind: "registry".into(),
            attrs: [("ref".into(), "a".into())].into(),
        }],
        evaluate: true,
        ..SolveRequest::definition(pb::Definition::default())
    };
    let mut result = client.solve(request).await.expect("a result");
    let reference = result.reference().expect("no scratch").clone();
    client.evaluate(&reference).await.expect("an evaluation");
    let range = FileRange {
        offset: 1,
        length: 2,
    };
    let data = client.read_file(&reference, "/f", Some(range)).await;
    assert_eq!(data, Ok(Bytes::from_static(b"/f of solved at 1")));
    let listed = client.read_dir(&reference, "/", "*").await.expect("files");
    assert_eq!(listed[0].path, "/ *");
    result.metadata.insert("k".into(), "v".into());
    client.return_result(result).await.expect("an end");

    let calls = daemon.calls();
    assert_eq!(calls.names(), "Solve Evaluate ReadFile ReadDir Return");
    let solve = SolveRequestMessage::decode(calls.bytes(0)).expect("a request");
    assert!(solve.evaluate && solve.allow_result_return && solve.allow_result_array_ref);
    assert_eq!(solve.cache_imports[0].r#type, "registry");
    let returned = ReturnRequest::decode(calls.bytes(4)).expect("a request");
    let returned = returned.result.expect("a result");
    assert_eq!(returned.metadata["k"], "v");
    let expected = Ref {
        id: "solved".into(),
        def: None,
    };
    assert_eq!(returned.result, Some(result::Result::Ref(expected)));
}

#[tokio::test]
async fn a_daemon_from_before_is_asked_in_its_own_way() {
    let daemon = Daemon::new(&["return", "statfile", "readfile", "resolveimage"]);
    let (client, _) = daemon.start().await;
    let solve = SolveRequest {
        evaluate: true,
        ..SolveRequest::default()
    };
    let result = client.solve(solve).await.expect("a result");
    let reference = result.reference().expect("no scratch").clone();
    client.evaluate(&reference).await.expect("an evaluation");
    client.warn(Warning::default()).await.expect("no warning");
    assert_eq!(client.inputs().await, Ok(BTreeMap::new()));
    assert_eq!(
        client.read_dir(&reference, "/", "").await,
        Err(Error::new(
            "requested experimental feature readdir  is not supported by build server, please \
             update buildkit"
        ))
    );

    let image = source::Image {
        reference: "docker.io/library/a:b".into(),
        ..Default::default()
    };
    let resolved = client
        .resolve_source(SourceRequest::new(image, "log"))
        .await;
    let resolved = resolved.expect("an image");
    assert_eq!(resolved.reference(), "docker.io/library/a:b of type 0");
    assert_eq!(resolved.image.expect("an image").digest, "sha256:1");
    let layout = source::OciLayout {
        reference: "a@sha256:2".into(),
        store: source::OciStore {
            session_id: "session".into(),
            store_id: "store".into(),
        },
        layer_limit: None,
    };
    let resolved = client.resolve_source(SourceRequest::new(layout, "")).await;
    let resolved = resolved.expect("an image");
    assert_eq!(
        resolved.source.identifier,
        "oci-layout://a@sha256:2 of type 1"
    );
    let http = source::Http {
        url: "https://a".into(),
        ..Default::default()
    };
    let resolved = client.resolve_source(SourceRequest::new(http, "")).await;
    assert_eq!(
        resolved.expect("what it was").source.identifier,
        "https://a"
    );

    let refs = [("linux/amd64".into(), Some(reference))].into();
    let result = SolveResult {
        refs: Refs::ByPlatform(refs),
        ..Default::default()
    };
    client.return_result(result).await.expect("an end");

    let calls = daemon.calls();
    assert_eq!(
        calls.names(),
        "Solve StatFile StatFile ResolveImageConfig ResolveImageConfig Return"
    );
    let layout = ResolveImageConfigRequest::decode(calls.bytes(4)).expect("a request");
    assert_eq!(
        (&*layout.session_id, &*layout.store_id),
        ("session", "store")
    );
    let returned = ReturnRequest::decode(calls.bytes(5)).expect("a request");
    let Some(result::Result::RefsDeprecated(refs)) = returned.result.and_then(|it| it.result)
    else {
        panic!("a result in another form");
    };
    assert_eq!(refs.refs["linux/amd64"], "solved");
}

#[tokio::test]
async fn what_a_source_is_now_can_be_another_source() {
    let daemon = Daemon::new(NEW);
    let (client, _) = daemon.start().await;
    let image = source::Image {
        reference: "docker.io/library/a:b".into(),
        ..Default::default()
    };
    let request = SourceRequest {
        resolve_mode: source::ResolveMode::ForcePull.as_str().into(),
        platform: Some(pb::Platform::default()),
        ..SourceRequest::new(image, "log")
    };
    let resolved = client.resolve_source(request).await.expect("a source");
    assert_eq!(resolved.source.identifier, "https://b pull log");
    assert!(resolved.image.is_none());
}

#[tokio::test]
async fn an_op_that_the_daemon_cannot_run_is_not_sent() {
    let daemon = Daemon::new(NEW);
    let (client, _) = daemon.start().await;
    let metadata = pb::OpMetadata {
        caps: [("exec.new".into(), true)].into(),
        ..Default::default()
    };
    let definition = pb::Definition {
        metadata: [("sha256:1".into(), metadata)].into(),
        ..Default::default()
    };
    let refused = client.solve(SolveRequest::definition(definition)).await;
    let refused = refused.expect_err("a refusal").to_string();
    assert!(
        refused.starts_with("requested experimental feature exec.new"),
        "{refused}"
    );
    assert_eq!(daemon.calls().names(), "");
}

/// 10 KiB is more than some clients take; from 16 KiB on the usual limit would lose the details, and
/// from 1 MiB on the connection.
#[tokio::test]
async fn details_of_any_size_come_and_go_unchanged() {
    for size in [0, 10 << 10, 100 << 10, 1 << 20, 4 << 20] {
        let details = vec![
            rpc::Any {
                type_url: "github.com/moby/buildkit/errdefs.Solve+json".into(),
                value: (0..size).map(|at| (at % 251) as u8).collect(),
            },
            rpc::Any::default(),
        ];
        let status = rpc::Status {
            code: Code::NotFound.into(),
            message: "no »such« file:\n%".into(),
            details,
        };
        let daemon = Daemon {
            refusal: Some(status.clone()),
            ..Daemon::new(NEW)
        };
        let (client, _) = daemon.start().await;
        let error = client.solve(SolveRequest::default()).await;
        let error = error.expect_err("a refusal");
        // Not `assert_eq!`, which would print megabytes.
        assert!(error.to_status() == status, "{size} bytes arrived changed");
        assert_eq!(error.to_string(), "NotFound: no »such« file:\n%");
        client.return_error(&error).await.expect("an end");
        let returned = ReturnRequest::decode(daemon.calls().bytes(1)).expect("a request");
        assert!(returned.error == Some(status), "{size} bytes left changed");
    }
}

#[tokio::test]
async fn large_files_are_read_and_too_large_ones_are_refused() {
    let daemon = Daemon {
        file_size: 15 << 20,
        ..Daemon::new(NEW)
    };
    let (client, _) = daemon.start().await;
    let data = client.read_file(&Ref::default(), "/f", None).await;
    assert_eq!(data.map(|data| data.len()), Ok(15 << 20));

    let daemon = Daemon {
        file_size: 17 << 20,
        ..Daemon::new(NEW)
    };
    let (client, _) = daemon.start().await;
    let data = client.read_file(&Ref::default(), "/f", None).await;
    assert_eq!(data.expect_err("a refusal").code, Code::OutOfRange);
}

#[tokio::test]
async fn what_is_too_large_for_the_daemon_is_not_sent() {
    let daemon = Daemon::new(NEW);
    let (client, _) = daemon.start().await;
    let large = Bytes::from(vec![b'x'; 17 << 20]);
    let definition = pb::Definition {
        def: vec![large.clone()],
        ..Default::default()
    };
    let refused = client.solve(SolveRequest::definition(definition)).await;
    let refused = refused.expect_err("a refusal").to_string();
    let sentence = "trying to send message larger than max (17825";
    assert!(refused.contains(sentence), "{refused}");

    let result = SolveResult {
        metadata: [("containerimage.config".to_owned(), large)].into(),
        ..Default::default()
    };
    client.return_result(result).await.expect("an end");
    let returned = ReturnRequest::decode(daemon.calls().bytes(0)).expect("a request");
    let message = returned.error.expect("an error").message;
    assert!(message.contains(sentence), "{message}");

    let long = Error::new("é".repeat(9 << 20));
    client.return_error(&long).await.expect("an end");
    let returned = ReturnRequest::decode(daemon.calls().bytes(1)).expect("a request");
    let message = returned.error.expect("an error").message;
    assert!(message.starts_with("éé") && message.len() < 1 << 20);
}

/// More than the 250 streams that the daemon allows at once; the first 250 wait for each other.
#[tokio::test]
async fn calls_run_side_by_side() {
    let daemon = Daemon {
        meeting: Some(Arc::new(Barrier::new(250))),
        ..Daemon::new(NEW)
    };
    let (client, _) = daemon.start().await;
    let mut calls = JoinSet::new();
    for _ in 0..500 {
        let client = client.clone();
        calls.spawn(async move { client.read_file(&Ref::default(), "/f", None).await });
    }
    let answers = tokio::time::timeout(Duration::from_secs(30), calls.join_all()).await;
    assert!(
        answers
            .expect("answers")
            .iter()
            .all(|answer| answer.is_ok())
    );
}

#[tokio::test]
async fn the_end_of_the_stream_is_the_end_of_the_build() {
    let daemon = Daemon {
        hangs: true,
        ..Daemon::new(NEW)
    };
    let (client, server) = daemon.start().await;
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { client.evaluate(&Ref::default()).await })
    };
    daemon.until_called().await;
    assert!(!waiting.is_finished());
    server.abort();
    let ended = waiting.await.expect("an answer");
    assert_eq!(ended, Err(Error::cancelled()));
    client.closed().await;
    let later = client.evaluate(&Ref::default()).await;
    assert_eq!(later, Err(Error::cancelled()));
}

#[tokio::test]
async fn nobody_at_the_other_end_is_said_so() {
    let (receiver, sender) = pipe_ends().expect("pipes").0;
    // Both far ends are dropped at once.
    let error = Client::connect(join(receiver, sender), Capabilities::default()).await;
    let error = error.err().expect("a refusal").to_string();
    assert!(error.starts_with("BuildKit does not answer: "), "{error}");

    let old = Daemon::new(&["readfile"]);
    let client = Client::connect(old.listen().0, Capabilities::default()).await;
    let informed = client.expect("a connection").informed().await;
    let error = informed.err().expect("a refusal").to_string();
    assert_eq!(error, "this frontend needs BuildKit 0.4 or later");
}

/// Promise: nothing waits for what the daemon can do, and what is asked for meanwhile is what would be asked for after it.
#[tokio::test]
async fn the_dockerfile_is_asked_for_before_the_daemon_says_what_it_can_do() {
    let environment = Environment {
        session: "session".to_owned(),
        ..Environment::default()
    };
    let solved = |daemon: &Daemon| {
        let calls = daemon.calls().0.lock().expect("calls");
        let solved = calls.iter().filter(|(name, _)| *name == "Solve");
        solved
            .map(|(_, request)| request.clone())
            .collect::<Vec<_>>()
    };
    for (lacks, asked_again) in [("", false), ("source.local.differ", true)] {
        let daemon = || Daemon {
            lacks,
            ..Daemon::new(NEW)
        };
        let (informed, patient) = (daemon(), daemon());
        let (client, _) = patient.start().await;
        let answer = frontend::answer(&client, &environment).await;
        answer.expect_err("no instruction in the file");

        let near = informed.listen().0;
        let client = Client::connect(near, frontend::assumed_capabilities()).await;
        let client = client.expect("a connection");
        let served = frontend::serve(&client, &environment).await;
        served.expect("an end");
        let (ahead, later) = (solved(&informed), solved(&patient));
        match asked_again {
            false => assert_eq!(ahead, later),
            true => {
                assert_eq!(ahead.len(), 2 * later.len());
                assert!(ahead.ends_with(&later));
            }
        }
    }
}

/// The frontend's own program, as BuildKit starts it: with pipes, or where a runtime prefers them, with
/// a socket.
#[tokio::test]
async fn the_frontend_speaks_over_its_standard_streams() {
    let status = rpc::Status {
        code: Code::NotFound.into(),
        message: "no such file".into(),
        details: vec![rpc::Any {
            type_url: "github.com/moby/buildkit/errdefs.Vertex+json".into(),
            value: "{}".into(),
        }],
    };
    for over_a_socket in [false, true] {
        let daemon = Daemon {
            refusal: Some(status.clone()),
            ..Daemon::new(NEW)
        };
        let program = if over_a_socket {
            let (near, far) = std::os::unix::net::UnixStream::pair().expect("sockets");
            far.set_nonblocking(true).expect("a socket");
            daemon.serve(UnixStream::from_std(far).expect("a socket"));
            let near = OwnedFd::from(near);
            start(near.try_clone().expect("a socket"), near)
        } else {
            let (near_in, far_out) = io::pipe().expect("a pipe");
            let (far_in, near_out) = io::pipe().expect("a pipe");
            let far = ends(far_in, far_out).expect("pipes");
            daemon.serve(join(far.0, far.1));
            start(near_in, near_out)
        };
        let output = tokio::task::spawn_blocking(|| program.wait_with_output());
        let output = output.await.expect("a thread").expect("an end");
        assert!(output.status.success(), "{output:?}");
        let calls = daemon.calls().names();
        assert!(
            calls.contains("Solve") && calls.ends_with("Return"),
            "{calls}"
        );
        let last = calls.split(' ').count() - 1;
        let returned = ReturnRequest::decode(daemon.calls().bytes(last)).expect("a request");
        let returned = returned.error.expect("an error");
        assert_eq!(returned.code, status.code);
        assert_eq!(returned.details, status.details);
    }
}

#[tokio::test]
async fn a_frontend_that_nobody_started_says_who_should() {
    let nothing = || std::fs::File::open("/dev/null").expect("nothing");
    let output = start(nothing(), nothing()).wait_with_output();
    let output = output.expect("an end");
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(
        said.contains("this program is started by BuildKit"),
        "{said}"
    );
}

fn start(input: impl Into<Stdio>, output: impl Into<Stdio>) -> Child {
    Command::new(env!("CARGO_BIN_EXE_fal-frontend"))
        .env_clear()
        .stdin(input)
        .stdout(output)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the frontend")
}

#[test]
fn errors_carry_the_lines_they_are_about() {
    let file = pb::SourceInfo {
        filename: "Dockerfile".into(),
        language: "Dockerfile".into(),
        data: "FROM a\nRUN <b>\n".into(),
        definition: Some(pb::Definition {
            def: vec!["op".into()],
            metadata: [(
                "sha256:1".into(),
                pb::OpMetadata {
                    ignore_cache: true,
                    ..Default::default()
                },
            )]
            .into(),
            source: None,
        }),
    };
    let diagnostic = Diagnostic::error("unknown instruction: RNU")
        .suggest(Some("RUN"))
        .at(Lines::one(2))
        .also_at(Lines::new(1, 2));
    let error = Error::from_diagnostic(&diagnostic, Some(&file));
    assert_eq!(
        error.message,
        "unknown instruction: RNU (did you mean RUN?)"
    );
    assert_eq!(error.code, Code::Unknown);
    assert!(error.is_located());
    let info = concat!(
        r#"{"info":{"filename":"Dockerfile","data":"RlJPTSBhClJVTiA8Yj4K","definition":"#,
        r#"{"def":["b3A="],"metadata":{"sha256:1":{"ignore_cache":true}}},"#,
        r#""language":"Dockerfile"},"ranges":"#
    );
    let details: Vec<_> = error.details.iter().map(|it| text(&it.value)).collect();
    assert_eq!(
        details,
        [
            format!(
                "{info}[{{\"start\":{{\"line\":1}},\"end\":{{\"line\":1}}}},{{\"start\":{{\"line\":2}},\"end\":{{\"line\":2}}}}]}}"
            ),
            format!("{info}[{{\"start\":{{\"line\":2}},\"end\":{{\"line\":2}}}}]}}"),
        ]
    );
    let url = "github.com/moby/buildkit/errdefs.Source+json";
    assert!(error.details.iter().all(|it| it.type_url == url));
    assert!(!Error::from_diagnostic(&diagnostic, None).is_located());

    for (error, code, message, url) in [
        (
            Error::unsupported_subrequest("a"),
            Code::Unknown,
            "unsupported request a",
            "github.com/moby/buildkit/errdefs.Subrequest+json",
        ),
        (
            Error::unsupported_frontend_capability("a"),
            Code::Unimplemented,
            "unsupported frontend capability a",
            "github.com/moby/buildkit/errdefs.FrontendCap+json",
        ),
    ] {
        assert_eq!((error.code, &*error.message), (code, message));
        assert_eq!(error.details[0].type_url, url);
        assert_eq!(text(&error.details[0].value), r#"{"name":"a"}"#);
    }
    let wrapped = Error::unsupported_frontend_capability("a").context("solving");
    assert_eq!(
        wrapped.message,
        "solving: Unimplemented: unsupported frontend capability a"
    );
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// Bindings that others made of the same protocol read what we write, and we what they write.
#[test]
fn others_read_our_messages() {
    use bollard_buildkit_proto::{google, moby::buildkit::v1::frontend as theirs};

    fn check<Ours, Theirs>(ours: Ours)
    where
        Ours: Message + Default + PartialEq + Debug,
        Theirs: Message + Default + Debug,
    {
        let bytes = ours.encode_to_vec();
        let read = Theirs::decode(bytes.as_slice()).expect("a message");
        assert_eq!(read.encoded_len(), bytes.len(), "{read:?}");
        let again = Ours::decode(read.encode_to_vec().as_slice()).expect("a message");
        assert_eq!(again, ours);
    }
    let strings = || [("k".to_owned(), "v".to_owned())];
    let bytes = || [("k".to_owned(), Bytes::from_static(b"v"))];
    let definition = || pb::Definition {
        def: vec!["op".into()],
        ..Default::default()
    };
    let platform = || {
        Some(pb::Platform {
            os: "o".into(),
            ..Default::default()
        })
    };
    let reference = || Ref {
        id: "i".into(),
        def: Some(definition()),
    };
    let info = pb::SourceInfo {
        filename: "f".into(),
        ..Default::default()
    };
    let attestation = Attestation {
        kind: AttestationKind::Bundle.into(),
        metadata: bytes().into(),
        r#ref: Some(reference()),
        path: "p".into(),
        in_toto_predicate_type: "t".into(),
        in_toto_subjects: vec![InTotoSubject {
            kind: InTotoSubjectKind::Raw.into(),
            digest: vec!["d".into()],
            name: "n".into(),
        }],
    };
    let result = |result| Result {
        result: Some(result),
        metadata: bytes().into(),
        attestations: [(
            "k".into(),
            Attestations {
                attestation: vec![attestation.clone()],
            },
        )]
        .into(),
    };
    for kind in [
        result::Result::RefDeprecated("r".into()),
        result::Result::RefsDeprecated(RefMapDeprecated {
            refs: strings().into(),
        }),
        result::Result::Ref(reference()),
        result::Result::Refs(RefMap {
            refs: [("k".into(), reference())].into(),
        }),
    ] {
        check::<_, theirs::SolveResponse>(SolveResponse {
            r#ref: "r".into(),
            result: Some(result(kind)),
        });
    }
    check::<_, theirs::ReturnRequest>(ReturnRequest {
        result: Some(result(result::Result::Ref(reference()))),
        error: Some(rpc::Status {
            code: 3,
            message: "m".into(),
            details: vec![rpc::Any {
                type_url: "u".into(),
                value: "v".into(),
            }],
        }),
    });
    check::<_, google::rpc::Status>(rpc::Status {
        code: -1,
        message: "m".into(),
        details: vec![rpc::Any::default()],
    });
    check::<_, theirs::SolveRequest>(SolveRequestMessage {
        definition: Some(definition()),
        frontend: "f".into(),
        frontend_opt: strings().into(),
        allow_result_return: true,
        allow_result_array_ref: true,
        cache_imports: vec![CacheOptionsEntry {
            r#type: "t".into(),
            attrs: strings().into(),
        }],
        frontend_inputs: [("k".into(), definition())].into(),
        evaluate: true,
    });
    check::<_, theirs::WarnRequest>(WarnRequest {
        digest: "d".into(),
        level: 1,
        short: "s".into(),
        detail: vec!["d".into()],
        url: "u".into(),
        info: Some(info),
        ranges: vec![fal_frontend::llb::lines(1, 2)],
    });
    check::<_, theirs::ReadFileRequest>(ReadFileRequest {
        r#ref: "r".into(),
        file_path: "p".into(),
        range: Some(FileRange {
            offset: 1,
            length: 2,
        }),
    });
    check::<_, theirs::ReadDirRequest>(ReadDirRequest {
        r#ref: "r".into(),
        dir_path: "d".into(),
        include_pattern: "i".into(),
    });
    check::<_, theirs::StatFileResponse>(StatFileResponse {
        stat: Some(fal_frontend::proto::Stat {
            path: "p".into(),
            mode: 1,
            uid: 2,
            gid: 3,
            size: 4,
            mod_time: 5,
            linkname: "l".into(),
            devmajor: 6,
            devminor: 7,
            xattrs: bytes().into(),
        }),
    });
    check::<_, theirs::ResolveSourceMetaRequest>(ResolveSourceMetaRequest {
        source: Some(pb::SourceOp {
            identifier: "i".into(),
            attrs: vec![pb::Attr {
                key: Some("k".into()),
                value: Some("v".into()),
            }],
        }),
        platform: platform(),
        log_name: "l".into(),
        resolve_mode: "r".into(),
        git: Some(ResolveSourceGitRequest {
            return_object: true,
        }),
        image: Some(ResolveSourceImageRequest { no_config: true }),
    });
    check::<_, theirs::ResolveSourceMetaResponse>(ResolveSourceMetaResponse {
        source: Some(pb::SourceOp::default()),
        image: Some(ResolveSourceImageResponse {
            digest: "d".into(),
            config: "c".into(),
        }),
        git: Some(ResolveSourceGitResponse {
            checksum: "a".into(),
            r#ref: "b".into(),
            commit_checksum: "c".into(),
            commit_object: "d".into(),
            tag_object: "e".into(),
        }),
        http: Some(ResolveSourceHttpResponse {
            checksum: "a".into(),
            filename: "b".into(),
            last_modified: Some(Timestamp {
                seconds: 1,
                nanos: 2,
            }),
        }),
    });
    check::<_, theirs::ResolveImageConfigRequest>(ResolveImageConfigRequest {
        r#ref: "r".into(),
        platform: platform(),
        resolve_mode: "m".into(),
        log_name: "l".into(),
        resolver_type: 1,
        session_id: "s".into(),
        store_id: "t".into(),
    });
    check::<_, theirs::ResolveImageConfigResponse>(ResolveImageConfigResponse {
        digest: "d".into(),
        config: "c".into(),
        r#ref: "r".into(),
    });
    check::<_, theirs::PongResponse>(PongResponse {
        frontend_api_caps: vec![ApiCap {
            id: "i".into(),
            enabled: true,
            deprecated: true,
            disabled_reason: "r".into(),
            disabled_reason_msg: "m".into(),
            disabled_alternative: "a".into(),
        }],
        llb_caps: vec![ApiCap::default()],
        workers: vec![fal_frontend::proto::types::WorkerRecord {
            id: "i".into(),
            labels: strings().into(),
            platforms: platform().into_iter().collect(),
            buildkit_version: Some(fal_frontend::proto::types::BuildkitVersion {
                package: "p".into(),
                version: "v".into(),
                revision: "r".into(),
                dockerfile_version: String::new(),
            }),
            cdi_devices: vec![fal_frontend::proto::types::CdiDevice {
                name: "n".into(),
                auto_allow: true,
                annotations: strings().into(),
                on_demand: true,
            }],
        }],
    });
    check::<_, theirs::InputsResponse>(InputsResponse {
        definitions: [("k".into(), definition())].into(),
    });
}

type SolveRequestMessage = fal_frontend::proto::frontend::SolveRequest;

// -------------------------------------------------------------------------------- the fake daemon

/// Answers with what it was asked, and remembers it.
#[derive(Clone, Default)]
struct Daemon {
    capabilities: Vec<ApiCap>,
    calls: Calls,
    /// How it answers `Solve`.
    refusal: Option<rpc::Status>,
    /// Its files have this size; zero are short texts.
    file_size: usize,
    /// Calls of `ReadFile` wait until so many are there.
    meeting: Option<Arc<Barrier>>,
    met: Arc<AtomicUsize>,
    /// `Evaluate` never answers.
    hangs: bool,
    /// What ops cannot be.
    lacks: &'static str,
}

/// What it was asked, in order: the method and the message.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Call>>>);

type Call = (&'static str, Vec<u8>);

impl Calls {
    fn note(&self, method: &'static str, message: &impl Message) {
        let mut calls = self.0.lock().expect("calls");
        calls.push((method, message.encode_to_vec()));
    }

    fn names(&self) -> String {
        let calls = self.0.lock().expect("calls");
        let names: Vec<_> = calls.iter().map(|(name, _)| *name).collect();
        names.join(" ")
    }

    fn bytes(&self, at: usize) -> Bytes {
        self.0.lock().expect("calls")[at].1.clone().into()
    }
}

impl Daemon {
    fn new(capabilities: &[&str]) -> Self {
        let enabled = |name: &&str| ApiCap {
            id: name.to_string(),
            enabled: true,
            ..Default::default()
        };
        Self {
            capabilities: capabilities.iter().map(enabled).collect(),
            ..Self::default()
        }
    }

    fn calls(&self) -> &Calls {
        &self.calls
    }

    async fn until_called(&self) {
        while self.calls.names().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Serves at one end of two pipes and gives a client at the other.
    async fn start(&self) -> (Client, JoinHandle<()>) {
        let (near, server) = self.listen();
        let client = Client::connect(near, Capabilities::default()).await;
        let client = client.expect("a connection").informed().await;
        (client.expect("what it can do"), server)
    }

    fn listen(
        &self,
    ) -> (
        impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        JoinHandle<()>,
    ) {
        let (near, far) = pipe_ends().expect("pipes");
        (join(near.0, near.1), self.serve(join(far.0, far.1)))
    }

    fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> JoinHandle<()> {
        let service = LlbBridgeServer::new(self.clone())
            .max_decoding_message_size(64 << 20)
            .max_encoding_message_size(64 << 20);
        let server = http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(250)
            .max_frame_size(1 << 20)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| {
                    let mut service = service.clone();
                    async move { service.call(request).await }
                }),
            );
        tokio::spawn(async move {
            // A client that goes away is no failure.
            let _ = server.await;
        })
    }
}

type Ends = (pipe::Receiver, pipe::Sender);

/// Two pipes, as the two ends of one connection.
fn pipe_ends() -> io::Result<(Ends, Ends)> {
    let (near_in, far_out) = io::pipe()?;
    let (far_in, near_out) = io::pipe()?;
    Ok((ends(near_in, near_out)?, ends(far_in, far_out)?))
}

fn ends(input: PipeReader, output: PipeWriter) -> io::Result<Ends> {
    Ok((
        pipe::Receiver::from_owned_fd(input.into())?,
        pipe::Sender::from_owned_fd(output.into())?,
    ))
}

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait]
impl LlbBridge for Daemon {
    async fn ping(&self, _: Request<PingRequest>) -> Answer<PongResponse> {
        Ok(Response::new(PongResponse {
            frontend_api_caps: self.capabilities.clone(),
            llb_caps: {
                let mut llb = Daemon::new(LLB).capabilities;
                llb.retain(|capability| capability.id != self.lacks);
                llb
            },
            workers: Vec::new(),
        }))
    }

    async fn inputs(&self, request: Request<InputsRequest>) -> Answer<InputsResponse> {
        self.calls.note("Inputs", request.get_ref());
        Ok(Response::new(Default::default()))
    }

    async fn resolve_source_meta(
        &self,
        request: Request<ResolveSourceMetaRequest>,
    ) -> Answer<ResolveSourceMetaResponse> {
        let request = request.into_inner();
        self.calls.note("ResolveSourceMeta", &request);
        let identifier = format!("https://b {} {}", request.resolve_mode, request.log_name);
        Ok(Response::new(ResolveSourceMetaResponse {
            source: Some(pb::SourceOp {
                identifier,
                attrs: Vec::new(),
            }),
            ..Default::default()
        }))
    }

    async fn resolve_image_config(
        &self,
        request: Request<ResolveImageConfigRequest>,
    ) -> Answer<ResolveImageConfigResponse> {
        let request = request.into_inner();
        self.calls.note("ResolveImageConfig", &request);
        Ok(Response::new(ResolveImageConfigResponse {
            digest: "sha256:1".into(),
            config: "{}".into(),
            r#ref: format!("{} of type {}", request.r#ref, request.resolver_type),
        }))
    }

    async fn solve(&self, request: Request<SolveRequestMessage>) -> Answer<SolveResponse> {
        self.calls.note("Solve", request.get_ref());
        if let Some(refusal) = &self.refusal {
            return Err(Status::with_details(
                Code::from(refusal.code),
                &refusal.message,
                refusal.encode_to_vec().into(),
            ));
        }
        Ok(Response::new(SolveResponse {
            r#ref: String::new(),
            result: Some(Result {
                result: Some(result::Result::Ref(Ref {
                    id: "solved".into(),
                    def: None,
                })),
                ..Default::default()
            }),
        }))
    }

    async fn evaluate(&self, request: Request<EvaluateRequest>) -> Answer<EvaluateResponse> {
        self.calls.note("Evaluate", request.get_ref());
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(Default::default()))
    }

    async fn read_file(&self, request: Request<ReadFileRequest>) -> Answer<ReadFileResponse> {
        let request = request.into_inner();
        self.calls.note("ReadFile", &request);
        if let Some(meeting) = &self.meeting
            && self.met.fetch_add(1, Ordering::Relaxed) < 250
        {
            meeting.wait().await;
        }
        let data = match self.file_size {
            0 => {
                let offset = request.range.unwrap_or_default().offset;
                format!("{} of {} at {offset}", request.file_path, request.r#ref).into()
            }
            size => vec![b'x'; size].into(),
        };
        Ok(Response::new(ReadFileResponse { data }))
    }

    async fn read_dir(&self, request: Request<ReadDirRequest>) -> Answer<ReadDirResponse> {
        let request = request.into_inner();
        self.calls.note("ReadDir", &request);
        let entry = fal_frontend::proto::Stat {
            path: format!("{} {}", request.dir_path, request.include_pattern),
            ..Default::default()
        };
        Ok(Response::new(ReadDirResponse {
            entries: vec![entry],
        }))
    }

    async fn stat_file(&self, request: Request<StatFileRequest>) -> Answer<StatFileResponse> {
        self.calls.note("StatFile", request.get_ref());
        Ok(Response::new(Default::default()))
    }

    async fn warn(&self, request: Request<WarnRequest>) -> Answer<WarnResponse> {
        self.calls.note("Warn", request.get_ref());
        Ok(Response::new(Default::default()))
    }

    async fn r#return(&self, request: Request<ReturnRequest>) -> Answer<ReturnResponse> {
        self.calls.note("Return", request.get_ref());
        Ok(Response::new(Default::default()))
    }
}
