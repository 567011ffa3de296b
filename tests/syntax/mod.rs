//! The room `syntax` from outside: against the original's own data, and against laws.

use std::{
    env, fs,
    path::{Path, PathBuf},
    slice,
};

use fal_frontend::{
    golang, instruction,
    source::Source,
    syntax::{
        self, Parsed,
        ast::{Arguments, File, Instruction},
    },
};
use proptest::prelude::*;

/// Every Dockerfile under `parser/testfiles` reads as the `result` beside it says.
#[test]
fn the_original_reads_its_own_files_the_same() {
    let Some(parser) = original() else { return };
    let cases = folders(&parser.join("testfiles"));
    assert!(cases.len() > 30, "only {} cases", cases.len());
    for case in cases {
        let file = parsed(&case.join("Dockerfile")).into_result();
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        let result = read(&case.join("result"));
        let expected = String::from_utf8_lossy(&result);
        assert_eq!(dump(&file) + "\n", expected, "{}", case.display());
    }
}

/// What `parser/testfiles-negative` holds is refused.
#[test]
fn the_original_refuses_the_same_files() {
    let Some(parser) = original() else { return };
    for case in folders(&parser.join("testfiles-negative")) {
        let file = parsed(&case.join("Dockerfile")).into_result();
        assert!(file.is_err(), "{}", case.display());
    }
}

/// Instructions of `parser/testfile-line` stand where the original's test says.
#[test]
fn the_original_counts_lines_the_same() {
    let Some(parser) = original() else { return };
    let file = parsed(&parser.join("testfile-line/Dockerfile")).file;
    let lines: Vec<_> = file
        .instructions
        .iter()
        .map(|it| it.lines.to_string())
        .collect();
    assert_eq!(lines, ["5", "11-12", "17-31"]);
}

/// The original's parser, in a checkout of BuildKit that `BUILDKIT_SOURCE` names.
fn original() -> Option<PathBuf> {
    let source = env::var_os("BUILDKIT_SOURCE");
    if source.is_none() {
        eprintln!("skipped: BUILDKIT_SOURCE names no checkout of moby/buildkit");
    }
    Some(Path::new(&source?).join("frontend/dockerfile/parser"))
}

