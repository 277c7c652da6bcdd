//! What was recorded of late: the last so many calls, or those of the last so much time.
//!
//! Successes come in bulk: whoever shares a window between threads collects them outside of it, and tells it
//! how many there were before anything else is recorded.

mod last;
mod time;

use std::time::Duration;

use crate::units::Instant;
use last::LastCalls;
use time::TimeBuckets;

/// How many calls a window holds, and how many of them were bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) recorded: u64,
    pub(crate) failures: u64,
    pub(crate) slow: u64,
}

impl Counts {
    const NONE: Self = Self { recorded: 0, failures: 0, slow: 0 };

    fn plus(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn minus(self, other: Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    fn with(self, other: Self, op: fn(u64, u64) -> u64) -> Self {
        Self {
            recorded: op(self.recorded, other.recorded),
            failures: op(self.failures, other.failures),
            slow: op(self.slow, other.slow),
        }
    }
}

/// What kind of window, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The last so many calls.
    Last(u32),
    /// So many buckets, each of this time; above zero, both.
    Time { bucket: Duration, buckets: u32 },
}

/// A sliding window of calls.
#[derive(Debug)]
pub(crate) enum Window {
    Last(LastCalls),
    Time(TimeBuckets),
}

impl Window {
    /// An empty window. The only operation that allocates.
    pub(crate) fn new(shape: Shape) -> Self {
        match shape {
            Shape::Last(size) => Self::Last(LastCalls::new(size)),
            Shape::Time { bucket, buckets } => Self::Time(TimeBuckets::new(bucket, buckets)),
        }
    }

    /// Lets go of what is too old at `now`.
    pub(crate) fn advance(&mut self, now: Instant) {
        if let Self::Time(window) = self {
            window.advance(now);
        }
    }

    /// Until when successes may be collected outside: from then on they belong to another bucket.
    pub(crate) fn until(&self) -> Instant {
        match self {
            Self::Last(_) => Instant::NEVER,
            Self::Time(window) => window.until(),
        }
    }

    /// Records successes that were not slow.
    pub(crate) fn push_successes(&mut self, count: u64) {
        match self {
            Self::Last(window) => window.push_successes(count),
            Self::Time(window) => window.push(Counts { recorded: count, ..Counts::NONE }),
        }
    }

    /// Records one call.
    pub(crate) fn push(&mut self, failed: bool, slow: bool) {
        match self {
            Self::Last(window) => window.push(failed, slow),
            Self::Time(window) => {
                window.push(Counts { recorded: 1, failures: failed.into(), slow: slow.into() });
            }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        match self {
            Self::Last(window) => window.counts(),
            Self::Time(window) => window.counts(),
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, now: Instant) {
        match self {
            Self::Last(window) => window.clear(),
            Self::Time(window) => window.restart(now),
        }
    }
}

#[cfg(test)]
mod tests;
