//! Arguments to a step, and its outcome to an exit code.
//!
//! ```text
//! fal-helper look    --image DIR --out DIR [--soft] [--before-wheels] REQUEST|--request FILE
//! fal-helper fetch   --out DIR
//! fal-helper curl    --look DIR [--out DIR] [--root DIR] [--from DIR] [--fetched DIR]
//! fal-helper runtime --look DIR --out DIR [--wheels DIR]
//! fal-helper import  --out DIR REPORT
//! fal-helper requirements --cache DIR [--context DIR] [--given PREFIX] [--out DIR] REQUIREMENTS
//! fal-helper resolve --cache DIR [--context DIR] [--given PREFIX] --out DIR REQUIREMENTS…
//! fal-helper build   --cache DIR [--source DIR] --out DIR BUILD
//! fal-helper said --cache DIR --out DIR NAME…
//! fal-helper fingerprint --id ID --secret FILE --key FILE --own-key DIR --out DIR
//! fal-helper list    --context DIR --out DIR
//! fal-helper unpack  --wheels DIR --out DIR UNPACK
//! fal-helper compile --layer DIR --out DIR COMPILE
//! fal-helper finish  --wheels DIR --image DIR --out DIR FINISH
//! fal-helper remove  --image DIR REMOVE
//! ```
//! The arguments are part of cache keys: they change only with a reason.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use crate::build::Build;
use crate::context;
use crate::failure::{Failure, Kind};
use crate::fingerprint::{self, Secret};
use crate::foreign;
use crate::install::{self, curl::Origin};
use crate::lock::{LACKING_FILE, LOCK_FILE, WHY_FILE};
use crate::look::{look, look_before_wheels};
use crate::report::{LOOK_FILE, REPORT_FILE, Report};
use crate::request::Request;
use crate::requirements::{Requirements, SAID_FILE, SAID_START};
use crate::root::Root;
use crate::wheel;
use crate::wheel::request::{Compile, Finish, Remove, Unpack};

const USAGE: &str = "fal-helper look --image DIR --out DIR [--soft] [--before-wheels] REQUEST|--request FILE | fetch --out DIR | \
                     curl --look DIR [--out DIR] [--root DIR] [--from DIR] [--fetched DIR] | runtime --look DIR --out DIR [--wheels DIR] | \
                     import --out DIR REPORT | requirements --cache DIR [--context DIR] [--given PREFIX] [--out DIR] REQUIREMENTS | \
                     resolve --cache DIR [--context DIR] [--given PREFIX] --out DIR REQUIREMENTS… | build --cache DIR [--source DIR] --out DIR BUILD | \
                     said --cache DIR --out DIR NAME… | \
                     fingerprint --id ID --secret FILE --key FILE --own-key DIR --out DIR | list --context DIR --out DIR | \
                     unpack --wheels DIR --out DIR UNPACK | compile --layer DIR --out DIR COMPILE | \
                     finish --wheels DIR --image DIR --out DIR FINISH | \
                     remove --image DIR REMOVE";

/// A request or report of more bytes than this is none of ours.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;

/// Why a step failed is one sentence, and others can write where it is left.
const SAID_LIMIT: u64 = 4 * 1024;

/// Does the step that the arguments name. What is wrong goes to standard error as one sentence.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().skip(1).collect();
    match step(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "fal: {}", printable(&failure.sentence));
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// How an image is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// What is missing and cannot be brought is a failure.
    Plain,
    /// It stands in the report alone.
    Soft,
    /// The same, and packages are still to come.
    BeforeWheels,
}

/// The arguments of a look: `image` and `out` are where the step has the image and the folder for the report. A `soft`
/// look writes what is wrong into the report alone, and exits well. One before wheels says what is installed, and nothing of packages that
/// are missing.
pub fn look_arguments(image: &str, out: &str, how: Look, request: &Request) -> Vec<String> {
    let mut arguments = with_values("look", &[("--image", Some(image)), ("--out", Some(out))]);
    let switches: &[&str] = match how {
        Look::Plain => &[],
        Look::Soft => &["--soft"],
        Look::BeforeWheels => &["--soft", "--before-wheels"],
    };
    arguments.extend(switches.iter().map(|&switch| switch.to_owned()));
    arguments.push(request.to_argument());
    arguments
}

