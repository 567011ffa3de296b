//! Starts the image's Python: does it start at all, and does it import what is installed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::messages;
use super::process::{self, Output};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::python::Minor;

/// What it says about itself.
#[derive(Deserialize)]
pub(super) struct Itself {
    pub(super) minor: Minor,
    pub(super) prefix: String,
    pub(super) stdlib: PathBuf,
    /// Every directory that it imports from, in order.
    path: Vec<PathBuf>,
}

impl Itself {
    /// Where packages are: what is left of the path without the standard library.
    pub(super) fn site(&self) -> Vec<PathBuf> {
        let is_own = |path: &PathBuf| {
            path.starts_with(&self.stdlib)
                && !path.ends_with("site-packages")
                && !path.ends_with("dist-packages")
        };
        let is_zip = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "zip");
        self.path
            .iter()
            .filter(|path| path.is_absolute() && !is_own(path) && !is_zip(path))
            .cloned()
            .collect()
    }
}

const ITSELF: &str = "\
import sys, os, json
minor = '%d.%d' % sys.version_info[:2]
stdlib = os.path.dirname(os.__file__)
print('fal:' + json.dumps({'minor': minor, 'prefix': sys.prefix, 'stdlib': stdlib, 'path': sys.path}))
";

/// Paths to put in front and names of modules; prints what each calls its version, or why it is not imported.
const IMPORTS: &str = "\
import sys, json, importlib
sys.path[:0] = json.loads(sys.argv[1])
found = {}
for name in sys.argv[2:]:
    try:
        module = importlib.import_module(name)
        version = getattr(module, '__version__', None) or getattr(module, 'VERSION', None)
        found[name] = {'version': str(version) if version else ''}
    except BaseException as error:
        found[name] = {'error': ('%s: %s' % (type(error).__name__, error))[:500]}
print('fal:' + json.dumps(found))
";

/// What came of importing one module.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Imported {
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) error: Option<String>,
}

/// Starts Python; if it does not start in `environment`, with the image's LD_LIBRARY_PATH, as fal would. Gives what it
/// says, and the environment in which it starts.
pub(super) fn start(
    python: &Path,
    environment: Environment,
) -> Result<(Itself, Environment), Failure> {
    match ask(python, ITSELF, &[], &environment) {
        Ok(said) => Ok((said, environment)),
        Err(why) => {
            let environment = environment.with_libraries();
            let environment =
                environment.ok_or_else(|| messages::python_does_not_start(python, &why))?;
            let said = ask(python, ITSELF, &[], &environment);
            Ok((
                said.map_err(|_| messages::python_does_not_start(python, &why))?,
                environment,
            ))
        }
    }
}

/// Imports `modules`; `front` comes first on `sys.path`, as PYTHONPATH does for fal.
pub(super) fn import(
    python: &Path,
    front: &[PathBuf],
    modules: &[String],
    environment: &Environment,
) -> Result<BTreeMap<String, Imported>, Failure> {
    let front: Vec<String> = front
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let front = serde_json::to_string(&front).unwrap_or_else(|_| "[]".to_owned());
    let arguments: Vec<OsString> = std::iter::once(front)
        .chain(modules.iter().cloned())
        .map(OsString::from)
        .collect();
    ask(python, IMPORTS, &arguments, environment)
        .map_err(|why| messages::import_failed(&modules.join(", "), python, &why))
}

/// Runs a script that prints one line of JSON; modules may print lines of their own.
fn ask<T: for<'a> Deserialize<'a>>(
    python: &Path,
    script: &str,
    arguments: &[OsString],
    environment: &Environment,
) -> Result<T, String> {
    let start = [
        python.as_os_str(),
        OsStr::new("-I"),
        OsStr::new("-B"),
        OsStr::new("-c"),
        OsStr::new(script),
    ];
    let mut command = process::words(start);
    command.extend(arguments.iter().cloned());
    let outcome =
        process::run(&command, environment, Output::Kept).map_err(|error| error.to_string())?;
    if !outcome.success() {
        return Err(format!("{} ({outcome})", outcome.cause()));
    }
    let answer = outcome
        .stdout
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("fal:"));
    let answer = answer.ok_or_else(|| "it printed no answer".to_owned())?;
    serde_json::from_str(answer).map_err(|error| error.to_string())
}
