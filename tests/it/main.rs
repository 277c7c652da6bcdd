//! The integration tests: one binary. `contract` runs every layer in every mode through one suite; each
//! pattern has a module of its own; `support` holds the scripted services that all of them use.

#![allow(clippy::disallowed_methods, reason = "tests read tokio's paused clock")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, reason = "nobody depends on a test")]

mod bulkhead;
mod composition;
mod contract;
mod fallback;
mod http;
mod meaning;
mod rate_limit;
mod regressions;
mod retry;
mod support;
mod timeout;
mod ui;
