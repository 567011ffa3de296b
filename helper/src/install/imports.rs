//! Starts the image's Python: does it start at all, and does it import what is installed.

use std::collections::BTreeMap;
use std::ffi::OsString;
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

/// Paths to put in front and modules, each with the one to try; prints what each calls its version, or why it is not
/// imported.
const IMPORTS: &str = "\
import sys, json, importlib
sys.path[:0] = json.loads(sys.argv[1])
found = {}
for name, probe in json.loads(sys.argv[2]):
    try:
        importlib.import_module(probe)
        module = importlib.import_module(name)
        version = getattr(module, '__version__', None) or getattr(module, 'VERSION', None)
        found[name] = {'version': str(version) if version else ''}
    except BaseException as error:
        found[name] = {'error': ('%s: %s' % (type(error).__name__, error))[:500]}
print('fal:' + json.dumps(found))
";

/// A module that knows its version, and the one whose import shows that all is there.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) probe: String,
}

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
    modules: &[Module],
    environment: &Environment,
) -> Result<BTreeMap<String, Imported>, Failure> {
    let failed = |why: &str| {
        let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
        messages::import_failed(&names.join(", "), python, why)
    };
    let front: Vec<_> = front.iter().map(|path| path.to_string_lossy()).collect();
    let modules: Vec<_> = modules
        .iter()
        .map(|module| (&module.name, &module.probe))
        .collect();
    let arguments = [
        serde_json::to_string(&front),
        serde_json::to_string(&modules),
    ];
    let arguments: Result<Vec<OsString>, _> = arguments
        .into_iter()
        .map(|it| it.map(OsString::from))
        .collect();
    let arguments = arguments.map_err(|error| failed(&error.to_string()))?;
    ask(python, IMPORTS, &arguments, environment).map_err(|why| failed(&why))
}

/// Runs a script that prints one line of JSON; modules may print lines of their own.
pub(super) fn ask<T: for<'a> Deserialize<'a>>(
    python: &Path,
    script: &str,
    arguments: &[OsString],
    environment: &Environment,
) -> Result<T, String> {
    run(python, &["-I", "-B"], script, arguments, environment)
}

/// The same with other flags.
pub(super) fn run<T: for<'a> Deserialize<'a>>(
    python: &Path,
    flags: &[&str],
    script: &str,
    arguments: &[OsString],
    environment: &Environment,
) -> Result<T, String> {
    let mut command = vec![python.as_os_str().to_owned()];
    command.extend(flags.iter().map(OsString::from));
    command.extend(["-c", script].map(OsString::from));
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
