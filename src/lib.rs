//! Composable [tower] layers that keep a service alive when what it depends on fails: circuit breaker,
//! bulkhead, rate limit, retry, timeout, fallback.
//!
//! ```
//! use std::time::Duration;
//! use buttress::{
//!     BulkheadLayer, CallError, CircuitBreakerConfig, CircuitBreakerLayer, Quota, RateLimitLayer, RetryLayer,
//!     RetryPolicy, TimeoutLayer,
//! };
//! use tower::{ServiceBuilder, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! # let http_client = service_fn(|request: u64| async move { Ok::<_, std::io::Error>(request) });
//! let client = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new(Duration::from_secs(3)))           // the whole call
//!     .layer(RetryLayer::new(RetryPolicy::default()))             // 3 attempts, full jitter, 10 % budget
//!     .layer(CircuitBreakerLayer::new(CircuitBreakerConfig::default()).name("payments"))
//!     .layer(BulkheadLayer::new(64))
//!     .layer(RateLimitLayer::new(Quota::per_second(500)))
//!     .layer(TimeoutLayer::new(Duration::from_secs(1)))           // each attempt
//!     .map_err(CallError::Inner)                                  // keeps the client's own error type
//!     .service(http_client);
//! assert_eq!(client.oneshot(7).await.unwrap(), 7);
//! # }
//! ```
//!
//! [`client_stack`] and [`server_stack`] are this order in one call. [`explain`](mod@explain) tells what a
//! stack is: settings, worst case, known mistakes.
//!
//! # Which layer when
//!
//! | when | layer |
//! |---|---|
//! | the dependency is down or slow, and calling it makes matters worse | [circuit breaker](circuit_breaker) |
//! | one slow dependency must not take every task and connection | [bulkhead] |
//! | there is a quota, yours or theirs | [rate limit](rate_limit) |
//! | single calls fail now and then | [retry], with its budget |
//! | an answer that comes late is worth nothing | [timeout] |
//! | something is better than an error | [fallback] |
//!
//! # Order
//!
//! Outermost first: fallback → total timeout → retry → circuit breaker → bulkhead → rate limit →
//! attempt timeout → transport.
//!
//! Retry stands outside the breaker, which stands outside the attempt timeout: every attempt is counted, a
//! hung call is recorded as a failure, and an open circuit stops the retry loop at once. Nothing is held
//! while a retry waits. The rate limit is innermost, because a cell should be spent only on what is really
//! sent.
//!
//! # What a layer never does
//!
//! It never changes the error type: `Error = S::Error`, `Response = S::Response`. How a [`Rejected`] fits
//! into them is said by a strategy ([`OnReject`]); the default converts with `From`, or answers with 503, 429
//! or 504 where a server cannot fail. It never guesses what a result means ([`Answer`], [`Fault`]) or whether
//! a request may be sent twice ([`Replay`]): an unknown type does not compile until one line says so. It never
//! reserves anything in `poll_ready`, and never returns an error of its own from there.
//!
//! # State
//!
//! State lives in the layer: its clones, and all services made by it, share one engine, also when axum makes a
//! service per route and connection. `fork(name)` gives the same settings with state of their own. Each
//! layer hands out its engine, for counters and for control at run time; engines also work without
//! tower.
//!
//! # See it and switch it
//!
//! Every engine of the process is in the [registry], under its stack, layer and name: one snapshot shows all of
//! them, and each of them, or all at once, can be put on dry run or switched off while the process runs.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `circuit-breaker`, `bulkhead`, `rate-limit`, `retry`, `timeout`, `fallback` | yes | the layers |
//! | `stack` | yes | [`client_stack`] and [`server_stack`]; turns all layers on |
//! | `http` | yes | meaning of `http::Response`, rejections as responses, replay of `http::Request` and its body, deadlines on the wire |
//! | `grpc` | no | [gRPC](grpc) with tonic: meaning of its statuses, rejections as status |
//! | `tonic-transport` | no | meaning of the errors of tonic's channels |
//! | `hyper-util`, `reqwest` | no | meaning of these clients' errors and types |
//! | `http2` | no | meaning of HTTP/2's errors: what the server did not begin with may be sent again |
//! | `tower` | no | tower's own traits: services forward `Load`, retries are a `Policy`, budgets a `Budget` |
//! | `prometheus`, `opentelemetry`, `metrics` | no | [metrics] for these crates; turn all layers on |
//! | `axum` | no | a handler for Prometheus |
//! | `admin` | no | [a page](admin) of all engines for axum, live, with switches; turns all layers on |
//! | `serde` | no | snapshots as JSON and whatever else serde writes |
//! | `full` | no | all of the above |
//! | `test-util` | no | puts every layer on tokio's clock, for tests that pause it |
//!
//! # Runtime
//!
//! Layers, services and engines can be made anywhere. Whatever waits needs a tokio runtime with time
//! enabled, and panics without one, as tokio's timers do.
//!
//! [tower]: https://docs.rs/tower
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
// In this one place, and not at each helper under a condition of its own: with all patterns in, which
// `stack` stands for, whatever is unused is still told.
#![cfg_attr(
    not(feature = "stack"),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "patterns share helpers, and not each needs all"
    )
)]

