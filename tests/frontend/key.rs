//! `fal.key`: what changes it, and what does not; and that plain files give the same.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::Command,
    time::{Duration, SystemTime},
};

use fal_frontend::{
    cli::offline::{self, World},
    fal::{key, pins},
    gateway::SolveResult,
    golang::ignore,
    llb,
    reference::platform,
    source::Source,
};
use fal_helper::{
    context::{self, LISTING_FILE, Listing},
    install::UV,
    report::LOOK_FILE,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{ask_of, daemon::Daemon};

const DOCKERFILE: &str = "ARG TAG=latest
FROM busybox:$TAG AS base
ARG VERSION=1
ARG TARGETARCH
ARG https_proxy
COPY app /app
RUN --mount=type=bind,source=build.sh,target=/b --mount=type=secret,id=token sh /b
FROM base AS app
COPY *.txt /
ADD https://example.test/file /
FROM unused AS other
COPY other /
FROM base AS last
";

const NOTHING_LACKS: &str =
    r#"{"version":1,"step":"look","mode":"server","curl":{"path":"/usr/bin/curl"}}"#;

const QUESTION: (&str, &str) = ("requestid", "frontend.fal.key");

const DOWNLOAD: &str = "https://example.test/file";

const CURL: &str = "docker.io/library/rich:latest";

/// A client.
struct Client {
    folder: TempDir,
    options: BTreeMap<String, String>,
    checksum: &'static str,
    mode: &'static str,
}

impl Client {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut client = Self {
            folder,
            options: BTreeMap::new(),
            checksum: "sha256:1",
            mode: "server",
        };
        client.write("Dockerfile", DOCKERFILE);
        client.write(".dockerignore", "**/*.log\n");
        for (name, text) in [
            ("app/main.py", "1"),
            ("app/lib/a.py", "2"),
            ("app/noise.log", "3"),
            ("build.sh", "4"),
            ("a.txt", "5"),
            ("other/x", "6"),
        ] {
            client.write(name, text);
        }
        symlink("main.py", client.path("app/link")).unwrap();
        client.set("target", "app");
        client
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    }

    fn set(&mut self, key: &str, value: &str) {
        self.options.insert(key.to_owned(), value.to_owned());
    }

    fn listing(&self) -> Listing {
        let sent = &mut |path: &[u8], _: bool| !path.ends_with(b".log");
        context::list(self.folder.path(), sent).unwrap().unwrap()
    }

    fn daemon(&self) -> Daemon {
        let locals = ["context", "dockerfile"];
        let locals = locals.map(|name| (name.to_owned(), self.folder.path().to_owned()));
        let mut daemon = Daemon::new(locals.into());
        daemon.files = BTreeMap::from([
            (LOOK_FILE, NOTHING_LACKS.into()),
            (LISTING_FILE, context::encode(Some(&self.listing())).into()),
        ]);
        daemon.checksums.insert(DOWNLOAD, self.checksum);
        daemon
    }

    fn options(&self, more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut options = self.options.clone();
        let given = [("cmdline", "example/ours"), ("source", "example/ours")];
        for (key, value) in given.iter().chain(more) {
            options.insert((*key).to_owned(), (*value).to_owned());
        }
        options
    }

    /// Asks the frontend, with these options more.
    fn ask(&self, more: &[(&str, &str)]) -> SolveResult {
        let answer = ask_of(self.daemon(), self.mode, self.options(more));
        answer.result.expect("a result")
    }

    /// The key as the build has it: as metadata, as a label and as an annotation; and as the subrequest tells it.
    fn key(&self) -> String {
        let built = self.ask(&[]);
        let text = |name: &str| String::from_utf8(built.metadata[name].to_vec()).unwrap();
        let key = text("frontend.fal.key");
        let config: Value =
            serde_json::from_slice(&built.metadata["containerimage.config"]).unwrap();
        assert_eq!(config["config"]["Labels"][key::LABEL], key);
        assert_eq!(text("annotation.ai.fal.key"), key);
        let told = self.ask(&[QUESTION]);
        assert_eq!(told.metadata["result.txt"], format!("{key}\n"));
        let json: Value = serde_json::from_slice(&told.metadata["result.json"]).unwrap();
        assert_eq!(json["keys"][0]["key"], key);
        key
    }

    /// The same from plain files, told the base and the download.
    fn plain(&self) -> String {
        let ignored = fs::read(self.path(".dockerignore")).unwrap();
        let mut world = World::plain(&ignore::read_all(&ignored).unwrap());
        let image = fs::read("tests/frontend/images/plain.json").unwrap();
        let name = "docker.io/library/busybox:latest".to_owned();
        world.digests.insert(name, llb::digest(&image));
        let image = fs::read("tests/frontend/images/rich.json").unwrap();
        world.digests.insert(CURL.to_owned(), llb::digest(&image));
        world.options = vec![("mode", self.mode.to_owned())];
        let option = |name: &str| self.options.get(name).map(String::as_str);
        world.platform = option("platform").map(|it| platform::parse(it).unwrap());
        let of = |prefix: &str| -> BTreeMap<String, String> {
            let named = self.options.iter();
            let named = named.filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value)));
            named
                .map(|(key, value)| (key.to_owned(), value.clone()))
                .collect()
        };
        let source = Source::new("Dockerfile", fs::read(self.path("Dockerfile")).unwrap());
        let (args, labels) = (of("build-arg:"), of("label:"));
        let question = offline::key_in(&world, &source, option("target"), &args, &labels, |_| {
            Ok(Vec::new())
        });
        let question = question.expect("a plan");
        let remotes = question.remotes.iter().map(|_| self.checksum.to_owned());
        let remotes: Vec<String> = remotes.collect();
        let key = question.answer(&[self.listing()], &remotes);
        key.expect("few files").digest()
    }
}

