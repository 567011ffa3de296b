//! The wire, as generated: LLB, the gateway, and what both lean on.
//!
//! Takes bytes and gives messages. Knows nothing of what they mean, and of Go's encoding only what
//! the `.proto` files say: ops that should have Go's digests are encoded by `llb`.
//!
//! Everything beside this file is written by `cargo xtask codegen` from the folder `proto/`.

pub use fsutil::types::Stat;
pub use google::rpc;
pub use moby::buildkit::v1::{apicaps, frontend, types};

/// LLB: ops, definitions, source maps.
#[allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod pb {
    include!("pb.rs");
}

/// What the gateway's messages lean on, and the gateway: nested as the generated paths expect.
#[allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod moby {
    pub mod buildkit {
        pub mod v1 {
            pub mod apicaps {
                include!("moby.buildkit.v1.apicaps.rs");
            }
            pub mod frontend {
                include!("moby.buildkit.v1.frontend.rs");
            }
            pub mod types {
                include!("moby.buildkit.v1.types.rs");
            }
        }
    }
}

/// How gRPC carries an error.
#[allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod google {
    pub mod rpc {
        include!("google.rpc.rs");
    }
}

/// How the daemon describes a file.
#[allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod fsutil {
    pub mod types {
        include!("fsutil.types.rs");
    }
}
