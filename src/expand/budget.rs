//! How much a build may grow.

/// Nothing that a daemon takes comes near: its messages end at 16 MiB.
pub(super) const MOST: usize = 128 << 20;

/// What is left for a build to grow by, in bytes.
///
/// A few lines can ask for any amount: twenty times `ENV a=$a$a`, all ports in every stage, a large environment before thousands of
/// RUNs. What is written in a file does not count, as it is no larger than the file; what is made of it does, as often as it is made.
/// All that is made for one build shares one budget, so that its time and memory are those of reading the file, and no more than a
/// fixed amount on top.
#[derive(Debug, Clone)]
pub struct Budget {
    left: usize,
}

/// More is asked for than anybody can build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the build grows beyond {} MiB, which no daemon takes", MOST >> 20)]
pub struct Overgrown;

impl Budget {
    /// Takes this many bytes out. Once they are not there, nothing is.
    pub fn spend(&mut self, bytes: usize) -> Result<(), Overgrown> {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(0);
        left.map(drop).ok_or(Overgrown)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: MOST }
    }
}
