//! Trial calls, and results that come late.

use std::pin::pin;

use buttress::{CircuitBreakerLayer, CircuitState};
use tokio::time::advance;
use tower::{Layer, Service};

use super::*;
use crate::support::{Act, Strict, call, now, poll_once, poll_ready, rejection};

#[tokio::test(start_paused = true)]
async fn cb_13_only_so_many_calls_reach_the_service() {
    for slots in [1, 3] {
        let breaker = rested(plain().trial_calls(slots as u32).trial_successes(slots as u32)).await;
        let (inner, probe) = Strict::always(Act::Hang);
        let layer = CircuitBreakerLayer::from_breaker(breaker.clone());
        let tasks: Vec<_> = (0..64)
            .map(|request| {
                let mut service = layer.layer(inner.clone());
                tokio::spawn(async move { call(&mut service, request).await })
            })
            .collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!((probe.calls(), breaker.snapshot().in_flight), (slots, slots));
        let answered = tasks.iter().filter(|task| task.is_finished()).count();
        assert_eq!(answered as u64, 64 - slots);
        tasks.into_iter().for_each(|task| task.abort());
    }
}

#[tokio::test(start_paused = true)]
async fn cb_15_a_hung_trial_call_is_given_up() {
    let breaker = rested(one_trial()).await;
    let hung = breaker.try_admit().unwrap();
    advance(5 * SECOND - MS).await;
    assert!(breaker.try_admit().is_err());
    advance(MS).await;
    let second = breaker.try_admit().unwrap();
    assert!(breaker.try_admit().is_err());
    hung.settle(Verdict::success());
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.trials_in_flight), (CircuitState::HalfOpen, 1));
    assert_eq!((snapshot.late, snapshot.trials_restarted, snapshot.failed), (1, 1, 10));
    assert!(breaker.try_admit().is_err());
    second.settle(Verdict::success());
    assert_eq!(breaker.state(), CircuitState::Closed);
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn a_restart_forgets_the_successes_of_the_cycle() {
    let breaker = rested(plain()).await;
    let _hung = breaker.try_admit().unwrap();
    feed(&breaker, "SS");
    assert!(breaker.try_admit().is_err());
    advance(5 * SECOND).await;
    feed(&breaker, "SS");
    assert_eq!((breaker.state(), breaker.snapshot().trials_succeeded), (CircuitState::HalfOpen, 2));
    feed(&breaker, "S");
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn with_a_free_slot_a_hung_trial_call_holds_nothing_up() {
    let breaker = rested(plain().trial_calls(4)).await;
    let _hung = breaker.try_admit().unwrap();
    advance(100 * SECOND).await;
    feed(&breaker, "SSS");
    assert_eq!((breaker.state(), breaker.snapshot().trials_restarted), (CircuitState::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn cb_17_ignored_and_throttled_trial_calls_give_their_slot_back() {
    let breaker = rested(one_trial()).await;
    for _ in 0..50 {
        feed(&breaker, "IT");
        assert_eq!(breaker.state(), CircuitState::HalfOpen);
    }
    feed(&breaker, "S");
    assert_eq!(breaker.state(), CircuitState::Closed);
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn cb_18_a_cancelled_trial_call_gives_its_slot_back() {
    for slots in [1, 3] {
        let breaker = rested(plain().trial_calls(slots).trial_successes(slots)).await;
        let (inner, probe) = Strict::always(Act::Hang);
        let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).layer(inner);
        for round in 0..10_000 {
            assert!(poll_ready(&mut service).is_ready());
            let mut future = Box::pin(service.call(1));
            assert!(poll_once(future.as_mut()).is_pending());
            drop(future);
            assert_eq!(probe.calls(), round + 1);
        }
        assert_eq!((breaker.snapshot().cancelled, breaker.snapshot().recorded), (10_000, 10));
        let free = std::iter::from_fn(|| breaker.try_admit().ok()).map(std::mem::forget).count();
        assert_eq!(free, slots as usize);
    }
}

#[tokio::test(start_paused = true)]
async fn cb_19_a_trial_call_that_is_never_polled_gives_its_slot_back() {
    let breaker = rested(one_trial()).await;
    let (inner, probe) = Strict::ok();
    let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).layer(inner);
    assert!(poll_ready(&mut service).is_ready());
    drop(service.call(1));
    assert_eq!((probe.calls(), breaker.snapshot().trials_in_flight), (1, 0));
    assert_eq!(now(&mut service, 2), Ok(2));
    assert_eq!(breaker.state(), CircuitState::Closed);
}

/// A call that was let through while closed; by now the breaker is half-open, with one trial call in flight.
async fn late() -> (CircuitBreaker, buttress::CircuitPermit, buttress::CircuitPermit) {
    let breaker = CircuitBreaker::new(one_trial());
    let early = breaker.try_admit().unwrap();
    feed(&breaker, &"F".repeat(10));
    advance(10 * SECOND).await;
    let trial = breaker.try_admit().unwrap();
    (breaker, early, trial)
}

#[tokio::test(start_paused = true)]
async fn cb_20_a_late_failure_decides_nothing() {
    let (breaker, early, trial) = late().await;
    early.settle(Verdict::failure("error"));
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.trials_in_flight), (CircuitState::HalfOpen, 1));
    assert_eq!((snapshot.late, snapshot.failed), (1, 11));
    assert!(breaker.try_admit().is_err());
    trial.settle(Verdict::success());
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn cb_21_a_late_success_decides_nothing() {
    let (breaker, early, trial) = late().await;
    early.settle(Verdict::success());
    assert_eq!((breaker.state(), breaker.snapshot().late), (CircuitState::HalfOpen, 1));
    trial.settle(Verdict::failure("error"));
    assert_eq!(breaker.state(), CircuitState::Open);
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn cb_23_a_late_result_does_not_enter_the_window_after_next() {
    let (breaker, early, trial) = late().await;
    let another = breaker.try_admit();
    assert!(another.is_err());
    trial.settle(Verdict::success());
    early.settle(Verdict::failure("error"));
    assert_eq!((breaker.state(), breaker.snapshot().recorded), (CircuitState::Closed, 0));
    assert_eq!(breaker.snapshot().late, 1);
}

#[tokio::test(start_paused = true)]
async fn cb_24_late_failures_do_not_push_reopening_back() {
    let breaker = CircuitBreaker::new(plain());
    let transitions = events::record(&breaker);
    let early: Vec<_> = (0..50).map(|_| breaker.try_admit().unwrap()).collect();
    feed(&breaker, &"F".repeat(10));
    advance(9 * SECOND).await;
    early.into_iter().for_each(|permit| permit.settle(Verdict::failure("error")));
    assert_eq!((breaker.snapshot().late, breaker.snapshot().opened), (50, 1));
    advance(SECOND).await;
    feed(&breaker, "S");
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    assert_eq!(transitions.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn cb_25_the_minimum_of_calls_is_not_for_trial_calls() {
    let config = plain().window(Window::last_calls(100)).min_calls(100);
    let breaker = rested(config.trial_calls(5).trial_successes(5)).await;
    feed(&breaker, "SSSSS");
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn cb_26_the_window_is_empty_after_closing() {
    let breaker = rested(plain().min_calls(4).trial_calls(2).trial_successes(2)).await;
    feed(&breaker, "SSFFF");
    assert_eq!((breaker.state(), breaker.snapshot().recorded), (CircuitState::Closed, 3));
    feed(&breaker, "F");
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn it_opens_again_as_soon_as_enough_successes_are_out_of_reach() {
    let breaker = rested(plain().trial_calls(5)).await;
    feed(&breaker, "FSFS");
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    feed(&breaker, "F");
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.state, CircuitState::Open);
    // From now on these are what its being open is based on.
    assert_eq!((snapshot.recorded, snapshot.failures), (5, 3));
    assert_eq!(snapshot.causes.to_string(), "error 3");
}

#[tokio::test(start_paused = true)]
async fn a_trial_call_that_panics_gives_its_slot_back() {
    let breaker = rested(one_trial()).await;
    for act in [Act::PanicInCall, Act::PanicInPoll] {
        let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).layer(Strict::always(act).0);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| now(&mut service, 1)));
        assert!(caught.is_err());
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.trials_in_flight, snapshot.cancelled, snapshot.panicked), (0, 2, 2));
    feed(&breaker, "S");
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_classifier_that_panics_releases_the_permit() {
    let breaker = CircuitBreaker::new(plain());
    let layer = CircuitBreakerLayer::from_breaker(breaker.clone())
        .classify_fn(|_: Result<&u64, &crate::support::Fail>| -> Verdict { panic!("classifier") });
    let mut service = layer.layer(Strict::ok().0);
    assert!(poll_ready(&mut service).is_ready());
    let mut future = pin!(service.call(1));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll_once(future.as_mut())));
    assert!(caught.is_err());
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.in_flight, snapshot.cancelled, snapshot.panicked), (0, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn half_open_rejects_with_a_hint_and_never_sticks() {
    let breaker = rested(plain()).await;
    let mut hung = Vec::new();
    for cycle in 1..20 {
        hung.extend(std::iter::from_fn(|| breaker.try_admit().ok()));
        let rejected = rejection::<()>(Err(breaker.try_admit().unwrap_err().into()));
        assert_eq!((hung.len(), rejected.retry_after()), (3 * cycle, Some(5 * SECOND)));
        advance(5 * SECOND).await;
    }
    feed(&breaker, "SSS");
    assert_eq!(breaker.state(), CircuitState::Closed);
    drop(hung);
    assert_laws(&breaker);
}
