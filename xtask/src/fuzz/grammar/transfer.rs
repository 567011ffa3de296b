//! COPY and ADD, and the heredocs that they and RUN take.

use super::{Line, Writer};

impl Writer<'_> {
    pub(super) fn copy(&mut self) -> Line {
        let flags = self.flags(45, |writer| match writer.below(10) {
            0 => format!("--parents{}", writer.boolean()),
            1..4 => {
                let from = writer.any_image();
                match from.contains('$') && !writer.errs() {
                    true => "--from=busybox".to_owned(),
                    false => format!("--from={from}"),
                }
            }
            _ => writer.transfer_flag(),
        });
        self.transfer("COPY", flags, Self::path)
    }

    pub(super) fn add(&mut self) -> Line {
        let remote = self.percent(40);
        let checksum = match remote && self.percent(50) {
            true => 2,
            false => 3,
        };
        let flags = self.flags(40, |writer| match writer.below(6) {
            0 => format!("--keep-git-dir{}", writer.boolean()),
            1 => format!("--unpack{}", writer.boolean()),
            2 if checksum == 2 || writer.errs() => format!(
                "--checksum={}",
                writer.choose(
                    &[
                        "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                        "${A:-sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb}",
                    ],
                    &["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "$A", "sha256:x", "abc", "", "md5:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
                )
            ),
            _ => writer.transfer_flag(),
        });
        self.transfer("ADD", flags, |writer| match remote && writer.percent(70) {
            true => writer.remote(),
            false => writer.path(),
        })
    }

    fn transfer(
        &mut self,
        keyword: &str,
        flags: String,
        mut source: impl FnMut(&mut Self) -> String,
    ) -> Line {
        let mut line = Line::default();
        let mut words = Vec::new();
        if self.percent(15) {
            (words, line.bodies) = self.heredocs(3);
        }
        if words.is_empty() || self.percent(25) {
            words.extend(self.some(2, &mut source));
            if !self.errs() {
                // Patterns that cannot be are mistakes where files are excluded, not here.
                words.retain(|word| word != "\"\"");
                words.push("x".to_owned());
                words.rotate_right(1);
            }
        }
        words.push(self.path());
        let as_json = line.bodies.is_empty() && self.percent(8);
        line.text = match as_json {
            true => {
                let quoted: Vec<String> = words
                    .iter()
                    .map(|word| format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")))
                    .collect();
                format!("{keyword} {flags}[{}]", quoted.join(", "))
            }
            false => format!("{keyword} {flags}{}", words.join(" ")),
        };
        line
    }

    fn boolean(&mut self) -> String {
        self.choose(
            &["", "", "=true", "=false", "=true"],
            &["=1", "=x", "=", "=$A", "=TRUE"],
        )
    }

    fn transfer_flag(&mut self) -> String {
        match self.below(6) {
            0 | 1 => format!(
                "--chown={}",
                self.choose(
                    &[
                        "0",
                        "1000:1000",
                        "user",
                        "user:group",
                        "${A:-1}:2",
                        "4294967296",
                        "01:1",
                        "é",
                        "1:x"
                    ],
                    &["1:", ":1", "$A", "a:b:c", "-1", ""]
                )
            ),
            2 | 3 => format!(
                "--chmod={}",
                self.choose(
                    &[
                        "755",
                        "0644",
                        "u+x",
                        "a=rX,u+w",
                        "go-w,u=g",
                        "+x",
                        "u=rwxst",
                        "7777",
                        "a+X",
                        "ug=o",
                        "${A:-700}",
                        "="
                    ],
                    &["$A", "9", "77777", "", "u+", "0o7", "-1", "u+x,"],
                )
            ),
            4 => format!("--link{}", self.boolean()),
            _ => format!(
                "--exclude={}",
                self.choose(
                    &["*.md", "a", "**/x", "$A", "a/../b", "é", "/a", "a\\b"],
                    &["!a", "", "[a", "!"]
                )
            ),
        }
    }

    fn remote(&mut self) -> String {
        self.choose(
            &[
                "https://example.com/a.tar.gz", "http://example.com/", "https://example.com/a?b=c", "https://example.com", "https://github.com/moby/buildkit.git",
                "https://github.com/moby/buildkit.git#master", "https://github.com/moby/buildkit.git#v1:docs", "git://example.com/x", "git://example.com/x#:y",
                "https://example.com/r.git?ref=main", "https://example.com/r.git?subdir=a&tag=v1", "https://example.com/r.git?checksum=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "https://${A:-example.com}/x", "${A:-https://example.com/x}", "https://example.com/%2e%2e/x", "https://user:pw@example.com/x.git", "https://example.com/a%20b.tar",
                "https://example.com/x.git?keep-git-dir=true", "https://example.com/x.git?submodules=false&keep-git-dir=0", "HTTPS://example.com/a", "https://example.com/x.git#",
                "https://example.com/x.git?fetch-by-commit=1&commit=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "https://example.com/x.git?mtime=commit", "github.com/a/b", "github.com/a/b.git",
                "https://example.com/x?y#z", "ftp://example.com/a", "https://[::1]/a", "https://example.com/r.git?branch=x",
            ],
            &[
                "https://example.com/r.git?branch=x&ref=y", "https://example.com/r.git?nothing=x", "https://example.com/r.git?commit=abc#main", "https://", "https://example.com:99999/a",
                "https://$A/x", "git@github.com:a/b.git", "https://example.com/x.git?ref=a&ref=b", "https://example.com/x.git?submodules=x", "https://example.com/%zz", "https://example.com/x.git?mtime=x",
            ],
        )
    }

    /// Words that begin heredocs, and the heredocs.
    pub(super) fn heredocs(&mut self, most: usize) -> (Vec<String>, Vec<String>) {
        let mut words = Vec::new();
        let mut bodies = Vec::new();
        for _ in 0..=self.below(most) {
            let name = self.pick(&["EOF", "EOF", "E", "a.txt", "file", "_x", "1"]);
            let tabs = self.percent(25);
            let number = match self.percent(8) {
                true => self.pick(&["3", "0", "12"]),
                false => "",
            };
            let quoted = match self.below(5) {
                0 => format!("\"{name}\""),
                1 => format!("'{name}'"),
                2 if name.is_ascii() => format!("{}\"{}\"", &name[..1], &name[1..]),
                _ => name.to_owned(),
            };
            let dash = if tabs { "-" } else { "" };
            words.push(format!("{number}<<{dash}{quoted}"));
            bodies.push(self.body(name, tabs));
        }
        (words, bodies)
    }

    fn body(&mut self, name: &str, tabs: bool) -> String {
        let mut body = String::new();
        for _ in 0..self.below(4) {
            let line = match self.below(8) {
                0 => "#!/bin/sh".to_owned(),
                1 => "#!/usr/bin/env python3".to_owned(),
                2 => String::new(),
                3 => format!(" {name}"),
                4 => "FROM x".to_owned(),
                5 => format!("a {}", self.escape),
                _ => {
                    let words = self.some(2, Self::word);
                    words.join(" ")
                }
            };
            let indent = match tabs {
                true => self.pick(&["\t", "\t\t", ""]),
                false => self.pick(&["", "", "\t", "  "]),
            };
            body += indent;
            body += &line;
            body.push('\n');
        }
        if self.errs() {
            return body;
        }
        if tabs {
            body += self.pick(&["\t", "", "\t\t"]);
        }
        body + name + "\n"
    }
}
