//! What is said about options.

use crate::{
    diagnostic::Diagnostic,
    fal::options::{KEYS, Key, Origin, comment::Mistake, keys::Refusal},
    golang,
};

pub(super) fn unreadable(mistake: &Mistake) -> Diagnostic {
    Diagnostic::error(format!("cannot read fal options: {mistake}")).help(
        "options are written key=value, or key=\"value with blanks\", with no blank around `=`",
    )
}

pub(super) fn unknown_key(name: &str) -> Diagnostic {
    let nearest = golang::nearest(name, KEYS.iter().map(|key| key.name), false);
    Diagnostic::error(format!("unknown fal option {}", golang::quote(name))).suggest(nearest)
}

pub(super) fn unknown_option(name: &str) -> Diagnostic {
    let nearest = golang::nearest(name, KEYS.iter().map(|key| key.name), false);
    Diagnostic::error(format!(
        "unknown frontend option {}",
        golang::quote(&format!("fal.{name}"))
    ))
    .suggest(nearest.map(|nearest| format!("fal.{nearest}")))
}

pub(super) fn given_twice(key: &Key) -> Diagnostic {
    Diagnostic::error(format!("fal option {} is given twice", key.name))
}

pub(super) fn refused(key: &Key, value: &str, origin: Origin, refusal: Refusal) -> Diagnostic {
    let place = match origin {
        Origin::Default | Origin::Manifest | Origin::Comment(_) => {
            format!("fal option {}", key.name)
        }
        Origin::Image => format!(
            "{} in the environment of the frontend image",
            key.variable()
        ),
        Origin::BuildArgument => format!("build argument {}", key.variable()),
        Origin::Option => format!("frontend option {}", key.option()),
    };
    let message = format!("invalid value {} for {place}", golang::quote(value));
    let diagnostic = match refusal {
        Refusal::Because(reason) => Diagnostic::error(format!("{message}: {reason}")),
        Refusal::Unknown => Diagnostic::error(message)
            .suggest(key.nearest(value))
            .help(format!("{} takes {}", key.name, key.values.join(", "))),
    };
    match origin.lines() {
        Some(lines) => diagnostic.at(lines),
        None => diagnostic,
    }
}

pub(super) fn idle_pins() -> Diagnostic {
    Diagnostic::warning("fal option pins does nothing without runtime=pins")
}

pub(super) fn idle_secret_cache() -> Diagnostic {
    Diagnostic::warning("a changed secret does not run the steps again that mount it: this daemon does not compare what steps mount")
        .help("BuildKit 0.13 and later do; `# fal: secret-cache=off` says that this is known")
}
