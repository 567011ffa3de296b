//! One build for two platforms, and what the original makes of it: the same bytes.

use super::stack::{self, Stack};

/// Steps that need no program of the target's platform, a base of each platform, and what differs between the two.
const DOCKERFILE: &str = r#"
FROM --platform=$BUILDPLATFORM busybox:latest AS made
ARG TARGETARCH
RUN echo "$TARGETARCH" > /made

FROM scratch
ARG TARGETPLATFORM
ENV PLATFORM=$TARGETPLATFORM
COPY --from=made /made /made
COPY Dockerfile /context/
COPY <<EOF /inline
$TARGETPLATFORM
EOF
WORKDIR /work
LABEL platform=$TARGETPLATFORM
ENTRYPOINT ["/made"]
"#;

/// Nothing is missing, for either platform: a Python, its packages, a curl and its certificates.
const COMPLETE: &str = r#"
FROM several
COPY --chmod=755 <<EOF /usr/local/bin/python3.12
An ELF of some machine.
EOF
RUN ln -s python3.12 /usr/local/bin/python
COPY <<EOF /usr/local/lib/python3.12/os.py
EOF
COPY <<EOF /usr/local/lib/python3.12/site-packages/boto3-1.42.0.dist-info/METADATA
Version: 1.42.0
EOF
COPY <<EOF /usr/local/lib/python3.12/site-packages/protobuf-6.33.0.dist-info/METADATA
Version: 6.33.0
EOF
COPY <<EOF /usr/local/lib/python3.12/site-packages/pydantic-2.12.0.dist-info/METADATA
Version: 2.12.0
EOF
COPY --from=several /bin/busybox /usr/local/bin/curl
COPY <<EOF /etc/ssl/cert.pem
A certificate.
EOF
"#;

/// Promise: an image for another machine is looked at on this one, and where nothing is missing nothing of it is started.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn images_for_other_machines_are_looked_at_on_the_one_that_builds() {
    let stack = Stack::new();
    let folder = stack::folder(&[("Dockerfile", COMPLETE)]);
    let image = stack.image("platforms-app");
    let output = format!("type=image,name={image},push=true");
    let both = "platform=linux/amd64,linux/arm64";
    let outcome = stack.buildctl(
        folder.path(),
        &stack.fal(),
        &["--opt", both, "--output", &output],
    );
    outcome.succeeded();
    assert_eq!(stack.index(&image), ["linux/amd64", "linux/arm64"]);
    for platform in ["linux/amd64", "linux/arm64"] {
        let report = &outcome.metadata[format!("frontend.fal.report/{platform}")];
        assert!(report.to_string().contains("python3.12"), "{report}");
        let look = format!("[{platform} fal] look at the image");
        assert!(outcome.log.contains(&look), "{}", outcome.log);
        let install = format!("[{platform} fal] install");
        assert!(!outcome.log.contains(&install), "{}", outcome.log);
    }
}

/// Promise: the index, its manifests, configs and layers are those of docker/dockerfile, to the byte, when the time is given.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn an_index_of_two_platforms_is_that_of_the_original() {
    let stack = Stack::new();
    let folder = stack::folder(&[("Dockerfile", DOCKERFILE)]);
    let digest = |name: &str, original: bool| {
        let image = stack.image(name);
        let output =
            format!("type=image,name={image},push=true,oci-mediatypes=true,rewrite-timestamp=true");
        let arguments = [
            "--opt",
            "platform=linux/amd64,linux/arm64",
            "--opt",
            "build-arg:SOURCE_DATE_EPOCH=1700000000",
            "--output",
            &output,
        ];
        let outcome = match original {
            true => stack.builtin(folder.path(), &arguments),
            false => stack.buildctl(folder.path(), &stack.dockerfile(), &arguments),
        };
        outcome.succeeded();
        let platforms = stack.index(&image);
        assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
        outcome.metadata["containerimage.digest"].to_string()
    };
    assert_eq!(
        digest("platforms-ours", false),
        digest("platforms-original", true)
    );
}
