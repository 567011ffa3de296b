//! The command line `fal-image`.
