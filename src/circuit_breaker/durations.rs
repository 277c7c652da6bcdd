use std::time::Duration;

use crate::algo::breaker::Totals;
use crate::algo::histogram::{Histogram, Recorder};
use crate::sync::{AtomicU64, Ordering};

/// How long calls took.
#[derive(Debug)]
pub(super) struct Durations {
    recorder: Recorder,
    /// The most calls that a snapshot found to be answered at once. Says nothing about anything else, hence
    /// relaxed.
    at_once: AtomicU64,
}

impl Durations {
    pub(super) fn new() -> Self {
        Self { recorder: Recorder::new(), at_once: AtomicU64::new(0) }
    }

    pub(super) fn record(&self, time: Duration) {
        self.recorder.record(time);
    }

    /// How long the calls took that came back, and how many of them were answered at once. Nobody counts those
    /// on their way: they are what came back and was not timed.
    pub(super) fn of(&self, totals: &Totals) -> (Histogram, u64) {
        let mut call_duration = self.recorder.snapshot();
        // A call that ends just now may be timed and not settled yet. So this is never too many, and once found
        // it stays: counts do not decrease.
        let at_once = totals.answered().saturating_sub(call_duration.count());
        let at_once = at_once.max(self.at_once.fetch_max(at_once, Ordering::Relaxed));
        call_duration.add_shortest(at_once);
        (call_duration, at_once)
    }
}
