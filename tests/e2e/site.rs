//! A site on a loopback port, which the daemon can fetch from: files, some of them with a time, and a repository.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::craft::Craft;

/// When what lies below `dated/` was changed, as the site says it: 1234567890 seconds after 1970.
const MODIFIED: &str = "Fri, 13 Feb 2009 23:31:30 GMT";

/// When the newest file of the archives was changed.
const NEWEST: &str = "@1111111111";

/// When the commit on the branch `main` was made, and the one on `later`.
const COMMITTED: [&str; 2] = ["1333333333 +0200", "1444444444 -0700"];

/// Files that can be fetched for as long as the test runs.
pub(super) struct Site {
    root: TempDir,
    address: String,
}

/// What a request for a locked site has to bring, in one of its forms.
type Key = Option<[String; 2]>;

impl Site {
    /// A site with the files of a context: as they are, in archives, and in the repository `repo.git`, whose branch `later` has one
    /// file more. What lies below `dated/` has a time, what lies below `undated/` has none.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        Self::serve(files, None)
    }

    /// The same, for who brings a token: by itself, or as git sends it.
    pub(super) fn locked(files: &[(&str, &str)], token: &str) -> Self {
        let as_password = BASE64_STANDARD.encode(format!("x-access-token:{token}"));
        Self::serve(files, Some([token.to_owned(), as_password]))
    }

    fn serve(files: &[(&str, &str)], key: Key) -> Self {
        let root = TempDir::new().expect("a temporary folder");
        let folder = root.path().join("files");
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, text).expect("a file of a test");
            run(Command::new("touch").args(["-d", NEWEST]).arg(path));
        }
        for part in ["dated", "undated"] {
            let part = root.path().join(part);
            fs::create_dir(&part).expect("a folder");
            for (name, how) in [("context.tar", "-cf"), ("context.tar.gz", "-czf")] {
                let mut tar = Command::new("tar");
                tar.arg("--format=ustar").arg(how).arg(part.join(name));
                run(tar.args(["-C", utf8(&folder), "."]));
            }
            for (name, text) in files {
                let copy = part.join(Path::new(name).file_name().expect("a name"));
                fs::write(copy, text).expect("a file of a test");
            }
        }
        repository(&folder, &root.path().join("repo.git"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let served = root.path().to_owned();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (served, key) = (served.clone(), key.clone());
                thread::spawn(move || answer(stream, &served, &key));
            }
        });
        Self {
            root,
            address: format!("http://{address}"),
        }
    }

    /// An index of Python's with one distribution, below `simple/`: the module `NAME`, which has a `VALUE`.
    pub(super) fn with_distribution(self, name: &str) -> Self {
        let module = format!("{name}/__init__.py");
        self.with_wheels(&[Craft::new(name).file(&module, "VALUE = 1\n")])
    }

    /// An index of wheels, below `simple/`.
    pub(super) fn with_wheels(self, wheels: &[Craft]) -> Self {
        for wheel in wheels {
            self.list(wheel, &sum_of(wheel), "");
        }
        self
    }

    /// The same, with the metadata of a wheel beside it, so that nobody opens it but who installs it; and perhaps with another sum.
    pub(super) fn offer(&self, wheel: &Craft, sum: Option<&str>) {
        let sum = sum.map_or_else(|| sum_of(wheel), str::to_owned);
        let file = self.list(wheel, &sum, " data-dist-info-metadata=\"true\"");
        fs::write(format!("{}.metadata", utf8(&file)), metadata_of(wheel)).expect("metadata");
    }

    /// Asked for a distribution, the index knows none from now on. Its wheels can be fetched as before.
    pub(super) fn forget(&self, name: &str) {
        let page = self
            .root
            .path()
            .join("simple")
            .join(name)
            .join("index.html");
        fs::remove_file(page).expect("a page of the index");
    }

    fn list(&self, wheel: &Craft, sum: &str, more: &str) -> PathBuf {
        let file = &wheel.file;
        let name = file.split('-').next().unwrap_or_default();
        let name = name.to_ascii_lowercase().replace(['_', '.'], "-");
        let folder = self.root.path().join("simple").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let page = folder.join("index.html");
        let listed = fs::read_to_string(&page).unwrap_or("<!DOCTYPE html>\n".to_owned());
        let link = format!("<a href=\"{file}#sha256={sum}\"{more}>{file}</a>\n");
        fs::write(page, listed + &link).expect("a page");
        let path = folder.join(file);
        fs::write(&path, wheel.bytes()).expect("a wheel");
        path
    }

    /// Where a file is fetched from.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }

    /// A file, to be read.
    pub(super) fn file(&self, path: &str) -> Stdio {
        fs::File::open(self.root.path().join(path))
            .expect("a file of the site")
            .into()
    }
}

