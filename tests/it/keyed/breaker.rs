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

#[test]
fn cb_36_many_keys_take_the_places_of_a_thousand() {
    let breaker = KeyedCircuitBreaker::new(plain());
    breaker.set_max_keys(1_000).unwrap();
    fail(&breaker, 7, 10);
    for key in 1_000..21_000_u64 {
        breaker.try_admit(&key).unwrap().settle(Verdict::success());
    }
    let s = breaker.snapshot();
    assert_eq!((s.keys, s.open, s.overflowed, s.succeeded), (1_000, 1, 0, 20_000));
    assert_eq!(state(&breaker, 7), CircuitState::Open);
    assert!(breaker.try_admit(&8_u64).is_ok(), "key 7 is another");
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_as_good_as_new_keeps_its_place() {
    let breaker = KeyedCircuitBreaker::new(plain());
    breaker.set_max_keys(6).unwrap();
    let ok = |key: u64| breaker.try_admit(&key).map(|permit| permit.settle(Verdict::success()));
    fail(&breaker, 1, 10);
    fail(&breaker, 2, 1);
    let in_flight = breaker.try_admit(&3_u64).unwrap();
    breaker.get_or_make(&4_u64).unwrap().isolate();
    breaker.get_or_make(&5_u64).unwrap().bypass();
    let handle = breaker.get_or_make(&6_u64).unwrap();
    for stranger in 100..200 {
        ok(stranger).unwrap();
    }
    assert_eq!((breaker.len(), breaker.snapshot().overflowed), (6, 100));
    assert!((1..=6_u64).all(|key| breaker.get(&key).is_some()));
    assert_eq!([1, 4].map(|key| state(&breaker, key)), [CircuitState::Open; 2]);

    // One after the other lets go.
    drop(handle);
    advance(MILLISECOND).await;
    ok(200).unwrap();
    assert!(breaker.get(&6_u64).is_none() && breaker.get(&200_u64).is_some());
    in_flight.settle(Verdict::success());
    // With its failure, 200 stays; with its success, 3 goes.
    fail(&breaker, 200, 1);
    ok(201).unwrap();
    assert!(breaker.get(&3_u64).is_none() && breaker.get(&200_u64).is_some());
    advance(60 * SECOND).await;
    fail(&breaker, 201, 1);
    ok(202).unwrap();
    let gone: Vec<u64> =
        [1, 2, 4, 5, 200, 201].into_iter().filter(|key| breaker.get(key).is_none()).collect();
    assert_eq!(gone.len(), 1, "one of the two whose failure is long ago: {gone:?}");
    assert!([2, 200].contains(&gone[0]), "{gone:?}");
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_left_the_window_keeps_no_place() {
    // A failure that may be the first of an outage counts for a minute.
    let by_default = CircuitBreakerConfig::default();
    for (config, seconds) in [(by_default.clone().outage(None), 11), (by_default, 60)] {
        let breaker = KeyedCircuitBreaker::new(config);
        breaker.set_max_keys(1).unwrap();
        fail(&breaker, 1, 1);
        advance((seconds - 2) * SECOND).await;
        drop(breaker.try_admit(&2_u64));
        assert!(breaker.get(&2_u64).is_none(), "{seconds}");
        advance(2 * SECOND).await;
        drop(breaker.try_admit(&2_u64));
        assert!(breaker.get(&2_u64).is_some(), "{seconds}");
    }
}

#[test]
fn strangers_share_a_circuit_or_are_rejected() {
    let breaker = KeyedCircuitBreaker::new(plain()).named("full");
    breaker.set_max_keys(1).unwrap();
    breaker.get_or_make(&0_u64).unwrap().isolate();
    for stranger in 1..=10 {
        fail(&breaker, stranger, 1);
    }
    assert_eq!(breaker.try_admit(&11_u64).unwrap_err().kind(), RejectedKind::CircuitOpen);
    assert_eq!(breaker.worst(9).len(), 2);
    assert_eq!((breaker.snapshot().overflowed, breaker.snapshot().keys), (11, 1));

    let strict = KeyedCircuitBreaker::new(plain()).named("strict");
    strict.set_max_keys(1).unwrap();
    strict.set_overflow(Overflow::Reject);
    strict.get_or_make(&0_u64).unwrap().isolate();
    let rejected = strict.try_admit(&1_u64).unwrap_err();
    assert_eq!(
        (rejected.kind(), rejected.name(), rejected.retry_after()),
        (RejectedKind::CircuitOpen, "strict", None)
    );
    strict.set_dry_run(true);
    strict.try_admit(&1_u64).unwrap().settle(Verdict::success());
    let s = strict.snapshot();
    assert_eq!((s.calls, s.rejected, s.would_reject, s.overflowed), (2, 1, 1, 2));
    assert!(strict.get_or_make(&2_u64).is_none());
    assert_laws(&breaker);
    assert_laws(&strict);
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

/// Keys that opened and were never called again kept their places for good, and once they were ten the log told of no
/// other key.
#[tokio::test(start_paused = true)]
async fn keys_that_died_give_way_to_others_and_keep_the_log_from_nothing() {
    let lines = logged(async {
        let breaker = KeyedCircuitBreaker::new(plain()).named("logged");
        breaker.set_max_keys(20).unwrap();
        for key in 0..20 {
            fail(&breaker, key, 10);
        }
        breaker.get(&19_u64).unwrap().isolate();
        advance(69 * SECOND).await;
        fail(&breaker, 100, 1);
        assert_eq!((breaker.snapshot().overflowed, breaker.snapshot().open), (1, 20));
        advance(SECOND).await;
        // Those that came go as well.
        for key in 101..1_000_u64 {
            breaker.try_admit(&key).unwrap().settle(Verdict::success());
        }
        assert_eq!((breaker.snapshot().overflowed, breaker.snapshot().open), (1, 1));
        assert_eq!(state(&breaker, 19), CircuitState::Open, "what a hand holds stays");
        fail(&breaker, 999, 9);
        assert_eq!((breaker.len(), breaker.snapshot().open), (20, 2));
        assert_laws(&breaker);
    })
    .await;
    let opened: Vec<_> =
        lines.iter().filter(|line| line.contains("WARN") && line.contains("opened")).collect();
    assert_eq!(opened.len(), 11, "{opened:#?}");
    assert!(opened[10].contains("key=\"999\""), "{opened:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_pauses_while_its_own_key_is_open() {
    let breaker = KeyedCircuitBreaker::new(plain());
    fail(&breaker, 7, 10);
    let start = Instant::now();
    breaker.acquire(&8_u64).await.unwrap().settle(Verdict::success());
    assert!(start.elapsed().is_zero());
    breaker.acquire(&7_u64).await.unwrap().settle(Verdict::success());
    assert_eq!((start.elapsed(), breaker.snapshot().rejected), (10 * SECOND, 0));
    assert_eq!(state(&breaker, 7), CircuitState::HalfOpen);
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_key_keeps_its_place_and_is_woken_by_a_hand() {
    let breaker = KeyedCircuitBreaker::new(plain());
    breaker.set_max_keys(1).unwrap();
    let hands: [fn(&KeyedCircuitBreaker); 4] = [
        |breaker| breaker.get(&7_u64).unwrap().reset(),
        |breaker| breaker.get(&7_u64).unwrap().bypass(),
        |breaker| breaker.set_dry_run(true),
        |breaker| Engine::from(breaker.clone()).set_override(Override::new(Mode::Off)),
    ];
    for hand in hands {
        breaker.set_dry_run(false);
        breaker.get_or_make(&7_u64).unwrap().isolate_for(100 * SECOND);
        let other = breaker.clone();
        let waiting = tokio::spawn(async move { other.acquire(&7_u64).await.map(drop) });
        advance(99 * SECOND).await;
        assert!(!waiting.is_finished() && breaker.get_or_make(&8_u64).is_none());
        hand(&breaker);
        assert!(tokio::time::timeout(MILLISECOND, waiting).await.unwrap().unwrap().is_ok());
        breaker.get(&7_u64).unwrap().reset();
    }
    assert_eq!(breaker.snapshot().rejected, 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_until_a_key_is_ready_takes_nothing() {
    let breaker = KeyedCircuitBreaker::new(plain());
    let circuit = breaker.get_or_make(&7_u64).unwrap();
    circuit.ready().await;
    circuit.isolate_for(100 * SECOND);
    let waiting = tokio::spawn({
        let circuit = circuit.clone();
        async move { circuit.ready().await }
    });
    advance(99 * SECOND).await;
    assert!(!waiting.is_finished());
    advance(SECOND).await;
    tokio::time::timeout(MILLISECOND, waiting).await.unwrap().unwrap();
    let now = circuit.snapshot();
    assert_eq!((now.admitted, now.rejected, now.trials_in_flight), (0, 0, 0));
    // A key that is switched off waits for nothing.
    circuit.isolate();
    breaker.set_dry_run(true);
    circuit.ready().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_key_that_is_to_have_no_place() {
    let breaker = KeyedCircuitBreaker::new(plain());
    breaker.set_max_keys(1).unwrap();
    let _held = breaker.get_or_make(&7_u64).unwrap();
    assert!(breaker.acquire(&8_u64).await.is_ok(), "shared");
    breaker.set_overflow(Overflow::Reject);
    assert_eq!(breaker.acquire(&8_u64).await.unwrap_err().kind(), RejectedKind::CircuitOpen);
    assert!(breaker.acquire(&7_u64).await.is_ok());
    assert_eq!((breaker.snapshot().rejected, breaker.snapshot().overflowed), (1, 2));
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
