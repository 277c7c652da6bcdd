use std::time::Duration;

use super::{BUCKETS, Histogram, bucket_of, units_of};
use crate::sync::{AtomicU64, Ordering::Relaxed};
use crate::units::nanos;

/// A histogram that threads write.
///
/// A time costs two atomic additions: its bucket and the sum. All accesses are relaxed: nothing is published
/// through these words. So a snapshot may have a time in a bucket and not yet in the sum; how many there are is
/// the sum of the buckets, which cannot contradict them.
///
/// Apart from the engine, so that what is counted here takes no cache line away from what decides there.
pub(crate) struct Recorder(Box<Cells>);

struct Cells {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self(Box::new(Cells { counts, sum: AtomicU64::new(0) }))
    }

    /// Not inlined: what calls it is on the way of calls that have nothing to record.
    #[inline(never)]
    pub(crate) fn record(&self, time: Duration) {
        let time = nanos(time);
        if let Some(count) = self.0.counts.get(bucket_of(time)) {
            count.fetch_add(1, Relaxed);
        }
        let units = units_of(time);
        // Stays at its maximum; that takes a clock gone mad.
        if self.0.sum.fetch_add(units, Relaxed).checked_add(units).is_none() {
            self.0.sum.store(u64::MAX, Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> Histogram {
        let sum = self.0.sum.load(Relaxed);
        let mut histogram = Histogram { sum, ..Histogram::default() };
        for (copy, count) in histogram.counts.iter_mut().zip(&self.0.counts) {
            *copy = count.load(Relaxed);
        }
        histogram
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.snapshot(), f)
    }
}
