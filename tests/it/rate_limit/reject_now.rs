use std::panic::AssertUnwindSafe;
use std::task::Poll;
use std::time::Duration;

use buttress::{Quota, RateLimitLayer, RateLimiter, RejectedKind};
use tokio::time::advance;
use tower::{Layer, Service};

use crate::support::{Act, Strict, call, now, poll_ready, rejection};

const MS: Duration = Duration::from_millis(1);
const NS: Duration = Duration::from_nanos(1);
const TEN: Quota = Quota::per_second(10);

/// How many of 100 calls pass now.
fn passes<S: Service<u64, Response = u64, Error = crate::support::Fail>>(service: &mut S) -> usize {
    (0..100).filter(|&request| now(service, request).is_ok()).count()
}

#[tokio::test(start_paused = true)]
async fn rl_01_the_burst_is_exact() {
    let (inner, probe) = Strict::ok();
    let mut service = RateLimitLayer::new(TEN.burst(5)).layer(inner);
    assert_eq!(passes(&mut service), 5);
    advance(100 * MS - NS).await;
    assert_eq!(passes(&mut service), 0);
    advance(NS).await;
    assert_eq!(passes(&mut service), 1);
    assert_eq!(probe.calls(), 6, "what is rejected is not sent");
}

#[tokio::test(start_paused = true)]
async fn rl_06_a_year_of_silence_does_not_overfill() {
    let (inner, _probe) = Strict::ok();
    let mut service = RateLimitLayer::new(TEN.burst(5)).layer(inner);
    advance(Duration::from_secs(86_400 * 365)).await;
    assert_eq!(passes(&mut service), 5);
    advance(Duration::from_secs(86_400 * 365)).await;
    assert_eq!(passes(&mut service), 5);
}

#[tokio::test(start_paused = true)]
async fn a_quota_admits_as_much_as_it_says() {
    for (quota, at_once, period) in [
        (Quota::per_second(3), 3, 1_000 * MS),
        (Quota::per_minute(3), 3, 60_000 * MS),
        (Quota::per_hour(3), 3, 3_600_000 * MS),
        (Quota::every(2_000 * MS), 1, 2_000 * MS),
        (Quota::every(2_000 * MS).burst(4), 4, 8_000 * MS),
        (Quota::per_second(100).burst(7), 7, 70 * MS),
    ] {
        let (inner, _probe) = Strict::ok();
        let mut service = RateLimitLayer::new(quota).layer(inner);
        assert_eq!(passes(&mut service), at_once, "{quota}");
        advance(period).await;
        assert_eq!(passes(&mut service), at_once, "{quota}, after {period:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_says_who_and_when() {
    let (inner, _probe) = Strict::ok();
    let layer = RateLimitLayer::new(TEN.burst(1)).name("search");
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 1).await, Ok(1));
    advance(30 * MS).await;
    let rejected = rejection(call(&mut service, 2).await);
    assert_eq!(rejected.kind(), RejectedKind::RateLimited);
    assert_eq!((rejected.layer(), rejected.name()), ("rate_limit", "search"));
    assert_eq!(rejected.retry_after(), Some(70 * MS));
    assert!(!rejected.was_sent());
    assert_eq!(rejected.to_string(), "rate limit `search` is exceeded, retry in 70ms");
    let verdict = buttress::Verdict::from(rejected);
    assert_eq!((verdict.outcome(), verdict.may_repeat()), (buttress::Outcome::Ignored, true));
    advance(70 * MS).await;
    assert_eq!(call(&mut service, 3).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn rl_14_clones_and_services_share_one_limit() {
    let layer = RateLimitLayer::new(TEN);
    let (inner, probe) = Strict::ok();
    let services: Vec<_> = (0..3).map(|_| layer.clone().layer(inner.clone())).collect();
    let mut clones: Vec<_> = (0..5).map(|i| services[i % 3].clone()).collect();
    for request in 0..100 {
        let _ = call(&mut clones[request as usize % 5], request).await;
    }
    assert_eq!(probe.calls(), 10);
    // The same engine in front of something else.
    let (other, _probe) = Strict::ok();
    let rejected = rejection(call(&mut RateLimitLayer::from_limiter(layer.limiter()).layer(other), 1).await);
    assert_eq!(rejected.retry_after(), Some(100 * MS));
}

#[tokio::test(start_paused = true)]
async fn a_full_limit_answers_while_the_inner_service_is_pending() {
    let (inner, probe) = Strict::ok();
    let layer = RateLimitLayer::new(TEN.burst(1));
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 1).await, Ok(1));
    probe.set_pending(true);
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    assert_eq!(rejection(service.call(2).await).retry_after(), Some(100 * MS));
    // With a cell the inner service is what the caller waits for.
    advance(100 * MS).await;
    assert_eq!(poll_ready(&mut service), Poll::Pending);
    assert_eq!((probe.calls(), probe.violations()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn having_answered_ready_it_stays_so_and_then_rejects() {
    let (inner, probe) = Strict::ok();
    let layer = RateLimitLayer::new(TEN.burst(1)).cost(|request: &u64| *request as u32);
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 1).await, Ok(1));
    probe.set_pending(true);
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    advance(150 * MS).await;
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    let rejected = rejection(service.call(1).await);
    assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::RateLimited, Some(Duration::ZERO)));
    assert_eq!(layer.limiter().peek().remaining, 1, "the refusal took nothing");
    assert_eq!((probe.calls(), probe.violations()), (1, 0));
    // Nothing is left of it: without waiting again the caller is told so.
    assert_eq!(rejection(service.call(1).await).kind(), RejectedKind::NotReady);
    // The reasons are told apart also then.
    layer.limiter().try_admit().unwrap();
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    assert_eq!(rejection(service.call(9).await).kind(), RejectedKind::CostAboveBurst);
    // What the call costs is known too late to have the inner service readied for it.
    let counts = || {
        let now = layer.limiter().snapshot();
        (now.calls, now.rate_limited, now.cells)
    };
    let (calls, rate_limited, cells) = counts();
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    let rejected = rejection(service.call(0).await);
    let wait = layer.limiter().peek().next_cell;
    assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::RateLimited, Some(wait)));
    assert!(!wait.is_zero(), "the service is readied once there is a cell again");
    assert_eq!(counts(), (calls + 1, rate_limited + 1, cells), "it asked for none");
}