/// The arguments of a step that fetches ahead: `out` is the folder for what is fetched.
pub fn fetch_arguments(out: &str) -> Vec<String> {
    with_values("fetch", &[("--out", Some(out))])
}

/// The arguments of the curl step: `look` is the folder that `look` wrote, `fetched` the one that `fetch` wrote.
pub fn curl_arguments(look: &str, out: Option<&str>, fetched: Option<&str>) -> Vec<String> {
    let values = [
        ("--look", Some(look)),
        ("--out", out),
        ("--fetched", fetched),
    ];
    with_values("curl", &values)
}

/// The arguments of a curl step outside of the image, which is at `root`; `from` is the image with a static curl.
pub fn curl_copy_arguments(look: &str, out: &str, root: &str, from: &str) -> Vec<String> {
    let values = [
        ("--look", Some(look)),
        ("--out", Some(out)),
        ("--root", Some(root)),
        ("--from", Some(from)),
    ];
    with_values("curl", &values)
}

/// The arguments of the runtime step: `wheels` is a folder with a wheel of pip or uv.
pub fn runtime_arguments(look: &str, out: &str, wheels: Option<&str>) -> Vec<String> {
    with_values(
        "runtime",
        &[
            ("--look", Some(look)),
            ("--out", Some(out)),
            ("--wheels", wheels),
        ],
    )
}

/// The arguments of a step that imports the packages of a report: `out` is the folder for the report with what came of it.
pub fn import_arguments(out: &str, report: &Report) -> Vec<String> {
    let mut arguments = with_values("import", &[("--out", Some(out))]);
    arguments.push(serde_json::to_string(report).unwrap_or_default());
    arguments
}

/// The arguments of a layer of requirements: `cache` outlives builds, `context` is what they need of it, and a secret is the file
/// whose path is `given` and its name. With `out` the step looks at what came of it, and writes the report there.
pub fn requirements_arguments(
    cache: &str,
    context: Option<&str>,
    given: Option<&str>,
    out: Option<&str>,
    wanted: &Requirements,
) -> Vec<String> {
    let values = [
        ("--cache", Some(cache)),
        ("--context", context),
        ("--given", given),
        ("--out", out),
    ];
    let mut arguments = with_values("requirements", &values);
    arguments.push(wanted.to_argument());
    arguments
}

/// The arguments of a step that finds the wheels of layers of requirements: `given` as in [`requirements_arguments`], `out` is the folder for
/// what is found.
pub fn resolve_arguments(
    cache: &str,
    context: Option<&str>,
    given: Option<&str>,
    out: &str,
    lists: &[Requirements],
) -> Vec<String> {
    let values = [
        ("--cache", Some(cache)),
        ("--context", context),
        ("--given", given),
        ("--out", Some(out)),
    ];
    let mut arguments = with_values("resolve", &values);
    arguments.extend(lists.iter().map(Requirements::to_argument));
    arguments
}

/// The arguments of a step that builds a wheel into `out`: `source` is the folder that has what it is built from, or is that.
pub fn build_arguments(
    cache: &str,
    source: Option<&str>,
    out: &str,
    wanted: &Build,
) -> Vec<String> {
    let values = [
        ("--cache", Some(cache)),
        ("--source", source),
        ("--out", Some(out)),
    ];
    let mut arguments = with_values("build", &values);
    arguments.push(wanted.to_argument());
    arguments
}

/// The arguments of the step that takes out what layers of requirements left when they failed.
pub fn said_arguments(cache: &str, out: &str, names: Vec<String>) -> Vec<String> {
    let mut arguments = with_values("said", &[("--cache", Some(cache)), ("--out", Some(out))]);
    arguments.extend(names);
    arguments
}

/// The arguments of a fingerprint: the secret `id` is the file `secret`, if it was given; so is `key`, the secret that all
/// fingerprints are made with, which else is made and kept in `own_key`.
pub fn fingerprint_arguments(
    id: &str,
    secret: &str,
    key: &str,
    own_key: &str,
    out: &str,
) -> Vec<String> {
    let values = [
        ("--id", Some(id)),
        ("--secret", Some(secret)),
        ("--key", Some(key)),
        ("--own-key", Some(own_key)),
        ("--out", Some(out)),
    ];
    with_values("fingerprint", &values)
}

