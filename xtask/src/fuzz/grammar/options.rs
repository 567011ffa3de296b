//! What is beside the file: options, ignore patterns, and images that bring something with them.

use fal_frontend::{
    llb::{self, Defaults, Definition, Graph, Meta, source::Image},
    proto::pb,
};
use prost::Message;

use super::Writer;
use crate::fuzz::case::Case;

/// An option, values that may be, and values that may not.
const OPTIONS: [(&str, &[&str], &[&str]); 74] = [
    (
        "target",
        &["", "0"],
        &["nothing", "9", "base", "final", "BUILD", "-1"],
    ),
    (
        "build-arg:A",
        &["1", "", "busybox", "a b", "$B", "x\"y", "é"],
        &["linux/arm64", "sha256:x"],
    ),
    ("build-arg:B", &["b", "/x", "${A}", "'"], &["\n"]),
    ("build-arg:C", &["", "c", "\\"], &["\u{0}"]),
    ("build-arg:VERSION", &["3.20", "latest"], &[":"]),
    ("build-arg:PATH", &["/x", ""], &["/x"]),
    (
        "build-arg:TARGETPLATFORM",
        &["linux/arm64"],
        &["x", "linux/*"],
    ),
    ("build-arg:TARGETARCH", &["s390x"], &[""]),
    ("build-arg:BUILDPLATFORM", &["linux/arm64"], &["*"]),
    ("build-arg:HTTP_PROXY", &["http://p:1", ""], &["x"]),
    ("build-arg:no_proxy", &["x", ""], &["x"]),
    ("build-arg:API_TOKEN", &["s"], &["s"]),
    (
        "build-arg:BUILDKIT_CACHE_MOUNT_NS",
        &["ns", "", "a/b"],
        &["$A"],
    ),
    ("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR", &["1"], &["x"]),
    ("build-arg:BUILDKIT_MULTI_PLATFORM", &["1", "0", ""], &["x"]),
    ("build-arg:BUILDKIT_SANDBOX_HOSTNAME", &["h", ""], &["h"]),
    ("build-arg:BUILDKIT_INLINE_CACHE", &["1"], &["1"]),
    (
        "build-arg:BUILDKIT_DOCKERFILE_CHECK",
        &["skip=all", "skip=a;error=false", "skip=StageNameCasing"],
        &["", "x", "error=true", "error=x"],
    ),
    (
        "build-arg:SOURCE_DATE_EPOCH",
        &["0", "1700000000", "-1", ""],
        &["x", "1.5"],
    ),
    ("build-arg:BUILDKIT_DISABLE_FILEOP", &["0"], &["1"]),
    (
        "platform",
        &[
            "linux/amd64",
            "linux/arm64",
            "linux/amd64,linux/arm64",
            "windows/amd64",
            "linux/arm/v7,linux/arm",
            "",
        ],
        &["linux/*", ",", "a b"],
    ),
    ("multi-platform", &["true", "false", ""], &["x"]),
    (
        "no-cache",
        &["", "base", "0", "base,final", "BASE", ","],
        &["é"],
    ),
    ("label:a", &["1", "", "$A", "\"q\""], &["\n"]),
    ("label:org.x/y", &["z"], &["z"]),
    ("label:", &["x"], &["x"]),
    (
        "image-resolve-mode",
        &["default", "pull", "local", ""],
        &["x"],
    ),
    (
        "add-hosts",
        &["a=1.2.3.4", "a=::1,b=1.2.3.4", "", "\"a=1.2.3.4\""],
        &["a", "a=x", "\"a", "a=1.2.3.4,"],
    ),
    (
        "shm-size",
        &["1024", "0", "", "-1"],
        &["x", "99999999999999999999", "1k"],
    ),
    (
        "ulimit",
        &["nofile=1024:2048", "core=0", "nproc=-1", "", "\"nofile=1\""],
        &[
            "x=1",
            "nofile=2:1",
            "nofile",
            "nofile=x",
            "nofile=1:x",
            "nofile=1:2:3",
            "core=1:-1",
        ],
    ),
    ("memory", &["1000", ""], &["0", "-1", "x"]),
    ("memswap", &["-1", "10"], &["0", "x", "-2"]),
    ("cpushares", &["1"], &["0", "-1"]),
    ("cpuperiod", &["100000"], &["x", "0"]),
    ("cpuquota", &["1"], &["-1", "99999999999999999999"]),
    (
        "cpusetcpus",
        &["0-3", "0,2", " 1 , 2-3 "],
        &["3-1", "x", "9000", "1-9000", "-", "1-", "-1", "1--2"],
    ),
    ("cpusetmems", &["0", ""], &["-", "+1", "0x1"]),
    (
        "force-network-mode",
        &["none", "host", "sandbox", ""],
        &["x"],
    ),
    ("cgroup-parent", &["/a", ""], &["x"]),
    ("hostname", &["h", "", "a b"], &["é"]),
    ("cache-from", &["a,b", "", "x/y:z"], &[","]),
    (
        "cache-imports",
        &[
            "[{\"Type\":\"registry\",\"Attrs\":{\"ref\":\"a\"}}]",
            "[]",
            "",
        ],
        &[
            "x",
            "{}",
            "[1]",
            "[{\"Type\":1}]",
            "[",
            "[null]",
            "[{\"type\":\"a\",\"attrs\":{\"a\":null}}]",
        ],
    ),
    (
        "context:base",
        &[
            "docker-image://busybox",
            "docker-image://rich",
            "local:part",
            "https://example.com/x.git#a",
            "docker-image://scratch",
        ],
        &["x", "", "x:y", "docker-image://"],
    ),
    (
        "context:busybox",
        &[
            "docker-image://alpine",
            "docker-image://onbuild",
            "local:part",
            "git://example.com/x",
        ],
        &["docker-image://missing", "docker-image://text"],
    ),
    (
        "context:alpine",
        &[
            "docker-image://busybox",
            "https://example.com/x.tar",
            "oci-layout://store@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ],
        &["oci-layout://store", "oci-layout://", "oci-layout://A@x"],
    ),
    (
        "context:build",
        &["local:part", "docker-image://windows"],
        &["docker-image://Upper", "docker-image://broken"],
    ),
    (
        "context:0",
        &["docker-image://busybox", "local:part"],
        &["local:"],
    ),
    (
        "context:a::linux/arm64",
        &["docker-image://alpine"],
        &["docker-image://missing"],
    ),
    (
        "context:scratch",
        &["docker-image://busybox"],
        &["local:part"],
    ),
    (
        "context",
        &[
            "https://github.com/a/b.git#main:sub",
            "https://github.com/a/b.git",
        ],
        &["https://example.com/x.git?nothing=1"],
    ),
    ("local-sessionid:context", &["other"], &["other"]),
    ("local-sessionid:part", &["other"], &["other"]),
    ("sharedkey:localdir:base", &["key"], &[""]),
    (
        "requestid",
        &["frontend.lint", "frontend.lint", "frontend.convertllb"],
        &["frontend.subrequests.describe", "frontend.x", ""],
    ),
    (
        "frontend.caps",
        &[
            "moby.buildkit.frontend.subrequests",
            "moby.buildkit.frontend.contexts+forward",
        ],
        &["x", "x+forward", "a,b", ","],
    ),
    ("source", &["docker/dockerfile"], &[""]),
    ("filename", &["Dockerfile", "sub/other"], &["none"]),
    ("nobody-knows", &["x"], &["x"]),
    (
        "context",
        &["https://example.com/context", "https://example.com/undated"],
        &["http://", "https://example.com/%zz"],
    ),
    ("contextsubdir", &["sub", "/", "a/../b"], &[""]),
    ("contextkey", &["context", "other"], &[""]),
    (
        "other",
        &["https://github.com/a/b.git"],
        &["git@example.com:x"],
    ),
    ("dockerfilekey", &["dockerfile", "part"], &[""]),
    ("context:final", &["input:in"], &["input:missing"]),
    ("context:alpine", &["input:in", "input:rich"], &["input:"]),
    (
        "input-metadata:rich",
        &[
            r#"{"containerimage.config":"eyJjb25maWciOnsiRW52IjpbIkE9YiJdLCJXb3JraW5nRGlyIjoiL2lucHV0In19"}"#,
        ],
        &["x", "{}", r#"{"containerimage.config":"eA=="}"#],
    ),
    (
        "attest:sbom",
        &[
            "generator=rich",
            "generator=rich,a=b",
            "generator=rich,x=y,z=w",
        ],
        &[
            "",
            "generator=",
            "generator=busybox",
            "x",
            "generator=Upper",
            "generator=missing",
        ],
    ),
    (
        "attest:provenance",
        &["mode=max", "", "disabled=true"],
        &["x"],
    ),
    (
        "build-arg:BUILDKIT_ATTEST_SBOM",
        &["generator=rich"],
        &["x"],
    ),
    ("attest:sbom", &["disabled=true"], &["disabled=x"]),
    (
        "build-arg:BUILDKIT_SBOM_SCAN_STAGE",
        &["true", "base"],
        &["x"],
    ),
    ("build-arg:BUILDKIT_SBOM_SCAN_CONTEXT", &["true"], &["x"]),
    (
        "build-arg:SOURCE_DATE_EPOCH",
        &["context", "base", "busybox", "0"],
        &["later", "https://example.com/x", "scratch"],
    ),
    (
        "requestid",
        &["frontend.outline", "frontend.targets"],
        &["frontend"],
    ),
];

/// Images that bring something with them.
const RICH: [(&str, &str); 6] = [
    (
        "rich",
        r#"{"architecture":"%ARCH%","os":"%OS%","variant":"%VARIANT%","author":"x","created":"2020-01-01T00:00:00Z","rootfs":{"type":"layers","diff_ids":["sha256:a","sha256:b"]},"history":[{"created_by":"x","empty_layer":true}],"config":{"User":"u","Env":["PATH=/rich","A=rich","EMPTY=","X"],"WorkingDir":"/rich","Entrypoint":["e"],"Cmd":["c"],"Labels":{"b":"1","a":"2"},"Volumes":{"/v":{}},"ExposedPorts":{"80/tcp":{}},"StopSignal":"SIGINT","Shell":["/bin/bash","-c"],"Healthcheck":{"Test":["CMD","h"],"Interval":1000000000}}}"#,
    ),
    (
        "windows",
        r#"{"architecture":"%ARCH%","os":"windows","os.version":"10.0.17763.1","os.features":["win32k"],"rootfs":{"type":"layers","diff_ids":["a"]},"config":{"Env":["path=c:\\x"],"WorkingDir":"C:\\app"}}"#,
    ),
    (
        "odd",
        r#"{"Architecture":"amd64","OS":"linux","config":{"env":["PATH=/a","PATH=/b","=x",""],"Cmd":null,"ArgsEscaped":true,"WorkingDir":"rel/../x","Labels":null,"ONBUILD":[]},"rootfs":{"type":"","diff_ids":null},"extra":{"a":[1,2]}}"#,
    ),
    ("broken", r#"{"architecture":1}"#),
    ("nothing", "{}"),
    ("text", "no JSON"),
];

impl Writer<'_> {
    /// Options of some cases, ignore files of fewer, and the images that the Dockerfile may name.
    pub(super) fn options(&mut self, case: &mut Case) {
        if self.percent(45) {
            for _ in 0..=self.below(4) {
                let (name, good, bad) = OPTIONS[self.below(OPTIONS.len())];
                let value = match name {
                    "target" if !self.stages.is_empty() && self.percent(70) => self.stage(),
                    _ => self.choose(good, bad),
                };
                case.options.insert(name.to_owned(), value);
            }
        }
        if self.percent(4) {
            case.options.remove("cmdline");
            if self.percent(40) {
                let with = self.pick(&["x/y", " docker/dockerfile:1 a b ", ""]);
                case.options
                    .insert("build-arg:BUILDKIT_SYNTAX".to_owned(), with.to_owned());
            }
        }
        if let Some(name) = case.options.get("filename").cloned()
            && name != "none"
        {
            let text = case
                .files
                .remove("dockerfile/Dockerfile")
                .unwrap_or_default();
            case.files.insert(format!("dockerfile/{name}"), text);
        }
        if let Some(name) = case.options.get("dockerfilekey").cloned() {
            let text = case.dockerfile().to_vec();
            case.files.insert(format!("{name}/Dockerfile"), text);
        }
        if case
            .options
            .get("context")
            .is_some_and(|context| context.starts_with("http") && !context.contains(".git"))
        {
            // A download that is no archive is the Dockerfile.
            let text = case.dockerfile().to_vec();
            case.files.insert("dockerfile/context".to_owned(), text);
        }
        if self.percent(6)
            || case
                .options
                .values()
                .any(|value| value.starts_with("input:"))
        {
            self.inputs(case);
        }
        if self.percent(12) {
            let patterns = self.patterns();
            case.files
                .insert("context/.dockerignore".to_owned(), patterns);
        }
        if self.percent(3) {
            let patterns = self.patterns();
            case.files
                .insert(format!("{}.dockerignore", case.main()), patterns);
        }
        if self.percent(3) {
            let patterns = self.patterns();
            case.files.insert("part/.dockerignore".to_owned(), patterns);
        }
        if self.percent(4) {
            let platform = self.pick(&[
                "linux/arm64",
                "linux/arm/v7",
                "windows/amd64",
                "linux/amd64/v2",
            ]);
            case.platform = platform.to_owned();
        }
        self.images();
    }

    /// Definitions of an image and of nothing.
    fn inputs(&mut self, case: &mut Case) {
        let mut graph = Graph::new();
        let image = Image {
            reference: "docker.io/library/input:latest".to_owned(),
            ..Image::default()
        };
        let output = graph.add_source(image, Meta::named("input"));
        let defaults = Defaults {
            platform: &pb::Platform::default(),
            capabilities: &|_| true,
        };
        let bytes = |output| {
            let definition = llb::marshal(&graph, output, &defaults);
            // No line stands for it.
            let definition = Definition {
                source: None,
                ..definition
            };
            definition.to_pb().encode_to_vec()
        };
        for name in ["in", "rich"] {
            case.inputs.insert(name.to_owned(), bytes(Some(output)));
        }
        if self.percent(10) {
            let name = self.pick(&["context", "dockerfile"]);
            case.inputs.insert(name.to_owned(), bytes(Some(output)));
        }
        if self.percent(10) {
            case.inputs.insert("in".to_owned(), bytes(None));
        }
    }

    fn patterns(&mut self) -> Vec<u8> {
        let lines = self.some(3, |writer| {
            writer.choose(
                &[
                    "*", "a", "!a", "**/x", "# x", "", "a/../b", "/b", "*.go", "\\a", " a ", "b/",
                    "é", "!*.md", ".", "a b", "! c",
                ],
                &["!", "[a", "a\\"],
            )
        });
        (lines.join("\n") + "\n").into_bytes()
    }

    fn images(&mut self) {
        let mut name = |name: &str, config: String| {
            self.images
                .insert(format!("docker.io/library/{name}:latest"), config);
        };
        for (image, config) in RICH {
            name(image, config.to_owned());
        }
        let scanner = "docker.io/docker/buildkit-syft-scanner:stable-1";
        self.images.insert(scanner.to_owned(), RICH[0].1.to_owned());
        let mut name = |name: &str, config: String| {
            self.images
                .insert(format!("docker.io/library/{name}:latest"), config);
        };
        name("missing", String::new());
        self.images
            .insert("docker.io/library/missing:tag".to_owned(), String::new());
        let triggers = self.some(2, |writer| match writer.errs() {
            false => {
                let line = writer.instruction();
                line.text + "\n" + &line.bodies.concat()
            }
            true => writer.nonsense_trigger(),
        });
        let triggers: Vec<&str> = triggers
            .iter()
            .map(|trigger| trigger.trim_end_matches('\n'))
            .collect();
        let config = serde_json::json!({
            "architecture": "%ARCH%", "os": "%OS%",
            "rootfs": {"type": "layers", "diff_ids": ["unknown"]},
            "config": {"OnBuild": triggers},
        });
        self.images.insert(
            "docker.io/library/onbuild:latest".to_owned(),
            config.to_string(),
        );
    }

    fn nonsense_trigger(&mut self) -> String {
        self.pick(&[
            "FROM x",
            "",
            "MAINTAINER x",
            "ONBUILD RUN a",
            "RUN a\nRUN b",
            "nothing",
            "# comment",
            "RUN <<EOF\na\nEOF",
        ])
        .to_owned()
    }
}
