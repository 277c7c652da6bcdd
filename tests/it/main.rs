//! The integration tests: one binary. `contract` runs every layer in every mode through one suite; each
//! pattern has a module of its own; `support` holds the scripted services that all of them use.

#![allow(clippy::disallowed_methods, reason = "tests read tokio's paused clock")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg_attr(not(feature = "test-util"), allow(dead_code, reason = "most tests are left out"))]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, reason = "nobody depends on a test")]

#[cfg(feature = "admin")]
mod admin;
mod bad_settings;
mod contract;
mod error_types;
mod grpc;
mod hosts;
mod http;
mod meaning;
mod reqwest;
mod support;

// The rest pauses time.
#[cfg(feature = "test-util")]
mod bulkhead;
#[cfg(feature = "test-util")]
mod circuit_breaker;
#[cfg(feature = "test-util")]
mod composition;
#[cfg(feature = "test-util")]
mod durations;
#[cfg(feature = "test-util")]
mod explain;
#[cfg(feature = "test-util")]
mod fallback;
#[cfg(feature = "test-util")]
mod fuzz;
#[cfg(feature = "test-util")]
mod keyed;
#[cfg(feature = "test-util")]
mod metrics;
#[cfg(feature = "test-util")]
mod rate_limit;
#[cfg(feature = "test-util")]
mod registry;
#[cfg(feature = "test-util")]
mod regressions;
#[cfg(feature = "test-util")]
mod retry;
#[cfg(feature = "test-util")]
mod timeout;
#[cfg(all(feature = "test-util", feature = "tower"))]
mod tower;
