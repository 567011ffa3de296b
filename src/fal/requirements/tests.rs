//! Lists of requirements, and what is made of them.

use std::fmt::Write;

use super::*;

/// What is made of arguments and of the files that they name, as lines.
fn plan(folder: &str, arguments: Vec<String>, files: &[(&str, &str)]) -> String {
    let asked = Asked {
        arguments,
        folder: folder.to_owned(),
        place: Place::Nowhere,
    };
    let refused = |mistake: Mistake| {
        let hidden = if mistake.is_secret {
            " (not shown)"
        } else {
            ""
        };
        format!("refused{hidden}: {}\n", mistake.diagnostic.message)
    };
    let mut layer = match asked.read() {
        Ok(layer) => layer,
        Err(mistake) => return refused(mistake),
    };
    let mut pending: Vec<String> = layer.files.iter().cloned().collect();
    while let Some(name) = pending.pop() {
        let Some((_, text)) = files.iter().find(|(file, _)| *file == name) else {
            continue;
        };
        match layer.take(&name, text) {
            Ok(named) => pending.extend(named),
            Err(mistake) => return refused(mistake),
        }
    }
    let repositories = layer.repositories.iter().cloned();
    layer.pin(repositories.map(|it| (it, "C0FFEE".to_owned())).collect());
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string");
    line(layer.arguments.join(" | "));
    for (name, values) in [
        ("file", &layer.files),
        ("path", &layer.paths),
        ("secret", &layer.secrets),
    ] {
        values
            .iter()
            .for_each(|value| line(format!("{name} {value}")));
    }
    for (written, commit) in &layer.commits {
        line(format!("commit {written} {commit}"));
    }
    if layer.builds {
        line("builds".to_owned());
    }
    if let Some(lock) = &layer.given {
        line(format!("given {}", lock.packages.len()));
    }
    text
}

/// Promise: what is written on one line or as a list becomes what installers take, with all that it needs.
#[test]
fn requirements_become_arguments_and_what_they_need() {
    let files = [
        (
            "requirements.txt",
            "# a comment\n--index-url https://me:${TOKEN}@h/simple\nnumpy==2.0 \\\n    --hash=sha256:00 # why\n-r more/a.txt\n-c c.txt\n\
             ./pkg[x]\nlib @ git+https://h/lib@main\n-f wheels\n${PROJECT_ROOT}/x ${lower}\n",
        ),
        ("more/a.txt", "--requirement=b.txt\n-r https://h/x.txt\n"),
        ("more/b.txt", "-r ../requirements.txt\nsix\n"),
        ("editable.txt", "six\n\n-e ./pkg\n"),
        ("open.txt", "six\n--extra-index-url \\\n https://word@h\n"),
        ("out.txt", "-r ../../x\n"),
    ];
    for (value, want) in [
        (
            "torch==2.6 numpy; python_version<'3.12'",
            "torch==2.6 | numpy; python_version<'3.12'\n",
        ),
        (
            "requirements.txt",
            "-r | /.fal-context/requirements.txt\nfile c.txt\nfile more/a.txt\nfile more/b.txt\nfile requirements.txt\n\
             path pkg\npath wheels\nsecret TOKEN\ncommit git+https://h/lib@main C0FFEE\nbuilds\n",
        ),
        (
            "--extra-index-url https://${A}:${B}@h/simple a",
            "--extra-index-url | https://${A}:${B}@h/simple | a\nsecret A\nsecret B\n",
        ),
        (
            "--find-links=wheels --pre a",
            "--find-links | /.fal-context/wheels | --pre | a\npath wheels\n",
        ),
        ("-fhttps://h/x a", "-f | https://h/x | a\n"),
        (
            "a -c c.txt --no-binary :all:",
            "a | -c | /.fal-context/c.txt | --no-binary | :all:\nfile c.txt\n",
        ),
        (".[extra]", "/.fal-context[extra]\npath .\nbuilds\n"),
        (
            "./w/a-1-py3-none-any.whl",
            "/.fal-context/w/a-1-py3-none-any.whl\npath w/a-1-py3-none-any.whl\n",
        ),
        ("a @ ./a", "a @ file:///.fal-context/a\npath a\nbuilds\n"),
        ("/app", "/app\n"),
        ("--compile-bytecode a", "--compile-bytecode | a\n"),
        (
            "a @ git+https://${T}@h/a@main#egg=a b",
            "a @ git+https://${T}@h/a@C0FFEE#egg=a | b\nsecret T\n",
        ),
        ("git+https://h/a", "git+https://h/a@C0FFEE\n"),
        (
            "../a",
            "refused: a requirement is outside of the folder that the client sends: ../a\n",
        ),
        (
            "out.txt",
            "refused: out.txt:1: a requirement is outside of the folder that the client sends: ../../x\n",
        ),
        (
            "-e .",
            "refused: an editable requirement would point to files that are not in the image: write the path alone, without -e\n",
        ),
        (
            "editable.txt",
            "refused: editable.txt:3: an editable requirement would point to files that are not in the image: write the path alone, \
             without -e\n",
        ),
        (
            "--target=/x a",
            "refused: requirements do not take --target: they are installed for the Python that fal runs\n",
        ),
        (
            "-t/x a",
            "refused: requirements do not take -t: they are installed for the Python that fal runs\n",
        ),
        (
            "a -p3.12",
            "refused: requirements do not take -p: they are installed for the Python that fal runs\n",
        ),
        (
            "--targ=/x a",
            "refused: requirements do not take --targ: they are installed for the Python that fal runs\n",
        ),
        (
            "-Ut /x a",
            "refused: requirements take short flags one by one: write each of -Ut as a word of its own\n",
        ),
        (
            "-e.",
            "refused: an editable requirement would point to files that are not in the image: write the path alone, without -e\n",
        ),
        (
            "-rr.txt -U -vv",
            "-r | /.fal-context/r.txt | -U | -vv\nfile r.txt\n",
        ),
        ("-Ptorch --pre a", "-P | torch | --pre | a\n"),
        ("a -r", "refused: -r among the requirements has no value\n"),
        (
            "git+ssh://git@h/a",
            "refused: requirements are not fetched over SSH: write git+https://${NAME}@HOST/… and give the secret NAME\n",
        ),
        (
            "a @ https://word@h/a.whl",
            "refused (not shown): a requirement has a credential written out, which history and provenance would show: write \
             ${NAME} in its place, and give the secret NAME\n",
        ),
        (
            "--proxy me:word@h a",
            "refused (not shown): a requirement has a credential written out, which history and provenance would show: write \
             ${NAME} in its place, and give the secret NAME\n",
        ),
        (
            "open.txt",
            "refused (not shown): open.txt:2: a requirement has a credential written out, which history and provenance would \
             show: write ${NAME} in its place, and give the secret NAME\n",
        ),
    ] {
        assert_eq!(
            plan("", arguments::of_option(value), &files),
            want,
            "{value}"
        );
    }
}

