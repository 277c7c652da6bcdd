//! Each host against a real server on a port that the system chose.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "nobody depends on a test")]

mod aws;
mod connector_012;
mod middleware;
mod queue;
mod store;
mod support;
