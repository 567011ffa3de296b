//! WHEEL and METADATA: headers, of which an installer reads a few.
//!
//! Takes their bytes; gives what is needed of them, or what is wrong. Knows nothing of files.

use crate::wheel::messages::{self, Flaw};
use crate::wheel::name::Name;

/// Reads WHEEL: whether the root of the wheel is Python alone.
pub(super) fn is_purelib(wheel: &[u8]) -> Result<bool, Flaw> {
    let text = std::str::from_utf8(wheel).map_err(|_| messages::not_text("WHEEL"))?;
    let version = once("WHEEL", text, "Wheel-Version")?;
    if version.split('.').next() != Some("1") {
        return Err(messages::other_format(version));
    }
    match once("WHEEL", text, "Root-Is-Purelib")? {
        value if value.eq_ignore_ascii_case("true") => Ok(true),
        value if value.eq_ignore_ascii_case("false") => Ok(false),
        value => Err(messages::bad_header("Root-Is-Purelib", value)),
    }
}

/// Whether METADATA is of the distribution that the wheel says it is.
pub(super) fn is_of(metadata: &[u8], name: &Name) -> Result<(), Flaw> {
    // A description may be in another encoding; what is read here is not.
    let text = String::from_utf8_lossy(metadata);
    let called = once("METADATA", &text, "Name")?;
    if !name.is_called(called) {
        return Err(messages::other_distribution("Name", called));
    }
    let version = once("METADATA", &text, "Version")?;
    if !name.has_version(version) {
        return Err(messages::other_distribution("Version", version));
    }
    Ok(())
}

/// The value of a header that stands there once. Headers end at the first empty line.
fn once<'a>(file: &str, text: &'a str, header: &str) -> Result<&'a str, Flaw> {
    let mut values = text
        .lines()
        .take_while(|line| !line.trim_end().is_empty())
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim_end().eq_ignore_ascii_case(header))
        .map(|(_, value)| value.trim());
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(messages::no_header(file, header)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_an_installer_does() {
        let read = |text: &str| is_purelib(text.as_bytes());
        assert_eq!(
            read("Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"),
            Ok(true)
        );
        assert_eq!(
            read("wheel-version: 1.9\r\nGenerator: x\r\nroot-is-purelib: False\r\n"),
            Ok(false)
        );
        for (text, flaw) in [
            (
                "Wheel-Version: 2.0\nRoot-Is-Purelib: true\n",
                messages::other_format("2.0"),
            ),
            (
                "Wheel-Version: 10\nRoot-Is-Purelib: true\n",
                messages::other_format("10"),
            ),
            (
                "Root-Is-Purelib: true\n",
                messages::no_header("WHEEL", "Wheel-Version"),
            ),
            (
                "\nWheel-Version: 1.0\n",
                messages::no_header("WHEEL", "Wheel-Version"),
            ),
            (
                "Wheel-Version: 1.0\n",
                messages::no_header("WHEEL", "Root-Is-Purelib"),
            ),
            (
                "Wheel-Version: 1.0\nRoot-Is-Purelib: maybe\n",
                messages::bad_header("Root-Is-Purelib", "maybe"),
            ),
        ] {
            assert_eq!(read(text), Err(flaw), "{text}");
        }
    }

    #[test]
    fn metadata_is_of_one_distribution() {
        let name = Name::read("google_x-1.0-py3-none-any.whl").expect("a name");
        let judge = |text: &str| is_of(text.as_bytes(), &name);
        assert_eq!(judge("Name: Google.X\nVersion: 1\n\nName: other\n"), Ok(()));
        assert_eq!(
            judge("Name: x\nVersion: 1.0\n"),
            Err(messages::other_distribution("Name", "x"))
        );
        assert_eq!(
            judge("Name: google-x\nVersion: 1.1\n"),
            Err(messages::other_distribution("Version", "1.1"))
        );
        assert_eq!(
            judge("Name: google-x\nName: google-x\nVersion: 1.0\n"),
            Err(messages::no_header("METADATA", "Name"))
        );
    }
}
