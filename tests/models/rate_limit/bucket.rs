//! A token bucket as one would write it down: tokens in nanoseconds, filled when looked at.

use buttress::{Quota, RateLimitPeek};

use crate::history::ms;

const MS: i128 = 1_000_000;

/// Why a call gets no cells: it would in so many nanoseconds, or it never will.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lack {
    For(u64),
    Ever,
}

/// Time is in nanoseconds since the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    interval: i128,
    burst: i128,
    level: i128,
    filled: i128,
}

impl Bucket {
    pub fn new(quota: Quota) -> Self {
        let (interval, burst) = terms(quota);
        Self { interval, burst, level: interval * burst, filled: 0 }
    }

    fn fill(&mut self, now: i128) {
        let now = now.max(self.filled);
        self.level = (self.level + now - self.filled).min(self.interval * self.burst);
        self.filled = now;
    }

    /// In how many nanoseconds there is room for as many cells; none or fewer if there is, for so long. Who is ahead
    /// takes them when it is its turn, and from then on they come back.
    pub fn missing(self, cells: u64, now: i128) -> i128 {
        i128::from(cells) * self.interval - self.level + (self.filled - now)
    }

    /// When there was room for so many cells, or will be.
    pub fn turn(self, cells: u32) -> i128 {
        self.filled + i128::from(cells) * self.interval - self.level
    }

    pub fn lack(self, ahead: u64, cost: u32, now: i128) -> Option<Lack> {
        if i128::from(cost) > self.burst {
            return Some(Lack::Ever);
        }
        let missing = self.missing(ahead + u64::from(cost), now);
        (missing > 0).then(|| Lack::For(u64::try_from(missing).unwrap()))
    }

    pub fn take(&mut self, cost: u32, now: i128) {
        self.fill(now);
        self.level -= i128::from(cost) * self.interval;
    }

    pub fn admit(&mut self, cost: u32, now: i128) -> Result<(), Lack> {
        match self.lack(0, cost, now) {
            Some(lack) => Err(lack),
            None => {
                self.take(cost, now);
                Ok(())
            }
        }
    }

    pub fn is_full(mut self, now: i128) -> bool {
        self.fill(now);
        self.level == self.interval * self.burst
    }

    pub fn interval(&self) -> i128 {
        self.interval
    }

    /// Cells in use stay in use, and of the next one as much as was missing; what a nanosecond cannot hold is rounded
    /// up.
    pub fn set_quota(&mut self, quota: Quota, now: i128) {
        let (interval, burst) = terms(quota);
        if self.is_full(now) {
            // Since then, which counts for whoever was to be admitted as of then.
            self.filled += self.interval * self.burst - self.level;
            self.level = self.interval * self.burst;
        } else {
            self.fill(now);
        }
        let used = (self.interval * self.burst - self.level) * interval;
        let used = (used + self.interval - 1) / self.interval;
        (self.interval, self.burst, self.level) = (interval, burst, interval * burst - used);
    }

    /// Limit, cells that are free, nanoseconds until one is, and until all are.
    pub fn peek(mut self, ahead: u64, now: i128) -> [i128; 4] {
        self.level -= i128::from(ahead) * self.interval;
        self.fill(now);
        let level = self.level - (self.filled - now);
        let next = (self.interval - level).max(0);
        [self.burst, level.div_euclid(self.interval).max(0), next, self.interval * self.burst - level]
    }
}

fn terms(quota: Quota) -> (i128, i128) {
    let interval = quota.period().as_nanos() / u128::from(quota.count());
    (i128::try_from(interval).unwrap(), quota.burst_size().into())
}

pub fn told(peek: RateLimitPeek) -> [i128; 4] {
    let nanos = |time: std::time::Duration| i128::try_from(time.as_nanos()).unwrap();
    [peek.limit.into(), peek.remaining.into(), nanos(peek.next_cell), nanos(peek.reset)]
}

/// Nanoseconds since the beginning.
pub fn at(millis: u64) -> i128 {
    i128::from(millis) * MS
}

/// Quotas whose cells come back within milliseconds, and between them.
pub const QUOTAS: [Quota; 8] = [
    Quota::per_second(10).burst(5),
    Quota::per_second(3),
    Quota::per_second(3).burst(1),
    Quota::every(ms(250)),
    Quota::every(ms(40)).burst(3),
    Quota::per_second(7).burst(4),
    Quota::per_second(1_000).burst(2),
    Quota::per_minute(90).burst(6),
];