/// Promise: no file is left out without a word, wherever it is named.
#[test]
fn more_files_than_are_read_are_refused() {
    let chain: Vec<(String, String)> = (0..=MOST_FILES)
        .map(|n| (format!("{n}.txt"), format!("-r {}.txt\n", n + 1)))
        .collect();
    let chain: Vec<_> = chain
        .iter()
        .map(|(name, text)| (&**name, &**text))
        .collect();
    let sentence = "refused: a layer of requirements takes more than 200 requirements files, with those that they name\n";
    assert_eq!(plan("", arguments::of_option("0.txt"), &chain), sentence);
    let at = |first: usize| format!("-r {first}.txt");
    assert!(plan("", arguments::of_option(&at(2)), &chain).contains("file 200.txt\n"));
    let all: Vec<String> = (0..=MOST_FILES).map(at).collect();
    assert_eq!(
        plan("", arguments::of_option(&all.join(" ")), &[]),
        sentence
    );
}

/// Promise: where a step has the context shows nowhere, and a folder does not look like a package.
#[test]
fn words_are_as_they_are_written() {
    let asked = Asked {
        arguments: arguments::of_option("-c c.txt lib ./lib[x] . .[x] a @ ./a"),
        folder: String::new(),
        place: Place::Nowhere,
    };
    let layer = asked.read().expect("a layer");
    assert_eq!(
        layer.shown(),
        "-c ./c.txt lib ./lib[x] . .[x] a @ file://./a"
    );
}

/// Promise: an item of a list is one requirement, or a flag with its value.
#[test]
fn items_of_a_list_begin_in_their_folder() {
    let items = [
        "numpy ; python_version < '3.12'",
        "--extra-index-url https://h",
        "-r",
        "r.txt",
        " ",
        "../b",
    ];
    let arguments = items
        .iter()
        .flat_map(|item| arguments::of_item(item))
        .collect();
    assert_eq!(
        plan("app", arguments, &[]),
        "numpy ; python_version < '3.12' | --extra-index-url | https://h | -r | /.fal-context/app/r.txt | /.fal-context/b\n\
         file app/r.txt\npath b\nbuilds\n"
    );
}