type Change = fn(&mut Client);

const CHANGES: &[(&str, Change)] = &[
    ("a comment", |it| {
        it.write("Dockerfile", &format!("# comment\n{DOCKERFILE}"))
    }),
    ("an argument", |it| it.set("build-arg:VERSION", "2")),
    ("another target", |it| it.set("target", "last")),
    ("a platform", |it| it.set("platform", "linux/arm64")),
    ("a salt", |it| it.set("build-arg:FAL_KEY_SALT", "x")),
    ("another salt", |it| it.set("build-arg:FAL_KEY_SALT", "y")),
    ("a fal option", |it| it.set("build-arg:FAL_CURL", "verify")),
    ("another mode", |it| it.set("build-arg:FAL_MODE", "app")),
    ("a label", |it| it.set("label:a", "b")),
    ("another label", |it| it.set("label:a", "c")),
    ("a date", |it| it.set("build-arg:SOURCE_DATE_EPOCH", "1")),
    ("a download", |it| it.checksum = "sha256:2"),
    ("a file", |it| it.write("app/main.py", "2")),
    ("a file below", |it| it.write("app/lib/a.py", "3")),
    ("a new file", |it| it.write("app/new", "")),
    ("a file of a mount", |it| it.write("build.sh", "5")),
    ("a file of a pattern", |it| it.write("b.txt", "5")),
    ("a file's name", |it| {
        fs::rename(it.path("app/main.py"), it.path("app/m.py")).unwrap()
    }),
    ("a file's mode", |it| {
        fs::set_permissions(it.path("app/main.py"), Permissions::from_mode(0o755)).unwrap();
    }),
    ("a directory's mode", |it| {
        fs::set_permissions(it.path("app/lib"), Permissions::from_mode(0o700)).unwrap();
    }),
    ("an empty directory", |it| {
        fs::create_dir(it.path("app/empty")).unwrap()
    }),
    ("a link", |it| {
        fs::remove_file(it.path("app/link")).unwrap();
        symlink("lib/a.py", it.path("app/link")).unwrap();
    }),
    ("a file in the place of a link", |it| {
        fs::remove_file(it.path("app/link")).unwrap();
        it.write("app/link", "1");
    }),
];

