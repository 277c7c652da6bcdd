mod places;
mod waiting;

use std::panic::{AssertUnwindSafe, catch_unwind};

use buttress::circuit_breaker::Window;
use buttress::registry::{Engine, Override};
use buttress::{
    CircuitBreakerConfig, CircuitBreakerLayer, CircuitState, KeyedCircuitBreaker, Mode, Overflow,
    RejectedKind, Verdict,
};
use tokio::time::{Instant, advance};
use tower::{Layer, Service};

use super::{MILLISECOND, SECOND};
use crate::support::logs::logged;
use crate::support::{Act, Strict, call, now, poll_once, poll_ready, rejection};

/// The last 10 calls, half of them; nothing else opens it.
fn plain() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default()
        .window(Window::last_calls(10))
        .min_calls(10)
        .outage(None)
        .open_time(10 * SECOND)
        .open_time_jitter(0.0)
        .cancelled_after(None)
}

fn assert_laws(breaker: &KeyedCircuitBreaker) {
    let s = breaker.snapshot();
    assert_eq!(s.calls, s.admitted + s.rejected, "{s:?}");
    let ended = s.succeeded + s.failed + s.throttled + s.ignored + s.cancelled;
    assert_eq!(s.admitted, ended + s.in_flight, "{s:?}");
    assert_eq!(s.keys, s.closed + s.open + s.half_open, "{s:?}");
    assert!(s.keys <= s.max_keys, "{s:?}");
}

fn fail(breaker: &KeyedCircuitBreaker, key: u64, times: u64) {
    for _ in 0..times {
        breaker.try_admit(&key).unwrap().settle(Verdict::failure("error"));
    }
}

fn state(breaker: &KeyedCircuitBreaker, key: u64) -> CircuitState {
    breaker.get(&key).map_or(CircuitState::Closed, |circuit| circuit.state())
}

