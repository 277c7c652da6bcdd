//! What one layer's refusal means to another.

use std::time::Duration;

use buttress::circuit_breaker::Window;
use buttress::{
    Backoff, BudgetConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState,
    FallbackLayer, Quota, RateLimitLayer, RejectedKind, RetryLayer, RetryPolicy, TimeoutLayer,
};
use tokio::time::Instant;
use tower::ServiceBuilder;

use crate::support::{Act, Strict, TestError, call, rejection};

const MS: Duration = Duration::from_millis(1);

fn retry() -> RetryLayer {
    RetryLayer::new(RetryPolicy::default().backoff(Backoff::constant(MS)))
}

fn breaker_of(calls: u32) -> CircuitBreakerLayer {
    let config = CircuitBreakerConfig::default().window(Window::last_calls(calls)).min_calls(calls);
    CircuitBreakerLayer::new(config.outage(None))
}

#[tokio::test(start_paused = true)]
async fn co_12_refusals_from_below_do_not_open_a_breaker() {
    let bulkhead = BulkheadLayer::new(1);
    let _held = bulkhead.bulkhead().try_admit().unwrap();
    let layer = breaker_of(10);
    let breaker = layer.breaker();
    let (inner, _probe) = Strict::ok();
    let mut service = ServiceBuilder::new().layer(layer).layer(bulkhead).service(inner);
    for request in 0..100 {
        assert_eq!(rejection(call(&mut service, request).await).kind(), RejectedKind::BulkheadFull);
    }
    assert_eq!((breaker.state(), breaker.snapshot().ignored), (CircuitState::Closed, 100));
}

#[tokio::test(start_paused = true)]
async fn co_12_a_rate_limited_attempt_is_repeated_when_there_is_a_cell_and_not_before() {
    let limit = RateLimitLayer::new(Quota::every(100 * MS));
    let (inner, probe) = Strict::ok();
    // The wait is within the cap of the default back-off.
    let retry = RetryLayer::new(RetryPolicy::default());
    let handle = retry.retry();
    let mut service = ServiceBuilder::new().layer(retry).layer(limit).service(inner);
    assert_eq!(call(&mut service, 1).await, Ok(1));
    let start = Instant::now();
    assert_eq!(call(&mut service, 2).await, Ok(2));
    assert_eq!((start.elapsed(), probe.calls()), (100 * MS, 2));
    assert_eq!(handle.snapshot().retries, 1);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_stops_the_loop_at_once() {
    let layer = breaker_of(10);
    layer.breaker().isolate();
    let (inner, probe) = Strict::ok();
    let retry = retry();
    let handle = retry.retry();
    let mut service = ServiceBuilder::new().layer(retry).layer(layer).service(inner);
    let start = Instant::now();
    let rejected = rejection(call(&mut service, 1).await);
    assert_eq!((rejected.kind(), rejected.was_sent()), (RejectedKind::CircuitOpen, false));
    assert_eq!((start.elapsed(), probe.calls(), handle.snapshot().retries), (Duration::ZERO, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_does_not_fill_the_budget_of_retries() {
    let layer = breaker_of(10);
    let breaker = layer.breaker();
    breaker.isolate();
    let budget = BudgetConfig::default().per_second(0.0);
    let retry = RetryLayer::new(RetryPolicy::default().backoff(Backoff::constant(MS)).budget(budget));
    let budget = retry.retry().budget().unwrap();
    while budget.try_withdraw() {}
    let (inner, probe) = Strict::always(Act::Err);
    let mut service = ServiceBuilder::new().layer(retry).layer(layer).service(inner);
    for request in 0..1_000 {
        assert_eq!(rejection(call(&mut service, request).await).kind(), RejectedKind::CircuitOpen);
    }
    assert_eq!(budget.snapshot().available, 0.0);
    // The circuit closes, and the service that comes back is not met with 15 repeats that nobody earned.
    breaker.bypass();
    for request in 0..9 {
        assert!(call(&mut service, request).await.is_err());
    }
    assert_eq!(probe.calls(), 9);
}

#[tokio::test(start_paused = true)]
async fn rt_21_what_was_sent_stays_sent() {
    // Two calls fail by time-out, which opens the breaker; the third attempt meets it open.
    let layer = breaker_of(2);
    let (inner, probe) = Strict::always(Act::Hang);
    let mut service =
        ServiceBuilder::new().layer(retry()).layer(layer).layer(TimeoutLayer::new(100 * MS)).service(inner);
    let rejected = rejection(call(&mut service, 1).await);
    assert_eq!((rejected.kind(), rejected.was_sent()), (RejectedKind::TimedOut, true));
    assert_eq!(probe.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn rt_21_a_refusing_fallback_service_does_not_hide_that_the_call_was_sent() {
    let (primary, _probe) = Strict::always(Act::Err);
    let layer = breaker_of(10);
    layer.breaker().isolate();
    let (spare, spare_probe) = Strict::ok();
    let spare = ServiceBuilder::new().layer(layer).service(spare);
    let service = ServiceBuilder::new().layer(FallbackLayer::service(spare)).service(primary);
    let error = service.oneshot(7).await.unwrap_err();
    assert_eq!(error.into_inner(), Some(TestError(7)));
    assert_eq!(spare_probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_answers_for_an_open_breaker() {
    let layer = breaker_of(10);
    layer.breaker().isolate();
    let (inner, probe) = Strict::ok();
    let mut service = ServiceBuilder::new().layer(FallbackLayer::value(99)).layer(layer).service(inner);
    assert_eq!(call(&mut service, 1).await, Ok(99));
    assert_eq!(probe.calls(), 0);
}
