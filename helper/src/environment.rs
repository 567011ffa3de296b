//! Which variables reach the programs that a step starts.
//!
//! A step runs with the variables that the image's ENV and the daemon give it, as the user's RUN steps do. What says *where*
//! things are fetched from and *whom to trust* passes: proxies, certificates, package indexes. What changes *how* programs
//! work does not: `PYTHON*`, `LD_*`, and of `PIP_*` and `UV_*` whatever is not about an index, such as `PIP_TARGET`,
//! `PIP_USER`, `PIP_CONSTRAINT` (NVIDIA's images set it) or `UV_SYSTEM_PYTHON`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Proxies, which tools read in either case.
const PROXIES: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
];

/// Names that pass as they are.
const NAMES: &[&str] = &[
    // Whom to trust.
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_TRUSTED_HOST",
    "SSL_CLIENT_CERT",
    "UV_INSECURE_HOST",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    // Where packages come from.
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "PIP_CONFIG_FILE",
    "PIP_PROXY",
    "NETRC",
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX_STRATEGY",
    "UV_NO_INDEX",
    "UV_CONFIG_FILE",
    // How patiently.
    "PIP_DEFAULT_TIMEOUT",
    "PIP_RETRIES",
    "UV_HTTP_TIMEOUT",
    "UV_HTTP_RETRIES",
    // Byte code that does not depend on the clock.
    "SOURCE_DATE_EPOCH",
];

/// Credentials of a named index of uv: `UV_INDEX_<NAME>_USERNAME`.
const UV_INDEX_CREDENTIALS: (&str, [&str; 2]) = ("UV_INDEX_", ["_USERNAME", "_PASSWORD"]);

/// Passes to Python alone, and only when it does not start without.
pub const LIBRARIES: &str = "LD_LIBRARY_PATH";

/// Whether a variable of the image's ENV is of use to a step. A frontend that leaves out the others keeps
/// changes of them out of the step's cache key.
pub fn is_useful(name: &str) -> bool {
    passes(name) || name == LIBRARIES
}

fn passes(name: &str) -> bool {
    let (prefix, suffixes) = UV_INDEX_CREDENTIALS;
    PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
        || NAMES.contains(&name)
        || (name.starts_with(prefix) && suffixes.iter().any(|suffix| name.ends_with(suffix)))
}

/// The variables of a program that is about to be started.
#[derive(Clone, Debug)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    libraries: Option<OsString>,
}

impl Environment {
    /// Those of `given` that pass, a PATH of `directories`, and what every program gets.
    pub fn new(
        given: impl IntoIterator<Item = (OsString, OsString)>,
        directories: &[PathBuf],
    ) -> Self {
        let mut environment = Self {
            variables: BTreeMap::new(),
            libraries: None,
        };
        for (name, value) in given {
            if name == LIBRARIES {
                environment.libraries = Some(value);
            } else if name.to_str().is_some_and(passes) {
                environment.variables.insert(name, value);
            }
        }
        // A directory whose name holds a colon cannot be on a PATH; it came from none.
        let path = std::env::join_paths(directories)
            .unwrap_or_else(|_| crate::search::DEFAULT_PATH.into());
        for (name, value) in [
            ("PATH", path),
            ("LANG", "C.UTF-8".into()),
            ("HOME", "/root".into()),
            ("TERM", "dumb".into()),
        ] {
            environment.variables.insert(name.into(), value);
        }
        environment
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Adds the image's LD_LIBRARY_PATH; nothing if it has none.
    pub fn with_libraries(&self) -> Option<Self> {
        Some(self.clone().with(LIBRARIES, self.libraries.clone()?))
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
    }

    /// Every variable, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.variables.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes() {
        let given = [
            ("https_proxy", "http://proxy"),
            ("HTTP_PROXY", "http://proxy"),
            ("SSL_CERT_FILE", "/ca"),
            ("PIP_INDEX_URL", "https://index"),
            ("UV_INDEX_CORP_PASSWORD", "x"),
            ("PIP_TARGET", "/x"),
            ("PIP_USER", "1"),
            ("PIP_CONSTRAINT", "/etc/pip/constraint.txt"),
            ("PYTHONPATH", "/x"),
            ("PYTHONHOME", "/x"),
            ("LD_PRELOAD", "/x.so"),
            ("LD_LIBRARY_PATH", "/cuda"),
            ("UV_SYSTEM_PYTHON", "1"),
            ("UV_INDEX_JUNK", "x"),
            ("PATH", "/hostile"),
            ("HOME", "/hostile"),
            ("BASH_ENV", "/hostile"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
        ];
        let given = given.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let environment = Environment::new(given, &["/usr/bin".into(), "/bin".into()]);
        let names: Vec<_> = environment
            .iter()
            .map(|(name, _)| name.to_str().expect("text"))
            .collect();
        assert_eq!(
            names,
            [
                "HOME",
                "HTTP_PROXY",
                "LANG",
                "PATH",
                "PIP_INDEX_URL",
                "SSL_CERT_FILE",
                "TERM",
                "UV_INDEX_CORP_PASSWORD",
                "https_proxy"
            ]
        );
        assert_eq!(environment.get("PATH"), Some(OsStr::new("/usr/bin:/bin")));
        assert_eq!(environment.get("HOME"), Some(OsStr::new("/root")));
        let with = environment.with_libraries().expect("there is one");
        assert_eq!(with.get(LIBRARIES), Some(OsStr::new("/cuda")));
    }

    #[test]
    fn what_is_worth_a_place_in_the_cache_key() {
        for name in [
            "no_proxy",
            "NO_PROXY",
            "PIP_EXTRA_INDEX_URL",
            "LD_LIBRARY_PATH",
        ] {
            assert!(is_useful(name), "{name}");
        }
        for name in ["APP_VERSION", "PYTHONPATH", "PATH", "PIP_NO_CACHE_DIR"] {
            assert!(!is_useful(name), "{name}");
        }
    }
}
