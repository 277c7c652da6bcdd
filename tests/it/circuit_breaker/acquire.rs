//! Waiting instead of being rejected.

use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use buttress::CircuitState;
use tokio::time::{Instant, advance};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_consumer_pauses_while_it_is_open() {
    let breaker = opened(one_trial());
    let start = Instant::now();
    let permit = breaker.acquire().await;
    assert_eq!((start.elapsed(), breaker.state()), (10 * SECOND, CircuitState::HalfOpen));
    permit.settle(Verdict::success());
    breaker.acquire().await.settle(Verdict::success());
    assert_eq!((start.elapsed(), breaker.snapshot().rejected), (10 * SECOND, 0));
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn ready_waits_as_long_and_takes_nothing() {
    let breaker = opened(one_trial());
    let (start, before) = (Instant::now(), breaker.snapshot());
    breaker.ready().await;
    let after = breaker.snapshot();
    assert_eq!((start.elapsed(), after.admitted), (10 * SECOND, before.admitted));
    // The one trial call is still to be had, and until it has ended nobody else is let through.
    let permit = breaker.try_admit().unwrap();
    assert!(tokio::time::timeout(MS, breaker.ready()).await.is_err());
    permit.settle(Verdict::success());
    breaker.ready().await;
    assert_eq!((breaker.state(), breaker.snapshot().cancelled), (CircuitState::Closed, 0));
    assert_laws(&breaker);
}

#[tokio::test(start_paused = true)]
async fn many_consumers_meet_a_half_open_a_few_at_a_time() {
    let breaker = opened(plain());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let breaker = breaker.clone();
        tasks.spawn(async move {
            let permit = breaker.acquire().await;
            let seen = breaker.snapshot();
            tokio::time::sleep(SECOND).await;
            permit.settle(Verdict::success());
            seen
        });
    }
    let seen = tasks.join_all().await;
    let mut trials = Vec::from_iter(seen.iter().filter(|seen| seen.state == CircuitState::HalfOpen));
    trials.sort_by_key(|seen| seen.in_flight);
    assert_eq!(trials.iter().map(|seen| seen.in_flight).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((breaker.state(), breaker.snapshot().succeeded), (CircuitState::Closed, 50));
}

#[tokio::test(start_paused = true)]
async fn isolated_it_waits_for_a_hand() {
    let breaker = CircuitBreaker::new(plain());
    breaker.isolate();
    let handle = breaker.clone();
    let waiting = tokio::spawn(async move { handle.acquire().await.settle(Verdict::success()) });
    advance(24 * 3_600 * SECOND).await;
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    breaker.automatic();
    soon(waiting).await;
    assert_eq!(breaker.snapshot().succeeded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_given_up_leaves_nothing_behind() {
    let breaker = opened(one_trial());
    for _ in 0..1_000 {
        assert!(tokio::time::timeout(MS, breaker.acquire()).await.is_err());
    }
    let permit = breaker.acquire().await;
    assert_eq!((breaker.snapshot().admitted, breaker.snapshot().in_flight), (11, 1));
    permit.settle(Verdict::success());
    assert_laws(&breaker);
}

#[test]
fn a_wait_that_is_given_up_is_forgotten() {
    struct Flag;
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {}
    }
    let breaker = CircuitBreaker::new(plain());
    breaker.isolate();
    let flag = Arc::new(Flag);
    let waker = Waker::from(Arc::clone(&flag));
    let mut future = Box::pin(breaker.acquire());
    for _ in 0..10 {
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(Arc::strong_count(&flag), 3);
    drop(future);
    assert_eq!(Arc::strong_count(&flag), 2);
}

#[test]
fn a_closed_breaker_needs_no_runtime() {
    let breaker = CircuitBreaker::new(plain());
    let mut future = std::pin::pin!(breaker.acquire());
    assert!(crate::support::poll_once(future.as_mut()).is_ready());
}
