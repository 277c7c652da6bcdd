//! tower-resilience. It boxes the future of each layer.

use std::time::Duration;

use ::tower::{Layer, Service, ServiceBuilder};
use tower_resilience::bulkhead::BulkheadLayer;
use tower_resilience::circuitbreaker::{CircuitBreakerLayer, SlidingWindowType};
use tower_resilience::ratelimiter::RateLimiterLayer;
use tower_resilience::retry::{RetryBudgetBuilder, RetryLayer};
use tower_resilience::timelimiter::TimeLimiterLayer;

use super::kit::{above, full, layered, refusing};
use super::{BURST, CALLS, CONCURRENT, LONG, Maker, RATE, Subject, WINDOW};
use crate::measure::answered;
use crate::work::{AtOnce, Fails, Failure, Hangs, PendingOnce};

const NAME: &str = "peers";

/// Its defaults but for the size, and what `min_calls` is there.
pub fn last(calls: u32) -> CircuitBreakerLayer {
    let builder = CircuitBreakerLayer::builder().sliding_window_size(calls as usize);
    builder.minimum_number_of_calls(CALLS as usize).name(NAME).build().expect("a valid breaker")
}

pub fn time(window: Duration) -> CircuitBreakerLayer {
    let builder = CircuitBreakerLayer::builder().sliding_window_type(SlidingWindowType::TimeBased);
    let builder = builder.sliding_window_duration(window).minimum_number_of_calls(CALLS as usize);
    builder.name(NAME).build().expect("a valid breaker")
}

fn bulkhead_layer(concurrent: usize) -> BulkheadLayer {
    let builder = BulkheadLayer::builder().max_concurrent_calls(concurrent).reject_when_full();
    builder.name(NAME).build().expect("a valid bulkhead")
}

fn rate() -> RateLimiterLayer {
    let builder = RateLimiterLayer::burst(RATE as usize, BURST as usize);
    builder.timeout_duration(Duration::ZERO).name(NAME).build().expect("a valid limit")
}

fn retry_layer<E>() -> RetryLayer<u64, u64, E> {
    let budget = RetryBudgetBuilder::new().token_bucket().build().expect("a valid budget");
    RetryLayer::<u64, u64, E>::exponential_backoff().name(NAME).budget(budget).build()
}

fn timeout_layer() -> TimeLimiterLayer<tower_resilience::timelimiter::FixedTimeout> {
    TimeLimiterLayer::builder().timeout_duration(LONG).name(NAME).build()
}

fn theirs<S>(what: &'static str, service: S) -> Subject
where
    S: Service<u64, Error: std::fmt::Debug> + 'static,
{
    layered(Maker::TowerResilience, what, service)
}

pub fn breaker_last() -> Subject {
    theirs("count window", last(CALLS).layer(AtOnce)).note("its window never slides")
}

pub fn breaker_time() -> Subject {
    theirs("time window", time(WINDOW).layer(AtOnce)).grows()
}

pub fn bulkhead() -> Subject {
    theirs("Bulkhead", bulkhead_layer(CONCURRENT).layer(AtOnce))
}

pub fn rate_limit() -> Subject {
    theirs("token bucket", rate().layer(AtOnce))
}

pub fn rate_limit_fixed() -> Subject {
    let layer = RateLimiterLayer::per_second(RATE as usize).name(NAME).build().expect("a valid limit");
    theirs("fixed window", layer.layer(AtOnce)).part("up to twice the rate at the border of two windows")
}

pub fn retry() -> Subject {
    theirs("Retry", retry_layer::<Failure>().layer(AtOnce))
}

pub fn timeout() -> Subject {
    theirs("TimeLimiter", timeout_layer().layer(AtOnce))
}

pub fn timeout_pending() -> Subject {
    let service = timeout_layer().layer(PendingOnce);
    let future = above::<_, _, u64>(&service, &PendingOnce);
    Subject::new(Maker::TowerResilience, "TimeLimiter", answered(service)).future(future)
}

fn stacked(
    breaker: CircuitBreakerLayer,
) -> impl Service<u64, Error: std::fmt::Debug, Future: 'static> + 'static {
    let inner = ServiceBuilder::new()
        .layer(breaker)
        .layer(bulkhead_layer(CONCURRENT))
        .layer(rate())
        .layer(timeout_layer())
        .service(AtOnce);
    retry_layer().layer(inner)
}

pub fn five() -> Subject {
    theirs("time window", stacked(time(WINDOW))).grows()
}

pub fn five_last() -> Subject {
    theirs("count window", stacked(last(CALLS))).note("its window never slides")
}

pub fn breaker_last_by_two() -> Subject {
    let service = last(CALLS).layer(AtOnce);
    Subject::by_two(Maker::TowerResilience, "count window", move || answered(service))
}

pub fn breaker_time_by_two() -> Subject {
    let service = time(WINDOW).layer(AtOnce);
    Subject::by_two(Maker::TowerResilience, "time window", move || answered(service)).grows()
}

pub fn breaker_open() -> Subject {
    let layer = CircuitBreakerLayer::builder().wait_duration_in_open(LONG).name(NAME).build();
    refusing(Maker::TowerResilience, "", layer.expect("a valid breaker").layer(Fails), CALLS)
}

pub fn bulkhead_full() -> Subject {
    let service = bulkhead_layer(1).layer(Hangs);
    full(Maker::TowerResilience, "", service.clone(), service)
        .note("waits for a timer of zero, so for a millisecond")
}

pub fn rate_limit_empty() -> Subject {
    let builder = RateLimiterLayer::builder().limit_for_period(1).refresh_period(LONG);
    let layer = builder.timeout_duration(Duration::ZERO).name(NAME).build().expect("a valid limit");
    refusing(Maker::TowerResilience, "", layer.layer(AtOnce), 1)
}

/// Its defaults, with an open time that a test can wait for.
pub fn opening_for(open: Duration) -> CircuitBreakerLayer {
    CircuitBreakerLayer::builder().wait_duration_in_open(open).name(NAME).build().expect("a valid breaker")
}
