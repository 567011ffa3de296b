//! A secret to a fingerprint: what changes when the value does, and tells nothing of it.
//!
//! Takes the file that holds the value, if the client gave one, and a key; writes one file into a folder. Whoever mounts that
//! folder runs again when its content is another. The value is printed nowhere, and in no sentence.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::failure::{Failure, Kind};

/// The file that holds the fingerprint of a value.
pub const VALUE_FILE: &str = "fingerprint";
/// The file that is there instead where no value was given.
pub const ABSENT_FILE: &str = "absent";

/// The secret whose value is the key, for daemons that share a cache.
pub const KEY_SECRET: &str = "FAL_SECRET_CACHE_KEY";

/// The file of a key of our own, in the folder that is kept for it.
const OWN_KEY_FILE: &str = "key";
/// As long as what SHA-256 gives.
const OWN_KEY_LENGTH: usize = 32;
/// How often a key is made that somebody takes away again.
const TRIES: usize = 8;

/// A secret of the client's.
#[derive(Clone, Copy, Debug)]
pub struct Secret<'a> {
    /// The name that the client knows it by.
    pub id: &'a str,
    /// Where its value is, if it was given.
    pub file: &'a Path,
}

/// Writes the fingerprint of a secret into `out`. The key is in the file `given`, if that was given, else in the folder `own`,
/// where it is made by the first who needs it. Gives whether there is a value.
pub fn write(secret: &Secret<'_>, given: &Path, own: &Path, out: &Path) -> Result<bool, Failure> {
    let put = |name: &str, text: &str| {
        create(&out.join(name), text.as_bytes()).map_err(|error| failed(out, &error))
    };
    let Some(value) = read(secret.file)? else {
        return put(ABSENT_FILE, "").map(|()| false);
    };
    let key = match read(given)? {
        Some(key) if key.is_empty() => return Err(empty_key()),
        Some(key) => key,
        None => own_key(own).map_err(|error| failed(own, &error))?,
    };
    let text = fingerprint(&key, secret.id, &value);
    put(VALUE_FILE, &text).map(|()| true)
}

/// HMAC-SHA256 of the id and the value, in hexadecimal digits. A zero byte between the two keeps `a` of `bc` apart from `ab` of `c`.
fn fingerprint(key: &[u8], id: &str, value: &[u8]) -> String {
    let mut mac = keyed(key);
    mac.update(id.as_bytes());
    mac.update(&[0]);
    mac.update(value);
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // A key of any length will do: HMAC knows no wrong one.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

/// The key that is kept in a folder. Several may look for it at once, and all get the same.
fn own_key(folder: &Path) -> io::Result<Vec<u8>> {
    let path = folder.join(OWN_KEY_FILE);
    for _ in 0..TRIES {
        match fs::read(&path) {
            Ok(key) if key.len() == OWN_KEY_LENGTH => return Ok(key),
            // What a crash of the machine has left.
            Ok(_) => remove(&path)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        make_key(folder, &path)?;
    }
    Err(io::Error::other("the key does not stay"))
}

/// Puts a new key in its place, complete from the first moment, unless another is there by now.
fn make_key(folder: &Path, path: &Path) -> io::Result<()> {
    let mut key = [0; OWN_KEY_LENGTH];
    let mut name = [0; 8];
    let mut chance = File::open("/dev/urandom")?;
    chance.read_exact(&mut key)?;
    chance.read_exact(&mut name)?;
    let new = folder.join(format!("new-{:016x}", u64::from_ne_bytes(name)));
    create(&new, &key)?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A file that was not there, for its owner alone.
fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o400)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What a file holds; `None` if there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Kind::File, format!("{}: {error}", path.display()))
}

