use std::fmt;
use std::time::Duration;

use crate::algo::gcra::Rate;
use crate::error::InvalidConfig;
use crate::registry::Visit;

/// How many calls may pass in which time, and how many of them at once.
///
/// A call takes one cell (or as many as its [cost](super::Cost)), and cells come back one by one, evenly.
/// So at most rate + burst calls pass in any second: `Quota::per_second(100)` admits a hundred at once and
/// from then on one every 10 ms; `Quota::per_second(100).burst(1)` never admits two within 10 ms.
///
/// ```
/// use std::time::Duration;
/// use buttress::{Quota, RateLimiter};
///
/// const SEARCH: Quota = Quota::per_second(50).burst(10);
///
/// let limiter = RateLimiter::new(SEARCH);
/// assert_eq!(limiter.peek().remaining, 10);
/// assert!(RateLimiter::try_new(Quota::per_second(0)).is_err());
/// // One call every two seconds, and none in advance.
/// assert_eq!(Quota::every(Duration::from_secs(2)).burst_size(), 1);
/// ```
///
/// Plain data: nothing is checked before a limiter or layer is built with it, or is given it at run time.
/// Then these are refused: a count, period or burst of zero; more than one call per nanosecond; a time per
/// call that whole nanoseconds miss by more than 1 % (below that it is rounded down: at a million per
/// second the rate is at most 0.1 % above what was asked for); a burst that takes more than 36 years to
/// come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use = "a quota limits nothing by itself"]
pub struct Quota {
    count: u32,
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::seconds"))]
    period: Duration,
    burst: u32,
}

impl Quota {
    const fn new(count: u32, period: Duration) -> Self {
        Self { count, period, burst: count }
    }

    /// This many calls per second, all of them at once if they come so.
    pub const fn per_second(count: u32) -> Self {
        Self::new(count, Duration::from_secs(1))
    }

    /// This many calls per minute, all of them at once if they come so.
    pub const fn per_minute(count: u32) -> Self {
        Self::new(count, Duration::from_secs(60))
    }

    /// This many calls per hour, all of them at once if they come so.
    pub const fn per_hour(count: u32) -> Self {
        Self::new(count, Duration::from_secs(60 * 60))
    }

    /// One call in each such period, and no two at once.
    #[doc(alias = "with_period")]
    pub const fn every(period: Duration) -> Self {
        Self::new(1, period)
    }

    /// This many calls in any period, all of them at once if they come so.
    #[cfg(feature = "admin")]
    pub(crate) const fn per(count: u32, period: Duration) -> Self {
        Self::new(count, period)
    }

    /// How many calls may come at once after a pause. By default the count of the quota; 1 for
    /// [`every`](Self::every).
    #[doc(alias = "allow_burst")]
    pub const fn burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }

    /// How many calls pass in one [period](Self::period).
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The time in which [`count`](Self::count) calls pass.
    #[must_use]
    pub const fn period(self) -> Duration {
        self.period
    }

    /// How many calls may come at once.
    #[must_use]
    pub const fn burst_size(self) -> u32 {
        self.burst
    }

    /// Calls per second in the long run.
    #[must_use]
    pub fn rate_per_second(self) -> f64 {
        f64::from(self.count) / self.period.as_secs_f64()
    }

    pub(super) fn tell(self, visit: &mut Visit<'_>) {
        visit("quota.count", self.count.into(), None);
        visit("quota.period", self.period.into(), None);
        visit("quota.burst", self.burst.into(), None);
    }

    /// As the algorithm needs it.
    pub(super) fn rate(self) -> Result<Rate, InvalidConfig> {
        InvalidConfig::check(self.count > 0, "count", self.count, "a quota must allow at least one call")?;
        InvalidConfig::check(!self.period.is_zero(), "period", self.period, "must be above zero")?;
        InvalidConfig::check(
            self.burst > 0,
            "burst",
            self.burst,
            "must be at least 1, or no call could pass",
        )?;
        let (period, count) = (self.period.as_nanos(), u128::from(self.count));
        let (interval, rest) = (period / count, period % count);
        // The rate is off by the rest of the period, spread over the calls.
        let is_close = rest * 100 <= interval * count;
        let rule = "the time per call must be a whole number of nanoseconds, give or take 1 %";
        InvalidConfig::check(interval > 0 && is_close, "quota", self, rule)?;
        let rate = u64::try_from(interval).ok().and_then(|interval| Rate::new(interval, self.burst));
        let rule = "the whole burst must come back within 36 years";
        rate.ok_or_else(|| InvalidConfig::new("quota", self, rule))
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {:?}, burst {}", self.count, self.period, self.burst)
    }
}
