//! What stands in the text of a requirement: names of secrets, credentials, repositories, paths.

use fal_helper::requirements::is_name;

use crate::fal::token;

/// A repository whose commit is not said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    /// `git+https://host/repo@main`, as written.
    pub written: String,
    /// The same up to the `@` before the branch or tag.
    address: String,
    /// `https://host/repo`, without who asks.
    pub remote: String,
    /// The secret that stands for who asks.
    pub token: Option<String>,
    /// The branch or the tag; empty is the repository's own branch.
    pub reference: String,
}

impl Repository {
    /// The same at a commit.
    pub(super) fn at(&self, commit: &str) -> String {
        format!("{}@{commit}", self.address)
    }
}

/// What is asked of git in a requirement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Git {
    None,
    /// A commit is said, or nothing is asked over a network.
    Settled,
    Repository(Repository),
    /// Over SSH.
    Ssh,
}

/// The names of `${NAME}`.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split("${")
        .skip(1)
        .filter_map(|after| Some(after.split_once('}')?.0))
        .filter(|name| is_name(name))
}

/// What stands beside a token that is a user or a password where only one of them counts.
const CONVENTIONS: [&str; 5] = ["", "x", "x-oauth-basic", "x-token-auth", "oauth2"];

/// Whether the text has a credential in it that is more than the names of secrets: in a URL, beside a proxy, as a setting of whoever
/// builds a project, or anywhere if it looks like the token of a well-known service.
pub(in crate::fal) fn has_credential(text: &str) -> bool {
    let in_urls = text.match_indices("://").any(|(at, scheme)| {
        let behind = text.get(at + scheme.len()..).unwrap_or_default();
        says_who(behind, text.get(..at).unwrap_or_default().ends_with("ssh"))
    });
    let is_proxy =
        |value: &str| !value.contains("://") && value.contains('@') && says_who(value, false);
    in_urls
        || token::is_in(text)
        || words(text).any(has_parameter)
        || values(text, &["--proxy"]).any(is_proxy)
        || values(text, &SETTINGS).any(is_secret_pair)
}

/// Flags with `key=value`; each before those that it begins with.
const SETTINGS: [&str; 4] = [
    "--config-settings-package",
    "--config-settings",
    "--config-setting",
    "-C",
];

/// Whether an address, behind its scheme, says who asks.
fn says_who(address: &str, is_ssh: bool) -> bool {
    let ends = |letter: char| matches!(letter, '/' | '?' | '#') || letter.is_whitespace();
    let authority = address.split(ends).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((who, _)) => match who.split_once(':') {
            None => !is_reference(who) && !is_ssh,
            Some((user, password)) => {
                let is_convention = is_reference(user) && CONVENTIONS.contains(&password);
                !is_reference(password) && !is_convention
            }
        },
        // A slash in a password ends the authority too early.
        None => authority.split_once(':').is_some_and(|(host, port)| {
            !host.starts_with('[') && !port.bytes().all(|byte| byte.is_ascii_digit())
        }),
    }
}

/// `https://…?token=value&…`
fn has_parameter(word: &str) -> bool {
    let mut parts = word.split(['?', '&', ';', '#']);
    let is_url = parts.next().is_some_and(|address| address.contains("://"));
    is_url && parts.any(is_secret_pair)
}

/// `token=value`
fn is_secret_pair(pair: &str) -> bool {
    let (name, value) = pair.split_once('=').unwrap_or_default();
    !value.is_empty() && !is_reference(value) && is_secret(name)
}

/// Whether what is called so is a secret: `X-Amz-Signature`, `access_token`, `key`.
fn is_secret(name: &str) -> bool {
    const WHOLE: [&str; 6] = ["auth", "credential", "key", "pass", "pwd", "sig"];
    const ENDS: [&str; 6] = [
        "apikey",
        "passwd",
        "password",
        "secret",
        "signature",
        "token",
    ];
    let name = name.to_ascii_lowercase();
    name.split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|part| WHOLE.contains(&part) || ENDS.iter().any(|end| part.ends_with(end)))
}

