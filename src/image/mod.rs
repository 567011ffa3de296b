//! The image config: read, change, write.
