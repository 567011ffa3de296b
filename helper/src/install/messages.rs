//! The sentences with which an installation stops a build.

use std::fmt::Display;
use std::path::Path;

use super::installer::Wanted;
use super::process::Outcome;
use crate::failure::{Failure, Kind};
use crate::report;
use crate::requirements::Resolver;

pub(super) fn io(what: &str, path: &Path, error: &dyn Display) -> Failure {
    Failure::new(
        Kind::File,
        format!("cannot {what} {}: {error}", path.display()),
    )
}

pub(super) fn unknown_manager(name: &str) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "no package manager `{name}` is in the image, though it was when the image was looked at"
        ),
    )
}

pub(super) fn manager_failed(manager: &str, outcome: &str) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "{manager} could not install curl ({outcome}; what it printed is above): the archive of the image's distribution may be out \
             of reach or, for a release that is no longer maintained, moved; install curl in the Dockerfile, or write \
             `# fal: curl=image:REF` with an image that has a static curl"
        ),
    )
}

pub(super) fn not_fetched(manager: &str, outcome: &str) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "{manager} could not fetch curl for the base image ahead ({outcome}; what it printed is above), so it is fetched when it is \
             installed, and by later builds as well until this step runs again (`# fal: refresh=on`)"
        ),
    )
}

pub(super) fn curl_still_missing(manager: &str) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "{manager} installed curl, but it is not on the image's PATH: add /usr/bin to PATH in the Dockerfile"
        ),
    )
}

pub(super) fn curl_does_not_start(path: &Path, outcome: &Outcome) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "{} is there but does not start ({outcome}): {}",
            path.display(),
            outcome.cause()
        ),
    )
}

pub(super) fn nothing_to_copy_from() -> Failure {
    Failure::new(
        Kind::Usage,
        "the image that curl is copied from is not mounted",
    )
}

pub(super) fn no_curl_in_image() -> Failure {
    Failure::new(
        Kind::CurlInstall,
        "the image that `curl=image:` names has no curl in /usr/local/bin, /usr/bin, /bin or /: name one with a static curl",
    )
}

pub(super) fn curl_not_static(path: &Path) -> Failure {
    Failure::new(
        Kind::CurlInstall,
        format!(
            "{} of the image that `curl=image:` names needs shared libraries, so it would not start elsewhere: name an image with a \
             static curl",
            path.display()
        ),
    )
}

pub(super) fn no_place_for_curl() -> Failure {
    Failure::new(
        Kind::CurlInstall,
        "the image's PATH names no directory into which curl could be copied",
    )
}

pub(super) fn python_does_not_start(python: &Path, why: &str) -> Failure {
    Failure::new(
        Kind::BrokenPython,
        format!(
            "the image's Python, {}, does not start: {why}",
            python.display()
        ),
    )
}

pub(super) fn no_byte_code(python: &Path, why: &str) -> Failure {
    Failure::new(
        Kind::BrokenPython,
        format!(
            "the Python that the wheels are for, {}, makes no byte code of them: {why}",
            python.display()
        ),
    )
}

pub(super) fn no_installer(python: &report::Python) -> Failure {
    Failure::new(
        Kind::NoInstaller,
        format!(
            "Python {} of the image ({}) has no pip that works, nor has the image uv: install one in the Dockerfile (such as \
             `RUN python -m ensurepip` or the package python3-pip), or install the packages there and write `# fal: runtime=verify`",
            python.minor,
            python.prefix.display()
        ),
    )
}

pub(super) fn installer_failed(installer: &str, wanted: &[Wanted], outcome: &Outcome) -> Failure {
    let requirements: Vec<&str> = wanted.iter().map(|it| it.requirement.as_str()).collect();
    Failure::new(
        Kind::PackageInstall,
        format!(
            "{installer} could not install {} ({outcome}; what it printed is above): {}",
            requirements.join(" "),
            outcome.cause()
        ),
    )
}

pub(super) fn no_installer_of_requirements(python: &report::Python, resolver: Resolver) -> Failure {
    let needed = match resolver {
        Resolver::Uv => "neither uv nor a pip that could fetch it",
        Resolver::Pip => "no pip",
    };
    Failure::new(
        Kind::NoInstaller,
        format!(
            "Python {} of the image ({}) has {needed}, so its requirements cannot be installed: install one in the Dockerfile (such as \
             `RUN python -m ensurepip`, or the package python3-pip)",
            python.minor,
            python.prefix.display()
        ),
    )
}

pub(super) fn uv_not_fetched(pip: &str, outcome: &Outcome) -> Failure {
    Failure::new(
        Kind::NoInstaller,
        format!(
            "the image has no uv, and {pip} could not fetch it ({outcome}): {}; install uv in the Dockerfile, or write `# fal: resolver=pip`",
            outcome.cause()
        ),
    )
}

pub(super) fn uv_does_not_start() -> Failure {
    Failure::new(
        Kind::NoInstaller,
        "the image has no uv, and the one that was fetched does not start in it: install uv in the Dockerfile, or write \
         `# fal: resolver=pip`",
    )
}

