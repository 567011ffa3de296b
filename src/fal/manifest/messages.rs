//! What is said about manifests, where fal's SDK and tool do not say it.

use crate::{diagnostic::Diagnostic, golang};

/// What stands for a line that nobody read.
pub(super) const NOT_SHOWN: &str = "(not shown: it may hold a secret)";

/// The SDK's own.
pub(super) const NO_DOCKERFILE: &str = "Invalid dockerfile: Dockerfile is required.";
pub(super) const NO_CREDENTIALS: &str = "Username and password are required for each registry";
pub(super) const USE_ISOLATE: &str = "use_isolate must be a bool.";

pub(super) const BUILD_ARGS: &str = "build_args must be a table of strings.";
pub(super) const SECRETS: &str = "secrets must be a table of strings.";
pub(super) const REGISTRIES: &str = "registries must be a table of tables.";
pub(super) const CREDENTIALS: &str = "username and password must be strings.";

pub(super) fn not_text(name: &str) -> Diagnostic {
    Diagnostic::error(format!("{name} is not UTF-8"))
}

pub(super) fn no_json(why: &str) -> Diagnostic {
    Diagnostic::error(format!("cannot read the ContainerImage: {why}"))
}

pub(super) fn no_object() -> Diagnostic {
    Diagnostic::error("a ContainerImage is a JSON object")
}

pub(super) fn no_character() -> Diagnostic {
    Diagnostic::error("cannot read the ContainerImage: a string holds half of a character")
}

pub(super) fn given_twice(key: &str) -> Diagnostic {
    Diagnostic::error(format!("'{key}' is given twice"))
}

pub(super) fn no_toml(why: &str, line: u32) -> Diagnostic {
    Diagnostic::error(format!("Invalid TOML in line {line}: {why}"))
}

pub(super) fn unexpected_in_image(keys: &str) -> String {
    format!("Found unexpected keys in the ContainerImage: {keys}")
}

pub(super) fn literal_secret(id: &str) -> Diagnostic {
    literal(&format!("secret {}", golang::quote(id)))
}

pub(super) fn literal_password(key: &str, host: &str) -> Diagnostic {
    literal(&format!("the {key} for registry {}", golang::quote(host)))
}

fn literal(what: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "{what} is written out in the file, which errors and provenance would show: write \"$NAME\", the name of a fal secret"
    ))
}

pub(super) fn no_apps(name: &str) -> Diagnostic {
    Diagnostic::error(format!("{name} has no table [tool.fal.apps.NAME]"))
}

pub(super) fn which_app(name: &str, apps: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "{name} has several apps, and the option target says which: {apps}"
    ))
}

pub(super) fn no_base(app: &str) -> String {
    format!(
        "App {app} has neither an image nor a python_version in pyproject.toml, so there is no image to build on"
    )
}

pub(super) fn no_version(app: &str, written: &str) -> String {
    format!(
        "App {app} python_version {} is not written MAJOR.MINOR",
        golang::quote(written)
    )
}

pub(super) fn no_reference(app: &str, why: &str) -> String {
    format!("App {app} image.image is no image: {why}")
}

pub(super) fn deprecated_builder(builder: &str) -> Diagnostic {
    Diagnostic::warning(format!(
        "builder='{builder}' is deprecated and has been removed. All builds now use Depot. You can safely remove the builder \
         parameter or set builder='depot'."
    ))
}

pub(super) fn compression(wanted: &str, output: &str) -> Diagnostic {
    Diagnostic::warning(format!(
        "{wanted} is not the frontend's to do: say it to the client, as --output type=image,{output}"
    ))
}

pub(super) fn no_patterns(expressions: &[&str]) -> Diagnostic {
    /// Nobody reads more of them.
    const SHOWN: usize = 5;
    let shown: Vec<&str> = expressions.iter().copied().take(SHOWN).collect();
    let more = match expressions.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Diagnostic::warning(format!(
        "docker_ignore has what no pattern of a .dockerignore can say, and files that it means are sent: {}{more}",
        shown.join(" ")
    ))
}