/// The arguments of a listing: `context` is where the step has the directory that is listed.
pub fn list_arguments(context: &str, out: &str) -> Vec<String> {
    with_values(
        "list",
        &[("--context", Some(context)), ("--out", Some(out))],
    )
}

/// The arguments of the step that unpacks wheels: each is in the folder of `wheels` that is called by its number. A `soft` one writes why
/// a wheel is refused to [`WHY_FILE`] instead, and exits well.
pub fn unpack_arguments(wheels: &str, out: &str, soft: bool, wanted: &Unpack) -> Vec<String> {
    let values = [("--wheels", Some(wheels)), ("--out", Some(out))];
    let mut arguments = with_values("unpack", &values);
    arguments.extend(soft.then(|| "--soft".to_owned()));
    arguments.push(wanted.to_argument());
    arguments
}

/// The arguments of the step that makes byte code of what `unpack` has written to `layer`.
pub fn compile_arguments(layer: &str, out: &str, wanted: &Compile) -> Vec<String> {
    let values = [("--layer", Some(layer)), ("--out", Some(out))];
    let mut arguments = with_values("compile", &values);
    arguments.push(wanted.to_argument());
    arguments
}

/// The arguments of the step that writes what else belongs to wheels that are unpacked; `image` has them. `soft` as in [`unpack_arguments`].
pub fn finish_arguments(
    wheels: &str,
    image: &str,
    out: &str,
    soft: bool,
    wanted: &Finish,
) -> Vec<String> {
    let values = [
        ("--wheels", Some(wheels)),
        ("--image", Some(image)),
        ("--out", Some(out)),
    ];
    let mut arguments = with_values("finish", &values);
    arguments.extend(soft.then(|| "--soft".to_owned()));
    arguments.push(wanted.to_argument());
    arguments
}

/// The arguments of the step that takes distributions out of `image`.
pub fn remove_arguments(image: &str, wanted: &Remove) -> Vec<String> {
    let mut arguments = with_values("remove", &[("--image", Some(image))]);
    arguments.push(wanted.to_argument());
    arguments
}

fn with_values(step: &str, values: &[(&str, Option<&str>)]) -> Vec<String> {
    let given = values
        .iter()
        .filter_map(|(name, value)| Some([(*name).to_owned(), (*value)?.to_owned()]));
    std::iter::once(step.to_owned())
        .chain(given.flatten())
        .collect()
}

fn step(arguments: Vec<OsString>) -> Result<(), Failure> {
    let mut arguments = arguments.into_iter();
    let command = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    match command.to_str() {
        Some("look") => look_step(Arguments::read(
            arguments,
            &["--image", "--out", "--request"],
            &["--soft", "--before-wheels"],
        )?),
        Some("fetch") => fetch_step(&Arguments::read(arguments, &["--out"], &[])?),
        Some("curl") => curl_step(Arguments::read(
            arguments,
            &["--look", "--out", "--root", "--from", "--fetched"],
            &[],
        )?),
        Some("runtime") => runtime_step(Arguments::read(
            arguments,
            &["--look", "--out", "--wheels"],
            &[],
        )?),
        Some("import") => import_step(&Arguments::read(arguments, &["--out"], &[])?),
        Some("requirements") => requirements_step(Arguments::read(
            arguments,
            &["--cache", "--context", "--given", "--out"],
            &[],
        )?),
        Some("resolve") => resolve_step(&Arguments::read(
            arguments,
            &["--cache", "--context", "--given", "--out"],
            &[],
        )?),
        Some("build") => build_step(&Arguments::read(
            arguments,
            &["--cache", "--source", "--out"],
            &[],
        )?),
        Some("said") => said_step(Arguments::read(arguments, &["--cache", "--out"], &[])?),
        Some("fingerprint") => fingerprint_step(Arguments::read(
            arguments,
            &["--id", "--secret", "--key", "--own-key", "--out"],
            &[],
        )?),
        Some("list") => list_step(&Arguments::read(arguments, &["--context", "--out"], &[])?),
        Some("unpack") => unpack_step(&Arguments::read(
            arguments,
            &["--wheels", "--out"],
            &["--soft"],
        )?),
        Some("compile") => compile_step(&Arguments::read(arguments, &["--layer", "--out"], &[])?),
        Some("finish") => finish_step(&Arguments::read(
            arguments,
            &["--wheels", "--image", "--out"],
            &["--soft"],
        )?),
        Some("remove") => remove_step(&Arguments::read(arguments, &["--image"], &[])?),
        _ => Err(usage(format!(
            "`{}` is not a step",
            command.to_string_lossy()
        ))),
    }
}

