//! The graphs of `testdata/goldens.go`, built with ours: op for op the same bytes.

use std::{fs, path::Path, sync::Arc};

use prost::Message;

use super::{
    exec::{self, ContentCache, Exec, Mount, NetMode, Secret, SecurityMode, Ssh},
    file::{self, Action, Chown, Copy, File, Mkdir, Mkfile, Mode, Rm, Symlink, User},
    source::{
        Differ, DifferKind, FileInfo, Git, GitRemote, Http, HttpHeader, HttpSignature, Image,
        ImageBlob, Local, LocalIdentity, OciLayout, OciStore, ResolveMode,
    },
    *,
};
use crate::proto::pb::{self, CacheSharingOpt};

const SOME_DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const COMMIT: &str = "0123456789012345678901234567890123456789";

/// Builds a graph and compares it with what the original made of the same one.
#[track_caller]
fn check(case: &str, build: impl FnOnce(&mut Graph) -> Input) {
    let definition = definition_of(case, build);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/llb/testdata")
        .join(case)
        .with_extension("txt");
    let golden = fs::read(path).expect("a golden of the case");
    let golden = String::from_utf8(golden).expect("text");
    let (_, golden) = golden.split_once('\n').expect("a first line");

    let ops: String = definition
        .ops
        .iter()
        .map(|bytes| digest(bytes) + "\n")
        .collect();
    let found = format!("{ops}\n{}\n", convert_llb_json(&definition));
    if found != golden {
        let differs = |(ours, theirs): &(&str, &str)| ours != theirs;
        let lines = found.lines().zip(golden.lines());
        let difference = lines.enumerate().find(|(_, pair)| differs(pair));
        panic!("{case} differs at {difference:#?}\n{}", print(&definition));
    }
    if case != "passthrough" {
        others_read_it(definition.to_pb());
    }
}

/// Bindings that others made of the same protocol, though an older one, read all of it and write it
/// again.
#[track_caller]
fn others_read_it(mut ours: pb::Definition) {
    use bollard_buildkit_proto::pb as theirs;

    for metadata in ours.metadata.values_mut() {
        metadata.linux_resources = None;
    }
    let read = theirs::Definition::decode(ours.encode_to_vec().as_slice()).expect("a definition");
    let again = pb::Definition::decode(read.encode_to_vec().as_slice()).expect("a definition");
    assert_eq!(again, ours);

    for bytes in &ours.def {
        let op = pb::Op::decode(bytes.clone()).expect("an op");
        let read = theirs::Op::decode(bytes.clone()).expect("an op");
        let again = pb::Op::decode(read.encode_to_vec().as_slice()).expect("an op");
        assert_eq!(again, op);
    }
}

fn definition_of(case: &str, build: impl FnOnce(&mut Graph) -> Input) -> Definition {
    let mut graph = Graph::new();
    let input = build(&mut graph);
    let windows = case == "exec-windows";
    let platform = platform(if windows { "windows" } else { "linux" }, "amd64");
    let sets_path = !windows && case != "exec-without-path-cap";
    let defaults = Defaults {
        platform: &platform,
        capabilities: &|name| sets_path || name != caps::EXEC_META_SETS_DEFAULT_PATH,
    };
    marshal(&graph, input, &defaults)
}

fn platform(os: &str, architecture: &str) -> pb::Platform {
    pb::Platform {
        os: os.into(),
        architecture: architecture.into(),
        ..Default::default()
    }
}

fn arm64() -> pb::Platform {
    platform("linux", "arm64")
}

fn image(graph: &mut Graph, reference: &str) -> Output {
    let image = Image {
        reference: reference.into(),
        ..Default::default()
    };
    graph.add_source(image, Meta::default())
}

fn base(graph: &mut Graph) -> Output {
    image(graph, "docker.io/library/alpine:3.22")
}

fn other(graph: &mut Graph) -> Output {
    image(graph, "docker.io/library/busybox:latest")
}

fn context(graph: &mut Graph) -> Output {
    graph.add_source(Local::new("context", "session"), Meta::default())
}