pub(super) fn other_uv(pip: &str) -> Failure {
    Failure::new(
        Kind::NoInstaller,
        format!(
            "the image has no uv, and what {pip} brought is none of the programs that fal knows for the machine of the image's Python: \
             install uv in the Dockerfile, or write `# fal: resolver=pip`"
        ),
    )
}

/// What kept requirements from being installed, as far as the installer's words tell.
pub(super) fn requirements_failed(installer: &str, outcome: &Outcome) -> Failure {
    let (kind, what) = match unsolved(&outcome.stderr) {
        Some((Unsolved::NotFound, what)) => (Kind::RequirementNotFound, what),
        Some((Unsolved::Conflict, what)) => (Kind::RequirementConflict, what),
        None => (Kind::RequirementInstall, cause(outcome)),
    };
    let said = match kind {
        Kind::RequirementNotFound => "found no distribution for a requirement",
        Kind::RequirementConflict => "found requirements that contradict each other",
        _ => "could not install the requirements",
    };
    Failure::new(
        kind,
        format!(
            "{installer} {said} ({outcome}; what it printed is in the log): {}",
            shortened(&what)
        ),
    )
}

/// A lock file that an installer does not know what to do with; `first` is its first release that does.
pub(super) fn reads_no_lock(installer: &str, lock: &str, first: Option<&str>) -> Failure {
    let lock = Path::new(lock).file_name().unwrap_or_default().display();
    let why = match first {
        Some(first) => format!("{first} and later do, and resolver=uv brings one"),
        None => "resolver=uv does".to_owned(),
    };
    Failure::new(
        Kind::RequirementInstall,
        format!("{installer} does not install from {lock}: {why}"),
    )
}

/// A `uv.lock` without the project that it belongs to.
pub(super) fn no_project(lock: &Path) -> Failure {
    Failure::new(
        Kind::RequirementInstall,
        format!("{} has no pyproject.toml beside it", lock.display()),
    )
}

/// uv did not say what a `uv.lock` comes to.
pub(super) fn no_export(uv: &str, lock: &Path, outcome: &Outcome) -> Failure {
    const STALE: &str = "needs to be updated";
    if !outcome.stderr.contains(STALE) {
        return requirements_failed(uv, outcome);
    }
    let lock = lock.file_name().unwrap_or_default().display();
    Failure::new(
        Kind::RequirementConflict,
        format!(
            "{lock} is not that of the pyproject.toml beside it any more: run `uv lock`, or write --frozen behind {lock} to install from it as it is"
        ),
    )
}

pub(super) fn not_built(installer: &str, wheel: &str, outcome: &Outcome) -> Failure {
    Failure::new(
        Kind::RequirementInstall,
        format!(
            "{installer} could not build a wheel of {wheel} ({outcome}; what it printed is in the log): {}",
            shortened(&cause(outcome))
        ),
    )
}

pub(super) fn nothing_to_build() -> Failure {
    Failure::new(Kind::Usage, "what a wheel is built from is not mounted")
}

pub(super) fn no_git(url: &str) -> Failure {
    Failure::new(
        Kind::RequirementInstall,
        format!("the image has no git, which {url} takes"),
    )
}

pub(super) fn not_checked_out(url: &str, commit: &str, outcome: &Outcome) -> Failure {
    Failure::new(
        Kind::RequirementInstall,
        format!(
            "git could not check out {commit} of {url} ({outcome}; what it printed is in the log): {}",
            shortened(outcome.cause())
        ),
    )
}

/// What went wrong, the last of the causes that uv lists below it, and the last word of a build backend.
fn cause(outcome: &Outcome) -> String {
    let what = outcome.cause();
    if !what.starts_with("error") {
        return what.to_owned();
    }
    let causes = outcome.stderr.lines().map(str::trim);
    let cause = causes
        .filter_map(|line| line.strip_prefix("cause: "))
        .next_back();
    let said = said_by_backend(what, &outcome.stderr);
    let parts = [Some(what), cause, said].into_iter().flatten();
    parts.collect::<Vec<_>>().join(": ")
}

/// The last line of a build backend that failed: uv shows it behind what went wrong, or before that while it builds.
fn said_by_backend<'a>(what: &str, stderr: &'a str) -> Option<&'a str> {
    if !what.starts_with("error: Failed to build") {
        return None;
    }
    let (before, behind) = stderr.rsplit_once(what)?;
    let lines = match behind.split_once("[stderr]") {
        Some((_, behind)) => behind.split("\nhint: ").next()?,
        None => before,
    };
    lines.lines().map(str::trim).rfind(|line| !line.is_empty())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unsolved {
    NotFound,
    Conflict,
}

