use std::time::Duration;

use super::Counts;
use crate::units::{Instant, nanos};

/// A ring of buckets, each for a stretch of time, and their sum. The last one is still being filled, so the
/// window reaches back by its whole length at most and by one bucket less at least.
#[derive(Debug)]
pub(crate) struct TimeBuckets {
    ring: Box<[Counts]>,
    current: usize,
    /// When the current bucket is full. In the beginning it is zero, and the first to come starts it.
    until: Instant,
    bucket: u64,
    sum: Counts,
}

impl TimeBuckets {
    pub(super) fn new(bucket: Duration, buckets: u32) -> Self {
        Self {
            ring: vec![Counts::NONE; buckets as usize].into(),
            current: 0,
            until: Instant::from_nanos(0),
            bucket: nanos(bucket),
            sum: Counts::NONE,
        }
    }

    /// An empty window whose first bucket begins now.
    pub(super) fn restart(&mut self, now: Instant) {
        self.ring.fill(Counts::NONE);
        self.sum = Counts::NONE;
        self.until = now.saturating_add(Duration::from_nanos(self.bucket));
    }

    pub(super) fn advance(&mut self, now: Instant) {
        if now < self.until {
            return;
        }
        let late = nanos(now.saturating_since(self.until));
        let steps = late.checked_div(self.bucket).unwrap_or(u64::MAX).saturating_add(1);
        if steps >= self.ring.len() as u64 {
            // Nothing is left that later bounds would have to be in line with.
            self.restart(now);
            return;
        }
        for _ in 0..steps {
            self.current = self.current.saturating_add(1);
            if self.current >= self.ring.len() {
                self.current = 0;
            }
            if let Some(bucket) = self.ring.get_mut(self.current) {
                self.sum = self.sum.minus(std::mem::take(bucket));
            }
        }
        let passed = Duration::from_nanos(self.bucket.saturating_mul(steps));
        self.until = self.until.saturating_add(passed);
    }

    pub(super) fn push(&mut self, calls: Counts) {
        if let Some(bucket) = self.ring.get_mut(self.current) {
            *bucket = bucket.plus(calls);
            self.sum = self.sum.plus(calls);
        }
    }

    pub(super) fn until(&self) -> Instant {
        self.until
    }

    pub(super) fn counts(&self) -> Counts {
        self.sum
    }
}