fn look_step(arguments: Arguments) -> Result<(), Failure> {
    let root = Root::new(arguments.path("--image")?);
    let request = request(&arguments)?;
    let report = match arguments.has("--before-wheels") {
        true => look_before_wheels(&root, &request),
        false => look(&root, &request),
    };
    write_report(&arguments.path("--out")?.join(LOOK_FILE), &report)?;
    if arguments.has("--soft") {
        print(&report);
        return Ok(());
    }
    end(report)
}

fn request(arguments: &Arguments) -> Result<Request, Failure> {
    match (arguments.rest.as_slice(), arguments.optional("--request")) {
        ([request], None) => Request::from_argument(request).map_err(usage),
        ([], Some(path)) => {
            let text = read(path)?;
            Request::from_argument(&String::from_utf8_lossy(&text))
                .map_err(|error| file(path, &error))
        }
        _ => Err(usage("one request is needed".to_owned())),
    }
}

/// Says how much was fetched. Where that failed the build goes on, for the step that installs can fetch for itself.
fn fetch_step(arguments: &Arguments) -> Result<(), Failure> {
    let out = arguments.path("--out")?;
    let fetched = install::curl::fetch(&Root::new("/"), &out, env::vars_os());
    let told = match fetched {
        Ok(count) => format!("fetched {count} archives"),
        Err(failure) => printable(&failure.sentence),
    };
    let _ = writeln!(std::io::stdout(), "fal: {told}");
    Ok(())
}

fn curl_step(arguments: Arguments) -> Result<(), Failure> {
    let looked = read_look(&arguments.path("--look")?)?;
    let root = Root::new(arguments.optional("--root").unwrap_or(Path::new("/")));
    let image = arguments.optional("--from").map(Root::new);
    let origin = Origin {
        image: image.as_ref(),
        fetched: arguments.optional("--fetched"),
    };
    let report = install::curl::install(&root, &looked, &origin, env::vars_os())?;
    finish(&arguments, report)
}

fn runtime_step(arguments: Arguments) -> Result<(), Failure> {
    let looked = read_look(&arguments.path("--look")?)?;
    let wheels = arguments.optional("--wheels");
    let report = install::runtime::install(&Root::new("/"), &looked, wheels, env::vars_os())?;
    finish(&arguments, report)
}

/// Imports what is installed. What is wrong stands in the report alone.
fn import_step(arguments: &Arguments) -> Result<(), Failure> {
    let [report] = arguments.rest.as_slice() else {
        return Err(usage("one report is needed".to_owned()));
    };
    let report = Report::from_json(report.as_bytes()).map_err(|error| usage(error.to_string()))?;
    if let Some(Err(error)) = report.request.as_ref().map(Request::check) {
        return Err(usage(error.to_string()));
    }
    let report = install::runtime::import(&Root::new("/"), report, env::vars_os());
    write_report(&arguments.path("--out")?.join(REPORT_FILE), &report)
}

fn requirements_step(arguments: Arguments) -> Result<(), Failure> {
    let (wanted, places) = wanted(&arguments)?;
    let said = places.cache.join(wanted.said());
    let root = Root::new("/");
    leaving_why(&said, || {
        let installed = install::requirements::install(&root, &wanted, &places, env::vars_os())?;
        let _ = writeln!(std::io::stdout(), "fal: {}", printable(&installed));
        let Some(out) = arguments.optional("--out") else {
            return Ok(());
        };
        let report = look(&root, &wanted.look());
        write_report(&out.join(LOOK_FILE), &report)?;
        end(report)
    })
}

