//! Which wheels a Python takes, and which of them it would rather have.
//!
//! Takes what a Python says of itself; gives the order in which the tags of its wheels come: PEP 425 for what a tag is, PEP 600 for
//! `manylinux`, PEP 656 for `musllinux`, and the order is that of `packaging.tags`, which pip goes by. Only CPython, and only Linux.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::file_name::FileName;

/// A Python, as far as it matters which wheels it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// The `11` of 3.11.
    pub minor: u16,
    /// Its ABI, `cp311`, with the letters of a build that is another: `cp313t`.
    pub abi: String,
    /// `x86_64`, as the kernel would call it for the Python's own word size.
    pub machine: String,
    /// The C library.
    pub libc: Libc,
}

/// A C library, by its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Libc {
    /// GNU's.
    Glibc(u16, u16),
    /// musl.
    Musl(u16, u16),
}

/// The tags of a Python, each with its rank: 0 is the best.
#[derive(Clone, Debug)]
pub struct Tags {
    ranks: HashMap<[String; 3], usize>,
}

/// How well a wheel fits: the lesser of two is the better wheel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    rank: usize,
    /// Of two wheels that fit alike, the one with the greater build number.
    build: std::cmp::Reverse<(u64, String)>,
}

impl Tags {
    /// All that a Python takes.
    pub fn of(python: &Interpreter) -> Self {
        let platforms = platforms(python);
        let minor = python.minor;
        let own = format!("cp3{minor}");
        // A build without the interpreter's lock has no stable ABI with the others.
        let has_stable_abi = !python.abi.trim_start_matches(&own).contains('t');
        let mut ranks = HashMap::new();
        let mut add = |python: String, abi: &str, platform: &str| {
            let next = ranks.len();
            ranks
                .entry([python, abi.to_owned(), platform.to_owned()])
                .or_insert(next);
        };
        let stable = has_stable_abi.then_some("abi3");
        for abi in [Some(python.abi.as_str()), stable, Some("none")]
            .into_iter()
            .flatten()
        {
            for platform in &platforms {
                add(own.clone(), abi, platform);
            }
        }
        for older in (2..minor).rev().filter(|_| has_stable_abi) {
            for platform in &platforms {
                add(format!("cp3{older}"), "abi3", platform);
            }
        }
        let generic = || {
            let older = (0..minor).rev().map(|older| format!("py3{older}"));
            [format!("py3{minor}"), "py3".to_owned()]
                .into_iter()
                .chain(older)
        };
        for version in generic() {
            for platform in &platforms {
                add(version.clone(), "none", platform);
            }
        }
        add(own, "none", "any");
        for version in generic() {
            add(version, "none", "any");
        }
        Self { ranks }
    }

    /// How well a wheel fits; `None` if it does not.
    pub fn fit(&self, wheel: &FileName) -> Option<Fit> {
        let ranks = wheel.tags().filter_map(|tag| self.ranks.get(&tag).copied());
        Some(Fit {
            rank: ranks.min()?,
            build: std::cmp::Reverse(wheel.build()),
        })
    }
}

/// The platforms of a Python, the newest first.
fn platforms(python: &Interpreter) -> Vec<String> {
    let machine = &python.machine;
    let mut platforms = Vec::new();
    match python.libc {
        Libc::Glibc(2, minor) => {
            let oldest = if is_old(machine) { 5 } else { 17 };
            for minor in (oldest..=minor).rev() {
                platforms.push(format!("manylinux_2_{minor}_{machine}"));
                let other = match minor {
                    17 => "manylinux2014",
                    12 if is_old(machine) => "manylinux2010",
                    5 if is_old(machine) => "manylinux1",
                    _ => continue,
                };
                platforms.push(format!("{other}_{machine}"));
            }
        }
        Libc::Musl(major, minor) => {
            let minors = (0..=minor).rev();
            platforms.extend(minors.map(|minor| format!("musllinux_{major}_{minor}_{machine}")));
        }
        // There is no other major version that wheels are made for.
        Libc::Glibc(..) => {}
    }
    platforms.push(format!("linux_{machine}"));
    platforms
}

/// Machines for which wheels were made before `manylinux2014`.
fn is_old(machine: &str) -> bool {
    ["x86_64", "i686"].contains(&machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(minor: u16, abi: &str, libc: Libc) -> Tags {
        Tags::of(&Interpreter {
            minor,
            abi: abi.to_owned(),
            machine: "x86_64".to_owned(),
            libc,
        })
    }

    fn best(tags: &Tags, wheels: &[&str]) -> Option<String> {
        let wheels = wheels.iter().filter_map(|wheel| {
            let name = FileName::parse(wheel).expect(wheel);
            Some((tags.fit(&name)?, (*wheel).to_owned()))
        });
        wheels.min().map(|(_, wheel)| wheel)
    }

    #[test]
    fn the_best_wheel_is_the_one_that_pip_takes() {
        let glibc = python(11, "cp311", Libc::Glibc(2, 36));
        let musl = python(12, "cp312", Libc::Musl(1, 2));
        let free = python(13, "cp313t", Libc::Glibc(2, 28));
        for (tags, wheels, want) in [
            (
                &glibc,
                &[
                    "a-1-py3-none-any.whl",
                    "a-1-cp37-abi3-manylinux_2_28_x86_64.whl",
                    "a-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
                    "a-1-cp312-cp312-manylinux2014_x86_64.whl",
                ][..],
                Some(2),
            ),
            // A newer C library than there is.
            (
                &glibc,
                &[
                    "a-1-cp311-cp311-manylinux_2_39_x86_64.whl",
                    "a-1-cp39-abi3-manylinux1_x86_64.whl",
                ],
                Some(1),
            ),
            (
                &glibc,
                &[
                    "a-1-cp311-cp311-manylinux_2_17_aarch64.whl",
                    "a-1-cp311-cp311-win_amd64.whl",
                    "a-1-cp311-cp311-musllinux_1_2_x86_64.whl",
                ],
                None,
            ),
            (
                &glibc,
                &[
                    "a-1-1-py2.py3-none-any.whl",
                    "a-1-2b-py2.py3-none-any.whl",
                    "a-1-py3-none-any.whl",
                ],
                Some(1),
            ),
            (&glibc, &["a-1-py2-none-any.whl"], None),
            (&glibc, &["a-1-py310-none-any.whl"], Some(0)),
            (&glibc, &["a-1-py312-none-any.whl"], None),
            (
                &musl,
                &[
                    "a-1-cp312-cp312-manylinux_2_17_x86_64.whl",
                    "a-1-cp312-cp312-musllinux_1_1_x86_64.whl",
                    "a-1-cp312-cp312-musllinux_1_3_x86_64.whl",
                ],
                Some(1),
            ),
            (
                &free,
                &[
                    "a-1-cp38-abi3-manylinux_2_17_x86_64.whl",
                    "a-1-cp313-cp313-manylinux_2_17_x86_64.whl",
                ],
                None,
            ),
            (
                &free,
                &[
                    "a-1-py3-none-any.whl",
                    "a-1-cp313-cp313t-manylinux_2_28_x86_64.whl",
                ],
                Some(1),
            ),
        ] {
            let want = want.map(|at: usize| wheels[at].to_owned());
            assert_eq!(best(tags, wheels), want, "{wheels:?}");
        }
    }
}
