use std::time::Duration;

use buttress::{InvalidConfig, KeyedRateLimiter, Quota, RateLimitLayer, RateLimiter};

const SECOND: Duration = Duration::from_secs(1);

/// Every way by which a quota comes in.
fn refusals(quota: Quota) -> Vec<Option<InvalidConfig>> {
    let limiter = RateLimiter::new(Quota::per_second(1));
    let keyed = KeyedRateLimiter::new(Quota::per_second(1));
    vec![
        RateLimitLayer::try_new(quota).err(),
        RateLimitLayer::try_per_key(quota, |request: &u64| Some(*request)).err(),
        RateLimiter::try_new(quota).err(),
        KeyedRateLimiter::try_new(quota).err(),
        limiter.set_quota(quota).err(),
        keyed.set_quota(quota).err(),
    ]
}

#[test]
fn bc_12_bc_13_bad_quotas_are_refused_by_name() {
    let years = |years: u64| Duration::from_secs(years * 365 * 86_400);
    for (quota, field, rule) in [
        (Quota::per_second(0), "count", "at least one"),
        (Quota::per_minute(0), "count", "at least one"),
        (Quota::per_hour(0).burst(5), "count", "at least one"),
        (Quota::every(Duration::ZERO), "period", "above zero"),
        (Quota::per_second(10).burst(0), "burst", "at least 1"),
        (Quota::every(SECOND).burst(0), "burst", "at least 1"),
        // More than one per nanosecond.
        (Quota::per_second(3_000_000_000), "quota", "nanoseconds"),
        (Quota::per_second(u32::MAX), "quota", "nanoseconds"),
        // Neither one nor two nanoseconds come near.
        (Quota::per_second(600_000_000), "quota", "nanoseconds"),
        (Quota::per_second(90_000_000), "quota", "nanoseconds"),
        // Longer than anybody waits, and longer than fits.
        (Quota::every(years(40)), "quota", "36 years"),
        (Quota::every(years(10)).burst(4), "quota", "36 years"),
        (Quota::every(SECOND).burst(u32::MAX), "quota", "36 years"),
        (Quota::every(Duration::MAX), "quota", "36 years"),
        (Quota::every(Duration::from_secs(u64::MAX)).burst(u32::MAX), "quota", "36 years"),
        (Quota::per_hour(1).burst(u32::MAX), "quota", "36 years"),
    ] {
        for error in refusals(quota) {
            let error = error.unwrap_or_else(|| panic!("{quota} was taken"));
            assert_eq!(error.field(), field, "{quota}");
            assert!(error.rule().contains(rule), "{quota}: {error}");
            assert!(!error.value().is_empty());
        }
    }
    let error = RateLimitLayer::try_new(Quota::per_second(0)).unwrap_err();
    assert_eq!(error.to_string(), "invalid `count` = 0: a quota must allow at least one call");
}

#[test]
fn extreme_quotas_that_fit_work() {
    for quota in [
        Quota::per_second(1),
        Quota::per_second(1_000_000_000),
        Quota::per_second(1_000_000).burst(u32::MAX),
        Quota::per_second(999_999),
        Quota::per_hour(u32::MAX),
        Quota::every(Duration::from_nanos(1)).burst(u32::MAX),
        Quota::every(Duration::from_secs(36 * 365 * 86_400)),
    ] {
        assert!(refusals(quota).iter().all(Option::is_none), "{quota}");
        let limiter = RateLimiter::new(quota);
        for cost in [0, 1, quota.burst_size(), u32::MAX] {
            let _ = limiter.try_admit_n(cost);
        }
        let peek = limiter.peek();
        assert!(peek.remaining <= peek.limit && peek.limit == quota.burst_size());
    }
}

#[test]
fn the_longest_wait_can_be_set_again() {
    let layer = RateLimitLayer::new(Quota::per_second(1)).wait(SECOND).wait(2 * SECOND);
    assert_eq!(layer.limiter().max_wait(), 2 * SECOND);
}

#[test]
fn other_bad_settings_are_refused_by_name() {
    let wait = RateLimitLayer::new(Quota::per_second(1)).try_wait(Duration::ZERO).unwrap_err();
    assert_eq!((wait.field(), wait.value()), ("max_wait", "0ns"));
    let limiter = RateLimiter::new(Quota::per_second(1));
    assert_eq!(limiter.set_max_wait(Duration::ZERO).unwrap_err().field(), "max_wait");
    assert_eq!(limiter.max_wait(), Duration::from_secs(60));
    for good in [Duration::from_nanos(1), Duration::from_secs(u64::MAX), Duration::MAX] {
        assert!(limiter.set_max_wait(good).is_ok());
    }
    let per_key = || RateLimitLayer::per_key(Quota::per_second(1), |request: &u64| Some(*request));
    let keys = per_key().try_max_keys(0).unwrap_err();
    assert_eq!((keys.field(), keys.value()), ("max_keys", "0"));
    assert_eq!(per_key().limiter().set_max_keys(0).unwrap_err().field(), "max_keys");
    let most = per_key().max_keys(usize::MAX).limiter();
    assert!(most.try_admit(&1).is_ok() && most.max_keys() == usize::MAX);
    assert_eq!(per_key().limiter().max_keys(), 65_536);
}

#[test]
#[should_panic(expected = "invalid `burst` = 0")]
fn a_bad_literal_panics_where_it_stands() {
    let _ = RateLimitLayer::new(Quota::per_second(5).burst(0));
}

#[test]
#[should_panic(expected = "invalid `count` = 0")]
fn a_bad_literal_panics_where_it_stands_per_key() {
    let _ = RateLimitLayer::per_key(Quota::per_second(0), |request: &u64| Some(*request));
}

#[test]
#[should_panic(expected = "invalid `max_wait` = 0ns")]
fn a_wait_of_zero_panics_where_it_stands() {
    let _ = RateLimitLayer::new(Quota::per_second(5)).wait(Duration::ZERO);
}

#[test]
#[should_panic(expected = "invalid `max_keys` = 0")]
fn a_table_of_no_keys_panics_where_it_stands() {
    let _ = RateLimitLayer::per_key(Quota::per_second(5), |request: &u64| Some(*request)).max_keys(0);
}

#[test]
fn quotas_tell_what_they_are() {
    const QUOTA: Quota = Quota::per_minute(90).burst(30);
    assert_eq!((QUOTA.count(), QUOTA.period(), QUOTA.burst_size()), (90, 60 * SECOND, 30));
    assert_eq!(QUOTA.to_string(), "90 per 60s, burst 30");
    assert_eq!(Quota::per_hour(7).burst_size(), 7);
    assert_eq!(Quota::every(SECOND).burst_size(), 1);
    assert_ne!(Quota::every(SECOND), Quota::every(SECOND).burst(2));
}
