//! RUN: its mounts and its other flags, as a line or as heredocs.

use super::{Line, Writer};

impl Writer<'_> {
    pub(super) fn run(&mut self) -> Line {
        let flags = self.flags(28, Self::run_flag);
        match self.percent(18) {
            true => {
                let (words, bodies) = self.heredocs(2);
                let before = self.pick(&["", "", "cat ", "sh -s ", "python3 "]);
                let after = self.pick(&["", "", " && true", " > /out", " | cat"]);
                Line {
                    text: format!("RUN {flags}{before}{}{after}", words.join(" ")),
                    bodies,
                }
            }
            false => format!("RUN {flags}{}", self.command()).into(),
        }
    }

    fn run_flag(&mut self) -> String {
        if self.errs() {
            return self
                .pick(&[
                    "--mount=",
                    "--mount=type=nothing",
                    "--network=x",
                    "--security=x",
                    "--device=",
                    "--mounts=a",
                    "--network",
                    "--network=$A",
                ])
                .to_owned();
        }
        match self.below(12) {
            0 | 1 => format!("--network={}", self.pick(&["none", "host", "default"])),
            2 => format!("--security={}", self.pick(&["insecure", "sandbox"])),
            3 => format!(
                "--device={}",
                self.choose(
                    &[
                        "vendor.com/class=name",
                        "a.b/c",
                        "name=a.b/c",
                        "a.b/c,required",
                        "a.b/c=*",
                        "a.b/c,required=false"
                    ],
                    &["name=x", "", "x", "a.b/c,x"]
                )
            ),
            _ => format!("--mount={}", self.mount()),
        }
    }

    fn mount(&mut self) -> String {
        let kind = self.pick(&[
            "bind", "bind", "cache", "cache", "secret", "ssh", "tmpfs", "", "BIND", "Cache",
        ]);
        let mut keys = Vec::new();
        if !kind.is_empty() {
            keys.push(format!("type={kind}"));
        }
        let kind = kind.to_lowercase();
        for _ in 0..=self.below(4) {
            let key = self.mount_key(&kind);
            keys.push(key);
        }
        if kind == "bind" || kind.is_empty() {
            keys.retain(|key| !key.starts_with("rw") && !key.starts_with("ro"));
            if self.percent(20) {
                keys.push(self.mount_key("rw"));
            }
        }
        if matches!(kind.as_str(), "" | "bind" | "cache" | "tmpfs")
            && !keys
                .iter()
                .any(|key| key.starts_with("target") || key.starts_with("d"))
        {
            keys.push(format!("target={}", self.mount_target()));
        }
        let has = |name: &str| keys.iter().any(|key| key.starts_with(name));
        if kind == "secret" && !has("id") && !has("t") && !has("d") && !has("e") {
            keys.push("id=x".to_owned());
        }
        if self.errs() {
            let place = self.random.place(keys.len());
            let key = match self.below(3) {
                0 => self
                    .pick(&[
                        "x",
                        "x=y",
                        "target",
                        "=",
                        "typ=bind",
                        "TARGET=/x",
                        "size=1",
                        "mode=0700",
                        "required",
                        "env=A",
                        "sharing=shared",
                    ])
                    .to_owned(),
                _ => self.mount_key("any"),
            };
            keys.insert(place, key);
        }
        if self.percent(3) {
            return format!("\"{}\"", keys.join(","));
        }
        keys.join(",")
    }

    fn mount_target(&mut self) -> String {
        match self.below(20) {
            0 => self.path(),
            _ => self
                .pick(&[
                    "/x",
                    "/y",
                    "/root/.cache",
                    "rel",
                    "$A/x",
                    "/a/../b",
                    "/",
                    "/mnt",
                    "${HOME}/.x",
                    "c:\\x",
                ])
                .to_owned(),
        }
    }

    fn mount_key(&mut self, kind: &str) -> String {
        const BIND: [&str; 4] = ["target", "source", "from", "rw"];
        const CACHE: [&str; 10] = [
            "target", "source", "from", "ro", "id", "sharing", "mode", "uid", "gid", "env",
        ];
        const SECRET: [&str; 7] = ["target", "id", "required", "mode", "uid", "gid", "env"];
        const SSH: [&str; 6] = ["target", "id", "required", "mode", "uid", "gid"];
        const TMPFS: [&str; 2] = ["target", "size"];
        let key = match kind {
            "" | "bind" => self.pick(&BIND),
            "cache" => self.pick(&CACHE),
            "secret" => self.pick(&SECRET),
            "ssh" => self.pick(&SSH),
            "tmpfs" => self.pick(&TMPFS),
            _ => match self.below(5) {
                0 => self.pick(&BIND),
                1 => self.pick(&CACHE),
                2 => self.pick(&SECRET),
                3 => self.pick(&TMPFS),
                _ => self.pick(&SSH),
            },
        };
        match key {
            "target" => format!(
                "{}={}",
                self.pick(&["target", "dst", "destination"]),
                self.mount_target()
            ),
            "source" => format!("{}={}", self.pick(&["source", "src"]), self.path()),
            "from" => format!("from={}", self.any_image()),
            "rw" | "ro" => self.choose(
                &[
                    "rw",
                    "ro",
                    "readwrite",
                    "readonly",
                    "rw=true",
                    "ro=false",
                    "rw=false",
                    "readonly=1",
                    "RW",
                ],
                &["ro=x", "ro=", "ro=$A"],
            ),
            "id" => format!(
                "id={}",
                self.choose(&["x", "a/b", "default", "é", "a.b", "${B:-z}", "$A"], &[""])
            ),
            "sharing" => format!(
                "sharing={}",
                self.choose(
                    &["shared", "private", "locked", "LOCKED", "${A:-private}"],
                    &["x", "$A", ""]
                )
            ),
            "mode" => format!(
                "mode={}",
                self.choose(
                    &[
                        "0755",
                        "700",
                        "0",
                        "1777",
                        "07777",
                        "${A:-600}",
                        "37777777777"
                    ],
                    &[
                        "9",
                        "u+x",
                        "$A",
                        "",
                        "0o7",
                        "-1",
                        "4294967296",
                        "40000000000"
                    ]
                )
            ),
            "size" => format!(
                "size={}",
                self.choose(
                    &[
                        "1m", "1024", "1.5g", "1kb", "1KiB", "0", "${A:-1m}", ".5k", "1 m"
                    ],
                    &[
                        "x",
                        "-1",
                        "$A",
                        "",
                        "9999999999999999999",
                        "1e3",
                        "1kk",
                        "1."
                    ]
                )
            ),
            "env" => format!(
                "env={}",
                self.choose(&["A", "TOKEN", "1", "$A"], &["", "a b"])
            ),
            "required" => self.choose(
                &[
                    "required",
                    "required=true",
                    "required=false",
                    "required=1",
                    "required=TRUE",
                ],
                &["required=x", "required="],
            ),
            id => format!(
                "{id}={}",
                self.choose(
                    &["0", "1000", "4294967295", "${A:-5}"],
                    &[
                        "-1",
                        "x",
                        "$A",
                        "",
                        "4294967296",
                        "9999999999999999999",
                        "+1"
                    ]
                )
            ),
        }
    }
}