/// What pip or uv says where there is no way to install everything.
fn unsolved(stderr: &str) -> Option<(Unsolved, String)> {
    let of_pip = |sign: &str| {
        let line = stderr.lines().rfind(|line| line.contains(sign))?;
        Some(line.trim().trim_start_matches("ERROR: ").to_owned())
    };
    if let Some(line) = of_pip("No matching distribution found for ") {
        return Some((Unsolved::NotFound, line));
    }
    if let Some(line) = of_pip("conflicting dependencies") {
        return Some((Unsolved::Conflict, line));
    }
    // uv draws a tree, whose lines are broken where a terminal would end.
    let (_, tree) = stderr.split_once("No solution found")?;
    let lines = tree.lines().skip(1).map(str::trim);
    let is_part = |line: &&str| !line.is_empty() && !line.starts_with("hint:");
    let words: Vec<&str> = lines
        .take_while(is_part)
        .flat_map(|line| {
            let line = line.trim_start_matches(['╰', '─', '▶']);
            line.strip_prefix("cause:")
                .unwrap_or(line)
                .split_whitespace()
        })
        .collect();
    let text = words.join(" ");
    let signs = [
        "was not found in",
        "there is no version of",
        "there are no versions of",
    ];
    let kind = match signs.iter().any(|sign| text.contains(sign)) {
        true => Unsolved::NotFound,
        false => Unsolved::Conflict,
    };
    Some((kind, text))
}

/// A sentence that somebody will read.
fn shortened(text: &str) -> String {
    const MOST: usize = 600;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
    }
}

pub(super) fn still_wrong(installer: Option<&str>, report: &report::Report) -> Option<Failure> {
    let python = report.python.as_ref()?;
    let wrong = report.packages.iter().filter(|package| !package.fits);
    let each: Vec<String> = wrong
        .map(|package| {
            let place = package
                .location
                .as_ref()
                .map(|path| format!(" in {}", path.display()))
                .unwrap_or_default();
            let installed = package.installed.as_deref().unwrap_or("none");
            format!(
                "{} {installed}{place} where {} is needed",
                package.name, package.accept
            )
        })
        .collect();
    if each.is_empty() {
        return None;
    }
    let installer = installer.unwrap_or("the installer");
    Some(Failure::new(
        Kind::PackageInstall,
        format!(
            "{installer} said that it installed the packages, but Python {} ({}) still sees {}",
            python.minor,
            python.prefix.display(),
            each.join("; ")
        ),
    ))
}

pub(super) fn import_failed(module: &str, python: &Path, why: &str) -> Failure {
    Failure::new(
        Kind::Import,
        format!(
            "{module} is installed, but {} cannot import it: {why}",
            python.display()
        ),
    )
}

pub(super) fn other_prefix(python: &report::Python, said: &str) -> String {
    format!(
        "{} says that its prefix is {said}, while its files say {}",
        python.executable.display(),
        python.prefix.display()
    )
}

pub(super) fn other_version(name: &str, installed: &str, said: &str) -> String {
    format!(
        "{name} {installed} is what its metadata says, but what is imported calls itself {said}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_a_build_backend_is_told() {
        let what = "error: Failed to build `demo==1.0`";
        let cause = "  cause: The build backend returned an error\n";
        let said = "OSError: no `pg_config`";
        for printed in [
            format!(
                "Resolved 2 packages\n{what}\n{cause}\n         [stderr]\n         Traceback\n         {said}\n\nhint: x\n"
            ),
            format!("Building wheel...\nTraceback\n{said}\n{what}\n{cause}\nhint: x\n"),
        ] {
            assert_eq!(said_by_backend(what, &printed), Some(said), "{printed}");
        }
        assert_eq!(
            said_by_backend("error: another", "a\nerror: another\n"),
            None
        );
    }

    #[test]
    fn what_installers_say_is_told_apart() {
        for (printed, kind, text) in [
            (
                "ERROR: Could not find a version that satisfies the requirement nope==1 (from versions: none)\nERROR: No matching distribution found for nope==1\n",
                Unsolved::NotFound,
                "No matching distribution found for nope==1",
            ),
            (
                "ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.\n\nERROR: ResolutionImpossible: for help visit …\n",
                Unsolved::Conflict,
                "Cannot install a==1 and b==2 because these package versions have conflicting dependencies.",
            ),
            (
                "  × No solution found when resolving dependencies:\n  ╰─▶ Because nope was not found in the package registry and you require nope, we\n      can conclude that your requirements are unsatisfiable.\n\n      hint: x\n",
                Unsolved::NotFound,
                "Because nope was not found in the package registry and you require nope, we can conclude that your requirements are unsatisfiable.",
            ),
            (
                "error: No solution found when resolving dependencies\n  cause: Because nope was not found in the package registry, …\n",
                Unsolved::NotFound,
                "Because nope was not found in the package registry, …",
            ),
            (
                "  × No solution found when resolving dependencies:\n  ╰─▶ Because a==1 depends on c<1 and b==2 depends on c>1, …\n",
                Unsolved::Conflict,
                "Because a==1 depends on c<1 and b==2 depends on c>1, …",
            ),
        ] {
            assert_eq!(unsolved(printed), Some((kind, text.to_owned())));
        }
        assert_eq!(unsolved("error: Failed to build `x`"), None);
    }
}
