//! One instruction: its keyword and everything behind it.

use super::{Line, Writer};

impl Writer<'_> {
    /// Any instruction that may stand in a stage.
    pub(super) fn instruction(&mut self) -> Line {
        if self.errs() {
            return self.nonsense().into();
        }
        match self.below(100) {
            0..24 => self.run(),
            24..38 => self.copy(),
            38..46 => self.add(),
            46..56 => self.env().into(),
            56..63 => self.arg().into(),
            63..68 => self.label().into(),
            68..74 => self.workdir().into(),
            74..80 => self.onbuild(),
            _ => self.setting().into(),
        }
    }

    /// What only changes the image's config.
    fn setting(&mut self) -> String {
        match self.below(10) {
            0 => self.user(),
            1 => self.expose(),
            2 => self.volume(),
            3 => self.healthcheck(),
            4 => self.shell(),
            5 => self.stopsignal(),
            6 => self.maintainer(),
            7 | 8 => format!("CMD {}", self.command()),
            _ => format!("ENTRYPOINT {}", self.command()),
        }
    }

    pub(super) fn from(&mut self) -> String {
        let mut text = "FROM ".to_owned();
        if self.percent(20) {
            text += &format!("--platform={} ", self.platform());
        }
        if self.errs() {
            text += self.pick(&[
                "--plat=x ",
                "--platform ",
                "--platform= ",
                "--unknown ",
                "-- ",
            ]);
        }
        text += &self.any_image();
        if self.percent(60) {
            let name = match self.errs() {
                true => self.pick(&[
                    "1x", "A B", "", "scratch", "context", "$A", "a/b", "é", "-a",
                ]),
                false => self.pick(&[
                    "base", "build", "final", "Build", "a", "b", "c.d", "e_f", "g-h", "busybox",
                    "x1",
                ]),
            };
            self.stages.push(name.to_lowercase());
            let keyword = self.pick(&["AS", "AS", "AS", "as", "As", "aS"]);
            text += &format!(" {keyword} {name}");
        } else {
            self.stages.push(String::new());
        }
        if self.errs() {
            text += self.pick(&[" x", " # comment", " AS", " as y"]);
        }
        text
    }

    pub(super) fn arg(&mut self) -> String {
        let args = self.some(2, |writer| {
            let name = writer.name();
            match writer.percent(70) {
                true => format!("{name}={}", writer.value()),
                false => name,
            }
        });
        format!("ARG {}", args.join(" "))
    }

    /// What follows an equals sign.
    fn value(&mut self) -> String {
        match self.below(12) {
            0 => self.platform(),
            1 => self.image(),
            2 => "1700000000".to_owned(),
            3 => String::new(),
            4 => self.path(),
            _ => self.word(),
        }
    }

    fn pairs(&mut self) -> String {
        if self.percent(12) {
            // The old form: a name, and the rest of the line.
            let words = self.some(3, Self::word).join(" ");
            return format!("{} {words}", self.name());
        }
        let pairs = self.some(3, |writer| {
            let name = match writer.percent(15) {
                true => writer.choose(
                    &["\"q\"", "${B:-x}", "a.b", "a/b", "'s'", "é"],
                    &["$A", "A b", "\"a b\"", ""],
                ),
                false => writer.name(),
            };
            format!("{name}={}", writer.value())
        });
        pairs.join(" ")
    }

    fn env(&mut self) -> String {
        format!("ENV {}", self.pairs())
    }

    fn label(&mut self) -> String {
        format!("LABEL {}", self.pairs())
    }

    fn workdir(&mut self) -> String {
        format!("WORKDIR {}", self.path())
    }

    fn user(&mut self) -> String {
        let user = self.pick(&[
            "root",
            "0",
            "1000:1000",
            "nobody:nogroup",
            "a:b:c",
            ":",
            "$A",
            "\"a b\"",
            "a b",
            "${A:-1}:2",
        ]);
        format!("USER {user}")
    }

    fn expose(&mut self) -> String {
        let ports = self.some(3, |writer| {
            writer.choose(
                &[
                    "80",
                    "443/tcp",
                    "53/udp",
                    "1000-1003",
                    "1-2/sctp",
                    "${A:-8080}",
                    "80/TCP",
                    "0",
                    "65535",
                    "\"80\"",
                    "8080:80",
                    "127.0.0.1:80:80",
                    "1000-1002:2000-2002",
                    "5-5",
                    "[::1]:80:90",
                    "1.2.3.4::80",
                ],
                &[
                    "80-", "70000", "a", "90-80", "80/x", "80/tcp/x", "", ":80", "80 ", "+80",
                    "0x50", "080", "1-65536", "[::1]:90", "$A",
                ],
            )
        });
        format!("EXPOSE {}", ports.join(" "))
    }

    fn volume(&mut self) -> String {
        match self.percent(40) {
            true => format!("VOLUME {}", self.json().replace("[]", "[\"/v\"]")),
            false => format!("VOLUME {}", self.some(2, Self::path).join(" ")),
        }
    }

    fn healthcheck(&mut self) -> String {
        if self.percent(15) {
            return self.choose(
                &["HEALTHCHECK NONE", "HEALTHCHECK none"],
                &[
                    "HEALTHCHECK NONE x",
                    "HEALTHCHECK",
                    "HEALTHCHECK --retries=1 NONE",
                ],
            );
        }
        let flags = self.flags(50, |writer| {
            let duration = writer.choose(
                &[
                    "30s",
                    "1m30s",
                    "1h",
                    "0",
                    "0s",
                    "1ms",
                    "1.5s",
                    "1h1h",
                    ".5s",
                    "+3s",
                    "2540400h10m10.000000001s",
                ],
                &[
                    "500us",
                    "-1s",
                    "5",
                    "",
                    "1d",
                    "100ns",
                    "$A",
                    "1e3s",
                    "999999h9999999999s",
                    "1 s",
                ],
            );
            match writer.pick(&[
                "interval",
                "timeout",
                "start-period",
                "start-interval",
                "retries",
            ]) {
                "retries" => format!(
                    "--retries={}",
                    writer.choose(
                        &["3", "1", "+3"],
                        &["0", "-1", "x", "1.5", "", "99999999999", "0x3"]
                    )
                ),
                name => format!("--{name}={duration}"),
            }
        });
        let kind = self.choose(&["CMD", "CMD", "CMD", "cmd"], &["none", "SHELL", ""]);
        format!("HEALTHCHECK {flags}{kind} {}", self.command())
    }

    fn shell(&mut self) -> String {
        match self.errs() {
            true => "SHELL /bin/sh -c".to_owned(),
            false => format!("SHELL {}", self.json().replace("[]", "[\"sh\"]")),
        }
    }

    fn stopsignal(&mut self) -> String {
        let signal = self.choose(
            &[
                "SIGTERM",
                "9",
                "SIGKILL",
                "TERM",
                "sigterm",
                "${A:-SIGINT}",
                "SIGRTMIN+3",
                "\"SIGHUP\"",
                "RTMAX-2",
            ],
            &["0", "-1", "65", "SIGX", "SIG", "1 2", "$A"],
        );
        format!("STOPSIGNAL {signal}")
    }

    fn maintainer(&mut self) -> String {
        let who = self.choose(
            &["me", "\"Me <me@example.com>\"", "$A", "Me <me@example.com>"],
            &["", "\"a\" b"],
        );
        format!("MAINTAINER {who}")
    }

    /// A command line, or its words as JSON.
    pub(super) fn command(&mut self) -> String {
        if self.percent(35) {
            return self.json();
        }
        let words = self.some(4, |writer| match writer.below(4) {
            0 => writer.word(),
            1 => writer.literal(),
            _ => writer
                .pick(&[
                    "echo",
                    "true",
                    "ls",
                    "-l",
                    "&&",
                    "|",
                    ";",
                    "$A",
                    "\"$B\"",
                    "#x",
                    "# x",
                    "<",
                    ">",
                    "/dev/null",
                    "\\;",
                    "[",
                    "]",
                    "[\"a\"]",
                ])
                .to_owned(),
        });
        words.join(" ")
    }

    fn onbuild(&mut self) -> Line {
        let inner = match self.errs() {
            true => self
                .pick(&[
                    "ONBUILD RUN a",
                    "FROM a",
                    "MAINTAINER a",
                    "",
                    "\"RUN\" a",
                    "nothing",
                    "ONBUILD",
                ])
                .to_owned()
                .into(),
            false => loop {
                let line = self.instruction();
                if !line.text.starts_with("ONBUILD") || self.percent(1) {
                    break line;
                }
            },
        };
        let keyword = self.pick(&["ONBUILD ", "ONBUILD ", "ONBUILD  ", "ONBUILD\t"]);
        Line {
            text: format!("{keyword}{}", inner.text),
            ..inner
        }
    }

    fn nonsense(&mut self) -> String {
        match self.below(4) {
            0 => self
                .pick(&[
                    "RUM a",
                    "CPOY a b",
                    "FORM a",
                    "EXPOES 80",
                    "NOTHING",
                    "a",
                    "[",
                    "\"RUN\" a",
                    "RUN",
                    "COPY",
                    "ENV",
                    "LABEL",
                    "ARG",
                    "CMD",
                    "ENTRYPOINT",
                    "USER",
                    "WORKDIR",
                    "VOLUME",
                    "EXPOSE",
                    "SHELL",
                    "STOPSIGNAL",
                    "ONBUILD",
                    "FROM",
                    "ADD",
                    "HEALTHCHECK",
                    "MAINTAINER",
                    "RUN cat <<",
                    "COPY << /x",
                ])
                .to_owned(),
            1 => {
                let keyword = self.pick(&[
                    "RUN",
                    "COPY",
                    "ADD",
                    "ENV",
                    "FROM",
                    "HEALTHCHECK",
                    "CMD",
                    "WORKDIR",
                    "EXPOSE",
                ]);
                let flag = self.pick(&[
                    "--foo",
                    "--foo=bar",
                    "--form=0",
                    "--",
                    "--mount",
                    "--link=x",
                    "--=",
                    "--chwon=1",
                    "--network=x --network=y",
                ]);
                format!("{keyword} {flag} a b")
            }
            2 => self
                .pick(&[
                    "ENV A",
                    "ENV A=1 B",
                    "ENV =1",
                    "ENV \"A=1\"",
                    "LABEL A",
                    "LABEL =",
                    "ARG =1",
                    "ENV A =1",
                    "LABEL 'a",
                    "ENV A=\"1",
                    "ENV A='1 B=2",
                ])
                .to_owned(),
            _ => format!("{} {}", self.literal(), self.word()),
        }
    }
}
