//! How long calls took, and how long they waited.

use std::pin::pin;
use std::time::Duration;

use buttress::{
    Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, Histogram, Quota,
    RateLimitLayer, RateLimiter, Timeout, TimeoutLayer, Verdict, deadline,
};
use tokio::time::advance;
use tower::{Layer, Service};

use crate::support::{Act, Strict, call, now, poll_once, poll_ready};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// That so many times were counted, which add up to this.
fn assert_times(histogram: &Histogram, count: u64, sum: Duration) {
    assert_eq!((histogram.count(), histogram.sum()), (count, sum), "{histogram:?}");
}

/// Answers request `n` after `n` ms; at once, if that is zero.
fn slow() -> Strict {
    Strict::new(|_, n| if n == 0 { Act::Ok } else { Act::After(n as u32 * MS) }).0
}

fn breaker() -> (CircuitBreakerLayer, CircuitBreaker) {
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let breaker = layer.breaker();
    (layer, breaker)
}

#[tokio::test(start_paused = true)]
async fn a_breaker_times_the_calls_that_were_pending() {
    let (layer, breaker) = breaker();
    let mut service = layer.layer(slow());
    for n in [10, 20, 30, 1_000] {
        call(&mut service, n).await.unwrap();
    }
    let times = breaker.snapshot().call_duration;
    assert_times(&times, 4, 1_060 * MS);
    let counts = [9, 10, 20, 30, 999, 1_000].map(|n| times.count_at_most(n * MS));
    assert_eq!(counts, [0, 1, 2, 3, 3, 4]);
    assert_eq!(times.quantile(0.5), Some(20 * MS));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_counts_calls_answered_at_once_among_the_shortest() {
    let (layer, breaker) = breaker();
    let mut service = layer.layer(slow());
    (0..5).for_each(|_| drop(now(&mut service, 0)));
    call(&mut service, 10).await.unwrap();
    let snapshot = breaker.snapshot();
    assert_times(&snapshot.call_duration, 6, 10 * MS);
    assert_eq!(snapshot.call_duration.count_at_most(Duration::from_micros(10)), 5);
    assert_eq!(snapshot.at_once, 5);
    assert_eq!(breaker.snapshot().call_duration, snapshot.call_duration);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_times_failures_too_and_late_results() {
    let (layer, breaker) = breaker();
    let mut failing = layer.layer(Strict::always(Act::ErrAfter(10 * MS)).0);
    call(&mut failing, 1).await.unwrap_err();
    let mut service = layer.layer(slow());
    let late = tokio::spawn(async move { call(&mut service, 20).await });
    tokio::task::yield_now().await;
    breaker.isolate();
    breaker.reset();
    late.await.unwrap().unwrap();
    assert_eq!(breaker.snapshot().late, 1);
    assert_times(&breaker.snapshot().call_duration, 2, 30 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_does_not_time_calls_that_were_dropped() {
    let (layer, breaker) = breaker();
    let mut service = layer.layer(Strict::always(Act::Hang).0);
    // One that counts as cancelled, one that counts as failed, and one that never began.
    for wait in [Some(MS), Some(SECOND), None] {
        assert!(poll_ready(&mut service).is_ready());
        let mut hung = pin!(service.call(1));
        if let Some(wait) = wait {
            assert!(poll_once(hung.as_mut()).is_pending());
            advance(wait).await;
        }
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.cancelled, snapshot.failed, snapshot.at_once), (2, 1, 0));
    assert_times(&snapshot.call_duration, 0, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_permit_taken_by_hand_is_timed_from_the_admission() {
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
    for verdict in
        [Verdict::success(), Verdict::failure("error"), Verdict::throttled(), Verdict::ignored("408")]
    {
        let permit = breaker.try_admit().unwrap();
        advance(10 * MS).await;
        permit.settle(verdict);
    }
    drop(breaker.try_admit());
    assert_times(&breaker.snapshot().call_duration, 4, 40 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_times_without_any_rule_that_asks_for_it() {
    let config = CircuitBreakerConfig::default()
        .window(buttress::circuit_breaker::Window::last_calls(10))
        .min_calls(10)
        .cancelled_after(None);
    let layer = CircuitBreakerLayer::new(config);
    call(&mut layer.layer(slow()), 10).await.unwrap();
    assert_times(&layer.breaker().snapshot().call_duration, 1, 10 * MS);
}

#[test]
fn how_many_calls_were_answered_at_once_never_decreases() {
    let (layer, breaker) = breaker();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let mut service = layer.layer(Strict::new(|n, _| Act::Yield((n % 2) as u32)).0);
                scope.spawn(move || {
                    for request in 0..10_000 {
                        assert!(poll_ready(&mut service).is_ready());
                        let mut answer = pin!(service.call(request));
                        while poll_once(answer.as_mut()).is_pending() {}
                    }
                })
            })
            .collect();
        let mut before = breaker.snapshot();
        while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let after = breaker.snapshot();
            let all = after.call_duration.buckets().zip(before.call_duration.buckets());
            all.into_iter().for_each(|(after, before)| assert!(after.1 >= before.1, "{after:?} {before:?}"));
            assert!(after.at_once <= 10_000);
            before = after;
        }
    });
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.at_once, snapshot.call_duration.count()), (10_000, 20_000));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_times_answers_and_its_own_endings() {
    let layer = TimeoutLayer::new(100 * MS);
    let mut service = layer.layer(slow());
    for n in [0, 10, 20, 500] {
        let _ = call(&mut service, n).await;
    }
    let snapshot = layer.timeout().snapshot();
    assert_eq!((snapshot.calls, snapshot.timed_out), (4, 1));
    // The one that was answered at once is not among them.
    assert_times(&snapshot.call_duration, 3, 130 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_deadline_cut_short_took_until_then() {
    let timeout = Timeout::new(SECOND);
    let hung =
        deadline::scope(Some(deadline::Deadline::after(40 * MS)), timeout.run(std::future::pending::<()>()));
    assert!(hung.await.unwrap_err().was_cut_short());
    assert_times(&timeout.snapshot().call_duration, 1, 40 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_dry_run_lets_go_on_is_timed_to_its_answer() {
    let layer = TimeoutLayer::new(100 * MS).dry_run(true);
    call(&mut layer.layer(slow()), 500).await.unwrap();
    let snapshot = layer.timeout().snapshot();
    assert_eq!(snapshot.would_time_out, 1);
    assert_times(&snapshot.call_duration, 1, 500 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_does_not_time_calls_that_were_dropped() {
    let layer = TimeoutLayer::new(SECOND);
    let mut service = layer.layer(Strict::always(Act::Hang).0);
    let call = tokio::time::timeout(10 * MS, call(&mut service, 1));
    assert!(call.await.is_err());
    assert_times(&layer.timeout().snapshot().call_duration, 0, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_knows_how_long_calls_waited() {
    let layer = BulkheadLayer::new(1).queue(10, 35 * MS);
    let service = layer.layer(slow());
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let mut service = service.clone();
            tokio::spawn(async move { call(&mut service, 10).await.is_ok() })
        })
        .collect();
    let mut admitted = 0;
    for call in calls {
        admitted += u32::from(call.await.unwrap());
    }
    // The first finds room; the others wait for 10, 20 and 30 ms, and one in vain.
    assert_eq!(admitted, 4);
    let snapshot = layer.bulkhead().snapshot();
    assert_eq!(snapshot.queue_timeout, 1);
    assert_times(&snapshot.queue_wait, 4, 95 * MS);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_queue_of_a_bulkhead_is_not_timed() {
    let bulkhead = Bulkhead::new(1);
    bulkhead.set_queue(10, SECOND).unwrap();
    let permit = bulkhead.acquire().await.unwrap();
    assert!(tokio::time::timeout(10 * MS, bulkhead.acquire()).await.is_err());
    assert_times(&bulkhead.snapshot().queue_wait, 0, Duration::ZERO);
    let waiting = tokio::spawn({
        let bulkhead = bulkhead.clone();
        async move { bulkhead.acquire().await.map(|permit| permit.complete()).is_ok() }
    });
    advance(20 * MS).await;
    tokio::task::yield_now().await;
    advance(20 * MS).await;
    permit.complete();
    assert!(waiting.await.unwrap());
    let snapshot = bulkhead.snapshot();
    assert_eq!(snapshot.abandoned, 1);
    assert_eq!((snapshot.queue_wait.count(), snapshot.waiting), (1, 0));
    assert!(snapshot.queue_wait.sum() >= 20 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_knows_how_long_calls_waited() {
    let layer = RateLimitLayer::new(Quota::every(10 * MS)).wait(SECOND);
    let mut service = layer.layer(slow());
    for _ in 0..4 {
        call(&mut service, 0).await.unwrap();
    }
    let snapshot = layer.limiter().snapshot();
    assert_eq!(snapshot.admitted, 4);
    // The first need not wait.
    assert_times(&snapshot.queue_wait, 3, 30 * MS);
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_for_a_rate_limit_is_timed_and_who_leaves_is_not() {
    let limiter = RateLimiter::new(Quota::every(SECOND));
    limiter.set_max_wait(5 * SECOND).unwrap();
    limiter.acquire().await.unwrap();
    assert!(tokio::time::timeout(10 * MS, limiter.acquire()).await.is_err());
    assert_times(&limiter.snapshot().queue_wait, 0, Duration::ZERO);
    let waiting = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.acquire().await.is_ok() }
    });
    tokio::task::yield_now().await;
    advance(100 * MS).await;
    limiter.set_quota(Quota::every(3_600 * SECOND)).unwrap();
    assert!(!waiting.await.unwrap());
    assert_times(&limiter.snapshot().queue_wait, 1, 100 * MS);
}
