//! Overrides of single engines. The process-wide mode has a process of its own: `tests/process`.

use buttress::registry::{Engine, EventLevel, Override, Registry};
use buttress::{
    Bulkhead, CallError, CircuitBreaker, CircuitBreakerConfig, CircuitState, Fallback, KeyedRateLimiter,
    Mode, Quota, RateLimiter, Retry, RetryPolicy, Timeout, Verdict,
};
use tokio::time::advance;

use super::*;

fn engine(stack: &str, layer: &str) -> Engine {
    let found = Registry::global().engines().into_iter();
    let mut found = found.filter(|engine| {
        let who = engine.identity();
        (who.stack.as_str(), who.layer) == (stack, layer)
    });
    found.next().unwrap()
}

fn off() -> Override {
    Override::new(Mode::Off)
}

fn dry_run() -> Override {
    Override::new(Mode::DryRun)
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_off_lets_through_and_learns_nothing() {
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("cb-off");
    let switch = engine("cb-off", "circuit_breaker");
    breaker.isolate();
    assert!(breaker.try_admit().is_err());
    switch.set_override(off());
    breaker.try_admit().unwrap().settle(Verdict::success());
    breaker.reset();
    for _ in 0..1_000 {
        breaker.try_admit().unwrap().settle(Verdict::failure("503"));
    }
    let now = breaker.snapshot();
    assert_eq!((now.mode, now.state, now.recorded), (Mode::Off, CircuitState::Closed, 0));
    assert_eq!((now.calls, now.succeeded, now.failed, now.would_reject), (1_002, 1, 1_000, 0));
    switch.clear_override("ada");
    for _ in 0..100 {
        breaker.try_admit().unwrap().settle(Verdict::failure("503"));
    }
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_in_dry_run_opens_and_lets_through() {
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("cb-dry");
    engine("cb-dry", "circuit_breaker").set_override(dry_run());
    for _ in 0..150 {
        breaker.try_admit().unwrap().settle(Verdict::failure("503"));
    }
    let now = breaker.snapshot();
    assert_eq!((now.state, now.would_reject, now.rejected), (CircuitState::Open, 50, 0));
}

#[tokio::test(start_paused = true)]
async fn a_trial_call_that_ends_while_it_is_off_gives_its_slot_back() {
    let config = CircuitBreakerConfig::default().trial_calls(1).trial_successes(1).open_time_jitter(0.0);
    let breaker = CircuitBreaker::new(config).named("cb-trial");
    for _ in 0..100 {
        breaker.try_admit().unwrap().settle(Verdict::failure("503"));
    }
    advance(2 * SECOND).await;
    let trial = breaker.try_admit().unwrap();
    let switch = engine("cb-trial", "circuit_breaker");
    switch.set_override(off());
    trial.settle(Verdict::failure("503"));
    switch.clear_override("");
    let now = breaker.snapshot();
    assert_eq!((now.state, now.trials_in_flight), (CircuitState::HalfOpen, 0));
    assert!(breaker.try_admit().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_that_is_not_enforced_has_room_for_all() {
    let bulkhead = Bulkhead::new(1).named("bh-modes");
    let switch = engine("bh-modes", "bulkhead");
    let _taken = bulkhead.try_admit().unwrap();
    switch.set_override(off());
    drop(bulkhead.try_admit().unwrap());
    assert_eq!(bulkhead.snapshot().would_reject, 0);
    switch.set_override(dry_run());
    bulkhead.try_admit().unwrap().complete();
    let now = bulkhead.snapshot();
    assert_eq!(
        (now.admitted, now.would_reject, now.completed, now.cancelled, now.in_flight),
        (3, 1, 1, 1, 1)
    );
    switch.clear_override("");
    assert!(bulkhead.try_admit().is_err());
}

#[tokio::test(start_paused = true)]
async fn who_waits_passes_when_it_is_switched_off() {
    let bulkhead = Bulkhead::new(1).named("bh-waits");
    bulkhead.set_queue(5, 60 * SECOND).unwrap();
    let _taken = bulkhead.try_admit().unwrap();
    let limiter = RateLimiter::new(Quota::per_minute(1)).named("rl-waits");
    limiter.try_admit().unwrap();
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("cb-waits");
    breaker.isolate();

    let started = tokio::time::Instant::now();
    let waiting = (
        tokio::spawn(async move { bulkhead.acquire().await.map(|permit| permit.complete()) }),
        tokio::spawn(async move { limiter.acquire().await }),
        tokio::spawn(async move { breaker.acquire().await.settle(Verdict::success()) }),
    );
    advance(SECOND).await;
    for (stack, layer) in
        [("bh-waits", "bulkhead"), ("rl-waits", "rate_limit"), ("cb-waits", "circuit_breaker")]
    {
        engine(stack, layer).set_override(off());
    }
    waiting.0.await.unwrap().unwrap();
    waiting.1.await.unwrap().unwrap();
    waiting.2.await.unwrap();
    assert_eq!(started.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn rate_limits_that_are_not_enforced_let_all_pass() {
    let limiter = RateLimiter::new(Quota::per_minute(1)).named("rl-modes");
    let keyed = KeyedRateLimiter::new(Quota::per_minute(1)).named("rl-modes-keyed");
    let (one, other) = (engine("rl-modes", "rate_limit"), engine("rl-modes-keyed", "rate_limit"));
    limiter.try_admit().unwrap();
    keyed.try_admit("ada").unwrap();
    for (mode, would_reject) in [(off(), 0), (dry_run(), 10)] {
        one.set_override(mode.clone());
        other.set_override(mode);
        for _ in 0..10 {
            limiter.try_admit().unwrap();
            keyed.try_admit("ada").unwrap();
        }
        assert_eq!(limiter.snapshot().would_reject, would_reject);
        assert_eq!(keyed.snapshot().would_reject, would_reject);
    }
    one.clear_override("");
    other.clear_override("");
    assert!(limiter.try_admit().is_err());
    assert!(keyed.try_admit("ada").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_is_off_waits_for_ever_and_counts_nothing() {
    let timeout = Timeout::new(SECOND).named("to-modes");
    let switch = engine("to-modes", "timeout");
    for (mode, would_time_out) in [(off(), 0), (dry_run(), 1)] {
        switch.set_override(mode);
        timeout.run(tokio::time::sleep(60 * SECOND)).await.unwrap();
        assert_eq!(timeout.snapshot().would_time_out, would_time_out);
    }
    switch.clear_override("");
    assert!(timeout.run(tokio::time::sleep(60 * SECOND)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_off_repeats_nothing_and_counts_nothing() {
    let retry = Retry::new(RetryPolicy::default()).named("rt-modes");
    let switch = engine("rt-modes", "retry");
    let fail = || async { Err::<u64, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset)) };
    for (mode, would_retry) in [(off(), 0), (dry_run(), 1)] {
        switch.set_override(mode);
        assert!(retry.run(fail).await.is_err());
        let now = retry.snapshot();
        assert_eq!((now.retries, now.would_retry), (0, would_retry));
    }
    switch.clear_override("");
    assert!(retry.run(fail).await.is_err());
    assert_eq!(retry.snapshot().retries, 2);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_is_not_enforced_leaves_results_alone() {
    let fallback = Fallback::new().named("fb-modes");
    let switch = engine("fb-modes", "fallback");
    let fall = || fallback.or_else(Err::<u64, _>(CallError::Inner("no")), |_| Ok(7));
    for (mode, would_fall) in [(off(), 0), (dry_run(), 1)] {
        switch.set_override(mode);
        assert_eq!(fall(), Err(CallError::Inner("no")));
        let now = fallback.snapshot();
        assert_eq!((now.would_fall, now.degraded), (would_fall, 0));
    }
    switch.clear_override("");
    assert_eq!(fall(), Ok(7));
    fallback.set_dry_run(true);
    assert_eq!(fall(), Err(CallError::Inner("no")));
    assert_eq!(fallback.snapshot().would_fall, 2);
}

#[tokio::test(start_paused = true)]
async fn an_override_ends_with_its_time_to_live() {
    let bulkhead = Bulkhead::new(1).named("ttl");
    let _taken = bulkhead.try_admit().unwrap();
    let switch = engine("ttl", "bulkhead");
    switch.set_override(off().time_to_live(10 * SECOND).reason("INC-42").by("ada"));
    let shown_override = shown("ttl").remove(0).overridden.unwrap();
    assert_eq!((shown_override.mode, shown_override.remaining), (Mode::Off, Some(10 * SECOND)));
    assert_eq!((shown_override.reason.as_str(), shown_override.by.as_str()), ("INC-42", "ada"));
    advance(10 * SECOND - Duration::from_nanos(1)).await;
    assert!(bulkhead.try_admit().is_ok());
    advance(Duration::from_nanos(1)).await;
    assert!(bulkhead.try_admit().is_err());
    assert_eq!((switch.mode(), switch.overridden()), (Mode::Enforce, None));
    let events = events("ttl");
    let told: Vec<_> = events.iter().map(|event| (event.level, event.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (EventLevel::Warn, "mode set to off for 10s by ada: INC-42"),
            (EventLevel::Info, "mode off is over, its time to live has passed"),
        ]
    );
}

#[test]
fn an_override_counts_for_more_than_the_engines_own_dry_run() {
    let bulkhead = Bulkhead::new(1).named("stricter");
    bulkhead.set_dry_run(true);
    let _taken = bulkhead.try_admit().unwrap();
    assert!(bulkhead.try_admit().is_ok());
    let switch = engine("stricter", "bulkhead");
    switch.set_override(Override::new(Mode::Enforce));
    assert!(bulkhead.try_admit().is_err());
    switch.clear_override("ada");
    assert!(bulkhead.try_admit().is_ok());
    assert_eq!(events("stricter").last().unwrap().message, "mode enforce taken back by ada");
    // Nothing to take back, nothing to tell.
    let before = events("stricter").len();
    switch.clear_override("ada");
    assert_eq!(events("stricter").len(), before);
}

#[test]
fn a_fork_has_the_dry_run_and_not_the_override() {
    let bulkhead = Bulkhead::new(1).named("mother");
    bulkhead.set_dry_run(true);
    engine("mother", "bulkhead").set_override(off());
    assert_eq!(bulkhead.fork("daughter").snapshot().mode, Mode::DryRun);
}

#[test]
fn what_people_write_stays_on_one_line_and_ends() {
    let _bulkhead = Bulkhead::new(1).named("long-reason");
    let reason = format!("INC-42\n2026-01-01 ERROR forged\x1b[2J{}", "x".repeat(100_000));
    engine("long-reason", "bulkhead").set_override(off().reason(reason).by("a\u{0}da"));
    let overridden = shown("long-reason").remove(0).overridden.unwrap();
    let told = events("long-reason").remove(0).message;
    for text in [&overridden.reason, &overridden.by, &told] {
        assert!(!text.contains(char::is_control) && text.len() < 300, "{text:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_over_by_itself_was_taken_back_by_nobody() {
    let bulkhead = Bulkhead::new(1).named("unseen");
    let switch = Engine::from(bulkhead);
    switch.set_override(off().time_to_live(SECOND));
    advance(2 * SECOND).await;
    switch.clear_override("bob");
    let told: Vec<_> = events("unseen").into_iter().map(|event| event.message).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("its time to live has passed"));
}
