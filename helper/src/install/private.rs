//! Lists with secrets → locks without them.
//!
//! uv asks an index with the credentials of a list, and what it says of it may hold them: in the URLs of files, in flags for builds, in
//! whatever else a secret was put into. The URLs lose who asks, for whoever fetches them asks with secrets of his own; a lock that holds a
//! value all the same is none.

use std::collections::BTreeMap;

use super::secrets::{Mask, Secrets};
use crate::lock::pylock::{File, Pylock};
use crate::lock::{Lock, Package};

/// Fails for arguments in which a secret is something else than a part of a URL: nobody knows what becomes of it.
pub(super) fn only_in_urls(arguments: &[String], secrets: &Secrets) -> Result<(), String> {
    let is_elsewhere = |argument: &&String| {
        let before = argument.split("://").next().unwrap_or_default();
        secrets.fill(before) != before
    };
    match arguments.iter().find(is_elsewhere) {
        Some(argument) => Err(format!(
            "{argument} holds a secret that is no part of a URL"
        )),
        None => Ok(()),
    }
}

/// The URLs that say who asks, as they are written.
pub(super) struct Asking {
    /// By what they are without that.
    urls: BTreeMap<String, String>,
}

impl Asking {
    /// Those of arguments and of requirements files. Fails for a repository: who builds it has no secrets.
    pub(super) fn of<'a>(
        texts: impl Iterator<Item = &'a str>,
        secrets: &Secrets,
    ) -> Result<Self, String> {
        let mut urls = BTreeMap::new();
        for text in texts.filter(|_| !secrets.is_empty()) {
            let filled = secrets.fill(text);
            for url in self::urls(&filled) {
                let open = without_user(url);
                if open == url {
                    continue;
                }
                if url.starts_with("git+") {
                    return Err("a repository takes a secret, and no build gets one".to_owned());
                }
                urls.insert(without_fragment(&open).to_owned(), url.to_owned());
            }
        }
        Ok(Self { urls })
    }

    /// The URL as it is written, of one that was printed.
    pub(super) fn written(&self, printed: &str) -> Option<&str> {
        let open = without_user(printed);
        let url = self.urls.get(without_fragment(&open));
        url.map(String::as_str)
    }

    /// `user:password`, as URLs of the same server have it.
    pub(super) fn user_of(&self, url: &str) -> Option<&str> {
        let server = server(url);
        let mut urls = self.urls.iter();
        let (_, url) = urls.find(|(open, _)| self::server(open) == server)?;
        let (_, rest) = url.split_once("://")?;
        let (user, _) = authority(rest).rsplit_once('@')?;
        Some(user)
    }
}

/// Takes out of URLs of files who asks for them.
pub(super) fn open(files: &mut Pylock) {
    for entry in &mut files.packages {
        let wheels = entry.wheels.iter_mut();
        let others = entry.sdist.iter_mut().chain(&mut entry.archive);
        for File { url, .. } in wheels.chain(others) {
            *url = url.take().map(|url| without_user(&url));
        }
    }
}

/// Fails for flags of builds that hold a secret, or name one.
pub(super) fn check_flags(
    flags: &[String],
    built: Option<&Package>,
    secrets: &Secrets,
) -> Result<(), String> {
    let mask = secrets.mask();
    let is_private = |flag: &String| {
        without_user(flag) != *flag || secrets.fill(flag) != *flag || mask.is_in(flag)
    };
    match built.filter(|_| flags.iter().any(is_private)) {
        Some(package) => Err(format!(
            "{} has to be built, and no build gets the secret of an index",
            package.shown()
        )),
        None => Ok(()),
    }
}

/// Fails for a lock that holds the value of a secret, or may hold something else that opens an index.
pub(super) fn check(lock: &Lock, mask: &Mask) -> Result<(), String> {
    if mask.is_empty() {
        return Ok(());
    }
    let mut packages = lock.packages.iter();
    let has_query = |package: &&Package| {
        let file = package.source.file();
        file.is_some_and(|file| file.url.contains('?'))
    };
    if let Some(package) = packages.find(has_query) {
        return Err(format!(
            "the URL of {} has a query, which may be a credential",
            package.shown()
        ));
    }
    let table: toml::Table = toml::from_str(&lock.to_toml()?).map_err(|error| error.to_string())?;
    let mut pending: Vec<&toml::Value> = table.values().collect();
    while let Some(value) = pending.pop() {
        match value {
            // The names in it are those of packages, too.
            toml::Value::Table(table) => pending.extend(table.values()),
            toml::Value::Array(values) => pending.extend(values),
            toml::Value::String(text) if mask.is_in(text) => {
                return Err("their lock would hold the value of a secret".to_owned());
            }
            _ => {}
        }
    }
    Ok(())
}