const NO_CHANGES: &[(&str, Change)] = &[
    ("nothing", |_| {}),
    ("a default that is given", |it| {
        it.set("build-arg:VERSION", "1")
    }),
    ("a default before FROM that is given", |it| {
        it.set("build-arg:TAG", "latest")
    }),
    ("an argument that nobody declares", |it| {
        it.set("build-arg:OTHER", "1")
    }),
    ("a proxy", |it| {
        it.set("build-arg:HTTP_PROXY", "http://proxy")
    }),
    ("a proxy that is declared", |it| {
        it.set("build-arg:https_proxy", "http://proxy")
    }),
    ("the platform that is built for anyway", |it| {
        it.set("platform", "linux/amd64")
    }),
    ("no cache", |it| it.set("no-cache", "")),
    ("an option's default that is given", |it| {
        it.set("build-arg:FAL_CURL", "auto")
    }),
    ("an empty salt", |it| it.set("build-arg:FAL_KEY_SALT", "")),
    ("a file that is ignored", |it| {
        it.write("app/noise.log", "4")
    }),
    ("a file of another stage", |it| it.write("other/x", "7")),
    ("a file that nobody reads", |it| it.write("README.md", "7")),
    ("a file that nobody reads, below", |it| {
        it.write("more/a.txt", "7")
    }),
    ("a time", |it| {
        let file = File::options()
            .append(true)
            .open(it.path("app/main.py"))
            .unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        file.set_modified(time).unwrap();
    }),
];

/// Promise: the key changes when one of its parts does, and only then; and plain files give the same key as a daemon.
#[test]
fn each_part_changes_the_key_and_nothing_else_does() {
    let mut keys = BTreeMap::from([(Client::new().key(), "nothing")]);
    let first = Client::new().key();
    for (what, change) in CHANGES {
        let mut client = Client::new();
        change(&mut client);
        let key = client.key();
        assert_eq!(client.plain(), key, "{what}");
        assert_eq!(keys.insert(key, what), None, "{what}");
    }
    for (what, change) in NO_CHANGES {
        let mut client = Client::new();
        change(&mut client);
        assert_eq!(client.key(), first, "{what}");
        assert_eq!(client.plain(), first, "{what}");
    }
}

/// Promise: the digest of a base is a part, whatever stands in its place, and so is which of them is which.
#[test]
fn another_base_is_another_key() {
    let with = |contexts: &[(&str, &str)]| {
        let mut client = Client::new();
        client.write("Dockerfile", "FROM one\nCOPY --from=two / /\n");
        client.options.clear();
        for (name, value) in contexts {
            client.set(&format!("context:{name}"), value);
        }
        client.key()
    };
    let rich = "docker-image://rich";
    let plain = with(&[]);
    assert_eq!(with(&[("one", "docker-image://plain")]), plain);
    let (one, two) = (with(&[("one", rich)]), with(&[("two", rich)]));
    assert_ne!(one, plain);
    assert_ne!(two, plain);
    assert_ne!(one, two);
}

/// Promise: the image that curl is taken from is a part with its digest, which is asked for once.
#[test]
fn another_image_of_curl_is_another_key() {
    let mut client = Client::new();
    client.set("build-arg:FAL_CURL", "image:rich");
    assert_eq!(client.key(), client.plain());
    let image = fs::read("tests/frontend/images/rich.json").unwrap();
    for more in [&[][..], &[QUESTION]] {
        let answer = ask_of(client.daemon(), client.mode, client.options(more));
        let asked = answer.seen.resolved.iter();
        let asked = asked.filter(|it| it.source.identifier.ends_with(CURL));
        assert_eq!(asked.count(), 1);
        let metadata = answer.result.expect("a result").metadata;
        if let Some(json) = metadata.get("result.json") {
            let json: Value = serde_json::from_slice(json).unwrap();
            let parts = json["keys"][0]["parts"].as_array().unwrap();
            let expected = serde_json::json!(["curl", CURL, llb::digest(&image)]);
            assert!(parts.contains(&expected), "{json}");
        }
    }
}

