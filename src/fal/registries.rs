//! What fal has to know to pull an image.
//!
//! Takes what a registry said and the credentials that a manifest names; gives what to write for fal. Of passwords nothing is known
//! here. The forms are those of fal's pages on private registries.

use crate::reference::image;

use super::manifest::Registry;

/// The key of Docker Hub's credentials, which is not the name of its host.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// What registries say to who may not pull, in parts of sentences.
const REFUSALS: [&str; 7] = [
    "401 Unauthorized",
    "403 Forbidden",
    "authorization failed",
    "insufficient_scope",
    "no basic auth credentials",
    "pull access denied",
    "token has expired",
];

/// What to do about an image that could not be asked for because nobody may: `None` where it is something else.
pub fn help(said: &str, registries: &[Registry]) -> Option<String> {
    if !REFUSALS.iter().any(|part| said.contains(part)) {
        return None;
    }
    let (_, image) = said.split_once("source metadata for ")?;
    let image = image.split(": ").next().unwrap_or_default();
    let host = image::parse_normalized(image).ok()?.domain().to_owned();
    let place = Place::of(&host);
    let wanted = place.entry(&host);
    let has_entry = |registry: &&Registry| bare(&registry.host) == bare(&wanted);
    if let Some(entry) = registries.iter().find(has_entry) {
        return Some(place.wrong_entry(&entry.host, said));
    }
    let entry = format!(
        "fal needs an entry of `registries` for it, {wanted:?}: {}",
        place.credentials()
    );
    let same_kind = registries
        .iter()
        .find(|registry| Place::of(bare(&registry.host)) == place && place != Place::Other);
    Some(match same_kind {
        Some(other) => format!(
            "`registries` has {:?}, and the image is at {host}, {}; {entry}",
            other.host,
            place.difference()
        ),
        None => entry,
    })
}

/// Whose registry it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    DockerHub,
    Google,
    Amazon,
    Azure,
    GitHub,
    Other,
}

impl Place {
    fn of(host: &str) -> Self {
        let ends = |end: &str| host.ends_with(end);
        match host {
            "docker.io" | "index.docker.io" | "hub.docker.com" | "registry-1.docker.io" => {
                Self::DockerHub
            }
            "ghcr.io" => Self::GitHub,
            _ if ends(".pkg.dev") || ends("gcr.io") => Self::Google,
            _ if host.contains(".dkr.ecr.") && ends(".amazonaws.com") => Self::Amazon,
            _ if ends(".azurecr.io") => Self::Azure,
            _ => Self::Other,
        }
    }

    /// The key of the entry.
    fn entry(self, host: &str) -> String {
        match self {
            Self::DockerHub => DOCKER_HUB.to_owned(),
            _ => host.to_owned(),
        }
    }

    fn credentials(self) -> &'static str {
        match self {
            Self::DockerHub => "with the name of a Docker Hub user and an access token",
            Self::Google => {
                "with the user name `_json_key_base64` and the key of a service account in base64"
            }
            Self::Amazon => {
                "with the user name `AWS` and what `aws ecr get-login-password` prints, which lasts 12 hours"
            }
            Self::Azure => "with the id of a service principal and its password",
            Self::GitHub => "with the name of a GitHub user and a token that may read packages",
            Self::Other => "with a user name and a password",
        }
    }

    fn difference(self) -> &'static str {
        match self {
            Self::Amazon => "another account or region",
            Self::Google => "another region",
            _ => "another host",
        }
    }

    /// The credentials are there, and not taken.
    fn wrong_entry(self, key: &str, said: &str) -> String {
        let is_expired = said.contains("expired") || self == Self::Amazon;
        match is_expired {
            true if self == Self::Amazon => format!(
                "the password of the entry {key:?} of `registries` may have expired, a token of Amazon ECR lasts 12 hours: print another with `aws ecr get-login-password`"
            ),
            true => format!("the password of the entry {key:?} of `registries` has expired"),
            false => format!(
                "the entry {key:?} of `registries` is not accepted: {}",
                self.credentials()
            ),
        }
    }
}

/// A host without what people write around it.
fn bare(host: &str) -> &str {
    let host = host.split_once("://").map_or(host, |(_, rest)| rest);
    host.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_fal_needs_for_that_host() {
        let said = |image: &str, why: &str| {
            format!(
                "failed to resolve source metadata for {image}: unexpected status from HEAD request to https://x/v2/: {why}"
            )
        };
        let entry = |host: &str| Registry {
            host: host.to_owned(),
            username: "u".to_owned(),
            password_from: "P".to_owned(),
        };
        let ecr = "1.dkr.ecr.us-east-1.amazonaws.com";
        for (image, why, registries, expected) in [
            (
                "docker.io/me/app:1",
                "401 Unauthorized",
                &[][..],
                "fal needs an entry of `registries` for it, \"https://index.docker.io/v1/\": with the name of a Docker Hub",
            ),
            (
                "ghcr.io/me/app",
                "403 Forbidden",
                &["gcr.io"],
                "fal needs an entry of `registries` for it, \"ghcr.io\"",
            ),
            (
                "us-central1-docker.pkg.dev/p/r/i",
                "403 Forbidden",
                &["europe-docker.pkg.dev"],
                "`registries` has \"europe-docker.pkg.dev\", and the image is at us-central1-docker.pkg.dev, another region; fal needs",
            ),
            (
                "2.dkr.ecr.us-east-1.amazonaws.com/x",
                "no basic auth credentials",
                &[ecr],
                "`registries` has \"1.dkr.ecr.us-east-1.amazonaws.com\", and the image is at 2.dkr.ecr.us-east-1.amazonaws.com, another account",
            ),
            (
                "1.dkr.ecr.us-east-1.amazonaws.com/x",
                "403 Forbidden",
                &[ecr],
                "the password of the entry \"1.dkr.ecr.us-east-1.amazonaws.com\" of `registries` may have expired, a token of Amazon ECR lasts 12 hours",
            ),
            (
                "docker.io/me/app",
                "insufficient_scope: authorization failed",
                &["docker.io"],
                "`registries` has \"docker.io\", and the image is at docker.io, another host; fal needs",
            ),
            (
                "docker.io/me/app",
                "401 Unauthorized",
                &["https://index.docker.io/v1/"],
                "the entry \"https://index.docker.io/v1/\" of `registries` is not accepted",
            ),
            (
                "localhost:5000/x",
                "401 Unauthorized",
                &["http://localhost:5000/"],
                "the entry \"http://localhost:5000/\" of `registries` is not accepted",
            ),
            (
                "x.azurecr.io/x",
                "401 Unauthorized",
                &[],
                "fal needs an entry of `registries` for it, \"x.azurecr.io\": with the id of a service principal",
            ),
        ] {
            let registries: Vec<_> = registries.iter().map(|host| entry(host)).collect();
            let help = help(&said(image, why), &registries).expect(image);
            assert!(help.starts_with(expected), "{help}");
        }
        for other in ["404 Not Found", "connection refused"] {
            assert_eq!(help(&said("docker.io/x", other), &[]), None);
        }
        assert_eq!(help("403 Forbidden", &[]), None);
    }
}
