//! Who waits for a key.

use super::*;

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