fn run(root: impl Into<Input>, args: &[&str]) -> Exec {
    Exec {
        args: strings(args),
        cwd: "/".into(),
        root: root.into(),
        ..Default::default()
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

fn pairs(texts: &[&str]) -> Arc<[Arc<str>]> {
    texts.iter().map(|&text| text.into()).collect()
}

fn mkdir(base: impl Into<Input>, path: &str) -> File {
    let mkdir = Mkdir {
        path: path.into(),
        mode: 0o755,
        ..Default::default()
    };
    File::new(base, mkdir)
}

fn copy(source: impl Into<Input>, src: &str, dest: &str) -> Copy {
    Copy {
        source: source.into(),
        src: src.into(),
        dest: dest.into(),
        ..Default::default()
    }
}

#[test]
fn images_have_the_original_digests() {
    check("scratch", |_| None);
    check("image", |graph| Some(base(graph)));
    check("image-on-arm64", |graph| {
        let image = Image {
            reference: "docker.io/library/alpine:3.22".into(),
            ..Default::default()
        };
        Some(graph.add_source(image, Meta::default().on(arm64())))
    });
    check("image-pull", |graph| {
        let image = Image {
            reference: format!("docker.io/library/alpine@{SOME_DIGEST}"),
            resolve_mode: ResolveMode::ForcePull,
            record_type: Some("internal".into()),
            ..Default::default()
        };
        Some(graph.add_source(image, Meta::default()))
    });
    check("image-local", |graph| {
        let image = Image {
            reference: "ghcr.io/a/b:c".into(),
            resolve_mode: ResolveMode::PreferLocal,
            ..Default::default()
        };
        Some(graph.add_source(image, Meta::named("[internal] <a> & b")))
    });
}

#[test]
fn locals_have_the_original_digests() {
    check("local", |graph| Some(context(graph)));
    check("local-unique", |graph| {
        let local = Local {
            identity: LocalIdentity::Unique("unique".into()),
            ..Local::new("context", "")
        };
        Some(graph.add_source(local, Meta::default()))
    });
    check("local-everything", |graph| {
        let local = Local {
            include_patterns: strings(&["a", "b<c>"]),
            follow_paths: strings(&["d & e", "ü\u{2028}\"\\"]),
            exclude_patterns: strings(&["**/.git"]),
            shared_key_hint: "hint".into(),
            differ: Some(Differ {
                kind: DifferKind::None,
                required: true,
            }),
            metadata_only: Some(strings(&["*.txt"])),
            ..Local::new("context", "session")
        };
        Some(graph.add_source(local, Meta::default()))
    });
}

#[test]
fn downloads_have_the_original_digests() {
    check("http", |graph| {
        let http = Http {
            url: "https://example.com/a.tar.gz".into(),
            ..Default::default()
        };
        Some(graph.add_source(http, Meta::default()))
    });
    check("http-everything", |graph| {
        let http = Http {
            url: "https://example.com/a".into(),
            checksum: Some(SOME_DIGEST.into()),
            file: FileInfo {
                filename: "f".into(),
                permissions: 0o755,
                uid: 0,
                gid: 7,
            },
            auth_header_secret: Some("header".into()),
            header: Some(HttpHeader {
                accept: "text/plain".into(),
                user_agent: "us".into(),
            }),
            signature: Some(HttpSignature {
                public_key: "key".into(),
                signature: "signature".into(),
            }),
        };
        Some(graph.add_source(http, Meta::default()))
    });
    check("oci-layout", |graph| {
        let layout = OciLayout {
            reference: format!("a/b@{SOME_DIGEST}"),
            store: store(),
            layer_limit: Some(2),
        };
        Some(graph.add_source(layout, Meta::default()))
    });
    check("image-blob", |graph| {
        let blob = ImageBlob {
            reference: format!("docker.io/a/b@{SOME_DIGEST}"),
            layout: None,
            file: FileInfo {
                filename: "f".into(),
                permissions: 0o640,
                uid: 1,
                gid: 2,
            },
        };
        Some(graph.add_source(blob, Meta::default()))
    });
    check("oci-layout-blob", |graph| {
        let blob = ImageBlob {
            reference: format!("docker.io/a/b@{SOME_DIGEST}"),
            layout: Some(store()),
            file: FileInfo::default(),
        };
        Some(graph.add_source(blob, Meta::default()))
    });
}

fn store() -> OciStore {
    OciStore {
        session_id: "session".into(),
        store_id: "store".into(),
    }
}

#[test]
fn repositories_have_the_original_digests() {
    let remote = |url: &str, host: &str, path: &str| GitRemote {
        url: url.into(),
        host: host.into(),
        path: path.into(),
        ssh: !url.starts_with("https"),
    };
    check("git", |graph| {
        let git = Git {
            remote: remote("https://example.com/a/b.git", "example.com", "/a/b.git"),
            ..Default::default()
        };
        Some(graph.add_source(git, Meta::default()))
    });
    check("git-everything", |graph| {
        let url = "https://example.com:8443/a//b.git";
        let git = Git {
            remote: remote(url, "example.com:8443", "/a//b.git"),
            reference: "v1".into(),
            subdir: "sub/dir".into(),
            keep_git_dir: true,
            auth_token_secret: Some("token".into()),
            checksum: COMMIT.into(),
            skip_submodules: true,
            mtime: "commit".into(),
            fetch_by_commit: true,
            ..Default::default()
        };
        Some(graph.add_source(git, Meta::default()))
    });
    check("git-ssh", |graph| {
        let git = Git {
            remote: remote("git@example.com:a/b.git", "example.com", "a/b.git"),
            known_ssh_hosts: "example.com ssh-ed25519 AAAA\n".into(),
            subdir: "sub".into(),
            ..Default::default()
        };
        Some(graph.add_source(git, Meta::default()))
    });
    check("git-bundle", |graph| {
        let git = Git {
            remote: remote("https://example.com/a/b.git", "example.com", "/a/b.git"),
            auth_header_secret: Some(String::new()),
            mount_ssh_sock: "agent".into(),
            checksum: COMMIT.into(),
            bundle: format!("oci-layout+blob://x@{SOME_DIGEST}"),
            bundle_store: store(),
            checkout_bundle: true,
            ..Default::default()
        };
        Some(graph.add_source(git, Meta::default()))
    });
}

#[test]
fn processes_have_the_original_digests() {
    check("exec", |graph| {
        let exec = run(base(graph), &["make"]);
        graph.add_exec(exec, Meta::default()).root
    });
    check("exec-without-path-cap", |graph| {
        let exec = Exec {
            env: pairs(&["A=1"]),
            cwd: "/w".into(),
            ..run(base(graph), &["make", "all"])
        };
        graph.add_exec(exec, Meta::default()).root
    });
    check("exec-windows", |graph| {
        let exec = run(base(graph), &["make"]);
        let meta = Meta::default().on(platform("windows", "amd64"));
        graph.add_exec(exec, meta).root
    });
    check("exec-scratch", |graph| {
        let exec = Exec {
            mounts: vec![Mount::bind("/a", None)],
            ..run(None, &["/x"])
        };
        graph.add_exec(exec, Meta::default()).root
    });
    check("exec-everything", |graph| {
        let meta = Meta {
            linux_resources: Some(pb::LinuxResources {
                memory: 1 << 30,
                memory_swap: -1,
                cpu_shares: 2,
                cpu_period: 100_000,
                cpu_quota: 50_000,
                cpuset_cpus: "0-3".into(),
                cpuset_mems: "0".into(),
            }),
            ..Meta::default().on(arm64())
        };
        let exec = exec_everything(base(graph));
        graph.add_exec(exec, meta).root
    });
}

fn exec_everything(root: Output) -> Exec {
    let secret = |id: &str| Secret {
        id: id.into(),
        target: None,
        env: None,
        uid: 0,
        gid: 0,
        mode: 0o400,
        optional: false,
    };
    let host = |host: &str, ip: &str| exec::HostIp {
        host: host.into(),
        ip: ip.into(),
    };
    Exec {
        env: pairs(&["B=2", "A=", "PATH=/bin"]),
        cwd: "/work".into(),
        user: "me:us".into(),
        hostname: "host".into(),
        cgroup_parent: "parent".into(),
        extra_hosts: vec![host("a", "10.0.0.1"), host("b", "::1")],
        ulimits: vec![exec::Ulimit {
            name: "nofile".into(),
            soft: 1024,
            hard: 4096,
        }],
        valid_exit_codes: Some(vec![0, 3]),
        proxy: Some(exec::ProxyEnv {
            http_proxy: "http://p".into(),
            https_proxy: "https://p".into(),
            ftp_proxy: "ftp://p".into(),
            no_proxy: "n".into(),
            all_proxy: "all".into(),
        }),
        network: NetMode::None,
        security: SecurityMode::Insecure,
        secrets: vec![
            Secret {
                target: Some("/run/secrets/a".into()),
                uid: 1,
                gid: 2,
                mode: 0o440,
                optional: true,
                ..secret("a")
            },
            Secret {
                target: Some("/run/secrets/b".into()),
                env: Some("KEY".into()),
                ..secret("b")
            },
            Secret {
                env: Some("C".into()),
                ..secret("c")
            },
        ],
        ssh: vec![
            Ssh {
                id: "default".into(),
                target: String::new(),
                uid: 0,
                gid: 0,
                mode: 0o600,
                optional: false,
            },
            Ssh {
                id: "agent".into(),
                target: "/agent".into(),
                uid: 3,
                gid: 4,
                mode: 0o666,
                optional: true,
            },
        ],
        devices: vec![exec::CdiDevice {
            name: "vendor.com/gpu=0".into(),
            optional: true,
        }],
        ..run(root, &["/bin/sh", "-c", "make <all> && true"])
    }
}

#[test]
fn mounts_have_the_original_digests() {
    check("exec-mounts", |graph| {
        let (base, src, other) = (base(graph), context(graph), other(graph));
        let mounts = vec![
            Mount::bind("/z", src).select("/sub").readonly(),
            Mount::cache("/c", None, "private", CacheSharingOpt::Private),
            Mount::cache("/b", other, "locked", CacheSharingOpt::Locked)
                .select("/x")
                .readonly(),
            Mount::cache("/d", None, "shared", CacheSharingOpt::Shared),
            Mount::tmpfs("/dev/shm", 1 << 20),
            Mount::tmpfs("/tmp", 0),
            Mount {
                no_output: true,
                ..Mount::bind("/a", base)
            },
            Mount {
                content_cache: ContentCache::On,
                ..Mount::bind("/on", src)
            },
            Mount {
                content_cache: ContentCache::Off,
                ..Mount::bind("/off", src).readonly()
            },
            Mount::bind("!first", other),
        ];
        let exec = Exec {
            mounts,
            ..run(base, &["make"])
        };
        graph.add_exec(exec, Meta::default()).root
    });
    check("exec-outputs", |graph| {
        let (base, src, other) = (base(graph), context(graph), other(graph));
        let made = Exec {
            mounts: vec![
                Mount::bind("/out", None),
                Mount::bind("/again", src),
                Mount::bind("!", other),
            ],
            ..run(base, &["make"])
        };
        let made = graph.add_exec(made, Meta::default());
        let [out, again, first] = made.mounts[..] else {
            panic!("a mount without output: {made:?}");
        };
        let next = Exec {
            mounts: vec![
                Mount::bind("/out", out).readonly(),
                Mount::bind("/again", again).readonly(),
                Mount::bind("/first", first).readonly(),
                Mount::bind("/same", out).readonly(),
            ],
            ..run(made.root, &["check"])
        };
        graph.add_exec(next, Meta::default()).root
    });
    check("exec-readonly", |graph| {
        let made = Exec {
            readonly_root: true,
            mounts: vec![Mount::bind("/out", None)],
            ..run(base(graph), &["make"])
        };
        let made = graph.add_exec(made, Meta::default());
        let file = File::new(made.root, copy(made.mounts[0], "/", "/"));
        Some(graph.add_file(file, Meta::default()))
    });
}

#[test]
fn file_actions_have_the_original_digests() {
    check("file", |graph| {
        let base = base(graph);
        file_everything(graph, Some(base), "/work")
    });
    check("file-scratch", |graph| file_everything(graph, None, "/"));
    check("file-copies", |graph| {
        let (base, src, other) = (base(graph), context(graph), other(graph));
        let third = image(graph, "docker.io/library/third:latest");
        let actions = [
            (src, "/a"),
            (other, "/b"),
            (src, "/c"),
            (third, "/d"),
            (base, "/e"),
        ];
        let file = File {
            base: Some(base),
            directory: String::new(),
            actions: actions
                .map(|(source, path)| copy(source, path, "/").into())
                .into(),
        };
        Some(graph.add_file(file, Meta::default()))
    });
}

fn file_everything(graph: &mut Graph, base: Input, directory: &str) -> Input {
    let src = context(graph);
    let made = Some(1_700_000_000_000_000_005);
    let owner = |user: User, group: User| {
        Some(Chown {
            user: Some(user),
            group: Some(group),
        })
    };
    let me = owner(User::Name("me".into()), User::Id(7));
    let actions: Vec<Action> = vec![
        Mkdir {
            path: "a/b".into(),
            mode: 0o755,
            make_parents: true,
            owner: owner(User::Id(1), User::Id(2)),
            created: made,
        }
        .into(),
        Mkfile {
            path: "../f".into(),
            mode: 0o7644,
            data: "data\0".into(),
            owner: me.clone(),
            created: None,
        }
        .into(),
        Mkfile {
            path: "/empty".into(),
            owner: Some(Chown {
                user: Some(User::Id(0)),
                group: None,
            }),
            ..Default::default()
        }
        .into(),
        Symlink {
            target: "../old".into(),
            path: "new".into(),
            owner: owner(User::Name("nobody".into()), User::Name("nogroup".into())),
            created: made,
        }
        .into(),
        Rm {
            path: "/gone".into(),
            allow_not_found: true,
            allow_wildcard: true,
        }
        .into(),
        Rm {
            path: "kept/".into(),
            ..Default::default()
        }
        .into(),
        Copy {
            owner: me,
            mode: Mode::Bits(0o4755),
            created: made,
            follow_symlinks: true,
            contents_only: true,
            unpack: true,
            create_dest_path: true,
            allow_wildcard: true,
            allow_empty_wildcard: true,
            include_patterns: strings(&["i"]),
            exclude_patterns: strings(&["e", "f"]),
            required_paths: strings(&["r"]),
            always_replace_existing_dest_paths: true,
            ..copy(src, "/from/", "to/")
        }
        .into(),
        Copy {
            mode: Mode::Symbolic("u=rwX,go-w".into()),
            ..copy(src, "x", ".")
        }
        .into(),
        copy(None, "/", "/.").into(),
    ];
    let file = file::File {
        base,
        directory: directory.into(),
        actions,
    };
    Some(graph.add_file(file, Meta::default()))
}

#[test]
fn what_joins_file_systems_has_the_original_digests() {
    check("merge-diff", |graph| {
        let (base, src, other) = (base(graph), context(graph), other(graph));
        let mkfile = Mkfile {
            path: "/f".into(),
            mode: 0o644,
            data: "x".into(),
            ..Default::default()
        };
        let changed = graph.add_file(File::new(base, mkfile), Meta::default());
        let diff = graph.diff(Some(base), Some(changed), Meta::named("diff"));
        let upper = graph.diff(None, Some(src), Meta::default());
        let only = graph.merge(&[None, Some(src)], Meta::default());
        let inputs = [Some(other), diff, None, Some(other), upper, only];
        graph.merge(&inputs, Meta::named("merge"))
    });
    check("diff-scratch", |graph| {
        let base = base(graph);
        graph.diff(Some(base), None, Meta::default())
    });
    check("passthrough", |graph| {
        let waits = |input| PassthroughInput {
            input,
            output: false,
        };
        let passes = |input| PassthroughInput {
            input,
            output: true,
        };
        let inputs = [
            waits(Some(base(graph))),
            passes(None),
            passes(Some(context(graph))),
            passes(Some(other(graph))),
        ];
        let outputs = graph.passthrough("id", &inputs, Meta::default());
        let file = File::new(outputs[0], copy(outputs[1], "/a", "/"));
        Some(graph.add_file(file, Meta::default()))
    });
}

#[test]
fn metadata_is_as_the_original_gives_it() {
    check("metadata", |graph| {
        let base = base(graph);
        let described = Meta {
            ignore_cache: true,
            description: vec![("k".into(), "v".into())],
            ..Meta::default()
        };
        let a = graph.add_file(mkdir(base, "/a"), described.name("a"));
        let grouped = Meta {
            export_cache: Some(true),
            progress_group: Some(group("id", "name", true)),
            linux_resources: Some(pb::LinuxResources {
                memory: 5,
                ..Default::default()
            }),
            ..Meta::default()
        };
        let b = graph.add_file(mkdir(a, "/b"), grouped);
        let filtered = Meta {
            export_cache: Some(false),
            worker_filters: strings(&["filter==a", "filter==b"]),
            ..Meta::default().on(arm64())
        };
        Some(graph.add_file(mkdir(b, "/c"), filtered))
    });
}

fn group(id: &str, name: &str, weak: bool) -> pb::ProgressGroup {
    pb::ProgressGroup {
        id: id.into(),
        name: name.into(),
        weak,
    }
}

fn file(filename: &str, language: &str, data: &'static str) -> SourceMap {
    SourceMap {
        filename: filename.into(),
        language: language.into(),
        data: data.into(),
        origin: Origin::Unknown,
    }
}

fn at(source_map: SourceMapId, ranges: &[(u32, u32)]) -> Location {
    Location {
        source_map,
        ranges: ranges
            .iter()
            .map(|(first, last)| lines(*first, *last))
            .collect(),
    }
}

#[test]
fn two_vertices_can_be_one_op() {
    check("one-op-twice", |graph| {
        let file = graph.add_source_map(file("Dockerfile", "Dockerfile", "a\nb\n"));
        let base = base(graph);
        let first = Meta {
            description: vec![("k".into(), "v".into())],
            progress_group: Some(group("1", "", false)),
            ..Meta::default()
        };
        let first = first.name("first").at(at(file, &[(1, 1)]));
        let second = Meta {
            ignore_cache: true,
            export_cache: Some(false),
            ..Meta::named("second").at(at(file, &[(2, 2)]))
        };
        let inputs = [first, second, Meta::default()]
            .map(|meta| Some(graph.add_file(mkdir(base, "/a"), meta)));
        graph.merge(&inputs, Meta::default())
    });
}

fn source_map(graph: &mut Graph) -> Input {
    let text = "FROM alpine\nRUN <x>\n";
    let name = "[internal] load build definition";
    let dockerfile = graph.add_source(Local::new("dockerfile", "session"), Meta::named(name));
    let one = graph.add_source_map(SourceMap {
        origin: Origin::Input(Some(dockerfile)),
        ..file("Dockerfile", "Dockerfile", text)
    });
    let same = graph.add_source_map(file("Dockerfile", "Dockerfile", text));
    let two = graph.add_source_map(file("other", "JSON", ""));
    let image = Image {
        reference: "docker.io/library/alpine:latest".into(),
        ..Default::default()
    };
    let base = graph.add_source(image, Meta::default().at(at(two, &[(9, 9)])));
    let meta = Meta::default()
        .at(at(one, &[(2, 2)]))
        .at(at(two, &[(1, 3), (5, 6)]));
    let root = graph.add_exec(run(base, &["x"]), meta).root;
    let located = Meta::default().at(at(same, &[(1, 1)]));
    let a = graph.add_file(mkdir(root, "/a"), located);
    Some(graph.add_file(mkdir(a, "/b"), Meta::default()))
}

#[test]
fn source_maps_are_as_the_original_gives_them() {
    check("source-map", source_map);
}

#[test]
fn foreign_definitions_keep_their_bytes() {
    let theirs = definition_of("source-map", source_map).to_pb();
    check("foreign", |graph| {
        let state = graph.add_foreign(&theirs).expect("ops of our own");
        let file = graph.add_source_map(file("other", "JSON", ""));
        let alpine = image(graph, "docker.io/library/alpine:latest");
        let exec = Exec {
            mounts: vec![Mount::bind("/a", alpine).readonly()],
            ..run(state, &["y"])
        };
        let meta = Meta::default().at(at(file, &[(7, 7)]));
        let root = graph.add_exec(exec, meta).root;
        Some(graph.add_file(File::new(root, copy(state, "/x", "/y")), Meta::default()))
    });
}

#[test]
fn a_slot_is_what_it_is_bound_to() {
    check("slot", |graph| {
        let late = graph.slot();
        let exec = Exec {
            mounts: vec![Mount::bind("/a", late).readonly()],
            ..run(base(graph), &["x"])
        };
        let root = graph.add_exec(exec, Meta::default()).root;
        let file = graph.add_file(File::new(root, copy(late, "/a", "/")), Meta::default());
        let local = Local {
            follow_paths: strings(&["a"]),
            ..Local::new("context", "session")
        };
        let local = graph.add_source(local, Meta::default());
        graph.bind(late, local);
        Some(file)
    });
}

#[test]
fn an_unbound_slot_is_scratch() {
    let definition = definition_of("", |graph| Some(graph.slot()));
    assert_eq!(definition, Definition::default());
    check("exec-scratch", |graph| {
        let (root, mounted) = (graph.slot(), graph.slot());
        graph.bind(mounted, None);
        let exec = Exec {
            mounts: vec![Mount::bind("/a", mounted)],
            ..run(root, &["/x"])
        };
        graph.add_exec(exec, Meta::default()).root
    });
}

#[test]
fn a_long_chain_is_walked_without_recursion() {
    let definition = definition_of("", |graph| {
        let mut last = None;
        for _ in 0..30_000 {
            last = Some(graph.add_file(mkdir(last, "/a"), Meta::default()));
        }
        last
    });
    assert_eq!(definition.ops.len(), 30_001);
    let mut graph = Graph::new();
    assert!(graph.add_foreign(&definition.to_pb()).is_ok());
}

#[test]
fn two_ways_to_many_ops_are_each_walked_once() {
    let definition = definition_of("", |graph| {
        let mut last = Some(base(graph));
        for at in 0..200 {
            let changed = graph.add_file(mkdir(last, &format!("/{at}")), Meta::default());
            last = graph.merge(&[last, Some(changed)], Meta::default());
        }
        last
    });
    assert_eq!(definition.ops.len(), 402);
}

#[test]
fn what_is_steady_is_what_no_folder_has_come_to() {
    let mut graph = Graph::new();
    let late = graph.slot();
    let from = base(&mut graph);
    let installed = graph.add_exec(run(from, &["install"]), Meta::default());
    let installed = installed.root;
    let from_other = other(&mut graph);
    let copied = File::new(installed, copy(from_other, "/a", "/"));
    let copied = Some(graph.add_file(copied, Meta::default()));
    assert_eq!(graph.steady(copied, late), copied);

    // The context, as it is or in a process, by a copy or by a merge.
    let with_app = File::new(copied, copy(late, "/app", "/"));
    let with_app = Some(graph.add_file(with_app, Meta::default()));
    let mounted = Exec {
        mounts: vec![Mount::bind("/a", late).readonly()],
        ..run(copied, &["make"])
    };
    let made = graph.add_exec(mounted, Meta::default()).root;
    let linked = File::new(None, copy(late, "/app", "/"));
    let linked = Some(graph.add_file(linked, Meta::default()));
    let merged = graph.merge(&[copied, linked], Meta::default());
    let remote = image(&mut graph, "docker.io/library/remote:1");
    graph.bind(late, remote);
    for output in [with_app, made, merged] {
        assert_eq!(graph.steady(output, late), copied);
        let above = graph.add_file(mkdir(output, "/b"), Meta::default());
        assert_eq!(graph.steady(Some(above), late), copied);
    }
    assert_eq!(graph.steady(linked, late), None);

    // A folder of the client's beside it, also in what others encoded.
    let folder = Some(context(&mut graph));
    let theirs = definition_of("", |graph| Some(context(graph))).to_pb();
    let foreign = graph.add_foreign(&theirs).expect("their ops");
    for source in [folder, foreign] {
        let file = File::new(copied, copy(source, "/a", "/"));
        let file = Some(graph.add_file(file, Meta::default()));
        assert_eq!(graph.steady(file, late), copied);
    }
    assert_eq!(graph.steady(None, late), None);
}