/// Promise: a lock file brings what is needed to install from it, and the lock of an earlier build is known for one.
#[test]
fn lock_files_name_what_they_need() {
    let given = include_str!("../../../tests/requirements/given/pylock.toml");
    let broken = given.replace("version = 1\n", "version = 2\n");
    let others = "[[packages]]\nname = \"a\"\ndirectory = { path = \"../a\", editable = false }\n\
                  [[packages]]\nname = \"b\"\nwheels = [{ url = \"https://h/b-1-py3-none-any.whl\" }, { path = \"b-1-py3-none-any.whl\" }]\n\
                  [[packages]]\nname = \"c\"\narchive = { path = \"/opt/c.zip\" }\n";
    let uv = "[[package]]\nname = \"app\"\nsource = { editable = \".\" }\ndependencies = [{ name = \"lib\" }, { name = \"six\" }]\n\
              [package.optional-dependencies]\nx = [{ name = \"wheel\" }]\n\
              [package.dev-dependencies]\ndev = [{ name = \"tool\" }]\n\
              [[package]]\nname = \"lib\"\nsource = { directory = \"libs/lib\" }\ndependencies = [{ name = \"app\" }]\n\
              [[package]]\nname = \"other\"\nsource = { editable = \"libs/other\" }\n\
              [[package]]\nname = \"tool\"\nsource = { virtual = \"tool\" }\n\
              [[package]]\nname = \"wheel\"\nsource = { path = \"w-1-py3-none-any.whl\" }\n\
              [[package]]\nname = \"six\"\nsource = { registry = \"https://h/simple\" }\n";
    let files = [
        ("pylock.toml", given),
        ("pylock.broken.toml", &broken),
        ("pylock.no.toml", "packages ="),
        (
            "pylock.open.toml",
            "[[packages]]\nname = \"a\"\nindex = \"https://me:word@h/simple\"\n",
        ),
        ("sub/pylock.others.toml", others),
        ("uv.lock", uv),
        (
            "out/uv.lock",
            "[[package]]\nsource = { virtual = \"../..\" }\n",
        ),
        (
            "pyproject.toml",
            "[project]\ndependencies = [\"./a/b\", \"six\"]\n",
        ),
    ];
    let whole = "-r | /.fal-context/uv.lock";
    let projects = "file libs/lib/pyproject.toml\nfile libs/other/pyproject.toml\nfile pyproject.toml\nfile tool/pyproject.toml\nfile uv.lock\n";
    let needed = "path libs/lib\npath w-1-py3-none-any.whl\nbuilds\n";
    for (value, want) in [
        (
            "pylock.toml",
            "-r | /.fal-context/pylock.toml\nfile pylock.toml\ngiven 3\n",
        ),
        (
            "-r ./pylock.toml",
            "-r | /.fal-context/pylock.toml\nfile pylock.toml\ngiven 3\n",
        ),
        (
            "pylock.toml --no-deps",
            "-r | /.fal-context/pylock.toml | --no-deps\nfile pylock.toml\n",
        ),
        (
            "/opt/pylock.toml --extra gpu",
            "-r | /opt/pylock.toml | --extra | gpu\n",
        ),
        (
            "sub/pylock.others.toml",
            "-r | /.fal-context/sub/pylock.others.toml\nfile sub/pylock.others.toml\npath a\npath sub/b-1-py3-none-any.whl\nbuilds\n",
        ),
        ("uv.lock", &format!("{whole}\n{projects}{needed}")),
        (
            "uv.lock --all-packages",
            &format!(
                "{whole} | --all-packages\n{projects}path libs/lib\npath libs/other\npath w-1-py3-none-any.whl\nbuilds\n"
            ),
        ),
        (
            "pylock.toml six",
            "refused: pylock.toml is all that is installed where it is named: nothing else can be required beside it\n",
        ),
        (
            "-r requirements.txt -r uv.lock",
            "refused: uv.lock is all that is installed where it is named: nothing else can be required beside it\n",
        ),
        (
            "pylock.broken.toml",
            "refused: pylock.broken.toml is no lock that a build gave: its [tool.fal] is of version 2; 1 is known\n",
        ),
        (
            "out/uv.lock",
            "refused: a requirement is outside of the folder that the client sends: ../../pyproject.toml\n",
        ),
        (
            "pylock.open.toml",
            "refused (not shown): pylock.open.toml:3: a requirement has a credential written out, which history and provenance would \
             show: write ${NAME} in its place, and give the secret NAME\n",
        ),
    ] {
        assert_eq!(
            plan("", arguments::of_option(value), &files),
            want,
            "{value}"
        );
    }
    let no_toml = plan("", arguments::of_option("pylock.no.toml"), &files);
    assert!(
        no_toml.starts_with("refused: the lock file pylock.no.toml cannot be read: "),
        "{no_toml}"
    );
    // In a list, too.
    assert_eq!(
        plan("sub", arguments::of_item("../pylock.toml"), &files),
        "-r | /.fal-context/pylock.toml\nfile pylock.toml\ngiven 3\n"
    );
}
