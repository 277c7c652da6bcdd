//! Saturation is taken between one look at the registry and another, whoever looks. Tests that look at it on clocks of
//! their own would be in each other's way.

use std::time::Duration;

use buttress::registry::Registry;
use buttress::{Bulkhead, Quota, RateLimiter};
use tokio::time::advance;

use super::alone;

const SECOND: Duration = Duration::from_secs(1);

fn saturation(name: &str) -> Option<f64> {
    let engines = Registry::global().snapshot().engines;
    engines.into_iter().find(|engine| engine.identity.name.as_str() == name).unwrap().saturation
}

#[tokio::test(start_paused = true)]
async fn that_of_a_bulkhead_counts_whom_it_turned_away() {
    let _alone = alone();
    let bulkhead = Bulkhead::new(4).named("sat-bulkhead");
    assert_eq!(saturation("sat-bulkhead"), Some(0.0));
    let held: Vec<_> = (0..4).map(|_| bulkhead.try_admit().unwrap()).collect();
    assert_eq!(saturation("sat-bulkhead"), Some(1.0));
    // Twice as many came as were let in.
    (0..4).for_each(|_| drop(bulkhead.try_admit()));
    advance(10 * SECOND).await;
    assert_eq!(saturation("sat-bulkhead"), Some(2.0));
    drop(held);
    assert_eq!(saturation("sat-bulkhead"), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn that_of_a_rate_limit_is_what_was_asked_for_over_the_quota() {
    let _alone = alone();
    let limiter = RateLimiter::new(Quota::per_second(10)).named("sat-rate");
    assert_eq!(saturation("sat-rate"), None);
    for _ in 0..10 {
        (0..15).for_each(|_| assert!(limiter.try_admit().is_ok() || limiter.peek().remaining == 0));
        advance(SECOND).await;
    }
    assert_eq!(saturation("sat-rate"), Some(1.5));
}

#[tokio::test(start_paused = true)]
async fn it_stays_within_bounds_where_calls_hang() {
    let _alone = alone();
    let bulkhead = Bulkhead::new(2).named("sat-hangs");
    let _held = [bulkhead.try_admit().unwrap(), bulkhead.try_admit().unwrap()];
    saturation("sat-hangs");
    (0..10_000).for_each(|_| drop(bulkhead.try_admit()));
    advance(10 * SECOND).await;
    assert_eq!(saturation("sat-hangs"), Some(10.0));
}

#[tokio::test(start_paused = true)]
async fn that_of_a_rate_limit_counts_cells() {
    let _alone = alone();
    let limiter = RateLimiter::new(Quota::per_second(10)).named("sat-cost");
    saturation("sat-cost");
    for _ in 0..10 {
        (0..5).for_each(|_| assert!(limiter.try_admit_n(3).is_ok() || limiter.peek().remaining < 3));
        advance(SECOND).await;
    }
    assert_eq!(saturation("sat-cost"), Some(1.5));
}
