//! Digests: `algorithm:encoded`.
//!
//! The rules and texts of `github.com/opencontainers/go-digest`.

/// Why a text is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has no algorithm, no encoded part, or characters that neither may have.
    #[error("invalid checksum digest format")]
    Format,
    /// The encoded part is longer or shorter than the algorithm gives.
    #[error("invalid checksum digest length")]
    Length,
    /// Well formed, of an algorithm that is not known.
    #[error("unsupported digest algorithm")]
    Unsupported,
}

/// Whether `text` is a digest that can be checked (`digest.Parse`).
pub fn validate(text: &str) -> Result<(), Error> {
    let Some((algorithm, encoded)) = text.split_once(':') else {
        return Err(Error::Format);
    };
    if algorithm.is_empty() || encoded.is_empty() {
        return Err(Error::Format);
    }
    let Some(length) = encoded_length(algorithm) else {
        return Err(match is_algorithm(algorithm) && is_encoded(encoded) {
            true => Error::Unsupported,
            false => Error::Format,
        });
    };
    if encoded.len() != length {
        return Err(Error::Length);
    }
    match encoded.bytes().all(is_lower_hex) {
        true => Ok(()),
        false => Err(Error::Format),
    }
}

fn encoded_length(algorithm: &str) -> Option<usize> {
    match algorithm {
        "sha256" => Some(64),
        "sha384" => Some(96),
        "sha512" => Some(128),
        _ => None,
    }
}

/// `component ([.+_-] component)*`, where a component is lower case letters and digits.
fn is_algorithm(text: &str) -> bool {
    text.split(['.', '+', '_', '-']).all(|component| {
        !component.is_empty()
            && component
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn is_encoded(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'))
}

/// Whether `byte` is one that the encoded part of a known algorithm is made of.
pub(crate) fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_refused_for_its_first_fault() {
        let hex = |length: usize| "0a".repeat(length / 2);
        for (text, want) in [
            (format!("sha256:{}", hex(64)), Ok(())),
            (format!("sha384:{}", hex(96)), Ok(())),
            (format!("sha512:{}", hex(128)), Ok(())),
            (format!("sha256:{}", hex(62)), Err(Error::Length)),
            (
                format!("sha256:{}", hex(64).to_uppercase()),
                Err(Error::Format),
            ),
            (format!("md5:{}", hex(32)), Err(Error::Unsupported)),
            (String::from("a+b.c:Az=_-"), Err(Error::Unsupported)),
            (String::from("A:b"), Err(Error::Format)),
            (String::from("a..b:c"), Err(Error::Format)),
            (String::from("a:b:c"), Err(Error::Format)),
            (String::from("sha256:"), Err(Error::Format)),
            (String::from(":00"), Err(Error::Format)),
            (String::from("sha256"), Err(Error::Format)),
            (String::new(), Err(Error::Format)),
        ] {
            assert_eq!(validate(&text), want, "{text}");
        }
    }
}