/// What stands behind these flags: `--flag=value`, `-Fvalue`, or the next word.
fn values<'a>(text: &'a str, flags: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let behind = |word: &'a str| {
        let found = flags.iter().find_map(|flag| match flag.starts_with("--") {
            // It may be the value of an option of ours: `requirements=--proxy=…`.
            true => word.split_once(flag).map(|(_, behind)| behind),
            false => word.strip_prefix(flag),
        });
        found.map(|behind| behind.trim_start_matches('='))
    };
    let mut is_next = false;
    words(text).filter_map(move |word| {
        let value = match is_next {
            true => Some(word),
            false => behind(word),
        };
        is_next = value.is_some_and(str::is_empty);
        value
    })
}

/// What stands between blanks and quotes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\''));
    words.filter(|word| !word.is_empty())
}

/// `${NAME}`
fn is_reference(text: &str) -> bool {
    let name = text
        .strip_prefix("${")
        .and_then(|text| text.strip_suffix('}'));
    name.is_some_and(is_name)
}

/// The repository of a requirement: `[name @] git+https://[who@]host/path[@reference][#…]`.
pub(super) fn git(text: &str) -> Git {
    let Some(written) = text.find("git+").and_then(|at| text.get(at..)) else {
        return Git::None;
    };
    let ends = |letter: char| matches!(letter, '#' | ';') || letter.is_whitespace();
    let written = written.split(ends).next().unwrap_or_default();
    let Some((scheme, rest)) = written
        .strip_prefix("git+")
        .and_then(|url| url.split_once("://"))
    else {
        return Git::None;
    };
    match scheme {
        "https" | "http" | "git" => {}
        "ssh" => return Git::Ssh,
        _ => return Git::Settled,
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (who, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (path, reference) = path.rsplit_once('@').unwrap_or((path, ""));
    let is_commit = reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit {
        return Git::Settled;
    }
    let address = match reference.is_empty() {
        true => written.trim_end_matches('@'),
        false => written
            .strip_suffix(reference)
            .map_or(written, |address| address.trim_end_matches('@')),
    };
    Git::Repository(Repository {
        written: written.to_owned(),
        address: address.to_owned(),
        remote: format!("{scheme}://{host}/{path}"),
        token: names(who).last().map(str::to_owned),
        reference: reference.to_owned(),
    })
}

/// A requirement that is a path: what stands before it, the path, and what stands behind.
pub(super) struct Path<'a> {
    /// `name @ `
    pub(super) before: &'a str,
    pub(super) path: &'a str,
    /// `[extra]; marker`
    pub(super) behind: &'a str,
}

/// The path of a requirement, if it is one: `.`, `./a`, `../a`, `a/b`, `/a`, `a-1.0-py3-none-any.whl`, each with `[extras]` and a
/// marker behind it, and with `name @` before it.
pub(super) fn path(text: &str) -> Option<Path<'_>> {
    let (before, written) = match text.split_once('@') {
        Some((name, behind)) if !name.contains('/') && behind.trim_start().starts_with('.') => {
            text.split_at(name.len() + 1 + behind.len() - behind.trim_start().len())
        }
        _ => ("", text),
    };
    let ends = |letter: char| matches!(letter, '[' | ';') || letter.is_whitespace();
    let end = written.find(ends).unwrap_or(written.len());
    let (path, behind) = written.split_at(end);
    (!path.contains("://") && is_path(path)).then_some(Path {
        before,
        path,
        behind,
    })
}

