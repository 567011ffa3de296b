//! The uv that is fetched where an image has none.
//!
//! As of 2026-11-21. To move to another version: `pip index versions uv`, then for each of the platforms
//! `manylinux2014_x86_64`, `manylinux2014_aarch64`, `manylinux_2_28_aarch64`, `musllinux_1_1_x86_64` and `musllinux_1_1_aarch64`
//! `pip download uv==VERSION --no-deps --only-binary=:all: --platform PLATFORM`, and `sha256sum *.whl`.

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

/// A line of a requirements file that takes these wheels and no others.
pub(super) fn requirement() -> String {
    let hashes = WHEELS.iter().map(|hash| format!(" --hash=sha256:{hash}"));
    format!("uv=={VERSION}{}\n", hashes.collect::<String>())
}
