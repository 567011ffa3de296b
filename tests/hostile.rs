//! Small files that ask for much.
//!
//! Each is converted and looked at by a process of its own, in less memory than it asks for. It ends in a result or in a sentence; how
//! long that takes is not measured, but who runs these tests waits for it.

use std::{
    env, fmt, fs,
    path::Path,
    process::{Command, Output},
    sync::Mutex,
    thread,
};

/// How much memory the process has, in KiB. The debug build alone maps a tenth of it.
const MEMORY: usize = 512 << 10;

/// Promise: no file eats the memory.
#[test]
fn hostile_files_end_in_a_sentence() {
    let sentence = "the build grows beyond 128 MiB, which no daemon takes";
    run(
        &["check"],
        &[
            ("a value in many variables", &|| {
                megabyte("ENV") + &lines(1_000, |n| format!("ENV b{n}=$a"))
            }),
            ("a value in many words", &|| {
                megabyte("ENV") + "ENV" + &words(1_000, |n| format!("b{n}=$a"))
            }),
            ("a value before many RUNs", &|| {
                megabyte("ENV") + &lines(2_000, |n| format!("RUN x{n}"))
            }),
            ("a value in many stages", &|| {
                megabyte("ENV") + &lines(2_000, |n| format!("RUN x\nFROM s{n} AS s{}", n + 1))
            }),
            ("a value before the first FROM", &|| {
                let file = megabyte("ARG").split_off(FROM.len());
                file + &lines(1_000, |n| format!("ARG b{n}=$a")) + FROM
            }),
            ("a value as the base of many stages", &|| {
                let file = megabyte("ARG").split_off(FROM.len());
                file + &lines(1_000, |_| "FROM $a".to_owned())
            }),
            ("a value as the directory of many mounts", &|| {
                let mount = |n| format!("--mount=source=s{n},target=t{n} \\\n");
                megabyte("ENV") + "WORKDIR /$a\nRUN" + &words(2_000, mount) + " x"
            }),
            ("a value as the directory of many RUNs", &|| {
                megabyte("ENV") + "WORKDIR /$a\nENV a=\n" + &lines(2_000, |n| format!("RUN x{n}"))
            }),
            ("a value as the user of many RUNs", &|| {
                megabyte("ENV") + "USER $a\nENV a=\n" + &lines(2_000, |n| format!("RUN x{n}"))
            }),
            ("a value as the owner of many files", &|| {
                megabyte("ENV") + "COPY --chown=$a" + &words(2_000, |n| format!("s{n}")) + " /d/"
            }),
            ("a value as the destination of many files", &|| {
                megabyte("ENV") + "COPY" + &words(2_000, |n| format!("s{n}")) + " /$a/"
            }),
            ("a value in many heredocs", &|| {
                megabyte("ENV") + &lines(1_000, |n| format!("COPY <<E /{n}\n$a\nE"))
            }),
            ("one heredoc as many files", &|| {
                let body = format!("{}\n", "x".repeat(99)).repeat(10_000);
                let ends = "E\n".repeat(1_999);
                format!("{FROM}COPY{} /d/\n{ends}{body}E\n", " <<E".repeat(2_000))
            }),
            ("a pattern that finds nothing, many times", &|| {
                megabyte("ENV") + "ENV b=" + &"${a%%y*}".repeat(2_000)
            }),
            ("a pattern of question marks", &|| {
                format!("{}ENV b=${{a#*{}y}}\n", megabyte("ENV"), "?".repeat(2_000))
            }),
            ("a pattern of stars", &|| {
                format!("{}ENV b=${{a#{}y}}\n", megabyte("ENV"), "*x".repeat(2_000))
            }),
            ("all ports in one line", &|| {
                FROM.to_owned() + "EXPOSE" + &words(2_000, |_| "0-65535".to_owned())
            }),
            ("all ports in many stages", &|| {
                let stage = |n| format!("EXPOSE 0-65535\nFROM s{n} AS s{}", n + 1);
                FROM.to_owned() + &lines(500, stage)
            }),
            ("many triggers in many stages", &|| {
                let triggers = lines(2_000, |n| format!("ONBUILD RUN x{n}"));
                let stages = lines(2_000, |n| format!("FROM s0 AS t{n}"));
                let copies = lines(2_000, |n| format!("COPY --from=t{n} /a /b"));
                format!("{FROM}{triggers}{stages}FROM scratch\n{copies}")
            }),
            ("many triggers at a FROM of many lines", &|| {
                let triggers = lines(4_000, |n| format!("ONBUILD RUN x{n}"));
                format!("{FROM}{triggers}FROM \\\n{}s0\n", "\\\n".repeat(4_000))
            }),
            ("many excludes for many files", &|| {
                let excludes = words(4_000, |n| format!("--exclude={n} \\\n"));
                format!(
                    "{FROM}COPY{excludes}{} /d/",
                    words(4_000, |n| n.to_string())
                )
            }),
            ("a shell of many words", &|| {
                let shell = format!("SHELL [\"x\"{}]\n", ",\"\"".repeat(10_000));
                FROM.to_owned() + &shell + &lines(1_000, |n| format!("RUN x{n}"))
            }),
            ("names that cannot be told apart, in many stages", &|| {
                let stage =
                    |n| format!("ARG b=b=\nENV ${{b}}{n}=1 v{n}=2\nFROM s{n} AS s{}", n + 1);
                FROM.to_owned() + &lines(2_000, stage)
            }),
        ],
        sentence,
    );
}