fn is_path(text: &str) -> bool {
    const ARCHIVES: [&str; 6] = [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"];
    matches!(text, "." | "..")
        || (text.contains('/') && !text.contains('@'))
        || ARCHIVES.iter().any(|ending| text.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_names_of_secrets_or_refused() {
        for text in [
            "numpy",
            "a @ https://h:8080/a.whl",
            "https://${TOKEN}@h/simple",
            "https://__token__:${TOKEN}@h/simple",
            "git+https://h/repo@main",
            "git+ssh://git@h/repo",
            "https://[::1]:80/",
            "git+https://${TOKEN}:x-oauth-basic@h/repo",
            "https://${TOKEN}:@h/simple",
            "https://h/simple?token=${TOKEN}&page=2#egg=a&sha256=00",
            "--proxy http://${USER}:${WORD}@h:80 a",
            "--proxy=${USER}:${WORD}@h a@h",
            "--proxy h:3128",
            "a --hash=sha256:0123456789abcdef0123456789abcdef",
            "--config-settings build-dir=value",
            "-C key=${KEY} --config-settings=a.token=${T} -Csetup-args=-Dkeyring=value",
            "a-Ckey=value",
        ] {
            assert!(!has_credential(text), "{text}");
        }
        for text in [
            "https://token@h/simple",
            "https://me:word@h/simple",
            "https://${USER}:word@h/simple",
            "https://me:wo/rd@h/simple",
            "https://${TOKEN}x@h",
            "git+https://t@h/repo",
            "https://h/a https://t@h/b",
            "git+ssh://git:word@h/repo",
            "https://${TOKEN}:word@h/repo",
            "https://h/simple?token=word",
            "a @ https://h/a.whl?x=1&X-Amz-Signature=00#egg=a",
            "https://h/simple?api_key=${A}b",
            "--extra-index-url \"https://h/simple?sig=word\"",
            "--proxy me:word@h:3128",
            "requirements=\"--proxy=me:word@h a\"",
            "--config-settings key=ghp_0123456789abcdefghijABCDEFGHIJ",
            "--config-settings key=word",
            "a --config-settings=\"index.token=word\"",
            "-C api_key=word",
            "-Cpassword=word",
            "--config-settings-package a:secret=word",
        ] {
            assert!(has_credential(text), "{text}");
        }
    }

    #[test]
    fn repositories_are_found() {
        for (text, want) in [
            (
                "a @ git+https://${T}@h/o/r.git@main#subdirectory=x",
                [
                    "git+https://${T}@h/o/r.git@main",
                    "https://h/o/r.git",
                    "T",
                    "main",
                    "git+https://${T}@h/o/r.git@0",
                ],
            ),
            (
                "git+https://h/r",
                [
                    "git+https://h/r",
                    "https://h/r",
                    "",
                    "",
                    "git+https://h/r@0",
                ],
            ),
            (
                "a@git+http://u:${T}@h/r@v1 ; x",
                [
                    "git+http://u:${T}@h/r@v1",
                    "http://h/r",
                    "T",
                    "v1",
                    "git+http://u:${T}@h/r@0",
                ],
            ),
        ] {
            let Git::Repository(found) = git(text) else {
                panic!("{text}");
            };
            let token = found.token.clone().unwrap_or_default();
            let at = found.at("0");
            assert_eq!(
                [&found.written, &found.remote, &token, &found.reference, &at],
                want.each_ref().map(|it| *it)
            );
        }
        let pinned = format!("git+https://h/r@{}", "a1".repeat(20));
        assert_eq!(git(&pinned), Git::Settled);
        assert_eq!(git("git+file:///r"), Git::Settled);
        assert_eq!(git("git+ssh://git@h/r"), Git::Ssh);
        assert_eq!(git("git"), Git::None);
    }

    #[test]
    fn paths_are_told_from_names() {
        for (text, want) in [
            (".", Some(["", ".", ""])),
            (".[a,b]", Some(["", ".", "[a,b]"])),
            (
                "../pkg ; os_name == 'a'",
                Some(["", "../pkg", " ; os_name == 'a'"]),
            ),
            ("pkg/sub", Some(["", "pkg/sub", ""])),
            ("/app", Some(["", "/app", ""])),
            (
                "a-1.0-py3-none-any.whl",
                Some(["", "a-1.0-py3-none-any.whl", ""]),
            ),
            ("a[b] @ ./c", Some(["a[b] @ ", "./c", ""])),
            ("numpy", None),
            ("numpy; extra == 'a/b'", None),
            ("a @ https://h/a.whl", None),
            ("https://h/a.whl", None),
            ("git+https://h/a", None),
        ] {
            let found = path(text).map(|it| [it.before, it.path, it.behind]);
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn names_of_secrets_are_found() {
        let found: Vec<&str> =
            names("https://${USER}:${T_2}@h/${}/${a b}/${1}/$X/${OPEN").collect();
        assert_eq!(found, ["USER", "T_2"]);
    }
}
