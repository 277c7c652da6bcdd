use std::panic::AssertUnwindSafe;
use std::task::Poll;
use std::time::Duration;

use buttress::{KeyedRateLimiter, Overflow, Quota, RateLimitLayer, RejectedKind};
use tokio::time::advance;
use tower::{Layer, Service};

use crate::support::alloc::allocations;
use crate::support::{Strict, call, now, poll_ready, rejection};

const MS: Duration = Duration::from_millis(1);
const TENTHS: Quota = Quota::per_second(10).burst(1);

#[tokio::test(start_paused = true)]
async fn each_key_has_a_limit_of_its_own_and_none_has_none() {
    let (inner, probe) = Strict::ok();
    let layer = RateLimitLayer::per_key(TENTHS.burst(2), |request: &u64| (*request > 0).then_some(*request))
        .name("clients");
    let mut service = layer.layer(inner);
    for key in 1..=3 {
        assert_eq!((call(&mut service, key).await, call(&mut service, key).await), (Ok(key), Ok(key)));
        let rejected = rejection(call(&mut service, key).await);
        assert_eq!((rejected.kind(), rejected.name()), (RejectedKind::RateLimited, "clients"));
        assert_eq!((rejected.layer(), rejected.retry_after()), ("rate_limit", Some(100 * MS)));
    }
    for _ in 0..100 {
        assert_eq!(call(&mut service, 0).await, Ok(0));
    }
    advance(100 * MS).await;
    assert_eq!(call(&mut service, 2).await, Ok(2));
    let counts = layer.limiter().snapshot();
    assert_eq!((counts.calls, counts.admitted, counts.rejected), (110, 107, 3));
    assert_eq!((counts.unlimited, counts.keys, counts.overflowed), (100, 3, 0));
    assert_eq!((probe.calls(), probe.violations()), (107, 0));
}