fn folders(under: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(under).unwrap_or_else(|error| panic!("{}: {error}", under.display()));
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut folders: Vec<_> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn parsed(path: &Path) -> Parsed {
    syntax::parse(&Source::new("Dockerfile", read(path)))
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The file as the original's `Dump` prints it: one list an instruction.
fn dump(file: &File) -> String {
    let lists: Vec<_> = file
        .instructions
        .iter()
        .map(|it| format!("({})", list(it)))
        .collect();
    lists.join("\n")
}

/// `keyword ["--flag"] "argument"…`
fn list(instruction: &Instruction) -> String {
    let mut list = instruction.keyword.to_lowercase();
    if !instruction.flags.is_empty() {
        list.push(' ');
        list.push_str(&golang::quote_all(&instruction.flags));
    }
    let known = instruction.kind().is_some();
    list.push_str(&if known {
        arguments(&instruction.arguments)
    } else {
        " \"\"".to_owned()
    });
    list
}

fn arguments(written: &Arguments) -> String {
    let quoted = |words: &[String]| {
        words
            .iter()
            .map(|it| format!(" {}", golang::quote(it)))
            .collect()
    };
    match written {
        Arguments::Words(words) | Arguments::Json(words) => quoted(words),
        Arguments::Line(line) if line.is_empty() => String::new(),
        Arguments::Line(line) => quoted(slice::from_ref(line)),
        Arguments::Pairs(pairs) => {
            let words = |it: &syntax::ast::Pair| {
                [it.key.clone(), it.value.clone(), it.separator.to_owned()]
            };
            quoted(&pairs.iter().flat_map(words).collect::<Vec<_>>())
        }
        Arguments::Trigger(trigger) => format!(" ({})", list(trigger)),
        Arguments::Check { kind, .. } if kind.is_empty() => String::new(),
        Arguments::Check { kind, command } => quoted(slice::from_ref(kind)) + &arguments(command),
    }
}

/// Pieces that mean something somewhere, to make Dockerfiles of.
const PIECES: &[&str] = &[
    "FROM ",
    "RUN ",
    "COPY ",
    "ONBUILD ",
    "ENV ",
    "ARG ",
    "HEALTHCHECK ",
    "CMD ",
    "COYP ",
    "a",
    "b=c",
    " ",
    "\t",
    "\n",
    "\n",
    "\r\n",
    "\\\n",
    "\\",
    "`",
    "#",
    "# escape=`\n",
    "--mount=",
    "--from=",
    "--",
    "type=cache,",
    "<<",
    "<<EOF",
    "\nEOF\n",
    "<<-'A B'",
    "$",
    "${x:-",
    "${x/",
    "}",
    "\"",
    "'",
    "[",
    "]",
    ",",
    "[\"a\", \"b\"]",
    "é",
    "\u{3000}",
    "\0",
    "\u{feff}",
];

fn dockerfile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![9 => proptest::sample::select(PIECES).prop_map(str::to_owned), 1 => any::<String>()];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Nothing that can be written makes the reader panic; what it finds lies in the file, in order.
    #[test]
    fn what_is_read_stands_in_the_file_in_order(text in dockerfile()) {
        let source = Source::new("Dockerfile", text);
        let parsed = syntax::parse(&source);
        let mut last = 0;
        for instruction in &parsed.file.instructions {
            prop_assert!(last < instruction.lines.start);
            prop_assert!(instruction.lines.start <= instruction.lines.end);
            last = instruction.lines.end;
        }
        prop_assert!(last <= source.line_count());
        for diagnostic in &parsed.diagnostics {
            prop_assert_eq!(diagnostic.locations.len(), 1);
            prop_assert!(diagnostic.locations[0].end <= source.line_count());
        }
        if let Err(error) = instruction::read(&parsed.file) {
            prop_assert_eq!(error.locations.len(), 1);
        }
    }

    /// A file without continuations, here-documents and comments is its lines.
    #[test]
    fn what_is_read_is_what_is_written(lines in proptest::collection::vec("(RUN|ENV|COPY) [a-z=\"' ]{0,20}[a-z]=", 1..10)) {
        let text = lines.join("\n");
        let file = syntax::parse(&Source::new("Dockerfile", text)).file;
        let originals: Vec<_> = file.instructions.iter().map(|it| it.original.as_str()).collect();
        let readable: Vec<_> = lines.iter().map(String::as_str).filter(|line| originals.contains(line)).collect();
        prop_assert_eq!(originals, readable);
    }
}

/// Files of a hundred thousand lines are read to the end, however they are written: what took the square of that would not end.
#[test]
fn long_files_are_read_to_the_end() {
    let cases = [
        "RUN --mount=type=cache,target=/x a \\\n  b\n".repeat(50_000),
        "# c\nENV a=b c=\"d e\"\nCOPY <<A /b/\nx\nA\nCMD [\"a\"]\n".repeat(20_000),
        format!("RUN {}a", "--mount=target=/x \\\n".repeat(50_000)),
        format!("ARG {}a", "b=c \\\n".repeat(100_000)),
        format!("{}RUN a", "ONBUILD \\\n".repeat(100_000)),
        format!("{}RUN a", "# b c\n".repeat(100_000)),
        format!("RUN <<A {}", "${a:-\"\\\n".repeat(100_000)),
        format!("RUN <<A {}\nA", "${a:-b}\\\n".repeat(100_000)),
        format!(
            "COPY {} /x\n{}",
            "<<A \\\n".repeat(50_000),
            "A\n".repeat(50_000)
        ),
        format!("CMD [{}", "[\\\n".repeat(100_000)),
    ];
    for text in cases {
        let source = Source::new("Dockerfile", format!("FROM a\n{text}"));
        let _ = instruction::read(&syntax::parse(&source).file);
    }
}
