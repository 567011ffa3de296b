//! Which machine and which C library a Python is for, read off its file and off the library, so that nothing has to be started.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::lock::tags::Libc;
use crate::root::Root;

/// The header of a program and the name of its loader stand in its first bytes.
const START: u64 = 4096;
/// A C library of more bytes is none.
const LARGEST: u64 = 16 * 1024 * 1024;

/// musl says its version to whoever starts it. Those that have a Python for which wheels are made are of this one.
const MUSL: Libc = Libc::Musl(1, 2);

/// `e_machine` of an ELF file, and what the machine is called in the names of wheels.
const MACHINES: &[(u16, &str)] = &[
    (3, "i686"),
    (21, "ppc64le"),
    (22, "s390x"),
    (40, "armv7l"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
];

/// What a program is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// `x86_64`
    pub machine: String,
    /// Its C library, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libc: Option<Libc>,
}

/// What a program is for; `None` if its file does not say it.
pub fn of(root: &Root, program: &Path) -> Option<Platform> {
    let start = root.read_start(program, START).ok()?;
    let is_elf = start.starts_with(b"\x7fELF");
    let field = start.get(18..20).filter(|_| is_elf)?.try_into().ok()?;
    let code = match start.get(5) {
        Some(2) => u16::from_be_bytes(field),
        _ => u16::from_le_bytes(field),
    };
    let (_, machine) = MACHINES.iter().find(|(known, _)| *known == code)?;
    Some(Platform {
        machine: (*machine).to_owned(),
        libc: loader(&start).and_then(|loader| libc(root, &loader)),
    })
}

/// The loader that a program names: `/lib64/ld-linux-x86-64.so.2`.
fn loader(start: &[u8]) -> Option<PathBuf> {
    let mut texts = start.split(|byte| *byte == 0);
    let is_loader = |text: &&[u8]| text.starts_with(b"/lib") && find(text, b"/ld").is_some();
    let text = std::str::from_utf8(texts.find(is_loader)?).ok()?;
    Some(PathBuf::from(text))
}

/// The C library of a loader.
fn libc(root: &Root, loader: &Path) -> Option<Libc> {
    let name = loader.file_name()?.to_str()?;
    match name.starts_with("ld-musl-") {
        true => Some(MUSL),
        false => glibc(root, loader),
    }
}

/// The GNU C library, whose version stands in the file that lies beside its loader.
fn glibc(root: &Root, loader: &Path) -> Option<Libc> {
    const SIGN: &[u8] = b" release version ";
    let loader = root.resolve(loader).ok()?.path;
    let library = loader.parent()?.join("libc.so.6");
    let bytes = root.read_start(&library, LARGEST).ok()?;
    let behind = bytes.get(find(&bytes, SIGN)? + SIGN.len()..)?;
    let length = behind
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
        .count();
    let text = std::str::from_utf8(behind.get(..length)?).ok()?;
    let mut numbers = text.split('.').map(str::parse);
    Some(Libc::Glibc(numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::find::tests::Image;

    #[test]
    fn a_program_says_its_machine_and_its_loader() {
        let program = |machine: char, loader: &str| {
            let header = "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0";
            format!("{header}{machine}\0 and more\0{loader}\0")
        };
        let image = Image::new()
            .program("/old", &program('>', "/lib64/ld-linux-x86-64.so.2"))
            .program("/musl", &program('>', "/lib/ld-musl-x86_64.so.1"))
            .program("/static", &program('>', "/library"))
            .program("/other", &program('\u{1}', ""))
            .program("/script", "#!/bin/sh\n")
            .file("/usr/lib/real/ld-2.31.so", "")
            .file(
                "/usr/lib/real/libc.so.6",
                "\0GNU C Library (Debian GLIBC 2.31-13) stable release version 2.31.\n\0",
            )
            .file("/lib/ld-musl-x86_64.so.1", "")
            .link("/lib64/ld-linux-x86-64.so.2", "/usr/lib/real/ld-2.31.so");
        let found = |program: &str| {
            let platform = of(&image.root, Path::new(program))?;
            Some((platform.machine, platform.libc))
        };
        let x86 = || "x86_64".to_owned();
        assert_eq!(found("/old"), Some((x86(), Some(Libc::Glibc(2, 31)))));
        assert_eq!(found("/musl"), Some((x86(), Some(MUSL))));
        assert_eq!(found("/static"), Some((x86(), None)));
        for none in ["/other", "/script", "/absent"] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
