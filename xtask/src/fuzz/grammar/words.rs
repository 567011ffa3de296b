//! Names, paths and values, with everything that can be expanded in them.

use super::Writer;

/// Names of arguments and variables: ours, platform ones, those that are there in any case, and secrets by their names.
const NAMES: [&str; 22] = [
    "A",
    "B",
    "C",
    "A",
    "B",
    "C",
    "VERSION",
    "PATH",
    "HOME",
    "TARGETPLATFORM",
    "TARGETARCH",
    "TARGETOS",
    "TARGETVARIANT",
    "BUILDPLATFORM",
    "BUILDARCH",
    "TARGETSTAGE",
    "HTTP_PROXY",
    "no_proxy",
    "API_TOKEN",
    "SOURCE_DATE_EPOCH",
    "_x1",
    "Ünï",
];

const LITERALS: [&str; 34] = [
    "a", "b", "foo", "bar", "x.y", "1", "0", "-1", "a-b", "a_b", "é", "日本", "*", "?", "[a-z]",
    "a=b", "=", ",", ":", "#", "@", "/", ".", "..", "~", "{", "}", "(", ")", "!", "%", "+", ";",
    "&&",
];

const PATHS: [&str; 34] = [
    ".",
    "./",
    "/",
    "a",
    "b",
    "a/",
    "b/c",
    "/src",
    "/src/",
    "/app/",
    "../x",
    "a/../b",
    "./a/./b",
    "*",
    "*.go",
    "a*",
    "?",
    "[a-c]",
    "**/x",
    "a/**/b",
    "/a//b",
    "",
    "a b",
    "é",
    "C:\\x",
    "c:/windows",
    "\\\\srv\\x",
    "a:b",
    "-",
    "--x",
    "a,b",
    "/usr/bin",
    "a/./../..",
    "/..",
];

const IMAGES: [&str; 33] = [
    "busybox",
    "busybox:latest",
    "alpine",
    "alpine:3.20",
    "debian:bookworm-slim",
    "scratch",
    "scratch",
    "python:3.11-slim",
    "onbuild",
    "rich",
    "odd",
    "windows",
    "localhost:5000/a/b:c",
    "ghcr.io/x/y",
    "busybox@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "busybox:1@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "docker.io/library/busybox",
    "index.docker.io/busybox",
    "missing",
    "missing:tag",
    "broken",
    "nothing",
    "text",
    "Upper",
    "a..b",
    "busybox:",
    ":x",
    "busybox@sha256:abc",
    "a/b/c",
    "context",
    "base",
    "0",
    "1",
];

