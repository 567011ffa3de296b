//! Written instructions to checked ones.
