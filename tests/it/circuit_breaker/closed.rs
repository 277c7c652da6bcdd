//! When a closed breaker opens.

use std::collections::VecDeque;

use buttress::circuit_breaker::{CircuitReason, Outage, Window};
use buttress::{CircuitBreaker, CircuitState};

use super::*;

#[test]
fn cb_01_opens_exactly_at_the_threshold() {
    let breaker = CircuitBreaker::new(plain());
    let transitions = events::record(&breaker);
    feed(&breaker, "SSSSSFFFF");
    assert_eq!(breaker.state(), CircuitState::Closed);
    feed(&breaker, "F");
    assert_eq!(breaker.state(), CircuitState::Open);
    assert_eq!(transitions.lock().unwrap().len(), 1);
    assert!(breaker.try_admit().is_err());
    assert_laws(&breaker);
}

#[test]
fn cb_02_stays_closed_just_below() {
    let breaker = CircuitBreaker::new(plain());
    let mut largest = 0.0_f64;
    for _ in 0..1_000 {
        for call in ["S", "S", "S", "F", "F"] {
            feed(&breaker, call);
            let snapshot = breaker.snapshot();
            if snapshot.recorded == 10 {
                largest = largest.max(snapshot.failure_rate);
            }
        }
    }
    assert_eq!((breaker.state(), breaker.snapshot().opened), (CircuitState::Closed, 0));
    assert!((largest - 0.4).abs() < f64::EPSILON, "{largest}");
}

