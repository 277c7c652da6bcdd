//! How long things took: counts between fixed edges.
//!
//! The edges are decimal and nearly evenly spread on a logarithmic scale, the idea of log-linear histograms
//! (Gil Tene's HdrHistogram, Circonus' circllhist). They are the same for everyone, so that histograms of
//! several processes can be added up.

#[cfg(buttress_loom)]
pub(crate) mod loom;
mod shared;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

pub(crate) use shared::Recorder;

use crate::units::nanos;

/// How far the first edge of a decade is multiplied to give its edges, in hundredths.
const STEPS: [u64; 16] = [100, 125, 150, 175, 200, 225, 250, 300, 350, 400, 450, 500, 600, 700, 800, 900];
/// 10 µs in nanoseconds.
const FIRST: u64 = 10_000;
/// Up to 100 s.
const DECADES: usize = 7;
const LAST: usize = STEPS.len() * DECADES;
const EDGES: [u64; LAST + 1] = edges();
/// Each edge ends one, and one is for what lies above the last edge.
const BUCKETS: usize = EDGES.len() + 1;

#[allow(clippy::arithmetic_side_effects, reason = "what overflows here does not compile")]
const fn edges() -> [u64; LAST + 1] {
    let mut edges = [0; LAST + 1];
    let mut hundredth = FIRST / 100;
    let mut i = 0;
    while i <= LAST {
        edges[i] = STEPS[i % STEPS.len()] * hundredth;
        i += 1;
        if i % STEPS.len() == 0 {
            hundredth *= 10;
        }
    }
    edges
}

/// The bucket of a time: an edge belongs to the bucket that it ends.
fn bucket_of(nanos: u64) -> usize {
    if nanos <= FIRST { 0 } else { EDGES.partition_point(|edge| *edge < nanos) }
}

/// The sum is kept in tenths of a microsecond: in nanoseconds, ten thousand calls in flight would fill a word
/// within weeks.
const NANOS_PER_UNIT: u64 = 100;
const UNITS_PER_SECOND: u64 = 10_000_000;

fn units_of(nanos: u64) -> u64 {
    nanos.saturating_add(NANOS_PER_UNIT / 2) / NANOS_PER_UNIT
}

/// How long calls took, or waited: how many of them took at most how long.
///
/// The counts lie between fixed [edges](Self::edges), 16 in each decade from 10 µs to 100 s: 1, 1.25, 1.5,
/// 1.75, 2, 2.25, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8 and 9 times its beginning. So a time is known to a quarter
/// of itself or better. Shorter and longer times are counted too.
///
/// In a snapshot it is read by itself: of a call that ends just then it may know and the counts beside it not yet, or the
/// other way round. Counts only grow. What happened in the last minute is the difference of two snapshots:
///
/// ```
/// use std::time::Duration;
/// use buttress::{CircuitBreaker, CircuitBreakerConfig, Verdict};
///
/// let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
/// let a_minute_ago = breaker.snapshot().call_duration;
/// breaker.try_admit().unwrap().settle(Verdict::success());
///
/// let last_minute = breaker.snapshot().call_duration.since(&a_minute_ago);
/// assert_eq!(last_minute.count(), 1);
/// assert_eq!(last_minute.count_at_most(Duration::from_secs(100)), 1);
/// assert!(last_minute.quantile(0.99).unwrap() < Duration::from_secs(1));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64; BUCKETS]>,
    /// See [`NANOS_PER_UNIT`].
    sum: u64,
}

impl Histogram {
    /// The edges, in ascending order.
    pub fn edges() -> impl ExactSizeIterator<Item = Duration> + DoubleEndedIterator + Clone {
        EDGES.iter().map(|edge| Duration::from_nanos(*edge))
    }

    /// How many times were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// All times added up, each rounded to a tenth of a microsecond.
    #[must_use]
    pub fn sum(&self) -> Duration {
        let whole = Duration::from_secs(self.sum / UNITS_PER_SECOND);
        whole.saturating_add(Duration::from_nanos(
            (self.sum % UNITS_PER_SECOND).saturating_mul(NANOS_PER_UNIT),
        ))
    }

    /// How many times were at most this long.
    ///
    /// Exact if `limit` is one of the [edges](Self::edges); else as of the edge below it. What took longer than
    /// the last edge, 100 s, is in [`count`](Self::count) alone.
    #[must_use]
    pub fn count_at_most(&self, limit: Duration) -> u64 {
        let limit = nanos(limit);
        let ended = EDGES.partition_point(|edge| *edge <= limit);
        self.counts.iter().take(ended).fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Each edge, and how many times were at most that long: what an exporter writes. The rest up to
    /// [`count`](Self::count) took longer than the last edge.
    ///
    /// Every second or fourth one (`step_by`) is a coarser histogram that is as exact, first and last edge
    /// included.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        Self::edges().zip(self.counts.iter()).scan(0_u64, |sum, (edge, count)| {
            *sum = sum.saturating_add(*count);
            Some((edge, *sum))
        })
    }

    /// The time that this share of all times did not exceed: 0.5 is the median, 0.99 the 99th percentile. `None`
    /// if nothing was counted, or `q` is not from 0 to 1.
    ///
    /// It is interpolated between the edges of the bucket that holds it, as Prometheus does it. The true value
    /// lies in the same bucket, so the error is below the width of that: at most a quarter of the true value
    /// between 10 µs and 100 s, and less than 10 µs below. Of what took longer, only that is known: 100 s.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let total = self.count();
        if total == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = rank_of(q, total);
        let mut before = 0_u64;
        let mut lower = 0;
        for (upper, count) in EDGES.iter().zip(self.counts.iter()) {
            let up_to = before.saturating_add(*count);
            if rank <= up_to {
                let share = share_of(rank.saturating_sub(before), *count);
                let width = Duration::from_nanos(upper.saturating_sub(lower));
                return Some(Duration::from_nanos(lower).saturating_add(width.mul_f64(share)));
            }
            (before, lower) = (up_to, *upper);
        }
        Self::edges().next_back()
    }

    /// What was counted after `earlier`, an older snapshot of the same.
    ///
    /// Where `earlier` has more, because it is of something else, the result has zero.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut later = self.clone();
        for (count, before) in later.counts.iter_mut().zip(earlier.counts.iter()) {
            *count = count.saturating_sub(*before);
        }
        later.sum = later.sum.saturating_sub(earlier.sum);
        later
    }

    /// Adds times that nobody took, because they are shorter than the first edge.
    pub(crate) fn add_shortest(&mut self, count: u64) {
        if let Some(shortest) = self.counts.first_mut() {
            *shortest = shortest.saturating_add(count);
        }
    }
}

/// Which one, in ascending order and from 1, is the smallest that this share does not exceed.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count is no finer than a float, and is clamped to the count"
)]
fn rank_of(q: f64, total: u64) -> u64 {
    ((q * total as f64).ceil() as u64).clamp(1, total)
}

#[allow(clippy::cast_precision_loss, reason = "a place between two edges need not be finer")]
fn share_of(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Nothing counted.
impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), sum: 0 }
    }
}

/// The few numbers that people ask for, not a hundred counts.
impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("sum", &self.sum())
            .field("p50", &self.quantile(0.5))
            .field("p95", &self.quantile(0.95))
            .field("p99", &self.quantile(0.99))
            .finish()
    }
}