/// Writes the wheels, or why there are none: that is no failure.
fn resolve_step(arguments: &Arguments) -> Result<(), Failure> {
    let lists = arguments.rest.iter();
    let lists: Vec<Requirements> = lists
        .map(|list| Requirements::from_argument(list).map_err(usage))
        .collect::<Result<_, _>>()?;
    let out = arguments.path("--out")?;
    let given: Vec<_> = env::vars_os().collect();
    let places = places(arguments)?;
    let resolved = install::resolve::resolve(&Root::new("/"), &lists, &places, &given);
    let (name, text) = match resolved.and_then(|lock| Ok(lock.to_toml()?)) {
        Ok(lock) => (LOCK_FILE, lock),
        Err(why) if why.is_of_image => (LACKING_FILE, printable(&why.sentence)),
        Err(why) => (WHY_FILE, printable(&why.sentence)),
    };
    if name != LOCK_FILE {
        let _ = writeln!(
            std::io::stdout(),
            "fal: not installed wheel by wheel: {text}"
        );
    }
    let path = out.join(name);
    fs::write(&path, text).map_err(|error| file(&path, &error))
}

fn build_step(arguments: &Arguments) -> Result<(), Failure> {
    let [wanted] = arguments.rest.as_slice() else {
        return Err(usage("one request is needed".to_owned()));
    };
    let wanted = Build::from_argument(wanted).map_err(usage)?;
    let (cache, out) = (arguments.path("--cache")?, arguments.path("--out")?);
    let source = arguments.optional("--source");
    leaving_why(&cache.join(wanted.said()), || {
        let root = Root::new("/");
        let built = install::build::build(&root, &wanted, &cache, source, &out, env::vars_os())?;
        let _ = writeln!(std::io::stdout(), "fal: {}", printable(&built));
        Ok(())
    })
}

fn wanted(arguments: &Arguments) -> Result<(Requirements, install::requirements::Places), Failure> {
    let [wanted] = arguments.rest.as_slice() else {
        return Err(usage("one list of requirements is needed".to_owned()));
    };
    let wanted = Requirements::from_argument(wanted).map_err(usage)?;
    Ok((wanted, places(arguments)?))
}

fn places(arguments: &Arguments) -> Result<install::requirements::Places, Failure> {
    Ok(install::requirements::Places {
        cache: arguments.path("--cache")?,
        context: arguments.optional("--context").map(Path::to_owned),
        given: arguments.optional("--given").map(Path::to_owned),
    })
}

/// Does what may fail, and leaves why it did. What was left before goes first: one that is killed leaves nothing.
fn leaving_why<T>(said: &Path, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    foreign::remove(said);
    work().inspect_err(|failure| {
        // The exit code tells it, too.
        let _ = foreign::replace(said, printable(&failure.sentence).as_bytes());
    })
}

/// Takes out the first that is there. Whatever ran in a step may have written it.
fn said_step(arguments: Arguments) -> Result<(), Failure> {
    let (cache, out) = (arguments.path("--cache")?, arguments.path("--out")?);
    let is_ours = |name: &&String| name.starts_with(SAID_START) && !name.contains('/');
    for name in arguments.rest.iter().filter(is_ours) {
        let left = cache.join(name);
        let text = foreign::read(&left, SAID_LIMIT);
        foreign::remove(&left);
        if let Ok(text) = text {
            let text = printable(&String::from_utf8_lossy(&text));
            let out = out.join(SAID_FILE);
            return fs::write(&out, text).map_err(|error| file(&out, &error));
        }
    }
    Ok(())
}

/// Says when there is no value, and nothing of one.
fn fingerprint_step(arguments: Arguments) -> Result<(), Failure> {
    let id = arguments.path("--id")?;
    let secret = Secret {
        id: &id.to_string_lossy(),
        file: &arguments.path("--secret")?,
    };
    let given = arguments.path("--key")?;
    let own = arguments.path("--own-key")?;
    if !fingerprint::write(&secret, &given, &own, &arguments.path("--out")?)? {
        let id = printable(secret.id);
        let _ = writeln!(std::io::stdout(), "fal: no secret {id} was given");
    }
    Ok(())
}

/// Lists a context. One that is too large is told by a listing that says so: a build does not fail for it.
fn list_step(arguments: &Arguments) -> Result<(), Failure> {
    let top = arguments.path("--context")?;
    let listing = context::list(&top, &mut |_, _| true).map_err(|error| file(&top, &error))?;
    let path = arguments.path("--out")?.join(context::LISTING_FILE);
    fs::write(&path, context::encode(listing.as_ref())).map_err(|error| file(&path, &error))
}

