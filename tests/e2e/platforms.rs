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
