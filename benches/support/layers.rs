//! The layers, with room for every call.

use std::time::Duration;

use buttress::bulkhead::Queued;
use buttress::circuit_breaker::Window;
use buttress::fallback::Value;
use buttress::rate_limit::{KeyOf, Waiting};
use buttress::{
    BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, KeyedBulkhead,
    KeyedBulkheadLayer, KeyedCircuitBreaker, KeyedCircuitBreakerLayer, KeyedRateLimitLayer, KeyedRateLimiter,
    Quota, RateLimitLayer, RetryLayer, RetryPolicy, TimeoutLayer,
};
use tower::{Service, ServiceBuilder};

use super::services::Error;

/// Longer than any bench.
pub(crate) const LONG: Duration = Duration::from_secs(3_600);

/// More than any bench calls. The burst is worth a second, so that a thread that is interrupted between the clock
/// and its decision is not refused for the time that it lost.
pub(crate) const PLENTY: Quota = Quota::per_second(1_000_000_000).burst(1_000_000_000);

pub(crate) fn breaker(window: Window) -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().window(window).min_calls(10)).name("bench")
}

pub(crate) fn last_calls() -> CircuitBreakerLayer {
    breaker(Window::last_calls(100))
}

pub(crate) fn ten_seconds() -> CircuitBreakerLayer {
    breaker(Window::time(Duration::from_secs(10)))
}

pub(crate) fn bulkhead() -> BulkheadLayer {
    BulkheadLayer::new(64).name("bench")
}

pub(crate) fn queued() -> BulkheadLayer<Queued> {
    bulkhead().queue(64, LONG)
}

pub(crate) fn rate_limit() -> RateLimitLayer {
    RateLimitLayer::new(PLENTY).name("bench")
}

pub(crate) fn waiting() -> RateLimitLayer<Waiting> {
    rate_limit().wait(LONG)
}

/// The request is the key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Itself;

impl KeyOf<u64> for Itself {
    type Key = u64;

    fn key_of(&self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

pub(crate) fn per_key(quota: Quota) -> KeyedRateLimitLayer<Itself> {
    KeyedRateLimitLayer::from_limiter(KeyedRateLimiter::new(quota), Itself).name("bench")
}

pub(crate) fn breaker_per_key() -> KeyedCircuitBreakerLayer<Itself> {
    KeyedCircuitBreakerLayer::from_breaker(KeyedCircuitBreaker::new(CircuitBreakerConfig::default()), Itself)
        .max_keys(1_000_000)
        .name("bench")
}

pub(crate) fn bulkhead_per_key() -> KeyedBulkheadLayer<Itself> {
    KeyedBulkheadLayer::from_bulkhead(KeyedBulkhead::new(64), Itself).max_keys(1_000_000).name("bench")
}

pub(crate) fn retry() -> RetryLayer {
    RetryLayer::new(RetryPolicy::default()).name("bench")
}

pub(crate) fn timeout() -> TimeoutLayer {
    TimeoutLayer::new(LONG).name("bench")
}

pub(crate) fn fallback() -> FallbackLayer<Value<u64>> {
    FallbackLayer::value(0).name("bench")
}

pub(crate) fn five<S>(inner: S) -> impl Service<u64, Response = u64, Error = Error> + Clone
where
    S: Service<u64, Response = u64, Error = Error> + Clone,
{
    ServiceBuilder::new()
        .layer(retry())
        .layer(ten_seconds())
        .layer(bulkhead())
        .layer(rate_limit())
        .layer(timeout())
        .service(inner)
}