fn unpack_step(arguments: &Arguments) -> Result<(), Failure> {
    let [wanted] = arguments.rest.as_slice() else {
        return Err(usage("one request is needed".to_owned()));
    };
    let wanted = Unpack::from_argument(wanted).map_err(usage)?;
    let (wheels, out) = (arguments.path("--wheels")?, arguments.path("--out")?);
    tell(
        arguments,
        &out,
        wheel::unpack::unpack(&wheels, &out, &wanted),
    )
}

/// Says what there is to say of wheels, or why one is refused.
fn tell(
    arguments: &Arguments,
    out: &Path,
    done: Result<Vec<String>, Failure>,
) -> Result<(), Failure> {
    match done {
        Err(failure) if arguments.has("--soft") => {
            let path = out.join(WHY_FILE);
            fs::write(&path, printable(&failure.sentence)).map_err(|error| file(&path, &error))
        }
        Err(failure) => Err(failure),
        Ok(notes) => {
            say(&notes);
            Ok(())
        }
    }
}

fn compile_step(arguments: &Arguments) -> Result<(), Failure> {
    let [wanted] = arguments.rest.as_slice() else {
        return Err(usage("one request is needed".to_owned()));
    };
    let wanted = Compile::from_argument(wanted).map_err(usage)?;
    let (layer, out) = (arguments.path("--layer")?, arguments.path("--out")?);
    say(&[install::byte_code::make(
        &layer,
        &out,
        &wanted,
        env::vars_os(),
    )?]);
    Ok(())
}

fn finish_step(arguments: &Arguments) -> Result<(), Failure> {
    let [wanted] = arguments.rest.as_slice() else {
        return Err(usage("one request is needed".to_owned()));
    };
    let wanted = Finish::from_argument(wanted).map_err(usage)?;
    let (wheels, out) = (arguments.path("--wheels")?, arguments.path("--out")?);
    let image = Root::new(arguments.path("--image")?);
    tell(
        arguments,
        &out,
        wheel::finish::finish(&wheels, &image, &out, &wanted),
    )
}

fn remove_step(arguments: &Arguments) -> Result<(), Failure> {
    let [wanted] = arguments.rest.as_slice() else {
        return Err(usage("one request is needed".to_owned()));
    };
    let wanted = Remove::from_argument(wanted).map_err(usage)?;
    let image = Root::new(arguments.path("--image")?);
    say(&wheel::remove::remove(&image, &wanted)?);
    Ok(())
}

fn say(notes: &[String]) {
    for note in notes {
        let _ = writeln!(std::io::stdout(), "fal: {}", printable(note));
    }
}

fn finish(arguments: &Arguments, report: Report) -> Result<(), Failure> {
    if let Some(out) = arguments.optional("--out") {
        write_report(&out.join(REPORT_FILE), &report)?;
    }
    end(report)
}

/// Prints what there is to say; a failure is said by whoever exits.
fn end(mut report: Report) -> Result<(), Failure> {
    let failure = report.failure.take();
    print(&report);
    failure.map_or(Ok(()), Err)
}

fn read_look(directory: &Path) -> Result<Report, Failure> {
    let name = directory.join(LOOK_FILE);
    let report = Report::from_json(&read(&name)?).map_err(|error| file(&name, &error))?;
    if let Some(failure) = report.failure {
        return Err(failure);
    }
    let checked = report.request.as_ref().map(Request::check);
    match checked {
        Some(Ok(())) => Ok(report),
        Some(Err(error)) => Err(file(&name, &error)),
        None => Err(file(&name, &"it holds no request")),
    }
}

/// A file of the frontend's, which is no more trusted than one of the image.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let directory = Root::new(path.parent().unwrap_or(Path::new("/")));
    let name = Path::new(path.file_name().unwrap_or_default());
    directory
        .read_start(name, FILE_LIMIT)
        .map_err(|error| file(path, &error))
}

fn write_report(path: &Path, report: &Report) -> Result<(), Failure> {
    let json = report.to_json().map_err(|error| file(path, &error))?;
    fs::write(path, json).map_err(|error| file(path, &error))
}

fn print(report: &Report) {
    let _ = std::io::stdout().write_all(report.summary().as_bytes());
}

