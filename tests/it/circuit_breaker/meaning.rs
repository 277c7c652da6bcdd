//! What counts, and as what.

use std::convert::Infallible;

use buttress::circuit_breaker::{Outage, Window};
use buttress::deadline::{self, Deadline};
use buttress::{CircuitBreakerLayer, CircuitState, ErrorsOnly, TimeoutLayer};
use http::{Response, StatusCode};
use tokio::time::advance;
use tower::{Layer, Service, ServiceBuilder, service_fn};

use super::*;
use crate::support::{Act, Strict, call, now, poll_once, poll_ready};

/// A server that answers with the status that it is asked for.
fn server() -> impl Service<u64, Response = Response<String>, Error = Infallible> {
    service_fn(|status: u64| async move {
        let status = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
        Ok(Response::builder().status(status).body(String::new()).unwrap())
    })
}

#[test]
fn cb_42_http_answers_count_by_status() {
    let layer = CircuitBreakerLayer::new(plain());
    let mut service = layer.layer(server());
    for status in [404, 404, 404, 404, 404, 429, 429, 503, 503, 503, 503] {
        assert_eq!(now(&mut service, status).unwrap().status(), u16::try_from(status).unwrap());
    }
    let snapshot = layer.breaker().snapshot();
    assert_eq!((snapshot.state, snapshot.recorded, snapshot.throttled), (CircuitState::Closed, 9, 2));
    now(&mut service, 503).unwrap();
    let snapshot = layer.breaker().snapshot();
    assert_eq!((snapshot.state, snapshot.causes.count("503")), (CircuitState::Open, 5));
    let rejected = now(&mut service, 200).unwrap();
    assert_eq!(rejected.status(), 503);
    assert!(rejected.headers().contains_key("retry-after"));
    assert!(rejected.extensions().get::<buttress::Rejected>().is_some());
}

#[tokio::test(start_paused = true)]
async fn cb_42_a_quota_is_not_an_outage() {
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let mut service = layer.layer(server());
    let mut good = 0;
    for number in 0..2 * 3_600_u64 {
        let status = if number % 2 == 0 { 200 } else { 429 };
        good += u64::from(now(&mut service, status).unwrap().status() == 200);
        advance(SECOND / 2).await;
    }
    let snapshot = layer.breaker().snapshot();
    assert_eq!((good, snapshot.opened, snapshot.throttled), (3_600, 0, 3_600));
}

#[test]
fn a_rejection_from_below_is_not_a_failure() {
    let inner = CircuitBreakerLayer::new(plain());
    inner.breaker().isolate();
    let outer = CircuitBreakerLayer::new(plain());
    let (service, _probe) = Strict::ok();
    let mut service = outer.layer(inner.layer(service));
    for request in 0..100 {
        assert!(now(&mut service, request).is_err());
    }
    let snapshot = outer.breaker().snapshot();
    assert_eq!((snapshot.state, snapshot.ignored, snapshot.recorded), (CircuitState::Closed, 100, 0));
}

#[test]
fn strategies_say_what_types_do_not() {
    struct Foreign(u64);
    let by_closure =
        CircuitBreakerLayer::new(plain()).classify_fn(|result: Result<&Foreign, &crate::support::Fail>| {
            match result {
                Ok(Foreign(1)) => Verdict::failure("one"),
                _ => Verdict::success(),
            }
        });
    let mut service = by_closure.layer(service_fn(|n: u64| async move { Ok(Foreign(n)) }));
    (0..2).for_each(|n| drop(now(&mut service, n)));
    let snapshot = by_closure.breaker().snapshot();
    assert_eq!((snapshot.failures, snapshot.successes, snapshot.causes.count("one")), (1, 1, 1));

    let errors_only = CircuitBreakerLayer::new(plain()).classify(ErrorsOnly);
    let mut service = errors_only.layer(service_fn(|n: u64| async move {
        if n == 0 { Ok(Foreign(n)) } else { Err(crate::support::Fail::Inner(crate::support::TestError(n))) }
    }));
    (0..2).for_each(|n| drop(now(&mut service, n)));
    assert_eq!(
        (errors_only.breaker().snapshot().failures, errors_only.breaker().snapshot().successes),
        (1, 1)
    );
}

