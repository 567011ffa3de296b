//! The fal options as they are in force, each as it would be written.

use crate::fal::options::{Curl, Mode, Options, PythonRuntime, Refresh, Resolver, Runtime};

/// Keys and values. What nothing would be done about is not among them, nor are pins, which count by package.
pub(super) fn in_force(options: &Options, has_requirements: bool) -> Vec<(&'static str, String)> {
    let mut found = vec![
        ("mode", mode(options.mode).to_owned()),
        ("curl", curl(&options.curl)),
        ("default-ignore", switch(options.default_ignore).to_owned()),
    ];
    if options.mode == Mode::App {
        found.push(("runtime", runtime(&options.runtime)));
    }
    if has_requirements {
        let resolver = match options.resolver {
            Resolver::Uv => "uv",
            Resolver::Pip => "pip",
        };
        found.push(("resolver", resolver.to_owned()));
        let is_off = options.resolver == Resolver::Uv && !options.wheels;
        found.extend(is_off.then(|| ("wheels", "off".to_owned())));
    }
    found.extend(options.python.map(|python| ("python", python.to_string())));
    found.extend(options.port.map(|port| ("port", port.to_string())));
    if let Refresh::When(word) = &options.refresh {
        found.push(("refresh", word.clone()));
    }
    found.extend(options.python_runtime.map(|runtime| match runtime {
        PythonRuntime::Standalone => ("python-runtime", "standalone".to_owned()),
    }));
    found
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::App => "app",
        Mode::Server => "server",
        Mode::Off => "off",
    }
}

fn curl(curl: &Curl) -> String {
    match curl {
        Curl::Auto => "auto".to_owned(),
        Curl::Verify => "verify".to_owned(),
        Curl::None => "none".to_owned(),
        Curl::Image(reference) => format!("image:{reference}"),
    }
}

fn runtime(runtime: &Runtime) -> String {
    match runtime {
        Runtime::Auto => "auto".to_owned(),
        Runtime::Sdk(None) => "sdk".to_owned(),
        Runtime::Sdk(Some(version)) => format!("sdk=={version}"),
        Runtime::Pins => "pins".to_owned(),
        Runtime::Verify => "verify".to_owned(),
        Runtime::None => "none".to_owned(),
    }
}

fn switch(on: bool) -> &'static str {
    match on {
        true => "on",
        false => "off",
    }
}
