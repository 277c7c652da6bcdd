//! Whatever the breaker decides: each call is counted once, as what it was, and whoever is told to wait waits for no less
//! and no more.

use std::time::Duration;

use buttress::circuit_breaker::CircuitControl;
use buttress::{CircuitBreaker, CircuitPermit, CircuitState, Verdict};
use tokio::time::{Instant, advance};

use super::super::input::Input;
use super::super::{laws, settings};

#[derive(Debug, Default, PartialEq)]
struct Counts {
    admitted: u64,
    rejected: u64,
    succeeded: u64,
    failed: u64,
    throttled: u64,
    ignored: u64,
    cancelled: u64,
}

impl Counts {
    fn of(breaker: &CircuitBreaker) -> Self {
        let s = breaker.snapshot();
        Self {
            admitted: s.admitted,
            rejected: s.rejected,
            succeeded: s.succeeded,
            failed: s.failed,
            throttled: s.throttled,
            ignored: s.ignored,
            cancelled: s.cancelled,
        }
    }
}

pub async fn run(input: &mut Input<'_>) {
    let Ok(breaker) = CircuitBreaker::try_new(settings::breaker_config(input)) else { return };
    let mut counts = Counts::default();
    let mut calls: Vec<(CircuitPermit, Instant)> = Vec::new();
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        match input.below(8) {
            0..=2 => admit(&breaker, &mut counts, &mut calls),
            3 | 4 if !calls.is_empty() => {
                let (permit, start) = calls.swap_remove(input.below(calls.len()));
                end(permit, start, &breaker, &mut counts, input);
            }
            5 => advance(input.pause()).await,
            6 => control(&breaker, input),
            _ => {}
        }
        assert_eq!(Counts::of(&breaker), counts);
        assert_eq!(breaker.snapshot().in_flight, calls.len() as u64);
        assert_eq!(breaker.state(), breaker.snapshot().state);
        laws::breaker(&breaker);
    }
    assert_told_the_truth(&breaker).await;
}

fn admit(breaker: &CircuitBreaker, counts: &mut Counts, calls: &mut Vec<(CircuitPermit, Instant)>) {
    let before = breaker.snapshot();
    match breaker.try_admit() {
        Ok(permit) => {
            counts.admitted += 1;
            calls.push((permit, Instant::now()));
            assert!(before.retry_after.is_none_or(|wait| wait.is_zero()), "{before:?}");
        }
        Err(rejected) => {
            counts.rejected += 1;
            assert_eq!(rejected.retry_after(), before.retry_after, "{before:?}");
            assert!(before.state != CircuitState::Closed, "{before:?}");
        }
    }
}

fn end(
    permit: CircuitPermit,
    start: Instant,
    breaker: &CircuitBreaker,
    counts: &mut Counts,
    input: &mut Input<'_>,
) {
    match input.below(6) {
        0 | 1 => {
            permit.settle(Verdict::success());
            counts.succeeded += 1;
        }
        2 => {
            permit.settle(Verdict::failure("broken"));
            counts.failed += 1;
        }
        3 => {
            permit.settle(Verdict::throttled());
            counts.throttled += 1;
        }
        4 => {
            permit.settle(Verdict::ignored("408"));
            counts.ignored += 1;
        }
        _ => {
            drop(permit);
            let is_impatient = |limit| start.elapsed() < limit;
            let is_cancelled = breaker.config().cancelled_after.is_none_or(is_impatient);
            *if is_cancelled { &mut counts.cancelled } else { &mut counts.failed } += 1;
        }
    }
}

fn control(breaker: &CircuitBreaker, input: &mut Input<'_>) {
    match input.below(7) {
        0 => breaker.isolate_for(input.pause()),
        1 => breaker.bypass_for(input.pause()),
        2 => breaker.automatic(),
        3 => breaker.reset(),
        4 => breaker.isolate(),
        _ => drop(breaker.set_config(settings::breaker_config(input))),
    }
}

/// A nanosecond before the time that it tells it still refuses, and then it does not.
async fn assert_told_the_truth(breaker: &CircuitBreaker) {
    const LONG: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let s = breaker.snapshot();
    let Some(wait) = s.retry_after.filter(|wait| !wait.is_zero() && *wait < LONG) else { return };
    assert_eq!(s.control, CircuitControl::Automatic, "{s:?}");
    advance(wait - Duration::from_nanos(1)).await;
    let rejected = breaker.try_admit().expect_err("a nanosecond too early");
    assert_eq!(rejected.retry_after(), Some(Duration::from_nanos(1)));
    advance(Duration::from_nanos(1)).await;
    drop(breaker.try_admit().expect("at the time that it told"));
}
