use std::time::Duration;

use buttress::{Quota, RateLimitLayer, RateLimiter};
use tokio::time::advance;
use tower::Layer;

use super::super::input::Input;
use super::super::traffic::{Scripted, drive};
use super::super::{documented, laws};
use super::built;

pub fn quota(input: &mut Input<'_>) -> Quota {
    let quota = match input.below(4) {
        0 => Quota::per_second(input.count()),
        1 => Quota::per_minute(input.count()),
        2 => Quota::per_hour(input.count()),
        _ => Quota::every(input.duration()),
    };
    if input.is() { quota.burst(input.count()) } else { quota }
}

pub fn turn_limiter(limiter: &RateLimiter, input: &mut Input<'_>) {
    match input.below(3) {
        0 => limiter.set_dry_run(input.is()),
        1 => {
            let quota = quota(input);
            built(limiter.set_quota(quota), &quota, documented::quota(quota));
        }
        _ => {
            let max = input.duration();
            built(limiter.set_max_wait(max), &max, documented::above_zero("max_wait", max));
        }
    }
    laws::rate_limit(limiter);
}

/// Nobody waits, and a cell is there when it is said to be.
pub async fn assert_lets_through(limiter: &RateLimiter) {
    const LONG: Duration = Duration::from_secs(40 * 365 * 24 * 60 * 60);
    laws::rate_limit(limiter);
    assert_eq!(limiter.snapshot().waiting, 0);
    limiter.set_dry_run(false);
    let wait = limiter.peek().next_cell;
    // Cells in use under a quota that was far larger may come back later than any clock goes.
    if wait >= LONG {
        return;
    }
    advance(wait).await;
    assert!(limiter.try_admit().is_ok(), "{limiter:?}");
}

pub async fn rate_limit(input: &mut Input<'_>) {
    let quota = quota(input);
    let layer = RateLimitLayer::try_new(quota);
    let Some(layer) = built(layer, &quota, documented::quota(quota)) else { return };
    let layer = layer.cost(|request: &u64| (request >> 56) as u32 % 5);
    let limiter = layer.limiter();
    if input.is() {
        drive(input, &mut layer.layer(Scripted), |input| turn_limiter(&limiter, input)).await;
    } else {
        let max = input.duration();
        let layer = built(layer.try_wait(max), &max, documented::above_zero("max_wait", max));
        let Some(layer) = layer else { return };
        drive(input, &mut layer.layer(Scripted), |input| turn_limiter(&limiter, input)).await;
    }
    assert_lets_through(&limiter).await;
}