/// A repository that any server of files can serve.
fn repository(folder: &Path, bare: &Path) {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .args(["-c", "user.name=n", "-c", "user.email=n@example.com"]);
        git.args(arguments);
        git
    };
    run(&mut git(&["init", "--quiet", "--initial-branch", "main"]));
    for (branch, date) in ["main", "later"].into_iter().zip(COMMITTED) {
        if branch != "main" {
            fs::write(folder.join(branch), branch).expect("a file of a test");
            run(&mut git(&["checkout", "--quiet", "-b", branch]));
        }
        run(&mut git(&["add", "--all"]));
        let mut commit = git(&["commit", "--quiet", "--message", branch]);
        run(commit
            .env("GIT_COMMITTER_DATE", date)
            .env("GIT_AUTHOR_DATE", "1000000001 +0000"));
    }
    run(&mut git(&["checkout", "--quiet", "main"]));
    run(&mut git(&["clone", "--quiet", "--bare", ".", utf8(bare)]));
    run(&mut git(&["--git-dir", utf8(bare), "update-server-info"]));
}

/// One request, answered with a file or with 404, or with 401 or 403 where a key is asked for.
fn answer(mut stream: TcpStream, root: &Path, key: &Key) {
    let request = request(&stream);
    let Some(first) = request.first() else {
        return;
    };
    let brought = |form: &String| request.iter().any(|line| line.ends_with(form.as_str()));
    if key.as_ref().is_some_and(|key| !key.iter().any(brought)) {
        // Some things nobody may have, whatever he brings.
        let status = match first.contains("/forbidden/") {
            true => "403 Forbidden",
            false => "401 Unauthorized",
        };
        let refusal =
            format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(refusal.as_bytes());
        return;
    }
    let mut words = first.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let read = match path.split('/').any(|part| part == "..") {
        true => None,
        false => {
            let path = root.join(path.trim_start_matches('/'));
            let page = path.join("index.html");
            fs::read(&path).or_else(|_| fs::read(page)).ok()
        }
    };
    let is_page = read
        .as_ref()
        .is_some_and(|body| body.starts_with(b"<!DOCTYPE html>"));
    let (status, body) = match read {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    let mut head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    if is_page {
        head += "Content-Type: text/html\r\n";
    }
    if path.starts_with("/dated/") {
        head += &format!("Last-Modified: {MODIFIED}\r\n");
    }
    let body = if method == Some("HEAD") {
        &[]
    } else {
        body.as_slice()
    };
    // Who does not listen any more has what he wanted.
    let _ = stream.write_all(&[head.as_bytes(), b"\r\n", body].concat());
}

/// The SHA-256 of a wheel, in digits.
fn sum_of(wheel: &Craft) -> String {
    let sum = Sha256::digest(wheel.bytes());
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What METADATA says in a wheel.
fn metadata_of(wheel: &Craft) -> &[u8] {
    let is_metadata = |name: &[u8]| name.ends_with(b".dist-info/METADATA");
    let found = wheel.items.iter().find(|item| is_metadata(&item.name));
    &found.expect("METADATA").bytes
}

/// The lines of a request.
fn request(stream: &TcpStream) -> Vec<String> {
    BufReader::new(stream)
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect()
}

fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).status().expect("a tool");
    assert!(status.success(), "{command:?}");
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
