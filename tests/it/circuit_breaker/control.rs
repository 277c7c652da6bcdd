//! Control at run time.

use buttress::circuit_breaker::{CircuitControl, CircuitReason, Window};
use buttress::{CircuitBreakerLayer, CircuitState, Mode};
use tokio::time::advance;
use tower::Layer;

use super::*;
use crate::support::{Act, Strict, call, now, rejection};

#[tokio::test(start_paused = true)]
async fn cb_27_isolated_it_stays_open() {
    let breaker = CircuitBreaker::new(plain());
    let events = events::record(&breaker);
    breaker.isolate();
    breaker.isolate();
    advance(3_600 * SECOND).await;
    for _ in 0..1_000 {
        assert!(breaker.try_admit().is_err());
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.control), (CircuitState::Open, CircuitControl::Isolated));
    assert_eq!((snapshot.in_state_for, snapshot.retry_after), (3_600 * SECOND, None));
    breaker.automatic();
    breaker.automatic();
    assert_eq!(breaker.state(), CircuitState::Closed);
    let seen: Vec<_> = events.lock().unwrap().iter().map(|event| (event.to, event.reason)).collect();
    let expected =
        [(CircuitState::Open, CircuitReason::Isolated), (CircuitState::Closed, CircuitReason::Automatic)];
    assert_eq!(seen, expected);
    assert_eq!(events.lock().unwrap()[1].rejected, 1_000);
}

#[test]
fn cb_27_bypassed_it_lets_everything_through_and_counts() {
    let breaker = CircuitBreaker::new(plain());
    let events = events::record(&breaker);
    breaker.bypass();
    breaker.bypass();
    feed(&breaker, &"F".repeat(1_000));
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.control), (CircuitState::Closed, CircuitControl::Bypassed));
    assert_eq!((snapshot.failed, snapshot.recorded, snapshot.late), (1_000, 0, 0));
    assert_eq!(events.lock().unwrap().len(), 1);
    breaker.automatic();
    feed(&breaker, &"F".repeat(10));
    assert_eq!(breaker.state(), CircuitState::Open);
    assert_laws(&breaker);
}

#[test]
fn each_manual_call_from_open_is_one_event() {
    let breaker = opened(plain());
    let events = events::record(&breaker);
    breaker.isolate();
    breaker.bypass();
    breaker.isolate();
    breaker.reset();
    breaker.reset();
    let reasons: Vec<_> = events.lock().unwrap().iter().map(|event| event.reason).collect();
    use CircuitReason::{Bypassed, Isolated, Reset};
    assert_eq!(reasons, [Isolated, Bypassed, Isolated, Reset]);
}

#[tokio::test(start_paused = true)]
async fn a_time_to_live_ends_by_itself_at_the_next_call() {
    let breaker = CircuitBreaker::new(plain());
    breaker.isolate_for(60 * SECOND);
    advance(60 * SECOND - MS).await;
    assert!(breaker.try_admit().is_err());
    advance(MS).await;
    assert_eq!(breaker.state(), CircuitState::Open);
    feed(&breaker, "S");
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.recorded), (CircuitState::Closed, 1));
    assert_eq!(snapshot.reason, Some(CircuitReason::TimeToLiveOver));

    breaker.bypass_for(60 * SECOND);
    feed(&breaker, &"F".repeat(20));
    // Said again, it counts from now; without a time it stays.
    advance(40 * SECOND).await;
    breaker.bypass_for(60 * SECOND);
    advance(40 * SECOND).await;
    feed(&breaker, &"F".repeat(20));
    assert_eq!(breaker.snapshot().control, CircuitControl::Bypassed);
    advance(20 * SECOND).await;
    feed(&breaker, &"F".repeat(10));
    assert_eq!((breaker.state(), breaker.snapshot().recorded), (CircuitState::Open, 10));
}

#[tokio::test(start_paused = true)]
async fn how_long_it_is_still_held_by_hand_can_be_seen() {
    let breaker = CircuitBreaker::new(plain());
    let remaining = || breaker.snapshot().control_remaining;
    assert_eq!(remaining(), None);
    breaker.isolate_for(60 * SECOND);
    advance(20 * SECOND).await;
    assert_eq!(remaining(), Some(40 * SECOND));
    breaker.bypass_for(5 * SECOND);
    assert_eq!(remaining(), Some(5 * SECOND));
    // Over, and noticed by the next call only.
    advance(6 * SECOND).await;
    assert_eq!(remaining(), Some(Duration::ZERO));
    breaker.isolate();
    assert_eq!(remaining(), None);
    breaker.automatic();
    feed(&breaker, &"F".repeat(10));
    assert_eq!((breaker.state(), remaining()), (CircuitState::Open, None));
}

#[tokio::test(start_paused = true)]
async fn what_is_isolated_for_a_time_can_be_isolated_for_good() {
    let breaker = CircuitBreaker::new(plain());
    breaker.isolate_for(SECOND);
    breaker.isolate();
    advance(3_600 * SECOND).await;
    assert!(breaker.try_admit().is_err());
}

