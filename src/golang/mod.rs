//! What Go's libraries do where a Dockerfile shows it: `strconv`, `path/filepath`, `encoding/json`, `time`, patterns.
//!
//! Takes text; gives values, or the sentence that Go would have printed. Knows nothing of Dockerfiles,
//! and of Go only what a Dockerfile, an ignore file, an option or a lint message can make visible.
//! Where a Go function works on bytes that need not be UTF-8, ours works on `str`: every text that
//! reaches this room has been decoded before, and [`stray`] has what is no UTF-8 of it. What JSON holds in base64 is bytes.

pub mod base64;
pub mod csv;
pub mod ignore;
pub mod json;
pub mod mode;
pub mod path;
pub mod stray;
pub mod tabwriter;
pub mod time;

mod case;
mod duration;
mod net;
mod number;
mod quote;
mod signal;
mod suggest;
mod ulimit;
mod unicode;
mod units;

pub use case::{equal_fold, to_lower, to_upper};
pub use duration::{format_duration, parse_duration};
pub use net::{parse_ip, split_host_port};
pub use number::{atoi, parse_bool, parse_float, parse_int, parse_uint};
pub use quote::{quote, quote_all};
pub use signal::parse_signal;
pub use suggest::nearest;
pub use time::Timestamp;
pub use ulimit::{Ulimit, parse_ulimit};
pub use unicode::{is_digit, is_letter, is_print};
pub use units::ram_in_bytes;
