//! Requirements of an index that asks who comes: wheel by wheel, and nowhere what opens it.

use base64::{Engine, prelude::BASE64_STANDARD};
use tempfile::TempDir;

use super::{
    craft::Craft,
    secrets::{absent, holds},
    site::Site,
    stack::{self, Outcome, Stack},
    wheels::{BARE, wheels},
};

/// What must be found nowhere.
const CANARY: &str = super::secrets::CANARY;
/// Who comes, as servers take it.
const USER: &str = "x-access-token";
/// The secret that the daemon sends to the site.
const HEADER: &str = "HTTP_AUTH_HEADER_127.0.0.1";

/// An index with wheels, and a client that may fetch from it.
struct Case {
    stack: Stack,
    /// The image that is made.
    image: String,
    site: Site,
    values: TempDir,
}

impl Case {
    fn new(names: &[&str]) -> Self {
        let module = |name: &&str| {
            Craft::new(name).file(&format!("{name}.py"), format!("NAME = '{name}'\n"))
        };
        let wheels: Vec<Craft> = names.iter().map(module).collect();
        let header = BASE64_STANDARD.encode(format!("{USER}:{CANARY}"));
        let stack = Stack::new();
        Self {
            image: stack.image(names[0]),
            stack,
            site: Site::locked(&[("a", "a")], CANARY).with_wheels(&wheels),
            values: stack::folder(&[("TOKEN", CANARY), (HEADER, &format!("Basic {header}"))]),
        }
    }

    /// A URL of the site, with the secret in it.
    fn url(&self, path: &str) -> String {
        let who = format!("http://{USER}:${{TOKEN}}@");
        self.site.url(path).replace("http://", &who)
    }

    /// Builds what is required into an archive, with these secrets, and looks whether one of them is anywhere.
    #[track_caller]
    fn builds(&self, requirements: &str, check: &str, secrets: &[&str]) -> Outcome {
        let dockerfile = format!("{BARE} requirements=\"{requirements}\"\nFROM python:3.11-slim\n");
        let folder = stack::folder(&[("Dockerfile", &dockerfile)]);
        let (image, archive) = (&self.image, folder.path().join("image.tar"));
        let secrets: Vec<String> = secrets
            .iter()
            .map(|id| format!("id={id},src={}", self.values.path().join(id).display()))
            .collect();
        let mut arguments: Vec<&str> = secrets.iter().flat_map(|it| ["--secret", it]).collect();
        let pushed = format!("type=image,name={image},push=true");
        let written = format!(
            "type=oci,dest={},compression=uncompressed,force-compression=true",
            archive.display()
        );
        arguments.extend([
            "--output",
            &pushed,
            "--output",
            &written,
            "--opt",
            "attest:provenance=mode=max",
        ]);
        let outcome = self
            .stack
            .buildctl(folder.path(), &self.stack.fal(), &arguments);
        outcome.succeeded();
        assert!(holds(&archive, "127.0.0.1"), "the search finds nothing");
        absent("image", |text| holds(&archive, text));
        absent("log", |text| outcome.log.contains(text));
        absent("metadata", |text| {
            outcome.metadata.to_string().contains(text)
        });
        let folder = stack::folder(&[("Dockerfile", &format!("FROM {image}\nRUN {check}\n"))]);
        self.stack.builtin(folder.path(), &[]).succeeded();
        outcome
    }
}

/// Promise: the wheels of a private index are fetched one by one by who has its secret in both forms, and what opens it is in no op, no
/// layer, no lock, no report, no provenance and no log.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn wheels_of_a_private_index_come_one_by_one() {
    let case = Case::new(&["priv_one", "priv_two", "priv_direct"]);
    let index = case.url("simple/");
    let direct = case.url("simple/priv-direct/priv_direct-1.0-py3-none-any.whl");
    let outcome = case.builds(
        &format!("--extra-index-url {index} priv_one==1.0 priv_two priv_direct@{direct}"),
        "python3 -c 'import priv_one, priv_two, priv_direct' && pip check",
        &["TOKEN", HEADER],
    );
    let wheels = wheels(&outcome);
    assert_eq!(wheels.get("why_not"), None, "{wheels}");
    assert_eq!(wheels["count"], 3, "{wheels}");
    let lock = outcome.metadata["frontend.fal.lock"].as_str();
    let lock = lock.expect("a lock");
    let wheel = case
        .site
        .url("simple/priv-one/priv_one-1.0-py3-none-any.whl");
    assert!(lock.contains(&format!("url = \"{wheel}\"")), "{lock}");
    // The site does not let in who asks for a size without a credential.
    assert!(lock.contains("size = "), "{lock}");
}

/// Promise: where the daemon has no secret for an index that uv can open, all is installed in one step, and the report says which secret
/// is missing. So it is where a build would need the one that there is.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_the_daemon_may_not_fetch_is_installed_in_one_step() {
    let case = Case::new(&["priv_three"]);
    let index = case.url("simple/");
    let outcome = case.builds(
        &format!("--extra-index-url {index} priv_three"),
        "python3 -c 'import priv_three'",
        &["TOKEN"],
    );
    let wheels = wheels(&outcome);
    assert_eq!(wheels["count"], 0, "{wheels}");
    let why_not = wheels["why_not"].as_str().unwrap_or_default();
    for part in [
        "priv_three-1.0-py3-none-any.whl",
        "status 401",
        "HTTP_AUTH_TOKEN_127.0.0.1 or HTTP_AUTH_HEADER_127.0.0.1",
    ] {
        assert!(why_not.contains(part), "{why_not}");
    }
}

/// Promise: what is built gets no secret of a list: it is installed in one step, and the report says why.
#[test]
#[ignore = "needs the stack: cargo xtask test"]
fn what_is_built_gets_no_secret() {
    let case = Case::new(&["priv_four"]);
    let index = case.url("simple/");
    let outcome = case.builds(
        &format!("--extra-index-url {index} priv_four docopt==0.6.2"),
        "python3 -c 'import priv_four, docopt'",
        &["TOKEN", HEADER],
    );
    let wheels = wheels(&outcome);
    let why_not = wheels["why_not"].as_str().unwrap_or_default();
    let said = "docopt 0.6.2 has to be built, and no build gets the secret of an index";
    assert_eq!(why_not, said, "{wheels}");
}
