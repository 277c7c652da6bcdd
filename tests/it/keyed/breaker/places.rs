//! Which keys have a place, and what becomes of the others.

use super::*;

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