fn usage(what: String) -> Failure {
    Failure::new(Kind::Usage, format!("{what} (usage: {USAGE})"))
}

fn file(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Kind::File, format!("{}: {error}", path.display()))
}

/// A sentence stays on its line, and a hostile name in it sends nothing to the terminal and turns no letters around.
pub(crate) fn printable(text: &str) -> String {
    let is_printed = |letter: char| {
        let is_seen = !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        is_seen && !letter.is_control()
    };
    text.chars()
        .map(|letter| match is_printed(letter) {
            true => letter,
            false => '\u{fffd}',
        })
        .collect()
}

/// `--name value` pairs, switches, and what is left.
struct Arguments {
    values: BTreeMap<String, PathBuf>,
    switches: Vec<String>,
    rest: Vec<String>,
}

impl Arguments {
    fn read(arguments: Vec<OsString>, names: &[&str], switches: &[&str]) -> Result<Self, Failure> {
        let mut read = Self {
            values: BTreeMap::new(),
            switches: Vec::new(),
            rest: Vec::new(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let argument = argument
                .into_string()
                .map_err(|_| usage("an argument is not UTF-8".to_owned()))?;
            if names.contains(&argument.as_str()) {
                let value = arguments
                    .next()
                    .ok_or_else(|| usage(format!("{argument} needs a value")))?;
                read.values.insert(argument, value.into());
            } else if switches.contains(&argument.as_str()) {
                read.switches.push(argument);
            } else if argument.starts_with("--") {
                return Err(usage(format!(
                    "`{argument}` is not an argument of this step"
                )));
            } else {
                read.rest.push(argument);
            }
        }
        Ok(read)
    }

    fn path(&self, name: &str) -> Result<PathBuf, Failure> {
        self.optional(name)
            .map(Path::to_owned)
            .ok_or_else(|| usage(format!("{name} is needed")))
    }

    fn optional(&self, name: &str) -> Option<&Path> {
        self.values.get(name).map(PathBuf::as_path)
    }

    fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|other| other == switch)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;
    use crate::python::find::tests::Image;

    fn request(text: &str) -> Request {
        Request::from_argument(text).expect(text)
    }

    fn run(arguments: &[String]) -> Result<(), Failure> {
        step(arguments.iter().map(OsString::from).collect())
    }

    #[test]
    fn a_look_and_what_follows_it() {
        let image = Image::new()
            .program("/usr/bin/curl", "")
            .file("/etc/ssl/cert.pem", "x");
        let out = tempfile::tempdir().expect("a scratch folder");
        let (image, out) = (
            image.root.host(Path::new("/")),
            out.path().display().to_string(),
        );
        let image = image.display().to_string();

        let server = request(
            r#"{"version":1,"mode":"server","curl":"auto","runtime":"none","image":{"path":"/usr/bin"}}"#,
        );
        run(&look_arguments(&image, &out, Look::Plain, &server)).expect("all is there");
        run(&curl_arguments(&out, Some(&out), None)).expect("nothing to do");
        let report =
            Report::from_json(&fs::read(format!("{out}/{REPORT_FILE}")).expect("a report"))
                .expect("reads");
        assert_eq!((report.request, report.curl.action), (None, None));

        let app = request(
            r#"{"version":1,"mode":"app","curl":"auto","runtime":"auto","image":{"path":"/usr/bin"}}"#,
        );
        let failure = run(&look_arguments(&image, &out, Look::Plain, &app)).expect_err("no Python");
        assert_eq!(failure.kind, Kind::NoPython);
        run(&look_arguments(&image, &out, Look::Soft, &app)).expect("a soft look exits well");
        let report = Report::from_json(&fs::read(format!("{out}/{LOOK_FILE}")).expect("a report"))
            .expect("reads");
        assert_eq!(report.failure.as_ref(), Some(&failure));
        assert_eq!(
            run(&runtime_arguments(&out, &out, None)).expect_err("it stands"),
            failure
        );

        let file = format!("{out}/request.json");
        fs::write(&file, server.to_argument()).expect("a file");
        let arguments =
            ["look", "--image", &image, "--out", &out, "--request", &file].map(str::to_owned);
        run(&arguments).expect("the request may be a file");
    }

