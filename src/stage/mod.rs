//! Names and numbers to a graph of stages.
