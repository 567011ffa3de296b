//! The two pipes that BuildKit starts a frontend with, as one connection.
//!
//! Nothing else may write to the standard output of the frontend: it is an HTTP/2 stream.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::FileTypeExt,
    },
};

use tokio::{
    io::{AsyncRead, AsyncWrite, Join, join},
    net::{UnixStream, unix::pipe},
};

type Input = Box<dyn AsyncRead + Send + Unpin>;
type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// Standard input and output. They are non-blocking from then on, which whoever shares them sees.
pub(super) fn stdio() -> io::Result<Join<Input, Output>> {
    let input: Input = match Stream::of(&io::stdin())? {
        Stream::Pipe(fd) => Box::new(pipe::Receiver::from_owned_fd(fd)?),
        Stream::Socket(fd) => Box::new(socket(fd)?),
    };
    let output: Output = match Stream::of(&io::stdout())? {
        Stream::Pipe(fd) => Box::new(pipe::Sender::from_owned_fd(fd)?),
        Stream::Socket(fd) => Box::new(socket(fd)?),
    };
    Ok(join(input, output))
}

/// What a daemon can be at the other end of.
enum Stream {
    Pipe(OwnedFd),
    Socket(OwnedFd),
}

impl Stream {
    fn of(fd: &impl AsFd) -> io::Result<Self> {
        let file = File::from(fd.as_fd().try_clone_to_owned()?);
        let kind = file.metadata()?.file_type();
        if kind.is_fifo() {
            Ok(Self::Pipe(file.into()))
        } else if kind.is_socket() {
            Ok(Self::Socket(file.into()))
        } else {
            let sentence = "standard input and output are neither pipes nor sockets";
            Err(io::Error::new(ErrorKind::Unsupported, sentence))
        }
    }
}

fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let socket = std::os::unix::net::UnixStream::from(fd);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}