#[tokio::test(start_paused = true)]
async fn all_services_of_a_layer_share_the_table_and_forks_do_not() {
    let layer = RateLimitLayer::per_key(TENTHS, |request: &u64| Some(*request));
    assert!(layer.limiter().name().as_str().contains("keyed.rs:"), "{}", layer.limiter().name());
    let (inner, _probe) = Strict::ok();
    assert_eq!(call(&mut layer.layer(inner.clone()), 7).await, Ok(7));
    assert!(call(&mut layer.clone().layer(inner.clone()), 7).await.is_err());
    let fork = layer.fork("other");
    assert_eq!(call(&mut fork.layer(inner.clone()), 7).await, Ok(7));
    assert_eq!((fork.limiter().name().as_str(), fork.limiter().quota()), ("other", TENTHS));
    let strategy = buttress::rate_limit::KeyFn(|request: &u64| Some(*request));
    let from = buttress::KeyedRateLimitLayer::from_limiter(layer.limiter(), strategy);
    assert!(call(&mut from.layer(inner), 7).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn peeking_at_a_key_takes_nothing_and_makes_no_entry() {
    let limiter = KeyedRateLimiter::new(Quota::per_second(10));
    assert_eq!((limiter.peek("a").remaining, limiter.len()), (10, 0));
    limiter.try_admit_n("a", 4).unwrap();
    let peek = limiter.peek(&String::from("a"));
    assert_eq!((peek.limit, peek.remaining, peek.reset), (10, 6, 400 * MS));
    assert_eq!((limiter.peek("b").remaining, limiter.len()), (10, 1));
    limiter.try_admit_n("a", 6).unwrap();
    assert_eq!(limiter.peek("a").next_cell, 100 * MS);
    assert_eq!(limiter.try_admit("a").unwrap_err().retry_after(), Some(100 * MS));
}

#[tokio::test(start_paused = true)]
async fn costs_are_per_key() {
    let (inner, _probe) = Strict::ok();
    let layer = RateLimitLayer::per_key(Quota::per_second(10), |_: &u64| Some(()))
        .cost(|request: &u64| *request as u32);
    let mut service = layer.layer(inner);
    assert_eq!(rejection(call(&mut service, 11).await).kind(), RejectedKind::CostAboveBurst);
    assert_eq!((call(&mut service, 0).await, layer.limiter().len()), (Ok(0), 0), "neither needs a place");
    assert_eq!(call(&mut service, 8).await, Ok(8));
    assert_eq!(rejection(call(&mut service, 3).await).retry_after(), Some(100 * MS));
    assert_eq!(call(&mut service, 2).await, Ok(2));
    let counts = layer.limiter().snapshot();
    assert_eq!((counts.calls, counts.admitted, counts.cost_above_burst, counts.rate_limited), (5, 3, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn readiness_is_the_inner_services_whatever_is_used_up() {
    let (inner, probe) = Strict::ok();
    let mut service = RateLimitLayer::per_key(TENTHS, |request: &u64| Some(*request)).layer(inner);
    assert_eq!(call(&mut service, 1).await, Ok(1));
    probe.set_pending(true);
    assert_eq!(poll_ready(&mut service), Poll::Pending);
    assert_eq!(rejection(service.call(1).await).kind(), RejectedKind::NotReady);
    probe.set_pending(false);
    // A refusal leaves the inner service ready for the next call.
    assert!(call(&mut service, 1).await.is_err());
    probe.set_pending(true);
    assert_eq!(call(&mut service, 2).await, Ok(2));
    assert_eq!(probe.violations(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_key_takes_nothing() {
    let (inner, probe) = Strict::ok();
    let layer =
        RateLimitLayer::per_key(
            TENTHS,
            |request: &u64| {
                if *request == 0 { panic!("keyless") } else { Some(*request) }
            },
        );
    let mut service = layer.layer(inner);
    for _ in 0..10 {
        assert!(std::panic::catch_unwind(AssertUnwindSafe(|| now(&mut service, 0))).is_err());
    }
    assert_eq!((layer.limiter().len(), layer.limiter().snapshot().calls), (0, 0));
    assert_eq!((call(&mut service, 1).await, probe.violations()), (Ok(1), 0));
}

#[tokio::test(start_paused = true)]
async fn a_new_quota_holds_for_every_key_from_the_change_on() {
    let limiter = KeyedRateLimiter::new(Quota::per_hour(4));
    for used in 0..=4 {
        limiter.try_admit_n(&used, used).unwrap();
    }
    limiter.set_quota(Quota::per_second(6)).unwrap();
    for used in 0..=4_u32 {
        assert_eq!(limiter.peek(&used).remaining, 6 - used, "cells in use stay in use");
    }
    // An hour's cell comes back in a sixth of a second, also for keys that nobody touched meanwhile.
    advance(700 * MS).await;
    for used in 0..=4_u32 {
        assert_eq!(limiter.peek(&used).remaining, 6);
    }
    limiter.try_admit_n(&9, 6).unwrap();
    limiter.set_quota(Quota::per_minute(2)).unwrap();
    assert_eq!((limiter.peek(&9).remaining, limiter.peek(&8).remaining), (0, 2));
    assert_eq!(limiter.set_quota(Quota::per_second(0)).unwrap_err().field(), "count");
    assert_eq!(limiter.quota(), Quota::per_minute(2));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_lets_pass() {
    let limiter = RateLimitLayer::per_key(TENTHS, |request: &u64| Some(*request)).dry_run(true).limiter();
    for _ in 0..5 {
        limiter.try_admit(&1).unwrap();
    }
    limiter.try_admit_n(&1, 2).unwrap();
    let counts = limiter.snapshot();
    assert_eq!((counts.calls, counts.admitted, counts.rejected, counts.would_reject), (6, 6, 0, 5));
}

#[tokio::test(start_paused = true)]
async fn rl_15_the_table_is_bounded_and_forgets_nobody_who_is_throttled() {
    const MAX: usize = 10_000;
    let limiter = KeyedRateLimiter::new(Quota::per_second(10).burst(2)).named("clients");
    limiter.set_max_keys(MAX).unwrap();
    limiter.try_admit_n("throttled", 2).unwrap();
    let (mut most, mut admitted) = (0, 0);
    for key in 0..100_000_u64 {
        let _ = limiter.try_admit(&key);
        most = most.max(limiter.len());
        if key % 1_000 == 999 {
            // Twice as often as a cell comes back: it is never as good as unused.
            advance(50 * MS).await;
            admitted += u64::from(limiter.try_admit("throttled").is_ok());
        }
    }
    assert_eq!(admitted, 50, "5 s at 10 per second, and not one cell more");
    assert!(most <= MAX && most > MAX / 10, "{most}");
    let counts = limiter.snapshot();
    assert_eq!((counts.max_keys, counts.calls), (MAX, counts.admitted + counts.rejected));
}

#[tokio::test(start_paused = true)]
async fn rl_15_a_flood_of_new_keys_shares_one_limit() {
    let limiter = KeyedRateLimiter::new(TENTHS.burst(3));
    limiter.set_max_keys(100).unwrap();
    let admitted = (0..100_000_u64).filter(|key| limiter.try_admit(key).is_ok()).count();
    assert_eq!(admitted, 103, "a hundred of their own, three shared");
    assert_eq!((limiter.len(), limiter.snapshot().overflowed), (100, 100_000 - 100));
    // Those who have a place keep it, with what they have left.
    assert_eq!((limiter.peek(&5_u64).remaining, limiter.peek(&100_000_u64).remaining), (2, 0));
    assert!(limiter.try_admit(&5_u64).is_ok());
    assert_eq!(limiter.try_admit(&100_000_u64).unwrap_err().retry_after(), Some(100 * MS));
    assert_eq!(limiter.try_admit_n(&100_000_u64, 4).unwrap_err().kind(), RejectedKind::CostAboveBurst);
    // As soon as one is as good as unused, it makes room.
    advance(100 * MS).await;
    limiter.try_admit_n(&200_000_u64, 3).unwrap();
    assert_eq!((limiter.len() <= 100, limiter.peek(&5_u64).remaining), (true, 2));
}

#[tokio::test(start_paused = true)]
async fn rl_15_a_flood_of_new_keys_may_be_rejected_instead() {
    let layer = RateLimitLayer::per_key(TENTHS.burst(3), |request: &u64| Some(*request))
        .max_keys(100)
        .overflow(Overflow::Reject);
    assert_eq!(layer.limiter().overflow(), Overflow::Reject);
    let limiter = layer.limiter();
    assert_eq!((0..1_000_u64).filter(|key| limiter.try_admit(key).is_ok()).count(), 100);
    assert_eq!(limiter.snapshot().overflowed, 900);
    advance(40 * MS).await;
    let rejected = limiter.try_admit(&1_000_u64).unwrap_err();
    assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::RateLimited, Some(60 * MS)));
    let peek = limiter.peek(&1_000_u64);
    assert_eq!((peek.remaining, peek.next_cell), (0, 60 * MS));
    advance(60 * MS).await;
    assert!(limiter.try_admit(&1_000_u64).is_ok());
}

#[tokio::test(start_paused = true)]
async fn rl_16_idle_keys_are_reclaimed_by_whoever_comes() {
    let limiter = KeyedRateLimiter::new(TENTHS);
    limiter.set_max_keys(20_000).unwrap();
    (0..20_000_u64).for_each(|key| limiter.try_admit(&key).unwrap());
    assert_eq!(limiter.len(), 20_000);
    advance(100 * MS).await;
    // Each newcomer clears up a little, so the table shrinks to what is in use.
    (20_000..40_000_u64).for_each(|key| limiter.try_admit(&key).unwrap());
    assert!(limiter.len() <= 20_000, "{}", limiter.len());
    advance(100 * MS).await;
    assert_eq!(limiter.sweep(), limiter.snapshot().max_keys.min(20_000));
    assert!(limiter.is_empty());
    assert_eq!(limiter.snapshot().admitted, 40_000);
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_table_lets_go_as_keys_fill_up() {
    let limiter = KeyedRateLimiter::new(TENTHS);
    (0..100_u64).for_each(|key| limiter.try_admit(&key).unwrap());
    limiter.set_max_keys(10).unwrap();
    assert_eq!((limiter.len(), limiter.max_keys()), (100, 10));
    advance(100 * MS).await;
    limiter.try_admit(&1_000_u64).unwrap();
    assert_eq!(limiter.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_known_key_allocates_nothing_also_when_it_is_refused() {
    let limiter = KeyedRateLimiter::new(TENTHS.burst(500));
    limiter.try_admit("a").unwrap();
    let count = allocations(|| {
        for _ in 0..1_000 {
            let _ = limiter.try_admit("a");
        }
    });
    assert_eq!((count, limiter.snapshot().rejected), (0, 501));
}