mod algo;
mod attempt;
#[cfg(feature = "bulkhead")]
pub mod bulkhead;
#[cfg(test)]
mod cases;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod causes;
#[cfg(feature = "circuit-breaker")]
pub mod circuit_breaker;
mod classify;
mod clock;
pub mod deadline;
mod error;
#[cfg(feature = "stack")]
pub mod explain;
#[cfg(feature = "fallback")]
pub mod fallback;
#[cfg(any(feature = "circuit-breaker", feature = "bulkhead"))]
mod held;
mod integrations;
// There is nothing per key without one of these.
#[cfg(any(feature = "rate-limit", feature = "circuit-breaker", feature = "bulkhead"))]
mod key;
mod macros;
// There is no engine without a pattern.
#[cfg(any(
    feature = "circuit-breaker",
    feature = "bulkhead",
    feature = "rate-limit",
    feature = "retry",
    feature = "timeout",
    feature = "fallback"
))]
pub mod metrics;
mod mode;
mod name;
#[cfg(any(feature = "rate-limit", feature = "circuit-breaker", feature = "bulkhead"))]
mod places;
#[cfg(feature = "rate-limit")]
pub mod rate_limit;
mod readiness;
// There is no engine without a pattern.
#[cfg(any(
    feature = "circuit-breaker",
    feature = "bulkhead",
    feature = "rate-limit",
    feature = "retry",
    feature = "timeout",
    feature = "fallback"
))]
pub mod registry;
mod reject;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod replay;
#[cfg(feature = "retry")]
pub mod retry;
mod rng;
mod spare;
mod spread;
#[cfg(feature = "stack")]
pub mod stack;
mod stripe;
mod sync;
#[cfg(feature = "timeout")]
pub mod timeout;
mod units;
mod verdict;

pub use algo::histogram::Histogram;
#[cfg(any(feature = "rate-limit", feature = "circuit-breaker", feature = "bulkhead"))]
pub use algo::keyed::Overflow;
#[cfg(feature = "bulkhead")]
pub use bulkhead::{
    Bulkhead, BulkheadLayer, BulkheadPermit, BulkheadService, BulkheadSnapshot, KeyedBulkhead,
    KeyedBulkheadLayer, KeyedBulkheadService, KeyedBulkheadSnapshot, KeyedCompartment,
    KeyedCompartmentSnapshot,
};
#[cfg(feature = "circuit-breaker")]
pub use circuit_breaker::{
    CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, CircuitBreakerService, CircuitBreakerSnapshot,
    CircuitEvent, CircuitPermit, CircuitState, KeyedCircuit, KeyedCircuitBreaker, KeyedCircuitBreakerLayer,
    KeyedCircuitBreakerService, KeyedCircuitBreakerSnapshot, KeyedCircuitPermit, KeyedCircuitSnapshot,
};
pub use classify::{Answer, ByType, Classify, ClassifyFn, ErrorsOnly, Fault, find_rejected};
pub use error::{BoxError, CallError, InvalidConfig};
#[cfg(feature = "fallback")]
pub use fallback::{Fallback, FallbackLayer, FallbackService, FallbackSnapshot, Fallen};
#[cfg(feature = "admin")]
pub use integrations::admin;
#[cfg(feature = "grpc")]
pub use integrations::grpc;
#[cfg(all(feature = "http", feature = "rate-limit"))]
pub use integrations::http::RateLimitHeadersLayer;
#[cfg(feature = "http")]
pub use integrations::http::{self, Degraded};
#[cfg(all(
    feature = "http",
    any(feature = "rate-limit", feature = "circuit-breaker", feature = "bulkhead")
))]
pub use integrations::http::{Client, ClientKey, PeerAddr};
#[cfg(any(feature = "rate-limit", feature = "circuit-breaker", feature = "bulkhead"))]
pub use key::{IntoKey, KeyFn, KeyOf};
pub use mode::Mode;
pub use name::Name;
#[cfg(feature = "rate-limit")]
pub use rate_limit::{
    KeyedRateLimitLayer, KeyedRateLimitService, KeyedRateLimitSnapshot, KeyedRateLimiter, Quota,
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
#[cfg(feature = "stack")]
pub use stack::{ClientStack, ServerStack, client_stack, server_stack};
#[cfg(feature = "timeout")]
pub use timeout::{Timeout, TimeoutLayer, TimeoutService, TimeoutSnapshot};
pub use verdict::{Outcome, Verdict};

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../docs/operating.md")]
struct Operating;

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../docs/hosts/axum.md")]
struct AxumHost;

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../docs/hosts/hyper.md")]
struct HyperHost;

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../docs/hosts/tonic.md")]
struct TonicHost;

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../docs/hosts/reqwest.md")]
struct ReqwestHost;

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../docs/meshes.md")]
struct Meshes;
