//! The BuildKit of a running Docker, as a socket that buildctl can open.

use std::{
    fs,
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

use anyhow::Result;

/// A socket, each of whose connections is one `docker buildx dial-stdio`.
pub(super) struct Docker {
    folder: PathBuf,
}

impl Docker {
    /// The builder that `docker buildx` would use now, if there is one and it runs.
    pub(super) fn find() -> Result<Option<Self>> {
        let runs = Command::new("docker")
            .args(["buildx", "inspect", "--bootstrap"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !runs {
            return Ok(None);
        }
        let folder = std::env::temp_dir().join(format!("fal-frontend-{}", std::process::id()));
        let docker = Self { folder };
        fs::create_dir_all(&docker.folder)?;
        let listener = UnixListener::bind(docker.socket())?;
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if let Err(error) = forward(connection) {
                    eprintln!("xtask: docker buildx dial-stdio: {error}");
                }
            }
        });
        Ok(Some(docker))
    }

    pub(super) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("buildkit.sock")
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // What could stay behind is a folder among temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Copies both ways between a connection and a `dial-stdio` of its own, in the background.
fn forward(mut connection: UnixStream) -> io::Result<()> {
    let mut child = Command::new("docker")
        .args(["buildx", "dial-stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut reader = connection.try_clone()?;
    if let Some(mut input) = child.stdin.take() {
        thread::spawn(move || pump(&mut reader, &mut input));
    }
    thread::spawn(move || {
        if let Some(mut output) = child.stdout.take() {
            let _ = pump(&mut output, &mut connection);
        }
        // Either end may be gone already; then there is nothing left to end.
        let _ = connection.shutdown(Shutdown::Both);
        let _ = child.wait();
    });
    Ok(())
}

/// Hands on what comes as it comes. `io::copy` would let the kernel move it between socket and
/// pipe, where it may wait for more of it.
fn pump(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..length])?;
    }
}