#[tokio::test(start_paused = true)]
async fn one_dead_shard_of_sixteen_is_cut_off_alone_and_comes_back_alone() {
    let dead = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_dead = std::sync::Arc::clone(&dead);
    let (inner, probe) = Strict::new(move |_, id| {
        if id % 16 == 7 && is_dead.load(std::sync::atomic::Ordering::SeqCst) { Act::Err } else { Act::Ok }
    });
    let layer = CircuitBreakerLayer::per_key(plain(), |id: &u64| Some(id % 16)).name("storage");
    let breaker = layer.breaker();
    let mut service = layer.layer(inner);
    for id in 0..1_600 {
        let result = call(&mut service, id).await;
        assert_eq!(result.is_ok(), id % 16 != 7, "{id}");
        if id >= 160 && id % 16 == 7 {
            let rejected = rejection(result);
            assert_eq!((rejected.kind(), rejected.name()), (RejectedKind::CircuitOpen, "storage"));
            assert_eq!(rejected.retry_after(), Some(10 * SECOND));
        }
    }
    assert_eq!(probe.calls(), 1_510, "the dead one was asked ten times");
    let s = breaker.snapshot();
    assert_eq!((s.keys, s.open, s.closed, s.rejected, s.failed), (16, 1, 15, 90, 10));
    let worst = breaker.worst(2);
    assert_eq!((worst[0].key.as_str(), worst[0].circuit.state), ("7", CircuitState::Open));
    assert_eq!(worst[1].circuit.state, CircuitState::Closed);

    dead.store(false, std::sync::atomic::Ordering::SeqCst);
    advance(10 * SECOND).await;
    for id in 0..160 {
        assert_eq!(call(&mut service, id).await, Ok(id));
    }
    assert_eq!((breaker.snapshot().open, breaker.snapshot().closed), (0, 16));
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_key_is_not_guarded() {
    let layer = CircuitBreakerLayer::per_key(plain(), |id: &u64| (*id > 0).then_some(*id));
    let mut service = layer.layer(Strict::always(Act::Err).0);
    for _ in 0..100 {
        assert!(matches!(call(&mut service, 0).await, Err(buttress::CallError::Inner(_))));
    }
    let s = layer.breaker().snapshot();
    assert_eq!((s.unguarded, s.admitted, s.failed, s.keys, s.rejected), (100, 100, 100, 0, 0));
    assert_laws(&layer.breaker());
}

#[tokio::test(start_paused = true)]
async fn cancelled_and_panicking_calls_let_go_of_their_key() {
    let (inner, probe) = Strict::new(|_, request| match request {
        0 => Act::Hang,
        1 => Act::PanicInPoll,
        2 => Act::PanicInCall,
        _ => Act::Ok,
    });
    let layer = CircuitBreakerLayer::per_key(plain(), |id: &u64| Some(*id)).max_keys(1);
    let (breaker, mut service) = (layer.breaker(), layer.layer(inner.clone()));
    for _ in 0..3 {
        assert!(poll_ready(&mut service).is_ready());
        let mut hangs = Box::pin(service.call(0));
        assert!(poll_once(hangs.as_mut()).is_pending());
        assert_eq!(breaker.snapshot().in_flight, 1);
        assert!(breaker.get_or_make(&9_u64).is_none(), "the only key has a call in flight");
        drop(hangs);
        for panics in [1, 2] {
            let mut service = layer.layer(inner.clone());
            assert!(catch_unwind(AssertUnwindSafe(|| now(&mut service, panics))).is_err());
        }
        advance(MILLISECOND).await;
        assert!(breaker.get_or_make(&9_u64).is_some());
    }
    let s = breaker.snapshot();
    assert_eq!((s.cancelled, s.panicked, s.in_flight, probe.in_flight()), (9, 6, 0, 0));
    assert_laws(&breaker);

    // A key that panics takes nothing.
    let layer = CircuitBreakerLayer::per_key(plain(), |id: &u64| {
        assert!(*id > 0, "no such key");
        Some(*id)
    });
    let mut service = layer.layer(inner);
    assert!(catch_unwind(AssertUnwindSafe(|| now(&mut service, 0))).is_err());
    assert_eq!((layer.breaker().snapshot().calls, now(&mut service, 5)), (0, Ok(5)));
}

#[test]
fn new_settings_reach_all_keys_and_those_to_come() {
    let breaker = KeyedCircuitBreaker::new(plain());
    fail(&breaker, 1, 2);
    assert_eq!(state(&breaker, 1), CircuitState::Closed);
    breaker.set_config(plain().window(Window::last_calls(2)).min_calls(2)).unwrap();
    for key in [1, 2] {
        fail(&breaker, key, 2);
        assert_eq!(state(&breaker, key), CircuitState::Open, "{key}");
    }
    assert_eq!(breaker.config().min_calls, 2);
    assert!(breaker.set_config(plain().min_calls(0)).is_err());
    assert!(breaker.set_max_keys(0).is_err());
}

#[test]
fn one_key_is_held_and_reset_alone() {
    let breaker = KeyedCircuitBreaker::new(plain()).named("held");
    assert!(breaker.get("ada").is_none() && breaker.is_empty());
    let ada = breaker.get_or_make("ada").unwrap();
    ada.isolate();
    assert_eq!(ada.key(), "\"ada\"");
    assert!(breaker.try_admit("ada").is_err() && breaker.try_admit("grace").is_ok());
    let s = breaker.snapshot();
    assert_eq!((s.held, s.open, s.rejected), (1, 1, 1));
    breaker.get("ada").unwrap().reset();
    assert!(breaker.try_admit("ada").is_ok());
    ada.bypass_for(SECOND);
    assert_eq!((breaker.snapshot().held, breaker.snapshot().open), (1, 0));
    ada.automatic();
    assert_eq!((breaker.snapshot().held, ada.snapshot().name.as_str()), (0, "held"));
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_the_key_and_no_storm_of_keys_is_one_of_lines() {
    let lines = logged(async {
        let breaker = KeyedCircuitBreaker::new(plain()).named("logged");
        for key in 0..200 {
            fail(&breaker, key, 10);
        }
        for key in 0..200_u64 {
            breaker.get(&key).unwrap().reset();
        }
        fail(&breaker, 1_000, 10);
    })
    .await;
    let opened: Vec<_> =
        lines.iter().filter(|line| line.contains("WARN") && line.contains("opened")).collect();
    assert_eq!(opened.len(), 11, "{opened:#?}");
    assert!(opened[3].contains("key=\"3\"") && opened[10].contains("key=\"1000\""), "{opened:#?}");
    assert!(lines.iter().filter(|line| line.contains("INFO")).count() <= 10, "{lines:#?}");
}

#[test]
fn two_threads_find_one_circuit_and_lose_no_call() {
    const EACH: u64 = 20_000;
    let breaker = KeyedCircuitBreaker::new(
        plain().failure_rate(1.0).window(Window::last_calls(1_000)).min_calls(1_000),
    );
    breaker.set_max_keys(8).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..2_u64 {
            let breaker = &breaker;
            scope.spawn(move || {
                for call in 0..EACH {
                    let permit = breaker.try_admit(&(call * (thread + 1) % 20)).unwrap();
                    match call % 10 {
                        0 => drop(permit),
                        1 => permit.settle(Verdict::throttled()),
                        _ => permit.settle(Verdict::success()),
                    }
                }
            });
        }
        for _ in 0..50 {
            assert_laws(&breaker);
        }
    });
    let s = breaker.snapshot();
    assert_eq!((s.calls, s.succeeded, s.cancelled, s.throttled), (2 * EACH, 32_000, 4_000, 4_000));
    assert_eq!((s.in_flight, s.rejected), (0, 0));
}

#[test]
fn forks_stand_alone() {
    let layer = CircuitBreakerLayer::per_key(plain(), |id: &u64| Some(*id)).max_keys(7).name("eu");
    let fork = layer.fork("us");
    let (mut ours, mut theirs) = (layer.layer(Strict::ok().0), fork.layer(Strict::ok().0));
    fail(&layer.breaker(), 1, 10);
    assert_eq!(rejection(now(&mut ours, 1)).name(), "eu");
    assert_eq!(now(&mut theirs, 1), Ok(1));
    let (eu, us) = (layer.breaker().snapshot(), fork.breaker().snapshot());
    assert_eq!((eu.calls, eu.open, us.calls, us.open), (11, 1, 1, 0));
    assert_eq!((us.name.as_str(), us.max_keys, fork.breaker().config()), ("us", 7, plain()));
    // What is changed in one is not in the other.
    fork.breaker().set_max_keys(3).unwrap();
    assert_eq!(layer.breaker().snapshot().max_keys, 7);
}
