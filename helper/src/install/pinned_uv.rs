//! The uv that is fetched where an image has none.
//!
//! As of 2026-11-21. To move to another version: `pip index versions uv`, then for each of the platforms
//! `manylinux2014_x86_64`, `manylinux2014_aarch64`, `manylinux_2_28_aarch64`, `musllinux_1_1_x86_64` and `musllinux_1_1_aarch64`
//! `pip download uv==VERSION --no-deps --only-binary=:all: --platform PLATFORM`, `sha256sum *.whl`, and
//! `unzip -p WHEEL 'uv-*.data/scripts/uv' | sha256sum`.

/// Its version.
pub const VERSION: &str = "0.13.9";

/// SHA-256 of its wheels for Linux on x86_64 and aarch64, for glibc and musl.
pub(super) const WHEELS: &[&str] = &[
    // manylinux_2_17_x86_64
    "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    // musllinux_1_1_x86_64
    "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
    // manylinux_2_17_aarch64, musllinux_1_1_aarch64
    "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    // manylinux_2_28_aarch64
    "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
];

/// The program that a wheel holds.
#[derive(Debug)]
pub(super) struct Program {
    /// SHA-256 of its bytes, by which it is known wherever it was kept meanwhile.
    pub(super) sha256: &'static str,
    machine: u16,
    /// Whether it is for images without glibc.
    is_for_musl: bool,
}

/// `EM_X86_64` and `EM_AARCH64` of an ELF file's header.
const X86_64: u16 = 62;
const AARCH64: u16 = 183;

/// The programs of the wheels; of those for one machine, those that not every image starts come first.
const PROGRAMS: &[Program] = &[
    // musllinux_1_1_x86_64
    Program {
        sha256: "edbfb9a3d00dc84148e6691cd8740781fdc32db6505d7ef88ba6c3e569d5bec9",
        machine: X86_64,
        is_for_musl: true,
    },
    // manylinux_2_17_x86_64
    Program {
        sha256: "b73acdf73b96c3ac9e56d2fa933427b3ee6a901e3cce6ba1e3ecb3f91ca0d86a",
        machine: X86_64,
        is_for_musl: false,
    },
    // manylinux_2_28_aarch64
    Program {
        sha256: "6109e47a75f2380d1cc90b00a6ee82b7b5792ddf66588625ec168545ae17512e",
        machine: AARCH64,
        is_for_musl: false,
    },
    // manylinux_2_17_aarch64, musllinux_1_1_aarch64
    Program {
        sha256: "bbecb5ac518030bb5e84f1999c577228460192832ac24a92bd772735682979f4",
        machine: AARCH64,
        is_for_musl: false,
    },
];

/// The programs for the machine that `python` is for, which need not be the one that this helper is for: the first bytes of the file
/// are enough. An image with musl may have glibc, too, so that it takes any.
pub(super) fn programs(python: &[u8], has_musl: bool) -> impl Iterator<Item = &'static Program> {
    let machine = machine(python);
    PROGRAMS
        .iter()
        .filter(move |it| Some(it.machine) == machine && (has_musl || !it.is_for_musl))
}

/// `e_machine` of an ELF file.
fn machine(program: &[u8]) -> Option<u16> {
    let header = program.strip_prefix(b"\x7fELF")?;
    let field = [*header.get(14)?, *header.get(15)?];
    match header.get(1)? {
        1 => Some(u16::from_le_bytes(field)),
        2 => Some(u16::from_be_bytes(field)),
        _ => None,
    }
}

/// A line of a requirements file that takes these wheels and no others.
pub(super) fn requirement() -> String {
    let hashes = WHEELS.iter().map(|hash| format!(" --hash=sha256:{hash}"));
    format!("uv=={VERSION}{}\n", hashes.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(order: u8, machine: [u8; 2]) -> Vec<u8> {
        let mut header = vec![0; 64];
        header[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, order]);
        header[18..20].copy_from_slice(&machine);
        header
    }

    /// The helper is built for the builder's machine, and the image may be another's.
    #[test]
    fn programs_are_those_of_the_machine_of_python() {
        let hashes = |python: &[u8], has_musl| -> Vec<&str> {
            let found = programs(python, has_musl);
            found
                .map(|it| it.sha256.get(..4).expect("a hash"))
                .collect()
        };
        let arm = header(1, [183, 0]);
        assert_eq!(hashes(&arm, false), ["6109", "bbec"]);
        assert_eq!(hashes(&arm, true), ["6109", "bbec"]);
        let intel = header(1, [62, 0]);
        assert_eq!(hashes(&intel, false), ["b73a"]);
        assert_eq!(hashes(&intel, true), ["edbf", "b73a"]);
        assert_eq!(machine(&header(2, [0, 22])), Some(22));
        for other in [header(2, [0, 22]), header(1, [3, 0]), header(0, [62, 0])] {
            assert!(hashes(&other, true).is_empty());
        }
        for short in [&b"#!/bin/sh"[..], b"\x7fELF", b""] {
            assert!(hashes(short, true).is_empty());
        }
    }
}