#[test]
fn reset_also_clears_a_closed_breaker() {
    let breaker = CircuitBreaker::new(plain());
    let events = events::record(&breaker);
    let early = breaker.try_admit().unwrap();
    feed(&breaker, "FFFFFFFFF");
    breaker.reset();
    assert_eq!((breaker.snapshot().recorded, breaker.snapshot().failed), (0, 9));
    early.settle(Verdict::failure("error"));
    feed(&breaker, "FFFFFFFFF");
    assert_eq!((breaker.state(), breaker.snapshot().late), (CircuitState::Closed, 1));
    assert!(events.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_decides_counts_and_lets_pass() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = CircuitBreakerLayer::new(plain()).dry_run(true);
    let mut service = layer.layer(inner);
    for request in 0..30 {
        assert!(call(&mut service, request).await.is_err());
    }
    let breaker = layer.breaker();
    let snapshot = breaker.snapshot();
    assert_eq!((probe.calls(), snapshot.state, snapshot.mode), (30, CircuitState::Open, Mode::DryRun));
    assert_eq!((snapshot.would_reject, snapshot.rejected, snapshot.failed), (20, 0, 30));
    assert_eq!((snapshot.late, snapshot.in_flight), (0, 0));
    // Results of calls that pass are no trial calls; one that is due is.
    advance(10 * SECOND).await;
    feed(&breaker, "S");
    assert_eq!((breaker.state(), breaker.snapshot().trials_succeeded), (CircuitState::HalfOpen, 1));
    breaker.isolate();
    breaker.set_dry_run(false);
    assert!(breaker.try_admit().is_err());
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn in_a_dry_run_an_open_breaker_waits_for_the_inner_service() {
    let (inner, probe) = Strict::ok();
    let layer = CircuitBreakerLayer::from_breaker(opened(plain())).dry_run(true);
    let mut service = layer.layer(inner);
    probe.set_pending(true);
    assert!(crate::support::poll_ready(&mut service).is_pending());
    probe.set_pending(false);
    assert_eq!(call(&mut service, 1).await, Ok(1));
}

#[test]
fn thresholds_change_without_losing_the_window() {
    let breaker = CircuitBreaker::new(plain());
    feed(&breaker, "SSSSSSSFF");
    breaker.set_config(plain().failure_rate(0.3)).unwrap();
    assert_eq!(breaker.snapshot().recorded, 9);
    feed(&breaker, "F");
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[test]
fn a_window_of_another_length_starts_empty_and_calls_in_flight_count_in_it() {
    let breaker = CircuitBreaker::new(plain());
    let (one, other) = (breaker.try_admit().unwrap(), breaker.try_admit().unwrap());
    feed(&breaker, "FFF");
    breaker.set_config(plain().window(Window::time(SECOND))).unwrap();
    one.settle(Verdict::failure("error"));
    other.settle(Verdict::success());
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.recorded, snapshot.failures, snapshot.late), (2, 1, 0));
    assert_eq!(snapshot.causes.to_string(), "error 1");
}

#[tokio::test(start_paused = true)]
async fn other_trial_settings_start_a_half_open_afresh() {
    let breaker = rested(plain()).await;
    feed(&breaker, "SS");
    breaker.set_config(one_trial()).unwrap();
    assert_eq!((breaker.state(), breaker.snapshot().trials_succeeded), (CircuitState::HalfOpen, 0));
    feed(&breaker, "S");
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_slow_call_rule_can_be_switched_on_later() {
    let breaker = CircuitBreaker::new(plain());
    let layer = CircuitBreakerLayer::from_breaker(breaker.clone());
    let mut service = layer.layer(Strict::always(Act::After(SECOND)).0);
    breaker.set_config(plain().slow_call_duration(100 * MS).slow_call_rate(0.5)).unwrap();
    for request in 0..10 {
        assert!(call(&mut service, request).await.is_ok());
    }
    assert_eq!(breaker.snapshot().reason, Some(CircuitReason::SlowCalls));
}

#[test]
fn bad_settings_change_nothing() {
    let breaker = CircuitBreaker::new(plain());
    let error = breaker.set_config(plain().failure_rate(0.1).min_calls(11)).unwrap_err();
    assert_eq!((error.field(), error.value()), ("min_calls", "11"));
    assert_eq!(breaker.config(), plain());
}

#[test]
fn forks_stand_alone() {
    let layer = CircuitBreakerLayer::new(plain()).name("eu").dry_run(true);
    let fork = layer.fork("us");
    layer.breaker().isolate();
    let (one, other) = (layer.breaker().snapshot(), fork.breaker().snapshot());
    assert_eq!((one.name.as_str(), one.state, one.mode), ("eu", CircuitState::Open, Mode::DryRun));
    assert_eq!((other.name.as_str(), other.state, other.mode), ("us", CircuitState::Closed, Mode::DryRun));
    assert_eq!(fork.breaker().config(), plain());
}

#[test]
fn a_handle_taken_early_sees_what_later_setters_do() {
    let layer = CircuitBreakerLayer::new(plain());
    let handle = layer.breaker();
    assert!(handle.name().as_str().contains("circuit_breaker/control.rs:"), "{}", handle.name());
    let layer = layer.name("late").dry_run(true).classify(buttress::ErrorsOnly);
    assert_eq!((handle.name().as_str(), handle.snapshot().mode), ("late", Mode::DryRun));
    layer.breaker().isolate();
    assert_eq!(handle.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn cb_45_handles_and_services_live_apart() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let layer = CircuitBreakerLayer::new(plain());
    let (handle, other) = (layer.breaker(), layer.breaker());
    let mut service = tower::util::BoxService::new(layer.layer(Strict::ok().0));
    drop((layer, other));
    assert_eq!(call(&mut service, 1).await, Ok(1));
    drop(service);
    handle.isolate();
    assert_eq!((handle.state(), handle.snapshot().succeeded), (CircuitState::Open, 1));
    let mut service = CircuitBreakerLayer::from_breaker(handle).layer(Strict::ok().0);
    rejection(now(&mut service, 2));
    assert_eq!(tasks(), before);
}
