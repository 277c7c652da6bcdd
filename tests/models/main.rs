//! Random histories. Each engine goes through one operation after the other beside a model of it: the
//! semantics as one would write them down, over lists of what happened, with no thought for speed. After each operation
//! every decision, every count and every event is the same; where others have what we have, they are asked too.
//!
//! `PROPTEST_CASES` says how many histories; a failure prints the shortest one that was found.

#![allow(clippy::disallowed_methods, reason = "tests read tokio's paused clock")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, reason = "nobody depends on a test")]

mod breaker;
mod bulkhead;
mod differential;
mod fallback;
mod history;
mod liveness;
mod rate_limit;
mod retry;
mod timeout;
mod world;
