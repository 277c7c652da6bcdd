//! Composable [tower] layers that keep a service alive when what it depends on fails.
//!
//! [tower]: https://docs.rs/tower
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod algo;
#[cfg(feature = "bulkhead")]
pub mod bulkhead;
#[cfg(feature = "circuit-breaker")]
pub mod circuit_breaker;
mod classify;
mod clock;
pub mod deadline;
mod error;
mod integrations;
mod macros;
mod name;
#[cfg(feature = "rate-limit")]
pub mod rate_limit;
mod readiness;
mod reject;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod replay;
#[cfg(feature = "retry")]
pub mod retry;
mod rng;
mod spare;
mod sync;
#[cfg(feature = "timeout")]
pub mod timeout;
mod units;
mod verdict;

#[cfg(feature = "bulkhead")]
pub use bulkhead::{Bulkhead, BulkheadLayer, BulkheadPermit, BulkheadService, BulkheadSnapshot};
#[cfg(feature = "circuit-breaker")]
pub use circuit_breaker::{
    CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, CircuitBreakerService, CircuitBreakerSnapshot,
    CircuitEvent, CircuitPermit, CircuitState,
};
pub use classify::{Answer, ByType, Classify, ClassifyFn, ErrorsOnly, Fault, find_rejected};
pub use error::{BoxError, CallError, InvalidConfig};
pub use name::Name;
#[cfg(feature = "rate-limit")]
pub use rate_limit::{
    KeyedRateLimitLayer, KeyedRateLimitService, KeyedRateLimitSnapshot, KeyedRateLimiter, Overflow, Quota,
    RateLimitLayer, RateLimitPeek, RateLimitService, RateLimitSnapshot, RateLimiter,
};
pub use reject::{Convert, OnReject, RejectWith, Rejected, RejectedKind};
#[cfg(any(feature = "retry", feature = "fallback"))]
pub use replay::Replay;
#[cfg(feature = "retry")]
pub use retry::{
    Backoff, BudgetConfig, ByRequest, Cloned, Jitter, Repeat, RepeatFn, Retry, RetryBudget,
    RetryBudgetSnapshot, RetryLayer, RetryPolicy, RetryService, RetrySnapshot,
};
#[cfg(feature = "timeout")]
pub use timeout::{Timeout, TimeoutLayer, TimeoutService, TimeoutSnapshot};
pub use verdict::{Outcome, Verdict};
