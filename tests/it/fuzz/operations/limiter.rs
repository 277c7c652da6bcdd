//! Rate limits, with keys and without, beside a bucket of tokens for each.

use std::collections::HashMap;

use buttress::{KeyedRateLimiter, Quota, RateLimiter, Rejected, RejectedKind};
use tokio::time::{Instant, advance};

use super::super::input::Input;
use super::super::{laws, settings};

/// Tokens in nanoseconds, filled when looked at.
struct Bucket {
    interval: i128,
    burst: i128,
    level: i128,
    filled: Instant,
}

fn terms(quota: Quota) -> (i128, i128) {
    (quota.period().as_nanos() as i128 / i128::from(quota.count()), quota.burst_size().into())
}

impl Bucket {
    fn full(quota: Quota) -> Self {
        let (interval, burst) = terms(quota);
        Self { interval, burst, level: interval * burst, filled: Instant::now() }
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let level = self.level + (now - self.filled).as_nanos() as i128;
        (self.level, self.filled) = (level.min(self.interval * self.burst), now);
    }

    /// Or how long it would have to wait, in nanoseconds; for ever, if there are never so many.
    fn take(&mut self, cost: u32) -> Result<(), Option<u128>> {
        self.fill();
        let wanted = i128::from(cost) * self.interval;
        match wanted - self.level {
            _ if i128::from(cost) > self.burst => Err(None),
            missing if missing > 0 => Err(Some(missing as u128)),
            _ => {
                self.level -= wanted;
                Ok(())
            }
        }
    }

    fn remaining(&mut self) -> u32 {
        self.fill();
        (self.level / self.interval).max(0) as u32
    }

    /// Whether its cells in use would take longer than a century to come back by another quota: ours then stand still
    /// at the latest state there is.
    fn would_outlast_everything(&self, quota: Quota) -> bool {
        const CENTURY: i128 = 100 * 365 * 86_400_000_000_000;
        let used = self.interval * self.burst - self.level;
        quota.count() > 0 && used / self.interval * terms(quota).0 > CENTURY
    }

    /// Cells in use stay in use, and the next one comes back by the same share.
    fn set(&mut self, quota: Quota) {
        self.fill();
        let used = self.interval * self.burst - self.level;
        let (interval, burst) = terms(quota);
        let used = (used * interval + self.interval - 1) / self.interval;
        (self.interval, self.burst, self.level) = (interval, burst, interval * burst - used);
    }
}

fn assert_same(ours: Result<(), Rejected>, plain: Result<(), Option<u128>>) {
    let ours = ours.map_err(|rejected| match rejected.kind() {
        RejectedKind::CostAboveBurst => None,
        _ => rejected.retry_after().map(|wait| wait.as_nanos()),
    });
    assert_eq!(ours, plain);
}

pub async fn run(input: &mut Input<'_>) {
    let quota = settings::quota(input);
    let (Ok(limiter), Ok(keyed)) = (RateLimiter::try_new(quota), KeyedRateLimiter::try_new(quota)) else {
        return;
    };
    let mut quota = quota;
    let mut one = Bucket::full(quota);
    let mut each: HashMap<u8, Bucket> = HashMap::new();
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        match input.below(8) {
            0..=2 => {
                let cost = input.count();
                let plain = if cost == 0 { Ok(()) } else { one.take(cost) };
                assert_same(limiter.try_admit_n(cost), plain);
            }
            3 | 4 => {
                let (key, cost) = (input.byte() % 5, 1 + u32::from(input.byte() % 4));
                let bucket = each.entry(key).or_insert_with(|| Bucket::full(quota));
                assert_same(keyed.try_admit_n(&key, cost), bucket.take(cost));
            }
            5 | 6 => advance(input.pause()).await,
            _ => {
                let next = settings::quota(input);
                if each.values().chain([&one]).any(|bucket| bucket.would_outlast_everything(next)) {
                    return;
                }
                let taken = [limiter.set_quota(next).is_ok(), keyed.set_quota(next).is_ok()];
                assert_eq!(taken[0], taken[1]);
                if taken[0] {
                    quota = next;
                    each.values_mut().chain([&mut one]).for_each(|bucket| bucket.set(next));
                }
            }
        }
        assert_eq!(limiter.peek().remaining, one.remaining());
        for (key, bucket) in &mut each {
            assert_eq!(keyed.peek(key).remaining, bucket.remaining(), "{key}");
        }
        laws::rate_limit(&limiter);
        laws::hold(keyed.clone());
    }
}