/// So many futures that are dropped after this time in flight.
async fn drop_after(config: CircuitBreakerConfig, count: usize, time: Duration) -> CircuitBreaker {
    let breaker = CircuitBreaker::new(config);
    let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).layer(Strict::always(Act::Hang).0);
    let mut futures = Vec::new();
    for request in 0..count {
        assert!(poll_ready(&mut service).is_ready());
        let mut future = Box::pin(service.call(request as u64));
        assert!(poll_once(future.as_mut()).is_pending());
        futures.push(future);
    }
    advance(time).await;
    drop(futures);
    assert_laws(&breaker);
    breaker
}

#[tokio::test(start_paused = true)]
async fn cb_50_calls_cancelled_late_are_failures() {
    let config = plain().cancelled_after(500 * MS);
    let snapshot = drop_after(config.clone(), 20, 800 * MS).await.snapshot();
    assert_eq!((snapshot.state, snapshot.failed, snapshot.cancelled), (CircuitState::Open, 20, 0));
    assert_eq!(snapshot.causes.to_string(), "cancelled 10");
    let snapshot = drop_after(config.clone(), 1_000, 100 * MS).await.snapshot();
    assert_eq!((snapshot.state, snapshot.cancelled, snapshot.recorded), (CircuitState::Closed, 1_000, 0));
    let edge = drop_after(config.clone(), 1, 500 * MS).await.snapshot();
    assert_eq!((edge.failed, edge.cancelled), (1, 0));
    let off = drop_after(config.cancelled_after(None), 20, 800 * MS).await.snapshot();
    assert_eq!((off.failed, off.cancelled), (0, 20));
}

#[tokio::test(start_paused = true)]
async fn cb_50_the_time_in_flight_begins_with_the_first_poll() {
    let breaker = CircuitBreaker::new(plain().cancelled_after(500 * MS));
    let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).layer(Strict::always(Act::Hang).0);
    assert!(poll_ready(&mut service).is_ready());
    let future = service.call(1);
    advance(SECOND).await;
    drop(future);
    assert_eq!((breaker.snapshot().failed, breaker.snapshot().cancelled), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn tm_14_losers_of_a_hedge_do_not_open_it() {
    // A hedge cancels what lost, after its delay; the winner succeeded.
    let breaker =
        CircuitBreaker::new(plain().outage(Outage::new(3, Duration::ZERO)).cancelled_after(500 * MS));
    for _ in 0..100 {
        let loser = breaker.try_admit().unwrap();
        advance(60 * MS).await;
        feed(&breaker, "S");
        drop(loser);
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.cancelled, snapshot.failures), (CircuitState::Closed, 100, 0));
}

#[tokio::test(start_paused = true)]
async fn cb_51_it_ignores_what_is_not_the_services_fault() {
    let layer = CircuitBreakerLayer::new(plain());
    let mut service = ServiceBuilder::new()
        .layer(&layer)
        .layer(TimeoutLayer::new(SECOND))
        .service(Strict::always(Act::Hang).0);
    for request in 0..100 {
        let deadline = Deadline::after(5 * MS);
        assert!(deadline::scope(Some(deadline), call(&mut service, request)).await.is_err());
    }
    let snapshot = layer.breaker().snapshot();
    assert_eq!((snapshot.state, snapshot.ignored, snapshot.recorded), (CircuitState::Closed, 100, 0));

    // The runtime was blocked, and the timer fires two seconds late.
    let waiting = tokio::spawn(async move { call(&mut service, 0).await });
    tokio::task::yield_now().await;
    advance(3 * SECOND).await;
    assert!(waiting.await.unwrap().is_err());
    assert_eq!((layer.breaker().snapshot().ignored, layer.breaker().snapshot().recorded), (101, 0));
}

