//! What an open breaker does.

use std::task::{Context, Poll, Waker};

use buttress::{CircuitBreakerLayer, CircuitState, RejectedKind};
use tokio::time::{Instant, advance};
use tower::{Layer, Service};

use super::*;
use crate::support::{Act, Strict, call, now, poll_ready, rejection};

/// A service behind it that never becomes ready.
#[tokio::test(start_paused = true)]
async fn cb_10_open_is_local() {
    let (inner, probe) = Strict::ok();
    let layer = CircuitBreakerLayer::from_breaker(opened(plain()));
    let mut service = layer.layer(inner);
    probe.set_pending(true);
    let start = Instant::now();
    for request in 0..1_000 {
        let rejected = rejection(call(&mut service, request).await);
        assert_eq!(rejected.kind(), RejectedKind::CircuitOpen);
        assert!(!rejected.was_sent());
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((probe.readiness_polls(), probe.waiting(), probe.calls()), (0, 0, 0));
    assert_eq!(layer.breaker().snapshot().rejected, 1_000);
    assert_laws(&layer.breaker());
}

#[tokio::test(start_paused = true)]
async fn cb_11_half_open_begins_with_the_open_time_over() {
    let (inner, probe) = Strict::ok();
    let layer = CircuitBreakerLayer::from_breaker(opened(plain()));
    let mut service = layer.layer(inner);
    advance(10 * SECOND - Duration::from_nanos(1)).await;
    rejection(now(&mut service, 1));
    advance(Duration::from_nanos(1)).await;
    assert_eq!(now(&mut service, 2), Ok(2));
    assert_eq!((probe.calls(), layer.breaker().state()), (1, CircuitState::HalfOpen));
}

#[tokio::test(start_paused = true)]
async fn cb_12_without_traffic_nothing_happens() {
    let breaker = opened(plain());
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    advance(Duration::from_secs(24 * 3_600)).await;
    assert_eq!((breaker.state(), tasks), (CircuitState::Open, 0));
    assert_eq!(breaker.snapshot().retry_after, None);
    feed(&breaker, "S");
    assert_eq!((breaker.state(), breaker.snapshot().trials_succeeded), (CircuitState::HalfOpen, 1));
}

#[tokio::test(start_paused = true)]
async fn looking_does_not_change_the_state() {
    let breaker = rested(plain()).await;
    let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).layer(Strict::ok().0);
    for _ in 0..10 {
        assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    }
    assert_eq!(breaker.snapshot().state, CircuitState::Open);
    assert_eq!(now(&mut service, 1), Ok(1));
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn cb_39_the_caller_is_told_when_to_come_back() {
    let wait = |breaker: &CircuitBreaker| breaker.try_admit().unwrap_err().retry_after();
    let breaker = opened(one_trial().open_time(30 * SECOND));
    advance(12 * SECOND).await;
    assert_eq!(wait(&breaker), Some(18 * SECOND));
    assert_eq!(breaker.snapshot().retry_after, Some(18 * SECOND));
    advance(18 * SECOND).await;
    let _trial = breaker.try_admit().unwrap();
    advance(2 * SECOND).await;
    assert_eq!(wait(&breaker), Some(3 * SECOND));
    breaker.isolate_for(SECOND);
    assert_eq!(wait(&breaker), None);
}

#[tokio::test(start_paused = true)]
async fn cb_38_the_open_time_grows_until_it_closes() {
    let config = one_trial().min_calls(1).open_time(SECOND).open_time_factor(2.0);
    let breaker = opened(config);
    for expected in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        assert_eq!(breaker.snapshot().retry_after, Some(expected * SECOND));
        advance(expected * SECOND).await;
        feed(&breaker, "F");
    }
    advance(60 * SECOND).await;
    feed(&breaker, "SF");
    assert_eq!(breaker.snapshot().retry_after, Some(SECOND));
}

#[tokio::test(start_paused = true)]
async fn cb_37_jitter_is_reproducible() {
    let config = plain().open_time_jitter(0.2).seed(9);
    let wait = |breaker: &CircuitBreaker| breaker.snapshot().retry_after.unwrap();
    let (one, other) = (opened(config.clone()), opened(config.clone()));
    assert_eq!(wait(&one), wait(&other));
    let unlike = opened(config.seed(10));
    assert_ne!(wait(&one), wait(&unlike));
    assert!((8 * SECOND..12 * SECOND).contains(&wait(&one)));
}

/// Having said that it is ready, to reject, it goes on saying so and rejects: the inner service was not readied.
#[tokio::test(start_paused = true)]
async fn what_was_made_ready_to_be_rejected_is_rejected() {
    let breaker = opened(plain());
    let (inner, probe) = Strict::ok();
    let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).layer(inner);
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    breaker.reset();
    let rejected = rejection(service.call(1).await);
    assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::CircuitOpen, None));
    assert_eq!((probe.violations(), breaker.snapshot().in_flight), (0, 0));
    // And then it has to be asked again.
    assert_eq!(rejection(service.call(2).await).kind(), RejectedKind::NotReady);
    assert_eq!(now(&mut service, 3), Ok(3));
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn ready_stays_ready_while_the_state_goes_to_and_fro() {
    let breaker = CircuitBreaker::new(plain());
    let (inner, probe) = Strict::ok();
    let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).layer(inner);
    breaker.isolate();
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    probe.set_pending(true);
    breaker.reset();
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    breaker.isolate();
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    rejection(service.call(1).await);
    breaker.reset();
    assert_eq!(poll_ready(&mut service), Poll::Pending);
}

#[tokio::test(start_paused = true)]
async fn a_half_open_without_a_slot_answers_although_the_inner_service_is_busy() {
    let breaker = rested(one_trial()).await;
    let (inner, probe) = Strict::always(Act::Hang);
    let layer = CircuitBreakerLayer::from_breaker(breaker);
    let mut first = layer.layer(inner.clone());
    assert!(poll_ready(&mut first).is_ready());
    let _trial = first.call(1);
    probe.set_pending(true);
    let mut second = layer.layer(inner);
    assert_eq!(rejection(now(&mut second, 2)).kind(), RejectedKind::CircuitOpen);
    assert_eq!((probe.calls(), probe.violations()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rejection_becomes_what_the_strategy_makes_of_it() {
    let layer = CircuitBreakerLayer::from_breaker(opened(plain()))
        .name("payments")
        .on_reject(|rejected: buttress::Rejected| Ok(rejected.retry_after().unwrap().as_secs()));
    let mut service = layer.layer(Strict::ok().0);
    assert_eq!(call(&mut service, 1).await, Ok(10));
    assert_eq!(layer.breaker().try_admit().unwrap_err().to_string(), {
        "circuit breaker `payments` is open, retry in 10s"
    });
    assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
}
