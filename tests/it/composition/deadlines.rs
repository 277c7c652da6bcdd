//! The ambient deadline through the layers.

use std::time::Duration;

use buttress::{
    BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState, Quota, RateLimitLayer,
    RejectedKind, RetryLayer, RetryPolicy, TimeoutLayer,
};
use tokio::time::Instant;
use tower::ServiceBuilder;

use crate::support::{Act, Strict, call, rejection};

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn tm_07_a_timeout_limits_what_it_stands_around() {
    let retry = || RetryLayer::new(RetryPolicy::default().backoff(buttress::Backoff::constant(MS)));
    let (inner, probe) = Strict::always(Act::Hang);
    let inside = ServiceBuilder::new().layer(retry()).layer(TimeoutLayer::new(100 * MS)).service(inner);
    let start = Instant::now();
    rejection(inside.oneshot(1).await);
    assert_eq!(probe.calls(), 3);
    assert!((300 * MS..=302 * MS).contains(&start.elapsed()), "{:?}", start.elapsed());

    let (inner, probe) = Strict::always(Act::Hang);
    let outside = ServiceBuilder::new().layer(TimeoutLayer::new(100 * MS)).layer(retry()).service(inner);
    let start = Instant::now();
    rejection(outside.oneshot(1).await);
    assert_eq!((probe.calls(), start.elapsed()), (1, 100 * MS));
}

#[tokio::test(start_paused = true)]
async fn a_back_off_that_would_end_after_the_deadline_is_not_begun() {
    let policy = RetryPolicy::default()
        .backoff(buttress::Backoff::constant(Duration::from_secs(1)))
        .jitter(buttress::Jitter::None);
    let (inner, probe) = Strict::always(Act::Err);
    let total = TimeoutLayer::new(500 * MS);
    let stack = ServiceBuilder::new().layer(total).layer(RetryLayer::new(policy)).service(inner);
    let start = Instant::now();
    let error = stack.oneshot(1).await.unwrap_err();
    assert!(error.rejected().is_none(), "the failure itself, and not a time-out: {error}");
    assert_eq!((probe.calls(), start.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_cell_that_would_end_after_the_deadline_is_not_begun() {
    let limit = RateLimitLayer::new(Quota::every(Duration::from_secs(1)));
    let layer =
        ServiceBuilder::new().layer(TimeoutLayer::new(500 * MS)).layer(limit.wait(Duration::from_secs(60)));
    let (inner, _probe) = Strict::ok();
    let mut service = layer.service(inner);
    assert_eq!(call(&mut service, 1).await, Ok(1));
    let start = Instant::now();
    let rejected = rejection(call(&mut service, 2).await);
    assert_eq!((rejected.kind(), start.elapsed()), (RejectedKind::RateLimited, Duration::ZERO));
    assert_eq!(rejected.retry_after(), Some(Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_left_no_later_than_the_deadline() {
    let bulkhead = BulkheadLayer::new(1).queue(4, Duration::from_secs(60));
    let held = bulkhead.bulkhead().try_admit().unwrap();
    let (inner, probe) = Strict::ok();
    let stack = ServiceBuilder::new().layer(TimeoutLayer::new(500 * MS)).layer(bulkhead).service(inner);
    let start = Instant::now();
    rejection(stack.oneshot(1).await);
    assert_eq!((probe.calls(), start.elapsed()), (0, 500 * MS));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn cb_51_calls_cut_short_by_the_caller_do_not_open_a_breaker() {
    let (inner, _probe) = Strict::always(Act::Hang);
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let breaker = layer.breaker();
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(5 * MS))
        .layer(layer)
        .layer(TimeoutLayer::new(Duration::from_secs(1)))
        .service(inner);
    for request in 0..1_000 {
        let rejected = rejection(stack.clone().oneshot(request).await);
        assert_eq!(rejected.kind(), RejectedKind::TimedOut);
    }
    assert_eq!(breaker.state(), CircuitState::Closed);
    let counts = breaker.snapshot();
    assert_eq!((counts.failed, counts.ignored), (0, 1_000), "{counts:?}");
}