/// Promise: the folder that requirements begin in is a part, a folder is another requirement than a package of its name, and a lock counts
/// by what is in it.
#[test]
fn other_requirements_are_another_key() {
    let client = || {
        let mut client = Client::new();
        client.mode = "app";
        client.options.clear();
        client
    };
    let begun_in = |folder: &str| {
        let mut client = client();
        let text = format!(
            "[tool.fal.apps.my-app]\nref = \"app.py::App\"\npython_version = \"3.11\"\n\
             requirements_context_dir = \"{folder}\"\nrequirements = [\"six\"]\n"
        );
        client.write("pyproject.toml", &text);
        client.set("filename", "pyproject.toml");
        client.key()
    };
    assert_ne!(begun_in("app"), begun_in("other"));
    let asked_for = |requirements: &str| {
        let mut client = client();
        client.write("Dockerfile", "FROM busybox\nCOPY . /\n");
        client.set("build-arg:FAL_REQUIREMENTS", requirements);
        client.key()
    };
    assert_ne!(asked_for("app"), asked_for("./app"));
    let given = |hash: &str| {
        let mut client = client();
        client.write("Dockerfile", "FROM busybox\n");
        let lock = include_str!("../requirements/given/pylock.toml");
        client.write("pylock.toml", &lock.replace("cccc", hash));
        client.set("build-arg:FAL_REQUIREMENTS", "pylock.toml");
        client.key()
    };
    assert_eq!(given("cccc"), given("cccc"));
    assert_ne!(given("cccc"), given("dddd"));
}

/// Promise: what the release brings is a part where it counts: ranges and pins with `mode=app`, its uv where requirements are installed by uv.
#[test]
fn what_a_release_brings_is_a_part() {
    let brought = |mode: &'static str, more: &[(&str, &str)]| {
        let client = Client {
            mode,
            ..Client::new()
        };
        let metadata = client.ask(&[&[QUESTION][..], more].concat()).metadata;
        let json: Value = serde_json::from_slice(&metadata["result.json"]).unwrap();
        let parts = json["keys"][0]["parts"].as_array().unwrap().iter();
        let text = |part: &Value| {
            let fields = part.as_array().unwrap().iter();
            let fields: Vec<&str> = fields.map(|field| field.as_str().unwrap()).collect();
            fields.join(" ")
        };
        let brought = parts.filter(|part| part[0] == "package" || part[0] == "uv");
        brought.map(text).collect::<Vec<_>>()
    };
    let uv = format!("uv {UV}");
    let requirements = ("fal.requirements", "six==1.17.0");
    assert_eq!(brought("server", &[]), [""; 0]);
    assert_eq!(brought("server", &[requirements]), [&*uv]);
    assert_eq!(
        brought("server", &[requirements, ("fal.resolver", "pip")]),
        [""; 0]
    );
    let ranges = pins::ACCEPTED.iter();
    let ranges = ranges.map(|it| format!("package {} {}", it.package, it.versions));
    let found = brought("app", &[]);
    assert_eq!(found.len(), pins::ACCEPTED.len());
    assert!(
        ranges.clone().all(|range| found.contains(&range)),
        "{found:?}"
    );
    assert!(
        brought("app", &[("fal.runtime", "sdk==1.2.3")]).contains(&"package fal ==1.2.3".into())
    );
    let pinned = [("fal.runtime", "pins"), ("fal.pins", "boto3==1.0")];
    let pinned = brought("app", &pinned);
    assert!(pinned.contains(&"package boto3 ==1.0".into()), "{pinned:?}");
    assert_eq!(pinned.len(), pins::DOCUMENTED.len());
    assert_eq!(brought("app", &[("fal.runtime", "none")]), [""; 0]);
}