/// Promise: what is only large is built, and what is only wrong is told.
#[test]
fn large_files_end_in_a_result() {
    run(
        &["check", "llb"],
        &[
            ("a long chain of stages", &|| {
                FROM.to_owned() + &lines(5_000, |n| format!("ENV v{n}=x\nFROM s{n} AS s{}", n + 1))
            }),
            ("all ports, and all of them again", &|| {
                FROM.to_owned() + &lines(5, |_| "EXPOSE 0-65535".to_owned())
            }),
            ("stages of one base", &|| {
                FROM.to_owned()
                    + &lines(5_000, |n| {
                        format!("FROM s0 AS t{n}\nCOPY --from=s0 /a /{n}")
                    })
            }),
            ("many mounts", &|| {
                FROM.to_owned()
                    + "RUN"
                    + &words(5_000, |n| format!("--mount=target=/{n} \\\n"))
                    + " x"
            }),
            ("a long continuation", &|| {
                FROM.to_owned() + "RUN x \\\n" + &"&& y \\\n".repeat(20_000) + "&& z"
            }),
            ("a long array", &|| {
                FROM.to_owned() + "CMD [\"a\"" + &",\"b\"".repeat(15_000) + "]"
            }),
            ("arguments before stages with platforms", &|| {
                let stages = lines(5_000, |_| {
                    "FROM --platform=$BUILDPLATFORM debian".to_owned()
                });
                lines(5_000, |n| format!("ARG a{n}=b")) + &stages
            }),
            ("names that nobody set, on many lines", &|| {
                FROM.to_owned() + "LABEL" + &words(5_000, |n| format!("a{n}=$b{n} \\\n"))
            }),
            ("names that nobody set, among many", &|| {
                let labels = lines(2_000, |n| format!("LABEL a=$b{n}"));
                FROM.to_owned() + &lines(2_000, |n| format!("ENV v{n}=x")) + &labels
            }),
            ("instructions that nobody knows", &|| "XYZ\n".repeat(20_000)),
            ("stages in a circle", &|| {
                let stage = |n| {
                    format!(
                        "FROM debian AS s{n}\nCOPY --from=s{} /a /b",
                        (n + 1) % 5_000
                    )
                };
                lines(5_000, stage)
            }),
            ("brackets", &|| {
                FROM.to_owned() + "CMD " + &"[".repeat(60_000)
            }),
            ("braces", &|| {
                FROM.to_owned() + "ENV a=" + &"${b:-".repeat(12_000)
            }),
        ],
        "",
    );
}

const FROM: &str = "FROM debian AS s0\n";

/// A stage with a value of a megabyte: each line doubles the one before.
fn megabyte(keyword: &str) -> String {
    let doubled = format!("{keyword} a=$a$a\n").repeat(20);
    format!("{FROM}{keyword} a=x\n{doubled}")
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|n| line(n) + "\n").collect()
}

fn words(count: usize, word: impl Fn(usize) -> String) -> String {
    (0..count).map(|n| format!(" {}", word(n))).collect()
}

/// What a file is called, and how it is made.
type Case<'a> = (&'a str, &'a (dyn Fn() -> String + Sync));

/// Does these things with every file; what is said must end as given.
fn run(verbs: &[&str], cases: &[Case<'_>], sentence: &str) {
    let folder = tempfile::tempdir().unwrap();
    let waiting = Mutex::new(cases.iter());
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = waiting.lock().unwrap().next();
            let Some((name, write)) = next else { return };
            let file = folder.path().join(name);
            fs::write(&file, write()).unwrap();
            for verb in verbs {
                if let Err(end) = end(verb, &file, sentence) {
                    failed
                        .lock()
                        .unwrap()
                        .push(format!("{name}: {verb}: {end}"));
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn end(verb: &str, file: &Path, sentence: &str) -> Result<(), End> {
    // The limit of a process is the shell's to set; it is that of whatever takes its place.
    let output = Command::new("sh")
        .args(["-c", "ulimit -v $0 && exec \"$@\"", &MEMORY.to_string()])
        .args([env!("CARGO_BIN_EXE_fal-image"), verb])
        .arg(file)
        .output()
        .unwrap();
    let end = End(output);
    match (end.0.status.code(), sentence) {
        (Some(0 | 1), "") => Ok(()),
        (Some(1), _) if end.is_placed_in(file) && end.last().ends_with(sentence) => Ok(()),
        _ => Err(end),
    }
}

/// How a process ended.
struct End(Output);

impl End {
    fn last(&self) -> String {
        let said = String::from_utf8_lossy(&self.0.stderr);
        said.lines().last().unwrap_or_default().to_owned()
    }

    /// Whether a line of the file is shown.
    fn is_placed_in(&self, file: &Path) -> bool {
        let said = String::from_utf8_lossy(&self.0.stderr);
        let place = format!("{}:", file.display());
        said.lines().any(|line| line.starts_with(&place))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:.200}", self.0.status, self.last())
    }
}
