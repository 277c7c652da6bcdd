//! Modes that change while calls are in flight.

use std::sync::{Arc, Mutex};

use buttress::registry::{Override, Registry};
use buttress::{
    Bulkhead, CircuitBreakerConfig, CircuitBreakerLayer, Mode, Quota, RateLimiter, Retry, RetryPolicy,
    Timeout, Verdict,
};
use tokio::time::{Instant, advance, sleep};
use tower::Layer;
use tracing::span;

use super::*;
use crate::support::{Strict, call, poll_once};

fn enforce_for(time: Duration) -> Override {
    Override::new(Mode::Enforce).time_to_live(time)
}

#[tokio::test(start_paused = true)]
async fn who_waits_passes_when_an_enforcing_override_ends() {
    let bulkhead = Bulkhead::new(1).named("ends-bulkhead");
    bulkhead.set_queue(5, 600 * SECOND).unwrap();
    let _taken = bulkhead.try_admit().unwrap();
    let limiter = RateLimiter::new(Quota::per_hour(1)).named("ends-limiter");
    limiter.set_max_wait(7_200 * SECOND).unwrap();
    limiter.try_admit().unwrap();
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).name("ends-breaker").backpressure();
    let breaker = layer.breaker();
    breaker.isolate();
    let mut service = layer.layer(Strict::ok().0);

    for engine in [bulkhead.clone().into(), limiter.clone().into(), Engine::from(breaker.clone())] {
        match &engine {
            Engine::Bulkhead(bulkhead) => bulkhead.set_dry_run(true),
            Engine::RateLimiter(limiter) => limiter.set_dry_run(true),
            Engine::CircuitBreaker(breaker) => breaker.set_dry_run(true),
            _ => unreachable!(),
        }
        engine.set_override(enforce_for(10 * SECOND));
    }
    let started = Instant::now();
    let waiting = (
        tokio::spawn(async move { bulkhead.acquire().await.map(|permit| permit.complete()) }),
        tokio::spawn(async move { limiter.acquire().await }),
        tokio::spawn(async move { breaker.acquire().await.settle(Verdict::success()) }),
        tokio::spawn(async move { call(&mut service, 7).await }),
    );
    waiting.0.await.unwrap().unwrap();
    waiting.1.await.unwrap().unwrap();
    waiting.2.await.unwrap();
    assert_eq!(waiting.3.await.unwrap(), Ok(7));
    let waited = started.elapsed();
    assert!((10 * SECOND..11 * SECOND).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_override_that_comes_while_somebody_waits_ends_for_it_too() {
    let bulkhead = Bulkhead::new(1).named("comes-bulkhead");
    bulkhead.set_queue(5, 600 * SECOND).unwrap();
    let _taken = bulkhead.try_admit().unwrap();
    let waiter = bulkhead.clone();
    let started = Instant::now();
    let waiting = tokio::spawn(async move { waiter.acquire().await.map(|permit| permit.complete()) });
    advance(SECOND).await;
    let engine = Engine::from(bulkhead.clone());
    engine.set_override(enforce_for(10 * SECOND));
    bulkhead.set_dry_run(true);
    waiting.await.unwrap().unwrap();
    assert_eq!(started.elapsed().as_secs(), 11);
}

#[tokio::test(start_paused = true)]
async fn who_waits_behind_a_future_that_nobody_polls_passes_too() {
    let limiter = RateLimiter::new(Quota::per_minute(1)).named("behind");
    limiter.try_admit().unwrap();
    let mut ahead = Box::pin(limiter.acquire());
    assert!(poll_once(ahead.as_mut()).is_pending());
    let waiter = limiter.clone();
    let started = Instant::now();
    limiter.set_max_wait(600 * SECOND).unwrap();
    let waiting = tokio::spawn(async move { waiter.acquire().await });
    advance(SECOND).await;
    Engine::from(limiter.clone()).set_override(Override::new(Mode::Off));
    waiting.await.unwrap().unwrap();
    assert_eq!(started.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn calls_that_began_while_it_was_off_end_after_it_is_enforced_again() {
    let timeout = Timeout::new(SECOND).named("off-for-a-while");
    for mode in [Mode::Off, Mode::DryRun] {
        Engine::from(timeout.clone()).set_override(Override::new(mode).time_to_live(10 * SECOND));
        let started = Instant::now();
        let would = timeout.snapshot().would_time_out;
        assert!(timeout.run(std::future::pending::<()>()).await.is_err());
        assert!((10..=11).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
        let counted = timeout.snapshot().would_time_out - would;
        assert_eq!(counted, u64::from(mode == Mode::DryRun), "once, however often it was looked at");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_is_switched_off_lets_calls_in_flight_go_on() {
    let timeout = Timeout::new(SECOND).named("off-in-flight");
    let running = timeout.clone();
    let call = tokio::spawn(async move { running.run(sleep(30 * SECOND)).await });
    advance(SECOND / 2).await;
    Engine::from(timeout).set_override(Override::new(Mode::Off));
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_switched_off_repeats_nothing_that_waits_to_be() {
    let retry = Retry::new(RetryPolicy::default()).named("off-in-backoff");
    let engine = Engine::from(retry.clone());
    let calls = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&calls);
    let running = tokio::spawn(async move {
        let fail = || {
            *seen.lock().unwrap() += 1;
            async { Err::<u64, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset)) }
        };
        retry.run(fail).await
    });
    tokio::task::yield_now().await;
    engine.set_override(Override::new(Mode::Off));
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(*calls.lock().unwrap(), 1);
}

/// Looks at everything whenever something is logged, and panics at an audit.
struct Nosy {
    panics: bool,
}

impl tracing::Subscriber for Nosy {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        drop(Registry::global().snapshot());
        assert!(!self.panics || *event.metadata().level() > tracing::Level::WARN, "the log is full");
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn whoever_writes_the_log_may_look_at_everything() {
    let _nosy = tracing::subscriber::set_default(Nosy { panics: false });
    let limiter = RateLimiter::new(Quota::per_hour(1)).named("nosy");
    let engines = one_of_each("nosy");
    for engine in engines.iter().cloned().chain([limiter.clone().into()]) {
        engine.set_override(Override::new(Mode::DryRun).time_to_live(SECOND));
    }
    limiter.try_admit().unwrap();
    advance(SECOND).await;
    // The first look after the end is in the middle of a decision.
    assert!(limiter.acquire().await.is_err());
    if let Engine::Bulkhead(bulkhead) = &engines[1] {
        let _taken = bulkhead.try_admit().unwrap();
        assert!(bulkhead.try_admit().is_err());
    }
    assert!(engines.iter().all(|engine| engine.mode() == Mode::Enforce));
}

#[test]
fn the_switch_is_thrown_even_if_the_log_is_stuck() {
    let bulkhead = Bulkhead::new(1).named("stuck");
    let engine = Engine::from(bulkhead);
    let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _nosy = tracing::subscriber::set_default(Nosy { panics: true });
        engine.set_override(Override::new(Mode::Off));
    }));
    assert!(thrown.is_err());
    assert_eq!(engine.mode(), Mode::Off);
}