/// What looks like a URL, wherever it stands.
fn urls(text: &str) -> impl Iterator<Item = &str> {
    let ends = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'');
    text.split(ends).filter_map(url)
}

fn url(word: &str) -> Option<&str> {
    let (before, _) = word.split_once("://")?;
    let is_other = |letter: char| !letter.is_ascii_alphanumeric() && letter != '+';
    let scheme = before.rsplit(is_other).next()?;
    word.get(before.len() - scheme.len()..)
}

/// A URL without `user:password@`.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority = authority(rest);
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let path = rest.get(authority.len()..).unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// What stands before the path of a URL, of what is behind its scheme.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

/// `https://host:port`, without who asks.
fn server(url: &str) -> String {
    let open = without_user(url);
    let (scheme, rest) = open.split_once("://").unwrap_or_default();
    format!("{scheme}://{}", authority(rest))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::lock::Source;

    /// Secrets of these values, as a step has them.
    fn secrets(values: &[(&str, &str)]) -> Secrets {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let prefix = folder.path().join("given-");
        for (name, value) in values {
            fs::write(format!("{}{name}", prefix.display()), value).expect("a file");
        }
        let names: Vec<String> = values.iter().map(|(name, _)| (*name).to_owned()).collect();
        Secrets::read(&prefix, &names).expect("values")
    }

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn who_asks_is_taken_out_of_a_url_and_nothing_else() {
        for (url, want) in [
            ("https://u:p@h:80/a@b?c@d#e@f", "https://h:80/a@b?c@d#e@f"),
            ("https://****@h", "https://h"),
            ("http://a@b@h/x", "http://h/x"),
            ("https://h/simple/a@1", "https://h/simple/a@1"),
            ("https://[::1]:80/", "https://[::1]:80/"),
            ("a@b", "a@b"),
            ("", ""),
        ] {
            assert_eq!(without_user(url), want, "{url}");
        }
        let found: Vec<&str> =
            urls("--index-url=https://a/x 'b@https://c' git+https://d e @ http://f#g h://")
                .collect();
        let want = [
            "https://a/x",
            "https://c",
            "git+https://d",
            "http://f#g",
            "h://",
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn a_url_that_was_printed_is_the_one_that_was_written() {
        let secrets = secrets(&[("TOKEN", "sesame")]);
        let texts = [
            "--extra-index-url",
            "https://me:${TOKEN}@h:8080/simple",
            "a @ https://${TOKEN}@files/a.whl#sha256=00",
            "https://open/simple",
        ];
        let asking = Asking::of(texts.into_iter(), &secrets).expect("URLs");
        for (printed, written) in [
            (
                "https://files/a.whl",
                Some("https://sesame@files/a.whl#sha256=00"),
            ),
            (
                "https://****@files/a.whl",
                Some("https://sesame@files/a.whl#sha256=00"),
            ),
            ("https://files/b.whl", None),
            ("https://open/simple", None),
        ] {
            assert_eq!(asking.written(printed), written, "{printed}");
        }
        assert_eq!(asking.user_of("https://h:8080/b.whl"), Some("me:sesame"));
        for other in [
            "https://h/b.whl",
            "http://h:8080/b.whl",
            "https://open/b.whl",
        ] {
            assert_eq!(asking.user_of(other), None, "{other}");
        }
        for repository in [
            "git+https://${TOKEN}@h/r",
            "r@git+http://x:${TOKEN}@h/r@main",
        ] {
            let why = Asking::of([repository].into_iter(), &secrets)
                .err()
                .expect(repository);
            assert!(!why.contains("sesame"), "{why}");
        }
        assert!(Asking::of(["git+https://h/r@main"].into_iter(), &secrets).is_ok());
    }

    #[test]
    fn a_secret_is_a_part_of_a_url_or_the_list_is_for_an_installer() {
        let secrets = secrets(&[("TOKEN", "sesame")]);
        for (argument, is_fine) in [
            ("https://${TOKEN}@h/simple", true),
            ("a @ https://${TOKEN}@h/a.whl", true),
            ("${OTHER}==1", true),
            ("${TOKEN}==1", false),
            ("${TOKEN} @ https://h/a.whl", false),
            ("--flag=${TOKEN}", false),
        ] {
            let checked = only_in_urls(&words(&[argument]), &secrets);
            assert_eq!(checked.is_ok(), is_fine, "{argument}");
            assert!(!checked.err().unwrap_or_default().contains("sesame"));
        }
    }

    #[test]
    fn no_build_gets_a_secret() {
        let secrets = secrets(&[("TOKEN", "sesame")]);
        let text = include_str!("../look/testdata/pylock.toml");
        let lock = Lock::parse(text).expect("a lock");
        let built = lock.packages.first();
        for (flags, is_fine) in [
            (&["--index-url", "https://h/simple", "--no-index"][..], true),
            (&["--index-url", "https://u:p@h/simple"], false),
            (&["--index-url", "https://${TOKEN}@h/simple"], false),
            (&["--index-url", "https://h/sesame/simple"], false),
        ] {
            let checked = check_flags(&words(flags), built, &secrets);
            assert_eq!(checked.is_ok(), is_fine, "{flags:?}");
            assert!(!checked.err().unwrap_or_default().contains("sesame"));
            assert!(check_flags(&words(flags), None, &secrets).is_ok());
        }
    }

    #[test]
    fn a_lock_with_a_value_in_it_is_none() {
        let text = include_str!("../look/testdata/pylock.toml");
        let lock = Lock::parse(text).expect("a lock");
        let mask = |value: &str| secrets(&[("TOKEN", value)]).mask();
        let url = |url: &str| {
            let mut lock = lock.clone();
            let file = lock.packages[0].source.file_mut().expect("a file");
            file.url = url.to_owned();
            lock
        };
        let named = |name: &str| {
            let mut lock = lock.clone();
            lock.packages[0].name = name.to_owned();
            lock
        };
        let folder = |path: &str| {
            let mut lock = lock.clone();
            lock.packages[0].source = Source::Directory(path.to_owned());
            lock
        };
        let built = |flag: &str| Lock {
            build_flags: words(&["--index-url", flag]),
            ..lock.clone()
        };
        assert_eq!(check(&lock, &mask("sesame")), Ok(()));
        // What the format itself says is no secret.
        assert_eq!(check(&lock, &mask("requested")), Ok(()));
        for (value, lock) in [
            ("ses/ame", url("https://h/ses%2Fame/a.whl")),
            ("Sesame.H", url("https://sesame.h/a.whl")),
            ("Ses_ame", named("ses-ame")),
            ("ses\"ame\\", folder("x/ses\"ame\\")),
            ("sesame", built("https://h/sesame/simple")),
            ("sesame", url("https://h/a.whl?x=1")),
        ] {
            let why = check(&lock, &mask(value)).expect_err(value);
            assert!(!why.contains(value), "{why}");
            assert_eq!(check(&lock, &Mask::default()), Ok(()), "{value}");
        }
    }

    #[test]
    fn files_lose_who_asks_for_them() {
        let text = "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\n\
                    wheels = [{ url = \"https://u:p@h/a.whl\" }, {}]\nsdist = { url = \"https://u@h/a.tar.gz\" }\n\
                    [[packages]]\nname = \"b\"\narchive = { url = \"https://h/b.whl\" }\n\
                    [[packages]]\nname = \"c\"\nvcs = { type = \"git\", url = \"https://u@h/c\", commit-id = \"0\" }\n";
        let mut files = Pylock::parse(text).expect("a lock");
        open(&mut files);
        let [a, b, c] = files.packages.as_slice() else {
            panic!("{files:?}");
        };
        assert_eq!(a.wheels[0].url.as_deref(), Some("https://h/a.whl"));
        assert_eq!(a.wheels[1].url, None);
        let of = |file: &Option<File>| file.as_ref().and_then(|it| it.url.clone());
        assert_eq!(of(&a.sdist).as_deref(), Some("https://h/a.tar.gz"));
        assert_eq!(of(&b.archive).as_deref(), Some("https://h/b.whl"));
        // What is built of a repository would need it.
        let vcs = c.vcs.as_ref().expect("a repository");
        assert_eq!(vcs.url.as_deref(), Some("https://u@h/c"));
    }
}