/// Promise: platforms that read the same context have it listed once.
#[test]
fn a_context_is_listed_once_for_all_platforms() {
    for more in [&[][..], &[QUESTION]] {
        let mut client = Client::new();
        client.set("platform", "linux/amd64,linux/arm64");
        let answer = ask_of(client.daemon(), client.mode, client.options(more));
        answer.result.expect("a result");
        let solved = answer.seen.solved.values();
        let listed = solved.filter(|it| llb::print(it).contains("/.fal-helper list"));
        assert_eq!(listed.count(), 1);
    }
}

/// Promise: contexts are listed at the same time, but for those of one repository.
#[test]
fn contexts_are_listed_together() {
    let waits = |contexts: [&str; 2]| {
        let mut client = Client::new();
        client.options.clear();
        client.write(
            "Dockerfile",
            "FROM busybox\nCOPY --from=a / /a\nCOPY --from=b / /b\nCOPY app /app\n",
        );
        for (name, context) in ["context:a", "context:b"].into_iter().zip(contexts) {
            client.set(name, &format!("https://example.test/{context}"));
        }
        let answer = ask_of(client.daemon(), "app", client.options(&[QUESTION]));
        answer.result.expect("a result");
        answer.waits
    };
    let together = waits(["one.git#main:x", "other.git#main:x"]);
    assert_eq!(waits(["one.git#main:x", "one.git#next:x"]), together);
    // One more solve, and what is read of it.
    assert_eq!(waits(["one.git#main:x", "one.git#main:y"]), together + 2);
}

/// Promise: an answer knows all that plain files do not tell: bases, the image of curl, commits of what is added and of requirements.
#[test]
fn plain_files_and_an_answer_give_the_key() {
    let client = Client::new();
    let text = "# fal: mode=app curl=image:rich requirements=\"git+https://example.test/a@main -r more.txt\"\n\
                FROM busybox\nADD https://example.test/r.git#main /r\nCOPY app /app\n";
    client.write("Dockerfile", text);
    client.write("more.txt", "lib @ git+https://example.test/lib\n");
    let options = [
        ("cmdline", "example/ours"),
        ("source", "example/ours"),
        QUESTION,
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let answer = ask_of(client.daemon(), "app", options.into());
    let answer = answer.result.expect("a result").metadata["result.json"].clone();
    let json: Value = serde_json::from_slice(&answer).unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("answer.json");
    fs::write(&file, &answer).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fal-image"))
        .args(["key", "--json", "--platform"])
        .arg(json["keys"][0]["platform"].as_str().unwrap())
        .arg("--from")
        .args([file, client.path("Dockerfile")])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&answer),
        "{log}"
    );
}

/// Promise: where nothing is fal's, nothing is named, and the question is not known.
#[test]
fn without_fal_there_is_no_key() {
    let client = Client {
        mode: "off",
        ..Client::new()
    };
    let built = client.ask(&[]);
    assert!(built.metadata.keys().all(|key| !key.contains("fal")));
    assert!(!String::from_utf8_lossy(&built.metadata["containerimage.config"]).contains("fal"));
    let question = ask_of(client.daemon(), "off", client.options(&[QUESTION]));
    let refused = question.result.expect_err("a refusal").to_string();
    assert!(refused.contains("frontend.fal.key"), "{refused}");
}