#[test]
fn cb_03_the_minimum_of_calls_comes_first() {
    let config = plain().window(Window::last_calls(100)).min_calls(20).failure_rate(0.1);
    let breaker = CircuitBreaker::new(config);
    feed(&breaker, &"F".repeat(19));
    assert_eq!(breaker.state(), CircuitState::Closed);
    feed(&breaker, "F");
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[test]
fn cb_04_a_success_never_opens_it() {
    let breaker = CircuitBreaker::new(plain().min_calls(4));
    feed(&breaker, "FFFS");
    assert_eq!(breaker.state(), CircuitState::Closed);
    feed(&breaker, "F");
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[test]
fn cb_05_the_window_slides() {
    let breaker = CircuitBreaker::new(plain());
    for _ in 0..1_000_000 {
        feed(&breaker, "S");
    }
    feed(&breaker, "FFFF");
    assert_eq!(breaker.state(), CircuitState::Closed);
    feed(&breaker, "F");
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[test]
fn cb_06_what_leaves_the_window_heals() {
    let breaker = CircuitBreaker::new(plain());
    let mut model = VecDeque::new();
    for step in 0..10_000 {
        let call = if step % 14 < 4 { "F" } else { "S" };
        feed(&breaker, call);
        model.push_back(call);
        if model.len() > 10 {
            model.pop_front();
        }
        let snapshot = breaker.snapshot();
        assert_eq!(snapshot.recorded, model.len() as u64);
        assert_eq!(snapshot.failures, model.iter().filter(|call| **call == "F").count() as u64);
        assert_eq!(snapshot.failures + snapshot.successes, snapshot.recorded);
        if step % 14 == 13 {
            assert_eq!((snapshot.failures, snapshot.state), (0, CircuitState::Closed));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cb_07_a_time_window_lets_go_of_what_is_old() {
    let breaker = CircuitBreaker::new(plain().window(Window::time(10 * SECOND)).min_calls(4));
    feed(&breaker, "FFF");
    tokio::time::advance(11 * SECOND).await;
    feed(&breaker, "F");
    assert_eq!((breaker.snapshot().recorded, breaker.state()), (1, CircuitState::Closed));
    feed(&breaker, "FFF");
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_time_window_slides_by_its_buckets() {
    let breaker = CircuitBreaker::new(plain().window(Window::time(10 * SECOND)).min_calls(1_000));
    for _ in 0..30 {
        feed(&breaker, "SSF");
        tokio::time::advance(SECOND).await;
    }
    // The bucket that is being filled is empty so far.
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.recorded, snapshot.failures), (27, 9));
    tokio::time::advance(4 * SECOND).await;
    assert_eq!(breaker.snapshot().recorded, 15);
    tokio::time::advance(10 * SECOND).await;
    assert_eq!((breaker.snapshot().recorded, breaker.snapshot().failure_rate), (0, 0.0));
}

fn outage(failures: u32) -> CircuitBreakerConfig {
    plain().window(Window::last_calls(10_000)).outage(Outage::new(failures, SECOND))
}

#[tokio::test(start_paused = true)]
async fn an_outage_needs_the_number_and_the_time() {
    let breaker = CircuitBreaker::new(outage(5).min_calls(10_000));
    feed(&breaker, &"S".repeat(5_000));
    feed(&breaker, &"F".repeat(100));
    tokio::time::advance(SECOND - MS).await;
    feed(&breaker, "F");
    assert_eq!(breaker.state(), CircuitState::Closed);
    tokio::time::advance(MS).await;
    feed(&breaker, "F");
    assert_eq!(breaker.state(), CircuitState::Open);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.reason, snapshot.failures_in_a_row), (Some(CircuitReason::Outage), 102));
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_the_row_of_failures_and_neither_throttled_nor_ignored_calls_do() {
    let breaker = CircuitBreaker::new(outage(3).min_calls(10_000));
    feed(&breaker, "FFFF");
    tokio::time::advance(2 * SECOND).await;
    feed(&breaker, "SF");
    assert_eq!((breaker.state(), breaker.snapshot().failures_in_a_row), (CircuitState::Closed, 1));
    feed(&breaker, "TFIF");
    tokio::time::advance(SECOND).await;
    feed(&breaker, "CF");
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_row_of_failures_outlives_the_window() {
    let config = outage(5).window(Window::time(SECOND)).outage(Outage::new(5, 30 * SECOND)).min_calls(90);
    let breaker = CircuitBreaker::new(config);
    for _ in 0..4 {
        feed(&breaker, "F");
        tokio::time::advance(8 * SECOND).await;
    }
    assert_eq!((breaker.snapshot().recorded, breaker.snapshot().failures_in_a_row), (0, 4));
    feed(&breaker, "F");
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn an_outage_without_a_span_is_a_number_of_failures() {
    let breaker = CircuitBreaker::new(plain().outage(Outage::new(3, Duration::ZERO)));
    feed(&breaker, "FFSFF");
    assert_eq!(breaker.state(), CircuitState::Closed);
    feed(&breaker, "F");
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn cb_34_slow_calls_open_it() {
    let config = plain().slow_call_duration(100 * MS).slow_call_rate(0.5);
    for (slow, opens) in [(101, true), (100, false)] {
        let breaker = CircuitBreaker::new(config.clone());
        for millis in [99, 99, 99, 99, 99, slow, slow, slow, slow, slow] {
            assert_eq!(breaker.state(), CircuitState::Closed);
            let permit = breaker.try_admit().unwrap();
            tokio::time::advance(millis * MS).await;
            permit.settle(Verdict::success());
        }
        assert_eq!(breaker.state() == CircuitState::Open, opens, "{slow} ms");
        let snapshot = breaker.snapshot();
        let expected = if opens { (Some(CircuitReason::SlowCalls), 5) } else { (None, 0) };
        assert_eq!((snapshot.reason, snapshot.slow_calls), expected);
        assert_eq!(snapshot.failures, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn slow_trial_calls_do_not_close_it() {
    let config = one_trial().slow_call_duration(100 * MS).slow_call_rate(0.5);
    let breaker = rested(config).await;
    let permit = breaker.try_admit().unwrap();
    tokio::time::advance(101 * MS).await;
    permit.settle(Verdict::success());
    assert_eq!(breaker.state(), CircuitState::Open);
    assert_eq!(breaker.snapshot().causes.to_string(), "slow 1");
}