    #[test]
    fn of_what_steps_left_the_first_file_is_told_as_one_short_line() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["cache/said-2", "out"] {
            fs::create_dir_all(path(name)).expect("folders");
        }
        fs::write(path("other"), "not for everybody").expect("a file");
        symlink("../other", path("cache/said-0")).expect("a link");
        let made = Command::new("mkfifo").arg(path("cache/said-1")).status();
        assert!(made.expect("mkfifo").success());
        let text = "a\u{1b}[2Jb\nc\u{202e}".to_owned() + &"x".repeat(1 << 20);
        fs::write(path("cache/said-3"), text).expect("a file");
        fs::write(path("cache/said-4"), "another").expect("a file");
        let names = ["..", "../other", "said-/../../other", "said-none"];
        let names = names.into_iter().map(str::to_owned);
        let names = names.chain((0..5).map(|at| format!("said-{at}"))).collect();
        run(&said_arguments(&path("cache"), &path("out"), names)).expect("takes one");

        let told = fs::read_to_string(path("out/said")).expect("a sentence");
        assert!(told.starts_with("a\u{fffd}[2Jb\u{fffd}c\u{fffd}xx"));
        assert!(told.len() < 5_000, "{}", told.len());
        let left = Root::new(path("cache")).list(Path::new("/"), 100);
        assert_eq!(left.expect("a folder"), ["said-4"]);
        assert!(Path::new(&path("other")).exists());
    }

    #[test]
    fn a_step_leaves_why_it_failed_and_not_why_another_did() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (said, other) = (folder.path().join("said-0"), folder.path().join("other"));
        fs::write(&other, "old").expect("a file");
        let link = || symlink("other", &said).expect("a link");
        link();
        let failed = || {
            assert!(fs::symlink_metadata(&said).is_err(), "it is gone by now");
            // What is built in the step can write there, too.
            link();
            Err::<(), _>(Failure::new(Kind::File, "why"))
        };
        leaving_why(&said, failed).expect_err("fails");
        assert_eq!(fs::read_to_string(&other).expect("a file"), "old");
        assert_eq!(fs::read_to_string(&said).expect("a file"), "why");
        leaving_why(&said, || Ok(())).expect("succeeds");
        assert!(!said.exists());
    }

    #[test]
    fn mistakes_are_told() {
        for (arguments, kind) in [
            (vec![], Kind::Usage),
            (vec!["paint"], Kind::Usage),
            (vec!["look", "{}"], Kind::Usage),
            (vec!["look", "--image"], Kind::Usage),
            (
                vec!["look", "--image", "/", "--out", "/none", "--colour", "{}"],
                Kind::Usage,
            ),
            (
                vec!["look", "--image", "/", "--out", "/none", "{}"],
                Kind::Usage,
            ),
            (
                vec![
                    "look",
                    "--image",
                    "/",
                    "--out",
                    "/none",
                    "--request",
                    "/none/request",
                ],
                Kind::File,
            ),
            (vec!["curl", "--look", "/none"], Kind::File),
            (vec!["runtime"], Kind::Usage),
            (vec!["fingerprint", "--id", "a"], Kind::Usage),
            (vec!["requirements", "--cache", "/none"], Kind::Usage),
            (vec!["requirements", "--cache", "/none", "{}"], Kind::Usage),
            (vec!["build", "--cache", "/none", "{}"], Kind::Usage),
            (vec!["list", "--out", "/none"], Kind::Usage),
            (
                vec!["unpack", "--wheels", "/none", "--out", "/none"],
                Kind::Usage,
            ),
            (
                vec!["unpack", "--wheels", "/none", "--out", "/none", "{}"],
                Kind::Usage,
            ),
            (
                vec!["finish", "--wheels", "/none", "--out", "/none", "{}"],
                Kind::Usage,
            ),
            (
                vec!["compile", "--layer", "/none", "--out", "/none", "{}"],
                Kind::Usage,
            ),
            (vec!["remove", "--image", "/none"], Kind::Usage),
            (vec!["remove", "--image", "/none", "{}"], Kind::Usage),
            (
                vec!["list", "--context", "/none", "--out", "/none"],
                Kind::File,
            ),
        ] {
            let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
            assert_eq!(
                run(&arguments).expect_err("a mistake").kind,
                kind,
                "{arguments:?}"
            );
        }
    }
}
