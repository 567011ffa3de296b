//! The wire, as generated.