impl Writer<'_> {
    /// The name of a variable.
    pub(super) fn name(&mut self) -> String {
        self.choose(&NAMES, &["1A", "", "A-B", "A.B", "a b", "$A", "\"A\"", "*"])
    }

    /// A few characters without anything to expand.
    pub(super) fn literal(&mut self) -> String {
        self.pick(&LITERALS).to_owned()
    }

    /// A word in which variables are expanded.
    pub(super) fn word(&mut self) -> String {
        let parts = 1 + self.below(3);
        let mut word = String::new();
        for _ in 0..parts {
            let part = self.part(0);
            word += &part;
        }
        word
    }

    /// A word that is mostly plain.
    pub(super) fn plain(&mut self) -> String {
        match self.percent(70) {
            true => self.literal(),
            false => self.word(),
        }
    }

    fn part(&mut self, depth: usize) -> String {
        let escape = self.escape;
        match self.below(14) {
            0..4 => self.literal(),
            4 => format!("${}", self.name()),
            5 => format!("${{{}}}", self.name()),
            6 | 7 => self.modified(depth),
            8 => {
                let inner = self.inner(depth);
                format!("\"{inner}\"")
            }
            9 => {
                let inner = self.inner(depth);
                format!("'{inner}'")
            }
            10 => {
                let escaped = self.pick(&[
                    "$", "\"", "'", " ", "\\", "`", "n", "}", "{", "$A", "/", ":", "",
                ]);
                format!("{escape}{escaped}")
            }
            11 => self.choose(
                &[
                    "$1", "$@", "$$", "$#", "$?", "$-", "$*", "$", "$!", "${1}", "${@}", "$A$B",
                    "$Ax",
                ],
                &["${A:?no}", "${A?}", "${}"],
            ),
            12 if self.errs() => self
                .pick(&[
                    "${", "${A", "${A:", "${A:-", "\"", "'", "${}", "${ A}", "${A!B}", "${A:x}",
                    "${-}",
                ])
                .to_owned(),
            _ => self.literal(),
        }
    }

    /// `${NAME…}`.
    fn modified(&mut self, depth: usize) -> String {
        let name = match self.percent(95) {
            true => self.name(),
            false => self.pick(&["1", "@", "12", "*"]).to_owned(),
        };
        let operator = self.choose(
            &[":-", ":-", ":+", "-", "+", "#", "##", "%", "%%", "/", "//"],
            &[":?", "?", ":", ":=", "^", ",", "/#", "/%"],
        );
        let inner = self.inner(depth);
        if operator.starts_with('/') {
            let replacement = self.inner(depth);
            let slash = if self.errs() { "" } else { "/" };
            return format!("${{{name}{operator}{inner}{slash}{replacement}}}");
        }
        format!("${{{name}{operator}{inner}}}")
    }

    /// What stands inside quotes and braces.
    fn inner(&mut self, depth: usize) -> String {
        match self.below(10) {
            0 => String::new(),
            1 | 2 if depth < 4 => {
                let (one, two) = (self.part(depth + 1), self.part(depth + 1));
                one + &two
            }
            3 if depth < 4 => self.part(depth + 1),
            4 => self
                .pick(&[
                    "*", "?", "a*", "*a", "a?c", "\\*", "[a]", "/", "a b", " ", "\\/",
                ])
                .to_owned(),
            _ => self.literal(),
        }
    }

    /// A path, sometimes with variables.
    pub(super) fn path(&mut self) -> String {
        match self.below(10) {
            0 => self.word(),
            1 => {
                let name = self.name();
                let end = self.pick(&PATHS);
                format!("${{{name}:-x}}/{end}")
            }
            _ => match self.pick(&PATHS) {
                "" => "\"\"".to_owned(),
                path => path.replace(' ', "\\ "),
            },
        }
    }

    /// An image, a stage or its number.
    pub(super) fn image(&mut self) -> String {
        match self.below(10) {
            0..4 if !self.stages.is_empty() => self.stage(),
            4 => {
                let name = self.name();
                let image = self.pick(&IMAGES);
                format!("${{{name}:-{image}}}")
            }
            _ => self.pick(&IMAGES[..14]).to_owned(),
        }
    }

    /// Any image, also one that cannot be.
    pub(super) fn any_image(&mut self) -> String {
        match self.errs() {
            true if self.percent(50) => self.word(),
            true => self.pick(&IMAGES).to_owned(),
            false => self.image(),
        }
    }

    /// The name or the number of a stage, mostly one that is there.
    pub(super) fn stage(&mut self) -> String {
        let count = self.stages.len();
        match self.below(10) {
            0 | 1 if count > 0 => self.below(count).to_string(),
            2 if self.errs() => self
                .pick(&["base", "BASE", "0", "1", "9", "-1", "01", "later"])
                .to_owned(),
            _ if count > 0 => {
                let place = self.below(count);
                let name = self.stages[place].clone();
                match name.is_empty() {
                    true => place.to_string(),
                    false => name,
                }
            }
            _ => "busybox".to_owned(),
        }
    }

    pub(super) fn platform(&mut self) -> String {
        self.choose(
            &[
                "linux/amd64",
                "linux/arm64",
                "linux/arm/v6",
                "linux/arm/v7",
                "linux",
                "arm64",
                "windows/amd64",
                "$BUILDPLATFORM",
                "$TARGETPLATFORM",
                "${TARGETOS}/arm64",
                "linux/amd64/v2",
                "wasi/wasm",
                "windows(10.0.17763)/amd64",
                "darwin",
                "linux/386",
                "Linux/AMD64",
            ],
            &[
                "linux/*",
                "linux/amd64/v1/x",
                "",
                "a b",
                "linux/",
                "nothing",
                "windows(1/amd64",
            ],
        )
    }

    /// Words as a JSON array, or nearly so.
    pub(super) fn json(&mut self) -> String {
        let mut words = self.some(3, |writer| {
            let text = writer.plain();
            let inside = text.replace('\\', "\\\\").replace('"', "\\\"");
            let escape = writer.pick(&[
                "",
                "",
                "",
                "",
                "\\n",
                "\\u00e9",
                "\\t",
                "\\/",
                "\\ud83d\\ude00",
                "\\u003c",
                "\\ud800",
            ]);
            format!("\"{inside}{escape}\"")
        });
        if self.percent(5) {
            words.clear();
        }
        let comma = self.pick(&[",", ", ", " , "]);
        let mut text = format!("[{}]", words.join(comma));
        if self.errs() {
            text = match self.below(7) {
                0 => text.replace('"', "'"),
                1 => text.trim_end_matches(']').to_owned(),
                2 => text.replace(']', ",]"),
                3 => text + " x",
                4 => text.replace('[', "[1,"),
                5 => text.replace('[', "[null, "),
                _ => format!("[{text}]"),
            };
        }
        text
    }
}
