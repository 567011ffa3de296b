//! The Dockerfiles that are measured, made from a number of instructions.

use std::fmt::Write;

/// A kind of Dockerfile, in the sizes in which it is measured.
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// Numbers of instructions.
    pub(super) sizes: &'static [usize],
    /// A Dockerfile of this many instructions.
    pub(super) write: fn(usize) -> String,
}

const GROWING: &[usize] = &[200, 2_000, 10_000, 50_000];

/// Every shape; the first two are those that the targets are about.
pub(super) const SHAPES: [Shape; 8] = [
    // A web service, as people write them. Its size is in lines.
    Shape {
        name: "typical",
        sizes: &[35],
        write: |_| include_str!("typical.Dockerfile").to_owned(),
    },
    // Stages of a hundred instructions on images, each with files of the one before.
    Shape {
        name: "stages",
        sizes: GROWING,
        write: |count| stages(count, 100, |_| "debian:bookworm".to_owned()),
    },
    // Stages of a hundred instructions, each based on the one before.
    Shape {
        name: "chain",
        sizes: GROWING,
        write: |count| stages(count, 100, on_the_one_before),
    },
    // The same in stages of four instructions.
    Shape {
        name: "short-chain",
        sizes: GROWING,
        write: |count| stages(count, 4, on_the_one_before),
    },
    // A single stage.
    Shape {
        name: "one-stage",
        sizes: GROWING,
        write: |count| stages(count, count, |_| "debian:bookworm".to_owned()),
    },
    // Nothing but variables, all different.
    Shape {
        name: "env",
        sizes: GROWING,
        write: |count| {
            let mut text = "FROM debian:bookworm\n".to_owned();
            for at in 1..count {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "ENV NAME_{at}=value-{at}");
            }
            text
        },
    },
    // Nothing but triggers, and a stage that fires them. Many more are more than a build may grow to.
    Shape {
        name: "onbuild",
        sizes: &[200, 2_000, 10_000],
        write: |count| {
            let mut text = "FROM debian:bookworm AS base\n".to_owned();
            for at in 2..count {
                let _ = writeln!(text, "ONBUILD {}", instruction(at));
            }
            text + "FROM base\n"
        },
    },
    // A single stage whose variables are all different: what is written for each RUN grows with
    // the file, and so must the time.
    Shape {
        name: "all-env-in-run",
        sizes: &[200, 2_000],
        write: |count| {
            let mut text = "FROM debian:bookworm\n".to_owned();
            for at in 1..count {
                let _ = match at % 4 {
                    0 => writeln!(text, "RUN make step-{at}"),
                    1 => writeln!(text, "ARG ARGUMENT_{at}=value-{at}"),
                    _ => writeln!(text, "ENV NAME_{at}=value-{at}"),
                };
            }
            text
        },
    },
];

fn on_the_one_before(stage: usize) -> String {
    match stage.checked_sub(1) {
        None => "debian:bookworm".to_owned(),
        Some(before) => format!("stage-{before}"),
    }
}

/// Stages of `length` instructions; all of them are needed.
fn stages(count: usize, length: usize, base: fn(usize) -> String) -> String {
    let mut text = String::new();
    for at in 0..count {
        let (stage, place) = (at / length, at % length);
        let _ = match place {
            0 => writeln!(text, "FROM {} AS stage-{stage}", base(stage)),
            1 if stage > 0 => {
                let before = stage - 1;
                writeln!(text, "COPY --from=stage-{before} /made /from/{before}")
            }
            _ => writeln!(text, "{}", instruction(at)),
        };
    }
    text
}

/// What people write, in about the numbers in which they write it. There are some dozens of
/// variables, and some are used.
fn instruction(at: usize) -> String {
    let variable = at % 37;
    match at % 10 {
        0 => format!("ARG ARGUMENT_{variable}=default-{at}"),
        1 => format!("ENV NAME_{variable}=\"value ${{ARGUMENT_{variable}:-none}}\""),
        2 => format!("COPY --chown=1000:1000 source/{at} other-{at} /app/{at}/"),
        3 => format!(
            "LABEL com.example.label-{}=\"is $NAME_{variable}\"",
            at % 97
        ),
        4 => format!("WORKDIR /srv/{}", at % 7),
        5 => {
            format!("RUN --mount=type=cache,target=/cache/{variable} pip install package-{at}==1.0")
        }
        6 => format!("ENV PATH_{variable}=/opt/{at}/bin:$PATH A_{variable}=a B_{variable}='b c'"),
        7 => format!("COPY source/{at} ."),
        _ => format!(
            "RUN apt-get update && apt-get install --yes package-{at} \\\n    && rm --recursive \"${{HOME}}/$NAME_{variable}\""
        ),
    }
}
