//! An entry to its bytes, which have to be what RECORD says.
//!
//! Takes an entry and what its hash has to be; gives its bytes, one chunk after the other, to somebody who writes them. What is
//! large is unpacked on one core while another hashes and writes. Knows nothing of files that are written.

use std::io::{self, Read};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use crate::failure::{Failure, Kind};
use crate::wheel::archive::{Archive, Entry};
use crate::wheel::messages::{self, Flaw};
use crate::wheel::record::{Expected, Hasher};
use crate::wheel::tree::Take;

/// How much is passed on at once.
const CHUNK: usize = 256 << 10;
/// From here on it is worth two threads.
const LARGE: u64 = 4 << 20;
/// How many chunks may wait to be written.
const WAITING: usize = 8;

/// Why an entry was not copied.
pub(super) enum Problem {
    /// Something is wrong with the wheel.
    Flaw(Flaw),
    /// Something else is.
    Failure(Failure),
}

impl From<Flaw> for Problem {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

/// Copies an entry. What was taken is good only if this is.
pub(super) fn copy(
    archive: &Archive,
    entry: &Entry,
    expected: Option<&Expected>,
    take: Take<'_>,
) -> Result<(), Problem> {
    let sink = Sink {
        hasher: expected.map(Expected::hasher),
        length: 0,
        take,
    };
    let sink = archive.read(entry, |reader| match entry.size < LARGE {
        true => here(reader, entry, sink),
        false => beside(reader, entry, sink),
    })?;
    if sink.length != entry.size {
        return Err(messages::other_length(&entry.name).into());
    }
    let both = expected.zip(sink.hasher);
    match both.is_none_or(|(expected, hasher)| expected.is(hasher)) {
        true => Ok(()),
        false => Err(messages::other_hash(&entry.name).into()),
    }
}

/// Where chunks go.
struct Sink<'a> {
    hasher: Option<Hasher>,
    length: u64,
    take: Take<'a>,
}

impl Sink<'_> {
    fn put(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(chunk);
        }
        self.length += chunk.len() as u64;
        (self.take)(chunk)
    }
}

/// One chunk after the other, on this thread.
fn here<'a>(reader: &mut dyn Read, entry: &Entry, mut sink: Sink<'a>) -> Result<Sink<'a>, Problem> {
    // A byte more, so that one round sees the end.
    let size = usize::try_from(entry.size + 1).unwrap_or(CHUNK).min(CHUNK);
    let mut chunk = vec![0; size];
    loop {
        match fill(reader, &mut chunk).map_err(|error| messages::broken(&entry.name, &error))? {
            0 => return Ok(sink),
            count => sink.put(&chunk[..count]).map_err(Problem::Failure)?,
        }
    }
}

/// Chunks are read here, and taken on another thread.
fn beside<'a>(
    reader: &mut dyn Read,
    entry: &Entry,
    mut sink: Sink<'a>,
) -> Result<Sink<'a>, Problem> {
    thread::scope(|scope| {
        let (full, filled) = mpsc::sync_channel::<(Vec<u8>, usize)>(WAITING);
        let (empty, emptied) = mpsc::channel();
        let taker = thread::Builder::new().spawn_scoped(scope, move || {
            for (chunk, count) in filled {
                sink.put(&chunk[..count])?;
                let _ = empty.send(chunk);
            }
            Ok(sink)
        });
        let taker = taker.map_err(|error| Problem::Failure(no_thread(&error)))?;
        let read = read_into(reader, full, &emptied);
        let taken = match taker.join() {
            Ok(taken) => taken.map_err(Problem::Failure)?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        read.map_err(|error| messages::broken(&entry.name, &error))?;
        Ok(taken)
    })
}

fn no_thread(error: &io::Error) -> Failure {
    Failure::new(Kind::File, format!("no thread to write with: {error}"))
}

/// Reads until the end, or until nobody takes any more.
fn read_into(
    reader: &mut dyn Read,
    full: SyncSender<(Vec<u8>, usize)>,
    emptied: &Receiver<Vec<u8>>,
) -> io::Result<()> {
    loop {
        let mut chunk = emptied.try_recv().unwrap_or_else(|_| vec![0; CHUNK]);
        let count = fill(reader, &mut chunk)?;
        if count == 0 || full.send((chunk, count)).is_err() {
            return Ok(());
        }
    }
}

/// Reads a whole chunk; less is the end.
fn fill(reader: &mut dyn Read, chunk: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < chunk.len() {
        match reader.read(&mut chunk[count..])? {
            0 => break,
            more => count += more,
        }
    }
    Ok(count)
}
