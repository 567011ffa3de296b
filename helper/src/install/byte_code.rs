//! The modules of a layer of wheels → their byte code, by the image's Python.
//!
//! What the same modules come to on the same Python is the same, byte for byte, in whatever order and beside whatever others: how a
//! string is written depends on who else in the process has it (python/cpython#129724). So each module is compiled in a process of its own,
//! which is a copy of one that has loaded nothing but a part of Python's library, from source: what byte code an image has of that depends on
//! who made it. Sets are in the order of hashes that are not random. Nothing of the modules is run, and nothing else of the image is
//! imported.
//!
//! As with uv and pip, what does not compile is left as it is, and what is compiled is below the folders of packages. Python takes it
//! without a look at the source, of which it has the hash: neither is younger than the other.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::thread;

use serde::Deserialize;

use super::{imports, messages};
use crate::environment::{Environment, LIBRARIES};
use crate::failure::Failure;
use crate::package_manager::with_default;
use crate::wheel;
use crate::wheel::request::Compile;

const MAKE: &str = include_str!("byte_code.py");

/// A Python that reads no byte code, has only its own library, and says nothing of what it reads.
const FLAGS: [&str; 8] = [
    "-S",
    "-s",
    "-B",
    "-W",
    "ignore",
    "-X",
    "utf8",
    // Nothing is there.
    "-Xpycache_prefix=/.fal-no-byte-code",
];

/// What came of it.
#[derive(Deserialize)]
struct Made {
    /// How many modules have byte code.
    made: usize,
    /// How many do not compile.
    left: usize,
}

/// Makes byte code of all modules in `layer`, which is a tree as the image will have it, and writes it into `out`, which is empty. Says what
/// was made. `given` are the variables of this process.
pub fn make(
    layer: &Path,
    out: &Path,
    request: &Compile,
    given: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<String, Failure> {
    let python = Path::new(&request.interpreter);
    let given = given.into_iter().filter(|(name, _)| name == LIBRARIES);
    let environment = Environment::new(given, &with_default(&[])).with("PYTHONHASHSEED", "0");
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let arguments = [layer.as_os_str(), out.as_os_str()];
    let arguments = arguments.map(OsStr::to_owned).into_iter();
    let arguments: Vec<OsString> = arguments.chain([cores.to_string().into()]).collect();
    let make =
        |environment: &Environment| imports::run(python, &FLAGS, MAKE, &arguments, environment);
    let made = make(&environment).or_else(|why| match environment.with_libraries() {
        Some(environment) => make(&environment),
        None => Err(why),
    });
    let made: Made = made.map_err(|why| messages::no_byte_code(python, &why))?;
    wheel::byte_code::seal(out, request)?;
    let left = match made.left {
        0 => String::new(),
        count => format!(", and {count} do not compile"),
    };
    Ok(format!("byte code of {} modules{left}", made.made))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;
    use crate::wheel::request::VERSION;

    const SITE: &str = "usr/lib/site-packages";

    /// The Python of this machine.
    fn python() -> String {
        let itself = ["-c", "import sys; print(sys.executable, end='')"];
        let said = Command::new("python3").args(itself).output();
        String::from_utf8(said.expect("a Python").stdout).expect("a path")
    }

    /// What becomes of modules, by their paths.
    fn made(modules: &[(&str, &str)]) -> (String, BTreeMap<PathBuf, Vec<u8>>) {
        let top = tempfile::tempdir().expect("a scratch folder");
        let (layer, out) = (top.path().join("layer"), top.path().join("out"));
        fs::create_dir_all(layer.join(SITE)).expect("folders");
        fs::create_dir(&out).expect("a folder");
        for (name, text) in modules {
            let path = layer.join(SITE).join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            fs::write(path, text).expect("a module");
        }
        let request = Compile {
            version: VERSION,
            interpreter: python(),
            parents: Vec::new(),
        };
        let said = make(&layer, &out, &request, []).expect("byte code");
        let mut found = BTreeMap::new();
        let mut open = vec![out.clone()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => open.push(path),
                    false => {
                        let name = path.strip_prefix(&out).expect("a path below").to_owned();
                        found.insert(name, fs::read(path).expect("a file"));
                    }
                }
            }
        }
        (said, found)
    }

    #[test]
    fn modules_have_byte_code_where_they_compile() {
        let (said, found) = made(&[
            ("a.py", "x = 1\n"),
            ("deep/er/b.py", "# a \u{e9}\n"),
            ("deep/old.py", "print 'x'\n"),
            ("deep/zero.py", "\0"),
            ("deep/data.txt", ""),
            ("deep/.py", ""),
            ("deep/__pycache__/c.py", ""),
        ]);
        assert_eq!(said, "byte code of 2 modules, and 2 do not compile");
        let names: Vec<String> = found.keys().map(|it| it.display().to_string()).collect();
        let [first, second] = &names[..] else {
            panic!("{names:?}");
        };
        assert!(first.starts_with(&format!("{SITE}/__pycache__/a.cpython-3")));
        assert!(second.starts_with(&format!("{SITE}/deep/er/__pycache__/b.cpython-3")));
        // Unchecked, by its hash.
        assert!(found.values().all(|bytes| bytes[4..8] == [1, 0, 0, 0]));
        let text = String::from_utf8_lossy(&found[&PathBuf::from(first)]).into_owned();
        assert!(text.contains(&format!("/{SITE}/a.py")), "{text}");

        let (said, found) = made(&[("data.txt", "")]);
        assert_eq!(said, "byte code of 0 modules");
        assert!(found.is_empty());
    }

    /// What one module has in common with another, or with Python's library, is written as if nobody else had it.
    #[test]
    fn the_same_module_is_the_same_byte_code_beside_any_other() {
        let module = "# -*- coding: latin-1 -*-\na = {'foo', 2, None, '{'}\ndef f(path, foo=1.5):\n    b = {'foo', 2, None}\n    return x in {'q', None, 'foo'}\n";
        let (_, alone) = made(&[("b.py", module)]);
        let others = "import foo, b\nfor q in ('{', 'x'):\n    a = f = path = {'foo', 2, None}\n";
        let (_, beside) = made(&[("a.py", others), ("b.py", module), ("c.py", others)]);
        for (path, bytes) in alone {
            assert!(beside[&path] == bytes, "{}", path.display());
        }
    }
}
