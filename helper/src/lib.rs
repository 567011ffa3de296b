//! What the helper does in a build step, and the report that it writes.