/// Promise: a build whose key cannot be known is built, and says why it has none.
#[test]
fn what_cannot_be_named_is_built_all_the_same() {
    let client = Client::new();
    let locals = ["context", "dockerfile"];
    let locals = locals.map(|name| (name.to_owned(), client.folder.path().to_owned()));
    let mut daemon = Daemon::new(locals.into());
    daemon.files = BTreeMap::from([
        (LOOK_FILE, NOTHING_LACKS.into()),
        (
            LISTING_FILE,
            context::encode(Some(&client.listing())).into(),
        ),
    ]);
    let mut options = client.options.clone();
    for key in ["cmdline", "source"] {
        options.insert(key.to_owned(), "example/ours".to_owned());
    }
    let answer = ask_of(daemon, "server", options);
    let metadata = answer.result.expect("a result").metadata;
    assert!(!metadata.contains_key("frontend.fal.key"));
    let said: Vec<_> = answer
        .seen
        .warnings
        .iter()
        .map(|it| it.short.clone())
        .collect();
    let said = String::from_utf8_lossy(&said.concat()).into_owned();
    let expected = format!(
        "the image gets no label ai.fal.key: this daemon does not say what {DOWNLOAD} is now"
    );
    assert!(said.contains(&expected), "{said}");
}

/// Promise: what a repository is at is asked before anything is fetched, and once, whoever asks: for each platform, each folder of it, and
/// each requirement. One that cannot be found out ends the build at its ADD, and is not asked for again.
#[test]
fn a_repository_is_asked_for_once_and_first() {
    let file = |host: &str, requirements: &str| {
        format!(
            "{requirements}FROM busybox\nADD https://{host}/r.git#main /a\nADD https://{host}/r.git#main:below \\\n /b\n\
             ADD https://{host}/r.git#other /c\n"
        )
    };
    let ask = |text: &str, platform: &str, more: &[(&str, &str)]| {
        let mut client = Client::new();
        client.options.clear();
        client.set("platform", platform);
        client.write("Dockerfile", text);
        let answer = ask_of(client.daemon(), "app", client.options(more));
        let asked = answer.seen.resolved.iter();
        let asked = asked.map(|request| request.source.identifier.replace(":below", ""));
        let asked: Vec<_> = asked.filter(|it| it.starts_with("git://")).collect();
        (answer.result, asked, answer.seen.solved.len())
    };
    let requirement = "# fal: requirements=git+https://example.test/r.git@main\n";
    for more in [&[][..], &[QUESTION]] {
        for (platform, requirement) in [
            ("linux/amd64", requirement),
            ("linux/amd64,linux/arm64", ""),
        ] {
            let (result, mut asked, _) = ask(&file("example.test", requirement), platform, more);
            result.expect("a result");
            asked.sort();
            let expected = ["main", "other"].map(|it| format!("git://example.test/r.git#{it}"));
            assert_eq!(asked, expected);
        }
        let both = "linux/amd64,linux/arm64";
        let (result, asked, solved) = ask(&file("host.invalid", ""), both, more);
        let error = result.expect_err("a refusal");
        assert!(
            error
                .message
                .starts_with("finding out which commit git://host.invalid/r.git"),
            "{}",
            error.message
        );
        assert!(error.is_located());
        assert_eq!((asked.len(), solved), (1, 0));
    }
}

/// Promise: an answer can be shown to anybody: of what is given to a build, and of who asks for a download, it tells nothing.
#[test]
fn an_answer_shows_no_values() {
    const URL: &str = "https://me:canary@example.test/file?token=canary#part";
    let mut client = Client::new();
    client.options.clear();
    client.set("build-arg:INDEX", "https://canary@example.test/simple");
    client.set("label:secret", "canary");
    client.write(
        "Dockerfile",
        &format!("FROM busybox\nARG INDEX\nADD {URL} /\n"),
    );
    let answer = |option: (&str, &str)| {
        let mut daemon = client.daemon();
        daemon.checksums.insert(URL, "sha256:1");
        let answer = ask_of(daemon, "app", client.options(&[QUESTION, option]));
        let result = answer.result.expect("a result");
        String::from_utf8(result.metadata["result.json"].to_vec()).unwrap()
    };
    let json = answer(("label:a", "b"));
    assert!(!json.contains("canary"), "{json}");
    assert!(json.contains("https://example.test/file#part"), "{json}");
    assert_ne!(answer(("label:a", "c")), json);
}
