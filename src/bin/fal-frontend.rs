//! The frontend: started by BuildKit, speaks gRPC on stdin and stdout.
fn main() {}