/// What is wrong with an empty key.
pub fn empty_key() -> Failure {
    let sentence = format!(
        "the secret {KEY_SECRET} is empty, and fingerprints made with it could be guessed; give it a value, or leave it out"
    );
    Failure::new(Kind::EmptyKey, sentence)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use tempfile::TempDir;

    use super::*;

    /// A folder with a file for each secret that is given.
    struct Step {
        folder: TempDir,
    }

    impl Step {
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().expect("a scratch folder");
            fs::create_dir(folder.path().join("own")).expect("a folder");
            for (name, text) in files {
                fs::write(folder.path().join(name), text).expect("a file");
            }
            Self { folder }
        }

        /// What is written for a secret: the name of the file, and what it holds.
        fn write(&self, id: &str) -> Result<(String, String), Failure> {
            let at = |name: &str| self.folder.path().join(name);
            let _ = fs::remove_dir_all(at("out"));
            fs::create_dir(at("out")).expect("a folder");
            let secret = Secret {
                id,
                file: &at("secret"),
            };
            write(&secret, &at("key"), &at("own"), &at("out"))?;
            let mut written = fs::read_dir(at("out")).expect("a folder");
            let file = written.next().expect("a file").expect("a file").path();
            assert!(written.next().is_none());
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            Ok((
                name.into_owned(),
                fs::read_to_string(&file).expect("a text"),
            ))
        }
    }

    #[test]
    fn a_fingerprint_is_the_hmac_of_id_and_value() {
        let step = Step::new(&[("key", "Jefe"), ("secret", "what do ya want for nothing?")]);
        // `printf 'token\0what do ya want for nothing?' | openssl dgst -sha256 -hmac Jefe`
        let expected = "d6f30291c97dc63bd20803fd44dfc31489dbac15b9be6bb017c93aba42a9c9d7";
        assert_eq!(
            step.write("token"),
            Ok((VALUE_FILE.to_owned(), expected.to_owned()))
        );
        assert_eq!(
            fs::read_dir(step.folder.path().join("own"))
                .unwrap()
                .count(),
            0
        );
    }

    #[test]
    fn another_key_id_or_value_gives_another_fingerprint_and_no_value_one_of_its_own() {
        let mut seen = BTreeSet::new();
        for key in ["k", "l"] {
            for (id, value) in [("a", "bc"), ("ab", "c"), ("a", ""), ("a", "bc\n")] {
                let step = Step::new(&[("key", key), ("secret", value)]);
                assert!(seen.insert(step.write(id).expect("a fingerprint")));
            }
        }
        let absent = (ABSENT_FILE.to_owned(), String::new());
        for files in [&[("key", "k")] as &[_], &[], &[("key", "")]] {
            assert_eq!(Step::new(files).write("a"), Ok(absent.clone()));
        }
    }

    #[test]
    fn an_empty_key_is_refused() {
        let step = Step::new(&[("key", ""), ("secret", "canary")]);
        let failure = step.write("a").expect_err("a refusal");
        assert_eq!(failure.kind, Kind::EmptyKey);
        assert!(!failure.sentence.contains("canary"));
    }

    #[test]
    fn a_daemon_keeps_its_key_and_no_other_has_it() {
        let steps = [(); 2].map(|()| Step::new(&[("secret", "value")]));
        let [first, again, other] =
            [&steps[0], &steps[0], &steps[1]].map(|step| step.write("a").expect("a fingerprint"));
        assert_eq!(first, again);
        assert_ne!(first, other);

        // Cut off by a crash.
        fs::write(steps[0].folder.path().join("own/other"), "").expect("a file");
        let key = steps[0].folder.path().join("own").join(OWN_KEY_FILE);
        fs::remove_file(&key).expect("a key");
        fs::write(&key, "short").expect("a file");
        assert_ne!(steps[0].write("a").expect("a fingerprint"), first);
    }

    #[test]
    fn those_who_look_for_a_key_at_once_get_the_same() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let keys: BTreeSet<_> = thread::scope(|scope| {
            let threads = [(); 8].map(|()| scope.spawn(|| own_key(folder.path())));
            let keys = threads.map(|thread| thread.join().expect("a thread"));
            keys.into_iter().map(|key| key.expect("a key")).collect()
        });
        assert_eq!(keys.len(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
