//! curl and the certificates it trusts, as files.
//!
//! Takes a root and a PATH; gives where they are. Starts nothing.

use std::path::{Path, PathBuf};

use crate::root::Root;
use crate::search;

/// Where distributions keep the certificates that curl and OpenSSL trust.
pub const CERTIFICATES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Where an image that carries a static curl has it.
const IN_CURL_IMAGE: &[&str] = &["/usr/local/bin/curl", "/usr/bin/curl", "/bin/curl", "/curl"];

/// curl on the PATH.
pub fn find(root: &Root, path: &[PathBuf]) -> Option<PathBuf> {
    search::program(root, path, "curl")
}

/// The bundle of certificates, if there is one that is not empty.
pub fn certificates(root: &Root) -> Option<&'static Path> {
    CERTIFICATES.iter().map(Path::new).find(|path| {
        root.resolve(path)
            .is_ok_and(|found| found.metadata.is_file() && found.metadata.len() > 0)
    })
}

/// curl in an image that is there to be copied from.
pub fn in_curl_image(root: &Root) -> Option<PathBuf> {
    IN_CURL_IMAGE
        .iter()
        .find_map(|path| root.executable(Path::new(path)))
}

/// Whether a program needs no loader and no libraries: an ELF file without `PT_INTERP`.
pub fn is_static(program: &[u8]) -> bool {
    interpreter_segments(program) == Some(0)
}

/// How many program headers name a loader; nothing for what is no ELF file.
fn interpreter_segments(program: &[u8]) -> Option<usize> {
    const PT_INTERP: u64 = 3;
    let wide = match program.get(..5)? {
        [0x7f, b'E', b'L', b'F', 2] => true,
        [0x7f, b'E', b'L', b'F', 1] => false,
        _ => return None,
    };
    let little = *program.get(5)? == 1;
    let number = |at: usize, bytes: usize| -> Option<u64> {
        let field = program.get(at..at.checked_add(bytes)?)?;
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if little {
            field.iter().rev().fold(0, fold)
        } else {
            field.iter().fold(0, fold)
        })
    };
    let (table, size, count) = if wide {
        (number(32, 8)?, number(54, 2)?, number(56, 2)?)
    } else {
        (number(28, 4)?, number(42, 2)?, number(44, 2)?)
    };
    let mut found = 0;
    for index in 0..count {
        let at = table.checked_add(index.checked_mul(size)?)?;
        found += usize::from(number(usize::try_from(at).ok()?, 4)? == PT_INTERP);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn curl_is_what_path_would_start() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let base = folder.path();
        for directory in ["usr/bin", "opt/bin", "srv/bin", "opt/dir/curl"] {
            fs::create_dir_all(base.join(directory)).expect("folders");
        }
        fs::write(base.join("opt/bin/curl"), "not executable").expect("a file");
        fs::write(base.join("usr/bin/curl-real"), "curl").expect("a file");
        fs::set_permissions(
            base.join("usr/bin/curl-real"),
            fs::Permissions::from_mode(0o755),
        )
        .expect("a mode");
        symlink("/usr/bin/curl-real", base.join("usr/bin/curl")).expect("a link");
        symlink("/nowhere", base.join("srv/bin/curl")).expect("a link");

        let root = Root::new(base);
        let cases: &[(&str, Option<&str>)] = &[
            ("/opt/bin:/usr/bin", Some("/usr/bin/curl")),
            ("/opt/dir:/srv/bin:/usr/bin", Some("/usr/bin/curl")),
            ("../usr/bin", Some("/srv/../usr/bin/curl")),
            ("/opt/bin:/srv/bin", None),
            ("", None),
        ];
        for (path, expected) in cases {
            let found = find(&root, &search::directories(path, Path::new("/srv")));
            assert_eq!(found.as_deref(), expected.map(Path::new), "{path}");
        }
    }

    #[test]
    fn what_is_static() {
        let shared = fs::read("/proc/self/exe").expect("this program");
        assert_eq!(
            interpreter_segments(&shared).map(|count| count > 0),
            Some(true),
            "tests are linked dynamically"
        );
        assert!(!is_static(b"#!/bin/sh\n"));
        assert!(!is_static(b"\x7fELF\x02\x01"));
        let mut header = [0u8; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert!(is_static(&header), "no program headers at all");
        (header[33], header[56]) = (1, 1);
        assert!(!is_static(&header), "headers that are not there");
    }
}
