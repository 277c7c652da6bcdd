//! The breaker of every blog post counts failures, sleeps and lets everybody in again. Four ways in which that
//! goes wrong in production, and what happens here.

use buttress::{CircuitBreaker, CircuitState};
use tokio::time::advance;

use super::*;

/// "On success, decrement" or "count to five": after a month of health it takes a month of failures, or one a
/// week is enough.
#[test]
fn a_failure_now_and_then_never_adds_up() {
    let breaker = CircuitBreaker::new(plain());
    for _ in 0..10_000 {
        feed(&breaker, "FSSSSSSSSS");
    }
    assert_eq!((breaker.state(), breaker.snapshot().opened), (CircuitState::Closed, 0));
}

/// A window that is a counter since the last transition: healthy calls dilute the failures without end.
#[test]
fn a_long_time_of_health_does_not_delay_opening() {
    for healthy in [10, 1_000, 100_000] {
        let breaker = CircuitBreaker::new(plain());
        (0..healthy).for_each(|_| feed(&breaker, "S"));
        let failures = (1..).find(|_| {
            feed(&breaker, "F");
            breaker.state() == CircuitState::Open
        });
        assert_eq!(failures, Some(5), "after {healthy} healthy calls");
    }
}

/// "Half-open: let calls through and see": the whole herd meets a service that just came back.
#[tokio::test(start_paused = true)]
async fn half_open_lets_in_a_few_and_not_everybody() {
    let breaker = rested(plain()).await;
    let admitted: Vec<_> = (0..10_000).filter_map(|_| breaker.try_admit().ok()).collect();
    assert_eq!(admitted.len(), 3);
    admitted.into_iter().for_each(|permit| permit.settle(Verdict::success()));
    assert_eq!(breaker.state(), CircuitState::Closed);
}

/// "On failure, opened_at = now": calls that were already out when it opened keep it open as they come back.
#[tokio::test(start_paused = true)]
async fn late_failures_do_not_keep_it_open() {
    let breaker = CircuitBreaker::new(plain());
    let mut out: Vec<_> = (0..9).map(|_| breaker.try_admit().unwrap()).collect();
    feed(&breaker, &"F".repeat(10));
    while let Some(permit) = out.pop() {
        advance(SECOND).await;
        permit.settle(Verdict::failure("timeout"));
    }
    advance(SECOND).await;
    feed(&breaker, "SSS");
    assert_eq!(breaker.state(), CircuitState::Closed);
}
