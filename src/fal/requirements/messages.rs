//! The sentences about requirements.

use fal_helper::{failure::Kind, lock::File};

use crate::{diagnostic::Diagnostic, golang, source::Lines};

use super::{Mistake, Repository};

pub(super) fn credential() -> Mistake {
    let diagnostic = Diagnostic::error(
        "a requirement has a credential written out, which history and provenance would show: write ${NAME} in its place, \
         and give the secret NAME",
    );
    Mistake {
        diagnostic,
        is_secret: true,
    }
}

pub(super) fn ssh() -> Mistake {
    plain(Diagnostic::error(
        "requirements are not fetched over SSH: write git+https://${NAME}@HOST/… and give the secret NAME",
    ))
}

pub(super) fn outside(written: &str) -> Mistake {
    plain(Diagnostic::error(format!(
        "a requirement is outside of the folder that the client sends: {written}"
    )))
}

pub(super) fn editable() -> Mistake {
    plain(Diagnostic::error(
        "an editable requirement would point to files that are not in the image: write the path alone, without -e",
    ))
}

pub(super) fn elsewhere(flag: &str) -> Mistake {
    plain(Diagnostic::error(format!(
        "requirements do not take {flag}: they are installed for the Python that fal runs"
    )))
}

pub(super) fn together(flags: &str) -> Mistake {
    plain(Diagnostic::error(format!(
        "requirements take short flags one by one: write each of {flags} as a word of its own"
    )))
}

pub(super) fn no_value(flag: &str) -> Mistake {
    plain(Diagnostic::error(format!(
        "{flag} among the requirements has no value"
    )))
}

pub(super) fn too_many_files(most: usize) -> Mistake {
    plain(Diagnostic::error(format!(
        "a layer of requirements takes more than {most} requirements files, with those that they name"
    )))
}

pub(super) fn beside_a_lock(lock: &str) -> Mistake {
    plain(Diagnostic::error(format!(
        "{lock} is all that is installed where it is named: nothing else can be required beside it"
    )))
}

pub(super) fn no_toml(file: &str, why: &str) -> Mistake {
    plain(Diagnostic::error(format!(
        "the lock file {file} cannot be read: {why}"
    )))
}

pub(super) fn no_lock_of_ours(file: &str, why: &str) -> Mistake {
    plain(
        Diagnostic::error(format!("{file} is no lock that a build gave: {why}"))
            .help("without [tool.fal] it is a pylock.toml like others"),
    )
}

/// The same with the place in a requirements file.
pub(super) fn in_file(file: &str, line: usize, mistake: Mistake) -> Mistake {
    Mistake {
        diagnostic: mistake.diagnostic.context(&format!("{file}:{line}")),
        ..mistake
    }
}

fn plain(diagnostic: Diagnostic) -> Mistake {
    Mistake {
        diagnostic,
        is_secret: false,
    }
}

/// A requirements file that is not there.
pub(super) fn unreadable(file: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "the requirements file {} is not in the build context",
        golang::quote(file)
    ))
}

/// A project that is not where its `uv.lock` is.
pub(super) fn no_project(file: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "{} is not in the build context: a uv.lock is read together with the pyproject.toml beside it, and with those of its workspace",
        golang::quote(file)
    ))
}

/// A repository that did not say where its branch is.
pub fn unresolved(repository: &Repository, why: &str) -> Diagnostic {
    let help = match &repository.token {
        Some(token) => {
            format!("the daemon asks with the secret {token}, which the client has to give")
        }
        None => "write the commit behind the @, and nothing has to be asked".to_owned(),
    };
    Diagnostic::error(format!(
        "cannot tell the commit of the requirement {}: {why}",
        repository.written
    ))
    .help(help)
}

/// What is said of the lock of an earlier build that does not fit the image of this one.
pub fn other_lock(why: &str, lines: Option<Lines>) -> Diagnostic {
    let warning = Diagnostic::warning(format!(
        "the lock that requirements name is for another image ({why}): uv says what of it is installed here"
    ));
    match lines {
        Some(lines) => warning.at(lines),
        None => warning,
    }
}

/// A secret that was not given.
pub fn absent_secret(name: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "the requirements need the secret {name}, which was not given"
    ))
    .help(format!("give it with `--secret id={name},env={name}`"))
}

/// Why a step failed that installs requirements, as far as its exit code tells.
pub fn failed(kind: Kind) -> Option<Diagnostic> {
    let sentence = match kind {
        Kind::RequirementNotFound => "no distribution was found for a requirement",
        Kind::RequirementConflict => "the requirements contradict each other",
        Kind::RequirementInstall => "the requirements could not be installed",
        Kind::RequirementSecret => "a secret that the requirements need is empty or not text",
        Kind::NoInstaller => "the image has neither uv nor pip to install the requirements with",
        Kind::NoPython => "the image has no Python to install the requirements for",
        Kind::OtherPython => "the image has another Python than the app is made for",
        _ => return None,
    };
    Some(Diagnostic::error(sentence).help("the log of the step says more"))
}

/// A wheel that is not the one that was chosen.
pub fn other_wheel(wheel: &File, why: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "the wheel {} is refused: what {} gives is not what its index says ({why})",
        wheel.name, wheel.url
    ))
    .help("if it was changed where it is, fal.refresh=on asks again which wheels there are")
}

/// Why the daemon has not fetched a file, and what it would send to a server that asks who it is.
pub fn not_fetched(file: &File, why: &str) -> String {
    let sentence = format!("the daemon cannot fetch {}: {why}", file.name);
    let asks = ["status 401", "status 403"];
    match host(&file.url).filter(|_| asks.iter().any(|status| why.contains(status))) {
        Some(host) => format!(
            "{sentence}; to {host} it sends the secret HTTP_AUTH_TOKEN_{host} or HTTP_AUTH_HEADER_{host}, if the client gives one"
        ),
        None => sentence,
    }
}

/// The host of a URL, as the daemon has it in the names of secrets: without the port.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    match host.strip_prefix('[') {
        Some(address) => Some(address.split_once(']')?.0),
        None => host.split(':').next(),
    }
}

/// What is said where the Python of the image cannot be started.
pub fn cannot_run(platform: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "requirements are installed by the image's own Python, and this daemon cannot run programs for {platform}: build on a node \
         for {platform} or one that emulates it (binfmt)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_let_in_is_told_which_secret_would_be_sent() {
        for (url, why, secret) in [
            (
                "https://h.example.com:8080/a.whl",
                "invalid response status 401",
                Some("HTTP_AUTH_TOKEN_h.example.com or HTTP_AUTH_HEADER_h.example.com,"),
            ),
            (
                "http://[::1]:80/a.whl",
                "x: invalid response status 403",
                Some("HTTP_AUTH_TOKEN_::1 or"),
            ),
            ("https://h/a.whl", "invalid response status 404", None),
            ("https://h/a.whl", "no route to host", None),
        ] {
            let file = File {
                name: "a.whl".to_owned(),
                url: url.to_owned(),
                sha256: String::new(),
                size: None,
            };
            let told = not_fetched(&file, why);
            assert!(told.contains(why), "{told}");
            let is_told = secret.map_or(!told.contains("HTTP_AUTH"), |it| told.contains(it));
            assert!(is_told, "{told}");
        }
    }
}
