//! The algorithms: plain values in, decisions out. No clock, no lock, no telemetry, no allocation per call;
//! the shells that share one between threads stand in files of their own.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]
#![cfg_attr(not(test), warn(clippy::cast_precision_loss, clippy::float_cmp))]

#[cfg(feature = "retry")]
pub(crate) mod backoff;
#[cfg(feature = "circuit-breaker")]
pub(crate) mod breaker;
#[cfg(feature = "retry")]
pub(crate) mod budget;
pub(crate) mod counter;
#[cfg(feature = "rate-limit")]
pub(crate) mod gcra;
pub(crate) mod histogram;
#[cfg(any(feature = "rate-limit", feature = "circuit-breaker", feature = "bulkhead"))]
pub(crate) mod keyed;
#[cfg(feature = "bulkhead")]
pub(crate) mod permits;
#[cfg(feature = "bulkhead")]
pub(crate) mod queue;
#[cfg(feature = "circuit-breaker")]
pub(crate) mod window;