#[tokio::test(start_paused = true)]
async fn timeouts_after_the_full_time_are_failures() {
    let layer = CircuitBreakerLayer::new(plain());
    let mut service = ServiceBuilder::new()
        .layer(&layer)
        .layer(TimeoutLayer::new(SECOND))
        .service(Strict::always(Act::Hang).0);
    for request in 0..10 {
        assert!(call(&mut service, request).await.is_err());
    }
    let snapshot = layer.breaker().snapshot();
    assert_eq!((snapshot.state, snapshot.causes.to_string().as_str()), (CircuitState::Open, "timeout 10"));
}

#[tokio::test(start_paused = true)]
async fn what_rejections_and_timeouts_mean_can_be_said_otherwise() {
    use buttress::{BulkheadLayer, Fault, RejectedKind};

    use crate::support::Fail;

    let bulkhead = BulkheadLayer::new(1);
    let _held = bulkhead.bulkhead().try_admit().unwrap();
    let full = CircuitBreakerLayer::new(plain()).classify_fn(|result: Result<&u64, &Fail>| match result {
        Err(error) if error.as_rejected().is_some_and(|by| by.kind() == RejectedKind::BulkheadFull) => {
            Verdict::failure("full")
        }
        _ => Verdict::success(),
    });
    let mut service = full.layer(bulkhead.layer(Strict::ok().0));
    (0..10).for_each(|request| drop(now(&mut service, request)));
    let snapshot = full.breaker().snapshot();
    assert_eq!((snapshot.state, snapshot.causes.count("full")), (CircuitState::Open, 10));

    let patient = CircuitBreakerLayer::new(plain()).classify_fn(|result: Result<&u64, &Fail>| match result {
        Err(error) if error.as_rejected().is_some_and(|by| by.kind() == RejectedKind::TimedOut) => {
            Verdict::ignored("late")
        }
        _ => Verdict::success(),
    });
    let mut service = patient.layer(TimeoutLayer::new(SECOND).layer(Strict::always(Act::Hang).0));
    for request in 0..20 {
        assert!(call(&mut service, request).await.is_err());
    }
    let snapshot = patient.breaker().snapshot();
    assert_eq!((snapshot.state, snapshot.ignored, snapshot.recorded), (CircuitState::Closed, 20, 0));
}

#[tokio::test(start_paused = true)]
async fn cb_50_a_timeout_around_it_opens_it() {
    let layer = CircuitBreakerLayer::new(plain().cancelled_after(500 * MS));
    let inner = layer.layer(Strict::always(Act::Hang).0);
    let mut service = TimeoutLayer::new(SECOND).layer(inner);
    for request in 0..10 {
        assert!(call(&mut service, request).await.is_err());
    }
    let snapshot = layer.breaker().snapshot();
    assert_eq!((snapshot.state, snapshot.causes.count("cancelled")), (CircuitState::Open, 10));
}

#[test]
fn cb_52_event_and_snapshot_name_the_causes() {
    let config = plain().window(Window::last_calls(48)).min_calls(48).failure_rate(0.6);
    let breaker = CircuitBreaker::new(config).named("payments");
    let events = events::record(&breaker);
    feed(&breaker, &"S".repeat(17));
    for number in 0..31 {
        let cause = if number % 3 == 0 && number < 27 { "503" } else { "timeout" };
        breaker.try_admit().unwrap().settle(Verdict::failure(cause));
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.recorded, snapshot.failures), (CircuitState::Open, 48, 31));
    assert_eq!(snapshot.causes.iter().collect::<Vec<_>>(), [("timeout", 22), ("503", 9)]);
    let text = events.lock().unwrap()[0].to_string();
    assert_eq!(text, "circuit breaker opened: 31 of 48 failed: timeout 22, 503 9");
}

#[test]
fn cb_52_causes_beyond_the_table_are_other() {
    let breaker = CircuitBreaker::new(plain().min_calls(10).failure_rate(1.0));
    for cause in ["a", "a", "b", "c", "d", "e", "f", "g", "h"] {
        breaker.try_admit().unwrap().settle(Verdict::failure(cause));
    }
    assert_eq!(breaker.snapshot().causes.to_string(), "a 2, b 1, c 1, d 1, e 1, f 1, other 2");
}