#[tokio::test(start_paused = true)]
async fn peeking_tells_what_is_left_and_takes_nothing() {
    let limiter = RateLimiter::new(TEN.burst(5));
    let full = limiter.peek();
    assert_eq!(
        (full.limit, full.remaining, full.next_cell, full.reset),
        (5, 5, Duration::ZERO, Duration::ZERO)
    );
    limiter.try_admit_n(3).unwrap();
    advance(50 * MS).await;
    for _ in 0..100 {
        let some = limiter.peek();
        assert_eq!((some.remaining, some.next_cell, some.reset), (2, Duration::ZERO, 250 * MS));
    }
    limiter.try_admit_n(2).unwrap();
    let none = limiter.peek();
    assert_eq!((none.remaining, none.next_cell, none.reset), (0, 50 * MS, 450 * MS));
    assert_eq!(limiter.try_admit().unwrap_err().retry_after(), Some(none.next_cell));
    assert_eq!(limiter.snapshot().calls, 3);
}

#[tokio::test(start_paused = true)]
async fn costs_are_taken_whole_or_not_at_all() {
    let (inner, probe) = Strict::ok();
    let layer = RateLimitLayer::new(TEN).cost(|request: &u64| *request as u32);
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 7).await, Ok(7));
    let rejected = rejection(call(&mut service, 4).await);
    assert_eq!(rejected.retry_after(), Some(100 * MS), "one more cell is missing");
    assert_eq!(call(&mut service, 3).await, Ok(3));
    // Free of charge, whatever is left.
    assert_eq!(call(&mut service, 0).await, Ok(0));
    for above in [11, u64::from(u32::MAX)] {
        let rejected = rejection(call(&mut service, above).await);
        assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::CostAboveBurst, None));
        assert!(!buttress::Verdict::from(rejected).may_repeat());
    }
    let counts = layer.limiter().snapshot();
    assert_eq!((counts.calls, counts.admitted, counts.rejected), (6, 3, 3));
    assert_eq!((counts.rate_limited, counts.cost_above_burst, probe.calls()), (1, 2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_cost_takes_nothing() {
    let (inner, probe) = Strict::ok();
    let layer =
        RateLimitLayer::new(TEN).cost(|request: &u64| if *request == 0 { panic!("costly") } else { 1 });
    let mut service = layer.layer(inner);
    for _ in 0..20 {
        assert!(std::panic::catch_unwind(AssertUnwindSafe(|| now(&mut service, 0))).is_err());
    }
    assert_eq!((layer.limiter().peek().remaining, layer.limiter().snapshot().calls), (10, 0));
    assert_eq!((call(&mut service, 1).await, probe.violations()), (Ok(1), 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_or_is_dropped_has_used_its_cell() {
    let (inner, _probe) = Strict::new(|_, request| if request == 0 { Act::Err } else { Act::Hang });
    let layer = RateLimitLayer::new(TEN);
    let mut service = layer.layer(inner);
    assert!(call(&mut service, 0).await.is_err());
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    drop(service.call(1));
    assert_eq!(layer.limiter().peek().remaining, 8);
}

#[tokio::test(start_paused = true)]
async fn cells_in_use_stay_in_use_when_the_quota_changes() {
    let limiter = RateLimiter::new(TEN);
    limiter.try_admit_n(6).unwrap();
    for (quota, remaining) in [
        (Quota::per_second(20), 14),
        (Quota::per_minute(8), 2),
        (Quota::per_second(5), 0),
        (TEN, 4),
        (TEN.burst(1_000), 994),
    ] {
        limiter.set_quota(quota).unwrap();
        assert_eq!((limiter.quota(), limiter.peek().remaining), (quota, remaining));
    }
    // A bad one changes nothing.
    assert_eq!(limiter.set_quota(TEN.burst(0)).unwrap_err().field(), "burst");
    assert_eq!((limiter.quota(), limiter.peek().remaining), (TEN.burst(1_000), 994));
    // The wait is that of the new quota.
    limiter.set_quota(Quota::every(Duration::from_secs(1)).burst(6)).unwrap();
    assert_eq!(limiter.try_admit().unwrap_err().retry_after(), Some(Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_lets_pass() {
    let (inner, probe) = Strict::ok();
    let layer = RateLimitLayer::new(TEN.burst(5)).dry_run(true);
    let mut service = layer.layer(inner);
    assert_eq!(passes(&mut service), 100);
    assert!(layer.limiter().try_admit_n(6).is_ok());
    let counts = layer.limiter().snapshot();
    assert_eq!((counts.admitted, counts.rejected, counts.would_reject), (101, 0, 96));
    // While it lets everything pass, a pending inner service is waited for.
    probe.set_pending(true);
    assert_eq!(poll_ready(&mut service), Poll::Pending);
    layer.limiter().set_dry_run(false);
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    assert_eq!(rejection(service.call(1).await).kind(), RejectedKind::RateLimited);
}

#[tokio::test(start_paused = true)]
async fn forks_stand_alone_and_early_handles_see_later_settings() {
    let layer = RateLimitLayer::new(TEN.burst(2));
    let handle = layer.limiter();
    assert!(handle.name().as_str().contains("reject_now.rs:"), "{}", handle.name());
    let layer = layer.name("a").dry_run(true);
    assert_eq!(handle.name().as_str(), "a");
    handle.set_quota(TEN.burst(3)).unwrap();
    (0..9).for_each(|_| handle.try_admit().unwrap());
    let fork = layer.fork("b").limiter();
    assert_eq!((fork.name().as_str(), fork.quota(), fork.snapshot().calls), ("b", TEN.burst(3), 0));
    (0..4).for_each(|_| fork.try_admit().unwrap());
    assert_eq!((fork.snapshot().would_reject, handle.snapshot().would_reject), (1, 6));
    fork.set_dry_run(false);
    assert!(fork.try_admit().is_err() && handle.try_admit().is_ok());
    let limiter = RateLimiter::try_new(TEN).unwrap();
    assert!(limiter.name().as_str().contains("reject_now.rs:"), "{}", limiter.name());
}

#[tokio::test(start_paused = true)]
async fn the_caller_may_be_given_something_else() {
    let (inner, probe) = Strict::ok();
    let mut service = RateLimitLayer::new(TEN.burst(1)).on_reject(|_| Ok(99)).layer(inner);
    assert_eq!((call(&mut service, 1).await, call(&mut service, 2).await), (Ok(1), Ok(99)));
    assert_eq!(probe.calls(), 1);
}
