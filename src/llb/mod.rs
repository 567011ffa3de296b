//! Ops and the definition they marshal to.
