//! A site on a loopback port, which the daemon can fetch from: files, some of them with a time, and a repository.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use tempfile::TempDir;

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
        let folder = self.root.path().join("simple").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let file = format!("{name}-1.0-py3-none-any.whl");
        let page =
            format!("<!DOCTYPE html><html><body><a href=\"{file}\">{file}</a></body></html>");
        fs::write(folder.join("index.html"), page).expect("a page");
        let info = format!("{name}-1.0.dist-info");
        let files = [
            (format!("{name}/__init__.py"), "VALUE = 1\n".to_owned()),
            (
                format!("{info}/METADATA"),
                format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"),
            ),
            (
                format!("{info}/WHEEL"),
                "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                    .to_owned(),
            ),
            (
                format!("{info}/RECORD"),
                format!(
                    "{name}/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
                ),
            ),
        ];
        fs::write(folder.join(file), zipped(&files)).expect("a wheel");
        self
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

/// One request, answered with a file or with 404, or with 401 where a key is asked for.
fn answer(mut stream: TcpStream, root: &Path, key: &Key) {
    let request = request(&stream);
    let Some(first) = request.first() else {
        return;
    };
    let brought = |form: &String| request.iter().any(|line| line.ends_with(form.as_str()));
    if key.as_ref().is_some_and(|key| !key.iter().any(brought)) {
        let refusal = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
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

/// A zip archive of files as they are.
fn zipped(files: &[(String, String)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let size = u32::try_from(text.len())
            .expect("a small file")
            .to_le_bytes();
        let length = u16::try_from(name.len())
            .expect("a short name")
            .to_le_bytes();
        let offset = u32::try_from(archive.len())
            .expect("a small archive")
            .to_le_bytes();
        // Version 2.0, nothing special, stored, and the first moment that there is.
        let time = [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        let sum = checksum(text.as_bytes()).to_le_bytes();
        let common = [&time[..], &sum, &size, &size, &length, &[0, 0]].concat();
        archive.extend([b"PK\x03\x04", &common[..], name.as_bytes(), text.as_bytes()].concat());
        let rest = [&[0; 10][..], &offset].concat();
        directory.extend([b"PK\x01\x02\x14\0", &common[..], &rest, name.as_bytes()].concat());
    }
    let count = u16::try_from(files.len())
        .expect("a few files")
        .to_le_bytes();
    let size = u32::try_from(directory.len()).expect("small").to_le_bytes();
    let offset = u32::try_from(archive.len()).expect("small").to_le_bytes();
    let end = [
        b"PK\x05\x06\0\0\0\0",
        &count[..],
        &count,
        &size,
        &offset,
        &[0, 0],
    ]
    .concat();
    [archive, directory, end].concat()
}

/// CRC-32, as zip archives have it.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| {
        if sum & 1 == 1 {
            (sum >> 1) ^ 0xEDB8_8320
        } else {
            sum >> 1
        }
    };
    !bytes
        .iter()
        .fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
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
