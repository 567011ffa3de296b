//! Options to result: one build, or one subrequest.
