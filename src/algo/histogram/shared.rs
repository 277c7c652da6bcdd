use std::time::Duration;

use super::{BUCKETS, Histogram, bucket_of, units_of};
use crate::stripe::{Here, PerThread, add};
use crate::sync::{AtomicU64, Ordering::Relaxed};
use crate::units::nanos;

/// A histogram that threads write.
///
/// Each thread keeps a sum for itself, and the count of the shortest times, which are those of calls that go on to
/// cost something beside a count; the other buckets are shared. All accesses are relaxed: nothing is
/// published through these words. So a snapshot may have a time in a bucket and not yet in the sum; how many there
/// are is the sum of the buckets, which cannot contradict them.
///
/// Apart from the engine, so that what is counted here takes no cache line away from what decides there.
pub(crate) struct Recorder(Box<Cells>);

struct Cells {
    counts: [AtomicU64; BUCKETS],
    own: PerThread<Own>,
}

#[derive(Debug, Default)]
struct Own {
    shortest: AtomicU64,
    sum: AtomicU64,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self(Box::new(Cells { counts, own: PerThread::new() }))
    }

    /// Not inlined: what calls it is on the way of calls that have nothing to record.
    #[inline(never)]
    pub(crate) fn record(&self, time: Duration) {
        let time = nanos(time);
        let Here { index, is_alone } = self.0.own.here();
        let own = self.0.own.at(index);
        match bucket_of(time) {
            0 => add(&own.shortest, 1, is_alone),
            bucket => {
                if let Some(count) = self.0.counts.get(bucket) {
                    count.fetch_add(1, Relaxed);
                }
            }
        }
        add(&own.sum, units_of(time), is_alone);
    }

    pub(crate) fn snapshot(&self) -> Histogram {
        let mut histogram = Histogram::default();
        for (copy, count) in histogram.counts.iter_mut().zip(&self.0.counts) {
            *copy = count.load(Relaxed);
        }
        for own in self.0.own.iter() {
            histogram.add_shortest(own.shortest.load(Relaxed));
            histogram.sum = histogram.sum.saturating_add(own.sum.load(Relaxed));
        }
        histogram
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.snapshot(), f)
    }
}
